import type { Me } from "./generated/schemas.js";

/** What keeps somebody logged in. */
export interface StoredSession {
  readonly me: Me;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token runs out, in ms since the epoch by this machine's clock. */
  readonly expiresAt: number;
}

/**
 * Where the session is kept. Several clients (tabs, windows) may share one place: each reads it before it refreshes,
 * and takes over what another has stored.
 */
export interface SessionStorage {
  load(): StoredSession | null | Promise<StoredSession | null>;
  /** Null: there is no session any more. */
  save(session: StoredSession | null): void | Promise<void>;
  /** Do something that no other client of this place does at the same time; absent, nothing is excluded. */
  exclusively?<T>(task: () => Promise<T>): Promise<T>;
  /** Call `changed` when another client has saved; returns what ends that. Absent, nobody else saves. */
  watch?(changed: () => void): () => void;
}

/** A queued without a file, as it outlives the page. */
export interface StoredMessage {
  readonly clientId: string;
  readonly chatId: string;
  readonly content: string;
  readonly createdAt: string;
}

/** Where queued messages are kept until the server has them, each account's apart. */
export interface QueueStorage {
  /** In the order in which they were put. */
  list(userId: string): StoredMessage[] | Promise<StoredMessage[]>;
  put(userId: string, queued: StoredMessage): void | Promise<void>;
  remove(userId: string, clientId: string): void | Promise<void>;
}

/** A session that ends with the process. */
export function memorySession(): SessionStorage {
  let kept: StoredSession | null = null;
  return {
    load: () => kept,
    save: (session) => {
      kept = session;
    },
  };
}

/** Queued messages that end with the process. */
export function memoryQueue(): QueueStorage {
  const kept = new Map<string, Map<string, StoredMessage>>();
  return {
    list: (userId) => [...(kept.get(userId)?.values() ?? [])],
    put: (userId, queued) => {
      if (!kept.has(userId)) kept.set(userId, new Map());
      kept.get(userId)?.set(queued.clientId, queued);
    },
    remove: (userId, clientId) => {
      kept.get(userId)?.delete(clientId);
    },
  };
}

const LOCK_MS = 5000;

/** A session in localStorage, shared by all tabs of a site. */
export function browserSession(key = "chat.session"): SessionStorage {
  return {
    load: () => parsed<StoredSession>(localStorage.getItem(key)),
    save: (session) => {
      if (session) localStorage.setItem(key, JSON.stringify(session));
      else localStorage.removeItem(key);
    },
    exclusively: async (task) => {
      // There are locks in secure contexts only. Without one, and behind a tab that holds it for too long, the server
      // sees to it that two who refresh at the same time get the same answer.
      if (!navigator.locks) return task();
      let begun = false;
      const run = (): ReturnType<typeof task> => {
        begun = true;
        return task();
      };
      try {
        return await navigator.locks.request(`${key}.lock`, { signal: AbortSignal.timeout(LOCK_MS) }, run);
      } catch (error) {
        if (begun) throw error;
        return task();
      }
    },
    watch: (changed) => {
      const listener = (event: StorageEvent): void => {
        // A null key: all of it was cleared.
        if (event.storageArea === localStorage && (event.key === key || event.key === null)) changed();
      };
      addEventListener("storage", listener);
      return () => removeEventListener("storage", listener);
    },
  };
}

/** Queued messages in localStorage, each under a key of its own: tabs that write at the same time don't undo each other's. */
export function browserQueue(prefix = "chat.queue"): QueueStorage {
  const name = (userId: string, clientId: string): string => `${prefix}.${userId}.${clientId}`;
  return {
    list: (userId) =>
      Object.keys(localStorage)
        .filter((key) => key.startsWith(name(userId, "")))
        .map((key) => parsed<StoredMessage>(localStorage.getItem(key)))
        .filter((queued) => queued !== null)
        .sort((one, other) => one.createdAt.localeCompare(other.createdAt)),
    put: (userId, queued) => localStorage.setItem(name(userId, queued.clientId), JSON.stringify(queued)),
    remove: (userId, clientId) => localStorage.removeItem(name(userId, clientId)),
  };
}

function parsed<T>(text: string | null): T | null {
  try {
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}
