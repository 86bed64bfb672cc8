import type {
  Account,
  AvatarOptions,
  BlockedUser,
  Capabilities,
  Chat,
  Change,
  Connection,
  Draft,
  FileToSend,
  GivenReaction,
  History,
  Item,
  LoginSession,
  Me,
  Member,
  MemberRole,
  Members,
  Message,
  MessageEdit,
  MessageHit,
  MessageSearch,
  MessageStatus,
  MessageVersion,
  MySettings,
  NewReport,
  Page,
  PatchAccount,
  PatchChat,
  PatchChatState,
  PatchMe,
  PatchSettings,
  Presence,
  PutDraft,
  Role,
  SavedDraft,
  SearchOptions,
  SendOptions,
  Session,
  Signal,
  SignalData,
  TokenProvider,
  Typer,
  UnreadSums,
  User,
} from "./model.js";
import { browserCache, type CacheStorage } from "./cache.js";
import { callSafely, Changes } from "./changes.js";
import { withProfile } from "./chat-entry.js";
import { EMPTY_DRAFT } from "./drafts.js";
import { LoggedOutError, NotFoundError } from "./errors.js";
import { UserSession, type Dependencies } from "./user-session.js";
import { type Fetch, Http, type ItemOf, type ListName, type Name, type ResponseOf, type Taken } from "./http.js";
import { SessionKeeper } from "./session.js";
import {
  browserQueue,
  browserSession,
  memoryQueue,
  memorySession,
  type QueueStorage,
  type SessionStorage,
  type StoredSession,
} from "./storage.js";
import { pause } from "./waiting.js";

// A server or storage that does not answer must not delay logout or the next login.
const MAX_LOGOUT_MS = 3000;
// The same objects each time, as long as there is nothing.
const NO_CONNECTION: Connection = { state: "offline", cause: null, retryAt: null, error: null };
const NO_HISTORY: History = { loaded: false, loading: false, hasOlder: false, hasNewer: false, error: null };
const NO_CHATS: readonly Chat[] = [];
const NO_ITEMS: readonly Item[] = [];
const NO_MEMBERS: Members = [];
const NO_TYPERS: readonly Typer[] = [];
const NO_BLOCKED: ReadonlySet<string> = new Set();
const OWN_STATE = "personal_state";
/** As `mutedUntil`: a chat stays muted until that is changed. */
export const MUTED_FOREVER = "9999-12-31T23:59:59.999Z";

export interface ClientOptions {
  /** The server's origin, such as `https://chat.example.org`. In browsers it defaults to the page's origin. */
  url?: string;
  /** Storage of the session: by default localStorage in browsers, memory elsewhere. */
  session?: SessionStorage;
  /** Storage of unsent messages, edits and drafts: by default IndexedDB in browsers, memory elsewhere. */
  queue?: QueueStorage;
  /**
   * Where the list of chats and the newest messages are kept for the next page, to be shown before the network answers: by
   * default IndexedDB in browsers; null keeps nothing.
   */
  cache?: CacheStorage | null;
  /** Used for all requests but uploads: by default the global `fetch`. */
  fetch?: Fetch;
  /** Socket.IO transports in the order in which they are tried: by default websocket, then polling. */
  transports?: ("polling" | "websocket")[];
}

/** The result of `send`. The message is in `messages(chatId)` from then on, sent or not. */
export interface PendingMessage {
  readonly clientId: string;
  /** The stored message; rejects when the server refuses it or it is discarded. Need not be awaited. */
  readonly sent: Promise<Message>;
}

/**
 * The client of one user: their session, chats and messages, kept up to date.
 *
 * Properties and methods that return state do so synchronously, and return the same object until it changes;
 * `subscribe` reports changes. Methods that ask the server return a promise, which rejects with a
 * `ProblemError` (or one of its kinds), a `NetworkError` or a `LoggedOutError`.
 */
export class ChatClient {
  private readonly url: string;
  private readonly changes = new Changes();
  private readonly closed = new AbortController();
  private readonly incoming = new Set<(message: Message, chat: Chat) => void>();
  private readonly signalled = new Set<(signal: Signal) => void>();
  private readonly keeper: SessionKeeper;
  private readonly http: Http;
  private readonly dependencies: Dependencies;
  private userSession: UserSession | null = null;
  /** What the server could do when it was asked last. */
  private features: readonly string[] = [];
  /** The request for them that is under way. */
  private asked: Promise<Capabilities> | null = null;
  /** Settled once the storage has nothing more of the session before. */
  private ending: Promise<void> = Promise.resolve();

