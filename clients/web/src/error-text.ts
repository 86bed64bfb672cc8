import { LoggedOutError, NetworkError, ProblemError, RateLimitedError } from "@chatapp/client";
import { t } from "./texts";

/** The text of an error in the language of the page; the server's own sentence for a code without a text. */
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

/** Field → error. */
export type FieldErrors = Readonly<Record<string, string>>;

const FIELD_OF: Readonly<Record<string, string>> = {
  email_taken: "email",
  username_taken: "username",
  invalid_credentials: "password",
  rate_limited: "password",
  password_wrong: "currentPassword",
};

/** The part of an error that is about a form's `fields`; null when none is. */
export function fieldErrors(error: unknown, fields: readonly string[]): FieldErrors | null {
  if (!(error instanceof ProblemError)) return null;
  const found: Record<string, string> = {};
  const texts: Readonly<Record<string, string>> = t.forms.rejected;
  for (const field of fields) {
    if (field === FIELD_OF[error.code]) found[field] = errorText(error);
    else if (field in error.errors) found[field] = texts[field] ?? t.errors.unknown;
  }
  return Object.keys(found).length ? found : null;
}
