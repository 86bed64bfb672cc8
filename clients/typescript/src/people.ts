import type { Changes } from "./changes.js";
import type { TypingStarted, User } from "./generated/schemas.js";
import { RESPONSE_MS } from "./http.js";
import type { Presence, Typer } from "./model.js";

// The server ends it 6 s after the last start; a little later here, for when that end is lost.
const TYPING_MS = 7000;
const NO_TYPERS: readonly Typer[] = [];

/** Presence of users, and who is typing in which chat. */
export class People {
  private readonly presences = new Map<string, Presence>();
  /** When an event last reported a change of a user's presence. */
  private readonly reported = new Map<string, number>();
  private readonly typing = new Map<string, readonly Typer[]>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly changes: Changes) {}

  presence(userId: string): Presence | undefined {
    return this.presences.get(userId);
  }

  typers(chatId: string): readonly Typer[] {
    return this.typing.get(chatId) ?? NO_TYPERS;
  }

  /** Take in a user from a response; returns them with the presence that is known now. */
  add(user: User): User {
    const { id, isOnline, lastSeen } = user;
    // The server may have read it before the change that an event has reported meanwhile.
    if (performance.now() - (this.reported.get(id) ?? -Infinity) > RESPONSE_MS) this.set(id, { isOnline, lastSeen });
    return { ...user, ...this.presences.get(id) };
  }

  connected(userId: string): void {
    this.report(userId, { isOnline: true, lastSeen: this.presence(userId)?.lastSeen ?? null });
  }

  disconnected(userId: string, lastSeen: string | null): void {
    this.report(userId, { isOnline: false, lastSeen });
  }

  private report(userId: string, presence: Presence): void {
    this.reported.set(userId, performance.now());
    this.set(userId, presence);
  }

  private set(userId: string, presence: Presence): void {
    const known = this.presences.get(userId);
    if (known?.isOnline === presence.isOnline && known.lastSeen === presence.lastSeen) return;
    this.presences.set(userId, presence);
    this.changes.noteOf("presence", userId);
  }

  startedTyping({ chatId, ...typer }: TypingStarted & Pick<Typer, "displayName">): void {
    const { userId } = typer;
    const key = `${chatId} ${userId}`;
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => this.stoppedTyping(chatId, userId), TYPING_MS),
    );
    const others = this.typers(chatId);
    if (others.some((typer) => typer.userId === userId)) return;
    this.typing.set(chatId, [...others, typer]);
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
    this.reported.clear();
  }
}
