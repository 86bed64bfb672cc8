import type { Changes } from "./changes.js";
import { CACHED_REV } from "./chat-state.js";
import { ChatEntry, type ChatStoreHooks, type Shared, type StoredChat } from "./chat-entry.js";
import { ChatMessages } from "./chat-messages.js";
import type {
  Chat as ServerChat,
  ChatEvent,
  ChatMember,
  ChatState,
  Member,
  MemberLeft,
  MessageChangedEvent,
  MessageDeletedEvent,
  MessageEvent,
  MessageReactions,
  NewChatEvent,
  SyncResponse,
  User,
} from "./generated/schemas.js";
import type { Chat, DeliveryStatus, Members, Message } from "./model.js";
import { MuteTimer } from "./mute-timer.js";
import { OwnFacts } from "./own-facts.js";
import { merged, type Timeline } from "./timeline.js";
import { Timelines, type WindowMeta } from "./windows.js";

const NO_MEMBERS: Members = [];
const FAR_BEHIND = 1000;
const NO_COUNTS = { mentionCount: 0, pinCount: 0 };

/** The state of one chat, with what merges messages into it. */
class Entry extends ChatEntry {
  readonly messages: ChatMessages;

  constructor(chat: StoredChat, readSeq: number, shared: Shared) {
    super(chat, readSeq, shared);
    this.messages = new ChatMessages(this, shared);
  }
}

/** All chats of one user, merged from responses and events. */
export class ChatStore {
  /** Whether the whole list was fetched. */
  complete = false;
  private readonly entries = new Map<string, Entry>();
  readonly own = new OwnFacts();
  private readonly mutes = new MuteTimer(() => this.muteEnded());
  private readonly shared: Shared;
  private sorted: readonly Chat[] | null = null;

  constructor(
    private readonly me: string,
    private readonly changes: Changes,
    private readonly hooks: ChatStoreHooks,
  ) {
    const changed = (): void => {
      this.sorted = null;
      changes.note("chats");
    };
    this.shared = { me, changes, hooks, own: this.own, changed, mutedUntil: (time) => this.mutes.until(time) };
  }

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

  /** The messages up to the newest one. */
  timeline(chatId: string): Timeline | undefined {
    return this.entries.get(chatId)?.timelines.live;
  }

  /** The messages that are shown. */
  shownTimeline(chatId: string): Timeline | undefined {
    return this.entries.get(chatId)?.timelines.shown;
  }

  /** Find a loaded message by its id, or one of the user's own by its clientId. */
  find(id: string): Message | undefined {
    for (const { timelines } of this.entries.values()) {
      const found = timelines.find(id);
      if (found) return found;
    }
    return undefined;
  }

  /** Something else that is shown of a message changed. */
  refresh(id: string): void {
    for (const entry of this.entries.values()) {
      entry.changeMessages((timeline) => timeline.refresh(id));
      if (entry.chat.lastMessage?.id === id) entry.set({});
    }
  }

  /** Whether something that happened has not been seen. */
  get isBehind(): boolean {
    return [...this.entries.values()].some((entry) => entry.isBehind);
  }

  /**
   * Take in a chat as a response describes it, with its members or without. Who was online when one was cached is not
   * known any more.
   */
  put(update: ServerChat & { members?: Member[] }, { isCached = false } = {}): Chat {
    const { members, me, ...received } = update;
    const chat: StoredChat = { ...NO_COUNTS, ...received };
    const readSeq = chat.lastSeq - chat.unreadCount;
    let entry = this.entries.get(chat.id);
    if (!entry) this.entries.set(chat.id, (entry = new Entry(chat, readSeq, this.shared)));
    entry.readSeq = Math.max(entry.readSeq, readSeq);
    entry.isReadSeqKnown ||= me?.unreadFrom === undefined;
    // What was cached may have ended since: any response replaces it.
    entry.putState(me && isCached ? { ...me, meRev: CACHED_REV } : me, { counts: false });
    const early = this.own.states.get(chat.id);
    if (early) entry.putState(early, { counts: false });
    this.own.states.delete(chat.id);
    const lastMessage = newest(entry.chat.lastMessage, chat.lastMessage && entry.messages.asSeen(chat.lastMessage));
    if (!entry.timelines.live.isKept) entry.rev = Math.max(entry.rev, chat.lastRev);
    if (members) {
      entry.setMembers(members, members.length >= chat.memberCount ? null : undefined);
      for (const { user } of members) this.hooks.onUser(user);
    }
    const peer = chat.peer && !isCached ? this.hooks.onUser(chat.peer) : chat.peer;
    // A response may have been overtaken by events.
    if (chat.lastRev >= entry.chat.lastRev) entry.chat = { ...chat, ...(entry.chat.me && { me: entry.chat.me }) };
    entry.set({ peer, lastMessage });
    if (chat.lastMessage?.senderId === this.me) entry.sent(chat.lastMessage.seq);
    // Its count is one of mentions that the user has read here since.
    if (readSeq < entry.readSeq) entry.countMentions();
    if (entry.rev < entry.chat.lastRev) entry.gap();
    return entry.shown;
  }

