import { ObjectStore } from "./database.js";
import type { Me, Problem } from "./generated/schemas.js";
import type { Draft, FileToSend, MessageEdit, QueuedMessage } from "./model.js";

/** The stored session of a user. */
export interface StoredSession {
  readonly me: Me;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token runs out, in ms since the epoch by this machine's clock. */
  readonly expiresAt: number;
  /** The `userId` that the application gave to `connect`. */
  readonly appUserId?: string;
}

/**
 * Where the session is kept. Several clients (tabs, windows) may share one place: each reads it before it refreshes,
 * and takes over what another has stored.
 */
export interface SessionStorage {
  load(): StoredSession | null | Promise<StoredSession | null>;
  /** Null: there is no session any more. */
  save(session: StoredSession | null): void | Promise<void>;
  /** Run a task under a lock shared by all clients of this storage; without it, there is no locking. */
  exclusively?<T>(task: () => Promise<T>): Promise<T>;
  /** Call `changed` when another client has saved; returns what ends that. Absent when no other client saves. */
  watch?(changed: () => void): () => void;
}

/**
 * What is kept of a user's unsent work, by `kind` and `id`: queued messages (by clientId), edits and deletions (by the
 * message, `content: null` deletes), drafts and the files chosen for them (by chat). Values can be cloned as IndexedDB
 * does; files are Blobs. `owner` is the client that sends it.
 */
export type QueueRecord =
  | {
      readonly kind: "message";
      readonly id: string;
      readonly owner: string;
      readonly queued: QueuedMessage;
      /** The `seq` of the message after which it was written. */
      readonly after: number;
      /** Why it was refused. */
      readonly problem: Problem | null;
    }
  | {
      readonly kind: "change";
      readonly id: string;
      readonly owner: string;
      readonly chatId: string | null;
      /** Absent for an edit that leaves the text as it is. */
      readonly content?: string | null;
      /** What else it changes. */
      readonly fields?: Omit<MessageEdit, "content">;
      readonly createdAt: string;
      readonly problem: Problem | null;
    }
  | {
      readonly kind: "draft";
      readonly id: string;
      readonly content: string;
      readonly editing: Draft["editing"];
      readonly replyTo?: Draft["replyTo"];
      readonly mentions?: Draft["mentions"];
    }
  | { readonly kind: "files"; readonly id: string; readonly files: readonly FileToSend[] };

export type QueueWatcher = (kind: QueueRecord["kind"], id: string, record: QueueRecord | null) => void;

/** Where unsent work is kept, each user's apart. */
export interface QueueStorage {
  list(userId: string): QueueRecord[] | Promise<QueueRecord[]>;
  /** Add a record, or replace the one of the same kind and id. */
  put(userId: string, record: QueueRecord): void | Promise<void>;
  remove(userId: string, kind: QueueRecord["kind"], id: string): void | Promise<void>;
  /** Remove all records of a user. */
  clear(userId: string): void | Promise<void>;
  /**
   * Run `task` while no other client of this storage runs one under this name, unless `signal` is aborted before. Absent,
   * clients that share the storage may send the same message at the same time; the server stores it once.
   */
  exclusively?(name: string, task: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /**
   * Call `changed` with each record that another client puts, or with null for one that it removes; returns what ends
   * that. Absent, no other client changes records.
   */
  watch?(userId: string, changed: QueueWatcher): () => void;
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

/** Unsent work that ends with the process. Clients of one process can share it. */
export function memoryQueue(): QueueStorage {
  const users = new Map<string, Map<string, QueueRecord>>();
  const locks = new Map<string, Promise<void>>();
  const watchers = new Set<(userId: string, ...change: Parameters<QueueWatcher>) => void>();
  const notify = (...change: [string, ...Parameters<QueueWatcher>]): void => {
    for (const watcher of watchers) watcher(...change);
  };
  return {
    list: (userId) => [...(users.get(userId)?.values() ?? [])],
    put: (userId, record) => {
      const records = users.get(userId) ?? new Map<string, QueueRecord>();
      users.set(userId, records.set(`${record.kind} ${record.id}`, record));
      notify(userId, record.kind, record.id, record);
    },
    remove: (userId, kind, id) => {
      users.get(userId)?.delete(`${kind} ${id}`);
      notify(userId, kind, id, null);
    },
    clear: (userId) => void users.delete(userId),
    exclusively: (name, task, signal) => {
      const done = (locks.get(name) ?? Promise.resolve()).then(() => (signal.aborted ? undefined : task()));
      locks.set(
        name,
        done.catch(() => {}),
      );
      return done;
    },
    watch: (userId, changed) => {
      const watcher = (of: string, ...change: Parameters<QueueWatcher>): void =>
        void (of === userId && changed(...change));
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
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
      // sees to it that two who refresh at the same time get the same response.
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

/** Unsent work in IndexedDB, shared by all tabs of a site: each record is sent by one of them. */
export function browserQueue(name = "chat.queue"): QueueStorage {
  const store = new ObjectStore(name);
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(name);
  return {
    list: async (userId) => {
      await takeOld(userId, (record) => store.put([userId, record.kind, record.id], record));
      return store.list<QueueRecord>([userId]);
    },
    put: async (userId, record) => {
      await store.put([userId, record.kind, record.id], record);
      channel?.postMessage([userId, record.kind, record.id, record]);
    },
    remove: async (userId, kind, id) => {
      await store.delete([userId, kind, id]);
      channel?.postMessage([userId, kind, id, null]);
    },
    clear: async (userId) => {
      await takeOld(userId, async () => {});
      await store.delete([userId]);
    },
    // There are locks in secure contexts only.
    ...(navigator.locks && {
      exclusively: (owner, task, signal) => navigator.locks.request(`${name}.${owner}`, { signal }, task),
    }),
    watch: (userId, changed) => {
      const listener = ({ data: [of, ...change] }: MessageEvent<[string, ...Parameters<QueueWatcher>]>): void => {
        if (of === userId) changed(...change);
      };
      channel?.addEventListener("message", listener);
      return () => channel?.removeEventListener("message", listener);
    },
  };
}

/** Hand over the messages that an earlier version of this package left in localStorage. */
async function takeOld(userId: string, put: (record: QueueRecord) => Promise<void>): Promise<void> {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(`chat.outbox.${userId}.`)) continue;
    const message = parsed<Omit<QueuedMessage, "file">>(localStorage.getItem(key));
    if (message) {
      const queued = { ...message, file: null };
      await put({ kind: "message", id: message.clientId, owner: "", queued, after: 0, problem: null });
    }
    localStorage.removeItem(key);
  }
}

function parsed<T>(text: string | null): T | null {
  try {
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}
