import type { StoredChat } from "./chat-entry.js";
import { withChatChanges } from "./chat-state.js";
import type { ChatStore } from "./chat-store.js";
import type { Changes } from "./changes.js";
import type { ChatState, Draft, DraftEvent, MySettings, OwnChanges } from "./generated/schemas.js";
import type { Http } from "./http.js";
import { stamp } from "./ids.js";
import type { PatchChatState, PatchSettings, PutDraft, SavedDraft } from "./model.js";
import { RequestQueue } from "./request-queue.js";

/** A change that the user makes of their own state. */
export type OwnRequest =
  | { readonly kind: "state"; readonly chatId: string; readonly changes: PatchChatState }
  | { readonly kind: "hide"; readonly messageIds: readonly string[] }
  | { readonly kind: "draft"; readonly chatId: string; readonly draft: PutDraft | null }
  | { readonly kind: "settings"; readonly changes: PatchSettings }
  | { readonly kind: "block"; readonly userId: string; readonly isBlocked: boolean };

/** What own state needs from the rest of the client. */
export interface OwnStateHooks {
  isConnected(): boolean;
  /** Whether the server has own state; rejects when it can't be asked. */
  isOffered(): Promise<boolean>;
  /** A change was missed, or may come late: call `sync` unless it comes. */
  onGap(): void;
  /** Only `sync` has the current counts. */
  onCountsStale(): void;
  /** Resolves once what the user has read is sent. */
  receiptsSent(): Promise<void>;
}

/** As of which change, and of which state of the chats, `sync` was asked. */
export interface AskedOwn {
  readonly me: number;
  readonly counted: ReadonlyMap<string, string>;
}

const MAX_HIDDEN_AT_ONCE = 100;
// `sync` has the settings only of users who changed them.
const DEFAULT_SETTINGS: MySettings = {
  notify: "all",
  readReceipts: true,
  typing: true,
  lastSeen: "contacts",
  directFrom: "everyone",
  findable: true,
  forwards: true,
  pushContent: "full",
  meRev: 0,
};

/**
 * What only the user sees: states of chats, drafts, settings, blocked users and messages that they deleted for themselves.
 * Changes are applied in the order of `meRev`; after a gap, and while a `sync` is under way, they wait for its response.
 */
export class OwnState {
  private readonly requests: RequestQueue<OwnRequest>;
  /** Apart from the others, which must not wait for the limit of drafts. */
  private readonly draftRequests: RequestQueue<OwnRequest>;
  private isOffered = false;
  /** Every change up to this one was applied. */
  private rev = 0;
  private isSyncing = true;
  /** Changes that can't be applied yet, by `meRev`. */
  private readonly early = new Map<number, () => void>();
  private readonly drafts = new Map<string, SavedDraft>();
  private stored: MySettings | undefined;
  private shownSettings: MySettings | undefined;
  private shownBlocked: ReadonlySet<string>;
  /** Blocks that the server has accepted and whose event is still to come. */
  private readonly unconfirmed = new Map<string, boolean>();
  /** Those of them that the response of a running `sync` has. */
  private confirming: readonly string[] = [];

  constructor(
    private readonly chatStore: ChatStore,
    private readonly http: Http,
    private readonly changes: Changes,
    private readonly hooks: OwnStateHooks,
  ) {
    this.shownBlocked = chatStore.own.blocked;
    const requestHooks = {
      isConnected: hooks.isConnected,
      send: (request: OwnRequest) => this.send(request),
      changed: (request: OwnRequest) => this.show(request),
      isReplaced: isSameDraft,
    };
    this.requests = new RequestQueue(requestHooks);
    this.draftRequests = new RequestQueue(requestHooks);
  }

  // --- What applications see: with changes that wait to be sent ---

  get settings(): MySettings | undefined {
    return this.shownSettings;
  }

  get blocked(): ReadonlySet<string> {
    return this.shownBlocked;
  }

  draft(chatId: string): SavedDraft | undefined {
    return this.drafts.get(chatId);
  }

  stateOf({ id, me, lastSeq }: StoredChat): ChatState | undefined {
    return this.waiting("state")
      .filter(({ chatId }) => chatId === id)
      .reduce<ChatState | undefined>(
        (state, { changes }) => withChatChanges(state ?? { chatId: id, meRev: 0 }, changes, lastSeq, stamp()),
        me,
      );
  }

  /** Whether the user is deleting a message for themselves. */
  isHiding(messageId: string): boolean {
    return this.waiting("hide").some(({ messageIds }) => messageIds.includes(messageId));
  }

  // --- Changes by the user ---

  change(request: OwnRequest): Promise<void> {
    return (request.kind === "draft" ? this.draftRequests : this.requests).add(request);
  }

