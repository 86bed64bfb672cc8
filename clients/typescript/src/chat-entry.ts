import type { Changes } from "./changes.js";
import { flagsOf, hasMark, newerState, readPosition } from "./chat-state.js";
import type { ChatEvent, ChatState, Member, Sender, User } from "./generated/schemas.js";
import { mentions, withoutCleared } from "./message-changes.js";
import type { Chat, ChatFlags, DeliveryStatus, Item, Members, Message } from "./model.js";
import type { OwnFacts } from "./own-facts.js";
import { higher, Timeline, withSender } from "./timeline.js";
import { Timelines } from "./windows.js";

/** What the chat store asks its owner to do. */
export interface ChatStoreHooks {
  /** Something is missing that may only be late: ask for it unless it comes. So many `others` may ask with you. */
  onGap(others: number): void;
  /** Something happened in a chat that is not in the chat store. */
  onMissed(): void;
  /** The server has stored one of the user's own messages. */
  onStored(message: Message): void;
  /** One is no longer in this chat. */
  onRemoved(chatId: string): void;
  /** A receipt concerns the user's own messages in a group: only the server knows their status for all members. */
  onReceiptsStale(chatId: string): void;
  /** Members may have changed, unseen. */
  onMembersStale(chatId: string): void;
  /** Only the server knows how many messages mention the user or are pinned, and so many `others` may ask with you. */
  onCountsStale(chatId: string, others: number): void;
  /** The messages of a chat were dropped, since too much was missed or the server lost some: fetch the newest again. */
  onReset(chatId: string): void;
  /** A response contains a user; returns them with the presence that is known now. */
  onUser(user: User): User;
  /** How a message is shown. */
  toItem(message: Message): Item;
  /** The user's own state of a chat, with changes that wait to be sent. */
  toState(chat: StoredChat): ChatState | undefined;
}

/** A chat as the server has it. */
export type StoredChat = Omit<Chat, keyof ChatFlags>;

/** What the entries of a chat store share. */
export interface Shared {
  readonly me: string;
  readonly changes: Changes;
  readonly hooks: ChatStoreHooks;
  readonly own: OwnFacts;
  /** Something of a chat changed. */
  changed(): void;
  /** A chat is muted until then, in ms since the epoch. */
  mutedUntil(time: number): void;
}

// Stands for as many or more.
const MAX_MENTION_COUNT = 100;

/** The state of one chat: how far it is known and read, what it counts, and its members. */
export class ChatEntry {
  /** As applications see it: the newest message with changes that wait to be sent. */
  shown: Chat;
  timelines: Timelines;
  /** The members that were fetched, the longest-standing first. */
  members: Members | null = null;
  /** Where their list goes on: null at its end, undefined where it was not fetched as a list. */
  membersCursor: string | null | undefined;
  /** Every change up to this one has been seen. */
  rev: number;
  /** How often members came, went or changed. */
  memberChanges = 0;
  /** The user's own last message, as far as it was seen. */
  sentSeq = 0;
  /** Whether `readSeq` is the read position, and not only a bound that a mark of unread messages leaves of it. */
  isReadSeqKnown = false;

  constructor(
    /** As the server has it. */
    public chat: StoredChat,
    /** How far one has read, here at least. */
    public readSeq: number,
    private readonly shared: Shared,
  ) {
    this.shown = this.toShown();
    this.rev = chat.lastRev;
    this.timelines = new Timelines(this.newTimeline());
  }

  newTimeline(): Timeline {
    const timeline = new Timeline(this.shared.me, this.shared.hooks.toItem);
    timeline.clear(this.clearedSeq);
    return timeline;
  }

  set(changes: Partial<StoredChat>): void {
    const chat = { ...this.chat, ...changes };
    const { lastMessage } = chat;
    const clearedSeq = chat.me?.clearedSeq ?? 0;
    const isCleared = (lastMessage?.seq ?? 0) <= clearedSeq;
    this.chat = { ...chat, lastMessage: lastMessage && !isCleared ? withoutCleared(lastMessage, clearedSeq) : null };
    const unreadCount = Math.max(0, chat.lastSeq - this.position);
    this.chat = { ...this.chat, unreadCount, mentionCount: Math.min(chat.mentionCount, unreadCount) };
    this.show();
  }

  /** Something else that is shown of the chat changed. */
  show(): void {
    this.shown = this.toShown();
    if (this.shown.isMuted) this.shared.mutedUntil(this.muteEnd);
    this.shared.changed();
  }

  /** When the mute ends, in ms since the epoch. */
  get muteEnd(): number {
    return Date.parse(this.shown.me?.mutedUntil ?? "");
  }

