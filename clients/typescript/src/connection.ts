import { io, type Socket } from "socket.io-client";

import { LoggedOutError, NetworkError, RateLimitedError, toError } from "./errors.js";
import type { Ack, ClientEvents, ServerEvents } from "./generated/events.js";
import type { Problem } from "./generated/schemas.js";
import { isPassing, isProblem, isTokenRefused, type Tokens } from "./http.js";
import type { Connection } from "./model.js";
import { backoff } from "./waiting.js";

type ClientEvent = keyof ClientEvents;
type Payload<E extends ClientEvent> = Parameters<ClientEvents[E]>[0];
type Acked<E extends ClientEvent> = Parameters<ClientEvents[E]>[1] extends (response: Ack<infer Data>) => void
  ? Data
  : never;

/** The changes that the connection reports, and what it runs before it is online. */
export interface ConnectionHooks {
  /** Fetch missed changes; rejects on failure. */
  catchUp(): Promise<void>;
  connected(): void;
  disconnected(): void;
  changed(): void;
}

const ACK_MS = 15_000;
const CONNECT_MS = 10_000;
// The server refuses, or fails: it is asked less and less often.
const FIRST_RETRY_MS = 400;
const MAX_RETRY_MS = 15_000;
// The server is not there: while it may only be restarting, each client tries at a random time in about every second, so
// that all are back soon, and not at once. To a server that is away, attempts cost nothing.
const AWAY_RETRY_MS = [100, 1100] as const;
const RESTART_MS = 5 * 60_000;
const TRANSPORTS = ["websocket", "polling"];
// The server counts these apart: what it refuses of them says nothing about others.
const OWN_LIMITS: readonly ClientEvent[] = ["message:react", "signal"];

/** An error of socket.io: `data` if the server refused the namespace, `context` if it refused the handshake by HTTP. */
interface RefusedConnection extends Error {
  data?: unknown;
  context?: unknown;
}

/** One socket, made again whenever it is lost, with a fresh access token each time. */
export class LiveConnection {
  /** The state that applications see. */
  connection: Connection = { state: "offline", cause: null, retryAt: null, error: null };
  readonly socket: Socket<ServerEvents, ClientEvents>;
  private wanted = false;
  /** Attempts that the server refused or failed since it was online. */
  private failures = 0;
  /** Since when the server can't be reached, in ms since the epoch. */
  private awaySince: number | null = null;
  /** Counts attempts: one that was replaced by a later one ends. */
  private attempts = 0;
  /** Until when the server wants no events of a kind, or of any other. */
  private readonly limitedUntil = new Map<ClientEvent | "any", number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private token = "";

  constructor(
    url: string,
    transports: string[] | undefined,
    private readonly tokens: Tokens,
    private readonly hooks: ConnectionHooks,
  ) {
    this.socket = io(`${url}/chat`, {
      autoConnect: false,
      forceNew: true,
      // It is done here: each attempt needs a token that has not run out, and a reason to wait longer is respected.
      reconnection: false,
      timeout: CONNECT_MS,
      // One request instead of four. Where a proxy lets no websocket pass, polling follows in the same attempt.
      transports: [...(transports ?? TRANSPORTS)],
      tryAllTransports: true,
      auth: (give) => give({ token: this.token }),
    });
    this.socket.on("connect", () => void this.connected());
    this.socket.on("connect_error", (error) => this.refused(error));
    this.socket.on("disconnect", (reason) => this.lost(new NetworkError(`The connection was lost: ${reason}.`)));
  }

  get isConnected(): boolean {
    return this.wanted && this.socket.connected;
  }

