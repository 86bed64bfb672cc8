import type { ChatStore } from "./chat-store.js";
import type { CachedPage } from "./cache.js";
import type { Changes } from "./changes.js";
import { NotFoundError } from "./errors.js";
import type { Member, MemberList, MessageList } from "./generated/schemas.js";
import type { Http } from "./http.js";
import type { Message } from "./model.js";
import type { Timeline } from "./timeline.js";
import { pause } from "./waiting.js";

const PAGE = 50;
const MAX_PAGE = 100;
// In a group only the server knows the status of a message for all members: open chats ask for it, at this interval.
const RECEIPTS_MS = 600;
const RECEIPTS_AGAIN_MS = 4000;
// The counts of a chat are asked for after this time, and later where many members have to ask.
const COUNTS_MS = 500;
const SPREAD_MS = 4;

/** Fetches the messages of open chats, page by page, their members, and the status of the user's own messages. */
export class Reader {
  private readonly opened = new Set<string>();
  private readonly staleMembers = new Set<string>();
  private readonly staleReceipts = new Set<string>();
  private readonly staleCounts = new Set<string>();
  /** Chats whose messages came from a cache, and not from the server yet. */
  private readonly unverified = new Set<string>();
  private readonly running = new Map<string, Promise<unknown>>();

  constructor(
    private readonly me: string,
    private readonly chatStore: ChatStore,
    private readonly http: Http,
    private readonly changes: Changes,
    private readonly over: AbortSignal,
    private readonly cached: ((chatId: string) => Promise<CachedPage | undefined>) | undefined,
  ) {}

  async open(chatId: string): Promise<void> {
    this.opened.add(chatId);
    if (this.cached && !this.chatStore.timeline(chatId)?.history.loaded) await this.restore(chatId, this.cached);
    if (!this.chatStore.chat(chatId)) {
      this.chatStore.put((await this.http.call("GET /chats/{chatId}", { path: { chatId } })).data);
    }
    // Of a large group, responses and events have the first members alone.
    const isListed = this.chatStore.membersCursor(chatId) !== undefined && !this.staleMembers.has(chatId);
    if (!isListed) this.quietly(this.fetchMembers(chatId));
    if (!this.chatStore.timeline(chatId)?.history.loaded) await this.fetchNewest(chatId);
    else if (this.unverified.has(chatId)) this.quietly(this.fetchNewest(chatId));
    else if (this.staleReceipts.has(chatId)) this.quietly(this.fetchReceipts(chatId));
  }

  close(chatId: string): void {
    this.opened.delete(chatId);
    this.chatStore.closeWindow(chatId);
  }

  /** Fetch the newest messages unless they are here. */
  async newest(chatId: string): Promise<void> {
    if (!this.chatStore.timeline(chatId)?.history.loaded) await this.fetchNewest(chatId);
  }

  /** Receipts and members may have changed unseen, in all chats. */
  lost(): void {
    for (const { id } of this.chatStore.chats) {
      this.staleMembers.add(id);
      this.staleReceipts.add(id);
    }
  }

  /** Update all open chats after a reconnect. */
  refresh(): void {
    for (const chatId of this.opened) this.quietly(this.open(chatId));
  }

  /** Too much was missed: the newest page replaces what is loaded. */
  reset(chatId: string): void {
    if (this.opened.has(chatId)) this.quietly(this.fetchNewest(chatId));
  }

  membersStale(chatId: string): void {
    this.staleMembers.add(chatId);
    if (this.opened.has(chatId)) this.quietly(this.fetchMembers(chatId));
  }

  /** Fetch the counts of a chat again, which so many `others` may do too. */
  countsStale(chatId: string, others: number): void {
    this.staleCounts.add(chatId);
    const task = async (): Promise<void> => {
      while (this.staleCounts.has(chatId) && this.chatStore.chat(chatId)) {
        await pause(COUNTS_MS + Math.random() * (COUNTS_MS + others * SPREAD_MS), this.over);
        this.staleCounts.delete(chatId);
        this.chatStore.put((await this.http.call("GET /chats/{chatId}", { path: { chatId } })).data);
      }
    };
    this.quietly(this.once(`counts ${chatId}`, task));
  }

