import type { Chat, Member } from "@chatapp/client";
import { useId } from "preact/hooks";
import { client } from "./client";
import { chatName, handleOf, nameOf } from "./format";
import { HOME, go } from "./route";
import { t } from "./texts";
import type { Values } from "./ui/form";
import { FormDialog } from "./ui/form-dialog";
import { showNotice } from "./ui/toast";

/** Confirms leaving a group. The only admin chooses the next one of `heirs`, which is empty for all others. */
export function LeaveGroup({ chat, heirs, onClose }: { chat: Chat; heirs: readonly Member[]; onClose: () => void }) {
  const id = useId();
  const name = chatName(chat);
  const leave = async ({ heir }: Values) => {
    if (heir) await client.setMemberRole(chat.id, heir, "ADMIN");
    await client.leaveGroup(chat.id);
    go(HOME);
    showNotice(t.details.left(name));
  };
  return (
    <FormDialog title={t.details.leaveTitle(name)} verb={t.details.leave} danger onSubmit={leave} onClose={onClose}>
      {() => (
        <>
          <p class="quiet">{chat.memberCount === 1 ? t.details.leaveLast : t.details.leaveText}</p>
          {heirs[0] && (
            <div class="field">
              <p>{t.details.leaveSoleAdmin(nameOf(heirs[0].user))}</p>
              <label for={id}>{t.details.newAdmin}</label>
              <select id={id} name="heir">
                {heirs.map(({ userId, user }) => (
                  <option key={userId} value={userId}>
                    {[nameOf(user), handleOf(user)].filter(Boolean).join(" ")}
                  </option>
                ))}
              </select>
            </div>
          )}
        </>
      )}
    </FormDialog>
  );
}

/** The members to choose a new admin from when this user leaves: none unless they are the only admin. */
export async function heirsOf(chatId: string, userId: string): Promise<readonly Member[]> {
  const isAdmin = (member: Readonly<Member>) => member.role === "ADMIN";
  if (!client.members(chatId).some((member) => isAdmin(member) && member.userId === userId)) return [];
  while (client.hasMoreMembers(chatId)) await client.loadMembers(chatId);
  const others = client.members(chatId).filter((member) => member.userId !== userId);
  return others.some(isAdmin) ? [] : others;
}
