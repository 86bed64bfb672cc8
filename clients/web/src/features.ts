// What the server can do, as `/capabilities` says: what it can't is not offered.
import { useLayoutEffect, useReducer } from "preact/hooks";
import { client, onSessionEnd } from "./client";

export type Feature =
  | "around"
  | "blocking"
  | "drafts"
  | "edit_history"
  | "files"
  | "formats"
  | "forwarding"
  | "mentions"
  | "metadata"
  | "personal_state"
  | "pins"
  | "reactions"
  | "replies"
  | "reports"
  | "search"
  | "settings";

let features: ReadonlySet<string> = new Set();
let limits: Readonly<Record<string, number>> = {};
let isAsked = false;
let isKnown = false;
const listeners = new Set<() => void>();

/** Whether the server has a feature, as far as that is known. */
export const has = (feature: Feature) => features.has(feature);

/** Whether the server is known to lack a feature. */
export const lacks = (feature: Feature) => isKnown && !features.has(feature);

/** A limit of the server; `otherwise` until it is known. */
export const limitOf = (name: string, otherwise: number) => limits[name] ?? otherwise;

async function ask(): Promise<void> {
  if (isAsked) return;
  isAsked = true;
  try {
    const found = await client.capabilities();
    features = new Set(found.features);
    limits = found.limits;
    isKnown = true;
    for (const listener of listeners) listener();
  } catch {
    // Asked again with the next connection.
    isAsked = false;
  }
}

// The server may be another version by the next session.
onSessionEnd(() => {
  isAsked = false;
});

/** Ask the server what it can do, and render the component again when that is known. */
export function useFeatures(): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => {
    const listener = () => again(undefined);
    listeners.add(listener);
    void ask();
    const end = client.subscribe(({ connection }) => {
      if (connection && client.connection.state === "online") void ask();
    });
    return () => {
      listeners.delete(listener);
      end();
    };
  }, []);
}