  private toShown(): Chat {
    const { hooks } = this.shared;
    const { me: stored, ...chat } = this.chat;
    const me = hooks.toState(this.chat);
    const item = chat.lastMessage && hooks.toItem(chat.lastMessage);
    return {
      ...chat,
      ...(me && { me }),
      ...flagsOf(me, this.extent, Date.now()),
      ...(item?.state === "sent" && { lastMessage: item.message }),
      ...(me !== stored && { unreadCount: Math.max(0, chat.lastSeq - readPosition(me, this.readSeq, this.extent)) }),
    };
  }

  // --- The user's own state ---

  private get extent(): { lastSeq: number; sentSeq: number } {
    return { lastSeq: this.chat.lastSeq, sentSeq: this.sentSeq };
  }

  private get isMarked(): boolean {
    return hasMark(this.chat.me, this.extent);
  }

  /** Messages up to here count as read. */
  get position(): number {
    return readPosition(this.chat.me, this.readSeq, this.extent);
  }

  /** Messages up to here were deleted for the user. */
  get clearedSeq(): number {
    return this.chat.me?.clearedSeq ?? 0;
  }

  /** Take in the user's own state, unless the copy is newer; `counts` unless the counts follow by themselves. */
  putState(received: ChatState | undefined, { counts = true } = {}): void {
    const { me: known, ...chat } = this.chat;
    const state = newerState(known, received);
    if (state === known) return;
    const [wasMarked, before] = [this.isMarked, this.position];
    this.chat = state ? { ...chat, me: state } : chat;
    this.set({});
    this.clear();
    if (!counts) return;
    const isUnknown = wasMarked && !this.isMarked && !this.isReadSeqKnown;
    if (isUnknown || (this.position !== before && !this.countMentions())) this.countsStale();
  }

  /** Drop the user's own state, which ended with an earlier membership. */
  dropState(): void {
    const { me: _me, ...chat } = this.chat;
    this.chat = chat;
    this.timelines = new Timelines(this.newTimeline());
    this.set({});
  }

  /** Drop the messages that were cleared. */
  private clear(): void {
    const { clearedSeq } = this;
    this.changeMessages((timeline) => timeline.clear(clearedSeq));
    this.timelines.closeEmpty();
    this.read(clearedSeq);
  }

  /** The user has sent a message, which removes a mark before it. */
  sent(seq: number): void {
    if (seq <= this.sentSeq) return;
    this.sentSeq = seq;
    if (this.chat.me?.unreadFrom !== undefined) this.set({});
    this.read(seq);
  }

  isMention(message: Message): boolean {
    return mentions(message, this.shared.me) && !this.shared.own.blocked.has(message.senderId);
  }

  /** A change of all its timelines; `changed` says whether it made a difference. */
  changeMessages(change: (timeline: Timeline) => boolean): void {
    if (this.timelines.update(change)) this.shared.changes.noteOf("messages", this.chat.id);
  }

  /** Whether something that happened has not been seen. */
  get isBehind(): boolean {
    return this.rev < this.chat.lastRev || this.timelines.live.hasGap;
  }

  /** A change was seen: one that does not follow the last shows that something was missed, or is late. */
  advance(rev: number, seen = true): void {
    if (seen && rev === this.rev + 1) this.rev = rev;
    if (rev > this.chat.lastRev) this.set({ lastRev: rev });
    if (this.isBehind) this.gap();
  }

  gap(): void {
    this.shared.hooks.onGap(this.chat.memberCount);
  }

  // --- Reading and receipts ---

  read(seq: number): void {
    if (seq <= this.readSeq) return;
    this.readSeq = seq;
    this.set({});
    if (this.chat.mentionCount && !this.countMentions()) this.countsStale();
    this.changeMessages((timeline) => timeline.raise("READ", seq, { own: false }));
  }

  receipt(status: DeliveryStatus, seq: number): void {
    const { chat, timelines } = this;
    if (chat.type === "GROUP") {
      const oldest = timelines.live.oldestUnread();
      if (oldest && oldest <= seq) this.shared.hooks.onReceiptsStale(chat.id);
      return;
    }
    this.changeMessages((timeline) => timeline.raise(status, seq, { own: true }));
    const { lastMessage } = chat;
    if (lastMessage?.senderId === this.shared.me && lastMessage.seq <= seq) {
      this.set({ lastMessage: { ...lastMessage, status: higher(lastMessage.status, status) } });
    }
  }

  /** The status of a message as an event carries it, which is the same for all members. */
  statusOf({ senderId, seq }: { senderId: string; seq: number }): DeliveryStatus {
    if (senderId === this.shared.me) return this.chat.memberCount > 1 ? "SENT" : "READ";
    return seq <= this.readSeq ? "READ" : "DELIVERED";
  }

