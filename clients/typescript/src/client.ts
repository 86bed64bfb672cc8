import type {
  Account,
  Chat,
  Change,
  Connection,
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
  Typer,
  User,
} from "./model.js";
import type { OutboxStorage, SessionStorage } from "./storage.js";

export interface ClientOptions {
  /** Where the server is, without a path: `https://chat.example.org`. In browsers by default where the page is from. */
  url?: string;
  /** Where the session is kept: by default localStorage in browsers, memory elsewhere. */
  session?: SessionStorage;
  /** Where drafts are kept until they are sent: by default localStorage in browsers, memory elsewhere. */
  outbox?: OutboxStorage;
  /** Socket.IO's transports, in the order in which they are tried: by default polling, upgraded to websocket. */
  transports?: ("polling" | "websocket")[];
}

/** What `send` gives: the message is in `messages(chatId)` from now on, whatever becomes of it. */
export interface Sending {
  readonly clientId: string;
  /** The stored message; rejects when the server refuses it or it is discarded. Need not be awaited. */
  readonly sent: Promise<Message>;
}

/**
 * A person's client: who is logged in, their chats and messages, as they are now and as they change.
 *
 * State is read from properties and methods that return at once, always of the same object until it changes;
 * `subscribe` tells of changes. What asks the server for something returns a promise, which rejects with a
 * `ProblemError` (or one of its kinds), a `NetworkError` or a `LoggedOutError`.
 */
export class ChatClient {
  constructor(_options: ClientOptions = {}) {}

  // --- Who is logged in ---

  get session(): Session {
    throw new Error("not built yet");
  }

  /** Make an account and log it in. ConflictError (`email_taken`, `username_taken`), ValidationError. */
  register(_account: { email: string; username: string; password: string }): Promise<Me> {
    throw new Error("not built yet");
  }

  /** Log in by address or username. UnauthenticatedError (`invalid_credentials`), RateLimitedError. */
  login(_account: { email: string; password: string } | { username: string; password: string }): Promise<Me> {
    throw new Error("not built yet");
  }

  /** Go on with the session that is stored, if there is one: who it is, or null. Works without a network too. */
  restore(): Promise<Me | null> {
    throw new Error("not built yet");
  }

  /** End the session here and, if it can be reached, on the server; drafts are given up. */
  logout(): Promise<void> {
    throw new Error("not built yet");
  }

  /** Change one's own username or avatar. */
  updateMe(_changes: PatchMe): Promise<Me> {
    throw new Error("not built yet");
  }

  /** Let go of connection and timers; the session stays stored. The client can't be used after that. */
  close(): void {
    throw new Error("not built yet");
  }

  // --- What changes ---

  /** Call `listener` after each change, once for all that happened together; returns what ends that. */
  subscribe(_listener: (change: Change) => void): () => void {
    throw new Error("not built yet");
  }

  /** Call `listener` with each new message of somebody else that comes in live: for notifications. */
  onMessage(_listener: (message: Message, chat: Chat) => void): () => void {
    throw new Error("not built yet");
  }

  // --- The connection: made after login or restore, kept until logout, made again whenever it is lost ---

  get connection(): Connection {
    throw new Error("not built yet");
  }

  /** Try now rather than at `connection.retryAt`. */
  reconnect(): void {
    throw new Error("not built yet");
  }

  // --- Chats ---

  /** All chats, the most recently active first. */
  get chats(): readonly Chat[] {
    throw new Error("not built yet");
  }

  /** Whether `chats` is the whole list yet. */
  get chatsLoaded(): boolean {
    throw new Error("not built yet");
  }

  /** Messages that were not read, in all chats together. */
  get unreadCount(): number {
    throw new Error("not built yet");
  }

  chat(_chatId: string): Chat | undefined {
    throw new Error("not built yet");
  }

  /** A chat's members, the longest-standing first; empty until `openChat` has brought them. */
  members(_chatId: string): Members {
    throw new Error("not built yet");
  }

  /**
   * Somebody looks at this chat: its newest messages and its members are fetched, and kept up to date (receipts and
   * file links too) until `closeChat`. To open it again is cheap.
   */
  openChat(_chatId: string): Promise<void> {
    throw new Error("not built yet");
  }

  /** Nobody looks at it any more; it stays in memory. */
  closeChat(_chatId: string): void {
    throw new Error("not built yet");
  }

