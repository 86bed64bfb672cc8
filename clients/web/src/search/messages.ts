// Searches messages as they are typed for: few requests, of which the last one counts.
import { type MessageHit, type MessageSearch, RateLimitedError } from "@chatapp/client";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { client, onSessionEnd } from "../client";

/** A server allows 20 searches in a minute: the more were sent, the longer the next one waits for another key. */
const PAUSES_MS: readonly [from: number, pause: number][] = [
  [14, 2500],
  [8, 1000],
  [0, 350],
];
const MINUTE_MS = 60_000;
/** How often a page whose time was over is continued without a request of the user. */
const MAX_CONTINUED = 3;
const PAGE = 20;
/** What was found is shown again for so long, when the same is searched for: while one types and corrects. */
const KEPT_MS = 15_000;
const MAX_KEPT = 12;

export interface Found {
  /** What was searched for. */
  readonly words: string;
  readonly hits: readonly MessageHit[];
  /** Where the next page begins; undefined at the beginning, null after the last one. */
  readonly cursor: string | null | undefined;
  /** Whether the last page ended before it was full, because its time was over. */
  readonly isPartial: boolean;
}

export interface MessageResults {
  /** What was found, or is still shown of an earlier text; null if nothing was searched for. */
  readonly found: Found | null;
  /** "typing": the search begins when the user stops typing. "limited": it goes on at `until`. */
  readonly state: "typing" | "searching" | "limited" | "done" | "failed";
  readonly until: number;
  readonly error: unknown;
}

const NOTHING: MessageResults = { found: null, state: "done", until: 0, error: null };

let sent: number[] = [];
let limitedUntil = 0;
const kept = new Map<string, { readonly found: Found; readonly at: number }>();
onSessionEnd(() => {
  sent = [];
  limitedUntil = 0;
  kept.clear();
});

function pauseMs(): number {
  sent = sent.filter((at) => at > Date.now() - MINUTE_MS);
  return PAUSES_MS.find(([from]) => sent.length >= from)![1];
}

function keep(key: string, found: Found): void {
  kept.delete(key);
  kept.set(key, { found, at: Date.now() });
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
}

function keptFor(key: string): Found | null {
  const { found, at } = kept.get(key) ?? {};
  return found && at! > Date.now() - KEPT_MS ? found : null;
}

/** The messages with these words; nothing is searched for while there are none. */
export function useMessages(words: string, parameters: MessageSearch) {
  const key = words && JSON.stringify([words, parameters]);
  const [results, setResults] = useState(NOTHING);
  const abort = useRef(new AbortController());
  const [urgent, hurry] = useReducer((count: number) => count + 1, 0);
  const hurried = useRef(urgent);

  /** Search on from what was found, until a page is full. */
  const run = async (before: Found, { signal }: AbortController): Promise<void> => {
    let found = before;
    const settle = (changes: Partial<MessageResults>) =>
      !signal.aborted && setResults({ ...NOTHING, found, ...changes });
    for (let turns = 0; !signal.aborted; ) {
      const waitMs = limitedUntil - Date.now();
      if (waitMs > 0) {
        settle({ state: "limited", until: limitedUntil });
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        continue;
      }
      // Until there is something, that of the earlier text stays.
      setResults(({ found: shown }) => ({ ...NOTHING, found: found.hits.length ? found : shown, state: "searching" }));
      try {
        sent.push(Date.now());
        const { cursor } = found;
        const page = await client.searchMessages(words, {
          ...parameters,
          limit: PAGE,
          ...(cursor && { cursor }),
          signal,
        });
        turns += 1;
        const isPartial = page.isPartial && page.hasMore;
        found = { words, hits: [...found.hits, ...page.items], cursor: page.nextCursor, isPartial };
        if (isPartial && turns <= MAX_CONTINUED && found.hits.length - before.hits.length < PAGE) continue;
        if (!signal.aborted) keep(key, found);
        settle({});
        return;
      } catch (error) {
        if (error instanceof RateLimitedError) limitedUntil = Date.now() + error.retryAfter * 1000;
        else {
          settle({ state: "failed", error });
          return;
        }
      }
    }
  };

  useLayoutEffect(() => {
    const controller = new AbortController();
    abort.current = controller;
    const known = keptFor(key);
    if (!key || known) {
      setResults({ ...NOTHING, found: known });
      return () => controller.abort();
    }
    const begin = () => void run({ words, hits: [], cursor: undefined, isPartial: false }, controller);
    const timer = setTimeout(begin, hurried.current === urgent ? pauseMs() : 0);
    hurried.current = urgent;
    setResults(({ found }) => ({ ...NOTHING, found, state: "typing" }));
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [key, urgent]);

  return {
    ...results,
    /** Fetch the next page, or the failed one again. */
    more: () => {
      if (results.found && results.found.cursor !== null) void run(results.found, abort.current);
    },
    /** Begin at once what waits for the end of typing. */
    hurry: () => {
      if (results.state === "typing") hurry(undefined);
    },
  };
}
