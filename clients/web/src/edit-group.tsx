import type { Chat } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client } from "./client";
import { pictureFileName } from "./files";
import { GROUP_CHECKS, GroupFields, groupOf } from "./group-fields";
import type { PictureChange } from "./picture-field";
import { t } from "./texts";
import type { Values } from "./ui/form";
import { FormDialog } from "./ui/form-dialog";

/** Change a group's name, description and picture. */
export function EditGroup({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const [picture, setPicture] = useState<PictureChange>();
  const save = async (values: Values) => {
    await savePicture(chat.id, picture);
    setPicture(undefined);
    await client.updateGroup(chat.id, groupOf(values));
    onClose();
  };
  return (
    <FormDialog title={t.groups.edit} verb={t.forms.save} checks={GROUP_CHECKS} onSubmit={save} onClose={onClose}>
      {(errors) => <GroupFields chat={chat} errors={errors} picture={picture} onPicture={setPicture} />}
    </FormDialog>
  );
}

/** Change the picture of a group as a form says. */
export async function savePicture(chatId: string, picture: PictureChange): Promise<void> {
  if (picture) {
    const { file, crop } = picture;
    await client.setGroupAvatar(chatId, { data: file, name: pictureFileName(file) }, { crop });
  } else if (picture === null) await client.removeGroupAvatar(chatId);
}