  // --- Counts ---

  /** A message was pinned or unpinned with this change, unless a response has counted that already. */
  countPin(rev: number, was: boolean, is: boolean): void {
    if (was === is || rev <= this.chat.lastRev) return;
    this.set({ pinCount: Math.max(0, this.chat.pinCount + (is ? 1 : -1)) });
  }

  /** The newest message has arrived. */
  addMention(message: Message): void {
    if (message.seq <= this.position || !this.isMention(message)) return;
    this.set({ mentionCount: Math.min(MAX_MENTION_COUNT, this.chat.mentionCount + 1) });
  }

  /** A message, or its mentions, changed: count the unread ones again if that makes a difference. */
  recountMention(seq: number, before: Message | undefined, after: Message | undefined): void {
    if (seq <= this.position) return;
    const [was, is] = [before && this.isMention(before), after && this.isMention(after)];
    if (was === is && was !== undefined) return;
    if ((was || is || this.chat.mentionCount) && !this.countMentions()) this.countsStale();
  }

  /** Count the unread mentions; whether all unread messages are loaded. */
  countMentions(): boolean {
    const { position } = this;
    const unread = this.timelines.live.after(position);
    const isWhole = unread !== null && position + unread.length >= this.chat.lastSeq;
    if (isWhole) this.set({ mentionCount: unread.filter((message) => this.isMention(message)).length });
    return isWhole;
  }

  /** Only the server can count. */
  countsStale(): void {
    this.shared.hooks.onCountsStale(this.chat.id, this.chat.memberCount);
  }

  // --- The chat and its members ---

  update(event: ChatEvent): void {
    const { name, description, avatar, externalId, data, updatedAt, memberCount, pinCount = 0, rev } = event;
    if (rev >= this.chat.lastRev) {
      // Where external ids are private, the event has none.
      const known = externalId === undefined ? {} : { externalId };
      const { data: _replaced, ...chat } = this.chat;
      this.chat = data ? { ...chat, data } : chat;
      this.set({ name, description, avatar, ...known, updatedAt, memberCount, pinCount });
    }
    this.advance(rev);
  }

  /** A user has another name, avatar or data. */
  updateUser(user: User): void {
    const { peer, lastMessage } = this.chat;
    const sender = senderOf(user);
    const shown = lastMessage && withSender(lastMessage, sender);
    if (peer?.id === user.id) this.set({ peer: withProfile(peer, user), lastMessage: shown });
    else if (shown !== lastMessage) this.set({ lastMessage: shown });
    const member = this.members?.find(({ userId }) => userId === user.id);
    if (member) this.putMember({ ...member, user: withProfile(member.user, user) });
    this.changeMessages((timeline) => timeline.changeSender(sender));
  }

  setMembers(members: Members, cursor: string | null | undefined): void {
    this.members = members;
    this.membersCursor = cursor;
    this.shared.changes.noteOf("members", this.chat.id);
    if (cursor === null && this.chat.memberCount !== members.length) this.set({ memberCount: members.length });
  }

  putMember(member: Member): void {
    const known = this.members?.some(({ userId }) => userId === member.userId);
    // A new member stands at the end of the list, which may not be here yet.
    if (!this.members || (!known && this.membersCursor !== null)) return;
    const members = known
      ? this.members.map((other) => (other.userId === member.userId ? member : other))
      : [...this.members, member];
    this.setMembers(members, this.membersCursor);
  }

  dropMember(userId: string): void {
    if (!this.members) return;
    const members = this.members.filter((member) => member.userId !== userId);
    this.setMembers(members, this.membersCursor);
  }

  /** `more` members came with this change, or went. */
  countMembers(rev: number, more: number): void {
    this.memberChanges += 1;
    // With the whole list here, its length counts them. A response may have counted this change already.
    if (this.membersCursor !== null && more && rev > this.chat.lastRev) {
      this.set({ memberCount: this.chat.memberCount + more });
    }
    this.advance(rev);
  }
}

/** A user whose profile is that of an event, which knows neither their presence nor, in some servers, their external id. */
export function withProfile<Known extends User>(known: Known, user: User): Known {
  const { displayName: _name, data: _data, isBot: _isBot, isDeleted: _isDeleted, ...rest } = known;
  const { isOnline: _isOnline, lastSeen: _lastSeen, ...profile } = user;
  return { ...rest, ...profile } as Known;
}

function senderOf({ id, username, avatar, displayName, isBot, isDeleted }: User): Sender {
  return {
    id,
    username,
    avatar,
    ...(displayName !== undefined && { displayName }),
    ...(isBot && { isBot }),
    ...(isDeleted && { isDeleted }),
  };
}
