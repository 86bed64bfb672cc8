import type { Page } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { errorText } from "../error-text";
import { a } from "../texts/administration";
import { useAction } from "../ui/action";
import { icons } from "../ui/icons";

/** How long to wait for the next key before the server is asked. */
const PAUSE_MS = 250;

/** A list of the server, page by page. */
export interface Listed<T> {
  /** Null until the first page has arrived. */
  readonly items: readonly T[] | null;
  readonly error: unknown;
  readonly hasMore: boolean;
  readonly busy: boolean;
  more: () => void;
  reload: () => Promise<void>;
}

/** The list of which `first` fetches the first page; it is fetched again when a value of `filters` changes. */
export function useList<T>(first: () => Promise<Page<T>>, filters: readonly unknown[]): Listed<T> {
  const [state, setState] = useState<{ items: readonly T[] | null; next: Page<T>["next"]; error: unknown }>({
    items: null,
    next: null,
    error: null,
  });
  const { run, busy } = useAction();
  const turn = useRef(0);
  const reload = async () => {
    const mine = (turn.current += 1);
    try {
      const { items, next } = await first();
      if (mine === turn.current) setState({ items, next, error: null });
    } catch (error) {
      if (mine === turn.current) setState({ items: null, next: null, error });
    }
  };
  const more = () =>
    run(async () => {
      const mine = turn.current;
      const page = await state.next?.();
      if (page && mine === turn.current) {
        setState({ items: [...(state.items ?? []), ...page.items], next: page.next, error: null });
      }
    });
  useEffect(() => {
    void reload();
    // Responses that are still under way are of no use.
    return () => void (turn.current += 1);
  }, filters);
  const { items, error, next } = state;
  return { items, error, hasMore: next !== null, busy, more: () => void more(), reload };
}

interface ListProps<T> {
  label: string;
  list: Listed<T>;
  /** What is shown instead of an empty list. */
  empty: string;
  children: (item: T) => ComponentChildren;
  class?: string;
}

/** A list, and what stands for it while it is fetched, empty, or can't be fetched. */
export function List<T>({ label, list, empty, children, class: kind = "" }: ListProps<T>) {
  const { items, error, hasMore, busy } = list;
  if (error) {
    return (
      <div class="none" role="alert">
        <p>{errorText(error)}</p>
        <button type="button" class="button" onClick={() => void list.reload()}>
          {icons.retry} {a.tryAgain}
        </button>
      </div>
    );
  }
  if (!items) {
    return (
      <div class="waiting" role="status" aria-label={a.loading}>
        {[70, 55, 80, 60, 75].map((width) => (
          <span key={width} class="bone" style={{ width: `${width}%` }} />
        ))}
      </div>
    );
  }
  if (!items.length) return <p class="none quiet">{empty}</p>;
  return (
    <>
      <ul class={kind} aria-label={label}>
        {items.map(children)}
      </ul>
      {hasMore && (
        <button type="button" class="button more" disabled={busy} onClick={list.more}>
          {a.more}
        </button>
      )}
    </>
  );
}

/** `value`, once it has not changed for a moment. */
export function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** A word about the state of an object. */
export function Tag({
  kind = "",
  children,
}: {
  kind?: "" | "warning" | "danger" | "good";
  children: ComponentChildren;
}) {
  return <span class={`tag ${kind}`}>{children}</span>;
}
