// What can be done with a chat for oneself: other members see none of it.
import { type Chat, type PatchChatState, MUTED_FOREVER } from "@chatapp/client";
import { client } from "./client";
import { has, limitOf } from "./features";
import { chatName } from "./format";
import { HOME, chatPath, go } from "./route";
import { t } from "./texts";
import { confirmed } from "./ui/dialog";
import { showError, showNotice, showUndo, showWarning } from "./ui/toast";

export const HOUR = 3_600_000;

/** Whether the server keeps such state at all. */
export const hasChatState = () => has("personal_state");

export async function change(chat: Chat, changes: PatchChatState): Promise<boolean> {
  try {
    await client.setChatState(chat.id, changes);
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

async function changeWithUndo(chat: Chat, changes: PatchChatState, back: PatchChatState, text: string): Promise<void> {
  if (await change(chat, changes)) showUndo(text, () => void change(chat, back));
}

export function toggleArchived(chat: Chat): void {
  const { isArchived } = chat;
  const name = chatName(chat);
  const text = isArchived ? t.chatState.unarchived(name) : t.chatState.archived(name);
  void changeWithUndo(chat, { isArchived: !isArchived }, { isArchived }, text);
}

export function toggleHidden(chat: Chat): void {
  if (chat.isHidden) void change(chat, { isHidden: false });
  else void changeWithUndo(chat, { isHidden: true }, { isHidden: false }, t.chatState.hidden(chatName(chat)));
}

export function togglePinned(chat: Chat): void {
  const limit = limitOf("pinnedChats", 20);
  const isFull = client.chats.filter(({ isPinned }) => isPinned).length >= limit;
  if (!chat.isPinned && isFull) showWarning(t.chatState.pinLimit(limit));
  else void change(chat, { pinned: !chat.isPinned });
}

/** Whether a chat is unread, or can be marked so: a message is needed for that. */
export const mayToggleUnread = ({ unreadCount, lastMessage }: Chat) => unreadCount > 0 || lastMessage !== null;

export function toggleUnread(chat: Chat): void {
  if (chat.unreadCount > 0) {
    client.markRead(chat.id);
    return;
  }
  // To look at it would mark it as read again.
  if (location.hash.startsWith(chatPath(chat.id))) go(HOME);
  void change(chat, { isMarkedUnread: true });
}

/** Mute a chat for so many milliseconds; for ever without an end. */
export const mute = (chat: Chat, duration?: number) =>
  void change(chat, { mutedUntil: duration ? new Date(Date.now() + duration).toISOString() : MUTED_FOREVER });
export const unmute = (chat: Chat) => void change(chat, { mutedUntil: null });

export async function clear(chat: Chat): Promise<void> {
  const { clearTitle, clearGroupTitle, clearText: text, clear: action, cleared } = t.chatState;
  const title = (chat.type === "GROUP" ? clearGroupTitle : clearTitle)(chatName(chat));
  if (!(await confirmed({ title, text, action }))) return;
  try {
    await client.clearChat(chat.id);
    showNotice(cleared);
  } catch (error) {
    showError(error);
  }
}
