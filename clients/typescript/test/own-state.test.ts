// The user's own state equals the server's, whatever is lost, late, doubled or interleaved with `sync`.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { ChatStore } from "../src/chat-store.js";
import { ForbiddenError } from "../src/errors.js";
import type { ChatState, Draft, MySettings, OwnChanges, SyncResponse } from "../src/generated/schemas.js";
import type { Http } from "../src/http.js";
import { hiddenTombstone } from "../src/message-changes.js";
import type { Chat, PatchChatState, Message } from "../src/model.js";
import type { OwnState } from "../src/own-state.js";
import { ME, dice, emptyStore, ownState } from "./empty-store.js";

const OTHER = "other";
const CHAT = "chat 1";
const CHATS = [CHAT, "chat 2", "chat 3"];
const MESSAGES = 6;

type Change =
  | { kind: "chat"; state: ChatState }
  | { kind: "draft"; draft: Draft | { chatId: string; isGone: true } }
  | { kind: "settings"; settings: MySettings }
  | { kind: "block"; userId: string; isBlocked: boolean }
  | { kind: "hidden"; chatId: string; messageIds: string[] }
  // A user who leaves a chat gets no event of own state.
  | { kind: "left"; chatId: string };

interface OwnEvent {
  meRev: number;
  change: Change;
}

/** The own state of a user as a server has it, and every change of it. */
class Origin {
  readonly events: OwnEvent[] = [];
  readonly states = new Map<string, ChatState>();
  readonly drafts = new Map<string, { meRev: number; draft: Draft | null }>();
  readonly hidden = new Map<string, { meRev: number; chatId: string }>();
  settings: MySettings | undefined;
  blocked = new Set<string>();
  private readonly left = new Map<string, number>();
  private blocksRev = 0;
  meRev = 0;

  constructor(private readonly random: () => number) {}

  private one<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  change(): void {
    this.meRev += 1;
    const { meRev } = this;
    const chatId = this.one(CHATS);
    this.events.push({ meRev, change: this.next(chatId, this.random()) });
  }

  private next(chatId: string, dice: number): Change {
    const { meRev } = this;
    if (dice < 0.4) {
      const { meRev: _, ...known } = this.states.get(chatId) ?? { chatId };
      const changes = this.one([
        { archivedSeq: MESSAGES },
        { hiddenSeq: 2 },
        { pinnedAt: String(meRev) },
        { unreadFrom: 3, markedSeq: MESSAGES },
      ]);
      // A change sets some fields and removes others.
      const state = { ...(this.random() < 0.5 ? known : { chatId }), ...changes, meRev } as ChatState;
      this.states.set(chatId, state);
      return { kind: "chat", state };
    }
    if (dice < 0.55) {
      const isGone = this.random() < 0.4;
      const draft = { chatId, content: `Draft ${meRev}`, updatedAt: String(meRev), meRev };
      this.drafts.set(chatId, { meRev, draft: isGone ? null : draft });
      return { kind: "draft", draft: isGone ? { chatId, isGone } : draft };
    }
    if (dice < 0.65) {
      this.settings = { notify: this.one(["all", "none"]), meRev } as MySettings;
      return { kind: "settings", settings: this.settings };
    }
    if (dice < 0.75) {
      const userId = `user ${this.one([1, 2, 3])}`;
      const isBlocked = !this.blocked.delete(userId);
      if (isBlocked) this.blocked.add(userId);
      this.blocksRev = meRev;
      return { kind: "block", userId, isBlocked };
    }
    if (dice < 0.93) {
      const messageIds = [1, 2, 3, 4, 5, 6].map((seq) => `${chatId} ${seq}`).filter(() => this.random() < 0.3);
      for (const id of messageIds) if (!this.hidden.has(id)) this.hidden.set(id, { meRev, chatId });
      return { kind: "hidden", chatId, messageIds };
    }
    this.left.set(chatId, meRev);
    this.states.delete(chatId);
    this.drafts.delete(chatId);
    for (const [id, hidden] of this.hidden) if (hidden.chatId === chatId) this.hidden.delete(id);
    return { kind: "left", chatId };
  }

