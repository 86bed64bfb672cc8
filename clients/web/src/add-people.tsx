import type { Chat, User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client, useLive } from "./client";
import { Picker } from "./picker";
import { t } from "./texts";
import { FormDialog } from "./ui/form-dialog";

/** Add people to a group. */
export function AddPeople({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const members = useLive(() => client.members(chat.id));
  const [picked, setPicked] = useState<readonly User[]>([]);
  const add = async () => {
    for (const person of picked) {
      await client.addMember(chat.id, person.id);
      setPicked((left) => left.filter(({ id }) => id !== person.id));
    }
    onClose();
  };
  return (
    <FormDialog
      title={t.groups.addPeople}
      verb={picked.length ? t.groups.addCount(picked.length) : t.groups.add}
      disabled={!picked.length}
      onSubmit={add}
      onClose={onClose}
    >
      {() => <Picker picked={picked} onPicked={setPicked} without={new Set(members.map((member) => member.userId))} />}
    </FormDialog>
  );
}
