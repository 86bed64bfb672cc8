import type { Changes } from "./changes.js";
import type {
  Chat as ServerChat,
  ChatEvent,
  Member,
  MessageDeletedEvent,
  MessageEvent,
  NewChatEvent,
  SyncAnswer,
  User,
} from "./generated/schemas.js";
import type { Chat, DeliveryStatus, Item, Members, Message } from "./model.js";
import { higher, merged, Timeline } from "./timeline.js";

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
  /** The messages of a chat were dropped, since too much was missed or the server lost some: fetch the newest again. */
  onReset(chatId: string): void;
  /** A response contains a user; returns them with the presence that is known now. */
  onUser(user: User): User;
  /** How a message is shown. */
  toItem(message: Message): Item;
}

/** The state of one chat. */
interface Entry {
  /** As the server has it. */
  chat: Chat;
  /** As applications see it: the newest message with changes that wait to be sent. */
  shown: Chat;
  timeline: Timeline;
  /** The members that were fetched, the longest-standing first. */
  members: Members | null;
  /** Where their list goes on: null at its end, undefined where it was not fetched as a list. */
  membersCursor: string | null | undefined;
  /** Every change up to this one has been seen. Events about members have no `rev`: `sync` counts them. */
  rev: number;
  /** How often members came, went or changed. */
  memberChanges: number;
  /** How far one has read, here at least. */
  readSeq: number;
}

/** The fields of a deleted message. */
export const TOMBSTONE = {
  ...{ isDeleted: true, content: null, fileUrl: null, fileName: null, fileSize: null, thumbnailUrl: null },
  ...{ width: null, height: null },
} as const;

const NO_MEMBERS: Members = [];
const FAR_BEHIND = 1000;

/** All chats of one user, merged from responses and events. */
export class ChatStore {
  /** Whether the whole list was fetched. */
  complete = false;
  private readonly entries = new Map<string, Entry>();
  private sorted: readonly Chat[] | null = null;

  constructor(
    private readonly me: string,
    private readonly changes: Changes,
    private readonly hooks: ChatStoreHooks,
  ) {}

  /** The most recently active first. */
  get chats(): readonly Chat[] {
    this.sorted ??= [...this.entries.values()].map(({ shown }) => shown).sort(byActivity);
    return this.sorted;
  }

  chat(chatId: string): Chat | undefined {
    return this.entries.get(chatId)?.shown;
  }

  members(chatId: string): Members {
    return this.entries.get(chatId)?.members ?? NO_MEMBERS;
  }

  /** Where the list of a chat's members goes on: null at its end, undefined where it has to begin again. */
  membersCursor(chatId: string): string | null | undefined {
    return this.entries.get(chatId)?.membersCursor;
  }

  timeline(chatId: string): Timeline | undefined {
    return this.entries.get(chatId)?.timeline;
  }

  /** Find a loaded message by its id, or one of the user's own by its clientId. */
  find(id: string): Message | undefined {
    for (const { timeline } of this.entries.values()) {
      const found = timeline.find(id);
      if (found) return found;
    }
    return undefined;
  }

  /** Something else that is shown of a message changed. */
  refresh(id: string): void {
    for (const entry of this.entries.values()) {
      const { chat, timeline } = entry;
      if (timeline.refresh(id)) this.changes.noteOf("messages", chat.id);
      if (chat.lastMessage?.id === id) this.set(entry, {});
    }
  }

  /** Whether something that happened has not been seen. */
  get isBehind(): boolean {
    return [...this.entries.values()].some((entry) => entry.rev < entry.chat.lastRev || entry.timeline.hasGap);
  }

  /**
   * Take in a chat as a response describes it, with its members or without. Who was online when one was cached is not
   * known any more.
   */
  put(update: ServerChat & { members?: Member[] }, { isCached = false } = {}): Chat {
    const { members, ...chat } = update;
    const readSeq = chat.lastSeq - chat.unreadCount;
    let entry = this.entries.get(chat.id);
    if (!entry) {
      const nothing = { timeline: this.newTimeline(), members: null, membersCursor: undefined, memberChanges: 0 };
      entry = { ...nothing, chat, shown: chat, rev: chat.lastRev, readSeq };
      this.entries.set(chat.id, entry);
    }
    entry.readSeq = Math.max(entry.readSeq, readSeq);
    // A response may have been overtaken by events.
    const current = chat.lastRev >= entry.chat.lastRev;
    const lastMessage = newest(entry.chat.lastMessage, chat.lastMessage);
    if (!entry.timeline.isKept) entry.rev = Math.max(entry.rev, chat.lastRev);
    if (members) {
      this.setMembers(entry, members, members.length >= chat.memberCount ? null : undefined);
      for (const { user } of members) this.hooks.onUser(user);
    }
    const peer = chat.peer && !isCached ? this.hooks.onUser(chat.peer) : chat.peer;
    this.set(entry, { ...(current ? chat : entry.chat), peer, lastMessage });
    if (entry.rev < entry.chat.lastRev) this.hooks.onGap(entry.chat.memberCount);
    return entry.shown;
  }