  receiptsStale(chatId: string): void {
    this.staleReceipts.add(chatId);
    const task = async (): Promise<void> => {
      while (this.opened.has(chatId) && this.staleReceipts.has(chatId)) {
        await pause(RECEIPTS_MS * (1 + Math.random()), this.over);
        await this.fetchReceipts(chatId);
        await pause(RECEIPTS_AGAIN_MS, this.over);
      }
    };
    if (this.opened.has(chatId)) this.quietly(this.once(`receipts soon ${chatId}`, task));
  }

  /** Fetch the page before the oldest loaded message; resolves to whether there are older ones. */
  async older(chatId: string): Promise<boolean> {
    const timeline = this.chatStore.shownTimeline(chatId);
    if (!timeline?.history.loaded) await this.fetchNewest(chatId);
    else if (timeline.history.hasOlder) await this.fetchOnce(chatId, timeline.cursor, timeline);
    return this.chatStore.shownTimeline(chatId)?.history.hasOlder ?? false;
  }

  /** Drop the oldest pages beyond the newest `keep` messages. */
  trim(chatId: string, keep: number): void {
    const timeline = this.chatStore.timeline(chatId);
    if (!timeline?.history.loaded) return;
    if (timeline.trim(keep)) this.changes.noteOf("messages", chatId);
    else if (timeline.size > keep + MAX_PAGE)
      this.quietly(this.once(`trim ${chatId}`, () => this.trimLive(chatId, keep)));
  }

  /** Fetch the members after the loaded ones; resolves to whether there are more. */
  async moreMembers(chatId: string): Promise<boolean> {
    await this.once(`members ${chatId}`, async () => {
      const [known, cursor] = [this.chatStore.members(chatId), this.chatStore.membersCursor(chatId)];
      if (cursor === undefined) await this.fetchMembersUpTo(chatId, known.length + 1);
      else if (cursor) {
        const changes = this.chatStore.memberChangesOf(chatId);
        const { data, meta } = await this.membersAfter(chatId, cursor);
        // Members left meanwhile, perhaps.
        if (changes !== this.chatStore.memberChangesOf(chatId)) await this.fetchMembersUpTo(chatId, known.length + 1);
        else this.chatStore.putMembers(chatId, [...known, ...data], meta.nextCursor);
      }
    });
    return this.chatStore.membersCursor(chatId) !== null;
  }

  /** Fetch a message again whose links have expired. */
  async renew(messageId: string): Promise<Message> {
    const message = this.chatStore.find(messageId);
    if (!message) throw unknownMessage();
    const query = { after: message.rev - 1, limit: 1 };
    const { data } = await this.http.call("GET /messages/{id}", { path: { id: message.chatId }, query });
    // When it was changed meanwhile, the event that said so brought new links.
    if (data[0]?.id === messageId) this.chatStore.putMessage(data[0]);
    return this.chatStore.find(messageId) ?? message;
  }

  private async fetchNewest(chatId: string): Promise<void> {
    await this.fetchOnce(chatId, null);
  }

  /** Fetch a page unless the same one is being fetched. */
  private async fetchOnce(chatId: string, cursor: string | null, into?: Timeline): Promise<void> {
    await this.once(`page ${chatId} ${cursor}`, () => this.fetchPage(chatId, cursor, into));
  }

  private async fetchPage(chatId: string, cursor: string | null, into?: Timeline): Promise<void> {
    const timeline = into ?? this.chatStore.timeline(chatId);
    if (!timeline) throw unknownChat();
    const rev = this.chatStore.revOf(chatId);
    const wasLoaded = timeline.history.loaded;
    // Cached messages stay visible, even if the request fails.
    const isVerifying = wasLoaded && cursor === null;
    if (!isVerifying) timeline.show({ loading: true, error: null });
    this.changes.noteOf("messages", chatId);
    try {
      const { data, meta } = await this.messagesBefore(chatId, cursor, PAGE);
      if (isVerifying) this.chatStore.putNewest(chatId, data, meta.nextCursor);
      else this.chatStore.putPage(chatId, timeline, data, meta.nextCursor, cursor);
      if (cursor === null) this.unverified.delete(chatId);
      // Changes made while the page was being fetched may be missing from it.
      this.chatStore.setBack(chatId, rev);
    } catch (error) {
      if (!isVerifying) timeline.show({ loading: false, error: error as Error });
      throw error;
    } finally {
      this.changes.noteOf("messages", chatId);
    }
  }

