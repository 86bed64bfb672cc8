import type { LiveConnection } from "./connection.js";
import { RateLimitedError } from "./errors.js";
import { isPassing } from "./http.js";
import type { Message } from "./model.js";

const GATHER_MS = 250;
const RETRY_MS = 2000;

/** Sends read receipts: one for all that is read in quick succession, repeated until the server has it. */
export class ReadReceipts {
  private readonly pending = new Map<string, Message>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private sending: Promise<void> | null = null;

  constructor(private readonly connection: LiveConnection) {}

  upTo(message: Message): void {
    this.pending.set(message.chatId, message);
    this.sendIn(GATHER_MS);
  }

  /** There is a connection (again). */
  connected(): void {
    if (this.pending.size) this.sendIn(GATHER_MS);
  }

  forgetAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.pending.clear();
  }

  /** Send at once what waits; resolves when that was tried. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.sending;
    await this.send();
  }

  private sendIn(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.send();
    }, ms);
  }

  private send(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
      if (this.pending.size && !this.timer && this.connection.isConnected) this.sendIn(GATHER_MS);
    });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    try {
      for (const [chatId, message] of this.pending) {
        await this.connection.emit("messages:read", { chatId, messageIds: [message.id] });
        this.done(chatId, message);
      }
    } catch (error) {
      const [[chatId, message] = []] = this.pending;
      if (error instanceof RateLimitedError) this.sendIn(error.retryAfter * 1000);
      else if (!isPassing(error) && chatId && message) {
        // The chat or the session no longer exists: drop its receipt.
        this.done(chatId, message);
        this.sendIn(GATHER_MS);
      } else if (this.connection.isConnected) this.sendIn(RETRY_MS);
    }
  }

  private done(chatId: string, message: Message): void {
    if (this.pending.get(chatId) === message) this.pending.delete(chatId);
  }
}
