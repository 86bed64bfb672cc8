import type { User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client } from "./client";
import { savePicture } from "./edit-group";
import { GROUP_CHECKS, GroupFields, groupOf } from "./group-fields";
import type { PictureChange } from "./picture-field";
import { Picker } from "./picker";
import { chatPath, go } from "./route";
import { t } from "./texts";
import type { Values } from "./ui/form";
import { FormDialog } from "./ui/form-dialog";

/** Create a group and open it. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const [picked, setPicked] = useState<readonly User[]>([]);
  const [picture, setPicture] = useState<PictureChange>();
  const create = async (values: Values) => {
    const chat = await client.createGroup({ ...groupOf(values), memberIds: picked.map((person) => person.id) });
    onClose();
    go(chatPath(chat.id));
    // The group is there: another attempt would create one more.
    await savePicture(chat.id, picture);
  };
  return (
    <FormDialog
      title={t.groups.newGroup}
      verb={t.groups.create}
      checks={GROUP_CHECKS}
      onSubmit={create}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <GroupFields errors={errors} picture={picture} onPicture={setPicture} />
          <h3>{t.groups.members}</h3>
          <Picker picked={picked} onPicked={setPicked} />
        </>
      )}
    </FormDialog>
  );
}
