import type { Chat, Message } from "@chatapp/client";
import { client } from "../client";

/** Whether a message notifies the user: by the chat's own level, otherwise by the one of the settings. */
export function notifies(message: Message, chat: Chat, me: string): boolean {
  const { senderId, mentions, replyTo } = message;
  if (client.blocked.has(senderId)) return false;
  const isNamed = mentions?.userIds?.includes(me) ?? false;
  const own = chat.me?.notify;
  if (chat.isMuted) return isNamed && own === "mentions";
  switch (own ?? client.settings?.notify) {
    case "none":
      return false;
    case "mentions":
      return isNamed || mentions?.all === true || replyTo?.senderId === me || chat.type === "DIRECT";
    default:
      return true;
  }
}
