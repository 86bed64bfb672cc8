import { ConflictError, DiscardedError, NotFoundError, ProblemError, toError } from "./errors.js";
import { stamp } from "./ids.js";
import { type Job, JobQueue } from "./job-queue.js";
import type { Message, MessageEdit } from "./model.js";
import type { QueueRecord } from "./storage.js";
import type { UnsentRecords } from "./unsent.js";
import { type Deferred, deferred } from "./waiting.js";

/** What edits need from the rest of the client. */
export interface EditsHooks {
  isConnected(): boolean;
  edit(messageId: string, edit: MessageEdit): Promise<Message>;
  delete(messageId: string): Promise<void>;
  /** Whether this is a message that is not sent yet. */
  isQueued(target: string): boolean;
  /** Whether the user is in that chat, as far as it is known. */
  isKnown(chatId: string): boolean;
  /** Show a message with its edit, or without. */
  refresh(target: string): void;
}

/** An edit, or null for a deletion; with an error, it was refused. */
interface QueuedChange extends Job {
  /** The message's id; its clientId until it is stored. */
  target: string;
  chatId: string | null;
  edit: MessageEdit | null;
  createdAt: string;
  error: Error | null;
  done: Deferred<Message | undefined>;
}

/** Edits and deletions on their way, one for each message: they show at once and are sent one after the other. */
export class Edits {
  private readonly changes = new Map<string, QueuedChange>();
  private readonly jobs: JobQueue;

  constructor(
    private readonly records: UnsentRecords,
    private readonly hooks: EditsHooks,
  ) {
    this.jobs = new JobQueue(hooks.isConnected, () => this.next());
  }

  /** Take up changes that another client has left. */
  restore(records: readonly QueueRecord[]): void {
    const changes = records.filter((record) => record.kind === "change");
    for (const record of changes.sort((one, other) => (one.createdAt < other.createdAt ? -1 : 1))) {
      if (this.changes.has(record.id)) continue;
      const { content, fields } = record;
      const edit = content === null ? null : { ...(content !== undefined && { content }), ...fields };
      const change = this.made(record.id, record.chatId, edit, record.createdAt);
      change.error = record.problem && toError(record.problem);
      this.changed(change);
    }
  }

  /** The edit of a message, with the error if it was refused; null while the message is being deleted. */
  of(messageId: string): { readonly edit: MessageEdit | null; readonly error: Error | null } | undefined {
    return this.changes.get(messageId);
  }

  async edit(target: string, chatId: string | null, edit: MessageEdit): Promise<Message> {
    const waiting = this.changes.get(target)?.edit;
    if (waiting === null) throw new DiscardedError("The message is being deleted.");
    const message = await this.put(target, chatId, { ...waiting, ...edit });
    if (!message) throw new DiscardedError("The message was deleted.");
    return message;
  }

  async delete(target: string, chatId: string | null): Promise<void> {
    const edited = this.changes.get(target);
    if (edited?.edit !== null) edited?.done.reject(new DiscardedError("The message was deleted."));
    await this.put(target, chatId, null);
  }

  retry(target: string): void {
    const change = this.changes.get(target);
    if (change?.error) void this.put(target, change.chatId, change.edit).catch(() => {});
  }

  discard(target: string): void {
    const change = this.changes.get(target);
    if (change && change.edit !== null) this.remove(change, new DiscardedError("The edit was discarded."));
  }

  /** Take the edit of a message that is not stored out of the queue. */
  take(clientId: string): { edit: MessageEdit; done: Deferred<Message> } | undefined {
    const change = this.changes.get(clientId);
    if (!change?.edit) return undefined;
    this.remove(change);
    return { edit: change.edit, done: change.done as Deferred<Message> };
  }

  /** A message was stored: changes that waited for it can be sent. */
  settle({ id, clientId }: Message): void {
    const change = clientId ? this.changes.get(clientId) : undefined;
    if (!change || !clientId) return;
    this.remove(change);
    change.target = id;
    this.changes.set(id, change);
    this.changed(change);
  }

  /** The user is no longer in that chat. */
  drop(chatId: string, error: Error): void {
    for (const change of [...this.changes.values()]) if (change.chatId === chatId) this.remove(change, error);
  }

  /** There is a connection (again). */
  connected(): void {
    void this.jobs.run();
  }

  /** The session is over: stop sending. */
  end(error: Error): void {
    for (const { given, done } of this.changes.values()) {
      given.abort();
      done.reject(error);
    }
    this.changes.clear();
  }

  private put(target: string, chatId: string | null, edit: MessageEdit | null): Promise<Message | undefined> {
    let change = this.changes.get(target);
    if (!change) change = this.made(target, chatId, edit, stamp());
    else if (change.error || (change.edit === null) !== (edit === null)) change.done = deferred();
    change.edit = edit;
    change.error = null;
    const { promise } = change.done;
    this.changed(change);
    return promise;
  }

  private made(target: string, chatId: string | null, edit: MessageEdit | null, createdAt: string): QueuedChange {
    const change: QueuedChange = {
      ...{ target, chatId, edit, createdAt, error: null },
      done: deferred<Message | undefined>(),
      given: new AbortController(),
      send: () => this.send(change),
      refused: (error) => this.refuse(change, error),
    };
    this.changes.set(target, change);
    return change;
  }

  /** Store, show and send a change in its current state. */
  private changed(change: QueuedChange): void {
    const { target: id, chatId, edit, createdAt, error } = change;
    const problem = error instanceof ProblemError ? error.problem : null;
    const { content, ...fields } = edit ?? { content: null };
    const changed = { ...(content !== undefined && { content }), fields };
    this.records.put({ kind: "change", id, owner: this.records.owner, chatId, ...changed, createdAt, problem });
    this.hooks.refresh(id);
    void this.jobs.run();
  }

  private next(): QueuedChange | undefined {
    for (const change of this.changes.values()) if (!change.error && !this.hooks.isQueued(change.target)) return change;
    return undefined;
  }

  private async send(change: QueuedChange): Promise<void> {
    const { target, edit } = change;
    const message = await (edit === null ? this.hooks.delete(target) : this.hooks.edit(target, edit));
    // It may have been replaced or discarded meanwhile.
    if (this.changes.get(target) !== change || change.edit !== edit) return;
    this.remove(change);
    change.done.resolve(message ?? undefined);
  }

  private refuse(change: QueuedChange, error: Error): void {
    const isGone = error instanceof NotFoundError && change.chatId !== null && !this.hooks.isKnown(change.chatId);
    if (change.edit === null || error instanceof ConflictError || isGone) {
      // A deletion has no failed state, a deleted message no text, and a chat that is gone shows neither.
      this.remove(change, error);
      return;
    }
    change.error = error;
    change.done.reject(error);
    this.changed(change);
  }

  private remove(change: QueuedChange, error?: Error): void {
    this.changes.delete(change.target);
    this.records.remove("change", change.target);
    this.hooks.refresh(change.target);
    if (!error) return;
    change.given.abort();
    change.done.reject(error);
  }
}
