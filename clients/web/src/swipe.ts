import type { Item } from "@chatapp/client";
import { useRef } from "preact/hooks";
import { isClosed, isCollapsed } from "./blocking";
import { has } from "./features";
import { NARROW } from "./narrow";
import { startReply } from "./reply";
import { HOME, go } from "./route";

/** A finger that moves this far goes back; from this far on the chat moves along. */
const ENOUGH = 80;
const BEGINS = 12;

/** Swiping a chat to the right goes back to the list, on a phone. */
export function useSwipeBack() {
  const start = useRef<Touch | null>(null);
  const isSwiping = useRef(false);
  const end = (event: TouchEvent, isDone: boolean) => {
    const moved = event.changedTouches[0]!.clientX - (start.current?.clientX ?? Infinity);
    start.current = null;
    if (!isSwiping.current) return;
    isSwiping.current = false;
    (event.currentTarget as HTMLElement).style.translate = "";
    if (isDone && moved > ENOUGH) go(HOME);
  };
  return {
    onTouchStart: (event: TouchEvent) => {
      const isField = (event.target as Element).closest("input, textarea, .tray");
      start.current = event.touches.length === 1 && !isField && matchMedia(NARROW).matches ? event.touches[0]! : null;
      isSwiping.current = false;
    },
    onTouchMove: (event: TouchEvent) => {
      if (!start.current) return;
      const [touch] = event.touches;
      const right = touch!.clientX - start.current.clientX;
      const down = Math.abs(touch!.clientY - start.current.clientY);
      if (event.touches.length > 1 || (!isSwiping.current && down > BEGINS)) start.current = null;
      else if (isSwiping.current || (right > BEGINS && right > 2 * down)) {
        isSwiping.current = true;
        (event.currentTarget as HTMLElement).style.translate = `${Math.max(0, right - BEGINS)}px`;
      }
    },
    onTouchEnd: (event: TouchEvent) => end(event, true),
    onTouchCancel: (event: TouchEvent) => end(event, false),
  };
}

/** A finger that moves a message this far to the left replies to it. */
const REPLIES = 64;

/** Swiping a message to the left replies to it. */
export function useSwipeReply(items: { readonly current: readonly Item[] }) {
  const start = useRef<Touch | null>(null);
  const row = useRef<HTMLElement | null>(null);
  const moved = useRef(0);
  const end = (isDone: boolean) => {
    const element = row.current;
    start.current = null;
    row.current = null;
    if (!element || !moved.current) return;
    element.style.translate = "";
    element.classList.remove("swiped", "enough");
    const item = items.current.find(({ key }) => key === element.dataset["key"]);
    if (isDone && moved.current > REPLIES && item?.state === "sent") startReply(item.message);
    moved.current = 0;
  };
  const isRepliable = (key: string | undefined) => {
    const item = items.current.find((each) => each.key === key);
    if (item?.state !== "sent" || item.message.isDeleted || item.isDeleting) return false;
    return !isClosed(item.message.chatId) && !isCollapsed(item.message);
  };
  return {
    onTouchStart: (event: TouchEvent) => {
      const element = (event.target as Element).closest<HTMLElement>("[data-key]");
      const isOne = event.touches.length === 1 && has("replies") && isRepliable(element?.dataset["key"]);
      start.current = isOne ? event.touches[0]! : null;
      row.current = isOne ? element : null;
      moved.current = 0;
    },
    onTouchMove: (event: TouchEvent) => {
      if (!start.current || !row.current) return;
      const [touch] = event.touches;
      const left = start.current.clientX - touch!.clientX;
      const down = Math.abs(touch!.clientY - start.current.clientY);
      if (event.touches.length > 1 || (!moved.current && down > BEGINS)) return end(false);
      if (!moved.current && !(left > BEGINS && left > 2 * down)) return;
      moved.current = Math.max(1, left);
      const { style, classList } = row.current;
      style.translate = `${-Math.min(REPLIES * 1.3, Math.max(0, left - BEGINS))}px`;
      classList.add("swiped");
      classList.toggle("enough", left > REPLIES);
    },
    onTouchEnd: () => end(true),
    onTouchCancel: () => end(false),
  };
}
