import type { Change } from "./model.js";

type Part = "session" | "connection" | "chats" | "own";
type Keyed = "messages" | "drafts" | "members" | "typing" | "presence";

/** Collects changes and notifies listeners once for all that happened together. */
export class Changes {
  private readonly listeners = new Set<(change: Change) => void>();
  private parts = new Set<Part>();
  private keys = new Map<Keyed, Set<string>>();
  private isScheduled = false;
  private count = 0;
  private readonly counts = new Map<string, number>();

  subscribe(listener: (change: Change) => void): () => void {
    // Wrapped, so that a function that is subscribed twice is called twice, and each can be ended by itself.
    const own = (change: Change): void => listener(change);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  note(part: Part): void {
    this.parts.add(part);
    this.notifySoon();
  }

  noteOf(kind: Keyed, key: string): void {
    let keys = this.keys.get(kind);
    if (!keys) this.keys.set(kind, (keys = new Set()));
    keys.add(key);
    this.counts.set(`${kind} ${key}`, (this.count += 1));
    this.notifySoon();
  }

  /** A number that differs after each change: values derived from that state are valid while it is the same. */
  versionOf(kind: Keyed, key: string): number {
    return this.counts.get(`${kind} ${key}`) ?? 0;
  }

  /** Forget all versions at the end of a session. */
  forget(): void {
    this.counts.clear();
  }

  private notifySoon(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => this.notify());
  }

  private notify(): void {
    const { parts, keys } = this;
    this.parts = new Set();
    this.keys = new Map();
    this.isScheduled = false;
    const of = (kind: Keyed): ReadonlySet<string> => keys.get(kind) ?? new Set();
    const change: Change = {
      session: parts.has("session"),
      connection: parts.has("connection"),
      chats: parts.has("chats"),
      own: parts.has("own"),
      messages: of("messages"),
      drafts: of("drafts"),
      members: of("members"),
      typing: of("typing"),
      presence: of("presence"),
    };
    for (const listener of this.listeners) callSafely(listener, change);
  }
}

/** Call a listener; report what it throws as an uncaught error, so that the other listeners are still called. */
export function callSafely<Arguments extends unknown[]>(
  listener: (...args: Arguments) => void,
  ...args: Arguments
): void {
  try {
    listener(...args);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}
