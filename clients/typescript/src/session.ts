import { LoggedOutError, RateLimitedError, UnauthenticatedError } from "./errors.js";
import type { LoginResponse, Me, Tokens as TokensAnswer } from "./generated/schemas.js";
import { isPassing, type Tokens } from "./http.js";
import type { Session, TokenProvider } from "./model.js";
import type { SessionStorage, StoredSession } from "./storage.js";
import { backoff, pause } from "./waiting.js";

/** What a session asks of the server, and the changes it reports. */
export interface SessionHooks {
  refresh(refreshToken: string): Promise<TokensAnswer>;
  /** Exchange a token (JWT) of the application. */
  exchange(appToken: string): Promise<LoginResponse>;
  /** There is a new access token, of this tab's making or another's. */
  renewed(accessToken: string): void;
  /** `session` is another. */
  changed(): void;
  /** This session was dropped: end it on the server, and remove what is stored of its user. */
  dropped(session: StoredSession): Promise<void>;
}

/** A user of the application, who is logged in with tokens of its backend. */
interface AppUser {
  readonly id: string;
  tokens: TokenProvider;
  /** Settled once they are logged in, or can't be. */
  ready: Promise<unknown>;
}

const UNKNOWN: Session = { state: "unknown", me: null, reason: null };
// The access token is renewed when this share of its lifetime is left, at most a minute before it expires.
const RENEWAL_LEAD_SHARE = 0.3;
const MAX_RENEWAL_LEAD_MS = 60_000;
const RETRY_MS = 5000;
// A lost response is requested again while the server still returns it: 10 s.
const REFRESH_ATTEMPTS = 6;

/** Keeps a user logged in: refreshes before the access token expires, once at a time, shared with other tabs. */
export class SessionKeeper implements Tokens {
  /** The state that applications see. */
  session: Session = UNKNOWN;
  private kept: StoredSession | null = null;
  private appUser: AppUser | null = null;
  private renewing: Promise<string> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private unwatch: (() => void) | undefined;

  constructor(
    private readonly storage: SessionStorage,
    private readonly hooks: SessionHooks,
    private readonly closed: AbortSignal,
  ) {
    closed.addEventListener("abort", () => {
      clearTimeout(this.timer);
      this.unwatch?.();
    });
  }

  /** Continue the stored session; null if there is none. */
  async restore(): Promise<Me | null> {
    const stored = await this.storage.load();
    if (stored) this.use(stored);
    else if (this.session.state === "unknown") this.show({ state: "loggedOut", me: null, reason: null });
    return stored?.me ?? null;
  }

  /** A user has logged in. */
  async begin(login: LoginResponse): Promise<Me> {
    this.appUser = null;
    const { user, ...tokens } = login;
    await this.store(user, tokens);
    return user;
  }

  /** Log a user of the application in: with the session that is stored for them, else with tokens of its backend. */
  async connect(id: string, tokens: TokenProvider): Promise<Me> {
    if (this.appUser?.id === id) {
      this.appUser.tokens = tokens;
    } else {
      // Begins before anything is awaited: from here on nothing of another user can be read.
      const dropped = this.kept && this.kept.appUserId !== id ? this.drop(this.kept) : Promise.resolve();
      const user: AppUser = { id, tokens, ready: Promise.resolve() };
      user.ready = this.exclusively(() => dropped.then(() => this.logIn(user)));
      this.appUser = user;
    }
    const user = this.appUser;
    try {
      await user.ready;
    } catch (error) {
      if (user === this.appUser) {
        this.appUser = null;
        if (this.session.state === "unknown") this.show({ state: "loggedOut", me: null, reason: null });
      }
      throw error;
    }
    if (user !== this.appUser) throw new LoggedOutError();
    return this.now().me;
  }

  /** The user has changed their name or avatar. */
  async update(me: Me): Promise<void> {
    // The response may come when another user is logged in.
    if (this.kept?.me.id !== me.id) return;
    this.kept = { ...this.kept, me };
    this.show({ state: "loggedIn", me, reason: null });
    await this.storage.save(this.kept);
  }

  /** End the session for this reason, and remove it from the storage unless another tab has done so. */
  async end(reason: string | null, { stored = true } = {}): Promise<void> {
    this.appUser = null;
    if (!this.kept) return;
    this.kept = null;
    clearTimeout(this.timer);
    this.show({ state: "loggedOut", me: null, reason });
    if (stored) await this.storage.save(null);
  }

