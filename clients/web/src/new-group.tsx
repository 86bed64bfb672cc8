import type { User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client } from "./client";
import { GroupFields } from "./group-fields";
import { Picker } from "./picker";
import { chatPath, go } from "./route";
import { useAction } from "./ui/action";
import { Dialog } from "./ui/dialog";
import { valuesOf } from "./ui/field";

/** Make a group and go there. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const [picked, setPicked] = useState<readonly User[]>([]);
  const { run, busy, errors } = useAction();
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const { name = "", description, avatar } = valuesOf(event.currentTarget as HTMLFormElement);
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
    <Dialog title="New group" onClose={onClose}>
      <form onSubmit={create} noValidate>
        <GroupFields errors={errors} />
        <h3>Members</h3>
        <Picker picked={picked} onPicked={setPicked} />
        <footer>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button class="button primary" disabled={busy}>
            Create group
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
