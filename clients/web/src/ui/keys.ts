import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** Beside an entry: Tab goes to it from the entry, and the arrow keys pass it by. */
const BESIDE = ".entry-menu, .beside";
const ENTRIES = `a, button:not(${BESIDE})`;
export const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** Move the focus among `entries` by the arrow keys, Home and End; whether the key was one of them. */
export function moveFocus(event: KeyboardEvent, entries: readonly HTMLElement[]): boolean {
  const at = entries.findIndex((entry) => entry.contains(document.activeElement) || hasFocusBeside(entry));
  const last = entries.length - 1;
  const goals: Record<string, number> = {
    ArrowDown: Math.min(at + 1, last),
    ArrowUp: at < 0 ? last : Math.max(at - 1, 0),
    Home: 0,
    End: last,
  };
  const goal = goals[event.key];
  if (goal === undefined || last < 0 || event.altKey || event.ctrlKey || event.metaKey) return false;
  event.preventDefault();
  entries[goal]?.focus();
  return true;
}

/** The button beside an entry. */
const besideOf = (entry: Element): HTMLElement | null =>
  entry.nextElementSibling?.matches(BESIDE) ? (entry.nextElementSibling as HTMLElement) : null;
const hasFocusBeside = (entry: Element) =>
  document.activeElement !== null && besideOf(entry) === document.activeElement;

/**
 * Make the links and buttons of a list one stop of the Tab key (roving tabindex): the arrow keys go through them. Tab
 * enters at the one that has the focus, the current one, the one that had the focus, or the first. Call it in the component that renders
 * the list, and spread what it returns into the list's element. Other elements than those of `selector` stay stops of their own.
 */
export function useRovingFocus(list: RefObject<HTMLElement | null>, selector = ENTRIES) {
  const entries = () => [...(list.current?.querySelectorAll<HTMLElement>(selector) ?? [])];
  /** The entry that had the focus last. */
  const last = useRef<Element>(null);
  const setStop = (stop: Element | undefined) => {
    for (const entry of entries()) {
      const tabIndex = entry === stop ? 0 : -1;
      for (const each of [entry, besideOf(entry)]) if (each && each.tabIndex !== tabIndex) each.tabIndex = tabIndex;
    }
  };
  // After each render: entries may have come and gone.
  useLayoutEffect(() => {
    const all = entries();
    const focused = all.find((entry) => entry === document.activeElement);
    const before = all.find((entry) => entry === last.current);
    setStop(focused ?? all.find((entry) => entry.ariaCurrent) ?? before ?? all[0]);
  });
  return {
    onFocusIn: (event: FocusEvent) => {
      const entry = (event.target as Element).closest(selector);
      if (!entry) return;
      last.current = entry;
      setStop(entry);
    },
    onKeyDown: (event: KeyboardEvent) => void moveFocus(event, entries()),
  };
}

/** Whether a key belongs to an input method: some browsers report the end of a composition before the key that ends it. */
export const isComposing = (event: KeyboardEvent) => event.isComposing || event.keyCode === 229;

/** Whether keys that are pressed there write text. */
const isEditable = (target: EventTarget | null) =>
  target instanceof Element && target.matches("input, textarea, select, [contenteditable]");

/** Whether a key is for the page as a whole: not for a field, nor for a dialog or menu that is open. */
export const isForPage = (event: KeyboardEvent) =>
  !event.defaultPrevented && !isComposing(event) && !isEditable(event.target) && !isCovered();

/** Whether a dialog is open. */
export const isCovered = () => document.querySelector("dialog[open]") !== null;
