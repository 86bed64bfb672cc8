// Runs before the page's script has come, on its own: asks for what the page shows first, so that the list of chats takes
// as long as the script, not as long as both. `client.ts` takes the response.

/** A request that is under way, for the code that asks for the same. */
export interface Ahead {
  readonly url: string;
  readonly authorization: string;
  readonly response: Promise<Response>;
  /** Gives it up, also while its body is on the way. */
  abort(): void;
}

declare global {
  interface Window {
    ahead?: Ahead;
  }
  interface Navigator {
    /** Not in all browsers: Mbit/s, estimated. */
    readonly connection?: { readonly downlink?: number };
  }
}

// As the library asks, and stores the session.
const URL = `${location.origin}/api/v1/chats?limit=12`;
const FAST_MBIT = 2;

const session = read();
if (session && session.expiresAt > Date.now() + 1000) {
  const authorization = `Bearer ${session.accessToken}`;
  const end = new AbortController();
  const { signal } = end;
  const headers = { Authorization: authorization };
  const response = fetch(URL, { headers, signal, credentials: "omit", cache: "no-store" });
  response.catch(() => {});
  window.ahead = { url: URL, authorization, response, abort: () => end.abort() };
}
// On a slow line the font would take a second from the script: it is used from the next load on then.
if ((navigator.connection?.downlink ?? FAST_MBIT) >= FAST_MBIT) {
  document.querySelector("link[as=font]")?.removeAttribute("media");
}

function read(): { accessToken: string; expiresAt: number } | null {
  try {
    return JSON.parse(localStorage.getItem("chat.session") ?? "null");
  } catch {
    return null;
  }
}
