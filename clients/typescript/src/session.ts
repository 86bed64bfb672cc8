import { LoggedOutError, RateLimitedError, UnauthenticatedError } from "./errors.js";
import type { LoginAnswer, Me, Tokens as TokensAnswer } from "./generated/schemas.js";
import { isPassing, type Tokens } from "./http.js";
import type { Session } from "./model.js";
import type { SessionStorage, StoredSession } from "./storage.js";
import { backoff, pause } from "./waiting.js";

/** What a session needs of the server, and whom it tells. */
export interface SessionDoor {
  refresh(refreshToken: string): Promise<TokensAnswer>;
  /** There is a new access token, of this tab's making or another's. */
  renewed(accessToken: string): void;
  /** `session` is another. */
  changed(): void;
}

const UNKNOWN: Session = { state: "unknown", me: null, reason: null };
// The access token is replaced when so much of its life is left, but no earlier than a minute before its end.
const LEFT = 0.3;
const MOST_LEFT_MS = 60_000;
const RETRY_MS = 5000;
// A lost answer is asked for again while the server still gives it: 10 s.
const REFRESH_ATTEMPTS = 6;

/** Keeps somebody logged in: one refresh at a time, before the access token runs out, along with other tabs. */
export class SessionKeeper implements Tokens {
  /** What applications see. */
  session: Session = UNKNOWN;
  private kept: StoredSession | null = null;
  private renewing: Promise<string> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private unwatch: (() => void) | undefined;

  constructor(
    private readonly storage: SessionStorage,
    private readonly door: SessionDoor,
    private readonly closed: AbortSignal,
  ) {
    closed.addEventListener("abort", () => {
      clearTimeout(this.timer);
      this.unwatch?.();
    });
  }

  /** Take up what is stored; null when nothing is. */
  async restore(): Promise<Me | null> {
    const stored = await this.storage.load();
    if (stored) this.use(stored);
    else if (this.session.state === "unknown") this.show({ state: "loggedOut", me: null, reason: null });
    return stored?.me ?? null;
  }

  /** Somebody has logged in. */
  async begin(answer: LoginAnswer): Promise<Me> {
    const { user, ...tokens } = answer;
    await this.store(user, tokens);
    return user;
  }

  /** Somebody has another name or avatar. */
  async update(me: Me): Promise<void> {
    if (!this.kept) return;
    this.kept = { ...this.kept, me };
    this.show({ state: "loggedIn", me, reason: null });
    await this.storage.save(this.kept);
  }

  /** Nobody is logged in any more, for this reason; forgotten in the storage too unless another has seen to that. */
  async end(reason: string | null, { stored = true } = {}): Promise<void> {
    if (!this.kept) return;
    this.kept = null;
    clearTimeout(this.timer);
    this.show({ state: "loggedOut", me: null, reason });
    if (stored) await this.storage.save(null);
  }

  async accessToken(): Promise<string> {
    const { kept } = this;
    if (!kept) throw new LoggedOutError();
    if (isFresh(kept)) return kept.accessToken;
    return this.replace(kept.accessToken);
  }

  replace(rejected: string): Promise<string> {
    if (this.kept && this.kept.accessToken !== rejected) return Promise.resolve(this.kept.accessToken);
    this.renewing ??= this.exclusively(() => this.renew()).finally(() => {
      this.renewing = null;
    });
    return this.renewing;
  }

  private exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.storage.exclusively ? this.storage.exclusively(task) : task();
  }

  /** The access token that follows the present one: another tab's, if one has been quicker. */
  private async renew(): Promise<string> {
    for (let failures = 0; ; ) {
      if ((await this.adopt()) && isFresh(this.now())) break;
      const { refreshToken } = this.now();
      try {
        const tokens = await this.door.refresh(refreshToken);
        // Somebody may have logged in or out meanwhile.
        if (this.now().refreshToken === refreshToken) await this.store(this.now().me, tokens);
        break;
      } catch (error) {
        if (error instanceof UnauthenticatedError) {
          // Another tab may have gone on while this one's request was on its way.
          if (await this.adopt()) break;
          await this.end(error.code);
          throw new LoggedOutError();
        }
        failures += 1;
        if (failures >= REFRESH_ATTEMPTS || !(isPassing(error) || error instanceof RateLimitedError)) throw error;
        await pause(
          error instanceof RateLimitedError ? error.retryAfter * 1000 : backoff(failures, 250, 1000),
          this.closed,
        );
      }
    }
    return this.now().accessToken;
  }

  /** Take over what another tab has stored; whether there was anything newer. */
  private async adopt(): Promise<boolean> {
    const stored = await this.storage.load();
    if (!this.kept || stored?.refreshToken === this.kept.refreshToken) return false;
    if (stored?.me.id !== this.kept.me.id) {
      // Another tab has logged out, or somebody else in.
      await this.end("elsewhere", { stored: false });
      return false;
    }
    this.use(stored);
    return true;
  }

  private now(): StoredSession {
    if (!this.kept || this.closed.aborted) throw new LoggedOutError();
    return this.kept;
  }

  private async store(me: Me, { accessToken, refreshToken, expiresIn }: TokensAnswer): Promise<void> {
    const session = { me, accessToken, refreshToken, expiresAt: Date.now() + expiresIn * 1000 };
    // Stored before it is used: an old token that is used after the new one ends the session.
    await this.storage.save(session);
    this.use(session, expiresIn * 1000);
  }

  private use(session: StoredSession, lifetimeMs = session.expiresAt - Date.now()): void {
    if (this.closed.aborted) return;
    const before = this.kept;
    this.kept = session;
    // Not all tabs at once: mostly one does it, and the others take over what it stores.
    const left = Math.min(MOST_LEFT_MS, LEFT * lifetimeMs) * (1 + Math.random() / 2);
    this.renewIn(session.expiresAt - Date.now() - left);
    this.unwatch ??= this.storage.watch?.(() => void this.adopt());
    if (JSON.stringify(this.session.me) !== JSON.stringify(session.me))
      this.show({ state: "loggedIn", me: session.me, reason: null });
    if (before && before.accessToken !== session.accessToken) this.door.renewed(session.accessToken);
  }

  private renewIn(ms: number): void {
    clearTimeout(this.timer);
    // setTimeout can't wait for longer than 24 days.
    this.timer = setTimeout(() => void this.renewSilently(), Math.min(Math.max(ms, 0), 2 ** 31 - 1));
  }

  private async renewSilently(): Promise<void> {
    try {
      if (this.kept) await this.replace(this.kept.accessToken);
    } catch {
      // Whoever needs a token asks again, and learns why there is none.
      if (this.kept && !this.closed.aborted) this.renewIn(RETRY_MS);
    }
  }

  private show(session: Session): void {
    this.session = session;
    this.door.changed();
  }
}

function isFresh({ expiresAt }: StoredSession): boolean {
  return Date.now() < expiresAt - 1000;
}
