import { LoggedOutError, NetworkError, RateLimitedError, toError } from "./errors.js";
import type { Operations } from "./generated/rest.js";
import type { Problem } from "./generated/schemas.js";
import type { Page } from "./model.js";
import { upload } from "./upload.js";
import { abortable, backoff, pause } from "./waiting.js";

/** An operation: its method and path. */
export type Name = keyof Operations;
type Given<Fields> = { [Field in keyof Fields as Fields[Field] extends undefined ? never : Field]: Fields[Field] };
/** The `path`, `query` and `body` parameters of an operation. */
export type Taken<N extends Name> = Given<Omit<Operations[N], "response">>;
/** The body of an operation's response. */
export type ResponseOf<N extends Name> = Operations[N]["response"];
/** The operations that return lists. */
export type ListName = { [N in Name]: ResponseOf<N> extends { data: unknown[]; meta: unknown } ? N : never }[Name];
/** An item of an operation's list. */
export type ItemOf<N extends ListName> = ResponseOf<N> extends { data: Array<infer Item> } ? Item : never;
/** The operations that take a form with a file. */
type FormName = { [N in Name]: Operations[N]["body"] extends FormData ? N : never }[Name];

/** Where access tokens come from. */
export interface Tokens {
  /** One that is good for a moment at least; rejects with LoggedOutError or NetworkError. */
  accessToken(): Promise<string>;
  /** Another one than this, which the server did not accept. */
  replace(rejected: string): Promise<string>;
}

/** Does a request, as the global `fetch` does. */
export type Fetch = (url: string, request: RequestInit) => Promise<Response>;

/** A response; `body` is the parsed JSON, or undefined. */
export interface RawResponse {
  status: number;
  body: unknown;
  retryAfter: number | undefined;
}

interface CallOptions {
  /** Whether it can be called again when the response was lost. */
  isRepeatable?: boolean;
  /** Cancels the call, which then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

/** How long a request waits for its response. */
export const RESPONSE_MS = 15_000;
const MAX_RETRIES = 3;
// The body stalled on the way.
const REQUEST_TIMEOUT = 408;
const MAX_WAIT_SECONDS = 10;

/** The REST API, typed by the server's documents; errors are thrown. */
export class Http {
  constructor(
    private readonly url: string,
    private readonly tokens: Tokens,
    private readonly closed: AbortSignal,
    private readonly fetch: Fetch = (url, request) => globalThis.fetch(url, request),
  ) {}

  /**
   * Call an operation. Reads, and what else `isRepeatable`, are repeated when the response was lost, the server was
   * unavailable for a moment, or asks to come back within 10 s.
   */
  call<N extends Name>(operation: N, taken: Taken<N>, options: CallOptions = {}): Promise<ResponseOf<N>> {
    return abortable(this.repeated(operation, taken, options), options.signal);
  }

  private async repeated<N extends Name>(
    operation: N,
    taken: Taken<N>,
    { isRepeatable = operation.startsWith("GET "), signal }: CallOptions,
  ): Promise<ResponseOf<N>> {
    for (let failures = 0; ; ) {
      try {
        return (await this.authorized((token) => this.request(operation, taken, token, signal))) as ResponseOf<N>;
      } catch (error) {
        failures += 1;
        const waitMs = isRepeatable && failures <= MAX_RETRIES ? retryIn(error, failures) : null;
        if (waitMs === null) throw error;
        await pause(waitMs, this.closed);
      }
    }
  }

  /** Call an operation once, with this access token or without one. */
  async callOpenly<N extends Name>(operation: N, taken: Taken<N>, token: string | null = null): Promise<ResponseOf<N>> {
    return (await this.request(operation, taken, token)) as ResponseOf<N>;
  }

  /** A page of a list, each item of it as `seen`; `signal` cancels the following pages too. */
  async page<N extends ListName, T>(
    operation: N,
    taken: Taken<N>,
    seen: (item: ItemOf<N>) => T,
    signal?: AbortSignal,
  ): Promise<Page<T>> {
    const { data, meta } = (await this.call(operation, taken, { signal })) as unknown as {
      data: ItemOf<N>[];
      meta: { nextCursor: string | null; isPartial?: boolean };
    };
    const { nextCursor, isPartial = false } = meta;
    const { query } = taken as { query?: object };
    const following = { ...taken, query: { ...query, cursor: nextCursor } } as Taken<N>;
    const hasMore = nextCursor !== null;
    return {
      items: data.map(seen),
      hasMore,
      isPartial,
      nextCursor,
      next: hasMore ? () => this.page(operation, following, seen, signal) : null,
    };
  }

