import { RateLimitedError } from "./errors.js";
import { isPassing, isRequestTimeout, isTokenRefused } from "./http.js";
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
// A line that is too slow for a file stays so, and each attempt costs most of the file's traffic.
const MAX_REQUEST_TIMEOUTS = 3;

/** Sends jobs one after the other, each again and again until the server has it or refuses it. */
export class JobQueue {
  private isRunning = false;
  /** The job that timed out last, and how often. */
  private timedOut: { job?: Job; count: number } = { count: 0 };

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
          } else if ((isPassing(error) && !this.timesOutForGood(error, job)) || isTokenRefused(error)) {
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

  private timesOutForGood(error: unknown, job: Job): boolean {
    if (!isRequestTimeout(error)) return false;
    this.timedOut = { job, count: this.timedOut.job === job ? this.timedOut.count + 1 : 1 };
    if (this.timedOut.count < MAX_REQUEST_TIMEOUTS) return false;
    // The user may try again.
    this.timedOut = { count: 0 };
    return true;
  }

  private wait(ms: number, job: Job): Promise<void> {
    return pause(ms, job.given.signal).catch(() => {});
  }
}
