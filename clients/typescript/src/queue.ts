import type { Changes } from "./changes.js";
import type { LiveConnection } from "./connection.js";
import { DiscardedError, RateLimitedError, toError } from "./errors.js";
import { type Http, isPassing, isTokenRefused } from "./http.js";
import type { QueuedMessage, FileToSend, Item, Message } from "./model.js";
import type { QueueStorage } from "./storage.js";
import { backoff, pause } from "./waiting.js";

interface Entry {
  queued: QueuedMessage;
  /** How it is shown. */
  item: Item;
  resolve(message: Message): void;
  reject(error: Error): void;
  /** Ends the attempt that is under way. */
  given: AbortController;
}

// A limit that lasts longer, such as a daily quota, is shown as a failure.
const MAX_WAIT_SECONDS = 120;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
let lastStamp = 0;

/** Messages on their way: each chat's in order, one after the other, again and again until the server has them. */
export class SendQueue {
  private readonly queues = new Map<string, Entry[]>();
  private readonly pumping = new Set<string>();

  constructor(
    private readonly userId: string,
    private readonly connection: LiveConnection,
    private readonly http: Http,
    private readonly storage: QueueStorage,
    private readonly changes: Changes,
    private readonly stored: (message: Message) => void,
  ) {}

  /** Take up what an earlier page did not get through. */
  async restore(): Promise<void> {
    for (const queued of await this.storage.list(this.userId)) {
      if (!this.find(queued.clientId)) this.put({ ...queued, file: null }).sent.catch(() => {});
    }
  }

  /** Queued messages of a chat, in order. */
  items(chatId: string): readonly Item[] {
    return (this.queues.get(chatId) ?? []).map(({ item }) => item);
  }

  add(chatId: string, content: string, file: FileToSend | null): { clientId: string; sent: Promise<Message> } {
    const kept = { clientId: newId(), chatId, content, createdAt: stamp() };
    // A file can't be written down: its message lives as long as the page.
    if (!file) void this.write(() => this.storage.put(this.userId, kept));
    return this.put({ ...kept, file });
  }

  retry(clientId: string): void {
    const entry = this.find(clientId);
    if (entry?.item.state !== "failed") return;
    const queue = this.queue(entry.queued.chatId);
    queue.splice(queue.indexOf(entry), 1);
    queue.push(entry);
    this.show(entry, pending(entry.queued));
    void this.pump(entry.queued.chatId);
  }

  discard(clientId: string): void {
    const entry = this.find(clientId);
    if (entry) this.take(entry, new DiscardedError("The message was discarded."));
  }

  /** The server has this message, by whatever way that became known. */
  settle(message: Message): void {
    const entry = message.clientId ? this.find(message.clientId) : undefined;
    if (!entry) return;
    this.take(entry);
    entry.resolve(message);
  }

  /** One is no longer in that chat. */
  refuse(chatId: string): void {
    const detail = "There is no such chat that you can see.";
    const error = toError({ type: "about:blank", title: "Not Found", status: 404, detail, code: "not_found" });
    for (const entry of this.queues.get(chatId) ?? []) this.fail(entry, error);
  }

  /** There is a connection (again). */
  connected(): void {
    for (const chatId of this.queues.keys()) void this.pump(chatId);
  }

  /** Let go of all of it; `forgotten` in the storage too. */
  clear({ forgotten }: { forgotten: boolean }): void {
    for (const queue of this.queues.values()) {
      for (const entry of [...queue]) this.take(entry, new DiscardedError("You are no longer logged in."), forgotten);
    }
  }

  private put(queued: QueuedMessage): { clientId: string; sent: Promise<Message> } {
    let settled: Pick<Entry, "resolve" | "reject"> | undefined;
    const sent = new Promise<Message>((resolve, reject) => (settled = { resolve, reject }));
    // Nobody has to wait for it: what became of the message is in its state.
    sent.catch(() => {});
    const entry = {
      queued,
      item: pending(queued),
      given: new AbortController(),
      ...(settled as Pick<Entry, "resolve" | "reject">),
    };
    this.queue(queued.chatId).push(entry);
    this.changes.noteOf("messages", queued.chatId);
    void this.pump(queued.chatId);
    return { clientId: queued.clientId, sent };
  }

