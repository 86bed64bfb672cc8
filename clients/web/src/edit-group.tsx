import type { Chat } from "@chatapp/client";
import { client } from "./client";
import { GroupFields } from "./group-fields";
import { useAction } from "./ui/action";
import { FormDialog, type Values } from "./ui/form-dialog";

/** Change what a group is called and about. */
export function EditGroup({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const { run, busy, errors } = useAction();
  const save = ({ name = "", description, avatar }: Values) => {
    void run(async () => {
      await client.updateGroup(chat.id, { name, description: description || null, avatar: avatar || null });
      onClose();
    });
  };
  return (
    <FormDialog title="Edit group" verb="Save" disabled={busy} onSubmit={save} onClose={onClose}>
      <GroupFields chat={chat} errors={errors} />
    </FormDialog>
  );
}