  constructor(options: ClientOptions = {}) {
    const inBrowser = typeof localStorage !== "undefined" && typeof location !== "undefined";
    const url = options.url ?? (inBrowser ? location.origin : undefined);
    if (!url) throw new TypeError("Set the URL of the server: new ChatClient({ url: … }).");
    this.url = new URL(url).origin;
    const hooks = {
      refresh: async (refreshToken: string) =>
        (await this.http.callOpenly("POST /auth/refresh", { body: { refreshToken } })).data,
      exchange: async (token: string) => (await this.http.callOpenly("POST /auth/exchange", { body: { token } })).data,
      renewed: (token: string) => this.userSession?.renewed(token),
      changed: () => this.sessionChanged(),
      dropped: (session: StoredSession) => this.dropped(session),
    };
    this.keeper = new SessionKeeper(
      options.session ?? (inBrowser ? browserSession() : memorySession()),
      hooks,
      this.closed.signal,
    );
    this.http = new Http(this.url, this.keeper, this.closed.signal, options.fetch);
    this.dependencies = {
      url: this.url,
      transports: options.transports,
      http: this.http,
      tokens: this.keeper,
      queue: options.queue ?? (inBrowser ? browserQueue() : memoryQueue()),
      cache: options.cache ?? (inBrowser && options.cache !== null ? browserCache() : null),
      changes: this.changes,
      incoming: (message, chat) => {
        for (const listener of this.incoming) callSafely(listener, message, chat);
      },
      signalled: (signal) => {
        for (const listener of this.signalled) callSafely(listener, signal);
      },
      hasOwnState: () => this.hasOwnState(),
      profileChanged: (user) => {
        const { me } = this.keeper.session;
        if (me) void this.keeper.update(withProfile(me, user));
      },
    };
  }

  // --- Who is logged in ---

  get session(): Session {
    return this.keeper.session;
  }

  /** Create an account and log in. ConflictError (`email_taken`, `username_taken`), ValidationError. */
  async register(account: { email: string; username: string; password: string }): Promise<Me> {
    const { data } = await this.http.callOpenly("POST /auth/register", { body: account });
    return this.keeper.begin(data);
  }

  /** Log in by email address or username. UnauthenticatedError (`invalid_credentials`), RateLimitedError. */
  async login(account: { email: string; password: string } | { username: string; password: string }): Promise<Me> {
    const { data } = await this.http.callOpenly("POST /auth/login", { body: account });
    return this.keeper.begin(data);
  }

  /**
   * Be logged in as a user of an application: `userId` is the application's own id of the user, `tokens` gets a session
   * from its backend (POST /server/tokens), or a JWT of the application. A session that is stored for this user goes on
   * without asking; `tokens` is called when there is none, and when its refresh token is over. Another user's session and
   * data are dropped at once: nothing of them can be read after this call. Call it on every page and whenever the
   * application's user changes; with the user who is connected, it costs nothing.
   */
  connect({ userId, tokens }: { userId: string; tokens: TokenProvider }): Promise<Me> {
    return this.keeper.connect(userId, tokens);
  }

  /** Continue the stored session, if there is one: returns its user, or null. Works without a network too. */
  restore(): Promise<Me | null> {
    return this.keeper.restore();
  }

  /** Log out: end the session here, and on the server if it can be reached. Unsent work is discarded. */
  async logout(): Promise<void> {
    // Without a network the session ends here at least.
    const request = this.http.call("POST /auth/logout", {}).catch(() => {});
    await briefly(request);
    await this.keeper.end(null);
    await briefly(this.ending);
    await this.keeper.forget();
  }

  /** What the server can do: `registration`, `passwordLogin`, `features`, `limits`. Needs no session. */
  capabilities(): Promise<Capabilities> {
    this.asked ??= this.http
      .callOpenly("GET /capabilities", {})
      .then(({ data }) => {
        this.features = data.features;
        return data;
      })
      .finally(() => {
        this.asked = null;
      });
    return this.asked;
  }

  /**
   * Change the user's own password, which ends all their other sessions. ForbiddenError (`password_wrong`),
   * ConflictError (`no_password`), ValidationError, RateLimitedError.
   */
  async changePassword(currentPassword: string, newPassword: string): Promise<void> {
    await this.http.call("POST /auth/password/change", { body: { currentPassword, newPassword } });
  }

