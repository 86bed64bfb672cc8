import { RateLimitedError } from "./errors.js";
import { isPassing, isTokenRefused } from "./http.js";
import { backoff, pause } from "./waiting.js";

/** Something to send. */
export interface Job {
  /** Aborted once it is no longer wanted. */
  readonly given: AbortController;
  /** Try once. */
  send(): Promise<void>;
  /** The server will not take it, or not for a long time. */
  refused(error: Error): void;
}

// A limit that lasts longer, such as a daily quota, is shown as a failure.
const MAX_WAIT_SECONDS = 120;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

/** Sends jobs one after the other, each again and again until the server has it or refuses it. */
export class JobQueue {
  private isRunning = false;

  /** `next` is the job to be sent now, the same one until it is done. */
  constructor(
    private readonly isConnected: () => boolean,
    private readonly next: () => Job | undefined,
  ) {}

  /** There may be something to send. */
  async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    let failures = 0;
    try {
      for (let job: Job | undefined; this.isConnected() && (job = this.next()); ) {
        try {
          await job.send();
          failures = 0;
        } catch (error) {
          if (this.next() !== job) continue;
          if (error instanceof RateLimitedError && error.retryAfter <= MAX_WAIT_SECONDS) {
            await this.wait(error.retryAfter * 1000, job);
          } else if (isPassing(error) || isTokenRefused(error)) {
            failures += 1;
            // Without a connection the loop ends, and a new one begins it again at once.
            if (this.isConnected()) await this.wait(backoff(failures, FIRST_RETRY_MS, MAX_RETRY_MS), job);
          } else {
            job.refused(error as Error);
          }
        }
      }
    } finally {
      this.isRunning = false;
    }
  }

  private wait(ms: number, job: Job): Promise<void> {
    return pause(ms, job.given.signal).catch(() => {});
  }
}
