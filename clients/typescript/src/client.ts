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

// Neither a server nor a storage that does not answer holds up who logs out, or the user who follows.
const MAX_LOGOUT_MS = 3000;
// The same objects each time, as long as there is nothing.
const NO_CONNECTION: Connection = { state: "offline", cause: null, retryAt: null, error: null };
const NO_HISTORY: History = { loaded: false, loading: false, hasOlder: false, error: null };
const NO_CHATS: readonly Chat[] = [];
const NO_ITEMS: readonly Item[] = [];
const NO_MEMBERS: Members = [];
const NO_TYPERS: readonly Typer[] = [];

export interface ClientOptions {
  /** Where the server is, without a path: `https://chat.example.org`. In browsers by default where the page is from. */
  url?: string;
  /** Where the session is kept: by default localStorage in browsers, memory elsewhere. */
  session?: SessionStorage;
  /** Where unsent work is kept until it is sent: by default IndexedDB in browsers, memory elsewhere. */
  queue?: QueueStorage;
  /**
   * Where the list of chats and the newest messages are kept for the next page, to be shown before the network answers: by
   * default IndexedDB in browsers; null keeps nothing.
   */
  cache?: CacheStorage | null;
  /** Does the requests, for pages that have some answered ahead: by default the global `fetch`. Uploads don't use it. */
  fetch?: Fetch;
  /** Socket.IO's transports, in the order in which they are tried: by default websocket, then polling. */
  transports?: ("polling" | "websocket")[];
}

/** What `send` gives: the message is in `messages(chatId)` from now on, whatever becomes of it. */
export interface PendingMessage {
  readonly clientId: string;
  /** The stored message; rejects when the server refuses it or it is discarded. Need not be awaited. */
  readonly sent: Promise<Message>;
}