  /** Set a new password with the code of a reset link. Does not log in. ValidationError (`code_invalid`). */
  async resetPassword(code: string, newPassword: string): Promise<void> {
    await this.http.callOpenly("POST /auth/password/reset", { body: { code, newPassword } });
  }

  /** Where the user is logged in, the session used last first. */
  async sessions(): Promise<readonly LoginSession[]> {
    const { items } = await this.http.page("GET /auth/sessions", { query: { limit: 100 } }, (session) => session);
    return items;
  }

  /** End a session of the user: it is logged out there. NotFoundError. */
  async endSession(sessionId: string): Promise<void> {
    await this.http.call("DELETE /auth/sessions/{sessionId}", { path: { sessionId } });
  }

  /** Log out everywhere else. */
  async endOtherSessions(): Promise<void> {
    await this.http.call("DELETE /auth/sessions", {});
  }

  /** Change the user's own profile: `displayName`, `username`, `data`, or the URL of an `avatar` on another server. */
  async updateMe(changes: PatchMe): Promise<Me> {
    const { data } = await this.http.call("PATCH /users/me", { body: changes });
    await this.keeper.update(data);
    return data;
  }

  /** Upload the user's own avatar: a JPEG, PNG, GIF or WebP of up to 10 MB. UnacceptableFileError, ValidationError. */
  async setAvatar(file: File | FileToSend, options: AvatarOptions = {}): Promise<Me> {
    const { data } = await this.uploadAvatar("PUT /users/me/avatar", {}, file, options);
    await this.keeper.update(data);
    return data;
  }

  async removeAvatar(): Promise<Me> {
    const { data } = await this.http.call("DELETE /users/me/avatar", {});
    await this.keeper.update(data);
    return data;
  }

  /** Close the connection and stop all timers; the session stays stored. The client can't be used afterwards. */
  close(): void {
    this.closed.abort();
    this.endUserSession({ forgotten: false });
    this.changes.note("connection");
  }

  // --- What changes ---

  /** Call `listener` after changes, once for all that happened together. Returns a function that unsubscribes. */
  subscribe(listener: (change: Change) => void): () => void {
    return this.changes.subscribe(listener);
  }

  /** Call `listener` with each new message of another user that arrives live: for notifications. */
  onMessage(listener: (message: Message, chat: Chat) => void): () => void {
    const own = (message: Message, chat: Chat): void => listener(message, chat);
    this.incoming.add(own);
    return () => void this.incoming.delete(own);
  }

  /** Call `listener` with each signal of another user. */
  onSignal(listener: (signal: Signal) => void): () => void {
    const own = (signal: Signal): void => listener(signal);
    this.signalled.add(own);
    return () => void this.signalled.delete(own);
  }

  // --- The connection: made after login or restore, kept until logout, made again whenever it is lost ---

  get connection(): Connection {
    return this.userSession?.live.connection ?? NO_CONNECTION;
  }

  /** Resolve once the state is up to date with the server. LoggedOutError when no user is logged in (any more). */
  async whenOnline(): Promise<void> {
    if (this.requireUserSession().live.connection.state === "online") return;
    await new Promise<void>((resolve, reject) => {
      const end = this.subscribe(() => {
        if (this.userSession && this.connection.state !== "online") return;
        end();
        if (this.userSession) resolve();
        else reject(new LoggedOutError());
      });
    });
  }

  /** Connect now instead of at `connection.retryAt`. */
  reconnect(): void {
    this.userSession?.live.retryNow();
  }

  // --- Chats ---

  /** All chats, the most recently active first. */
  get chats(): readonly Chat[] {
    return this.userSession?.chatStore.chats ?? NO_CHATS;
  }

  /** Whether `chats` is the complete list. */
  get chatsLoaded(): boolean {
    return this.userSession?.chatStore.complete ?? false;
  }

  /** The number of unread messages in all chats that are neither muted, archived nor hidden. */
  get unreadCount(): number {
    const counted = this.chats.filter(({ isMuted, isArchived, isHidden }) => !isMuted && !isArchived && !isHidden);
    return counted.reduce((sum, chat) => sum + chat.unreadCount, 0);
  }

  chat(chatId: string): Chat | undefined {
    return this.userSession?.chatStore.chat(chatId);
  }

