import type { Changes } from "./changes.js";
import { DiscardedError, NetworkError, NotFoundError, ProblemError, toError, UnreadableFileError } from "./errors.js";
import { newId, stamp } from "./ids.js";
import { type Job, JobQueue } from "./job-queue.js";
import type { SendMessage } from "./generated/schemas.js";
import { quoteOf, withEdit } from "./message-changes.js";
import type { FileToSend, Item, Message, MessageEdit, QueuedMessage, SendOptions } from "./model.js";
import { unknownChat } from "./reader.js";
import type { QueueRecord } from "./storage.js";
import type { UnsentRecords } from "./unsent.js";
import { type Deferred, deferred, Slots } from "./waiting.js";

/** What the queue needs from the rest of the client. */
export interface QueueHooks {
  isConnected(): boolean;
  send(message: SendMessage): Promise<Message>;
  upload(form: () => FormData, progress: (share: number) => void, signal: AbortSignal): Promise<Message>;
  /** The server has stored a message: take it in, and settle it here. */
  stored(message: Message): void;
  /** The `seq` of a chat's newest message; undefined where the chat is not known. */
  lastSeq(chatId: string): number | undefined;
  /** The edit that waits for this message. */
  editOf(clientId: string): MessageEdit | undefined;
  /** Take that edit out of its queue. */
  takeEdit(clientId: string): { edit: MessageEdit; done: Deferred<Message> } | undefined;
}

type QueueItem = Exclude<Item, { state: "sent" }>;

interface Entry extends Job {
  queued: QueuedMessage;
  /** The `seq` of the message after which it was written. */
  after: number;
  /** Whether it was refused once: it stays in its place then. */
  isPlaced: boolean;
  error: Error | null;
  progress: number | null;
  /** How it is shown. */
  item: QueueItem;
  done: Deferred<Message>;
}

/** The entries of one chat, in the order in which they were written. */
interface ChatQueue {
  readonly entries: Entry[];
  readonly texts: JobQueue;
  readonly files: JobQueue;
}

// As many as the server accepts from a user at the same time.
const MAX_UPLOADS = 2;
const NEVER_ACCEPTED: readonly number[] = [403, 404, 413, 415, 422];
// Refused with 403 because of a block, which may end.
const BLOCKED: readonly string[] = ["cannot_send", "you_blocked"];

/**
 * Messages on their way. Those of one chat are sent in order, again and again until the server has them; those with a
 * file in a queue of their own, so that text never waits for an upload.
 */
export class SendQueue {
  private readonly chats = new Map<string, ChatQueue>();
  private readonly byId = new Map<string, Entry>();
  private readonly uploads = new Slots(MAX_UPLOADS);

  constructor(
    private readonly records: UnsentRecords,
    private readonly changes: Changes,
    private readonly hooks: QueueHooks,
  ) {}

  /** Take up messages that another client has left. */
  restore(records: readonly QueueRecord[]): void {
    for (const record of records) {
      if (record.kind !== "message" || this.byId.has(record.id)) continue;
      this.put(record.queued, record.after, record.problem && toError(record.problem));
    }
  }

  add(
    chatId: string,
    content: string,
    file: FileToSend | null,
    { replyTo, ...fields }: Omit<SendOptions, "file">,
  ): { clientId: string; sent: Promise<Message> } {
    const message = { clientId: newId(), chatId, content, file, createdAt: stamp() };
    const queued = withEdit<QueuedMessage>({ ...message, ...(replyTo && { replyTo: quoteOf(replyTo) }) }, fields);
    const entry = this.put(queued, this.hooks.lastSeq(chatId) ?? 0, null);
    return { clientId: queued.clientId, sent: entry.done.promise };
  }

  /** Insert a chat's queued messages into `list`, its stored ones; `indexAfter` says where the place after a `seq` is. */
  insertInto(list: Item[], chatId: string, indexAfter: (seq: number) => number | null): void {
    const entries = this.chats.get(chatId)?.entries ?? [];
    const placed = entries.filter(({ isPlaced }) => isPlaced).sort((one, other) => one.after - other.after);
    for (const { after, item } of placed.reverse()) {
      const index = indexAfter(after);
      if (index !== null) list.splice(index, 0, item);
    }
    for (const { isPlaced, item } of entries) if (!isPlaced) list.push(item);
  }

  state(clientId: string): "pending" | "failed" | undefined {
    return this.byId.get(clientId)?.item.state;
  }

  chatOf(clientId: string): string | undefined {
    return this.byId.get(clientId)?.queued.chatId;
  }

  retry(clientId: string): void {
    const entry = this.byId.get(clientId);
    if (entry?.error) this.again(entry, entry.queued);
  }

  /** Send a refused message with an edit. */
  rewrite(clientId: string, edit: MessageEdit): Promise<Message> {
    const entry = this.byId.get(clientId);
    if (!entry?.error) throw new Error("Only a refused message can be rewritten.");
    this.again(entry, withEdit(entry.queued, edit));
    return entry.done.promise;
  }

  discard(clientId: string): void {
    const entry = this.byId.get(clientId);
    if (entry) this.remove(entry, new DiscardedError("The message was discarded."));
  }

  /** The server has this message, by whatever way that became known. */
  settle(message: Message): void {
    const entry = message.clientId ? this.byId.get(message.clientId) : undefined;
    if (!entry) return;
    const { chatId, createdAt } = entry.queued;
    this.remove(entry);
    for (const later of this.chats.get(chatId)?.entries ?? []) {
      if (later.queued.createdAt > createdAt) later.after = Math.max(later.after, message.seq);
    }
    entry.done.resolve(message);
  }

  /** The user is no longer in that chat. */
  drop(chatId: string): void {
    for (const entry of [...(this.chats.get(chatId)?.entries ?? [])]) this.remove(entry, unknownChat());
  }

