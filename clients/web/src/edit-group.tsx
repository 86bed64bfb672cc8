import type { Chat } from "@chatapp/client";
import { client } from "./client";
import { GroupFields } from "./group-fields";
import { useAction } from "./ui/action";
import { Dialog } from "./ui/dialog";
import { valuesOf } from "./ui/field";

/** Change what a group is called and about. */
export function EditGroup({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const { run, busy, errors } = useAction();
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const { name = "", description, avatar } = valuesOf(event.currentTarget as HTMLFormElement);
    void run(async () => {
      await client.updateGroup(chat.id, { name, description: description || null, avatar: avatar || null });
      onClose();
    });
  };
  return (
    <Dialog title="Edit group" onClose={onClose}>
      <form onSubmit={save} noValidate>
        <GroupFields chat={chat} errors={errors} />
        <footer>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button class="button primary" disabled={busy}>
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
