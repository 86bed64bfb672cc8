import type { DeliveryStatus, Quote, Sender } from "./generated/schemas.js";
import { requoted, withoutCleared } from "./message-changes.js";
import type { History, Item, Message } from "./model.js";

const RANK: Readonly<Record<DeliveryStatus, number>> = { SENT: 0, DELIVERED: 1, READ: 2 };

/** Where a request for older messages goes on: before the message `oldest`. */
interface Boundary {
  readonly oldest: number;
  readonly cursor: string;
}

/**
 * The loaded messages of a chat, each once, by `seq`: a run without gaps from the oldest fetched message on. Messages
 * that arrive before their predecessors are held back until those arrive. A change of one message touches no other.
 */
export class Timeline {
  history: History = { loaded: false, loading: false, hasOlder: false, hasNewer: false, error: null };
  // The run and how it is shown: the message `oldest + index` is at `index`.
  private run: Message[] = [];
  private items: Item[] = [];
  private oldest = 1;
  /** Where the history begins: the user has cleared what was before it. */
  private first = 1;
  private readonly early = new Map<number, Message>();
  /** By id; the user's own messages also by clientId. */
  private readonly byId = new Map<string, Message>();
  /** Of a window that ends before the newest message: where it goes on. */
  newerCursor: string | null = null;
  /** Where pages begin, newest first; the last one is where the run begins, unless that is the beginning of the chat. */
  private boundaries: Boundary[] = [];
  /** Up to which `seq` receipts were applied. */
  private readonly raised = new Map<string, number>();
  /** The `seq` up to which all members have read the user's own messages. */
  private readUpTo = 0;

  constructor(
    private readonly me: string,
    private readonly toItem: (message: Message) => Item,
  ) {}

  /** Whether changes are kept here: not before this chat was opened. */
  get isKept(): boolean {
    return this.history.loaded || this.history.loading;
  }

  /** Whether messages are missing between the loaded ones. */
  get hasGap(): boolean {
    return this.history.loaded && this.early.size > 0;
  }

  /** How many messages the run has. */
  get size(): number {
    return this.run.length;
  }

  /** Where the history goes on, back in time. */
  get cursor(): string | null {
    return this.history.hasOlder ? (this.boundaries.at(-1)?.cursor ?? null) : null;
  }

  /** The run, the oldest first, then the user's own messages that wait for their predecessors. */
  list(): Item[] {
    if (!this.history.loaded) return [];
    const list = this.items.slice();
    if (this.early.size) {
      const own = [...this.early.values()].filter(({ senderId }) => senderId === this.me);
      list.push(...own.sort((one, other) => one.seq - other.seq).map(this.toItem));
    }
    return list;
  }

  /** The index in the list for a message written after `seq`; null if that is older than the loaded ones. */
  indexAfter(seq: number): number | null {
    const index = seq - this.oldest + 1;
    if (index < 0 || (index === 0 && this.history.hasOlder)) return this.history.hasOlder ? null : 0;
    return Math.min(index, this.run.length);
  }

  find(id: string): Message | undefined {
    return this.byId.get(id);
  }

  /** A message of the run, by its id or `seq`. */
  get(target: string | number): Message | undefined {
    const found = typeof target === "string" ? this.find(target) : this.run[target - this.oldest];
    return found && this.history.loaded && found.seq < this.end ? found : undefined;
  }

  /** The newest message of the run. */
  get last(): Message | undefined {
    return this.run.at(-1);
  }

  /** Know a message, or its newer version; whether that made a difference. */
  put(message: Message): boolean {
    // Older than what was fetched: it comes with its page.
    if (!this.isKept || message.seq < (this.history.loaded ? this.oldest : this.first)) return false;
    // Newer than a window: it comes with its page.
    if (this.history.hasNewer && message.seq >= this.end) return false;
    const known = this.at(message.seq);
    const newer = known ? merged(known, message) : message;
    if (newer === known) return false;
    this.set(newer);
    return true;
  }

  /** The messages after `seq`; null if not all of them are loaded. */
  after(seq: number): Message[] | null {
    const { loaded, hasOlder, hasNewer } = this.history;
    if (!loaded || hasNewer || this.early.size || (hasOlder && seq + 1 < this.oldest)) return null;
    return this.run.slice(Math.max(0, seq + 1 - this.oldest));
  }

  /** Change a message that is known; whether it is. */
  change(messageId: string, change: (known: Message) => Message): boolean {
    const known = this.byId.get(messageId);
    const changed = known && change(known);
    if (changed && changed !== known) this.set(changed);
    return known !== undefined;
  }

  /** A sender has another name or avatar; whether one of their messages is loaded, or quoted. */
  changeSender(sender: Sender): boolean {
    return this.changeAll((message) => withSender(message, sender));
  }

