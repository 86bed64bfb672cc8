// Users whom the user blocks: their messages in groups, and what can't be sent any more.
import { type Chat, type Message, ProblemError, type User } from "@chatapp/client";
import { client } from "./client";
import { nameOf } from "./format";
import { t } from "./texts";
import { confirmed } from "./ui/dialog";
import { showNotice } from "./ui/toast";

type Blockable = Pick<User, "id" | "username" | "displayName" | "isDeleted">;

/** Block a user, once that is confirmed. */
export async function block(user: Blockable): Promise<void> {
  const name = nameOf(user);
  const { title, text, action, done } = t.blocking;
  if (!(await confirmed({ title: title(name), text, action }))) return;
  await client.block(user.id);
  showNotice(done(name));
}

export async function unblock(user: Blockable): Promise<void> {
  await client.unblock(user.id);
  showNotice(t.blocking.ended(nameOf(user)));
}

/** Whether a message is collapsed until its reader wants to see it: in a group, those of users whom they block are. */
export const isCollapsed = ({ chatId, senderId }: { chatId: string; senderId: string }) =>
  client.blocked.has(senderId) && client.chat(chatId)?.type === "GROUP";

/** The text of a message that is collapsed everywhere but in its group; null otherwise. */
export const collapsedText = (message: Pick<Message, "chatId" | "senderId">) =>
  isCollapsed(message) ? t.preview.blocked : null;

/** Why nothing can be sent to a chat: the user blocks the other one, or the server says so. */
export function closedBy({ id, type, peer }: Chat): "you_blocked" | "cannot_send" | null {
  if (type !== "DIRECT") return null;
  if (peer && client.blocked.has(peer.id)) return "you_blocked";
  return !peer || peer.isDeleted || wasRefused(id) ? "cannot_send" : null;
}

/** Whether nothing can be sent to the chat with this id. */
export function isClosed(chatId: string): boolean {
  const chat = client.chat(chatId);
  return chat !== undefined && closedBy(chat) !== null;
}

/** Whether a message of the user was refused for good, until it is discarded or tried again. */
function wasRefused(chatId: string): boolean {
  const items = client.messages(chatId);
  // Those that are not sent are the last ones.
  for (let at = items.length - 1; items[at] && items[at]!.state !== "sent"; at -= 1) {
    const item = items[at]!;
    if (item.state === "failed" && item.error instanceof ProblemError && item.error.code === "cannot_send") return true;
  }
  return false;
}
