import { type ComponentType, h, type VNode } from "preact";
import { useLayoutEffect, useReducer } from "preact/hooks";
import { client } from "./client";

const RETRY_MS = 3000;
/** A page that has been open for so long may load again: not over and over when a script is missing for good. */
const RELOAD_MS = 60_000;

/** A script that is fetched when it is needed. */
export function script<M>(fetch: () => Promise<M>) {
  let parts: M | undefined;
  let loading: Promise<void> | undefined;

  const preload = (): Promise<void> => (loading ??= load());

  async function load(): Promise<void> {
    while (!parts) {
      try {
        parts = await fetch();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        // The server answers, but has another version of the page by now.
        const isOtherVersion = client.connection.state === "online" && performance.now() > RELOAD_MS;
        if (isOtherVersion && !client.hasUnsaved) location.reload();
      }
    }
  }

  /** A component of the script; `placeholder` until the script has arrived. */
  function lazy<P extends object>(pick: (parts: M) => ComponentType<P>, placeholder: VNode | null = null) {
    return (props: P) => {
      const [, again] = useReducer((count: number) => count + 1, 0);
      useLayoutEffect(() => {
        if (!parts) void preload().then(() => again(undefined));
      }, []);
      return parts ? h(pick(parts), props) : placeholder;
    };
  }

  return { preload, lazy };
}

/** The parts of the page that are not needed to show the list of chats. */
export const { preload, lazy } = script(() => import("./lazy-parts"));
