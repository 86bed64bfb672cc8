// The menu of a chat, from the list and from its header.
import type { Chat } from "@chatapp/client";
import { useState } from "preact/hooks";
import {
  change,
  clear,
  hasChatState,
  HOUR,
  mayToggleUnread,
  mute,
  toggleArchived,
  toggleHidden,
  togglePinned,
  toggleUnread,
  unmute,
} from "./chat-actions";
import { client, onSessionEnd, useLive } from "./client";
import { useFeatures } from "./features";
import { chatName } from "./format";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { type MenuItem, MenuList } from "./ui/menu";

type Page = "actions" | "mute" | "notify";

interface Shown {
  readonly chatId: string;
  readonly anchor: HTMLElement;
  readonly page: Page;
}

let listener = (_shown: Shown | null) => {};
onSessionEnd(() => listener(null));

/** Show what can be done with a chat. Closing returns the focus to `anchor`. */
export function showChatMenu(chatId: string, anchor: HTMLElement, page: Page = "actions"): void {
  if (hasChatState()) listener({ chatId, anchor, page });
}

/** Where `showChatMenu` shows. */
export function ChatMenu() {
  useFeatures();
  const [shown, setShown] = useState<Shown | null>(null);
  listener = setShown;
  const chat = useLive(() => shown && client.chat(shown.chatId));
  if (!shown || !chat) return null;
  const { page, anchor } = shown;
  const turnTo = (next: Page) => showChatMenu(chat.id, anchor, next);
  return (
    <MenuList
      key={`${chat.id} ${page}`}
      label={t.chatState.actionsOf(chatName(chat))}
      items={page === "mute" ? durations(chat) : page === "notify" ? levels(chat) : actions(chat, turnTo)}
      anchor={anchor}
      onClose={() => setShown((now) => (now === shown ? null : now))}
    />
  );
}

function actions(chat: Chat, turnTo: (page: Page) => void): MenuItem[] {
  const { isMuted, isArchived, isPinned, isHidden, unreadCount, lastMessage } = chat;
  const items: (MenuItem | false)[] = [
    mayToggleUnread(chat) && {
      label: unreadCount ? t.chatState.markRead : t.chatState.markUnread,
      icon: unreadCount ? icons.check : icons.unread,
      onSelect: () => toggleUnread(chat),
    },
    { label: isPinned ? t.pins.unpin : t.pins.pin, icon: icons.pin, onSelect: () => togglePinned(chat) },
    isMuted
      ? { label: t.chatState.unmute, icon: icons.bell, onSelect: () => unmute(chat) }
      : { label: t.chatState.mute, icon: icons.bellOff, onSelect: () => turnTo("mute") },
    { label: t.chatState.notify, icon: icons.bell, onSelect: () => turnTo("notify") },
    {
      label: isArchived ? t.chatState.unarchive : t.chatState.archive,
      icon: icons.archive,
      onSelect: () => toggleArchived(chat),
    },
    {
      label: isHidden ? t.chatState.unhide : t.chatState.hide,
      icon: icons.eyeOff,
      onSelect: () => toggleHidden(chat),
    },
    lastMessage !== null && {
      label: t.chatState.clear,
      icon: icons.trash,
      danger: true,
      separate: true,
      onSelect: () => void clear(chat),
    },
  ];
  return items.filter((each) => each !== false);
}

function durations(chat: Chat): MenuItem[] {
  const group = t.chatState.muteTitle;
  const { forOneHour, forHours, forOneWeek, untilUnmuted } = t.chatState;
  return [
    { label: forOneHour, group, onSelect: () => mute(chat, HOUR) },
    { label: forHours(8), group, onSelect: () => mute(chat, 8 * HOUR) },
    { label: forOneWeek, group, onSelect: () => mute(chat, 7 * 24 * HOUR) },
    { label: untilUnmuted, group, onSelect: () => mute(chat) },
  ];
}

function levels(chat: Chat): MenuItem[] {
  const { notifyTitle, notifyDefault, notifyAll, notifyMentions, notifyNone } = t.chatState;
  const choices = [
    [null, notifyDefault],
    ["all", notifyAll],
    ["mentions", notifyMentions],
    ["none", notifyNone],
  ] as const;
  return choices.map(([notify, label]) => ({
    label,
    group: notifyTitle,
    checked: (chat.me?.notify ?? null) === notify,
    onSelect: () => void change(chat, { notify }),
  }));
}
