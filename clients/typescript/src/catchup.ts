import type { ChatStore } from "./chat-store.js";
import type { LiveConnection } from "./connection.js";
import { NetworkError, RateLimitedError } from "./errors.js";
import type { ChatList, Sync, SyncResponse } from "./generated/schemas.js";
import type { Http } from "./http.js";
import type { AskedOwn, OwnState } from "./own-state.js";
import { pause } from "./waiting.js";

// The server holds an event back for up to two seconds when its predecessor is late: a missing event may still arrive.
const LATE_MS = 700;
// All members of a large group miss the same: their requests are spread over time.
const SPREAD_MS = 4;
// Events are hints: a periodic sync finds a lost event that no other event followed.
const CALM_MS = 2 * 60_000;
const PAGE = 100;
// As many as fit on a screen: on a slow line they arrive long before a whole page.
const FIRST_PAGE = 12;
// As many chats as one `sync` may name.
const MAX_CHATS = 1000;

/** Keeps the chat store up to date: fetches the chat list at first, and calls `sync` after missed events. */
export class CatchUp {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private calm: ReturnType<typeof setInterval> | undefined;
  private syncing: Promise<void> | null = null;
  private certain = false;
  /** Resolves to whether the first request for the chat list succeeded. */
  private first: Promise<boolean> | null = null;
  private wasOnline = false;

  constructor(
    private readonly chatStore: ChatStore,
    private readonly own: OwnState,
    private readonly connection: LiveConnection,
    private readonly http: Http,
    private readonly over: AbortSignal,
  ) {
    over.addEventListener("abort", () => {
      clearTimeout(this.timer);
      clearInterval(this.calm);
    });
  }

  /** Fetch the list of chats beside the handshake, without waiting for the connection. */
  start(): void {
    this.first ??= this.list(FIRST_PAGE).then(
      () => true,
      () => false,
    );
  }

  /** There is a connection: bring everything up to date. */
  async all(): Promise<void> {
    const prepared = this.own.prepare();
    // Without the list, the connection fails before this is looked at.
    prepared.catch(() => {});
    if (this.wasOnline) await this.list();
    else {
      const wasEarly = this.first !== null;
      this.start();
      if (!(await this.first)) await this.list();
      // Events report presence from now on; a newer list has the changes before that.
      else if (wasEarly) await this.list(FIRST_PAGE);
    }
    await prepared;
    await this.sync();
    this.wasOnline = true;
    if (this.certain) this.behind();
    // The session may have ended meanwhile.
    if (this.over.aborted) return;
    this.calm ??= setInterval(() => this.missed(), CALM_MS);
  }

  /** Something is missing that may only be late: ask for it unless it comes. */
  behind(others = 0): void {
    const wait = LATE_MS + Math.random() * (LATE_MS + others * SPREAD_MS);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.certain || this.isBehind) void this.try();
    }, wait);
  }

  /** Something was missed, or may have been without a trace. */
  missed(): void {
    this.certain = true;
    this.behind();
  }

  private get isBehind(): boolean {
    return this.chatStore.isBehind || this.own.isBehind;
  }

  private async try(): Promise<void> {
    // Without a connection the next one begins with it.
    if (this.connection.connection.state !== "online") return;
    try {
      await this.sync();
    } catch (error) {
      this.connection.renew(error as Error);
    }
  }

  /**
   * All chats at first; later on those that were active since, for what `sync` does not contain: presence, receipts,
   * and, where there are too many chats for one `sync`, new ones.
   */
  private async list(first = PAGE): Promise<void> {
    const since = this.chatStore.complete ? (this.chatStore.chats[0]?.updatedAt ?? "") : "";
    let [limit, cursor, oldest]: [number, string | null, string] = [first, null, ""];
    do {
      const page: ChatList = await this.http.call("GET /chats", { query: { limit, ...(cursor && { cursor }) } });
      for (const chat of page.data) this.chatStore.put(chat);
      [limit, cursor, oldest] = [PAGE, page.meta.nextCursor, page.data.at(-1)?.updatedAt ?? ""];
    } while (cursor && oldest >= since && !this.over.aborted);
    this.chatStore.markComplete();
  }

  /** Fetch all missed changes, page by page. A call during a sync waits for it, and syncs again if need be. */
  private sync(): Promise<void> {
    this.syncing ??= this.pages().finally(() => {
      this.syncing = null;
      // Something may have been missed after the server read its response.
      if (this.certain || this.isBehind) this.behind();
    });
    return this.syncing;
  }

  private async pages(): Promise<void> {
    this.certain = false;
    const own = this.own.ask();
    await this.changesOf(own);
    if (own && !this.over.aborted) this.own.synced();
  }

  private async changesOf(own: AskedOwn | undefined): Promise<void> {
    const ids = this.chatStore.chats.map(({ id }) => id);
    if (ids.length <= MAX_CHATS) return this.missedOf(ids, { only: false, own });
    // The server treats unnamed chats as new, and a request can't name them all: list the new ones, and sync the known
    // ones by name.
    await this.list();
    for (let start = 0; start < ids.length; start += MAX_CHATS) {
      await this.missedOf(ids.slice(start, start + MAX_CHATS), { only: true, own: start ? undefined : own });
    }
  }

  /** All that was missed of these chats, unless `only` of new ones too, and of own state as `own` asks. */
  private async missedOf(
    ids: readonly string[],
    { only, own }: { only: boolean; own?: AskedOwn | undefined },
  ): Promise<void> {
    const chats = Object.fromEntries(ids.map((id) => [id, this.chatStore.revOf(id)]));
    const lastSeqs = new Map(ids.map((id) => [id, this.chatStore.chat(id)?.lastSeq ?? 0]));
    const more = new Set<string>();
    let cursor: string | null = null;
    do {
      const place = cursor ? { cursor } : own && { me: own.me };
      const response: SyncResponse = await this.ask({ chats, ...(only && { only }), ...place });
      const { me } = response;
      if (me && own) this.own.reset(me, own);
      for (const id of this.chatStore.applySync(response, lastSeqs)) more.add(id);
      if (me && own && this.own.apply(me, own)) await this.moreOwn();
      cursor = response.nextCursor;
    } while (cursor && !this.over.aborted);
    if (more.size && !this.over.aborted) await this.missedOf([...more], { only: true });
  }

  /** The changes of own state that did not fit into a response. */
  private async moreOwn(): Promise<void> {
    let hasMore = true;
    while (hasMore && !this.over.aborted) {
      const own = this.own.ask();
      if (!own) return;
      const { me } = await this.ask({ chats: {}, only: true, me: own.me });
      if (me) this.own.reset(me, own);
      hasMore = me !== undefined && this.own.apply(me, own);
    }
  }

  private async ask(payload: Sync): Promise<SyncResponse> {
    for (;;) {
      try {
        return await this.connection.emit("sync", payload);
      } catch (error) {
        if (!(error instanceof RateLimitedError)) throw error;
        await pause(error.retryAfter * 1000, this.over);
        if (!this.connection.isConnected) throw new NetworkError("The connection was lost.");
      }
    }
  }
}
