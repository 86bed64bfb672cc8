import type { Page } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { errorText } from "../error-text";
import { t } from "../texts";

/** How far from being seen the end of a list fetches its next page. */
const AHEAD = "300px";

/** A list of the server, as far as it was fetched. */
export interface Pages<T> {
  readonly items: readonly T[];
  readonly state: "loading" | "more" | "complete";
  readonly error: unknown;
  /** Fetch the next page, or the failed one again. */
  readonly more: () => void;
}

interface State<T> {
  readonly items: readonly T[];
  /** Fetches the next page; null at the end. */
  readonly next: (() => Promise<Page<T>>) | null;
  readonly isLoading: boolean;
  readonly error: unknown;
}

/** The list of which `first` fetches the first page; it is fetched again when a value of `filters` changes. */
export function usePages<T>(first: () => Promise<Page<T>>, filters: readonly unknown[]): Pages<T> {
  const [state, setState] = useState<State<T>>({ items: [], next: first, isLoading: true, error: null });
  const turn = useRef(0);
  const load = (items: readonly T[], next: () => Promise<Page<T>>) => {
    const mine = (turn.current += 1);
    const settle = (loaded: Partial<State<T>>) => {
      if (mine === turn.current) setState({ items, next, isLoading: false, error: null, ...loaded });
    };
    setState({ items, next, isLoading: true, error: null });
    next().then(
      (page) => settle({ items: [...items, ...page.items], next: page.next }),
      (error) => settle({ error }),
    );
  };
  useEffect(() => {
    load([], first);
    // Responses that are still under way are of no use.
    return () => void (turn.current += 1);
  }, filters);
  const { items, next, isLoading, error } = state;
  return {
    items,
    state: isLoading ? "loading" : next ? "more" : "complete",
    error,
    more: () => next && !isLoading && load(items, next),
  };
}

/** What follows a list: the next page, fetched as it comes into sight, an error, or what is said of an empty list. */
export function PagesEnd<T>({ pages, empty }: { pages: Pages<T>; empty: ComponentChildren }) {
  const { items, state, error } = pages;
  const end = useRef<HTMLDivElement>(null);
  const latest = useRef(pages);
  latest.current = pages;
  const isWaiting = state === "more" && !error;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => entry!.isIntersecting && latest.current.more(),
      // The dialog scrolls, not the page.
      { root: end.current!.closest("dialog"), rootMargin: AHEAD },
    );
    observer.observe(end.current!);
    return () => observer.disconnect();
  }, [isWaiting, items]);
  return (
    <div ref={end} class="pages-end">
      {error ? (
        <p role="alert">
          {errorText(error)}{" "}
          <button type="button" class="link" onClick={pages.more}>
            {t.messages.tryAgain}
          </button>
        </p>
      ) : state === "complete" ? (
        items.length === 0 && <p class="quiet">{empty}</p>
      ) : (
        <p class="quiet" role="status">
          {t.pages.loading}
        </p>
      )}
    </div>
  );
}
