import type { ChatEntry, Shared } from "./chat-entry.js";
import type { MessageChangedEvent, MessageEvent, MessageReactions, Quote } from "./generated/schemas.js";
import { messageTombstone } from "./generated/tombstones.js";
import {
  isMineKnown,
  quoteOf,
  hiddenTombstone,
  quoteTombstone,
  requoted,
  withChanges,
  withFields,
  withMine,
  withoutCleared,
} from "./message-changes.js";
import type { Message } from "./model.js";
import { merged, type Timeline } from "./timeline.js";

/** Merges messages and their changes into the state of one chat: its timelines, its newest message and its counts. */
export class ChatMessages {
  constructor(
    private readonly entry: ChatEntry,
    private readonly shared: Shared,
  ) {}

  /** Handle an event with a new or changed message. */
  receive(event: MessageEvent, { isNew }: { isNew: boolean }): Message {
    const { entry } = this;
    const { me } = this.shared;
    const { reactions = [], ...rest } = event;
    const known = this.copyOf(event.id);
    const own = reactions.length > 0 && { reactions: withMine(reactions, known?.reactions, me) };
    const message = { ...rest, ...own, status: entry.statusOf(event) };
    // After an interruption, a message with all of its changes comes without `mine`: `sync` has it.
    const isSeen = (!known && !isNew) || isMineKnown(reactions, known?.reactions, me);
    this.put(message, { isNew, isSeen });
    // Only a change that is no edit is sent like this, and this one may have been a pin.
    if (!isNew && (!known || known.isHidden) && !event.isEdited && entry.chat.pinCount) entry.countsStale();
    // Sending a message implies having read the ones before it.
    if (isNew && event.senderId !== me) entry.receipt("READ", event.seq - 1);
    return message;
  }

  /** Take in one message as a response or an event has it. */
  put(received: Message, { isNew = false, isSeen = true } = {}): void {
    const { entry } = this;
    const message = this.asSeen(received);
    const known = this.copyOf(message.id);
    const isFirst = message.seq > entry.chat.lastSeq;
    if (known || isNew) entry.countPin(message.rev, isPinned(known), isPinned(message));
    this.take(message);
    if (isFirst) entry.addMention(message);
    else entry.recountMention(message.seq, known, message);
    entry.advance(message.rev, isSeen);
  }

  /** Take in a message that the user has pinned or unpinned. */
  putPinned(message: Message): void {
    if (!this.copyOf(message.id)) this.entry.countPin(message.rev, !isPinned(message), isPinned(message));
    this.put(message);
  }

  /** Take in the reactions to a message; the event with their `rev` is still to come. */
  putReactions({ messageId, rev, reactions = [] }: MessageReactions): void {
    const fields = { reactions: reactions.length ? reactions : null };
    this.change(messageId, (known) => (rev < known.rev ? known : withFields(known, fields)));
  }

  /** Take in messages of a response, whose chat was taken in. */
  take(received: Message): void {
    const { entry } = this;
    const { chat } = entry;
    const message = this.asSeen(received);
    entry.changeMessages((timeline) => timeline.put(message));
    if (message.senderId === this.shared.me) entry.sent(message.seq);
    if (message.seq > chat.lastSeq) {
      entry.set({ lastSeq: message.seq, lastMessage: message, updatedAt: message.createdAt });
    } else if (message.seq === chat.lastMessage?.seq) {
      const lastMessage = merged(chat.lastMessage, message);
      if (lastMessage !== chat.lastMessage) entry.set({ lastMessage });
    }
    if (message.isEdited || message.isDeleted) this.requote(message.id, () => quoteOf(message));
    this.stored(message);
  }

  /** Take in the newest page of a chat whose messages came from a cache: it continues them or replaces them. */
  putNewest(messages: readonly Message[], cursor: string | null): void {
    const { timelines } = this.entry;
    const last = timelines.live.last?.seq ?? 0;
    if ((messages.at(-1)?.seq ?? Infinity) <= last + 1) {
      for (const message of [...messages].reverse()) this.take(message);
    } else {
      timelines.live = this.entry.newTimeline();
      this.putPage(timelines.live, messages, cursor, null);
    }
  }

  /** Take in a page that was asked for with `before`. */
  putPage(timeline: Timeline, messages: readonly Message[], cursor: string | null, before: string | null): void {
    timeline.addPage(
      messages.map((message) => this.asSeen(message)),
      cursor,
      before,
    );
    for (const message of messages) this.stored(message);
  }

