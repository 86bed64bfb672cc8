// The store merges events and responses correctly, whatever is lost, late or delivered twice.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Changes } from "../src/changes.js";
import type { ChatStore } from "../src/chat-store.js";
import type { Chat, ChatEvent, Member, Message, MessageEvent, NewChatEvent } from "../src/generated/schemas.js";
import { People } from "../src/people.js";
import { merged } from "../src/timeline.js";
import { ME, emptyStore } from "./empty-store.js";

const OTHER = "other";
const CHAT = "chat";

/** A chat as a server has it: its messages, and every change that there was. */
class Origin {
  readonly messages: Message[] = [];
  readonly events: { event: "new" | "edited" | "deleted" | "member"; message: Message; rev: number }[] = [];
  rev = 1;

  constructor(private readonly random: () => number) {}

  change(): void {
    const dice = this.random();
    this.rev += 1;
    const target = this.messages[Math.floor(this.random() * this.messages.length)];
    if (dice < 0.1) {
      // Members come and go without a word about `rev`.
      if (target) this.events.push({ event: "member", message: target, rev: this.rev });
      else this.rev -= 1;
    } else if (dice < 0.3 && target && !target.isDeleted) {
      const deletes = dice < 0.2;
      Object.assign(target, { rev: this.rev, content: deletes ? null : `edited ${this.rev}`, isDeleted: deletes });
      this.events.push({ event: deletes ? "deleted" : "edited", message: { ...target }, rev: this.rev });
    } else {
      const senderId = this.random() < 0.5 ? ME : OTHER;
      const seq = this.messages.length + 1;
      const message = { id: `id ${seq}`, chatId: CHAT, seq, rev: this.rev, senderId, content: `text ${seq}` };
      this.messages.push({ ...message, isDeleted: false, createdAt: String(seq), status: "SENT" } as Message);
      this.events.push({ event: "new", message: { ...this.messages.at(-1) } as Message, rev: this.rev });
    }
  }

  chat(): Chat {
    const lastMessage = this.messages.at(-1) ?? null;
    const rest = { type: "GROUP", updatedAt: String(this.rev), memberCount: 2, unreadCount: 0, peer: null };
    return { id: CHAT, lastSeq: this.messages.length, lastRev: this.rev, lastMessage, ...rest } as unknown as Chat;
  }

  since(rev: number, limit: number): Message[] {
    const changed = this.messages.filter((message) => message.rev > rev);
    return changed
      .sort((one, other) => one.rev - other.rev)
      .slice(0, limit)
      .map((message) => ({ ...message }));
  }
}

for (let seed = 1; seed <= 150; seed += 1) {
  test(`after every change was delivered somehow, the store equals the server (${seed})`, () => {
    const random = dice(seed);
    const origin = new Origin(random);
    let behind = false;
    const chatStore = emptyStore({ onGap: () => (behind = true) });
    chatStore.put(origin.chat());
    const timeline = chatStore.timeline(CHAT);
    assert.ok(timeline);
    timeline.addPage([], null, null);
    let waiting: typeof origin.events = [];
    const sync = (limit: number): string[] => {
      const messages = origin.since(chatStore.revOf(CHAT), limit);
      const more = messages.at(-1) && origin.since(messages.at(-1)?.rev ?? 0, 1).length ? [CHAT] : [];
      const chats = chatStore.revOf(CHAT) < origin.rev ? [origin.chat()] : [];
      const rest = { gone: [], unread: { [CHAT]: 0 }, reset: [], nextCursor: null };
      return chatStore.applySync({ chats, messages: { [CHAT]: messages }, more, ...rest });
    };
    for (let step = 0; step < 120; step += 1) {
      const before = origin.events.length;
      origin.change();
      waiting.push(...origin.events.slice(before));
      // Some are lost, some late, some delivered twice.
      if (random() < 0.15) waiting = waiting.filter(() => random() < 0.5);
      while (waiting.length && random() < 0.6) {
        const at = random() < 0.9 ? 0 : Math.floor(random() * waiting.length);
        const event = random() < 0.9 ? waiting.splice(at, 1)[0] : waiting[at];
        if (event) deliver(chatStore, event);
      }
      if (behind && random() < 0.3) {
        behind = false;
        sync(3);
      }
      isUnbroken(chatStore);
    }
    // At last everything that was not lost arrives, and one change after it, which shows what was.
    for (const event of waiting) deliver(chatStore, event);
    do origin.change();
    while (origin.events.at(-1)?.event !== "new");
    deliver(chatStore, origin.events.at(-1) as (typeof origin.events)[0]);
    for (let tries = 0; chatStore.isBehind; tries += 1) {
      assert.ok(tries < 3, "there is something that sync does not bring");
      while (sync(7).length);
    }
    const expected = origin.messages.map(({ id, rev, content, isDeleted }) => ({ id, rev, content, isDeleted }));
    assert.deepEqual(
      shown(chatStore).map(({ id, rev, content, isDeleted }) => ({ id, rev, content, isDeleted })),
      expected,
    );
    assert.equal(chatStore.chat(CHAT)?.lastMessage?.id, origin.messages.at(-1)?.id);
  });
}

