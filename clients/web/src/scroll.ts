import type { Item } from "@chatapp/client";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Blocks, blocksOf, Heights, NEWEST, type Range } from "./blocks";

/** This near to the end counts as being there. */
const NEAR = 48;
/** How far beyond the visible part rows are rendered: this many pixels, or this share of the visible height. */
const AHEAD = 600;
const AHEAD_SHARE = 0.75;
/** After this long, the way to the end is cut short. */
const ANIMATION_MS = 600;
/** How often the rendered part is corrected in one frame. */
const ROUNDS_PER_FRAME = 20;

interface Anchor {
  readonly element: HTMLElement;
  /** On the page, and below the upper edge of the scroller. */
  readonly top: number;
  readonly offset: number;
}

interface Goal {
  readonly key: string;
  /** How far below the upper edge the row shall be. */
  readonly offset: number;
  readonly focus: boolean;
}

/**
 * Renders a window of a long list and keeps its reader in place, whatever is added above or below, changes its height or
 * is left out: at the end while they are there, otherwise at the first row they see. The end of a part that has newer
 * messages is not the end.
 */
export function useWindow(items: readonly Item[], hasNewer: boolean) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const { current: heights } = useRef(new Heights());
  const known = useRef<Blocks>({ items: [], blocks: [] });
  const blocks = useMemo(() => {
    known.current = { items, blocks: blocksOf(items, known.current) };
    return known.current.blocks;
  }, [items]);
  const [range, setRange] = useState<Range>(NEWEST);
  const slice = heights.slice(blocks, range);
  // As of the last rendering, and now.
  const [isAtEnd, setAtEnd] = useState(true);
  const atEnd = useRef(true);
  /** When the reader asked to go to the end, while they are on their way. */
  const leftFor = useRef<number | null>(null);
  const goal = useRef<Goal | null>(null);
  const anchor = useRef<Anchor | null>(null);
  const hadFocus = useRef(false);
  const rounds = useRef({ frame: null as CSSNumberish | null, count: 0 });
  // How far the reader had scrolled when that was noted, how far they could, and the size of the visible part.
  const noted = useRef({ at: 0, maxTop: 0, width: 0, height: 0 });

  const note = () => {
    const box = scroller.current;
    if (!box) return;
    noted.current = { at: box.scrollTop, ...sizesOf(box) };
    const arrived = !hasNewer && noted.current.maxTop - noted.current.at < NEAR;
    if (arrived) leftFor.current = null;
    if (leftFor.current === null) {
      atEnd.current = arrived;
      setAtEnd(arrived);
    }
    anchor.current = topRow(box);
    hadFocus.current = list.current!.contains(document.activeElement);
  };

  const measure = () => {
    const marks = [...list.current!.querySelectorAll<HTMLElement>("[data-block]")];
    const tops = [...marks, list.current!.lastElementChild!].map((mark) => mark.getBoundingClientRect().top);
    const byId = new Map(blocks.map((block) => [block.id, block]));
    for (const [at, mark] of marks.entries()) {
      const block = byId.get(Number(mark.dataset["block"]));
      if (block) heights.measure(block, tops[at + 1]! - tops[at]!);
    }
  };

  /** Render the rows around the visible part. */
  const extend = () => {
    const box = scroller.current!;
    const top = box.getBoundingClientRect().top - list.current!.getBoundingClientRect().top;
    const ahead = Math.max(AHEAD, box.clientHeight * AHEAD_SHARE);
    const next = heights.rangeOf(blocks, top - ahead, top + box.clientHeight + ahead);
    // Measuring decides which rows are rendered, and those are measured in turn: limit it, should it never settle.
    const frame = document.timeline.currentTime;
    if (rounds.current.frame !== frame) rounds.current = { frame, count: 0 };
    if ((rounds.current.count += 1) > ROUNDS_PER_FRAME) return;
    setRange((known) => (known.from === next.from && known.to === next.to ? known : next));
  };

  const seek = ({ key, offset, focus }: Goal) => {
    const box = scroller.current!;
    const row = rowOf(box, key);
    if (!row) {
      const at = items.findIndex((item) => item.key === key);
      const block = blocks.find(({ end }) => at >= 0 && at < end);
      if (block) setRange({ from: block.id, to: block.id });
      else goal.current = null;
      return;
    }
    goal.current = null;
    box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - offset;
    if (focus) row.focus({ preventScroll: true });
  };

  const settle = () => {
    const box = scroller.current;
    if (!box) return;
    measure();
    const held = anchor.current;
    // How far the reader has scrolled since: the scroll event may arrive after this. If the content has become shorter
    // than that, the browser has scrolled.
    const maxTop = box.scrollHeight - box.clientHeight;
    const scrolled = noted.current.at > maxTop ? 0 : box.scrollTop - noted.current.at;
    if (scrolled && leftFor.current === null) atEnd.current = !hasNewer && noted.current.maxTop - box.scrollTop < NEAR;
    if (goal.current) seek(goal.current);
    else if (atEnd.current) {
      const isGoing = leftFor.current !== null && performance.now() - leftFor.current < ANIMATION_MS;
      if (isGoing) box.scrollTo({ top: box.scrollHeight, behavior: "smooth" });
      else box.scrollTop = box.scrollHeight;
    } else if (held?.element.isConnected) {
      box.scrollTop += held.element.getBoundingClientRect().top - held.top + scrolled;
    }
    // A row that had the focus may have been left out.
    if (hadFocus.current && document.activeElement === document.body) list.current!.focus({ preventScroll: true });
    if (goal.current) return;
    extend();
    note();
  };

  const toEnd = (smooth = false) => {
    const box = scroller.current;
    if (!box) return;
    goal.current = null;
    atEnd.current = true;
    const isNear = box.scrollHeight - box.scrollTop < 3 * box.clientHeight;
    if (smooth && isNear && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      leftFor.current = performance.now();
      box.scrollTo({ top: box.scrollHeight, behavior: "smooth" });
    } else {
      leftFor.current = null;
      box.scrollTop = box.scrollHeight;
      extend();
      note();
    }
  };

  /** Scroll to a row, rendered or not. */
  const show = (key: string, offset = 0, focus = false) => {
    atEnd.current = false;
    leftFor.current = null;
    goal.current = { key, offset, focus };
    settle();
  };

  /** The reader scrolls: cancel the animation to the end. */
  const interrupt = () => {
    leftFor.current = null;
  };

  /** Handle a scroll event; returns false for the window's own scrolling. */
  const onScroll = (): boolean => {
    const box = scroller.current;
    // After the window's own scrolling, all is rendered and noted. The event may arrive after the window was left.
    if (!box || goal.current || box.scrollTop === noted.current.at) return false;
    extend();
    note();
    return true;
  };

  // Of the latest rendering, for observers that live longer.
  const latest = useRef(settle);
  latest.current = settle;
  useLayoutEffect(settle);
  useLayoutEffect(() => {
    // Windows, keyboards, pictures and the composer change heights without anything being rendered.
    const box = scroller.current!;
    const observer = new ResizeObserver(() => {
      const { maxTop, width, height } = sizesOf(box);
      // Changes by rendering were settled with it.
      const { current } = noted;
      if (maxTop !== current.maxTop || width !== current.width || height !== current.height) latest.current();
    });
    for (const element of [box, ...box.children]) observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { scroller, list, blocks, slice, atEnd, isAtEnd, anchor, onScroll, interrupt, toEnd, show };
}

/** How far one can scroll, and the size of the visible part. */
const sizesOf = ({ scrollHeight, clientWidth: width, clientHeight: height }: HTMLElement) => ({
  maxTop: scrollHeight - height,
  width,
  height,
});

export function rowOf(box: HTMLElement, key: string): HTMLElement | null {
  return box.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
}

/** The first row that can be seen, and where. */
export function topRow(box: HTMLElement): Anchor | null {
  const edge = box.getBoundingClientRect().top;
  const rows = box.querySelectorAll<HTMLElement>("[data-key]");
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.getBoundingClientRect().bottom > edge) high = middle;
    else low = middle + 1;
  }
  const element = rows[low];
  if (!element) return null;
  const { top } = element.getBoundingClientRect();
  return { element, top, offset: top - edge };
}
