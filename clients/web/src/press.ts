import { useRef } from "preact/hooks";

const LONG_MS = 450;
/** A finger that moves farther scrolls. */
const STILL = 10;

interface Pressed {
  /** What the event is for: a message or a chat. */
  find: (target: Element) => HTMLElement | null;
  onOpen: (found: HTMLElement) => void;
  /** Whether the browser's own menu is more useful there. */
  isTheirs?: (target: Element) => boolean;
}

/**
 * Opens the actions of something by a long press, by the secondary button and by the menu key. The actions open as the
 * finger is lifted: the browser closes what is open then.
 */
export function usePress({ find, onOpen, isTheirs = () => false }: Pressed) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const start = useRef({ x: 0, y: 0 });
  const isTouch = useRef(false);
  /** What is held, once it is for long enough. */
  const held = useRef<HTMLElement | null>(null);
  const wasLong = useRef(false);
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
      const found = find(event.target as Element);
      timer.current = setTimeout(() => {
        held.current = found;
        found?.classList.add("held");
        navigator.vibrate?.(10);
      }, LONG_MS);
    },
    onPointerMoveCapture: ({ clientX, clientY }: PointerEvent) => {
      if (Math.hypot(clientX - start.current.x, clientY - start.current.y) > STILL) end();
    },
    onPointerUpCapture: () => {
      const found = held.current;
      end();
      if (!found) return;
      wasLong.current = true;
      setTimeout(() => onOpen(found));
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
      const found = find(event.target as Element);
      if (!found || (!isTouch.current && isTheirs(event.target as Element))) return;
      event.preventDefault();
      // Fingers hold for it.
      if (!isTouch.current) onOpen(found);
    },
  };
}