  /** What changed since a number, so many changes at most. */
  since(me: number, limit = Infinity): OwnChanges {
    const revs = [
      ...[...this.states.values()].map(({ meRev }) => meRev),
      ...[...this.drafts.values(), ...this.hidden.values()].map(({ meRev }) => meRev),
      ...this.left.values(),
    ]
      .filter((rev) => rev > me)
      .sort((one, other) => one - other);
    const more = revs.length > limit;
    const rev = more ? (revs[limit - 1] as number) : this.meRev;
    const isIn = (meRev: number): boolean => meRev > me && meRev <= rev;
    const changes: OwnChanges = { rev };
    changes.chats = [...this.states.values()].filter(({ meRev }) => isIn(meRev));
    if (me) changes.reset = [...this.left].flatMap(([id, meRev]) => (isIn(meRev) ? [id] : []));
    for (const [chatId, { meRev, draft }] of this.drafts) {
      if (!isIn(meRev)) continue;
      if (draft) (changes.drafts ??= []).push(draft);
      else if (me) (changes.draftsGone ??= []).push(chatId);
    }
    changes.hidden = {};
    for (const [id, { meRev, chatId }] of this.hidden) {
      if (isIn(meRev)) (changes.hidden[chatId] ??= []).push(id);
    }
    if (this.settings && isIn(this.settings.meRev)) changes.settings = this.settings;
    if (isIn(this.blocksRev)) changes.blocked = [...this.blocked];
    return more ? { ...changes, more } : changes;
  }

  /** The messages of a chat as the user reads them. */
  messages(chatId: string): Message[] {
    return Array.from({ length: MESSAGES }, (_, at) => {
      const message = messageOf(chatId, at + 1);
      return this.hidden.has(message.id) ? hiddenTombstone(message) : message;
    });
  }
}

function messageOf(chatId: string, seq: number, changes: Partial<Message> = {}): Message {
  const rest = { senderId: OTHER, createdAt: String(seq), status: "READ", isDeleted: false, content: `Text ${seq}` };
  return { id: `${chatId} ${seq}`, chatId, seq, rev: seq, ...rest, ...changes } as Message;
}

function chatOf(id: string, changes: Partial<Chat> = {}): Chat {
  const rest = { type: "GROUP", updatedAt: "1", memberCount: 2, unreadCount: 0, peer: null, lastMessage: null };
  return { id, lastSeq: MESSAGES, lastRev: MESSAGES, ...rest, ...changes } as unknown as Chat;
}

/** Deliver an event as the session does. */
function deliver(own: OwnState, chatStore: ChatStore, { meRev, change }: OwnEvent): void {
  if (change.kind === "chat") own.on(meRev, () => chatStore.putState(change.state));
  else if (change.kind === "draft") own.on(meRev, () => own.putDraft(change.draft));
  else if (change.kind === "settings") own.on(meRev, () => own.putSettings(change.settings));
  else if (change.kind === "block") own.on(meRev, () => own.putBlock(change.userId, change.isBlocked));
  else if (change.kind === "hidden") own.on(meRev, () => chatStore.hide(change.chatId, change.messageIds));
}

/** Call `sync`, in parts of so many changes; `meanwhile` runs while each request is under way. */
function sync(own: OwnState, origin: Origin, limit: number, meanwhile: () => void = () => {}): void {
  for (let more = true; more; ) {
    const asked = own.ask();
    assert.ok(asked);
    const response = origin.since(asked.me, limit);
    meanwhile();
    own.reset(response, asked);
    more = own.apply(response, asked);
  }
  own.synced();
}

function shown(chatStore: ChatStore, chatId: string): Message[] {
  return (chatStore.timeline(chatId)?.list() ?? []).flatMap((item) => (item.state === "sent" ? [item.message] : []));
}

