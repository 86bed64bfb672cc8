// The store merges events and responses correctly, whatever is lost, late or delivered twice.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Changes } from "../src/changes.js";
import type { ChatStore } from "../src/chat-store.js";
import type {
  ChatEvent,
  Member,
  Message,
  MessageChanges,
  MessageEvent,
  NewChatEvent,
  ReactionActor,
} from "../src/generated/schemas.js";
import { messageTombstone } from "../src/generated/tombstones.js";
import { quoteOf } from "../src/message-changes.js";
import type { Chat } from "../src/model.js";
import { People } from "../src/people.js";
import { merged } from "../src/timeline.js";
import { ME, dice, emptyStore } from "./empty-store.js";

const OTHER = "other";
const CHAT = "chat";

interface ServerEvent {
  event: "new" | "edited" | "changed" | "deleted" | "member";
  message: Message;
  rev: number;
  changes?: MessageChanges;
  actors?: ReactionActor[];
}

/** A chat as a server has it: its messages, and every change that there was. */
class Origin {
  readonly messages: Message[] = [];
  readonly events: ServerEvent[] = [];
  rev = 1;

  constructor(private readonly random: () => number) {}

  change(): void {
    const dice = this.random();
    this.rev += 1;
    const target = this.messages[Math.floor(this.random() * this.messages.length)];
    if (dice < 0.1) {
      if (target) this.events.push({ event: "member", message: target, rev: this.rev });
      else this.rev -= 1;
    } else if (dice < 0.3 && target && !target.isDeleted) {
      if (dice < 0.2) this.replace("deleted", messageTombstone(target));
      else this.replace("edited", { ...target, content: `edited ${this.rev}`, isEdited: true });
    } else if (dice < 0.5 && target && !target.isDeleted) {
      this.changed(target);
    } else {
      const senderId = this.random() < 0.5 ? ME : OTHER;
      const seq = this.messages.length + 1;
      const message = { id: `id ${seq}`, chatId: CHAT, seq, rev: this.rev, senderId, content: `text ${seq}` };
      const replyTo = target && this.random() < 0.5 && { replyTo: quoteOf(target) };
      const mentions = this.random() < 0.3 && { mentions: this.random() < 0.5 ? { all: true } : { userIds: [ME] } };
      const rest = { isDeleted: false, isEdited: false, createdAt: String(seq), status: "SENT" };
      this.messages.push({ ...message, ...replyTo, ...mentions, ...rest } as unknown as Message);
      this.events.push({ event: "new", message: { ...this.messages.at(-1) } as Message, rev: this.rev });
    }
  }

  private replace(event: ServerEvent["event"], message: Message, rest: Partial<ServerEvent> = {}): void {
    const changed = this.asRead({ ...message, rev: this.rev });
    this.messages[message.seq - 1] = changed;
    this.events.push({ event, message: changed, rev: this.rev, ...rest });
  }

  /** Change something of a message that is not its text. */
  private changed(target: Message): void {
    const dice = this.random();
    if (dice < 0.3) {
      const { pinnedAt, ...rest } = target;
      const message = pinnedAt ? rest : { ...rest, pinnedAt: "now" };
      this.replace("changed", message, { changes: { pinnedAt: pinnedAt ? null : "now" } });
    } else if (dice < 0.5) {
      const { mentions, ...rest } = target;
      const own = { mentions: { userIds: [ME] } };
      this.replace("changed", mentions ? rest : { ...rest, ...own }, { changes: mentions ? { mentions: null } : own });
    } else {
      // More users than the list has: whether the user is one of them is in the actors alone.
      const { mine, ...before } = target.reactions?.[0] ?? { emoji: "👍", count: 11, userIds: [] };
      const isOwn = this.random() < 0.5;
      const on = isOwn ? !mine : this.random() < 0.5;
      const shared = { ...before, count: before.count + (on ? 1 : -1) };
      const reactions = [(isOwn ? on : mine) ? { ...shared, mine: true } : shared];
      const actors = [{ userId: isOwn ? ME : OTHER, emoji: "👍", on }];
      this.replace("changed", { ...target, reactions }, { changes: { reactions: [shared] }, actors });
    }
  }

  /** Messages as they are read: their quotes are those of now. */
  private asRead(message: Message): Message {
    const { replyTo } = message;
    const quoted = replyTo && this.messages.find(({ id }) => id === replyTo.id);
    return { ...message, ...(quoted && { replyTo: quoteOf(quoted) }) };
  }

  /** All messages, without what differs between clients. */
  all(): Message[] {
    return this.messages.map((message) => this.asRead(message));
  }

  mentionCount(): number {
    return this.messages.slice(this.readSeq()).filter(({ mentions }) => mentions).length;
  }

  /** Sending a message implies having read the ones before it. */
  readSeq(): number {
    return Math.max(0, ...this.messages.map(({ senderId, seq }) => (senderId === ME ? seq : 0)));
  }

  pinCount(): number {
    return this.messages.filter(({ pinnedAt }) => pinnedAt).length;
  }

