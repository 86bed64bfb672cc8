import { LoggedOutError, NetworkError, ProblemError, RateLimitedError } from "@chatapp/client";
import { t } from "./texts";

/** What went wrong, in the language of the page; the server's own sentence for a code that has no text. */
export function errorText(error: unknown): string {
  if (error instanceof RateLimitedError) return t.errors.tooMany(Math.ceil(error.retryAfter));
  if (error instanceof ProblemError) {
    const texts: Readonly<Record<string, string>> = t.errors.byCode;
    return texts[error.code] ?? error.message;
  }
  if (error instanceof NetworkError) return t.errors.network;
  if (error instanceof LoggedOutError) return t.errors.loggedOut;
  return t.errors.unknown;
}
