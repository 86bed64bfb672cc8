import type { User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client } from "./client";
import { GroupFields } from "./group-fields";
import { Picker } from "./picker";
import { chatPath, go } from "./route";
import { useAction } from "./ui/action";
import { FormDialog, type Values } from "./ui/form-dialog";

/** Make a group and go there. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const [picked, setPicked] = useState<readonly User[]>([]);
  const { run, busy, errors } = useAction();
  const create = ({ name = "", description, avatar }: Values) => {
    const memberIds = picked.map((person) => person.id);
    void run(async () => {
      const chat = await client.createGroup({
        name,
        description: description || null,
        avatar: avatar || null,
        memberIds,
      });
      onClose();
      go(chatPath(chat.id));
    });
  };
  return (
    <FormDialog title="New group" verb="Create group" disabled={busy} onSubmit={create} onClose={onClose}>
      <GroupFields errors={errors} />
      <h3>Members</h3>
      <Picker picked={picked} onPicked={setPicked} />
    </FormDialog>
  );
}