  /** Something of a message has changed that is not its text. */
  onChanged(event: MessageChangedEvent): void {
    const { entry } = this;
    const { messageId, rev, changes } = event;
    const known = this.copyOf(messageId);
    const { pinnedAt } = changes;
    if (pinnedAt !== undefined) {
      const was = known && !known.isHidden ? isPinned(known) : !pinnedAt;
      entry.countPin(rev, was, Boolean(pinnedAt));
    }
    const isNext = rev === entry.rev + 1;
    this.change(messageId, (message) => withChanges(message, event, this.shared.me, isNext));
    if (changes.mentions !== undefined) {
      entry.recountMention(known?.seq ?? entry.chat.lastSeq, known, this.copyOf(messageId));
    }
    // A message that is not here is an older one, which comes with its page.
    entry.advance(rev);
  }

  onDeleted(messageId: string, rev: number): void {
    const { entry } = this;
    const { pinCount, mentionCount, lastRev } = entry.chat;
    const isHidden = this.copyOf(messageId)?.isHidden;
    const isKnown = this.delete(messageId, rev);
    if ((!isKnown || isHidden) && rev > lastRev && (pinCount || mentionCount)) entry.countsStale();
    // One that is not here may be missing rather than old.
    entry.advance(rev, isKnown || !entry.timelines.live.isKept);
  }

  /** Leave a tombstone of a message; whether it is known. */
  delete(messageId: string, rev?: number): boolean {
    const { entry } = this;
    const known = this.copyOf(messageId);
    const deleted = (message: Message): Message => ({ ...messageTombstone(message), ...(rev && { rev }) });
    if (known) entry.countPin(rev ?? Infinity, isPinned(known), false);
    this.change(messageId, deleted);
    if (known) entry.recountMention(known.seq, known, deleted(known));
    this.requote(messageId, quoteTombstone);
    return known !== undefined;
  }

  /** The user has deleted a message for themselves; whether it is known. */
  hide(messageId: string): boolean {
    const { entry } = this;
    const known = this.copyOf(messageId);
    this.change(messageId, hiddenTombstone);
    if (known) entry.recountMention(known.seq, known, hiddenTombstone(known));
    this.requote(messageId, quoteTombstone);
    return known !== undefined;
  }

  /** The copy of a message: in its timeline, or as the last one of its chat. */
  private copyOf(messageId: string): Message | undefined {
    const { timelines, chat } = this.entry;
    const last = chat.lastMessage?.id === messageId ? chat.lastMessage : undefined;
    return timelines.find(messageId) ?? last;
  }

  private isHidden(messageId: string): boolean {
    return this.shared.own.isHidden(this.entry.chat.id, messageId);
  }

  private stored(message: Message): void {
    if (message.senderId === this.shared.me && message.clientId) this.shared.hooks.onStored(message);
  }

  /**
   * A message as the user sees it: events and older responses have what the user has deleted for themselves. Its quote is
   * not older than the quoted message, if that is here: they may arrive in any order.
   */
  asSeen(message: Message): Message {
    const { id, replyTo } = message;
    if (this.isHidden(id)) return message.isHidden ? message : hiddenTombstone(message);
    if (!replyTo) return message;
    if (this.isHidden(replyTo.id)) return requoted(message, replyTo.id, quoteTombstone);
    if (replyTo.seq <= this.entry.clearedSeq) return withoutCleared(message, this.entry.clearedSeq);
    const quoted = this.copyOf(replyTo.id);
    if (!quoted || quoted.rev <= message.rev) return message;
    return requoted(message, quoted.id, () => quoteOf(quoted));
  }

  /** Change all copies of a message. */
  private change(messageId: string, change: (message: Message) => Message): void {
    this.entry.changeMessages((timeline) => timeline.change(messageId, change));
    this.changeLast((last) => (last.id === messageId ? change(last) : last));
  }

  /** Show a quoted message as it is now. */
  private requote(quotedId: string, change: (quote: Quote) => Quote): void {
    this.entry.changeMessages((timeline) => timeline.requote(quotedId, change));
    this.changeLast((last) => requoted(last, quotedId, change));
  }

  private changeLast(change: (last: Message) => Message): void {
    const { lastMessage } = this.entry.chat;
    const changed = lastMessage && change(lastMessage);
    if (changed !== lastMessage) this.entry.set({ lastMessage: changed });
  }
}

function isPinned(message: Message | undefined): boolean {
  return message?.pinnedAt !== undefined;
}
