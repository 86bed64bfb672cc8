import { ChatClient } from "@chatapp/client";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

export const client = new ChatClient();

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

/** What `read` gives of the client's state; the component is drawn again whenever that is something else. */
export function useLive<T>(read: () => T): T {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const value = read();
  const drawn = useRef({ read, value });
  useLayoutEffect(() => {
    drawn.current = { read, value };
  });
  useLayoutEffect(() => {
    const check = () => {
      if (!Object.is(drawn.current.read(), drawn.current.value)) again(undefined);
    };
    const end = client.subscribe(check);
    // It may have changed since it was drawn.
    check();
    return end;
  }, []);
  return value;
}

/** Who is logged in; only for what is shown to somebody who is. */
export function useMe() {
  const { me } = useLive(() => client.session);
  if (!me) throw new Error("Nobody is logged in.");
  return me;
}
