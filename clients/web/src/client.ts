import { ChatClient } from "@chatapp/client";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

export const client = new ChatClient({ fetch: fetchOnce });

/** Fetch, or return the response that `ahead.ts` has requested already. */
function fetchOnce(url: string, request: RequestInit): Promise<Response> {
  const { ahead } = window;
  const headers = new Headers(request.headers);
  if (ahead?.url !== url || ahead.authorization !== headers.get("Authorization")) {
    return fetch(url, isLast(request) ? { ...request, keepalive: true } : request);
  }
  delete window.ahead;
  // Without a response it is aborted like any other request, and repeated.
  request.signal?.addEventListener("abort", ahead.abort);
  return ahead.response;
}

/** Browsers keep few bytes alive beyond a page. */
const MAX_KEPT_ALIVE = 10_000;

/** Whether a request may be one of the last ones of the page: a page that is left ends it, unless it is kept alive. */
const isLast = ({ method, body }: RequestInit) =>
  document.visibilityState === "hidden" && method !== "GET" && String(body ?? "").length < MAX_KEPT_ALIVE;

/**
 * Call `reset` when the session of a user ends, or another user's begins: state of the page outside of components
 * that belongs to a user must not outlive their session.
 */
export function onSessionEnd(reset: (userId: string) => void): void {
  let userId = client.session.me?.id;
  client.subscribe(() => {
    const current = client.session.me?.id;
    if (userId && current !== userId) reset(userId);
    userId = current;
  });
}

/** A server that is slow must not delay logout for longer. */
const LOGOUT_MS = 3000;
const tasks: (() => Promise<unknown>)[] = [];

/** What has to reach the server before the user logs out, if it can be reached. */
export const beforeLogout = (task: () => Promise<unknown>) => void tasks.push(task);
export const prepareLogout = () =>
  Promise.race([Promise.all(tasks.map((task) => task())), new Promise((resolve) => setTimeout(resolve, LOGOUT_MS))]);

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