  /** A message was edited or deleted; whether a loaded one quotes it. */
  requote(quotedId: string, change: (quote: Quote) => Quote): boolean {
    return this.changeAll((message) => requoted(message, quotedId, change));
  }

  /** Rebuild the items of a message and of those that quote it; returns whether there are any. */
  refresh(id: string): boolean {
    const shown = [this.byId.get(id), ...this.run.filter(({ replyTo }) => replyTo?.id === id)];
    for (const message of shown) if (message) this.set(message);
    return shown.some(Boolean);
  }

  /** Raise the status of the user's own messages, or of all others, up to `seq`; returns whether any changed. */
  raise(status: DeliveryStatus, seq: number, { own }: { own: boolean }): boolean {
    const name = `${status} ${own}`;
    const end = Math.min(seq, this.end - 1);
    const start = Math.max(this.oldest, (this.raised.get(name) ?? 0) + 1);
    let raised = false;
    for (let at = end; at >= start; at -= 1) {
      const message = this.at(at);
      if (!message || (message.senderId === this.me) !== own) continue;
      // Receipts are cumulative: all earlier ones are as far already.
      if (RANK[message.status] >= RANK[status]) break;
      this.set({ ...message, status });
      raised = true;
    }
    if (end >= start) this.raised.set(name, end);
    for (const message of this.early.values()) {
      if (message.seq > seq || (message.senderId === this.me) !== own || RANK[message.status] >= RANK[status]) continue;
      this.set({ ...message, status });
      raised = true;
    }
    return raised;
  }

  /** The `seq` of the user's oldest loaded message that not all members have read, or 0. */
  oldestUnread(): number {
    for (let at = Math.max(this.oldest, this.readUpTo + 1); at < this.end; at += 1) {
      const message = this.at(at);
      if (message?.senderId === this.me && message.status !== "READ") return at;
      this.readUpTo = at;
    }
    return 0;
  }

  /**
   * Take in a page that was asked for with `before`, newest message first: the newest page with null. One that does not
   * continue what is here, since that was trimmed meanwhile, is dropped.
   */
  addPage(messages: readonly Message[], cursor: string | null, before: string | null): void {
    const { loaded } = this.history;
    if (loaded && (before === null || before !== this.cursor)) {
      this.history = { ...this.history, loading: false };
      return;
    }
    const page = messages.filter(({ seq }) => seq >= this.first).reverse();
    if (page.length < messages.length) cursor = null;
    if (!loaded) this.oldest = page[0]?.seq ?? this.first;
    else this.oldest -= page.length;
    this.readUpTo = 0;
    this.run = [...page, ...this.run];
    this.items = [...page.map(this.toItem), ...this.items];
    for (const message of page) this.index(message);
    if (cursor !== null) this.boundaries.push({ oldest: this.oldest, cursor });
    this.history = { ...this.history, loaded: true, loading: false, hasOlder: cursor !== null, error: null };
    // Events may have brought newer versions meanwhile.
    const early = [...this.early.values()];
    this.early.clear();
    for (const message of early) {
      if (message.seq < this.oldest) this.forget(message);
      else this.put(message);
    }
  }

  /** End before the newest message of the chat: the messages after these are not added but fetched, from `cursor` on. */
  detach(cursor: string | null): void {
    this.history = { ...this.history, loading: false, hasNewer: true, error: null };
    this.newerCursor = cursor;
  }

  /** Take in the page after a window, newest message first. */
  addNewer(messages: readonly Message[], cursor: string | null): void {
    for (const message of [...messages].reverse()) if (message.seq === this.end) this.set(message);
    this.detach(cursor);
  }

  /** Whether this begins earlier in the history. */
  startsBefore(other: Timeline): boolean {
    return this.oldest < other.oldest;
  }

  /** Whether a window has reached the newest messages. */
  reaches(live: Timeline): boolean {
    return live.history.loaded && this.end >= live.oldest;
  }

  /** Go on with the newest messages, which this window has reached. */
  join(live: Timeline): void {
    this.history = { ...this.history, hasNewer: false };
    this.newerCursor = null;
    for (const message of [...live.run, ...live.early.values()]) this.put(message);
    this.boundaries = [...live.boundaries.filter(({ oldest }) => oldest > this.oldest), ...this.boundaries];
  }

  /** Add a page boundary, before which messages can be dropped. */
  addBoundary(messages: readonly Message[], cursor: string | null): void {
    const oldest = messages.at(-1)?.seq ?? 0;
    if (cursor === null || oldest <= this.oldest || this.boundaries.some((known) => known.oldest === oldest)) return;
    this.boundaries.push({ oldest, cursor });
    this.boundaries.sort((one, other) => other.oldest - one.oldest);
  }