for (let seed = 1; seed <= 150; seed += 1) {
  test(`after every change was delivered somehow, own state equals the server's (${seed})`, async () => {
    const random = dice(seed);
    const origin = new Origin(random);
    const chatStore = emptyStore({
      // The chat is open: its messages are fetched again.
      onReset: (chatId) => chatStore.timeline(chatId)?.addPage(origin.messages(chatId).reverse(), null, null),
    });
    const own = ownState(chatStore);
    for (const id of CHATS) {
      chatStore.put(chatOf(id));
      chatStore.timeline(id)?.addPage(origin.messages(id).reverse(), null, null);
    }
    let waiting: OwnEvent[] = [];
    const change = (): void => {
      origin.change();
      waiting.push(origin.events.at(-1) as OwnEvent);
    };
    const arrive = (): void => {
      while (waiting.length && random() < 0.6) {
        const at = random() < 0.9 ? 0 : Math.floor(random() * waiting.length);
        const event = random() < 0.9 ? waiting.splice(at, 1)[0] : waiting[at];
        if (event) deliver(own, chatStore, event);
      }
    };
    const meanwhile = (): void => {
      if (random() < 0.5) change();
      arrive();
    };
    for (let count = 0; count < 5; count += 1) change();
    // Events arrive before the first sync.
    arrive();
    await own.prepare();
    sync(own, origin, 3, meanwhile);
    for (let step = 0; step < 80; step += 1) {
      change();
      if (random() < 0.15) waiting = waiting.filter(() => random() < 0.5);
      if (random() < 0.05) {
        own.disconnected();
        waiting = [];
        sync(own, origin, 4, meanwhile);
      }
      arrive();
      if (own.isBehind && random() < 0.3) sync(own, origin, 2, meanwhile);
    }
    for (const event of waiting) deliver(own, chatStore, event);
    // The periodic sync.
    sync(own, origin, 5);
    assert.equal(own.isBehind, false);
    for (const id of CHATS) {
      assert.deepEqual(chatStore.chat(id)?.me, origin.states.get(id));
      assert.deepEqual(own.draft(id), origin.drafts.get(id)?.draft ?? undefined);
      assert.deepEqual(shown(chatStore, id), origin.messages(id));
    }
    if (origin.settings) assert.deepEqual(own.settings, origin.settings);
    assert.deepEqual([...own.blocked].sort(), [...origin.blocked].sort());
  });
}

/** A chat with loaded messages, of which the user has read `readSeq`, in a store whose own state is known. */
async function loaded(
  { unreadCount = 0, messages = MESSAGES }: { unreadCount?: number; messages?: number },
  hooks: Parameters<typeof emptyStore>[0] = {},
  http: Partial<Http> = {},
): Promise<{ chatStore: ChatStore; own: OwnState; chat: () => Chat }> {
  const asked: { own?: OwnState } = {};
  const chatStore = emptyStore({ toState: (chat) => asked.own?.stateOf(chat), ...hooks });
  const own = (asked.own = ownState(chatStore, {}, http));
  chatStore.put(chatOf(CHAT, { unreadCount, lastSeq: messages, lastRev: messages }));
  const page = Array.from({ length: messages }, (_, at) => messageOf(CHAT, messages - at));
  chatStore.timeline(CHAT)?.addPage(page, null, null);
  await own.prepare();
  const first = own.ask();
  assert.ok(first);
  own.apply({ rev: 0 }, first);
  own.synced();
  return { chatStore, own, chat: () => chatStore.chat(CHAT) as Chat };
}

const stateOf = (meRev: number, changes: Partial<ChatState>): ChatState => ({ chatId: CHAT, meRev, ...changes });

describe("flags follow from positions", () => {
  test("a new message returns an archived or hidden chat to the list, unless it is muted", async (t) => {
    t.mock.timers.enable({ apis: ["Date", "setTimeout"], now: 1000 });
    const { chatStore, chat } = await loaded({});
    chatStore.putState(stateOf(1, { archivedSeq: MESSAGES, hiddenSeq: MESSAGES, mutedUntil: time(5000) }));
    assert.deepEqual([chat().isArchived, chat().isHidden, chat().isMuted], [true, true, true]);
    chatStore.onMessageEvent(messageOf(CHAT, MESSAGES + 1), { isNew: true });
    assert.deepEqual([chat().isArchived, chat().isHidden], [true, false]);
    // The end of the mute shows without an event.
    t.mock.timers.tick(5000);
    assert.deepEqual([chat().isArchived, chat().isMuted], [false, false]);
    chatStore.end();
  });

  test("each of several mutes ends in its time, and one without end never does", async (t) => {
    t.mock.timers.enable({ apis: ["Date", "setTimeout"], now: 0 });
    const chatStore = emptyStore();
    const ends = { first: 2000, later: 100_000_000, never: Date.parse("9999-12-31T23:59:59.999Z") };
    for (const [id, end] of Object.entries(ends)) {
      chatStore.put(chatOf(id));
      chatStore.putState({ chatId: id, meRev: 1, mutedUntil: time(end) });
    }
    const muted = (): string[] => chatStore.chats.filter(({ isMuted }) => isMuted).map(({ id }) => id);
    t.mock.timers.tick(2001);
    assert.deepEqual(muted().sort(), ["later", "never"]);
    for (let day = 0; day < 2; day += 1) t.mock.timers.tick(24 * 3_600_000);
    assert.deepEqual(muted(), ["never"]);
    chatStore.end();
  });

  test("an archived position above the last known message counts", async () => {
    const { chatStore, chat } = await loaded({});
    chatStore.putState(stateOf(1, { archivedSeq: MESSAGES + 1 }));
    assert.equal(chat().isArchived, true);
    chatStore.onMessageEvent(messageOf(CHAT, MESSAGES + 1), { isNew: true });
    assert.equal(chat().isArchived, true);
  });
});

