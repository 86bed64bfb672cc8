// Swiping an entry of the list of chats.
import type { Chat } from "@chatapp/client";
import { render } from "preact";
import { useRef } from "preact/hooks";
import { mayToggleUnread, toggleArchived, toggleUnread } from "./chat-actions";
import { client } from "./client";
import { t } from "./texts";
import { icons } from "./ui/icons";

/** A finger that moves this far acts as it is lifted; the entry moves along from the first distance on. */
const ENOUGH = 88;
const BEGINS = 12;
/** A finger that comes from the edge of the screen goes back, in some browsers. */
const EDGE = 24;

interface Swipe {
  readonly chat: Chat;
  readonly entry: HTMLElement;
  readonly x: number;
  readonly y: number;
  /** The side to which it moves, once it does; and what is shown behind the entry. */
  toLeft?: boolean;
  behind?: HTMLElement;
}

/** To the left archives a chat, to the right marks it as unread or read. A finger that moves up or down scrolls. */
export function useSwipeEntry(find: (target: Element) => HTMLElement | null) {
  const swipe = useRef<Swipe | null>(null);
  const end = (isDone: boolean) => {
    const { chat, entry, behind, toLeft } = swipe.current ?? {};
    swipe.current = null;
    if (!chat || !entry || !behind) return;
    const isEnough = behind.classList.contains("enough");
    entry.style.translate = "";
    entry.classList.remove("swiped");
    behind.remove();
    if (isDone && isEnough) (toLeft ? toggleArchived : toggleUnread)(chat);
  };
  const begin = (current: Swipe, toLeft: boolean) => {
    const { chat, entry } = current;
    if (!toLeft && !mayToggleUnread(chat)) {
      swipe.current = null;
      return;
    }
    const behind = document.createElement("div");
    behind.className = `behind ${toLeft ? "to-left" : "to-right"}`;
    behind.ariaHidden = "true";
    render(<Behind chat={chat} toLeft={toLeft} />, behind);
    entry.after(behind);
    entry.classList.add("swiped");
    Object.assign(current, { toLeft, behind });
  };
  return {
    onTouchStart: (event: TouchEvent) => {
      end(false);
      const [touch, other] = event.touches;
      const entry = find(event.target as Element);
      const chat = client.chat(entry?.closest<HTMLElement>("[data-chat]")?.dataset["chat"] ?? "");
      if (!touch || other || !entry || !chat || touch.clientX < EDGE) return;
      swipe.current = { chat, entry, x: touch.clientX, y: touch.clientY };
    },
    onTouchMove: (event: TouchEvent) => {
      const { current } = swipe;
      if (!current) return;
      const touch = event.touches[0]!;
      const [right, down] = [touch.clientX - current.x, Math.abs(touch.clientY - current.y)];
      if (event.touches.length > 1 || (!current.behind && down > BEGINS)) return end(false);
      if (!current.behind) {
        if (Math.abs(right) < BEGINS || Math.abs(right) < 2 * down) return;
        begin(current, right < 0);
      }
      if (!current.behind) return;
      const moved = Math.max(0, (current.toLeft ? -right : right) - BEGINS);
      const shown = Math.min(moved, ENOUGH * 1.5);
      current.entry.style.translate = `${current.toLeft ? -shown : shown}px`;
      current.behind.style.width = `${shown}px`;
      const was = current.behind.classList.contains("enough");
      if (current.behind.classList.toggle("enough", moved > ENOUGH) && !was) navigator.vibrate?.(10);
    },
    onTouchEnd: () => end(true),
    onTouchCancel: () => end(false),
  };
}

function Behind({ chat, toLeft }: { chat: Chat; toLeft: boolean }) {
  const { archive, unarchive, unread, read } = t.chatState;
  if (toLeft) return action(icons.archive, chat.isArchived ? unarchive : archive);
  return chat.unreadCount ? action(icons.check, read) : action(icons.unread, unread);
}

const action = (icon: preact.VNode, label: string) => (
  <>
    {icon}
    <span>{label}</span>
  </>
);