  /** Take in a response of `sync`; the chats of which more has to be asked for. */
  applySync(response: SyncAnswer): string[] {
    const more = new Set(response.more);
    const again: string[] = [];
    // The server was restored from a backup: it may not have the changes of the chat that are loaded here.
    for (const chatId of response.reset) this.entries.delete(chatId);
    for (const update of response.chats) {
      const wasKnown = this.entries.has(update.id);
      this.put(update);
      const entry = this.entries.get(update.id) as Entry;
      if (wasKnown && update.type === "GROUP") this.hooks.onMembersStale(update.id);
      const messages = response.messages[update.id] ?? [];
      for (const message of messages) this.take(entry, message);
      let seen = update.lastRev;
      if (more.has(update.id) && entry.timeline.isKept) {
        seen = messages.at(-1)?.rev ?? entry.rev;
        if (update.lastRev - seen > FAR_BEHIND) {
          entry.timeline = this.newTimeline();
          seen = update.lastRev;
          this.changes.noteOf("messages", update.id);
          this.hooks.onReset(update.id);
        } else again.push(update.id);
      }
      entry.rev = Math.max(entry.rev, seen);
    }
    for (const chatId of response.reset) {
      this.changes.noteOf("messages", chatId);
      this.changes.noteOf("members", chatId);
      this.hooks.onReset(chatId);
    }
    for (const chatId of response.gone) this.remove(chatId);
    for (const [chatId, unread] of Object.entries(response.unread)) {
      const entry = this.entries.get(chatId);
      if (entry) this.read(entry, entry.chat.lastSeq - unread);
    }
    return again;
  }

  /** Handle an event with a new or changed message. */
  onMessageEvent(event: MessageEvent, { isNew }: { isNew: boolean }): Message | undefined {
    const entry = this.entries.get(event.chatId);
    if (!entry) {
      this.hooks.onMissed();
      return undefined;
    }
    const message = { ...event, status: this.statusOf(entry, event) };
    this.putMessage(message);
    // Sending a message implies having read the ones before it.
    if (isNew && event.senderId !== this.me) this.receipt(entry, "READ", event.seq - 1);
    return message;
  }

  /** Take in one message as a response or an event has it. */
  putMessage(message: Message): void {
    const entry = this.entries.get(message.chatId);
    if (!entry) return;
    this.take(entry, message);
    this.advance(entry, message.rev);
  }

