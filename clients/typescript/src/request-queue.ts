import { type Job, JobQueue } from "./job-queue.js";
import { type Deferred, deferred } from "./waiting.js";

/** What a queue of requests needs from the rest of the client. */
export interface RequestQueueHooks<Request> {
  isConnected(): boolean;
  /** Send a request, and take in the response. */
  send(request: Request): Promise<void>;
  /** Show the state with a request that waits, or without. */
  changed(request: Request): void;
  /** Whether an earlier request that waits need not be sent because of a later one. */
  isReplaced(earlier: Request, later: Request): boolean;
}

interface Waiting<Request> extends Job {
  readonly request: Request;
  readonly done: Deferred<void>;
}

/** Changes on their way: they show at once, are sent one after the other, and taken back if the server refuses them. */
export class RequestQueue<Request> {
  private readonly waiting: Waiting<Request>[] = [];
  private readonly jobs: JobQueue;

  constructor(private readonly hooks: RequestQueueHooks<Request>) {
    this.jobs = new JobQueue(hooks.isConnected, () => this.waiting[0]);
  }

  /** Those that wait, in order. */
  get requests(): readonly Request[] {
    return this.waiting.map(({ request }) => request);
  }

  /** Resolves once the server has it; rejects when the server refuses it. */
  add(request: Request): Promise<void> {
    const waiting: Waiting<Request> = {
      request,
      done: deferred<void>(),
      given: new AbortController(),
      send: async () => {
        await this.hooks.send(request);
        this.remove(waiting);
        waiting.done.resolve();
      },
      refused: (error) => {
        this.remove(waiting);
        waiting.done.reject(error);
      },
    };
    // The first one may be on its way already.
    const before = this.waiting.slice(1).find((other) => this.hooks.isReplaced(other.request, request));
    if (before) {
      this.waiting.splice(this.waiting.indexOf(before), 1);
      waiting.done.promise.then(before.done.resolve, before.done.reject);
    }
    this.waiting.push(waiting);
    this.hooks.changed(request);
    void this.jobs.run();
    return waiting.done.promise;
  }

  /** There is a connection (again). */
  connected(): void {
    void this.jobs.run();
  }

  /** The session is over: stop sending. */
  end(error: Error): void {
    for (const { given, done } of this.waiting.splice(0)) {
      given.abort();
      done.reject(error);
    }
  }

  private remove(waiting: Waiting<Request>): void {
    const index = this.waiting.indexOf(waiting);
    if (index >= 0) this.waiting.splice(index, 1);
    this.hooks.changed(waiting.request);
  }
}
