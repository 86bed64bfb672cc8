import type { LiveConnection } from "./connection.js";

const REPEAT_MS = 3000;
const IDLE_MS = 5000;

/** Sends `typing:start` and `typing:stop`, `typing:start` at most every 3 s. Lost events are not sent again. */
export class Typing {
  private readonly started = new Map<string, { sentAt: number; timer: ReturnType<typeof setTimeout> }>();

  constructor(private readonly connection: LiveConnection) {}

  typed(chatId: string): void {
    const before = this.started.get(chatId);
    clearTimeout(before?.timer);
    const again = !before || Date.now() - before.sentAt >= REPEAT_MS;
    const timer = setTimeout(() => this.stop(chatId), IDLE_MS);
    this.started.set(chatId, { sentAt: again ? Date.now() : before.sentAt, timer });
    if (again) this.send("typing:start", chatId);
  }

  stop(chatId: string): void {
    const before = this.started.get(chatId);
    if (!before) return;
    this.forget(chatId);
    this.send("typing:stop", chatId);
  }

  /** A message is being sent, which ends typing by itself. */
  forget(chatId: string): void {
    clearTimeout(this.started.get(chatId)?.timer);
    this.started.delete(chatId);
  }

  forgetAll(): void {
    for (const chatId of [...this.started.keys()]) this.forget(chatId);
  }

  private send(event: "typing:start" | "typing:stop", chatId: string): void {
    this.connection.emit(event, { chatId }).catch(() => {});
  }
}