  /** Delete a stored session that was not restored. */
  async forget(): Promise<void> {
    const stored = this.kept ? null : await this.storage.load();
    if (stored && !this.kept) await this.drop(stored);
    if (this.session.state === "unknown") this.show({ state: "loggedOut", me: null, reason: null });
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

  private async logIn(user: AppUser): Promise<void> {
    // Another user may have followed, or logged out, meanwhile.
    const goOn = (): void => {
      if (user !== this.appUser) throw new LoggedOutError();
    };
    const stored = await this.storage.load();
    goOn();
    if (stored?.appUserId === user.id) {
      this.use(stored);
      return;
    }
    if (stored) await this.drop(stored);
    goOn();
    const login = await this.tokensOf(user);
    goOn();
    if (!login) throw new LoggedOutError();
    await this.store(login.user, login);
  }

  /** The refresh token is over: ask the application's backend for another session of the same user; whether it gave one. */
  private async logInAgain(): Promise<boolean> {
    const { appUser } = this;
    if (!appUser) return false;
    const login = await this.tokensOf(appUser);
    const { me } = this.now();
    if (!login || appUser !== this.appUser) return false;
    if (login.user.id !== me.id) {
      await this.end("elsewhere");
      throw new LoggedOutError();
    }
    await this.store(login.user, login);
    return true;
  }

  /** The session that the application gives its user; null when no user is logged in there. */
  private async tokensOf({ tokens }: AppUser): Promise<LoginResponse | null> {
    const given = await tokens();
    if (given && "appToken" in given) return this.hooks.exchange(given.appToken);
    const login = given && "data" in given ? given.data : given;
    if (login && !(login.user?.id && login.accessToken && login.refreshToken)) {
      throw new TypeError(
        "`tokens` must return the response of POST /server/tokens (user, accessToken, refreshToken), or {appToken}.",
      );
    }
    return login;
  }

  /** Forget a session that is another user's. */
  private async drop(session: StoredSession): Promise<void> {
    if (this.kept) await this.end(null);
    else await this.storage.save(null);
    await this.hooks.dropped(session);
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
        const tokens = await this.hooks.refresh(refreshToken);
        // The user may have logged in or out meanwhile.
        if (this.now().refreshToken === refreshToken) await this.store(this.now().me, tokens);
        break;
      } catch (error) {
        if (error instanceof UnauthenticatedError) {
          // Another tab may have gone on while this one's request was on its way.
          if (await this.adopt()) break;
          if (await this.logInAgain()) break;
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

  /** Adopt the session that another tab has stored; returns whether it was newer. */
  private async adopt(): Promise<boolean> {
    const stored = await this.storage.load();
    if (!this.kept || stored?.refreshToken === this.kept.refreshToken) return false;
    if (stored?.me.id !== this.kept.me.id) {
      // Another tab has logged out, or logged another user in.
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
    // Only a server that asks for it gets a session without one.
    if (refreshToken === null) throw new TypeError("The session has no refresh token.");
    const expiresAt = Date.now() + expiresIn * 1000;
    const session = { me, accessToken, refreshToken, expiresAt, ...(this.appUser && { appUserId: this.appUser.id }) };
    // Stored before it is used: an old token that is used after the new one ends the session.
    await this.storage.save(session);
    this.use(session, expiresIn * 1000);
  }

  private use(session: StoredSession, lifetimeMs = session.expiresAt - Date.now()): void {
    if (this.closed.aborted) return;
    const before = this.kept;
    this.kept = session;
    // With jitter: usually one tab refreshes, and the others adopt the tokens that it stores.
    const left = Math.min(MAX_RENEWAL_LEAD_MS, RENEWAL_LEAD_SHARE * lifetimeMs) * (1 + Math.random() / 2);
    this.renewIn(session.expiresAt - Date.now() - left);
    this.unwatch ??= this.storage.watch?.(() => void this.adopt());
    if (JSON.stringify(this.session.me) !== JSON.stringify(session.me))
      this.show({ state: "loggedIn", me: session.me, reason: null });
    if (before && before.accessToken !== session.accessToken) this.hooks.renewed(session.accessToken);
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
      // Callers that need a token ask again and get the reason why there is none.
      if (this.kept && !this.closed.aborted) this.renewIn(RETRY_MS);
    }
  }

  private show(session: Session): void {
    this.session = session;
    this.hooks.changed();
  }
}

function isFresh({ expiresAt }: StoredSession): boolean {
  return Date.now() < expiresAt - 1000;
}
