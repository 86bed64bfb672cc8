import type { DeliveryStatus, Message, MessageStatus } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { nameOf } from "./format";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { Dialog } from "./ui/dialog";
import { showError } from "./ui/toast";

const STATUSES: readonly DeliveryStatus[] = ["READ", "DELIVERED", "SENT"];

/** The members who have received or read one of the user's own messages. */
export function Receipts({ message, onClose }: { message: Message; onClose: () => void }) {
  const [statuses, setStatuses] = useState<readonly MessageStatus[] | null>(null);
  const members = useLive(() => client.members(message.chatId));
  useEffect(() => {
    client.statuses(message.id).then(setStatuses, showError);
    // Asked again as the message gets further.
  }, [message.status]);
  useEffect(() => {
    // Of a large group not all members may be here yet.
    const load = async () => {
      while (client.hasMoreMembers(message.chatId)) await client.loadMembers(message.chatId);
    };
    load().catch(showError);
  }, []);
  const userOf = (userId: string) => members.find((member) => member.userId === userId)?.user;
  const headings = { READ: t.receipts.read, DELIVERED: t.receipts.delivered, SENT: t.receipts.sent };
  return (
    <Dialog title={t.messages.seenBy} class="receipts" onClose={onClose}>
      {statuses === null && <p class="quiet">{t.receipts.loading}</p>}
      {statuses?.length === 0 && <p class="quiet">{t.receipts.empty}</p>}
      {STATUSES.map((status) => {
        const those = statuses?.filter((one) => one.status === status) ?? [];
        return (
          those.length > 0 && (
            <section key={status}>
              <h3>{headings[status]}</h3>
              <ul class="people">
                {those.map(({ userId }) => {
                  const user = userOf(userId);
                  const name = user ? nameOf(user) : t.receipts.formerMember;
                  return (
                    <li key={userId} class="entry">
                      <Avatar id={userId} name={name} picture={user?.avatar ?? null} />
                      <span class="title" dir="auto">
                        {name}
                      </span>
                    </li>
                  );
                })}
              </ul>
            </section>
          )
        );
      })}
    </Dialog>
  );
}
