import { ChatClient } from "@chatapp/client";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

export const client = new ChatClient({ fetch: fetchOnce });

/** Fetch, or return the response that `ahead.ts` has requested already. */
function fetchOnce(url: string, request: RequestInit): Promise<Response> {
  const { ahead } = window;
  const headers = new Headers(request.headers);
  if (ahead?.url !== url || ahead.authorization !== headers.get("Authorization")) return fetch(url, request);
  delete window.ahead;
  // Without a response it is aborted like any other request, and repeated.
  request.signal?.addEventListener("abort", ahead.abort);
  return ahead.response;
}

/**
 * Call `reset` when the session of a user ends, or another user's begins: state of the page outside of components
 * that belongs to a user must not outlive their session.
 */
export function onSessionEnd(reset: () => void): void {
  let userId = client.session.me?.id;
  client.subscribe(() => {
    const current = client.session.me?.id;
    if (userId && current !== userId) reset();
    userId = current;
  });
}

/** Changes within this time are rendered together. */
export const BURST_MS = 50;

/**
 * Return a part of the client's state, and render the component again when it changes, at most once in `pauseMs`: changes
 * in a burst are rendered together.
 */
export function useLive<T>(read: () => T, pauseMs = 0): T {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const value = read();
  const drawn = useRef({ read, value, at: 0 });
  useLayoutEffect(() => {
    drawn.current = { read, value, at: performance.now() };
  });
  useLayoutEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const check = () => {
      if (Object.is(drawn.current.read(), drawn.current.value)) return;
      const wait = drawn.current.at + pauseMs - performance.now();
      if (!pauseMs || wait <= 0) again(undefined);
      else
        timer ??= setTimeout(() => {
          timer = undefined;
          check();
        }, wait);
    };
    const end = client.subscribe(check);
    // It may have changed since it was drawn.
    check();
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
  return value;
}

/** The user who is logged in; only for components that are shown to such a user. */
export function useMe() {
  const { me } = useLive(() => client.session);
  if (!me) throw new Error("No user is logged in.");
  return me;
}
