import type { Problem } from "./generated/schemas.js";

/** The known error codes. Any other string is accepted too, because later versions of the server can add codes. */
export type ErrorCode = Problem["code"];

/** What the server says no with: an RFC 9457 problem. `code` is stable, `message` a sentence for people. */
export class ProblemError extends Error {
  override readonly name: string = "ProblemError";
  readonly status: number;
  readonly code: ErrorCode;
  /** Field → what is wrong with it; empty where no field is. */
  readonly errors: Readonly<Record<string, readonly string[]>>;

  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.errors = problem.errors ?? {};
  }
}

/** 401: there is no session (any more), or name and password don't fit (`invalid_credentials`). */
export class UnauthenticatedError extends ProblemError {
  override readonly name = "UnauthenticatedError";
}

/** 403: the user lacks the permission. */
export class ForbiddenError extends ProblemError {
  override readonly name = "ForbiddenError";
}

/** 404: it does not exist, or the user may not see it. */
export class NotFoundError extends ProblemError {
  override readonly name = "NotFoundError";
}

/** 409: a conflict with the current state (`email_taken`, `username_taken`, `last_admin`, `not_a_group`, `conflict`). */
export class ConflictError extends ProblemError {
  override readonly name = "ConflictError";
}

/** 413 or 415: a file or a body is too large, or of a type that is not accepted. */
export class UnacceptableFileError extends ProblemError {
  override readonly name = "UnacceptableFileError";
}

/** 422: `errors` says which field is wrong. */
export class ValidationError extends ProblemError {
  override readonly name = "ValidationError";
}

/** 429: `retryAfter` says in how many seconds to retry. */
export class RateLimitedError extends ProblemError {
  override readonly name = "RateLimitedError";

  constructor(
    problem: Problem,
    readonly retryAfter: number,
  ) {
    super(problem);
  }
}

/** The server was not reached, or its response was lost: the same may work later. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
}

/** No user is logged in (any more). */
export class LoggedOutError extends Error {
  override readonly name = "LoggedOutError";

  constructor() {
    super("You are not logged in.");
  }
}

/** What was under way was given up: the message was discarded, or the client closed. */
export class DiscardedError extends Error {
  override readonly name = "DiscardedError";
}

/** A file to send can no longer be read: it was changed or removed after it was chosen. */
export class UnreadableFileError extends Error {
  override readonly name = "UnreadableFileError";

  constructor() {
    super("The file can't be read. It may have been moved, changed or deleted.");
  }
}

const KINDS: Readonly<Record<number, new (problem: Problem) => ProblemError>> = {
  401: UnauthenticatedError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  413: UnacceptableFileError,
  415: UnacceptableFileError,
  422: ValidationError,
};

/** The exception for a problem; `retryAfter` in seconds where a header says it. */
export function toError(problem: Problem, retryAfter?: number): ProblemError {
  if (problem.status === 429) return new RateLimitedError(problem, problem.retryAfter ?? retryAfter ?? 1);
  return new (KINDS[problem.status] ?? ProblemError)(problem);
}
