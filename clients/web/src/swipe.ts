import { useRef } from "preact/hooks";
import { HOME, go } from "./route";

/** Below this width the list and the chat take turns. */
const NARROW = "(width < 48rem)";
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
