// What pointers and fingers do with the entries of a list of chats: the script comes after the list is shown.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { hasChatState } from "./chat-actions";
import { showChatMenu } from "./chat-menu";
import { useFeatures } from "./features";
import { usePress } from "./press";
import { useSwipeEntry } from "./swipe-entry";

type Handlers = Readonly<Record<string, (event: never) => void>>;

const itemOf = (target: Element) => target.closest<HTMLElement>("li[data-chat]");
const entryOf = (target: Element) => itemOf(target)?.querySelector<HTMLElement>(".entry") ?? null;

/** Opens the menus of the chats within `area`, and swipes their entries. */
export function ChatGestures({ area }: { area: RefObject<HTMLElement | null> }) {
  useFeatures();
  const isOn = hasChatState();
  // Without it, the entries have no buttons for their menus.
  useLayoutEffect(() => void area.current?.classList.toggle("with-menus", isOn), [isOn]);
  const open = (entry: HTMLElement, anchor = entry) => showChatMenu(itemOf(entry)!.dataset["chat"]!, anchor);
  const press = usePress({ find: (target) => (isOn ? entryOf(target) : null), onOpen: open });
  const swipe = useSwipeEntry((target) => (isOn ? entryOf(target) : null));
  useHandlers(area, {
    ...press,
    ...swipe,
    onClick: (event: MouseEvent) => {
      const button = (event.target as Element).closest<HTMLElement>(".entry-menu");
      if (button) open(button, button);
    },
  });
  return null;
}

/** Attach handlers to an element that another component renders. */
function useHandlers(element: RefObject<HTMLElement | null>, handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const end = new AbortController();
    for (const name of Object.keys(handlers)) {
      const [, type, capture] = /^on(\w+?)(Capture)?$/.exec(name)!;
      const call = (event: Event) => latest.current[name]!(event as never);
      const options = { signal: end.signal, capture: capture !== undefined, passive: type!.startsWith("Touch") };
      element.current?.addEventListener(type!.toLowerCase(), call, options);
    }
    return () => end.abort();
  }, []);
}
