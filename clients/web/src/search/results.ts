import type { Page } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { showError } from "../ui/toast";

/** How long to wait for the next key before the server is asked. */
const PAUSE_MS = 200;

interface Results<T> {
  readonly query: string;
  readonly items: readonly T[];
}

/** What the server finds for a query, or found for an earlier one; null at first. It is not asked for "". */
export function useResults<T>(query: string, ask: (signal: AbortSignal) => Promise<Page<T>>): Results<T> | null {
  const [results, setResults] = useState<Results<T> | null>(null);
  useEffect(() => {
    if (!query) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { items } = await ask(abort.signal);
        setResults({ query, items });
      } catch (error) {
        if (!abort.signal.aborted) showError(error);
      }
    }, PAUSE_MS);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [query]);
  return results;
}
