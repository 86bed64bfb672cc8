import type { Item } from "@chatapp/client";
import { useEffect, useRef } from "preact/hooks";
import { dayName, timeOf } from "./format";
import { topRow } from "./scroll";

const PILL_MS = 1200;

/** The day of the first visible message, shown while the reader scrolls. */
export function useDayPill(items: { readonly current: readonly Item[] }) {
  const element = useRef<HTMLParagraphElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const show = (box: HTMLElement, isReading: boolean) => {
    const pill = element.current;
    const row = topRow(box)?.element;
    const heading = row?.closest("section")?.querySelector(".day");
    const isRedundant = heading && heading.getBoundingClientRect().bottom > box.getBoundingClientRect().top;
    const item = isReading && !isRedundant && items.current.find((each) => each.key === row?.dataset["key"]);
    if (!pill) return;
    if (isRedundant) pill.classList.remove("shown");
    if (!item) return;
    pill.textContent = dayName(timeOf(item));
    pill.classList.add("shown");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => pill.classList.remove("shown"), PILL_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return { element, show };
}