  /** The newest messages, newest first, from where a page begins: as many as `limit` allows; null when it allows none. */
  newest(limit: number): { messages: Message[]; cursor: string | null } | null {
    if (!this.history.loaded) return null;
    if (!this.history.hasOlder && this.run.length <= limit) return { messages: [...this.run].reverse(), cursor: null };
    const boundary = this.boundaries.filter(({ oldest }) => this.end - oldest <= limit).at(-1);
    if (!boundary) return null;
    return { messages: this.run.slice(boundary.oldest - this.oldest).reverse(), cursor: boundary.cursor };
  }

  /** Drop the oldest messages up to the last boundary that leaves `keep`; whether there were any. */
  trim(keep: number): boolean {
    const newest = this.end - 1;
    const at = this.boundaries.findIndex(({ oldest }) => oldest > this.oldest && newest - oldest + 1 >= keep);
    const boundary = this.boundaries[at];
    if (!boundary) return false;
    const count = boundary.oldest - this.oldest;
    for (const message of this.run.slice(0, count)) this.forget(message);
    this.run = this.run.slice(count);
    this.items = this.items.slice(count);
    this.oldest = boundary.oldest;
    this.boundaries = this.boundaries.slice(0, at + 1);
    this.history = { ...this.history, hasOlder: true };
    return true;
  }

  /** The user has cleared the messages up to `seq`; whether any of them was loaded. */
  clear(seq: number): boolean {
    if (seq < this.first) return false;
    this.first = seq + 1;
    for (const message of this.early.values()) if (message.seq <= seq) this.forget(message);
    for (const early of [...this.early.keys()]) if (early <= seq) this.early.delete(early);
    if (!this.history.loaded || this.oldest > this.first) return false;
    const cleared = this.run.splice(0, this.first - this.oldest);
    this.items.splice(0, cleared.length);
    for (const message of cleared) this.forget(message);
    this.oldest = this.first;
    this.boundaries = this.boundaries.filter(({ oldest }) => oldest > this.first);
    this.history = { ...this.history, hasOlder: false };
    this.joinEarly();
    this.changeAll((message) => withoutCleared(message, seq));
    return true;
  }

  show(history: Partial<History>): void {
    this.history = { ...this.history, ...history };
  }

  private changeAll(change: (message: Message) => Message): boolean {
    let hasChanged = false;
    for (const message of [...this.run, ...this.early.values()]) {
      const changed = change(message);
      if (changed === message) continue;
      this.set(changed);
      hasChanged = true;
    }
    return hasChanged;
  }

  /** The `seq` that follows the run. */
  private get end(): number {
    return this.oldest + this.run.length;
  }

  private at(seq: number): Message | undefined {
    return this.run[seq - this.oldest] ?? this.early.get(seq);
  }

  private set(message: Message): void {
    this.index(message);
    const index = message.seq - this.oldest;
    if (!this.history.loaded || index > this.run.length) {
      this.early.set(message.seq, message);
      return;
    }
    this.run[index] = message;
    this.items[index] = this.toItem(message);
    this.joinEarly();
  }

  /** Add the messages that waited for their predecessors. */
  private joinEarly(): void {
    for (let next: Message | undefined; (next = this.early.get(this.end)); ) {
      this.early.delete(next.seq);
      this.run.push(next);
      this.items.push(this.toItem(next));
    }
  }

  private index(message: Message): void {
    this.byId.set(message.id, message);
    if (message.clientId && message.senderId === this.me) this.byId.set(message.clientId, message);
  }

  private forget({ id, clientId }: Message): void {
    this.byId.delete(id);
    if (clientId) this.byId.delete(clientId);
  }
}

/** The newer version of a message; of equal ones the later, but never a lower status. `known` if nothing is new. */
export function merged(known: Message, message: Message): Message {
  if (message.rev < known.rev) return known;
  const status = higher(known.status, message.status);
  const next = { ...message, status };
  return JSON.stringify(next) === JSON.stringify({ ...known }) ? known : next;
}

/** A message as the profile of its sender, or of the one whom it quotes or was forwarded from, changes it. */
export function withSender(message: Message, sender: Sender): Message {
  const { senderId, replyTo, forwardedFrom } = message;
  const isQuoted = replyTo?.sender?.id === sender.id;
  const isForwarded = forwardedFrom?.sender?.id === sender.id;
  if (senderId !== sender.id && !isQuoted && !isForwarded) return message;
  return {
    ...message,
    ...(senderId === sender.id && { sender }),
    ...(isQuoted && { replyTo: { ...replyTo, sender } }),
    ...(isForwarded && { forwardedFrom: { ...forwardedFrom, sender } }),
  };
}

/** The further of two statuses. */
export function higher(one: DeliveryStatus, other: DeliveryStatus): DeliveryStatus {
  return RANK[one] >= RANK[other] ? one : other;
}