  /**
   * Search the user's chats, archived and hidden ones too: groups by a part of their name, direct chats by a part of the
   * other user's username or display name, 1–100 characters. Prefix matches come first, of equal ones the most recently
   * active.
   */
  async searchChats(q: string, { signal, ...page }: SearchOptions = {}): Promise<Page<Chat>> {
    const { chatStore } = this.requireUserSession();
    return this.http.page("GET /search/chats", { query: { q, ...page } }, (chat) => chatStore.seen(chat), signal);
  }

  /**
   * The members of a chat, the oldest membership first; empty until `openChat` has fetched them. Of a large group these
   * are the first ones, at least up to the user: `loadMembers` fetches more.
   */
  members(chatId: string): Members {
    return this.userSession?.chatStore.members(chatId) ?? NO_MEMBERS;
  }

  /** Whether there are more members than `members` returns. */
  hasMoreMembers(chatId: string): boolean {
    return (
      this.userSession?.chatStore.chat(chatId) !== undefined &&
      this.userSession.chatStore.membersCursor(chatId) !== null
    );
  }

  /** Fetch the next members of a large group; resolves to whether there are more. */
  async loadMembers(chatId: string): Promise<boolean> {
    return this.requireUserSession().reader.moreMembers(chatId);
  }

  /**
   * Open a chat: its newest messages and its members are fetched, and kept up to date, receipts
   * too, until `closeChat`. To open it again is cheap.
   */
  async openChat(chatId: string): Promise<void> {
    await this.requireUserSession().reader.open(chatId);
  }

  /** Stop keeping a chat up to date; it stays in memory. */
  closeChat(chatId: string): void {
    this.userSession?.reader.close(chatId);
  }

  /** Get the direct chat with a user; create it if there is none. */
  async createDirectChat(userId: string): Promise<Chat> {
    const { chatStore } = this.requireUserSession();
    const { data } = await this.http.call("POST /chats/direct", { body: { userId } });
    return chatStore.put(data);
  }

  /** Create a group with the user as its ADMIN. */
  async createGroup(group: {
    name: string;
    description?: string | null;
    avatar?: string | null;
    memberIds?: string[];
  }): Promise<Chat> {
    const { chatStore } = this.requireUserSession();
    const { data } = await this.http.call("POST /chats/groups", { body: group });
    return chatStore.put(data);
  }

  /** Change a group's name, description or avatar. Requires the role ADMIN, as do the methods below but `leaveGroup`. */
  async updateGroup(chatId: string, changes: PatchChat): Promise<Chat> {
    const { chatStore } = this.requireUserSession();
    const { data } = await this.http.call("PATCH /chats/{chatId}", { path: { chatId }, body: changes });
    return chatStore.put(data);
  }

  /** Upload the avatar of a group, as `setAvatar` does that of the user. */
  async setGroupAvatar(chatId: string, file: File | FileToSend, options: AvatarOptions = {}): Promise<Chat> {
    const { chatStore } = this.requireUserSession();
    const { data } = await this.uploadAvatar("PUT /chats/{chatId}/avatar", { path: { chatId } }, file, options);
    return chatStore.put(data);
  }

  async removeGroupAvatar(chatId: string): Promise<Chat> {
    const { chatStore } = this.requireUserSession();
    const { data } = await this.http.call("DELETE /chats/{chatId}/avatar", { path: { chatId } });
    return chatStore.put(data);
  }

  async deleteGroup(chatId: string): Promise<void> {
    const { chatStore } = this.requireUserSession();
    await this.http.call("DELETE /chats/{chatId}", { path: { chatId } });
    chatStore.remove(chatId);
  }

  async addMember(chatId: string, userId: string): Promise<Member> {
    const { chatStore } = this.requireUserSession();
    const { data } = await this.http.call("POST /chats/{chatId}/members", { path: { chatId }, body: { userId } });
    chatStore.putMember(chatId, data);
    return data;
  }

  async removeMember(chatId: string, userId: string): Promise<void> {
    const { chatStore } = this.requireUserSession();
    await this.http.call("DELETE /chats/{chatId}/members/{userId}", { path: { chatId, userId } });
    chatStore.dropMember(chatId, userId);
  }

