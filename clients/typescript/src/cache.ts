import type { ChatStore } from "./chat-store.js";
import type { Changes } from "./changes.js";
import { ObjectStore } from "./database.js";
import type { Chat, Message } from "./model.js";
import { pause } from "./waiting.js";

/** Storage of the cache: values under keys, which are lists of strings and can be found by prefix. */
export interface CacheStorage {
  get<T>(key: readonly string[]): Promise<T | undefined>;
  put(key: readonly string[], value: unknown): Promise<void>;
  /** Delete all values whose keys begin with `prefix`. */
  delete(prefix: readonly string[]): Promise<void>;
}

/** The newest messages of a chat, newest first, which contain every change up to `rev`. */
export interface CachedPage {
  readonly messages: readonly Message[];
  /** Where the history goes on, back in time. */
  readonly cursor: string | null;
  readonly rev: number;
}

interface CachedList {
  readonly chats: readonly Chat[];
  /** The chats of which there is a page, the last used first. */
  readonly pages: readonly string[];
}

// Increment when the format of the stored values changes; older caches are dropped.
const FORMAT = 1;
const MAX_CHATS = 300;
const MAX_PAGES = 30;
const MAX_MESSAGES = 200;
const SAVE_MS = 2000;
// A storage that does not answer must not delay the client.
const RESTORE_MS = 1000;

/** A cache in IndexedDB. */
export function browserCache(name = "chat.cache"): CacheStorage {
  return new ObjectStore(name);
}

/**
 * Caches one user's chat list and the newest messages of opened chats, to show them before the network answers.
 * Responses of the server replace them. It never holds data of two users.
 */
export class Cache {
  private pages: string[] = [];
  private readonly stale = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly unsubscribe: () => void;
  private isOver = false;

  constructor(
    private readonly userId: string,
    private readonly storage: CacheStorage,
    private readonly chatStore: ChatStore,
    changes: Changes,
  ) {
    this.unsubscribe = changes.subscribe(({ chats, messages }) => {
      for (const chatId of messages) this.stale.add(chatId);
      if (chats || messages.size) this.timer ??= setTimeout(() => this.save(), SAVE_MS);
    });
    globalThis.document?.addEventListener("visibilitychange", this.save);
  }

  /** Put the chats into the chat store that no response has put there yet. */
  async restore(): Promise<void> {
    const list = await Promise.race([this.write(() => this.load()), pause(RESTORE_MS)]);
    if (this.isOver || !list) return;
    this.pages = [...list.pages];
    // The user may have left chats meanwhile.
    if (this.chatStore.complete) return;
    for (const chat of list.chats) {
      if (!this.chatStore.chat(chat.id)) this.chatStore.put(chat, { isCached: true });
    }
  }

  async page(chatId: string): Promise<CachedPage | undefined> {
    if (!this.pages.includes(chatId)) return undefined;
    return this.storage.get<CachedPage>(this.key("page", chatId)).catch(() => undefined);
  }

  /** Forget the messages of a chat. */
  drop(chatId: string): void {
    this.pages = this.pages.filter((id) => id !== chatId);
    void this.write(() => this.storage.delete(this.key("page", chatId)));
  }

  /** Stop writing; if `forgotten`, delete the cache. */
  async end({ forgotten }: { forgotten: boolean }): Promise<void> {
    this.isOver = true;
    clearTimeout(this.timer);
    this.unsubscribe();
    globalThis.document?.removeEventListener("visibilitychange", this.save);
    await this.writing;
    if (forgotten) await this.storage.delete([]).catch(() => {});
  }

  private async load(): Promise<CachedList | undefined> {
    const owner = `${FORMAT} ${this.userId}`;
    const [found, list] = await Promise.all([
      this.storage.get<string>(["owner"]),
      this.storage.get<CachedList>(this.key("list")),
    ]);
    if (found === owner) return list;
    void this.write(async () => {
      await this.storage.delete([]);
      await this.storage.put(["owner"], owner);
    });
    return undefined;
  }

  private readonly save = (): void => {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.isOver) return;
    const changed: [string, CachedPage][] = [];
    for (const chatId of this.stale) {
      const page = this.chatStore.timeline(chatId)?.newest(MAX_MESSAGES);
      if (page) changed.push([chatId, { ...page, rev: this.chatStore.revOf(chatId) }]);
    }
    this.stale.clear();
    const ids = changed.map(([chatId]) => chatId);
    const pages = [...ids, ...this.pages.filter((id) => !ids.includes(id))];
    this.pages = pages.slice(0, MAX_PAGES);
    const list: CachedList = { chats: this.chatStore.chats.slice(0, MAX_CHATS), pages: this.pages };
    void this.write(async () => {
      for (const [chatId, page] of changed) await this.storage.put(this.key("page", chatId), page);
      for (const chatId of pages.slice(MAX_PAGES)) await this.storage.delete(this.key("page", chatId));
      await this.storage.put(this.key("list"), list);
    });
  };

  /** Run tasks one after the other, ignoring errors: a storage may be full or forbidden. */
  private write<T>(task: () => Promise<T>): Promise<T | undefined> {
    const done = this.writing.then(task).catch(() => undefined);
    this.writing = done.then(() => {});
    return done;
  }

  private key(...parts: string[]): string[] {
    return [this.userId, ...parts];
  }
}