  /** The direct chat with somebody, made if there is none. */
  createDirectChat(_userId: string): Promise<Chat> {
    throw new Error("not built yet");
  }

  /** A new group, of which one is the ADMIN. */
  createGroup(_group: {
    name: string;
    description?: string | null;
    avatar?: string | null;
    memberIds?: string[];
  }): Promise<Chat> {
    throw new Error("not built yet");
  }

  /** Change a group's name, description or avatar. For its ADMINs, as all that follows but `leaveGroup`. */
  updateGroup(_chatId: string, _changes: PatchChat): Promise<Chat> {
    throw new Error("not built yet");
  }

  deleteGroup(_chatId: string): Promise<void> {
    throw new Error("not built yet");
  }

  addMember(_chatId: string, _userId: string): Promise<Member> {
    throw new Error("not built yet");
  }

  removeMember(_chatId: string, _userId: string): Promise<void> {
    throw new Error("not built yet");
  }

  /** ConflictError (`last_admin`) when it would leave the group without an ADMIN. */
  setMemberRole(_chatId: string, _userId: string, _role: MemberRole): Promise<Member> {
    throw new Error("not built yet");
  }

  leaveGroup(_chatId: string): Promise<void> {
    throw new Error("not built yet");
  }

  // --- Messages ---

  /** What is here of a chat, the oldest first: stored messages in their order without gaps, then drafts. */
  messages(_chatId: string): readonly Item[] {
    throw new Error("not built yet");
  }

  history(_chatId: string): History {
    throw new Error("not built yet");
  }

  /** Fetch the page before the oldest message that is here; whether there are older ones still. */
  loadOlder(_chatId: string): Promise<boolean> {
    throw new Error("not built yet");
  }

  /**
   * Send a message, with a file or without: it is kept and tried again, through lost connections too, until the
   * server has it or refuses it. Messages of one chat are sent in the order of the calls, one after the other.
   */
  send(_chatId: string, _content: string, _options: { file?: File | FileToSend } = {}): Sending {
    throw new Error("not built yet");
  }

  /** Try a failed draft again, behind what is waiting. */
  retry(_clientId: string): void {
    throw new Error("not built yet");
  }

  /** Give up a draft, an upload that is under way too. What the server has already stored stays. */
  discard(_clientId: string): void {
    throw new Error("not built yet");
  }

  edit(_messageId: string, _content: string): Promise<Message> {
    throw new Error("not built yet");
  }

  /** Leave nothing of a message but a tombstone. */
  delete(_messageId: string): Promise<void> {
    throw new Error("not built yet");
  }

  /** Everything that is here of this chat was seen. Can be called as often as one likes; works offline. */
  markRead(_chatId: string): void {
    throw new Error("not built yet");
  }

  /** How far a message got with each other member who was in the chat when it was sent. */
  statuses(_messageId: string): Promise<MessageStatus[]> {
    throw new Error("not built yet");
  }

  // --- Files ---

  /** A message's `fileUrl` or `thumbnailUrl` as a whole URL, for `src` and `href`. */
  fileUrl(_path: string): string {
    throw new Error("not built yet");
  }

  /** Fetch a message anew, whose links have expired (they are good for an hour at least). */
  renewLinks(_messageId: string): Promise<Message> {
    throw new Error("not built yet");
  }

  // --- People ---

  /** People by a part of their username, 1–50 characters, prefix matches first. */
  searchUsers(_query: string): Promise<Page<User>> {
    throw new Error("not built yet");
  }

  /** Somebody by their username, in any case. */
  user(_username: string): Promise<User> {
    throw new Error("not built yet");
  }

  /** Whether somebody is here, as far as it is known: undefined for strangers and while offline. */
  presence(_userId: string): Presence | undefined {
    throw new Error("not built yet");
  }

  /** Somebody typed into a chat's field: call it on each key. It ends by itself, with `send`, and with `stopTyping`. */
  typing(_chatId: string): void {
    throw new Error("not built yet");
  }

  stopTyping(_chatId: string): void {
    throw new Error("not built yet");
  }

  /** The others who are typing in a chat. */
  typers(_chatId: string): readonly Typer[] {
    throw new Error("not built yet");
  }

  // --- For who administers the server ---

  accounts(_filter: { q?: string; role?: Role } = {}): Promise<Page<Account>> {
    throw new Error("not built yet");
  }

  updateAccount(_userId: string, _changes: PatchAccount): Promise<Account> {
    throw new Error("not built yet");
  }
}