  private async pump(chatId: string): Promise<void> {
    if (this.pumping.has(chatId)) return;
    this.pumping.add(chatId);
    let failures = 0;
    try {
      for (let entry: Entry | undefined; this.connection.isConnected && (entry = this.next(chatId)); ) {
        try {
          const message = await this.transmit(entry);
          failures = 0;
          this.stored(message);
          this.settle(message);
        } catch (error) {
          if (this.next(chatId) !== entry) continue;
          if (error instanceof RateLimitedError && error.retryAfter <= MAX_WAIT_SECONDS) {
            await this.calm(error.retryAfter * 1000, entry);
          } else if (isPassing(error) || isTokenRefused(error)) {
            failures += 1;
            // Without a connection the loop ends, and a new one begins it again at once.
            if (this.connection.isConnected)
              await this.calm(backoff(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS), entry);
          } else {
            this.fail(entry, error as Error);
          }
        }
      }
    } finally {
      this.pumping.delete(chatId);
    }
  }

  private calm(ms: number, entry: Entry): Promise<void> {
    return pause(ms, entry.given.signal).catch(() => {});
  }

  private next(chatId: string): Entry | undefined {
    return this.queues.get(chatId)?.find(({ item }) => item.state === "pending");
  }

  private async transmit(entry: Entry): Promise<Message> {
    const { clientId, chatId, content, file } = entry.queued;
    if (!file) return this.connection.emit("message:send", { clientId, chatId, content });
    const form = (): FormData => {
      const fields = new FormData();
      fields.set("chatId", chatId);
      fields.set("clientId", clientId);
      if (content) fields.set("content", content);
      fields.set("file", file.data, file.name);
      return fields;
    };
    const progress = (share: number): void => this.show(entry, { ...pending(entry.queued), progress: share });
    try {
      return await this.http.upload(form, progress, entry.given.signal);
    } catch (error) {
      this.show(entry, pending(entry.queued));
      throw error;
    }
  }

  private fail(entry: Entry, error: Error): void {
    this.show(entry, {
      state: "failed",
      key: entry.queued.clientId,
      queued: entry.queued,
      error,
      canRetry: canRetry(error),
    });
    entry.reject(error);
  }

  private show(entry: Entry, item: Item): void {
    entry.item = item;
    if (this.find(entry.queued.clientId)) this.changes.noteOf("messages", entry.queued.chatId);
  }

  /** It is no longer here: with an error, it was given up. */
  private take(entry: Entry, error?: Error, forgotten = true): void {
    const { clientId, chatId } = entry.queued;
    const queue = this.queue(chatId);
    queue.splice(queue.indexOf(entry), 1);
    if (forgotten && !entry.queued.file) void this.write(() => this.storage.remove(this.userId, clientId));
    this.changes.noteOf("messages", chatId);
    entry.given.abort();
    if (error) entry.reject(error);
  }

  /** A storage that is full or forbidden takes nothing from what is sent. */
  private async write(task: () => void | Promise<void>): Promise<void> {
    try {
      await task();
    } catch {
      // It lives as long as the page then.
    }
  }

  private queue(chatId: string): Entry[] {
    let queue = this.queues.get(chatId);
    if (!queue) this.queues.set(chatId, (queue = []));
    return queue;
  }

  private find(clientId: string): Entry | undefined {
    for (const queue of this.queues.values()) {
      const found = queue.find(({ queued }) => queued.clientId === clientId);
      if (found) return found;
    }
    return undefined;
  }
}

/** Whether a refused message may be accepted later as it is. */
function canRetry(error: Error): boolean {
  return ![403, 404, 413, 415, 422].includes((error as { status?: number }).status ?? 0);
}

function pending(queued: QueuedMessage): Item & { state: "pending" } {
  return { state: "pending", key: queued.clientId, queued, progress: null };
}

/** Now, and later than any before: messages are kept in the order of their times. */
function stamp(): string {
  lastStamp = Math.max(Date.now(), lastStamp + 1);
  return new Date(lastStamp).toISOString();
}

/** A random UUID; `crypto.randomUUID` is there in secure contexts only. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