  /** ConflictError (`last_admin`) when it would leave the group without an ADMIN. */
  async setMemberRole(chatId: string, userId: string, role: MemberRole): Promise<Member> {
    const { chatStore } = this.requireUserSession();
    const path = { chatId, userId };
    const { data } = await this.http.call("PATCH /chats/{chatId}/members/{userId}/role", { path, body: { role } });
    chatStore.putMember(chatId, data);
    return data;
  }

  async leaveGroup(chatId: string): Promise<void> {
    const { chatStore } = this.requireUserSession();
    await this.http.call("DELETE /chats/{chatId}/leave", { path: { chatId } });
    chatStore.remove(chatId);
  }

  // --- What only the user sees. A change shows at once, waits for a connection, and is taken back if the server refuses
  // it; then the promise rejects, which need not be awaited. Requires the feature `personal_state`. ---

  /**
   * Mute, archive, hide or pin a chat, mark it as unread, or set what notifies of it. ValidationError, ConflictError
   * (`limit_reached`).
   */
  setChatState(chatId: string, changes: PatchChatState): Promise<void> {
    return handled(this.requireUserSession().own.change({ kind: "state", chatId, changes }));
  }

  /** Delete the messages of a chat up to `upTo` (by default all of them) for the user alone, irreversibly. Not queued. */
  async clearChat(chatId: string, { upTo }: { upTo?: number } = {}): Promise<void> {
    const { own, chatStore } = this.requireUserSession();
    await own.clear(chatId, upTo ?? chatStore.chat(chatId)?.lastSeq);
  }

  /** Delete messages for the user alone: they show as tombstones with `isHidden`. ConflictError (`limit_reached`). */
  hideMessages(messageIds: readonly string[]): Promise<void> {
    return handled(this.requireUserSession().own.hide(messageIds));
  }

  /** The draft of a chat that the server stores for all devices (`drafts`). It is apart from `draft`, which stays here. */
  savedDraft(chatId: string): SavedDraft | undefined {
    return this.userSession?.own.draft(chatId);
  }

  /** Store a draft for all devices; one that waits to be sent is replaced. ConflictError (`limit_reached`). */
  saveDraft(chatId: string, draft: PutDraft): Promise<void> {
    return handled(this.requireUserSession().own.change({ kind: "draft", chatId, draft }));
  }

  deleteDraft(chatId: string): Promise<void> {
    return handled(this.requireUserSession().own.change({ kind: "draft", chatId, draft: null }));
  }

  /** The user's settings, once they are known (`settings`). */
  get settings(): MySettings | undefined {
    return this.userSession?.own.settings;
  }

  updateSettings(changes: PatchSettings): Promise<void> {
    return handled(this.requireUserSession().own.change({ kind: "settings", changes }));
  }

  /** The ids of the users whom the user blocks (`blocking`). */
  get blocked(): ReadonlySet<string> {
    return this.userSession?.own.blocked ?? NO_BLOCKED;
  }

  block(userId: string): Promise<void> {
    return handled(this.requireUserSession().own.change({ kind: "block", userId, isBlocked: true }));
  }

  unblock(userId: string): Promise<void> {
    return handled(this.requireUserSession().own.change({ kind: "block", userId, isBlocked: false }));
  }

  /** The users whom the user blocks, the last blocked first. */
  async listBlocks(): Promise<Page<BlockedUser>> {
    return this.http.page("GET /users/me/blocks", { query: {} }, (block) => block);
  }

  /** Report a message, a user or a chat to the server's moderators (`reports`). RateLimitedError. */
  async report(report: NewReport): Promise<{ id: string }> {
    const { data } = await this.http.call("POST /reports", { body: report });
    return data;
  }

  /** What is unread, as the server counts it: in all chats that are neither muted, archived nor hidden. */
  async fetchUnread(): Promise<UnreadSums> {
    const { data } = await this.http.call("GET /users/me/unread", {});
    return data;
  }

  // --- Messages ---

  /** The loaded messages of a chat, the oldest first: stored ones in order without gaps, then queued ones. */
  messages(chatId: string): readonly Item[] {
    return this.userSession?.messages(chatId) ?? NO_ITEMS;
  }

  history(chatId: string): History {
    return this.userSession?.chatStore.shownTimeline(chatId)?.history ?? NO_HISTORY;
  }

  /** Fetch the page before the oldest loaded message; resolves to whether there are older ones. */
  async loadOlder(chatId: string): Promise<boolean> {
    return this.requireUserSession().reader.older(chatId);
  }