  chat(): Chat {
    const lastMessage = this.all().at(-1) ?? null;
    const unreadCount = this.messages.length - this.readSeq();
    const counts = { unreadCount, mentionCount: this.mentionCount(), pinCount: this.pinCount() };
    const rest = { type: "GROUP", updatedAt: String(this.rev), memberCount: 2, peer: null, ...counts };
    return { id: CHAT, lastSeq: this.messages.length, lastRev: this.rev, lastMessage, ...rest } as unknown as Chat;
  }

  since(rev: number, limit: number): Message[] {
    const changed = this.messages.filter((message) => message.rev > rev);
    return changed
      .sort((one, other) => one.rev - other.rev)
      .slice(0, limit)
      .map((message) => this.asRead(message));
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
      const rest = { gone: [], unread: { [CHAT]: origin.chat().unreadCount }, reset: [], nextCursor: null };
      return chatStore.applySync({ chats, messages: { [CHAT]: messages }, more, ...rest }, new Map());
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
    const compared = (messages: Message[]): object[] => {
      return messages.map(({ status: _status, isEdited: _isEdited, ...message }) => message);
    };
    assert.deepEqual(compared(shown(chatStore)), compared(origin.all()));
    assert.equal(chatStore.chat(CHAT)?.lastMessage?.id, origin.messages.at(-1)?.id);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, origin.mentionCount());
    assert.equal(chatStore.chat(CHAT)?.pinCount, origin.pinCount());
  });
}

test("of a chat that a restored server has less of, the local copy is dropped", () => {
  const reset: string[] = [];
  const chatStore = emptyStore({ onReset: (chatId) => reset.push(chatId) });
  chatStore.put(chatOf({ lastRev: 9, lastSeq: 8 }));
  chatStore.timeline(CHAT)?.addPage([messageOf(8, 9)], null, null);
  const chat = chatOf({ lastRev: 3, lastSeq: 2 });
  const messages = { [CHAT]: [messageOf(1, 2), messageOf(2, 3)] };
  const rest = { more: [], gone: [], unread: { [CHAT]: 0 }, reset: [CHAT], nextCursor: null };
  chatStore.applySync({ chats: [chat], messages, ...rest }, new Map([[CHAT, 8]]));
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

test("a message that arrives before the response of a sync is not counted as read", () => {
  const chatStore = emptyStore();
  chatStore.put(chatOf({ lastRev: 3, lastSeq: 2, unreadCount: 2 }));
  chatStore.onMessageEvent(messageOf(3, 4), { isNew: true });
  // Another device of the user has read the first two messages.
  const response = { chats: [], messages: {}, more: [], gone: [], unread: { [CHAT]: 0 }, reset: [], nextCursor: null };
  chatStore.applySync(response, new Map([[CHAT, 2]]));
  assert.equal(chatStore.chat(CHAT)?.unreadCount, 1);
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
  chatStore.onMemberUpdated({ chatId: CHAT, member: { ...member, role: "ADMIN" }, rev: 2 });
  chatStore.onMemberJoined({ chatId: CHAT, member: memberOf("third"), rev: 3 });
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
  // The event of a member whom the chat counts already.
  chatStore.onMemberJoined({ chatId: CHAT, member: memberOf("counted"), rev: 1 });
  chatStore.onMemberJoined({ chatId: CHAT, member: memberOf("late"), rev: 2 });
  assert.equal(chatStore.chat(CHAT)?.memberCount, 501);
  chatStore.onMemberLeft({ chatId: CHAT, userId: OTHER, rev: 3 });
  chatStore.onMemberLeft({ chatId: CHAT, userId: "unknown", rev: 4 });
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
  const data = { team: 7 };
  chatStore.onChatUpdated({ ...chatOf({ lastRev: 2 }), name: "Renamed", data, rev: 2 } as ChatEvent);
  assert.equal(chatStore.chat(CHAT)?.name, "Renamed");
  assert.deepEqual(chatStore.chat(CHAT)?.data, data);
  chatStore.onChatUpdated({ ...chatOf({ lastRev: 3 }), rev: 3 } as ChatEvent);
  assert.equal(chatStore.chat(CHAT)?.data, undefined);
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

function deliver(chatStore: ChatStore, { event, message, rev, changes, actors }: ServerEvent): void {
  const { status: _, ...payload } = message;
  // What depends on the reader is in responses alone.
  if (payload.reactions) payload.reactions = payload.reactions.map(({ mine: _mine, ...reaction }) => reaction);
  if (event === "member") chatStore.onMemberUpdated({ chatId: CHAT, member: { userId: OTHER } as Member, rev });
  else if (event === "deleted") chatStore.onMessageDeleted({ chatId: CHAT, messageId: message.id, rev });
  else if (event === "changed") {
    const rest = { rev, changes: changes ?? {}, ...(actors && { actors }) };
    chatStore.onMessageChanged({ chatId: CHAT, messageId: message.id, ...rest });
  } else chatStore.onMessageEvent(payload as MessageEvent, { isNew: event === "new" });
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