  /** A chat of a search as it is shown. It is not taken in: the user may have left one that is not known here. */
  seen(chat: ServerChat): Chat {
    const stored = { ...NO_COUNTS, ...chat };
    return this.chat(chat.id) ?? new Entry(stored, chat.lastSeq - chat.unreadCount, this.shared).shown;
  }

  /**
   * Take in a response of `sync`; the chats of which more has to be asked for. `lastSeqs` has the `lastSeq` of each chat
   * that was named, as of the request.
   */
  applySync(response: SyncResponse, lastSeqs: ReadonlyMap<string, number>): string[] {
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
      for (const message of messages) entry.messages.take(message);
      if (update.lastSeq - update.unreadCount < entry.readSeq) entry.countMentions();
      let seen = update.lastRev;
      if (more.has(update.id) && entry.timelines.live.isKept) {
        seen = messages.at(-1)?.rev ?? entry.rev;
        if (update.lastRev - seen > FAR_BEHIND) {
          entry.timelines = new Timelines(entry.newTimeline());
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
    // Changed chats have their counts. In the others, the server counted what was there at the request: messages may have
    // arrived since.
    const changed = new Set(response.chats.map(({ id }) => id));
    for (const [chatId, unread] of Object.entries(response.unread)) {
      const [entry, lastSeq] = [this.entries.get(chatId), lastSeqs.get(chatId)];
      if (entry && lastSeq !== undefined && !changed.has(chatId)) entry.read(lastSeq - unread);
    }
    return again;
  }

  // --- The user's own state ---

  /** Take in the user's own state of a chat; `counts` unless the counts follow by themselves. */
  putState(state: ChatState, options?: { counts: boolean }): void {
    const entry = this.entries.get(state.chatId);
    if (entry) entry.putState(state, options);
    else this.own.states.set(state.chatId, state);
  }

  /** Drop the own state of a chat that was left before `meRev`, and perhaps joined again. */
  dropState(chatId: string, meRev: number): void {
    const hasHidden = this.own.forget(chatId);
    const entry = this.entries.get(chatId);
    const state = entry?.chat.me;
    if (!entry || (!state && !hasHidden) || (state && state.meRev > meRev)) return;
    entry.dropState();
    this.changes.noteOf("messages", chatId);
    this.hooks.onReset(chatId);
  }

  /** The user has deleted messages for themselves; `counts` unless the counts follow by themselves. */
  hide(chatId: string, messageIds: readonly string[], { counts = true } = {}): void {
    this.own.hide(chatId, messageIds);
    const entry = this.entries.get(chatId);
    const known = messageIds.filter((id) => entry?.messages.hide(id));
    if (counts && known.length < messageIds.length && entry?.chat.mentionCount) entry.countsStale();
  }

  /** The user blocks others; whether all counts follow. */
  block(userIds: ReadonlySet<string>): boolean {
    this.own.blocked = userIds;
    const unread = [...this.entries.values()].filter(({ chat }) => chat.unreadCount > 0);
    return unread.map((entry) => entry.countMentions()).every(Boolean);
  }

  /** What the mentions of each chat were counted for. */
  get countedFor(): ReadonlyMap<string, string> {
    return new Map([...this.entries].map(([chatId, entry]) => [chatId, countedFor(entry)]));
  }

  /** The mentions in all chats as of `meRev`, counted for the state that `asked` has. */
  putMentions(mentions: Readonly<Record<string, number>>, meRev: number, asked: ReadonlyMap<string, string>): void {
    for (const [chatId, entry] of this.entries) {
      const { mentionCount, me } = entry.chat;
      const counted = mentions[chatId] ?? 0;
      if (counted === mentionCount) continue;
      const isCurrent = asked.get(chatId) === countedFor(entry) && (me?.meRev ?? 0) <= meRev;
      if (isCurrent) entry.set({ mentionCount: counted });
      else if (!entry.countMentions()) entry.countsStale();
    }
  }

  /** Something else that is shown of a chat changed. */
  refreshChat(chatId: string): void {
    this.entries.get(chatId)?.show();
  }

  /** The session is over. */
  end(): void {
    this.mutes.stop();
  }

  /** When the next mute ends. */
  private muteEnded(): number {
    const muted = [...this.entries.values()].filter(({ shown }) => shown.isMuted);
    for (const entry of muted) if (entry.muteEnd <= Date.now()) entry.show();
    return Math.min(...muted.filter(({ shown }) => shown.isMuted).map(({ muteEnd }) => muteEnd));
  }

  /** Handle an event with a new or changed message. */
  onMessageEvent(event: MessageEvent, { isNew }: { isNew: boolean }): Message | undefined {
    const entry = this.entries.get(event.chatId);
    if (!entry) {
      this.hooks.onMissed();
      return undefined;
    }
    return entry.messages.receive(event, { isNew });
  }

  /** Take in one message as a response has it. */
  putMessage(message: Message): void {
    this.entries.get(message.chatId)?.messages.put(message);
  }

  /** Take in a message that the user has pinned or unpinned. */
  putPinned(message: Message): void {
    this.entries.get(message.chatId)?.messages.putPinned(message);
  }

  /** Take in the reactions to a message; the event with their `rev` is still to come. */
  putReactions(response: MessageReactions): void {
    this.entries.get(response.chatId)?.messages.putReactions(response);
  }

  /** Show these messages, newest first, instead of the newest ones, until they reach those. */
  showWindow(chatId: string, messages: readonly Message[], { nextCursor, prevCursor }: WindowMeta): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    const window = entry.newTimeline();
    entry.messages.putPage(window, messages, nextCursor, null);
    entry.timelines.show(window, prevCursor ?? null);
    this.changes.noteOf("messages", chatId);
  }

  /** Take in the page after a window. */
  putNewer(chatId: string, window: Timeline, messages: readonly Message[], { prevCursor }: WindowMeta): void {
    const entry = this.entries.get(chatId);
    window.addNewer(entry ? messages.map((message) => entry.messages.asSeen(message)) : messages, prevCursor ?? null);
    entry?.timelines.join();
  }

  /** Show the newest messages of a chat again. */
  closeWindow(chatId: string): void {
    if (this.entries.get(chatId)?.timelines.close()) this.changes.noteOf("messages", chatId);
  }

  /** Something of a message has changed that is not its text. */
  onMessageChanged(event: MessageChangedEvent): void {
    this.entries.get(event.chatId)?.messages.onChanged(event);
  }

  onMessageDeleted({ messageId, chatId, rev }: MessageDeletedEvent): void {
    this.entries.get(chatId)?.messages.onDeleted(messageId, rev);
  }

  /** The user has deleted a message; the event with its `rev` is still to come. */
  markDeleted(messageId: string): void {
    for (const entry of this.entries.values()) entry.messages.delete(messageId);
  }

  /** A member has received or read the messages of a chat up to `seq`. */
  onReceipt(chatId: string, userId: string, status: DeliveryStatus, seq: number): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    if (userId !== this.me) entry.receipt(status, seq);
    else if (status === "READ") entry.read(seq);
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
      if (peer) entry.set({ peer });
    } else this.onChatUpdated({ ...event, lastMessage, rev: event.lastRev });
    const entry = this.entries.get(event.id) as Entry;
    if (event.lastRev >= entry.rev) {
      entry.setMembers(members, members.length >= event.memberCount ? null : undefined);
    }
  }

  onChatUpdated(event: ChatEvent): void {
    const entry = this.entries.get(event.id);
    if (!entry) {
      this.hooks.onMissed();
      return;
    }
    entry.update(event);
  }

  onMemberJoined({ chatId, member, rev }: ChatMember): void {
    this.changeMembers(chatId, rev, 1, (entry) => entry.putMember(member));
  }

  onMemberUpdated({ chatId, member, rev }: ChatMember): void {
    this.changeMembers(chatId, rev, 0, (entry) => entry.putMember(member));
  }

  onMemberLeft({ chatId, userId, rev }: MemberLeft): void {
    if (userId === this.me) this.remove(chatId);
    else this.changeMembers(chatId, rev, -1, (entry) => entry.dropMember(userId));
  }

  /** Add or update a member after the user's own request; the event with the `rev` is still to come. */
  putMember(chatId: string, member: Member): void {
    this.entries.get(chatId)?.putMember(member);
  }

  /** Remove a member after the user's own request; the event with the `rev` is still to come. */
  dropMember(chatId: string, userId: string): void {
    this.entries.get(chatId)?.dropMember(userId);
  }

  /** The list of members as the server has it, up to `cursor`. */
  putMembers(chatId: string, members: Members, cursor: string | null): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    entry.setMembers(members, cursor);
    for (const { user } of members) this.hooks.onUser(user);
  }

  /** Take in the newest page of a chat whose messages came from a cache: it continues them or replaces them. */
  putNewest(chatId: string, messages: readonly Message[], cursor: string | null): void {
    this.entries.get(chatId)?.messages.putNewest(messages, cursor);
  }

  /** Take in a page of a chat that was asked for with `before`. */
  putPage(
    chatId: string,
    timeline: Timeline,
    messages: readonly Message[],
    cursor: string | null,
    before: string | null,
  ): void {
    this.entries.get(chatId)?.messages.putPage(timeline, messages, cursor, before);
  }

  remove(chatId: string): void {
    this.own.forget(chatId);
    if (!this.entries.delete(chatId)) return;
    this.sorted = null;
    this.changes.note("chats");
    this.changes.noteOf("messages", chatId);
    this.changes.noteOf("members", chatId);
    this.hooks.onRemoved(chatId);
  }

  /** Mark the messages that are shown of a chat, and older ones, as read. Returns the last one, or null if it was read. */
  markRead(chatId: string): Message | null {
    const entry = this.entries.get(chatId);
    if (!entry) return null;
    const { timelines, chat } = entry;
    const last = timelines.shown.history.loaded ? timelines.shown.last : chat.lastMessage;
    if (!last || last.seq <= entry.readSeq) return null;
    entry.read(last.seq);
    return last;
  }

  /** Update the peer of the direct chat with a user who came online or went offline. */
  onPresence(userId: string, presence: { isOnline: boolean; lastSeen?: string | null }): void {
    for (const entry of this.entries.values()) {
      const { peer } = entry.chat;
      if (peer?.id === userId) entry.set({ peer: { ...peer, ...presence } });
    }
  }

  /** A user has another name, avatar or data. */
  onUserUpdated(user: User): void {
    for (const entry of this.entries.values()) entry.updateUser(user);
  }

  /** The display name of a member of a chat, as far as it is known. */
  displayNameOf(chatId: string, userId: string): Pick<User, "displayName"> {
    const entry = this.entries.get(chatId);
    const peer = entry?.chat.peer?.id === userId ? entry.chat.peer : undefined;
    const { displayName } = peer ?? entry?.members?.find((member) => member.userId === userId)?.user ?? {};
    return displayName === undefined ? {} : { displayName };
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
    entry.gap();
  }

  private changeMembers(chatId: string, rev: number, more: number, change: (entry: ChatEntry) => void): void {
    const entry = this.entries.get(chatId);
    if (!entry) return;
    change(entry);
    entry.countMembers(rev, more);
  }
}

function countedFor({ chat, readSeq }: ChatEntry): string {
  return `${chat.lastRev} ${readSeq}`;
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