  /**
   * Show the messages around an older one, by its id or its `seq`, instead of the newest ones; resolves to it, or to the
   * one that is nearest to that `seq`. While `history(chatId).hasNewer`, new messages are not added to `messages(chatId)`.
   * A later jump replaces an earlier one, which then resolves to undefined. NotFoundError. Requires the feature `around`.
   */
  async loadAround(chatId: string, target: string | number): Promise<Message | undefined> {
    return this.requireUserSession().windows.around(chatId, target);
  }

  /** After `loadAround`, fetch the page after the newest shown message; resolves to whether there are newer ones. */
  async loadNewer(chatId: string): Promise<boolean> {
    return this.requireUserSession().windows.newer(chatId);
  }

  /** Show the newest messages again. */
  async loadNewest(chatId: string): Promise<void> {
    await this.requireUserSession().windows.newest(chatId);
  }

  /** Get a message of a chat. NotFoundError. */
  async message(chatId: string, messageId: string): Promise<Message> {
    return this.requireUserSession().conversation.message(chatId, messageId);
  }

  /**
   * Send a message, with a file or without: it is kept and tried again, through lost connections too, until the
   * server has it or refuses it. Throws LoggedOutError.
   * The messages of one chat are sent one after the other, in the order of the calls.
   */
  send(chatId: string, content: string, { file, ...options }: SendOptions = {}): PendingMessage {
    const { queue, typing } = this.requireUserSession();
    typing.forget(chatId);
    return queue.add(chatId, content, file ? toFile(file) : null, options);
  }

  /** Try a failed message again. */
  retry(clientId: string): void {
    this.userSession?.queue.retry(clientId);
  }

  /** Discard a queued message, and cancel its upload. A message that the server has stored stays. */
  discard(clientId: string): void {
    this.userSession?.queue.discard(clientId);
  }

  /**
   * Change the text or other fields of a message of one's own, by its id, or by its clientId while it is `pending`. It
   * shows at once and is sent through the queue; a later edit of a field replaces an earlier one that was not sent. The
   * promise need not be awaited.
   */
  edit(messageId: string, edit: string | MessageEdit): Promise<Message> {
    return handled(this.requireUserSession().edit(messageId, typeof edit === "string" ? { content: edit } : edit));
  }

  /** Send an edit again that the server refused. */
  retryEdit(messageId: string): void {
    this.userSession?.retryEdit(messageId);
  }

  /** Discard an edit that is not stored: the stored text is shown again. */
  discardEdit(messageId: string): void {
    this.userSession?.discardEdit(messageId);
  }

  /**
   * Delete a message, which leaves a tombstone. It shows at once and is sent through the queue; when the server refuses
   * it, the promise rejects and the message shows again. It drops an edit that was not sent.
   */
  delete(messageId: string): Promise<void> {
    return handled(this.requireUserSession().delete(messageId));
  }

  /**
   * React to a message with an emoji, or take that back with `on: false`; `unique` takes back the user's other reactions to
   * it. It shows at once and is sent when there is a connection; when the server refuses it, the promise rejects and the
   * reactions show as they were. ConflictError (`too_many_reactions`, `message_deleted`). The promise need not be awaited.
   */
  react(messageId: string, emoji: string, { on = true, unique = false } = {}): Promise<void> {
    return handled(this.requireUserSession().reactions.add({ messageId, emoji, on, unique }));
  }

  /** The users who reacted to a message, with one emoji or with any, the first ones first. */
  async reactions(messageId: string, emoji?: string): Promise<Page<GivenReaction>> {
    return this.requireUserSession().conversation.reactions(messageId, emoji);
  }

  /** Pin a message: in a group an ADMIN can. ForbiddenError, ConflictError (`too_many_pins`, `message_deleted`). */
  async pin(messageId: string): Promise<Message> {
    return this.requireUserSession().conversation.pin(messageId);
  }

  async unpin(messageId: string): Promise<Message> {
    return this.requireUserSession().conversation.unpin(messageId);
  }

  /** The pinned messages of a chat, the last pinned first. */
  async pins(chatId: string): Promise<Page<Message>> {
    return this.requireUserSession().conversation.pins(chatId);
  }

  /** The texts that a message had, the current one last. ForbiddenError, ConflictError (`message_deleted`). */
  async versions(messageId: string): Promise<Page<MessageVersion>> {
    return this.requireUserSession().conversation.versions(messageId);
  }

