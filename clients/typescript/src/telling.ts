import { RateLimitedError } from "./errors.js";
import type { LiveConnection } from "./connection.js";
import { isPassing } from "./http.js";
import type { Message } from "./model.js";

const TYPING_AGAIN_MS = 3000;
const TYPING_OVER_MS = 5000;

/** Tells others that one types, seldom enough; it matters little if that is lost. */
export class Typing {
  private readonly begun = new Map<string, { toldAt: number; timer: ReturnType<typeof setTimeout> }>();

  constructor(private readonly connection: LiveConnection) {}

  typed(chatId: string): void {
    const before = this.begun.get(chatId);
    clearTimeout(before?.timer);
    const again = !before || Date.now() - before.toldAt >= TYPING_AGAIN_MS;
    const timer = setTimeout(() => this.stop(chatId), TYPING_OVER_MS);
    this.begun.set(chatId, { toldAt: again ? Date.now() : before.toldAt, timer });
    if (again) this.tell("typing:start", chatId);
  }

  stop(chatId: string): void {
    const before = this.begun.get(chatId);
    if (!before) return;
    this.forget(chatId);
    this.tell("typing:stop", chatId);
  }

  /** A message follows, which says the same. */
  forget(chatId: string): void {
    clearTimeout(this.begun.get(chatId)?.timer);
    this.begun.delete(chatId);
  }

  forgetAll(): void {
    for (const chatId of [...this.begun.keys()]) this.forget(chatId);
  }

  private tell(event: "typing:start" | "typing:stop", chatId: string): void {
    this.connection.emit(event, { chatId }).catch(() => {});
  }
}

const GATHER_MS = 250;
const AGAIN_MS = 2000;

/** Tells the server how far one has read, once for what is read in quick succession, and again until it is known. */
export class Reading {
  private readonly untold = new Map<string, Message>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private telling = false;

  constructor(private readonly connection: LiveConnection) {}

  upTo(message: Message): void {
    this.untold.set(message.chatId, message);
    this.tellIn(GATHER_MS);
  }

  /** There is a connection (again). */
  connected(): void {
    if (this.untold.size) this.tellIn(GATHER_MS);
  }

  forgetAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.untold.clear();
  }

  private tellIn(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.tell();
    }, ms);
  }

  private async tell(): Promise<void> {
    if (this.telling) return;
    this.telling = true;
    try {
      for (const [chatId, message] of this.untold) {
        await this.connection.emit("messages:read", { chatId, messageIds: [message.id] });
        this.done(chatId, message);
      }
    } catch (error) {
      const [[chatId, message] = []] = this.untold;
      if (error instanceof RateLimitedError) this.tellIn(error.retryAfter * 1000);
      else if (!isPassing(error) && chatId && message) {
        // The chat is gone, or the session: there is nothing more to tell of it.
        this.done(chatId, message);
        this.tellIn(GATHER_MS);
      } else if (this.connection.isConnected) this.tellIn(AGAIN_MS);
    } finally {
      this.telling = false;
    }
    if (this.untold.size && !this.timer && this.connection.isConnected) this.tellIn(GATHER_MS);
  }

  private done(chatId: string, message: Message): void {
    if (this.untold.get(chatId) === message) this.untold.delete(chatId);
  }
}