describe("marks of unread messages", () => {
  const mark = stateOf(1, { unreadFrom: 3, markedSeq: MESSAGES, isMarkedUnread: true });

  test("count from the marked message on, until the user sends a message", async () => {
    const { chatStore, chat } = await loaded({});
    chatStore.putState(mark);
    assert.deepEqual([chat().isMarkedUnread, chat().unreadCount], [true, 4]);
    chatStore.onMessageEvent(messageOf(CHAT, MESSAGES + 1), { isNew: true });
    assert.deepEqual([chat().isMarkedUnread, chat().unreadCount], [true, 5]);
    chatStore.onMessageEvent(messageOf(CHAT, MESSAGES + 2, { senderId: ME }), { isNew: true });
    assert.deepEqual([chat().isMarkedUnread, chat().unreadCount], [false, 0]);
    // A response that was read before the message.
    chatStore.put(chatOf(CHAT, { unreadCount: 4, me: mark }));
    assert.deepEqual([chat().isMarkedUnread, chat().unreadCount], [false, 0]);
  });

  test("end with a response without them, though its number is the same", async () => {
    const { chatStore, chat } = await loaded({});
    chatStore.putState(mark);
    chatStore.put(chatOf(CHAT, { lastSeq: 8, lastRev: 8, me: stateOf(1, {}) }));
    assert.equal(chat().isMarkedUnread, false);
    chatStore.putState(mark);
    assert.equal(chat().isMarkedUnread, false);
  });

  test("do not lower what is unread anyway", async () => {
    const { chatStore, chat } = await loaded({ unreadCount: 5 });
    chatStore.putState(mark);
    assert.equal(chat().unreadCount, 5);
  });

  test("hide the read position, which is asked for when they end", () => {
    const stale: string[] = [];
    const chatStore = emptyStore({ onCountsStale: (chatId) => stale.push(chatId) });
    chatStore.put(chatOf(CHAT, { unreadCount: 4, me: mark }));
    chatStore.putState(stateOf(2, {}));
    assert.deepEqual(stale, [CHAT]);
    chatStore.put(chatOf(CHAT, { unreadCount: 1, me: stateOf(2, {}) }));
    assert.equal(chatStore.chat(CHAT)?.unreadCount, 1);
  });

  test("count the mentions after them", async () => {
    const { chatStore, chat } = await loaded({});
    const mentions = { userIds: [ME] };
    chatStore.onMessageEvent(messageOf(CHAT, 7, { mentions }), { isNew: true });
    chatStore.onReceipt(CHAT, ME, "READ", 7);
    assert.equal(chat().mentionCount, 0);
    chatStore.putState(stateOf(1, { unreadFrom: 7, markedSeq: 7 }));
    assert.equal(chat().mentionCount, 1);
  });
});

