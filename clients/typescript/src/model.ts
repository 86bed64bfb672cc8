// What applications see of the client's state. All of it is immutable: what has changed is another object.
import type { Chat as ServerChat, LoginAnswer, Me, Member, Message as ServerMessage } from "./generated/schemas.js";

export type {
  Account,
  ChatType,
  DeliveryStatus,
  LoginAnswer,
  Me,
  Member,
  MemberRole,
  MessageStatus,
  MessageType,
  PatchAccount,
  PatchChat,
  PatchMe,
  Problem,
  Role,
  Sender,
  User,
} from "./generated/schemas.js";

/** A chat as the one who is logged in sees it. */
export type Chat = Readonly<ServerChat>;

/** A message that the server has stored. */
export type Message = Readonly<ServerMessage>;

/** A file to send: a `File` of an `<input>`, or any `Blob` with a name. */
export interface FileToSend {
  data: Blob;
  name: string;
}

/** A message of one's own that the server has not stored yet. */
export interface QueuedMessage {
  /** Made here: under it the message is sent again and again without being doubled. */
  readonly clientId: string;
  readonly chatId: string;
  readonly content: string;
  readonly file: FileToSend | null;
  readonly createdAt: string;
}

/** What a user has written or chosen for a chat and not sent. */
export interface Draft {
  readonly content: string;
  readonly files: readonly FileToSend[];
  /** The message that is being edited, by its id or clientId, and its new text so far. */
  readonly editing: { readonly messageId: string; readonly content: string } | null;
}

/**
 * One line of a chat: a stored message (`sent`), or a message that waits to be sent (`pending`) or was refused
 * (`failed`). `key` stays the same when the server stores a message: name the elements of a list by it. An item is the
 * same object until something of it changes.
 */
export type Item =
  | {
      readonly state: "sent";
      readonly key: string;
      /** As it is once all waiting changes are stored: with the text of `edit`, or as a tombstone. */
      readonly message: Message;
      /**
       * A new text that the server has not stored yet; with an `error`, it was refused: `client.retryEdit` tries again,
       * `client.discardEdit` restores the stored text.
       */
      readonly edit: { readonly content: string; readonly error: Error | null } | null;
      /** Whether its deletion waits to be sent. */
      readonly isDeleting: boolean;
    }
  | {
      readonly state: "pending";
      readonly key: string;
      readonly queued: QueuedMessage;
      /** How much of the file was uploaded, 0–1; null without a file, and while it waits. */
      readonly progress: number | null;
    }
  | {
      readonly state: "failed";
      readonly key: string;
      readonly queued: QueuedMessage;
      /** Why: a `ProblemError` of the server's. `client.discard` gives up. */
      readonly error: Error;
      /** Whether `client.retry` may succeed: not where the server will always refuse this message. */
      readonly canRetry: boolean;
    };

/** How far a chat's history is here. */
export interface History {
  /** Whether its newest messages are here; `openChat` brings them. */
  readonly loaded: boolean;
  /** Whether a page is under way. */
  readonly loading: boolean;
  /** Whether there are older ones: `loadOlder` brings them. */
  readonly hasOlder: boolean;
  /** Why the last page did not come, or null. */
  readonly error: Error | null;
}

/**
 * Who is logged in. `unknown` until `restore`, `login` or `register` was called; `loggedOut` says why in `reason`:
 * null at first and after `logout`, otherwise the server ended the session (`refresh_reused`, `token_expired`, …),
 * or another tab logged out or in (`elsewhere`).
 */
export type Session =
  | { readonly state: "unknown"; readonly me: null; readonly reason: null }
  | { readonly state: "loggedIn"; readonly me: Readonly<Me>; readonly reason: null }
  | { readonly state: "loggedOut"; readonly me: null; readonly reason: string | null };

/**
 * Asks the application's backend to log its user in: the response of POST /auth/login, or the `data` of it. Null when
 * no user is logged in to the application (any more), which ends the session.
 */
export type TokenProvider = () => Promise<LoginAnswer | { data: LoginAnswer } | null>;

/**
 * The live connection. `offline`: none, and none is wanted or one waits for `retryAt`; `connecting`; `catchingUp`:
 * there is one, and what was missed is being fetched; `online`: everything here is as it is on the server.
 */
export interface Connection {
  readonly state: "offline" | "connecting" | "catchingUp" | "online";
  /**
   * What is in the way: the device has no network (`offline`), or the server can't be reached (`unreachable`). Null while
   * nothing is, and when the server refused the connection: `error` says why.
   */
  readonly cause: "offline" | "unreachable" | null;
  /** When the next attempt is made, in ms since the epoch; null when none is planned. */
  readonly retryAt: number | null;
  /** Why there is none, or null. */
  readonly error: Error | null;
}

/** Whether a user is online. */
export interface Presence {
  readonly isOnline: boolean;
  /** When their last socket closed (RFC 3339), or null. */
  readonly lastSeen: string | null;
}

/** A user who is typing. */
export interface Typer {
  readonly userId: string;
  readonly username: string;
}

/** What is different since the last call of a listener. */
export interface Change {
  readonly session: boolean;
  readonly connection: boolean;
  /** The list of chats: which there are, their order, or anything shown of one. */
  readonly chats: boolean;
  /** Chats whose messages or history changed, queued messages included. */
  readonly messages: ReadonlySet<string>;
  /** Chats whose `draft` changed. */
  readonly drafts: ReadonlySet<string>;
  /** Chats whose members changed. */
  readonly members: ReadonlySet<string>;
  /** Chats in which others began or ceased to type. */
  readonly typing: ReadonlySet<string>;
  /** People who came or went. */
  readonly presence: ReadonlySet<string>;
}

/** A page of a list; `next` brings the following one, null after the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: (() => Promise<Page<T>>) | null;
}

export type Members = readonly Readonly<Member>[];