  /** Show the cached messages of a chat. */
  private async restore(chatId: string, cached: (chatId: string) => Promise<CachedPage | undefined>): Promise<void> {
    const page = await cached(chatId);
    const timeline = this.chatStore.timeline(chatId);
    if (!page || !timeline || timeline.isKept) return;
    this.chatStore.putPage(chatId, timeline, page.messages, page.cursor, null);
    this.unverified.add(chatId);
    this.changes.noteOf("messages", chatId);
    this.chatStore.setBack(chatId, page.rev);
  }

  private messagesBefore(chatId: string, cursor: string | null, limit: number): Promise<MessageList> {
    const query = { limit, ...(cursor && { cursor }) };
    return this.http.call("GET /messages/{id}", { path: { id: chatId }, query });
  }

  /** Messages that arrived live have no page boundaries: ask the server for one, and drop the messages before it. */
  private async trimLive(chatId: string, keep: number): Promise<void> {
    const messages: Message[] = [];
    let cursor: string | null = null;
    do {
      const page = await this.messagesBefore(chatId, cursor, MAX_PAGE);
      messages.push(...page.data);
      cursor = page.meta.nextCursor;
    } while (cursor && messages.length < keep);
    const timeline = this.chatStore.timeline(chatId);
    timeline?.addBoundary(messages, cursor);
    if (timeline?.trim(keep)) this.changes.noteOf("messages", chatId);
  }

  private async fetchMembers(chatId: string): Promise<void> {
    await this.once(`members ${chatId}`, async () => {
      try {
        let changes: number;
        do {
          changes = this.chatStore.memberChangesOf(chatId);
          this.staleMembers.delete(chatId);
          await this.fetchMembersUpTo(chatId, this.chatStore.members(chatId).length);
          // Changes made while it was being fetched may be missing from it.
        } while (changes !== this.chatStore.memberChangesOf(chatId) || this.staleMembers.has(chatId));
      } catch (error) {
        this.staleMembers.add(chatId);
        throw error;
      }
    });
  }

  /** Fetch members from the beginning of the list: at least `count`, and up to the user, whose role must be known. */
  private async fetchMembersUpTo(chatId: string, count: number): Promise<void> {
    const members: Member[] = [];
    let cursor: string | null = null;
    do {
      const page = await this.membersAfter(chatId, cursor);
      members.push(...page.data);
      cursor = page.meta.nextCursor;
    } while (cursor && (members.length < count || !members.some(({ userId }) => userId === this.me)));
    this.chatStore.putMembers(chatId, members, cursor);
  }

  private membersAfter(chatId: string, cursor: string | null): Promise<MemberList> {
    const query = { limit: MAX_PAGE, ...(cursor && { cursor }) };
    return this.http.call("GET /chats/{chatId}/members", { path: { chatId }, query });
  }

  /** Fetch the pages again that contain the user's own messages which not all members have read. */
  private async fetchReceipts(chatId: string): Promise<void> {
    await this.once(`receipts ${chatId}`, async () => {
      this.staleReceipts.delete(chatId);
      const oldest = this.chatStore.timeline(chatId)?.oldestUnread();
      if (!oldest) return;
      const given = { path: { id: chatId }, query: { limit: MAX_PAGE } };
      try {
        for (let page = await this.http.page("GET /messages/{id}", given, (message) => message); ; ) {
          for (const message of page.items) this.chatStore.putMessage(message);
          if (!page.next || (page.items.at(-1)?.seq ?? 0) <= oldest) return;
          page = await page.next();
        }
      } catch (error) {
        this.staleReceipts.add(chatId);
        throw error;
      }
    });
  }

  /** Run a task, or wait for the one of the same name that is running. */
  private once<T>(name: string, task: () => Promise<T>): Promise<T> {
    let running = this.running.get(name) as Promise<T> | undefined;
    if (!running) {
      running = task().finally(() => this.running.delete(name));
      this.running.set(name, running);
    }
    return running;
  }

  /** Ignore errors: it is repeated when the chat is opened again or the connection is back. */
  private quietly(task: Promise<unknown>): void {
    task.catch(() => {});
  }
}

/** For a chat that is not in the chat store. */
export function unknownChat(): NotFoundError {
  return notFound("Chat not found.");
}

/** For a message that is not in the chat store. */
export function unknownMessage(): NotFoundError {
  return notFound("Message not found.");
}

function notFound(detail: string): NotFoundError {
  return new NotFoundError({ type: "about:blank", title: "Not Found", status: 404, detail, code: "not_found" });
}
