import type { DeliveryStatus } from "./generated/schemas.js";
import type { History, Message } from "./model.js";

const RANK: Readonly<Record<DeliveryStatus, number>> = { SENT: 0, DELIVERED: 1, READ: 2 };

/**
 * What is here of a chat's messages, each once, by `seq`: an unbroken run from the oldest that was fetched on. What
 * came before its predecessors is kept back until they are here.
 */
export class Timeline {
  history: History = { loaded: false, loading: false, hasOlder: false, error: null };
  /** Where the history goes on, back in time. */
  cursor: string | null = null;
  private readonly bySeq = new Map<number, Message>();
  private readonly byId = new Map<string, Message>();
  private oldest = 0;
  private newest = 0;
  private highest = 0;

  /** Whether changes are kept here: not before somebody has asked for this chat. */
  get isKept(): boolean {
    return this.history.loaded || this.history.loading;
  }

  /** Whether messages are missing within what is here. */
  get hasGap(): boolean {
    return this.history.loaded && this.highest > this.newest;
  }

  /** The run, the oldest first, and then those of `mine` that are still waiting for their predecessors. */
  list(mine: string): Message[] {
    const run: Message[] = [];
    if (!this.history.loaded) return run;
    for (let seq = this.oldest; seq <= this.newest; seq += 1) run.push(this.bySeq.get(seq) as Message);
    for (let seq = this.newest + 1; seq <= this.highest; seq += 1) {
      const early = this.bySeq.get(seq);
      if (early?.senderId === mine) run.push(early);
    }
    return run;
  }

  find(messageId: string): Message | undefined {
    return this.byId.get(messageId);
  }

  /** The newest message of the run. */
  get last(): Message | undefined {
    return this.bySeq.get(this.newest);
  }

  /** Know a message, or its newer version; whether that made a difference. */
  put(message: Message): boolean {
    // Older than what was fetched: it comes with its page.
    if (!this.isKept || (this.history.loaded && message.seq < this.oldest)) return false;
    const known = this.bySeq.get(message.seq);
    const newer = known ? merged(known, message) : message;
    if (newer === known) return false;
    this.set(newer);
    return true;
  }

  /** Change a message that is known; whether it is. */
  change(messageId: string, changes: Partial<Message>): boolean {
    const known = this.byId.get(messageId);
    if (known) this.set({ ...known, ...changes });
    return known !== undefined;
  }

  /** Raise the status of these messages that are at most `seq`; whether any was below it. */
  raise(status: DeliveryStatus, seq: number, concerned: (message: Message) => boolean): boolean {
    let raised = false;
    for (let at = Math.min(seq, this.highest); at >= this.oldest; at -= 1) {
      const message = this.bySeq.get(at);
      if (!message || !concerned(message)) continue;
      // Receipts are cumulative: all earlier ones are as far already.
      if (RANK[message.status] >= RANK[status]) break;
      this.set({ ...message, status });
      raised = true;
    }
    return raised;
  }

  /** The `seq` of the oldest message here that has not been read by all, 0 when there is none. */
  oldestUnread(concerned: (message: Message) => boolean): number {
    for (let at = this.oldest; at <= this.newest; at += 1) {
      const message = this.bySeq.get(at);
      if (message && concerned(message) && message.status !== "READ") return at;
    }
    return 0;
  }

  /** Take in a page that goes back in time from the newest message, or from the oldest one here. */
  addPage(messages: readonly Message[], cursor: string | null): void {
    const first = messages.at(-1)?.seq ?? (this.history.loaded ? this.oldest : 1);
    this.oldest = this.history.loaded ? Math.min(this.oldest, first) : first;
    this.newest = Math.max(this.newest, messages[0]?.seq ?? 0);
    this.history = { loaded: true, loading: false, hasOlder: cursor !== null, error: null };
    this.cursor = cursor;
    for (const message of messages) this.put(message);
    this.extend();
  }

  show(history: Partial<History>): void {
    this.history = { ...this.history, ...history };
  }

  private set(message: Message): void {
    this.bySeq.set(message.seq, message);
    this.byId.set(message.id, message);
    this.highest = Math.max(this.highest, message.seq);
    this.extend();
  }

  private extend(): void {
    if (!this.history.loaded) return;
    while (this.bySeq.has(this.newest + 1)) this.newest += 1;
  }
}

/** The newer version of a message; of equal ones what was learned last, but no lower status. `known` if nothing is new. */
export function merged(known: Message, message: Message): Message {
  if (message.rev < known.rev) return known;
  const status = higher(known.status, message.status);
  const next = { ...message, status };
  return JSON.stringify(next) === JSON.stringify({ ...known }) ? known : next;
}

/** The further of two statuses. */
export function higher(one: DeliveryStatus, other: DeliveryStatus): DeliveryStatus {
  return RANK[one] >= RANK[other] ? one : other;
}