  /**
   * Send copies of messages to other chats, all or none: up to 20 messages to up to 5 chats. Resolves to the copies. After a
   * NetworkError, the same call goes on with the first one: nothing is forwarded twice.
   */
  async forward(messageIds: readonly string[], chatIds: readonly string[]): Promise<readonly Message[]> {
    return this.requireUserSession().conversation.forward([...messageIds], [...chatIds]);
  }

  /** The messages of a chat that have a file, the newest first. */
  async chatFiles(chatId: string, type?: "IMAGE" | "FILE"): Promise<Page<Message>> {
    return this.requireUserSession().conversation.files(chatId, type);
  }

  /** The messages of all chats that mention the user by id, read or not, the newest first. */
  async mentions(): Promise<Page<Message>> {
    return this.requireUserSession().conversation.mentions();
  }

  /**
   * Search the messages of all chats of the user, or of one: by words, "phrases" and -exclusions, 1–100 characters. To show
   * a hit in its chat, call `openChat` and `loadAround`. ValidationError, NotFoundError, ForbiddenError (`search_off`),
   * RateLimitedError. Requires the feature `search`.
   */
  async searchMessages(q: string, { signal, ...filter }: MessageSearch = {}): Promise<Page<MessageHit>> {
    return this.requireUserSession().conversation.search({ q, ...filter }, signal);
  }

  /** The unsent input of a chat: kept across reloads, dropped at logout. */
  draft(chatId: string): Draft {
    return this.userSession?.drafts.get(chatId) ?? EMPTY_DRAFT;
  }

  /** Update parts of a chat's draft. */
  setDraft(chatId: string, changes: Partial<Draft>): void {
    this.userSession?.drafts.set(chatId, changes);
  }

  /** Whether leaving the page now would lose something unsent. */
  get hasUnsaved(): boolean {
    return this.userSession?.unsent.hasUnsaved ?? false;
  }

  /**
   * Drop the oldest pages of a chat beyond the newest `keep` messages, as far as whole pages allow; `loadOlder` fetches
   * them again.
   */
  trimHistory(chatId: string, keep: number): void {
    this.userSession?.reader.trim(chatId, keep);
  }

  /** Mark all loaded messages of a chat as read. Can be called at any time, offline too. */
  markRead(chatId: string): void {
    this.userSession?.markRead(chatId);
  }

  /** Get the delivery status of a message for each other member who was in the chat when it was sent. */
  async statuses(messageId: string): Promise<MessageStatus[]> {
    const given = { path: { messageId }, query: { limit: 100 } };
    const statuses: MessageStatus[] = [];
    for (let page = await this.http.page("GET /messages/{messageId}/statuses", given, (status) => status); ; ) {
      statuses.push(...page.items);
      if (!page.next) return statuses;
      page = await page.next();
    }
  }

  // --- Files ---

  /** The absolute URL of a message's `fileUrl` or `thumbnailUrl`, for `src` and `href`. */
  fileUrl(path: string): string {
    return new URL(path, this.url).href;
  }

  /**
   * The absolute URL of an `avatar`: of an uploaded one in 96 × 96 or 512 × 512 pixels. One on another server is returned
   * unchanged; to load it reveals the reader's address to that server.
   */
  avatarUrl(avatar: string, size: 96 | 512 = 96): string {
    return avatar.startsWith("/avatars/") ? this.fileUrl(`${avatar}?size=${size}`) : avatar;
  }

  /** Fetch a message again whose links have expired (they are good for an hour at least). */
  async renewLinks(messageId: string): Promise<Message> {
    return this.requireUserSession().reader.renew(messageId);
  }

  // --- People ---

  /** Search users by a part of their username or display name, 1–50 characters; prefix matches come first. */
  async searchUsers(q: string, { signal, ...page }: SearchOptions = {}): Promise<Page<User>> {
    const { people } = this.requireUserSession();
    return this.http.page("GET /users/search", { query: { q, ...page } }, (user) => people.add(user), signal);
  }

  /** Get a user by username, ignoring case. */
  async user(username: string): Promise<User> {
    const { people } = this.requireUserSession();
    const { data } = await this.http.call("GET /users/{username}", { path: { username } });
    return people.add(data);
  }

  /** Whether a user is online, as far as it is known: undefined for strangers and while offline. */
  presence(userId: string): Presence | undefined {
    return this.userSession?.people.presence(userId);
  }

