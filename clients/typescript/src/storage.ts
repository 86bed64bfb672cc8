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

/** A draft without a file, as it outlives the page. */
export interface StoredDraft {
  readonly clientId: string;
  readonly chatId: string;
  readonly content: string;
  readonly createdAt: string;
}

/** Where drafts are kept until the server has them, each account's apart. */
export interface OutboxStorage {
  /** In the order in which they were put. */
  list(userId: string): StoredDraft[] | Promise<StoredDraft[]>;
  put(userId: string, draft: StoredDraft): void | Promise<void>;
  remove(userId: string, clientId: string): void | Promise<void>;
}
