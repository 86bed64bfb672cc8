import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** So near to the end counts as being there. */
const NEAR = 48;

interface Anchor {
  readonly element: HTMLElement;
  readonly top: number;
}

/**
 * Keeps a scroller of rows where its reader is, whatever comes above or below or changes its height: at the end while
 * they are there, otherwise at the row they see at the top.
 */
export function useAnchoredScroll() {
  const scroller = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor | null>(null);
  // As it was drawn, and as it is.
  const [isAtEnd, setAtEnd] = useState(true);
  const atEnd = useRef(true);
  // How far the reader had scrolled when that was noted, and how far they could.
  const noted = useRef({ at: 0, most: 0 });

  const note = () => {
    const box = scroller.current;
    if (!box) return;
    noted.current = { at: box.scrollTop, most: box.scrollHeight - box.clientHeight };
    atEnd.current = noted.current.most - noted.current.at < NEAR;
    setAtEnd(atEnd.current);
    anchor.current = topRow(box);
  };
  const settle = () => {
    const box = scroller.current;
    if (!box) return;
    const held = anchor.current;
    // What the reader has scrolled since: its event comes with the next frame, and this may come before.
    const scrolled = box.scrollTop - noted.current.at;
    if (scrolled) atEnd.current = noted.current.most - box.scrollTop < NEAR;
    if (atEnd.current) box.scrollTop = box.scrollHeight;
    else if (held?.element.isConnected) {
      box.scrollTop += held.element.getBoundingClientRect().top - held.top + scrolled;
    }
    note();
  };
  const toEnd = (smooth = false) => {
    atEnd.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  };
  const toRow = (row: HTMLElement) => {
    atEnd.current = false;
    row.scrollIntoView({ block: "start" });
    note();
  };

  useLayoutEffect(settle);
  useLayoutEffect(() => {
    // Windows, keyboards, pictures and the composer change heights without anything being drawn anew.
    const observer = new ResizeObserver(settle);
    const box = scroller.current;
    if (box) for (const element of [box, ...box.children]) observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { scroller, atEnd, isAtEnd, onScroll: note, toEnd, toRow };
}

/** The first row that can be seen, and where. */
function topRow(box: HTMLElement): Anchor | null {
  const edge = box.getBoundingClientRect().top;
  const rows = box.querySelectorAll<HTMLElement>("[data-key]");
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.getBoundingClientRect().bottom > edge) high = middle;
    else low = middle + 1;
  }
  const element = rows[low];
  return element ? { element, top: element.getBoundingClientRect().top } : null;
}