  /** Report that the user is typing: call it on each key. Typing ends by itself, by `send` and by `stopTyping`. */
  typing(chatId: string): void {
    this.userSession?.typing.typed(chatId);
  }

  stopTyping(chatId: string): void {
    this.userSession?.typing.stop(chatId);
  }

  /** Send a note of your application to a chat's connected members, or to some of them. It is not stored, and may be lost. */
  signal(chatId: string, name: string, data?: SignalData, toUserIds?: string[]): void {
    this.userSession?.signal({ chatId, name, ...(data !== undefined && { data }), ...(toUserIds && { toUserIds }) });
  }

  /** The others who are typing in a chat. */
  typers(chatId: string): readonly Typer[] {
    return this.userSession?.people.typers(chatId) ?? NO_TYPERS;
  }

  // --- Administration of the server ---

  accounts(filter: { q?: string; role?: Role } = {}): Promise<Page<Account>> {
    return this.http.page("GET /admin/users", { query: filter }, (account) => account);
  }

  async updateAccount(userId: string, changes: PatchAccount): Promise<Account> {
    const { data } = await this.http.call("PATCH /admin/users/{userId}", { path: { userId }, body: changes });
    return data;
  }

  // --- All other operations ---

  /** Call an operation of the REST API as the user; returns the body of the response. */
  call<N extends Name>(operation: N, taken: Taken<N>): Promise<ResponseOf<N>> {
    return this.http.call(operation, taken);
  }

  /** The first page of a list of the REST API, as the user. */
  list<N extends ListName>(operation: N, taken: Taken<N>): Promise<Page<ItemOf<N>>> {
    return this.http.page(operation, taken, (item) => item);
  }

  private uploadAvatar<N extends "PUT /users/me/avatar" | "PUT /chats/{chatId}/avatar">(
    operation: N,
    taken: Omit<Taken<N>, "body">,
    file: File | FileToSend,
    { crop, onProgress = () => {} }: AvatarOptions,
  ): Promise<ResponseOf<N>> {
    const { data, name } = toFile(file);
    const form = (): FormData => {
      const made = new FormData();
      if (crop) made.set("crop", JSON.stringify(crop));
      made.set("file", data, name);
      return made;
    };
    return this.http.upload(operation, taken, form, onProgress, this.closed.signal);
  }

  /** A server that has it keeps it: it is asked again only while it has not. */
  private async hasOwnState(): Promise<boolean> {
    try {
      return this.features.includes(OWN_STATE) || (await this.capabilities()).features.includes(OWN_STATE);
    } catch (error) {
      // A server of version 1.
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  private sessionChanged(): void {
    const { me, reason } = this.keeper.session;
    this.changes.note("session");
    if (me?.id === this.userSession?.me) return;
    // Who logs out, here or in another tab, wants nothing of it to stay; whose session ended may log in again and go on.
    this.endUserSession({ forgotten: reason === null || reason === "elsewhere" });
    if (me) {
      this.userSession = new UserSession(me.id, this.dependencies);
      void this.userSession.start();
    }
    for (const part of ["connection", "chats"] as const) this.changes.note(part);
  }

  private async dropped({ me, accessToken }: StoredSession): Promise<void> {
    this.http.callOpenly("POST /auth/logout", {}, accessToken).catch(() => {});
    await briefly(this.ending);
    try {
      await briefly(Promise.all([this.dependencies.queue.clear(me.id), this.dependencies.cache?.delete([])]));
    } catch {
      // A storage that does not work has nothing to forget.
    }
  }

  private endUserSession(options: { forgotten: boolean }): void {
    const { userSession } = this;
    this.userSession = null;
    if (!userSession) return;
    this.ending = userSession.end(options);
    this.changes.forget();
  }

  /** The session of the user who is logged in; throws LoggedOutError. */
  private requireUserSession(): UserSession {
    if (!this.userSession) throw new LoggedOutError();
    return this.userSession;
  }
}

/** Wait for this, but not for long. */
async function briefly(task: Promise<unknown>): Promise<void> {
  await Promise.race([task, pause(MAX_LOGOUT_MS)]);
}

/** Callers need not wait for the promise: the state has the outcome. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function toFile(file: File | FileToSend): FileToSend {
  return "data" in file ? file : { data: file, name: file.name };
}
