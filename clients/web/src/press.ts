import { useRef } from "preact/hooks";
import type { Open } from "./row";

const LONG_MS = 450;
/** A finger that moves farther scrolls. */
const STILL = 10;

/**
 * Opens a message's actions by a long press, by the secondary button and by the menu key. The actions open as the finger
 * is lifted: the browser closes what is open then.
 */
export function usePress(open: Open) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const start = useRef({ x: 0, y: 0 });
  const isTouch = useRef(false);
  /** The bubble that is held, once it is for long enough. */
  const held = useRef<HTMLElement | null>(null);
  const wasLong = useRef(false);
  const bubbleOf = (target: EventTarget | null) => {
    const row = (target as Element | null)?.closest("[data-key]");
    return row?.querySelector<HTMLElement>(".bubble") ?? null;
  };
  const openAt = (bubble: HTMLElement) =>
    open({ kind: "menu", key: bubble.closest<HTMLElement>("[data-key]")!.dataset["key"]!, anchor: bubble });
  const end = () => {
    clearTimeout(timer.current);
    held.current?.classList.remove("held");
    held.current = null;
  };
  return {
    onPointerDownCapture: (event: PointerEvent) => {
      end();
      isTouch.current = event.pointerType === "touch";
      wasLong.current = false;
      if (!isTouch.current || !event.isPrimary) return;
      start.current = { x: event.clientX, y: event.clientY };
      const bubble = bubbleOf(event.target);
      timer.current = setTimeout(() => {
        held.current = bubble;
        bubble?.classList.add("held");
        navigator.vibrate?.(10);
      }, LONG_MS);
    },
    onPointerMoveCapture: ({ clientX, clientY }: PointerEvent) => {
      if (Math.hypot(clientX - start.current.x, clientY - start.current.y) > STILL) end();
    },
    onPointerUpCapture: () => {
      const bubble = held.current;
      end();
      if (!bubble) return;
      wasLong.current = true;
      setTimeout(() => openAt(bubble));
    },
    onPointerCancelCapture: end,
    // A link or a picture that was held is not opened as well.
    onClickCapture: (event: MouseEvent) => {
      if (!wasLong.current) return;
      wasLong.current = false;
      event.preventDefault();
      event.stopPropagation();
    },
    onContextMenu: (event: MouseEvent) => {
      // The browser's own menu serves selected text and links; fingers hold for this one.
      if (isTouch.current) return event.preventDefault();
      const isTheirs = getSelection()?.isCollapsed === false || (event.target as Element).closest("a, img");
      const bubble = bubbleOf(event.target);
      if (isTheirs || !bubble) return;
      event.preventDefault();
      openAt(bubble);
    },
  };
}
