import type { Changes } from "./changes.js";
import type { TypingStarted, User } from "./generated/schemas.js";
import type { Presence, Typer } from "./model.js";

// The server ends it 6 s after the last start; a little later here, for when that end is lost.
const TYPING_MS = 7000;
const NO_TYPERS: readonly Typer[] = [];

/** Presence of users, and who is typing in which chat. */
export class People {
  private readonly presences = new Map<string, Presence>();
  private readonly typing = new Map<string, readonly Typer[]>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly changes: Changes) {}

  presence(userId: string): Presence | undefined {
    return this.presences.get(userId);
  }

  typers(chatId: string): readonly Typer[] {
    return this.typing.get(chatId) ?? NO_TYPERS;
  }

  add({ id, isOnline, lastSeen }: User): void {
    const known = this.presences.get(id);
    if (known?.isOnline === isOnline && known.lastSeen === lastSeen) return;
    this.presences.set(id, { isOnline, lastSeen });
    this.changes.noteOf("presence", id);
  }

  connected(userId: string): void {
    this.add({ id: userId, isOnline: true, lastSeen: this.presence(userId)?.lastSeen ?? null } as User);
  }

  disconnected(userId: string, lastSeen: string): void {
    this.add({ id: userId, isOnline: false, lastSeen } as User);
  }

  startedTyping({ chatId, userId, username }: TypingStarted): void {
    const key = `${chatId} ${userId}`;
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => this.stoppedTyping(chatId, userId), TYPING_MS),
    );
    const others = this.typers(chatId);
    if (others.some((typer) => typer.userId === userId)) return;
    this.typing.set(chatId, [...others, { userId, username }]);
    this.changes.noteOf("typing", chatId);
  }

  stoppedTyping(chatId: string, userId: string): void {
    const key = `${chatId} ${userId}`;
    clearTimeout(this.timers.get(key));
    if (!this.timers.delete(key)) return;
    this.typing.set(
      chatId,
      this.typers(chatId).filter((typer) => typer.userId !== userId),
    );
    this.changes.noteOf("typing", chatId);
  }

  /** The connection is lost: nothing is known of presence and typing. */
  forget(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    for (const [chatId, typers] of this.typing) if (typers.length) this.changes.noteOf("typing", chatId);
    this.typing.clear();
    for (const userId of this.presences.keys()) this.changes.noteOf("presence", userId);
    this.presences.clear();
  }
}