/**
 * A person's client: who is logged in, their chats and messages, as they are now and as they change.
 *
 * State is read from properties and methods that return at once, always of the same object until it changes;
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

  /** Make an account and log it in. ConflictError (`email_taken`, `username_taken`), ValidationError. */
  async register(account: { email: string; username: string; password: string }): Promise<Me> {
    const { data } = await this.http.callOpenly("POST /auth/register", { body: account });
    return this.keeper.begin(data);
  }

  /** Log in by address or username. UnauthenticatedError (`invalid_credentials`), RateLimitedError. */
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

  /** Go on with the session that is stored, if there is one: who it is, or null. Works without a network too. */
  restore(): Promise<Me | null> {
    return this.keeper.restore();
  }

  /** End the session here, also one that is stored and was not restored, and, if it can be reached, on the server; what was not sent is given up. */
  async logout(): Promise<void> {
    // Without a network the session ends here at least.
    const request = this.http.call("POST /auth/logout", {}).catch(() => {});
    await briefly(request);
    await this.keeper.end(null);
    await briefly(this.ending);
    await this.keeper.forget();
  }

  /** Change one's own username or avatar. */
  async updateMe(changes: PatchMe): Promise<Me> {
    const { data } = await this.http.call("PATCH /users/me", { body: changes });
    await this.keeper.update(data);
    return data;
  }

  /** Let go of connection and timers; the session stays stored. The client can't be used after that. */
  close(): void {
    this.closed.abort();
    this.endUserSession({ forgotten: false });
    this.changes.note("connection");
  }

  // --- What changes ---

  /** Call `listener` after each change, once for all that happened together; returns what ends that. */
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

  /** Resolve once everything here is as it is on the server. LoggedOutError when no user is logged in (any more). */
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

  /** Try now rather than at `connection.retryAt`. */
  reconnect(): void {
    this.userSession?.live.retryNow();
  }

  // --- Chats ---

  /** All chats, the most recently active first. */
  get chats(): readonly Chat[] {
    return this.userSession?.chatStore.chats ?? NO_CHATS;
  }

  /** Whether `chats` is the whole list yet. */
  get chatsLoaded(): boolean {
    return this.userSession?.chatStore.complete ?? false;
  }

  /** Messages that were not read, in all chats together. */
  get unreadCount(): number {
    return this.chats.reduce((sum, chat) => sum + chat.unreadCount, 0);
  }

  chat(chatId: string): Chat | undefined {
    return this.userSession?.chatStore.chat(chatId);
  }

  /**
   * A chat's members, the longest-standing first; empty until `openChat` has fetched them. Of large groups these are the
   * first, up to oneself at least: `loadMembers` fetches more.
   */
  members(chatId: string): Members {
    return this.userSession?.chatStore.members(chatId) ?? NO_MEMBERS;
  }

  /** Whether `members` lacks some. */
  hasMoreMembers(chatId: string): boolean {
    return (
      this.userSession?.chatStore.chat(chatId) !== undefined &&
      this.userSession.chatStore.membersCursor(chatId) !== null
    );
  }

  /** Fetch the next members of a large group; whether there are more still. */
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

  /** A new group, of which one is the ADMIN. */
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

  /** Change a group's name, description or avatar. For its ADMINs, as all that follows but `leaveGroup`. */
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

  /** What is here of a chat, the oldest first: stored messages in their order without gaps, then those on their way. */
  messages(chatId: string): readonly Item[] {
    return this.userSession?.messages(chatId) ?? NO_ITEMS;
  }

  history(chatId: string): History {
    return this.userSession?.chatStore.timeline(chatId)?.history ?? NO_HISTORY;
  }

  /** Fetch the page before the oldest message that is here; whether there are older ones still. */
  async loadOlder(chatId: string): Promise<boolean> {
    return this.requireUserSession().reader.older(chatId);
  }

  /**
   * Send a message, with a file or without: it is kept and tried again, through lost connections too, until the
   * server has it or refuses it. Throws LoggedOutError. Messages of one chat are sent in the order of the calls, one after the other.
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

  /** Give up a queued message, an upload that is under way too. What the server has already stored stays. */
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

  /** Send a refused edit again. */
  retryEdit(messageId: string): void {
    this.userSession?.retryEdit(messageId);
  }

  /** Give up an edit that is not stored: the stored text shows again. */
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

  /** What the user has written or chosen for a chat and not sent: kept over reloads, dropped at logout. */
  draft(chatId: string): Draft {
    return this.userSession?.drafts.get(chatId) ?? EMPTY_DRAFT;
  }

  /** Change parts of a chat's draft. */
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

  /** Everything that is here of this chat was seen. Can be called as often as one likes; works offline. */
  markRead(chatId: string): void {
    this.userSession?.markRead(chatId);
  }

  /** How far a message got with each other member who was in the chat when it was sent. */
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

  /** A message's `fileUrl` or `thumbnailUrl` as a whole URL, for `src` and `href`. */
  fileUrl(path: string): string {
    return new URL(path, this.url).href;
  }

  /** Fetch a message again whose links have expired (they are good for an hour at least). */
  async renewLinks(messageId: string): Promise<Message> {
    return this.requireUserSession().reader.renew(messageId);
  }

  // --- People ---

  /** People by a part of their username, 1–50 characters, prefix matches first. */
  async searchUsers(query: string): Promise<Page<User>> {
    const { people } = this.requireUserSession();
    return this.http.page("GET /users/search", { query: { q: query } }, (user) => {
      people.add(user);
      return user;
    });
  }

  /** Get a user by username, ignoring case. */
  async user(username: string): Promise<User> {
    const { people } = this.requireUserSession();
    const { data } = await this.http.call("GET /users/{username}", { path: { username } });
    people.add(data);
    return data;
  }

  /** Whether a user is online, as far as it is known: undefined for strangers and while offline. */
  presence(userId: string): Presence | undefined {
    return this.userSession?.people.presence(userId);
  }

  /** Report that the user is typing in a chat: call it on each key. It ends by itself, with `send`, and with `stopTyping`. */
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

  // --- For who administers the server ---

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
