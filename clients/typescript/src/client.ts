import type {
  Account,
  Chat,
  Change,
  Connection,
  Draft,
  FileToSend,
  History,
  Item,
  Me,
  Member,
  MemberRole,
  Members,
  Message,
  MessageStatus,
  Page,
  PatchAccount,
  PatchChat,
  PatchMe,
  Presence,
  Role,
  Session,
  TokenProvider,
  Typer,
  User,
} from "./model.js";
import { browserCache, type CacheStorage } from "./cache.js";
import { callSafely, Changes } from "./changes.js";
import { EMPTY_DRAFT } from "./drafts.js";
import { LoggedOutError } from "./errors.js";
import { UserSession, type Dependencies } from "./user-session.js";
import { type Fetch, Http } from "./http.js";
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
const NO_HISTORY: History = { loaded: false, loading: false, hasOlder: false, error: null };
const NO_CHATS: readonly Chat[] = [];
const NO_ITEMS: readonly Item[] = [];
const NO_MEMBERS: Members = [];
const NO_TYPERS: readonly Typer[] = [];

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
  private readonly keeper: SessionKeeper;
  private readonly http: Http;
  private readonly dependencies: Dependencies;
  private userSession: UserSession | null = null;
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
   * Be logged in as a user of an application whose backend has their tokens: `userId` is the application's own id of
   * the user, `tokens` asks its backend for the response of POST /auth/login. A session that is stored for this user
   * goes on without asking; `tokens` is called when there is none, and when its refresh token is over. Another user's
   * session and data are dropped at once: nothing of them can be read after this call. Call it on every page and whenever
   * the application's user changes; with the user who is connected, it costs nothing.
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

  /** Change the user's own username or avatar. */
  async updateMe(changes: PatchMe): Promise<Me> {
    const { data } = await this.http.call("PATCH /users/me", { body: changes });
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

  /** The number of unread messages in all chats. */
  get unreadCount(): number {
    return this.chats.reduce((sum, chat) => sum + chat.unreadCount, 0);
  }

  chat(chatId: string): Chat | undefined {
    return this.userSession?.chatStore.chat(chatId);
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

  // --- Messages ---

  /** The loaded messages of a chat, the oldest first: stored ones in order without gaps, then queued ones. */
  messages(chatId: string): readonly Item[] {
    return this.userSession?.messages(chatId) ?? NO_ITEMS;
  }

  history(chatId: string): History {
    return this.userSession?.chatStore.timeline(chatId)?.history ?? NO_HISTORY;
  }

  /** Fetch the page before the oldest loaded message; resolves to whether there are older ones. */
  async loadOlder(chatId: string): Promise<boolean> {
    return this.requireUserSession().reader.older(chatId);
  }

  /**
   * Send a message, with a file or without: it is kept and tried again, through lost connections too, until the
   * server has it or refuses it. Throws LoggedOutError.
   * The messages of one chat are sent one after the other, in the order of the calls.
   */
  send(chatId: string, content: string, options: { file?: File | FileToSend } = {}): PendingMessage {
    const { queue, typing } = this.requireUserSession();
    typing.forget(chatId);
    return queue.add(chatId, content, options.file ? toFile(options.file) : null);
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
   * Change the text of a message of one's own, by its id, or by its clientId while it is `pending`. It shows at once and
   * is sent through the queue; a later edit replaces an earlier one that was not sent. The promise need not be awaited.
   */
  edit(messageId: string, content: string): Promise<Message> {
    return handled(this.requireUserSession().edit(messageId, content));
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

  /** The unsent text and files of a chat: kept across reloads, dropped at logout. */
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

  /** Fetch a message again whose links have expired (they are good for an hour at least). */
  async renewLinks(messageId: string): Promise<Message> {
    return this.requireUserSession().reader.renew(messageId);
  }

  // --- People ---

  /** Search users by a part of their username, 1–50 characters; prefix matches come first. */
  async searchUsers(query: string): Promise<Page<User>> {
    const { people } = this.requireUserSession();
    return this.http.page("GET /users/search", { query: { q: query } }, (user) => people.add(user));
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