  /** Connect, and reconnect until `stop`. */
  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.failures = 0;
    this.awaySince = null;
    globalThis.addEventListener?.("online", this.networkChanged);
    globalThis.addEventListener?.("offline", this.networkChanged);
    void this.attempt();
  }

  /** Disconnect, and stay disconnected. */
  stop(): void {
    if (!this.wanted) return;
    this.wanted = false;
    clearTimeout(this.timer);
    globalThis.removeEventListener?.("online", this.networkChanged);
    globalThis.removeEventListener?.("offline", this.networkChanged);
    const { connected } = this.socket;
    this.socket.disconnect();
    this.show("offline");
    if (connected) this.hooks.disconnected();
  }

  /** Try at once rather than after the wait. */
  readonly retryNow = (): void => {
    if (this.wanted && this.connection.state === "offline") void this.attempt();
  };

  private readonly networkChanged = (): void => {
    const { state, error, retryAt } = this.connection;
    if (state !== "offline" && state !== "connecting") return;
    // An attempt that began without a network may hang.
    if (globalThis.navigator?.onLine) void this.attempt();
    else this.show(state, error, retryAt);
  };

  /** Drop a broken connection and make another. */
  renew(error: Error): void {
    if (!this.wanted) return;
    if (this.socket.connected) this.socket.disconnect();
    else this.lost(error);
  }

  /**
   * Send an event and return the data of its ack. Rejects with a `ProblemError` for an error response, with `NetworkError` when there is no
   * connection or no response in time, and with `RateLimitedError` unasked for as long as the server wants to be left alone.
   */
  async emit<E extends ClientEvent>(event: E, payload: Payload<E>): Promise<Acked<E>> {
    const kind = OWN_LIMITS.includes(event) ? event : "any";
    const waitMs = (this.limitedUntil.get(kind) ?? 0) - Date.now();
    if (waitMs > 0) throw limited(Math.ceil(waitMs / 1000));
    // While it is not connected, socket.io would keep the event and send it in an order of its own.
    if (!this.isConnected) throw new NetworkError("Not connected.");
    const response = await this.acked(event, payload);
    if (response.ok) return response.data;
    const error = toError(response.error);
    if (error instanceof RateLimitedError) this.limitedUntil.set(kind, Date.now() + error.retryAfter * 1000);
    // The session of the socket is over, or the token was not renewed in time.
    if (isTokenRefused(error) && event !== "auth:renew") this.renew(error);
    throw error;
  }

  private async acked<E extends ClientEvent>(event: E, payload: Payload<E>): Promise<Ack<Acked<E>>> {
    try {
      // Each event's own types are lost on socket.io when the event is not known yet.
      const timed = this.socket.timeout(ACK_MS) as unknown as {
        emitWithAck(event: E, payload: Payload<E>): Promise<Ack<Acked<E>>>;
      };
      return await timed.emitWithAck(event, payload);
    } catch (error) {
      throw new NetworkError("The server did not respond.", { cause: error });
    }
  }

  private async attempt(): Promise<void> {
    clearTimeout(this.timer);
    this.attempts += 1;
    const attempt = this.attempts;
    this.socket.disconnect();
    this.show("connecting");
    try {
      this.token = await this.tokens.accessToken();
    } catch (error) {
      // Without a session there is nothing to wait for.
      if (attempt === this.attempts && !(error instanceof LoggedOutError)) this.lost(error as Error);
      return;
    }
    if (!this.wanted || attempt !== this.attempts) return;
    // The server may accept the connection and then send nothing.
    this.timer = setTimeout(() => {
      this.socket.disconnect();
      // A proxy may hold websockets back without a word.
      this.socket.io.opts.transports?.reverse();
      this.lost(new NetworkError("The server did not respond."));
    }, CONNECT_MS);
    this.socket.connect();
  }

  private async connected(): Promise<void> {
    clearTimeout(this.timer);
    const { id } = this.socket;
    this.show("catchingUp");
    this.hooks.connected();
    try {
      await this.hooks.catchUp();
    } catch (error) {
      if (this.socket.id === id) this.renew(error as Error);
      return;
    }
    if (this.socket.id !== id || !this.isConnected) return;
    this.failures = 0;
    this.awaySince = null;
    this.show("online");
  }

  private refused(error: RefusedConnection): void {
    if (!this.wanted) return;
    const received = problemOf(error);
    const problem = received && toError(received);
    if (problem && isTokenRefused(problem)) {
      // Another token or the end of the session; both are found out by asking for it.
      this.tokens.replace(this.token).then(
        () => this.lost(problem, 0),
        (reason: Error) => this.lost(reason),
      );
    } else if (problem instanceof RateLimitedError) {
      // Clients that share an address are limited together; they don't come back together.
      this.lost(problem, problem.retryAfter * 1000 * (1 + Math.random() / 4));
    } else {
      this.lost(problem ?? new NetworkError("The server can't be reached.", { cause: error }));
    }
  }

  /** There is no connection (any more): try again in a while. */
  private lost(error: Error, waitMs?: number): void {
    clearTimeout(this.timer);
    if (!this.wanted) return;
    const wait = this.waitAfter(error, waitMs);
    const { state } = this.connection;
    this.timer = setTimeout(() => void this.attempt(), wait);
    this.show("offline", error, Date.now() + wait);
    if (state === "online" || state === "catchingUp") this.hooks.disconnected();
  }

  /** How many ms to wait before the next attempt. */
  private waitAfter(error: Error, waitMs: number | undefined): number {
    if (error instanceof NetworkError) {
      this.awaySince ??= Date.now();
      const [min, max] = AWAY_RETRY_MS;
      const limit = Math.min(MAX_RETRY_MS, Math.max(max, (Date.now() - this.awaySince - RESTART_MS) / 10));
      return min + Math.random() * (limit - min);
    }
    this.failures += 1;
    // A token that is refused again and again must not make for a loop without a pause.
    return waitMs === 0 && this.failures < 3 ? 0 : waitMs || backoff(this.failures, FIRST_RETRY_MS, MAX_RETRY_MS);
  }

  private show(state: Connection["state"], failure: Error | null = null, retryAt: number | null = null): void {
    // While it is tried again, the reason why there is none stays.
    const error = failure ?? (state === "connecting" ? this.connection.error : null);
    this.connection = { state, cause: this.causeOf(state, error), retryAt, error };
    this.hooks.changed();
  }

  private causeOf(state: Connection["state"], error: Error | null): Connection["cause"] {
    if (!this.wanted || (state !== "offline" && state !== "connecting")) return null;
    if (globalThis.navigator?.onLine === false) return "offline";
    return isPassing(error) ? "unreachable" : null;
  }
}

/** Why the server refuses a connection, if it says so. */
function problemOf({ data, context }: RefusedConnection): Problem | undefined {
  if (isProblem(data)) return data;
  try {
    const body: unknown = JSON.parse((context as XMLHttpRequest).responseText);
    return isProblem(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function limited(retryAfter: number): RateLimitedError {
  const detail = `Too many events. Try again in ${retryAfter} s.`;
  const problem = { type: "about:blank", title: "Too Many Requests", status: 429, detail, code: "rate_limited" };
  return new RateLimitedError({ ...problem, retryAfter }, retryAfter);
}