describe("messages that the user deletes for themselves", () => {
  test("are tombstones, also as the last message, in quotes, and in later events and responses", async () => {
    const { chatStore, chat } = await loaded({});
    const replyTo = { id: `${CHAT} 6`, seq: 6, senderId: OTHER, content: "Text 6" };
    chatStore.put(chatOf(CHAT, { lastMessage: messageOf(CHAT, 6) }));
    chatStore.onMessageEvent(messageOf(CHAT, 7, { replyTo }), { isNew: true });
    chatStore.hide(CHAT, [`${CHAT} 6`, `${CHAT} 7`]);
    chatStore.onMessageEvent(messageOf(CHAT, 8, { replyTo }), { isNew: true });
    assert.equal(shown(chatStore, CHAT).at(-1)?.replyTo?.isDeleted, true);
    chatStore.onMessageEvent(messageOf(CHAT, 6, { rev: 9, content: "Edited", isEdited: true }), { isNew: false });
    chatStore.putMessage(messageOf(CHAT, 7));
    const [sixth, seventh, eighth] = shown(chatStore, CHAT).slice(5);
    assert.deepEqual([sixth?.content, sixth?.isHidden, sixth?.isDeleted], [null, true, true]);
    assert.deepEqual([seventh?.content, seventh?.replyTo], [null, undefined]);
    assert.deepEqual(eighth?.replyTo, { id: `${CHAT} 6`, seq: 6, senderId: OTHER, isDeleted: true });
    chatStore.hide(CHAT, [`${CHAT} 8`]);
    assert.equal(chat().lastMessage?.isHidden, true);
    // A response that was read before.
    chatStore.put(chatOf(CHAT, { lastSeq: 8, lastRev: 8, lastMessage: messageOf(CHAT, 8) }));
    assert.equal(chat().lastMessage?.isHidden, true);
  });

  test("do not count as mentions", async () => {
    const { chatStore, chat } = await loaded({});
    chatStore.onMessageEvent(messageOf(CHAT, 7, { mentions: { all: true } }), { isNew: true });
    assert.equal(chat().mentionCount, 1);
    chatStore.hide(CHAT, [`${CHAT} 7`]);
    assert.equal(chat().mentionCount, 0);
  });

  test("stay hidden in pages that were read before, and in a cache", () => {
    const chatStore = emptyStore();
    chatStore.put(chatOf(CHAT));
    chatStore.hide(CHAT, [`${CHAT} 5`]);
    const timeline = chatStore.timeline(CHAT);
    assert.ok(timeline);
    chatStore.putPage(CHAT, timeline, [messageOf(CHAT, 6), messageOf(CHAT, 5)], null, null);
    assert.deepEqual(
      shown(chatStore, CHAT).map(({ isHidden }) => isHidden ?? false),
      [true, false],
    );
  });
});

describe("a cleared chat", () => {
  test("begins after the cleared messages, and its next message follows", async () => {
    const { chatStore, chat } = await loaded({ unreadCount: 3 });
    chatStore.put(chatOf(CHAT, { unreadCount: 3, lastMessage: messageOf(CHAT, 6) }));
    chatStore.putState(stateOf(1, { clearedSeq: 6 }));
    assert.deepEqual(shown(chatStore, CHAT), []);
    assert.deepEqual([chat().lastMessage, chat().unreadCount], [null, 0]);
    assert.equal(chatStore.timeline(CHAT)?.history.hasOlder, false);
    // A response that was read before.
    chatStore.put(chatOf(CHAT, { unreadCount: 3, lastMessage: messageOf(CHAT, 6) }));
    assert.equal(chat().lastMessage, null);
    const replyTo = { id: `${CHAT} 6`, seq: 6, senderId: OTHER, content: "Text 6" };
    chatStore.onMessageEvent(messageOf(CHAT, 7, { replyTo }), { isNew: true });
    assert.deepEqual(
      shown(chatStore, CHAT).map(({ seq, replyTo }) => [seq, replyTo?.isDeleted]),
      [[7, true]],
    );
    assert.equal(chatStore.isBehind, false);
  });

  test("ends pages that were read before", () => {
    const chatStore = emptyStore();
    chatStore.put(chatOf(CHAT, { me: stateOf(1, { clearedSeq: 4 }) }));
    const timeline = chatStore.timeline(CHAT);
    assert.ok(timeline);
    const page = [6, 5, 4, 3].map((seq) => messageOf(CHAT, seq));
    chatStore.putPage(CHAT, timeline, page, "before 3", null);
    assert.deepEqual(
      shown(chatStore, CHAT).map(({ seq }) => seq),
      [5, 6],
    );
    assert.equal(timeline.history.hasOlder, false);
  });

  test("keeps the messages after the cleared ones, and fetches older ones only where there are any", async () => {
    const { chatStore } = await loaded({});
    const timeline = chatStore.timeline(CHAT);
    chatStore.putState(stateOf(1, { clearedSeq: 4 }));
    assert.deepEqual(
      shown(chatStore, CHAT).map(({ seq }) => seq),
      [5, 6],
    );
    const longer = emptyStore();
    longer.put(chatOf(CHAT));
    const opened = longer.timeline(CHAT);
    assert.ok(opened);
    longer.putPage(
      CHAT,
      opened,
      [6, 5].map((seq) => messageOf(CHAT, seq)),
      "before 5",
      null,
    );
    longer.putState(stateOf(1, { clearedSeq: 2 }));
    assert.deepEqual([timeline?.history.hasOlder, opened.history.hasOlder], [false, true]);
    longer.putPage(
      CHAT,
      opened,
      [4, 3].map((seq) => messageOf(CHAT, seq)),
      null,
      "before 5",
    );
    assert.deepEqual(
      shown(longer, CHAT).map(({ seq }) => seq),
      [3, 4, 5, 6],
    );
  });

  test("can be empty when it is opened", () => {
    const chatStore = emptyStore();
    chatStore.put(chatOf(CHAT, { me: stateOf(1, { clearedSeq: 6 }) }));
    const timeline = chatStore.timeline(CHAT);
    assert.ok(timeline);
    chatStore.putPage(CHAT, timeline, [], null, null);
    chatStore.onMessageEvent(messageOf(CHAT, 7), { isNew: true });
    assert.deepEqual(
      shown(chatStore, CHAT).map(({ seq }) => seq),
      [7],
    );
    assert.equal(chatStore.isBehind, false);
  });

  test("shows the newest messages again if the window around an older one is gone", async () => {
    const { chatStore } = await loaded({});
    chatStore.put(chatOf(CHAT, { lastSeq: 60, lastRev: 60 }));
    chatStore.showWindow(
      CHAT,
      [2, 1].map((seq) => messageOf(CHAT, seq)),
      { nextCursor: null, prevCursor: "after 2" },
    );
    chatStore.putState(stateOf(1, { clearedSeq: 10 }));
    assert.equal(chatStore.shownTimeline(CHAT), chatStore.timeline(CHAT));
  });
});