  onMessageDeleted({ messageId, chatId, rev }: MessageDeletedEvent): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    // One that is not here may be missing rather than old.
    const seen = this.applyDeletion(entry, messageId, rev) || !entry.timeline.isKept;
    this.advance(entry, rev, seen);
  }

  /** The user has deleted a message; the event with its `rev` is still to come. */
  markDeleted(messageId: string): void {
    for (const entry of this.entries.values()) this.applyDeletion(entry, messageId);
  }

  /** A member has received or read the messages of a chat up to `seq`. */
  onReceipt(chatId: string, userId: string, status: DeliveryStatus, seq: number): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    if (userId !== this.me) this.receipt(entry, status, seq);
    else if (status === "READ") this.read(entry, seq);
  }

  /** One is in a chat from now on. */
  onChatNew({ members, lastMessage, ...event }: NewChatEvent): void {
    if (!this.entries.has(event.id)) {
      // Presence follows in separate events.
      const peer = event.type === "DIRECT" ? members.find(({ userId }) => userId !== this.me)?.user : undefined;
      const seen = lastMessage && { ...lastMessage, status: "DELIVERED" as const };
      // A new member has no unread messages.
      this.put({ ...event, lastMessage: seen, peer: null, unreadCount: 0 });
      const entry = this.entries.get(event.id) as Entry;
      if (peer) this.set(entry, { peer });
    } else this.onChatUpdated({ ...event, lastMessage });
    const entry = this.entries.get(event.id) as Entry;
    if (event.lastRev >= entry.rev) {
      this.setMembers(entry, members, members.length >= event.memberCount ? null : undefined);
    }
  }

  onChatUpdated(event: ChatEvent): void {
    const entry = this.entries.get(event.id);
    if (!entry) {
      this.hooks.onMissed();
      return;
    }
    const { name, description, avatar, updatedAt, memberCount } = event;
    if (event.lastRev >= entry.chat.lastRev) this.set(entry, { name, description, avatar, updatedAt, memberCount });
    this.advance(entry, event.lastRev);
  }

  onMemberJoined(chatId: string, member: Member): void {
    this.changeMembers(chatId, 1, (entry) => this.withMember(entry, member));
  }

  onMemberUpdated(chatId: string, member: Member): void {
    this.changeMembers(chatId, 0, (entry) => this.withMember(entry, member));
  }

  onMemberLeft(chatId: string, userId: string): void {
    if (userId === this.me) this.remove(chatId);
    else this.changeMembers(chatId, -1, (entry) => this.withoutMember(entry, userId));
  }

  /** Add or update a member after the user's own request; the event with the `rev` is still to come. */
  putMember(chatId: string, member: Member): void {
    const entry = this.entries.get(chatId);
    if (entry) this.withMember(entry, member);
  }

  /** Remove a member after the user's own request; the event with the `rev` is still to come. */
  dropMember(chatId: string, userId: string): void {
    const entry = this.entries.get(chatId);
    if (entry) this.withoutMember(entry, userId);
  }

  /** The list of members as the server has it, up to `cursor`. */
  putMembers(chatId: string, members: Members, cursor: string | null): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    this.setMembers(entry, members, cursor);
    for (const { user } of members) this.hooks.onUser(user);
  }

  /** Take in the newest page of a chat whose messages came from a cache: it continues them or replaces them. */
  putNewest(chatId: string, messages: readonly Message[], cursor: string | null): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    const last = entry.timeline.last?.seq ?? 0;
    if ((messages.at(-1)?.seq ?? Infinity) <= last + 1) {
      for (const message of [...messages].reverse()) this.take(entry, message);
    } else {
      entry.timeline = this.newTimeline();
      this.putPage(entry.timeline, messages, cursor, null);
    }
  }

  /** Take in a page of a chat that was asked for with `before`. */
  putPage(timeline: Timeline, messages: readonly Message[], cursor: string | null, before: string | null): void {
    timeline.addPage(messages, cursor, before);
    for (const message of messages) if (message.senderId === this.me && message.clientId) this.hooks.onStored(message);
  }

  remove(chatId: string): void {
    if (!this.entries.delete(chatId)) return;
    this.sorted = null;
    this.changes.note("chats");
    this.changes.noteOf("messages", chatId);
    this.changes.noteOf("members", chatId);
    this.hooks.onRemoved(chatId);
  }

  /** Mark all loaded messages of a chat as read. Returns the last one, or null if it was read before. */
  markRead(chatId: string): Message | null {
    const entry = this.entries.get(chatId);
    if (!entry) return null;
    const { timeline, chat } = entry;
    const last = timeline.history.loaded ? timeline.last : chat.lastMessage;
    if (!last || last.seq <= entry.readSeq) return null;
    this.read(entry, last.seq);
    return last;
  }

  /** Update the peer of the direct chat with a user who came online or went offline. */
  onPresence(userId: string, presence: { isOnline: boolean; lastSeen?: string }): void {
    for (const entry of this.entries.values()) {
      const { peer } = entry.chat;
      if (peer?.id === userId) this.set(entry, { peer: { ...peer, ...presence } });
    }
  }

  /** The chat list is complete. */
  markComplete(): void {
    if (!this.complete) this.changes.note("chats");
    this.complete = true;
  }

  /** The `rev` up to which all changes of a chat are known. */
  revOf(chatId: string): number {
    return this.entries.get(chatId)?.rev ?? 0;
  }

  /** How often a chat's members changed: a list that was asked for before the last change is out of date. */
  memberChangesOf(chatId: string): number {
    return this.entries.get(chatId)?.memberChanges ?? 0;
  }

  setBack(chatId: string, rev: number): void {
    const entry = this.entries.get(chatId);
    if (!entry || entry.rev <= rev) return;
    entry.rev = rev;
    this.hooks.onGap(entry.chat.memberCount);
  }

  private take(entry: Entry, message: Message): void {
    const { chat } = entry;
    if (entry.timeline.put(message)) this.changes.noteOf("messages", chat.id);
    if (message.senderId === this.me) this.read(entry, message.seq);
    if (message.seq > chat.lastSeq) {
      this.set(entry, { lastSeq: message.seq, lastMessage: message, updatedAt: message.createdAt });
    } else if (message.seq === chat.lastMessage?.seq) {
      const lastMessage = merged(chat.lastMessage, message);
      if (lastMessage !== chat.lastMessage) this.set(entry, { lastMessage });
    }
    if (message.senderId === this.me && message.clientId) this.hooks.onStored(message);
  }

  private newTimeline(): Timeline {
    return new Timeline(this.me, this.hooks.toItem);
  }

  private applyDeletion(entry: Entry, messageId: string, rev?: number): boolean {
    const tombstone = { ...TOMBSTONE, ...(rev && { rev }) };
    const known = entry.timeline.change(messageId, tombstone);
    if (known) this.changes.noteOf("messages", entry.chat.id);
    const { lastMessage } = entry.chat;
    if (lastMessage?.id === messageId) this.set(entry, { lastMessage: { ...lastMessage, ...tombstone } });
    return known;
  }

  /** A change was seen: one that does not follow the last shows that something was missed, or is late. */
  private advance(entry: Entry, rev: number, seen = true): void {
    if (seen && rev === entry.rev + 1) entry.rev = rev;
    if (rev > entry.chat.lastRev) this.set(entry, { lastRev: rev });
    if (entry.rev < entry.chat.lastRev || entry.timeline.hasGap) this.hooks.onGap(entry.chat.memberCount);
  }

  private read(entry: Entry, seq: number): void {
    if (seq <= entry.readSeq) return;
    entry.readSeq = seq;
    this.set(entry, {});
    if (entry.timeline.raise("READ", seq, { own: false })) this.changes.noteOf("messages", entry.chat.id);
  }

  private receipt(entry: Entry, status: DeliveryStatus, seq: number): void {
    const { chat, timeline } = entry;
    if (chat.type === "GROUP") {
      const oldest = timeline.oldestUnread();
      if (oldest && oldest <= seq) this.hooks.onReceiptsStale(chat.id);
      return;
    }
    if (timeline.raise(status, seq, { own: true })) this.changes.noteOf("messages", chat.id);
    const { lastMessage } = chat;
    if (lastMessage?.senderId === this.me && lastMessage.seq <= seq) {
      this.set(entry, { lastMessage: { ...lastMessage, status: higher(lastMessage.status, status) } });
    }
  }

  /** The status of a message as an event carries it, which is the same for all members. */
  private statusOf(entry: Entry, message: MessageEvent): DeliveryStatus {
    if (message.senderId === this.me) return entry.chat.memberCount > 1 ? "SENT" : "READ";
    return message.seq <= entry.readSeq ? "READ" : "DELIVERED";
  }

  private changeMembers(chatId: string, more: number, change: (entry: Entry) => void): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    entry.memberChanges += 1;
    change(entry);
    // With the whole list here, its length counts them.
    if (entry.membersCursor !== null && more) this.set(entry, { memberCount: entry.chat.memberCount + more });
  }

  private withMember(entry: Entry, member: Member): void {
    const known = entry.members?.some(({ userId }) => userId === member.userId);
    // A new member stands at the end of the list, which may not be here yet.
    if (!entry.members || (!known && entry.membersCursor !== null)) return;
    const members = known
      ? entry.members.map((other) => (other.userId === member.userId ? member : other))
      : [...entry.members, member];
    this.setMembers(entry, members, entry.membersCursor);
  }

  private withoutMember(entry: Entry, userId: string): void {
    if (!entry.members) return;
    this.setMembers(
      entry,
      entry.members.filter((member) => member.userId !== userId),
      entry.membersCursor,
    );
  }

  private setMembers(entry: Entry, members: Members, cursor: string | null | undefined): void {
    entry.members = members;
    entry.membersCursor = cursor;
    this.changes.noteOf("members", entry.chat.id);
    if (cursor === null && entry.chat.memberCount !== members.length) this.set(entry, { memberCount: members.length });
  }

  private set(entry: Entry, changes: Partial<Chat>): void {
    const chat = { ...entry.chat, ...changes };
    entry.chat = { ...chat, unreadCount: Math.max(0, chat.lastSeq - entry.readSeq) };
    entry.shown = entry.chat;
    const item = chat.lastMessage && this.hooks.toItem(chat.lastMessage);
    if (item?.state === "sent" && item.message !== chat.lastMessage) {
      entry.shown = { ...entry.chat, lastMessage: item.message };
    }
    this.sorted = null;
    this.changes.note("chats");
  }
}

function byActivity(one: Chat, other: Chat): number {
  // Times and ids of one form: compared as they are, since locales take ten times as long.
  if (one.updatedAt !== other.updatedAt) return one.updatedAt < other.updatedAt ? 1 : -1;
  return one.id < other.id ? 1 : -1;
}

function newest(known: Message | null, received: Message | null): Message | null {
  if (!known || !received || known.seq !== received.seq)
    return (received?.seq ?? 0) > (known?.seq ?? 0) ? received : known;
  return merged(known, received);
}
