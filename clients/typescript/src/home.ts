import { ChatBook } from "./book.js";
import { CatchUp } from "./catchup.js";
import { callSafely, type Changes } from "./changes.js";
import { LiveConnection } from "./connection.js";
import { Drafts } from "./drafts.js";
import type { Http, Tokens } from "./http.js";
import type { Chat, Item, Message } from "./model.js";
import { SendQueue } from "./queue.js";
import { People } from "./people.js";
import { Reader } from "./reader.js";
import type { QueueStorage } from "./storage.js";
import { Reading, Typing } from "./telling.js";

/** What a home is made of. */
export interface Means {
  url: string;
  transports: string[] | undefined;
  http: Http;
  tokens: Tokens;
  queue: QueueStorage;
  changes: Changes;
  incoming: (message: Message, chat: Chat) => void;
}

/** Everything that is there while somebody is logged in: built for them, and left behind as a whole. */
export class Home {
  readonly live: LiveConnection;
  readonly book: ChatBook;
  readonly people: People;
  readonly queue: SendQueue;
  readonly drafts: Drafts;
  readonly reader: Reader;
  readonly typing: Typing;
  private readonly reading: Reading;
  private readonly catchUp: CatchUp;
  private readonly over = new AbortController();
  private readonly items = new Map<string, { version: number; list: readonly Item[] }>();
  private readonly sentItems = new WeakMap<Message, Item>();

  constructor(
    readonly me: string,
    private readonly means: Means,
  ) {
    const { url, transports, http, tokens, changes } = means;
    this.live = new LiveConnection(url, transports, tokens, {
      catchUp: () => this.catchUp.all(),
      connected: () => this.connected(),
      disconnected: () => this.disconnected(),
      changed: () => this.connectionChanged(),
    });
    this.book = new ChatBook(me, changes, {
      behind: (others) => this.catchUp.behind(others),
      missed: () => this.catchUp.missed(),
      stored: (message) => this.queue.settle(message),
      gone: (chatId) => this.gone(chatId),
      receipts: (chatId) => this.reader.receiptsStale(chatId),
      membersStale: (chatId) => this.reader.membersStale(chatId),
      reset: (chatId) => this.reader.reset(chatId),
      met: (user) => this.people.met(user),
    });
    this.people = new People(changes);
    this.queue = new SendQueue(me, this.live, http, means.queue, changes, (message) => this.book.putMessage(message));
    this.drafts = new Drafts(changes);
    this.reader = new Reader(me, this.book, http, changes, this.over.signal);
    this.typing = new Typing(this.live);
    this.reading = new Reading(this.live);
    this.catchUp = new CatchUp(this.book, this.live, http, this.over.signal);
    this.listen();
  }

  /** Connect, and take up queued messages that were left. */
  async start(): Promise<void> {
    globalThis.document?.addEventListener("visibilitychange", this.seen, { signal: this.over.signal });
    this.live.start();
    await this.queue.restore();
  }

  /** Log out: dispose of everything; what was not sent is `forgotten`, or kept for the next time. */
  end(options: { forgotten: boolean }): void {
    this.over.abort();
    this.live.stop();
    this.live.socket.removeAllListeners();
    this.queue.clear(options);
    this.people.forget();
    this.typing.forgetAll();
    this.reading.forgetAll();
  }

  /** There is a new access token: the socket goes on with it. */
  renewed(token: string): void {
    // Should that fail, the server closes the socket in a while, and the next one begins with the new token.
    if (this.live.isConnected) this.live.emit("auth:renew", { token }).catch(() => {});
  }

  messages(chatId: string): readonly Item[] {
    const version = this.means.changes.versionOf("messages", chatId);
    const made = this.items.get(chatId);
    if (made?.version === version) return made.list;
    const stored = this.book.timeline(chatId)?.list(this.me) ?? [];
    const list = [...stored.map((message) => this.sentItem(message)), ...this.queue.items(chatId)];
    this.items.set(chatId, { version, list });
    return list;
  }

  markRead(chatId: string): void {
    const last = this.book.markRead(chatId);
    if (last) this.reading.upTo(last);
  }

  private readonly seen = (): void => {
    if (document.visibilityState !== "visible") return;
    this.live.retryNow();
    this.catchUp.missed();
  };

  private listen(): void {
    const { book, people } = this;
    const { socket } = this.live;
    socket.on("message:new", (event) => {
      people.stoppedTyping(event.chatId, event.senderId);
      const message = book.messageTold(event, { isNew: true });
      const chat = book.chat(event.chatId);
      if (message && chat && message.senderId !== this.me) callSafely(this.means.incoming, message, chat);
    });
    socket.on("message:edited", (event) => void book.messageTold(event, { isNew: false }));
    socket.on("message:deleted", (event) => book.messageDeleted(event));
    socket.on("messages:read", ({ chatId, userId, readSeq }) => book.receiptTold(chatId, userId, "READ", readSeq));
    socket.on("messages:delivered", ({ chatId, receipts }) => {
      for (const { userId, deliveredSeq } of receipts) book.receiptTold(chatId, userId, "DELIVERED", deliveredSeq);
    });
    socket.on("typing:start", (event) => people.startedTyping(event));
    socket.on("typing:stop", ({ chatId, userId }) => people.stoppedTyping(chatId, userId));
    socket.on("user:online", ({ userId }) => {
      people.came(userId);
      book.presenceTold(userId, { isOnline: true });
    });
    socket.on("user:offline", ({ userId, lastSeen }) => {
      people.went(userId, lastSeen);
      book.presenceTold(userId, { isOnline: false, lastSeen });
    });
    // Too much was missed between the server's workers for it to be sent again.
    socket.on("resync", () => this.catchUp.missed());
    socket.on("chat:new", (chat) => book.chatNew(chat));
    socket.on("chat:updated", (chat) => book.chatUpdated(chat));
    socket.on("chat:deleted", ({ chatId }) => book.remove(chatId));
    socket.on("chat:member_joined", ({ chatId, member }) => book.memberJoined(chatId, member));
    socket.on("chat:member_updated", ({ chatId, member }) => book.memberUpdated(chatId, member));
    socket.on("chat:member_left", ({ chatId, userId }) => book.memberLeft(chatId, userId));
  }

  private connected(): void {
    this.queue.connected();
    this.reading.connected();
  }

  private disconnected(): void {
    this.people.forget();
    this.typing.forgetAll();
    this.reader.lost();
  }

  private connectionChanged(): void {
    this.means.changes.note("connection");
    if (this.live?.connection.state === "online") this.reader.refresh();
  }

  private gone(chatId: string): void {
    this.reader.close(chatId);
    this.queue.refuse(chatId);
  }

  private sentItem(message: Message): Item {
    let item = this.sentItems.get(message);
    if (!item) {
      const key = (message.senderId === this.me && message.clientId) || message.id;
      item = { state: "sent", key, message, edit: null, isDeleting: false };
      this.sentItems.set(message, item);
    }
    return item;
  }
}