  async hide(messageIds: readonly string[]): Promise<void> {
    const parts: Promise<void>[] = [];
    for (let start = 0; start < messageIds.length; start += MAX_HIDDEN_AT_ONCE) {
      const part = messageIds.slice(start, start + MAX_HIDDEN_AT_ONCE);
      parts.push(this.change({ kind: "hide", messageIds: part }));
    }
    await Promise.all(parts);
  }

  async clear(chatId: string, upTo: number | undefined): Promise<void> {
    const taken = { path: { chatId }, body: { ...(upTo !== undefined && { upTo }) } };
    const { data } = await this.http.call("POST /chats/{chatId}/clear", taken, { isRepeatable: true });
    if (this.isNew(data)) this.chatStore.putState(data);
  }

  /** There is a connection (again). */
  connected(): void {
    this.requests.connected();
    this.draftRequests.connected();
  }

  /** What was missed comes with the `sync` of the next connection. */
  disconnected(): void {
    this.isSyncing = true;
    this.early.clear();
  }

  end(error: Error): void {
    this.requests.end(error);
    this.draftRequests.end(error);
  }

  /** The user is no longer in that chat. */
  drop(chatId: string): void {
    if (this.drafts.delete(chatId)) this.changes.noteOf("drafts", chatId);
  }

  // --- Changes that the server reports ---

  /** Apply a change once all changes before it were applied. */
  on(meRev: number, apply: () => void): void {
    if (meRev <= this.rev) return;
    this.early.set(meRev, apply);
    this.applyEarly();
    if (this.isBehind) this.hooks.onGap();
  }

  /** Whether something that happened has not been seen. */
  get isBehind(): boolean {
    return !this.isSyncing && (this.early.size > 0 || this.unconfirmed.size > 0);
  }

  onDraft({ isGone, updatedAt, ...draft }: DraftEvent): void {
    this.putDraft(isGone || updatedAt === undefined ? { chatId: draft.chatId, isGone: true } : { ...draft, updatedAt });
  }

  putDraft(draft: Draft | { chatId: string; isGone: true }): void {
    if ("isGone" in draft) this.drafts.delete(draft.chatId);
    else this.drafts.set(draft.chatId, draft);
    this.changes.noteOf("drafts", draft.chatId);
  }

  putSettings(settings: MySettings): void {
    this.stored = settings;
    this.showSettings();
  }

  putBlock(userId: string, isBlocked: boolean): void {
    this.unconfirmed.delete(userId);
    this.putBlocked(withUser(this.chatStore.own.blocked, userId, isBlocked));
  }

  // --- Sync ---

  /** Find out what the server has, before the first `sync` of a connection. */
  async prepare(): Promise<void> {
    this.isOffered ||= await this.hooks.isOffered();
  }

  /** A `sync` begins: what to ask for; undefined where the server has no own state. */
  ask(): AskedOwn | undefined {
    if (!this.isOffered) return undefined;
    this.isSyncing = true;
    this.confirming = [...this.unconfirmed.keys()];
    return { me: this.rev, counted: this.chatStore.countedFor };
  }

  /** Drop what ended, before the chats of the response are taken in. */
  reset({ rev, reset = [] }: OwnChanges, asked: AskedOwn): void {
    // The server was restored from a backup.
    if (rev < asked.me) this.forget();
    for (const chatId of reset) {
      this.chatStore.dropState(chatId, rev);
      this.drop(chatId);
    }
  }

  /** Take in a part of the changes; whether there are more. */
  apply(changes: OwnChanges, asked: AskedOwn): boolean {
    const { rev, chats = [], drafts = [], draftsGone = [], hidden = {}, settings, blocked, mentions, more } = changes;
    for (const state of chats) this.chatStore.putState(state, { counts: false });
    for (const draft of drafts) this.putDraft(draft);
    for (const chatId of draftsGone) this.putDraft({ chatId, isGone: true });
    for (const [chatId, ids] of Object.entries(hidden)) this.chatStore.hide(chatId, ids, { counts: false });
    if (settings) this.putSettings(settings);
    if (blocked) this.putBlocked(new Set(blocked), { counts: false });
    this.rev = rev;
    if (!more) this.chatStore.putMentions(mentions ?? {}, rev, asked.counted);
    return more === true;
  }

  /** The `sync` is done: apply the changes that arrived meanwhile. */
  synced(): void {
    if (!this.isOffered) return;
    this.isSyncing = false;
    if (!this.stored) this.putSettings(DEFAULT_SETTINGS);
    for (const userId of this.confirming) this.unconfirmed.delete(userId);
    if (this.confirming.length) this.showBlocked();
    this.applyEarly();
  }

  private applyEarly(): void {
    if (this.isSyncing) return;
    for (const meRev of [...this.early.keys()]) if (meRev <= this.rev) this.early.delete(meRev);
    for (let apply: (() => void) | undefined; (apply = this.early.get(this.rev + 1)); ) {
      this.rev += 1;
      this.early.delete(this.rev);
      apply();
    }
  }

