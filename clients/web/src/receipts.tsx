import type { DeliveryStatus, Message, MessageStatus } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { Avatar } from "./ui/avatar";
import { Dialog } from "./ui/dialog";
import { complain } from "./ui/toast";

const HEADINGS: readonly [DeliveryStatus, string][] = [
  ["READ", "Read by"],
  ["DELIVERED", "Delivered to"],
  ["SENT", "Not delivered yet"],
];

/** How far one's own message got with everybody. */
export function Receipts({ message, onClose }: { message: Message; onClose: () => void }) {
  const [statuses, setStatuses] = useState<readonly MessageStatus[] | null>(null);
  const members = useLive(() => client.members(message.chatId));
  useEffect(() => {
    client.statuses(message.id).then(setStatuses, complain);
    // Asked again as the message gets further.
  }, [message.status]);
  useEffect(() => {
    // Of a large group not all members may be here yet.
    const load = async () => {
      while (client.hasMoreMembers(message.chatId)) await client.loadMembers(message.chatId);
    };
    load().catch(complain);
  }, []);
  const nameOf = (userId: string) => members.find((member) => member.userId === userId)?.user;
  return (
    <Dialog title="Seen by" class="receipts" onClose={onClose}>
      {statuses === null && <p class="quiet">Loading …</p>}
      {statuses?.length === 0 && <p class="quiet">Nobody else was in the chat.</p>}
      {HEADINGS.map(([status, heading]) => {
        const those = statuses?.filter((one) => one.status === status) ?? [];
        return (
          those.length > 0 && (
            <section key={status}>
              <h3>{heading}</h3>
              <ul class="people">
                {those.map(({ userId }) => {
                  const name = nameOf(userId)?.username ?? "Somebody who left";
                  return (
                    <li key={userId} class="entry">
                      <Avatar id={userId} name={name} picture={nameOf(userId)?.avatar ?? null} />
                      <span class="title">{name}</span>
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