test("of a chat that a restored server has less of, the local copy is dropped", () => {
  const reset: string[] = [];
  const chatStore = emptyStore({ onReset: (chatId) => reset.push(chatId) });
  chatStore.put(chatOf({ lastRev: 9, lastSeq: 8 }));
  chatStore.timeline(CHAT)?.addPage([messageOf(8, 9)], null, null);
  const chat = chatOf({ lastRev: 3, lastSeq: 2 });
  const messages = { [CHAT]: [messageOf(1, 2), messageOf(2, 3)] };
  chatStore.applySync({
    chats: [chat],
    messages,
    more: [],
    gone: [],
    unread: { [CHAT]: 0 },
    reset: [CHAT],
    nextCursor: null,
  });
  assert.deepEqual(reset, [CHAT]);
  assert.equal(chatStore.revOf(CHAT), 3);
  assert.equal(chatStore.chat(CHAT)?.lastSeq, 2);
  assert.deepEqual(shown(chatStore), []);
  // The next event is the one that follows.
  chatStore.timeline(CHAT)?.addPage([messageOf(2, 3), messageOf(1, 2)], null, null);
  chatStore.onMessageEvent(messageOf(3, 4), { isNew: true });
  assert.deepEqual(
    shown(chatStore).map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.equal(chatStore.isBehind, false);
});

test("events of a chat say nothing of who is online", () => {
  const met: string[] = [];
  const chatStore = emptyStore({
    onUser: (user) => {
      met.push(user.id);
      return user;
    },
  });
  const member = memberOf(OTHER);
  chatStore.onChatNew({ ...chatOf({}), members: [memberOf(ME), member] } as NewChatEvent);
  chatStore.onMemberUpdated(CHAT, { ...member, role: "ADMIN" });
  chatStore.onMemberJoined(CHAT, memberOf("third"));
  assert.deepEqual(met, []);
  assert.equal(chatStore.members(CHAT).length, 3);
});

test("a response does not undo the presence that an event has reported meanwhile", () => {
  const people = new People(new Changes());
  const chatStore = emptyStore({ onUser: (user) => people.add(user) });
  const other = memberOf(OTHER).user;
  people.connected(OTHER);
  chatStore.put(chatOf({ type: "DIRECT", peer: other }));
  assert.equal(people.presence(OTHER)?.isOnline, true);
  assert.equal(chatStore.chat(CHAT)?.peer?.isOnline, true);
  // What was reported before a disconnection may have changed since.
  people.forget();
  people.add(other);
  assert.equal(people.presence(OTHER)?.isOnline, false);
});

test("the number of members is right while only the first of them are here", () => {
  const chatStore = emptyStore({});
  chatStore.onChatNew({ ...chatOf({ memberCount: 500 }), members: [memberOf(ME), memberOf(OTHER)] } as NewChatEvent);
  assert.equal(chatStore.membersCursor(CHAT), undefined);
  chatStore.onMemberJoined(CHAT, memberOf("late"));
  assert.equal(chatStore.chat(CHAT)?.memberCount, 501);
  chatStore.onMemberLeft(CHAT, OTHER);
  chatStore.onMemberLeft(CHAT, "unknown");
  assert.equal(chatStore.chat(CHAT)?.memberCount, 499);
  assert.deepEqual(
    chatStore.members(CHAT).map(({ userId }) => userId),
    [ME],
  );
  chatStore.putMembers(CHAT, [memberOf(ME), memberOf("late")], null);
  assert.equal(chatStore.chat(CHAT)?.memberCount, 2);
});

test("a change of a chat keeps its members", () => {
  const chatStore = emptyStore({});
  chatStore.onChatNew({ ...chatOf({}), members: [memberOf(ME), memberOf(OTHER)] } as NewChatEvent);
  chatStore.onChatUpdated({ ...chatOf({ lastRev: 2 }), name: "Renamed" } as ChatEvent);
  assert.equal(chatStore.chat(CHAT)?.name, "Renamed");
  assert.equal(chatStore.members(CHAT).length, 2);
});

test("a message is never older or less read than it was", () => {
  const known = { id: "1", seq: 1, rev: 3, content: "new", status: "READ" } as Message;
  assert.equal(merged(known, { ...known, rev: 2, content: "old" }), known);
  assert.deepEqual(merged(known, { ...known, rev: 4, content: "newer", status: "SENT" }).status, "READ");
});

function chatOf(changes: Partial<Chat>): Chat {
  const rest = { type: "GROUP", updatedAt: "1", memberCount: 2, unreadCount: 0, peer: null, lastMessage: null };
  return { id: CHAT, lastSeq: 0, lastRev: 1, ...rest, ...changes } as unknown as Chat;
}

function messageOf(seq: number, rev: number): Message {
  return {
    id: `id ${seq}`,
    chatId: CHAT,
    seq,
    rev,
    senderId: OTHER,
    createdAt: String(seq),
    status: "READ",
  } as Message;
}

function memberOf(userId: string): Member {
  return { userId, role: "MEMBER", joinedAt: "1", user: { id: userId, isOnline: false, lastSeen: null } } as Member;
}

function deliver(chatStore: ChatStore, { event, message, rev }: Origin["events"][0]): void {
  const { status: _, ...payload } = message;
  if (event === "member") chatStore.onMemberUpdated(CHAT, { userId: OTHER } as never);
  else if (event === "deleted") chatStore.onMessageDeleted({ chatId: CHAT, messageId: message.id, rev });
  else chatStore.onMessageEvent(payload as MessageEvent, { isNew: event === "new" });
}

function isUnbroken(chatStore: ChatStore): void {
  const seqs = shown(chatStore).map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    [...new Set(seqs)].sort((one, other) => one - other),
  );
}

function shown(chatStore: ChatStore): Message[] {
  return (chatStore.timeline(CHAT)?.list() ?? []).flatMap((item) => (item.state === "sent" ? [item.message] : []));
}

/** Numbers from 0 to 1 that are the same in each run. */
function dice(seed: number): () => number {
  let state = seed * 7919;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}