  /** An edit of this message came or went. */
  refresh(clientId: string): void {
    const entry = this.byId.get(clientId);
    if (entry) this.show(entry);
  }

  /** There is a connection (again). */
  connected(): void {
    for (const { texts, files } of this.chats.values()) {
      void texts.run();
      void files.run();
    }
  }

  /** The session is over: stop sending. */
  end(error: Error): void {
    for (const entry of this.byId.values()) {
      entry.given.abort();
      entry.done.reject(error);
    }
    this.byId.clear();
    this.chats.clear();
  }

  private put(queued: QueuedMessage, after: number, error: Error | null): Entry {
    const item: QueueItem = { state: "pending", key: queued.clientId, queued, progress: null };
    const entry: Entry = {
      ...{ queued, after, isPlaced: error !== null, error, progress: null, item },
      done: deferred<Message>(),
      given: new AbortController(),
      send: () => this.send(entry),
      refused: (reason) => this.refuse(entry, reason),
    };
    const { entries } = this.chat(queued.chatId);
    const later = entries.findIndex((other) => other.queued.createdAt > queued.createdAt);
    entries.splice(later < 0 ? entries.length : later, 0, entry);
    this.byId.set(queued.clientId, entry);
    this.changed(entry);
    return entry;
  }

  private again(entry: Entry, queued: QueuedMessage): void {
    entry.queued = queued;
    entry.error = null;
    entry.done = deferred();
    this.changed(entry);
  }

  /** Store, show and send an entry in its current state. */
  private changed(entry: Entry): void {
    const { queued, after, error } = entry;
    const problem = error instanceof ProblemError ? error.problem : null;
    this.records.put({ kind: "message", id: queued.clientId, owner: this.records.owner, queued, after, problem });
    this.show(entry);
    const { texts, files } = this.chat(queued.chatId);
    if (!error) void (queued.file ? files : texts).run();
  }

  private chat(chatId: string): ChatQueue {
    let chat = this.chats.get(chatId);
    if (!chat) {
      const entries: Entry[] = [];
      const queueOf = (isFile: boolean): JobQueue =>
        new JobQueue(this.hooks.isConnected, () =>
          entries.find(({ error, queued }) => !error && isFile === !!queued.file),
        );
      chat = { entries, texts: queueOf(false), files: queueOf(true) };
      this.chats.set(chatId, chat);
    }
    return chat;
  }

  private async send(entry: Entry): Promise<void> {
    const { file } = entry.queued;
    const message = await (file ? this.upload(entry, file) : this.hooks.send(sendable(entry.queued)));
    this.hooks.stored(message);
  }

  private async upload(entry: Entry, file: FileToSend): Promise<Message> {
    const message = sendable(entry.queued);
    const form = (): FormData => {
      const fields = new FormData();
      for (const [name, value] of Object.entries(message)) {
        if (value) fields.set(name, typeof value === "object" ? JSON.stringify(value) : value);
      }
      fields.set("file", file.data, file.name);
      return fields;
    };
    const progress = (share: number | null): void => {
      entry.progress = share;
      this.show(entry);
    };
    try {
      return await this.uploads.use(() => this.hooks.upload(form, progress, entry.given.signal));
    } catch (error) {
      progress(null);
      // Its file was changed or removed on the disk: browsers call that a network error.
      if (error instanceof NetworkError && !(await isReadable(file.data))) throw new UnreadableFileError();
      throw error;
    }
  }

  private refuse(entry: Entry, error: Error): void {
    const { clientId, chatId } = entry.queued;
    entry.isPlaced = true;
    entry.error = error;
    const taken = this.hooks.takeEdit(clientId);
    if (taken) {
      // The server does not have the message: it is sent with the edit.
      const { done } = entry;
      this.again(entry, withEdit(entry.queued, taken.edit));
      entry.done.promise.then(taken.done.resolve, taken.done.reject);
      entry.done.promise.then(done.resolve, done.reject);
      return;
    }
    entry.done.reject(error);
    // Its chat is gone, and with it the place where it would show.
    if (error instanceof NotFoundError && this.hooks.lastSeq(chatId) === undefined) this.remove(entry, error);
    else this.changed(entry);
  }

  private show(entry: Entry): void {
    const { queued: written, error, progress } = entry;
    const edit = this.hooks.editOf(written.clientId);
    const queued = edit ? withEdit(written, edit) : written;
    const key = queued.clientId;
    entry.item = error
      ? { state: "failed", key, queued, error, canRetry: canRetry(error) }
      : { state: "pending", key, queued, progress };
    if (this.byId.has(key)) this.changes.noteOf("messages", queued.chatId);
  }

  /** Remove an entry; with an error, its promise rejects. */
  private remove(entry: Entry, error?: Error): void {
    const { clientId, chatId } = entry.queued;
    const { entries } = this.chat(chatId);
    entries.splice(entries.indexOf(entry), 1);
    this.byId.delete(clientId);
    this.records.remove("message", clientId);
    this.changes.noteOf("messages", chatId);
    if (!error) return;
    this.hooks.takeEdit(clientId)?.done.reject(error);
    entry.given.abort();
    entry.done.reject(error);
  }
}

/** A message as it is sent. */
function sendable({ file: _file, createdAt: _createdAt, replyTo, ...message }: QueuedMessage): SendMessage {
  return { ...message, ...(replyTo && { replyToId: replyTo.id }) };
}

/** Whether the server may accept later a message that it refused. */
function canRetry(error: Error): boolean {
  if (!(error instanceof ProblemError)) return true;
  return BLOCKED.includes(error.code) || !NEVER_ACCEPTED.includes(error.status);
}

async function isReadable(data: Blob): Promise<boolean> {
  try {
    await data.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
