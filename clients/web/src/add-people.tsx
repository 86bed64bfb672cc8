import type { Chat, User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client, useLive } from "./client";
import { count } from "./format";
import { Picker } from "./picker";
import { useAction } from "./ui/action";
import { FormDialog } from "./ui/form-dialog";

/** Bring people into a group. */
export function AddPeople({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const members = useLive(() => client.members(chat.id));
  const [picked, setPicked] = useState<readonly User[]>([]);
  const { run, busy } = useAction();
  const add = () => {
    void run(async () => {
      for (const person of picked) {
        await client.addMember(chat.id, person.id);
        setPicked((left) => left.filter(({ id }) => id !== person.id));
      }
      onClose();
    });
  };
  return (
    <FormDialog
      title="Add people"
      verb={picked.length ? `Add ${count(picked.length, "person", "people")}` : "Add"}
      disabled={busy || !picked.length}
      onSubmit={add}
      onClose={onClose}
    >
      <Picker picked={picked} onPicked={setPicked} without={new Set(members.map((member) => member.userId))} />
    </FormDialog>
  );
}
