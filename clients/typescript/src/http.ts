import { LoggedOutError, NetworkError, RateLimitedError, toError } from "./errors.js";
import type { Operations } from "./generated/rest.js";
import type { Message, Problem } from "./generated/schemas.js";
import type { Page } from "./model.js";
import { upload } from "./upload.js";
import { backoff, pause } from "./waiting.js";

type Name = keyof Operations;
type Given<Fields> = { [Field in keyof Fields as Fields[Field] extends undefined ? never : Field]: Fields[Field] };
/** The `path`, `query` and `body` parameters of an operation. */
export type Taken<N extends Name> = Given<Omit<Operations[N], "response">>;
type ResponseOf<N extends Name> = Operations[N]["response"];
type ListName = { [N in Name]: ResponseOf<N> extends { data: unknown[]; meta: unknown } ? N : never }[Name];
type ItemOf<N extends ListName> = ResponseOf<N> extends { data: Array<infer Item> } ? Item : never;

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
   * Call an operation. Reads are repeated when the response was lost, the server was unavailable for a moment,
   * or asks to come back within 10 s.
   */
  async call<N extends Name>(operation: N, taken: Taken<N>): Promise<ResponseOf<N>> {
    const reads = operation.startsWith("GET ");
    for (let failures = 0; ; ) {
      try {
        return (await this.authorized((token) => this.request(operation, taken, token))) as ResponseOf<N>;
      } catch (error) {
        failures += 1;
        const waitMs = reads && failures <= MAX_RETRIES ? retryIn(error, failures) : null;
        if (waitMs === null) throw error;
        await pause(waitMs, this.closed);
      }
    }
  }

  /** Call an operation once, with this access token or without one. */
  async callOpenly<N extends Name>(operation: N, taken: Taken<N>, token: string | null = null): Promise<ResponseOf<N>> {
    return (await this.request(operation, taken, token)) as ResponseOf<N>;
  }

  /** The first page of a list, each item of it as `seen`. */
  async page<N extends ListName, T>(operation: N, taken: Taken<N>, seen: (item: ItemOf<N>) => T): Promise<Page<T>> {
    const { data, meta } = (await this.call(operation, taken)) as unknown as {
      data: ItemOf<N>[];
      meta: { nextCursor: string | null };
    };
    const { query } = taken as { query?: object };
    const following = { ...taken, query: { ...query, cursor: meta.nextCursor } } as Taken<N>;
    return {
      items: data.map(seen),
      next: meta.nextCursor === null ? null : () => this.page(operation, following, seen),
    };
  }

  /** Send a form with a file; `progress` is called with the share that was sent, 0–1. */
  async upload(form: () => FormData, progress: (share: number) => void, signal: AbortSignal): Promise<Message> {
    const response = await this.authorized(async (token) =>
      successOf(await upload(`${this.url}/api/v1/messages/upload`, form(), token, progress, signal)),
    );
    return (response as { data: Message }).data;
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

  private async request<N extends Name>(operation: N, taken: Taken<N>, token: string | null): Promise<unknown> {
    const { path, query, body } = taken as {
      path?: Record<string, string>;
      query?: Record<string, unknown>;
      body?: unknown;
    };
    const [method, template] = operation.split(" ") as [string, string];
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path?.[name] ?? ""));
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== null) search.set(name, String(value));
    }
    const headers: Record<string, string> = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request: RequestInit = { method, headers };
    if (body !== undefined) request.body = JSON.stringify(body);
    const suffix = search.size ? `?${search}` : "";
    return successOf(await this.fetched(`${this.url}/api/v1${filled}${suffix}`, request));
  }

  private async fetched(url: string, request: RequestInit): Promise<RawResponse> {
    const overdue = new AbortController();
    const giveUp = (): void => overdue.abort();
    const timer = setTimeout(giveUp, RESPONSE_MS);
    this.closed.addEventListener("abort", giveUp);
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
      throw new NetworkError("The server can't be reached.", { cause: error });
    } finally {
      clearTimeout(timer);
      this.closed.removeEventListener("abort", giveUp);
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