  private forget(): void {
    this.rev = 0;
    this.early.clear();
    for (const { id } of this.chatStore.chats) this.chatStore.dropState(id, Infinity);
    for (const chatId of [...this.drafts.keys()]) this.drop(chatId);
    this.putBlocked(new Set(), { counts: false });
    this.stored = undefined;
    this.showSettings();
  }

  // --- Requests ---

  /** The changes of a kind that wait to be sent, in order. */
  private waiting<Kind extends OwnRequest["kind"]>(kind: Kind): Extract<OwnRequest, { kind: Kind }>[] {
    return this.requests.requests.filter(
      (request): request is Extract<OwnRequest, { kind: Kind }> => request.kind === kind,
    );
  }

  private async send(request: OwnRequest): Promise<void> {
    const { http } = this;
    if (request.kind === "state") {
      const { chatId, changes } = request;
      // A receipt that is sent later would remove a mark.
      if (changes.isMarkedUnread || changes.unreadFrom !== undefined) await this.hooks.receiptsSent();
      const { data } = await http.call("PATCH /chats/{chatId}/me", { path: { chatId }, body: changes });
      if (this.isNew(data)) this.chatStore.putState(data);
    } else if (request.kind === "hide") {
      await http.call("POST /messages/hide", { body: { messageIds: [...request.messageIds] } });
      for (const id of request.messageIds) {
        const message = this.chatStore.find(id);
        if (message) this.chatStore.hide(message.chatId, [id]);
      }
    } else if (request.kind === "draft") {
      await this.sendDraft(request.chatId, request.draft);
    } else if (request.kind === "settings") {
      const { data } = await http.call("PATCH /users/me/settings", { body: request.changes });
      if (this.isNew(data)) this.putSettings(data);
    } else {
      const { userId, isBlocked } = request;
      const taken = { path: { userId } };
      await (isBlocked
        ? http.call("PUT /users/me/blocks/{userId}", taken)
        : http.call("DELETE /users/me/blocks/{userId}", taken));
      // The response has no number: the event may have come before it, and another one after that.
      if (this.chatStore.own.blocked.has(userId) === isBlocked) return;
      this.unconfirmed.set(userId, isBlocked);
      this.hooks.onGap();
    }
  }

  private async sendDraft(chatId: string, draft: PutDraft | null): Promise<void> {
    if (draft) {
      const { data } = await this.http.call("PUT /chats/{chatId}/draft", { path: { chatId }, body: draft });
      if (this.isNew(data)) this.putDraft(data);
      return;
    }
    const known = this.drafts.get(chatId);
    await this.http.call("DELETE /chats/{chatId}/draft", { path: { chatId } });
    // The response has no number: the known draft is gone, but not one that came meanwhile.
    if (known && this.drafts.get(chatId) === known) this.putDraft({ chatId, isGone: true });
  }

  /** Whether a response has a state that no event has brought. */
  private isNew({ meRev }: { meRev: number }): boolean {
    return meRev > this.rev;
  }

  // --- Showing ---

  private show(request: OwnRequest): void {
    if (request.kind === "state") this.chatStore.refreshChat(request.chatId);
    else if (request.kind === "hide") for (const id of request.messageIds) this.chatStore.refresh(id);
    else if (request.kind === "settings") this.showSettings();
    else if (request.kind === "block") this.showBlocked();
  }

  private showSettings(): void {
    const { stored } = this;
    const waiting = this.waiting("settings").map(({ changes }) => changes);
    this.shownSettings = stored && Object.assign({}, stored, ...waiting);
    this.changes.note("own");
  }

  private putBlocked(blocked: ReadonlySet<string>, { counts = true } = {}): void {
    if (!this.chatStore.block(blocked) && counts) this.hooks.onCountsStale();
    this.showBlocked();
  }

  private showBlocked(): void {
    let blocked = this.chatStore.own.blocked;
    for (const [userId, isBlocked] of this.unconfirmed) blocked = withUser(blocked, userId, isBlocked);
    // A block shows at once. Its end does not: a message could reach the server before it, and be refused.
    for (const { userId, isBlocked } of this.waiting("block")) if (isBlocked) blocked = withUser(blocked, userId, true);
    this.shownBlocked = blocked;
    this.changes.note("own");
  }
}

/** Whether both are drafts of one chat, of which only the later one counts. */
function isSameDraft(one: OwnRequest, other: OwnRequest): boolean {
  return one.kind === "draft" && other.kind === "draft" && one.chatId === other.chatId;
}

function withUser(known: ReadonlySet<string>, userId: string, isIn: boolean): ReadonlySet<string> {
  const users = new Set(known);
  if (isIn) users.add(userId);
  else users.delete(userId);
  return users;
}
