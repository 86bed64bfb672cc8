import type { Item } from "@chatapp/client";
import { useRef } from "preact/hooks";
import type { Open } from "./overlay";
import { focusComposer, focusOpened } from "./shortcuts";
import { rowOf, type useWindow } from "./scroll";

/** Room above a row that the keys move to: the day pill and a bit of air. */
const MARGIN = 64;

const rowAt = (element: Element | null) => element?.closest<HTMLElement>("[data-key]") ?? null;

/**
 * The list is one Tab stop. Focusing it focuses the row that last had the focus, or the lowest visible one; arrows, Home,
 * End and the Page keys move on, Enter opens the actions, Escape goes back to the results of a search or to the composer.
 */
export function useRovingFocus(
  items: { readonly current: readonly Item[] },
  { list, scroller, show, interrupt }: ReturnType<typeof useWindow>,
  open: Open,
) {
  const last = useRef<string | null>(null);
  const isPointer = useRef(false);

  const visible = () => {
    const box = scroller.current!.getBoundingClientRect();
    return [...list.current!.querySelectorAll<HTMLElement>("[data-key]")].filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > box.top && top < box.bottom;
    });
  };
  const focus = (key: string) => rowOf(list.current!, key)?.focus({ preventScroll: true });
  const focusAt = (index: number) => {
    const item = items.current[Math.max(0, Math.min(index, items.current.length - 1))];
    if (!item) return;
    const row = rowOf(list.current!, item.key);
    if (!row) return show(item.key, MARGIN, true);
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };

  return {
    focus,
    props: {
      tabIndex: 0,
      onPointerDown: () => {
        isPointer.current = true;
        setTimeout(() => (isPointer.current = false));
      },
      onFocusIn: (event: FocusEvent) => {
        const box = list.current!;
        // Shift+Tab goes on to what is before the list.
        box.tabIndex = -1;
        const row = rowAt(event.target as Element);
        if (row) last.current = row.dataset["key"]!;
        else if (event.target === box && !isPointer.current) {
          const rows = visible();
          const goal = rows.find((each) => each.dataset["key"] === last.current) ?? rows.at(-1);
          goal?.focus({ preventScroll: true });
          goal?.scrollIntoView({ block: "nearest" });
        }
      },
      onFocusOut: (event: FocusEvent) => {
        // A list that is removed with the focus in it is gone by now.
        const box = list.current;
        if (box && !box.contains(event.relatedTarget as Node | null)) box.tabIndex = 0;
      },
      onKeyDown: (event: KeyboardEvent) => {
        interrupt();
        const row = rowAt(document.activeElement);
        const key = row?.dataset["key"];
        if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          if (!focusOpened()) focusComposer();
        } else if (event.key === "Enter" && row && event.target === row) {
          event.preventDefault();
          open({ kind: "menu", key: key!, anchor: row.querySelector<HTMLElement>(".bubble")! });
        } else {
          const at = items.current.findIndex((item) => item.key === key);
          const page = Math.max(1, visible().length - 1);
          const goals: Record<string, number> = {
            ArrowDown: at + 1,
            ArrowUp: at < 0 ? Infinity : at - 1,
            PageDown: at + page,
            PageUp: at - page,
            Home: 0,
            End: Infinity,
          };
          const goal = goals[event.key];
          if (goal === undefined) return;
          event.preventDefault();
          focusAt(goal);
        }
      },
    },
  };
}