  /** Call an operation with a form that has a file; `progress` is called with the share that was sent, 0–1. */
  async upload<N extends FormName>(
    operation: N,
    taken: Omit<Taken<N>, "body">,
    form: () => FormData,
    progress: (share: number) => void,
    signal: AbortSignal,
  ): Promise<ResponseOf<N>> {
    const { method, url } = this.target(operation, taken);
    return (await this.authorized(async (token) =>
      successOf(await upload(method, url, form(), token, progress, signal)),
    )) as ResponseOf<N>;
  }

  /** Do it with an access token; once more with another one when it is not accepted. */
  private async authorized<T>(attempt: (token: string) => Promise<T>): Promise<T> {
    const token = await this.tokens.accessToken();
    try {
      return await attempt(token);
    } catch (error) {
      if (!isTokenRefused(error)) throw error;
      return await attempt(await this.tokens.replace(token));
    }
  }

  private async request<N extends Name>(
    operation: N,
    taken: Taken<N>,
    token: string | null,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const { body } = taken as { body?: unknown };
    const { method, url } = this.target(operation, taken);
    const headers: Record<string, string> = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request: RequestInit = { method, headers };
    if (body !== undefined) request.body = JSON.stringify(body);
    return successOf(await this.fetched(url, request, signal));
  }

  private target(operation: Name, taken: object): { method: string; url: string } {
    const { path, query } = taken as { path?: Record<string, string>; query?: Record<string, unknown> };
    const [method, template] = operation.split(" ") as [string, string];
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path?.[name] ?? ""));
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== null) search.set(name, String(value));
    }
    const suffix = search.size ? `?${search}` : "";
    return { method, url: `${this.url}/api/v1${filled}${suffix}` };
  }

  private async fetched(url: string, request: RequestInit, signal?: AbortSignal): Promise<RawResponse> {
    signal?.throwIfAborted();
    const overdue = new AbortController();
    const giveUp = (): void => overdue.abort();
    const timer = setTimeout(giveUp, RESPONSE_MS);
    this.closed.addEventListener("abort", giveUp);
    signal?.addEventListener("abort", giveUp);
    try {
      const response = await this.fetch(url, {
        ...request,
        signal: overdue.signal,
        credentials: "omit",
        cache: "no-store",
      });
      const text = await response.text();
      return rawResponse(response.status, text, response.headers.get("Retry-After"));
    } catch (error) {
      if (this.closed.aborted) throw new LoggedOutError();
      signal?.throwIfAborted();
      throw new NetworkError("The server can't be reached.", { cause: error });
    } finally {
      clearTimeout(timer);
      this.closed.removeEventListener("abort", giveUp);
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

/** A response of which status, text and header are known. */
export function rawResponse(status: number, text: string, retryAfter: string | null): RawResponse {
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch {
    // A proxy in between may respond with a page.
  }
  return { status, body, retryAfter: retryAfter ? Number(retryAfter) || undefined : undefined };
}

function successOf({ status, body, retryAfter }: RawResponse): unknown {
  if (status >= 200 && status < 300) return body;
  throw toError(isProblem(body) ? body : unknownProblem(status), retryAfter);
}

export function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "status" in body;
}

function unknownProblem(status: number): Problem {
  const detail = `The server returned ${status}.`;
  return { type: "about:blank", title: detail, status, detail, code: "unknown" };
}

/** Whether the server refused the access token. */
export function isTokenRefused(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "token_expired" || code === "token_invalid";
}

/** Whether a retry may succeed: the response was lost, or the server failed for the moment. */
export function isPassing(error: unknown): boolean {
  return error instanceof NetworkError || isRequestTimeout(error) || statusOf(error) >= 500;
}

/** Whether the server stopped waiting for the body of the request. */
export function isRequestTimeout(error: unknown): boolean {
  return statusOf(error) === REQUEST_TIMEOUT;
}

function statusOf(error: unknown): number {
  return (error as { status?: number } | null)?.status ?? 0;
}

function retryIn(error: unknown, failures: number): number | null {
  if (error instanceof RateLimitedError) {
    return error.retryAfter <= MAX_WAIT_SECONDS ? error.retryAfter * 1000 : null;
  }
  return isPassing(error) ? backoff(failures, 500, 3000) : null;
}
