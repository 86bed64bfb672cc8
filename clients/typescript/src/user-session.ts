import { ChatStore } from "./chat-store.js";
import { CatchUp } from "./catchup.js";
import { Cache, type CacheStorage } from "./cache.js";
import { callSafely, type Changes } from "./changes.js";
import { LiveConnection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { Edits } from "./edits.js";
import { DiscardedError } from "./errors.js";
import type { SignalInChat } from "./generated/schemas.js";
import { messageTombstone } from "./generated/tombstones.js";
import type { Http, Tokens } from "./http.js";
import { hiddenTombstone, quoteTombstone, requoted, withEdit } from "./message-changes.js";
import type { Chat, Item, Message, MessageEdit, Signal, User } from "./model.js";
import { OwnState } from "./own-state.js";
import { SendQueue } from "./queue.js";
import { People } from "./people.js";
import { isSameReaction, type OwnReaction, withOwnReactions } from "./reactions.js";
import { Reader, unknownChat } from "./reader.js";
import type { QueueRecord, QueueStorage } from "./storage.js";
import { ReadReceipts } from "./read-receipts.js";
import { RequestQueue } from "./request-queue.js";
import { Typing } from "./typing.js";
import { UnsentRecords } from "./unsent.js";
import { WindowReader } from "./window-reader.js";

/** What a user session needs from the client. */
export interface Dependencies {
  url: string;
  transports: string[] | undefined;
  http: Http;
  tokens: Tokens;
  queue: QueueStorage;
  cache: CacheStorage | null;
  changes: Changes;
  incoming: (message: Message, chat: Chat) => void;
  signalled: (signal: Signal) => void;
  /** Whether the server has own state; rejects when it can't be asked. */
  hasOwnState: () => Promise<boolean>;
  /** The user's own profile is another, changed elsewhere perhaps. */
  profileChanged: (user: User) => void;
}

/** Everything that exists while a user is logged in: created at login, disposed of as a whole at logout. */
export class UserSession {
  readonly live: LiveConnection;
  readonly chatStore: ChatStore;
  readonly people: People;
  readonly unsent: UnsentRecords;
  readonly queue: SendQueue;
  readonly edits: Edits;
  readonly drafts: Drafts;
  readonly reactions: RequestQueue<OwnReaction>;
  readonly conversation: Conversation;
  readonly own: OwnState;
  readonly reader: Reader;
  readonly windows: WindowReader;
  readonly typing: Typing;
  private readonly cache: Cache | null;
  private readonly readReceipts: ReadReceipts;
  private readonly catchUp: CatchUp;
  private readonly over = new AbortController();
  /** Settled once the cached chat list is loaded. */
  private listed: Promise<void> = Promise.resolve();
  private readonly items = new Map<string, { version: number; list: readonly Item[] }>();

  constructor(
    readonly me: string,
    private readonly dependencies: Dependencies,
  ) {
    const { url, transports, http, tokens, changes } = dependencies;
    this.live = new LiveConnection(url, transports, tokens, {
      // The cache is loaded first, so that it overwrites no response.
      catchUp: () => this.listed.then(() => this.catchUp.all()),
      connected: () => this.connected(),
      disconnected: () => this.disconnected(),
      changed: () => this.connectionChanged(),
    });
    this.chatStore = new ChatStore(me, changes, {
      onGap: (others) => this.catchUp.behind(others),
      onMissed: () => this.catchUp.missed(),
      onStored: (message) => this.stored(message),
      onRemoved: (chatId) => this.chatRemoved(chatId),
      onReceiptsStale: (chatId) => this.reader.receiptsStale(chatId),
      onMembersStale: (chatId) => this.reader.membersStale(chatId),
      onCountsStale: (chatId, others) => this.reader.countsStale(chatId, others),
      onReset: (chatId) => {
        this.cache?.drop(chatId);
        this.reader.reset(chatId);
      },
      onUser: (user) => this.people.add(user),
      toItem: (message) => this.toItem(message),
      toState: (chat) => this.own.stateOf(chat),
    });
    this.own = new OwnState(this.chatStore, http, changes, {
      isConnected: () => this.live.isConnected,
      isOffered: dependencies.hasOwnState,
      onGap: () => this.catchUp.behind(),
      onCountsStale: () => this.catchUp.missed(),
      receiptsSent: () => this.readReceipts.flush(),
    });
    this.people = new People(changes);
    this.unsent = new UnsentRecords(me, dependencies.queue);
    this.queue = new SendQueue(this.unsent, changes, {
      isConnected: () => this.live.isConnected,
      send: (message) => this.live.emit("message:send", message),
      upload: async (form, progress, signal) =>
        (await http.upload("POST /messages/upload", {}, form, progress, signal)).data,
      stored: (message) => {
        this.chatStore.putMessage(message);
        this.stored(message);
      },
      lastSeq: (chatId) => this.chatStore.chat(chatId)?.lastSeq,
      editOf: (clientId) => this.edits.of(clientId)?.edit ?? undefined,
      takeEdit: (clientId) => this.edits.take(clientId),
    });
    this.edits = new Edits(this.unsent, {
      isConnected: () => this.live.isConnected,
      edit: async (messageId, edit) => {
        const message = await this.live.emit("message:edit", { messageId, ...edit });
        this.chatStore.putMessage(message);
        return message;
      },
      delete: async (messageId) => {
        await this.live.emit("message:delete", { messageId });
        this.chatStore.markDeleted(messageId);
      },
      isKnown: (chatId) => this.chatStore.chat(chatId) !== undefined,
      isQueued: (target) => this.queue.state(target) !== undefined,
      refresh: (target) => {
        this.queue.refresh(target);
        this.chatStore.refresh(target);
      },
    });
    this.reactions = new RequestQueue<OwnReaction>({
      isConnected: () => this.live.isConnected,
      send: async (reaction) => this.chatStore.putReactions(await this.live.emit("message:react", reaction)),
      changed: ({ messageId }) => this.chatStore.refresh(messageId),
      isReplaced: isSameReaction,
    });
    this.conversation = new Conversation(this.chatStore, this.people, http);
    this.drafts = new Drafts(this.unsent, changes);
    const cache = dependencies.cache && new Cache(me, dependencies.cache, this.chatStore, changes);
    this.cache = cache;
    const cached = cache ? (chatId: string) => cache.page(chatId) : undefined;
    this.reader = new Reader(me, this.chatStore, http, changes, this.over.signal, cached);
    this.windows = new WindowReader(this.chatStore, this.reader, http, changes);
    this.typing = new Typing(this.live);
    this.readReceipts = new ReadReceipts(this.live);
    this.catchUp = new CatchUp(this.chatStore, this.own, this.live, http, this.over.signal);
    this.listen();
  }

  /** Connect, and take up queued messages that were left. */
  async start(): Promise<void> {
    globalThis.document?.addEventListener("visibilitychange", this.seen, { signal: this.over.signal });
    this.listed = this.list();
    this.live.start();
    const take = (records: readonly QueueRecord[]): void => {
      // Edits first: the messages that they change are shown with them.
      this.edits.restore(records);
      this.queue.restore(records);
      this.drafts.restore(records);
    };
    await this.unsent.start(take, (kind, id, record) => this.drafts.replace(kind, id, record));
    this.dropDrafts();
  }

  /** Log out: dispose of everything. Unsent work is deleted if `forgotten`, otherwise kept for the next login. */
  async end(options: { forgotten: boolean }): Promise<void> {
    this.over.abort();
    this.live.stop();
    this.live.socket.removeAllListeners();
    const loggedOut = new DiscardedError("You are no longer logged in.");
    this.queue.end(loggedOut);
    this.edits.end(loggedOut);
    this.reactions.end(loggedOut);
    this.own.end(loggedOut);
    this.chatStore.end();
    this.people.forget();
    this.typing.forgetAll();
    this.readReceipts.forgetAll();
    await Promise.all([this.unsent.end(options), this.cache?.end(options)]);
  }

  /** There is a new access token: the socket goes on with it. */
  renewed(token: string): void {
    // Should that fail, the server closes the socket in a while, and the next one begins with the new token.
    if (this.live.isConnected) this.live.emit("auth:renew", { token }).catch(() => {});
  }

  messages(chatId: string): readonly Item[] {
    const version = this.dependencies.changes.versionOf("messages", chatId);
    const made = this.items.get(chatId);
    if (made?.version === version) return made.list;
    const timeline = this.chatStore.shownTimeline(chatId);
    const list = timeline?.list() ?? [];
    // Queued messages follow the newest ones.
    if (!timeline?.history.hasNewer) {
      this.queue.insertInto(list, chatId, (seq) => (timeline ? timeline.indexAfter(seq) : 0));
    }
    this.items.set(chatId, { version, list });
    return list;
  }

  /** Edit a message by its id, or by its clientId. */
  edit(id: string, edit: MessageEdit): Promise<Message> {
    // The server does not have a message that it refused: it is sent with the edit instead.
    if (this.queue.state(id) === "failed") return this.queue.rewrite(id, edit);
    const { target, chatId } = this.target(id);
    return this.edits.edit(target, chatId, edit);
  }

  async delete(id: string): Promise<void> {
    const { target, chatId } = this.target(id);
    if (this.queue.state(target)) this.queue.discard(target);
    else await this.edits.delete(target, chatId);
  }

  retryEdit(id: string): void {
    this.edits.retry(this.target(id).target);
  }

  discardEdit(id: string): void {
    this.edits.discard(this.target(id).target);
  }

  /** A signal that is lost is not sent again. */
  signal(signal: SignalInChat): void {
    this.live.emit("signal", signal).catch(() => {});
  }

  markRead(chatId: string): void {
    const last = this.chatStore.markRead(chatId);
    if (this.chatStore.chat(chatId)?.isMarkedUnread) {
      this.own.change({ kind: "state", chatId, changes: { isMarkedUnread: false } }).catch(() => {});
    }
    if (last) this.readReceipts.upTo(last);
  }

  private readonly seen = (): void => {
    if (document.visibilityState !== "visible") return;
    this.live.retryNow();
    this.catchUp.missed();
  };

  /** Ask for the list of chats, and show it as it was last seen until the response arrives. */
  private async list(): Promise<void> {
    this.catchUp.start();
    // A cache that can't be read is ignored.
    await this.cache?.restore().catch(() => {});
  }

  private listen(): void {
    const { chatStore, people } = this;
    const { socket } = this.live;
    socket.on("message:new", (event) => {
      people.stoppedTyping(event.chatId, event.senderId);
      const message = chatStore.onMessageEvent(event, { isNew: true });
      const chat = chatStore.chat(event.chatId);
      if (message && chat && message.senderId !== this.me) callSafely(this.dependencies.incoming, message, chat);
    });
    socket.on("message:edited", (event) => void chatStore.onMessageEvent(event, { isNew: false }));
    socket.on("message:changed", (event) => chatStore.onMessageChanged(event));
    socket.on("message:deleted", (event) => chatStore.onMessageDeleted(event));
    socket.on("messages:read", ({ chatId, userId, readSeq }) => chatStore.onReceipt(chatId, userId, "READ", readSeq));
    socket.on("messages:delivered", ({ chatId, receipts }) => {
      for (const { userId, deliveredSeq } of receipts) chatStore.onReceipt(chatId, userId, "DELIVERED", deliveredSeq);
    });
    socket.on("signal", (signal) => this.dependencies.signalled(signal));
    socket.on("typing:start", (event) => {
      people.startedTyping({ ...event, ...chatStore.displayNameOf(event.chatId, event.userId) });
    });
    socket.on("typing:stop", ({ chatId, userId }) => people.stoppedTyping(chatId, userId));
    socket.on("user:online", ({ userId }) => {
      people.connected(userId);
      chatStore.onPresence(userId, { isOnline: true });
    });
    socket.on("user:offline", ({ userId, lastSeen }) => {
      people.disconnected(userId, lastSeen);
      chatStore.onPresence(userId, { isOnline: false, lastSeen });
    });
    socket.on("user:updated", ({ user }) => {
      chatStore.onUserUpdated(user);
      if (user.id === this.me) this.dependencies.profileChanged(user);
    });
    // Too much was missed between the server's workers for it to be sent again.
    socket.on("resync", () => this.catchUp.missed());
    socket.on("chat:new", (chat) => chatStore.onChatNew(chat));
    socket.on("chat:updated", (chat) => chatStore.onChatUpdated(chat));
    socket.on("chat:deleted", ({ chatId }) => chatStore.remove(chatId));
    socket.on("chat:member_joined", (event) => chatStore.onMemberJoined(event));
    socket.on("chat:member_updated", (event) => chatStore.onMemberUpdated(event));
    socket.on("chat:member_left", (event) => chatStore.onMemberLeft(event));
    this.listenToOwnState();
  }

  private listenToOwnState(): void {
    const { chatStore, own } = this;
    const { socket } = this.live;
    socket.on("me:chat", (state) => own.on(state.meRev, () => chatStore.putState(state)));
    socket.on("me:draft", (event) => own.on(event.meRev, () => own.onDraft(event)));
    socket.on("me:settings", (settings) => own.on(settings.meRev, () => own.putSettings(settings)));
    socket.on("me:blocked", ({ userId, isBlocked, meRev }) => own.on(meRev, () => own.putBlock(userId, isBlocked)));
    socket.on("me:hidden", ({ chatId, messageIds, meRev }) => own.on(meRev, () => chatStore.hide(chatId, messageIds)));
  }

  private connected(): void {
    this.queue.connected();
    this.edits.connected();
    this.reactions.connected();
    this.own.connected();
    this.readReceipts.connected();
  }

  private disconnected(): void {
    this.people.forget();
    this.typing.forgetAll();
    this.own.disconnected();
    this.reader.lost();
  }

  private connectionChanged(): void {
    this.dependencies.changes.note("connection");
    if (this.live?.connection.state !== "online") return;
    this.reader.refresh();
    this.dropDrafts();
  }

  /** Chats that the user has left meanwhile keep no drafts. */
  private dropDrafts(): void {
    if (this.live.connection.state !== "online") return;
    for (const chatId of this.drafts.chatIds) if (!this.chatStore.chat(chatId)) this.drafts.drop(chatId);
  }

  private chatRemoved(chatId: string): void {
    this.reader.close(chatId);
    this.cache?.drop(chatId);
    this.queue.drop(chatId);
    this.edits.drop(chatId, unknownChat());
    this.drafts.drop(chatId);
    this.own.drop(chatId);
  }

  private stored(message: Message): void {
    this.queue.settle(message);
    this.edits.settle(message);
  }

  /** The key of a message's edit: its clientId while it is queued, then its id. */
  private target(id: string): { target: string; chatId: string | null } {
    const chatId = this.queue.chatOf(id);
    if (chatId) return { target: id, chatId };
    const message = this.chatStore.find(id);
    return { target: message?.id ?? id, chatId: message?.chatId ?? null };
  }

  private toItem(received: Message): Item {
    const message = this.withHiding(received);
    const key = (message.senderId === this.me && message.clientId) || message.id;
    if (message.isDeleted) return { state: "sent", key, message, edit: null, isDeleting: false };
    const stored = withOwnReactions(message, this.reactions.requests, this.me);
    const change = this.edits.of(stored.id);
    if (!change) return { state: "sent", key, message: stored, edit: null, isDeleting: false };
    const { edit, error } = change;
    if (edit === null) {
      return { state: "sent", key, message: messageTombstone(stored), edit: null, isDeleting: true };
    }
    const edited = withEdit(stored, edit);
    const content = edited.content ?? "";
    return { state: "sent", key, message: edited, edit: { content, error }, isDeleting: false };
  }

  /** A message as it is once the user has deleted for themselves what waits for that. */
  private withHiding(message: Message): Message {
    const { id, replyTo } = message;
    if (!message.isDeleted && this.own.isHiding(id)) return hiddenTombstone(message);
    return replyTo && this.own.isHiding(replyTo.id) ? requoted(message, replyTo.id, quoteTombstone) : message;
  }
}