describe("blocked users", () => {
  test("mention no user who blocks them", async () => {
    const { chatStore, own, chat } = await loaded({});
    own.on(1, () => own.putBlock(OTHER, true));
    chatStore.onMessageEvent(messageOf(CHAT, 7, { mentions: { userIds: [ME] } }), { isNew: true });
    assert.equal(chat().mentionCount, 0);
    own.on(2, () => own.putBlock(OTHER, false));
    assert.equal(chat().mentionCount, 1);
  });
});

describe("mentions in sync", () => {
  const mentions = { [CHAT]: 2 };

  test("are taken as they are unless the chat changed meanwhile", async () => {
    const stale: string[] = [];
    const chatStore = emptyStore({ onCountsStale: (chatId) => stale.push(chatId) });
    chatStore.put(chatOf(CHAT, { unreadCount: 4, mentionCount: 0 }));
    const asked = chatStore.countedFor;
    chatStore.putMentions(mentions, 0, asked);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, 2);
    chatStore.onMessageEvent(messageOf(CHAT, 7, { mentions: { all: true } }), { isNew: true });
    chatStore.putMentions(mentions, 0, asked);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, 3);
    assert.deepEqual(stale, [CHAT]);
  });

  test("leave a chat alone whose count is the same", () => {
    const chatStore = emptyStore();
    chatStore.put(chatOf(CHAT, { unreadCount: 4, mentionCount: 2 }));
    const chat = chatStore.chat(CHAT);
    chatStore.putMentions(mentions, 0, chatStore.countedFor);
    assert.equal(chatStore.chat(CHAT), chat);
  });

  test("a chat without them has none", () => {
    const chatStore = emptyStore();
    chatStore.put(chatOf(CHAT, { unreadCount: 4, mentionCount: 1 }));
    chatStore.putMentions({}, 0, chatStore.countedFor);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, 0);
  });
});

describe("changes by the user", () => {
  /** A server that responds to the next request. */
  function server(): { http: Partial<Http>; respond: (response: unknown) => Promise<void>; sent: string[] } {
    const sent: string[] = [];
    const waiting: ((response: unknown) => void)[] = [];
    const call = (operation: string, taken: object): Promise<unknown> => {
      sent.push(`${operation} ${JSON.stringify(taken)}`);
      return new Promise((resolve, reject) => {
        waiting.push((response) => (response instanceof Error ? reject(response) : resolve(response)));
      });
    };
    const respond = async (response: unknown): Promise<void> => {
      while (!waiting.length) await turn();
      waiting.shift()?.(response);
      await turn();
    };
    return { http: { call } as unknown as Partial<Http>, respond, sent };
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const refused = new ForbiddenError({ type: "", title: "", status: 403, detail: "", code: "forbidden" });

  for (const [changes, flag] of [
    [{ isArchived: true }, "isArchived"],
    [{ isHidden: true }, "isHidden"],
    [{ pinned: true }, "isPinned"],
    [{ mutedUntil: "9999-12-31T23:59:59.999Z" }, "isMuted"],
    [{ isMarkedUnread: true }, "isMarkedUnread"],
    [{ unreadFrom: 2 }, "isMarkedUnread"],
  ] as [PatchChatState, "isArchived"][]) {
    test(`${JSON.stringify(changes)} shows at once, and no more if it is refused`, async () => {
      const { http, respond } = server();
      const { chatStore, own, chat } = await loaded({}, {}, http);
      const done = own.change({ kind: "state", chatId: CHAT, changes });
      assert.equal(chat()[flag], true);
      await Promise.all([assert.rejects(done, ForbiddenError), respond(refused)]);
      assert.equal(chat()[flag], false);
      assert.equal(chat().me, undefined);
      chatStore.end();
    });
  }

  test("a response that an event has overtaken changes nothing", async () => {
    const { http, respond } = server();
    const { chatStore, own, chat } = await loaded({}, {}, http);
    const done = own.change({ kind: "state", chatId: CHAT, changes: { pinned: true } });
    own.on(1, () => chatStore.putState(stateOf(1, { pinnedAt: "1" })));
    own.on(2, () => chatStore.putState(stateOf(2, {})));
    await respond({ data: stateOf(1, { pinnedAt: "1" }) });
    await done;
    assert.equal(chat().isPinned, false);
  });

  test("a block shows at once, until the event or a sync confirms it", async () => {
    const { http, respond } = server();
    const { own } = await loaded({}, {}, http);
    const done = own.change({ kind: "block", userId: OTHER, isBlocked: true });
    assert.deepEqual([...own.blocked], [OTHER]);
    await respond(undefined);
    await done;
    assert.deepEqual([...own.blocked], [OTHER]);
    // The event may be lost: `sync` has the block.
    assert.equal(own.isBehind, true);
    const asked = own.ask();
    assert.ok(asked);
    own.apply({ rev: 1, blocked: [OTHER] }, asked);
    own.synced();
    assert.deepEqual([[...own.blocked], own.isBehind], [[OTHER], false]);
  });

  test("settings that were never changed are the defaults", async () => {
    const { own } = await loaded({});
    assert.equal(own.settings?.notify, "all");
  });

  test("settings show at once, and as they were if the change is refused", async () => {
    const { http, respond } = server();
    const { own } = await loaded({}, {}, http);
    own.on(1, () => own.putSettings({ notify: "all", typing: true, meRev: 1 } as MySettings));
    const done = own.change({ kind: "settings", changes: { typing: false } });
    assert.equal(own.settings?.typing, false);
    await Promise.all([assert.rejects(done, ForbiddenError), respond(refused)]);
    assert.equal(own.settings?.typing, true);
  });

  test("other changes do not wait for a draft", async () => {
    const { http, sent } = server();
    const { own } = await loaded({}, {}, http);
    void own.change({ kind: "draft", chatId: CHAT, draft: { content: "one" } });
    void own.change({ kind: "state", chatId: CHAT, changes: { pinned: true } });
    await turn();
    assert.equal(sent.length, 2);
  });

  test("a saved draft that was deleted before the response stays deleted", async () => {
    const { http, respond } = server();
    const { own } = await loaded({}, {}, http);
    const draft = { chatId: CHAT, content: "one", updatedAt: "1", meRev: 1 };
    const done = own.change({ kind: "draft", chatId: CHAT, draft: { content: "one" } });
    own.on(1, () => own.putDraft(draft));
    own.on(2, () => own.putDraft({ chatId: CHAT, isGone: true }));
    await respond({ data: draft });
    await done;
    assert.equal(own.draft(CHAT), undefined);
  });

  test("of drafts that wait, the last one is sent", async () => {
    const { http, respond, sent } = server();
    const { own } = await loaded({}, {}, http);
    const drafts = ["a", "ab", "abc"].map((content) => own.change({ kind: "draft", chatId: CHAT, draft: { content } }));
    for (const meRev of [1, 2]) await respond({ data: { chatId: CHAT, content: "abc", meRev } });
    await Promise.all(drafts);
    assert.deepEqual(
      sent.map((request) => /"content":"(\w+)"/.exec(request)?.[1]),
      ["a", "abc"],
    );
    assert.equal(own.draft(CHAT)?.content, "abc");
  });

  test("a deleted draft is gone with the response, but not one that came meanwhile", async () => {
    const { http, respond } = server();
    const { own } = await loaded({}, {}, http);
    const draft = { chatId: CHAT, content: "one", updatedAt: "1", meRev: 1 };
    const put = (meRev: number, content: string): void =>
      own.on(meRev, () => own.putDraft({ ...draft, content, meRev }));
    put(1, "one");
    const first = own.change({ kind: "draft", chatId: CHAT, draft: null });
    await respond(undefined);
    await first;
    assert.equal(own.draft(CHAT), undefined);
    own.on(2, () => own.putDraft({ chatId: CHAT, isGone: true }));
    put(3, "three");
    const second = own.change({ kind: "draft", chatId: CHAT, draft: null });
    own.on(4, () => own.putDraft({ chatId: CHAT, isGone: true }));
    put(5, "five");
    await respond(undefined);
    await second;
    assert.equal(own.draft(CHAT)?.content, "five");
  });

  test("more messages than one request may name are hidden in several", async () => {
    const { http, respond, sent } = server();
    const { own } = await loaded({}, {}, http);
    const done = own.hide(Array.from({ length: 250 }, (_, at) => `id ${at}`));
    for (let part = 0; part < 3; part += 1) await respond(undefined);
    await done;
    assert.equal(sent.length, 3);
  });
});

test("a change that arrives while a sync is under way is applied after the response", async () => {
  const { own } = await loaded({});
  const put = (meRev: number): void => own.putDraft({ chatId: CHAT, content: `${meRev}`, updatedAt: "1", meRev });
  const asked = own.ask();
  assert.ok(asked);
  for (const meRev of [1, 2, 3]) own.on(meRev, () => put(meRev));
  assert.equal(own.draft(CHAT), undefined);
  own.apply({ rev: 2, drafts: [{ chatId: CHAT, content: "2", updatedAt: "1", meRev: 2 }] }, asked);
  own.synced();
  assert.deepEqual([own.draft(CHAT)?.content, own.isBehind], ["3", false]);
});

test("a server that was restored from a backup replaces all own state", async () => {
  const { chatStore, own, chat } = await loaded({});
  for (let meRev = 1; meRev <= 8; meRev += 1) {
    own.on(meRev, () => chatStore.putState(stateOf(meRev, { pinnedAt: "1" })));
  }
  own.disconnected();
  const asked = own.ask();
  assert.equal(asked?.me, 8);
  const response: OwnChanges = { rev: 3, chats: [stateOf(2, { archivedSeq: MESSAGES })] };
  own.reset(response, asked as NonNullable<typeof asked>);
  own.apply(response, asked as NonNullable<typeof asked>);
  own.synced();
  assert.deepEqual([chat().isPinned, chat().isArchived], [false, true]);
  own.on(4, () => chatStore.putState(stateOf(4, {})));
  assert.equal(chat().isArchived, false);
});

test("a state that changes before its chat is here is not lost", () => {
  const chatStore = emptyStore();
  chatStore.putState(stateOf(2, { pinnedAt: "1" }));
  chatStore.put(chatOf(CHAT, { me: stateOf(1, {}) }));
  assert.equal(chatStore.chat(CHAT)?.isPinned, true);
});

test("any response replaces a state that was cached", () => {
  const chatStore = emptyStore();
  chatStore.put(chatOf(CHAT, { me: stateOf(7, { pinnedAt: "1" }) }), { isCached: true });
  assert.equal(chatStore.chat(CHAT)?.isPinned, true);
  chatStore.put(chatOf(CHAT));
  assert.equal(chatStore.chat(CHAT)?.isPinned, false);
});

test("a sync response names chats by what it says of their own state", async () => {
  const { chatStore, own, chat } = await loaded({});
  own.on(1, () => chatStore.putState(stateOf(1, { pinnedAt: "1" })));
  const asked = own.ask();
  assert.ok(asked);
  // The user left the chat, joined it again, and archived it.
  const state = stateOf(3, { archivedSeq: MESSAGES });
  const me: OwnChanges = { rev: 3, reset: [CHAT], chats: [state] };
  const rest = { messages: {}, more: [], gone: [], unread: {}, reset: [], nextCursor: null };
  own.reset(me, asked);
  chatStore.applySync({ chats: [chatOf(CHAT, { lastRev: 9, me: state })], ...rest } as SyncResponse, new Map());
  own.apply(me, asked);
  own.synced();
  assert.deepEqual([chat().isPinned, chat().isArchived], [false, true]);
});

function time(ms: number): string {
  return new Date(ms).toISOString();
}
