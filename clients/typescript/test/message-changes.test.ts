// Changes that are not edits: what they make of reactions, counts and quotes of a chat whose messages are here or not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { ChatStoreHooks } from "../src/chat-entry.js";
import type { ChatStore } from "../src/chat-store.js";
import type { Message, MessageChangedEvent, MessageEvent, Reaction } from "../src/generated/schemas.js";
import { quoteOf, withReaction } from "../src/message-changes.js";
import { emptyStore, ME } from "./empty-store.js";

const CHAT = "chat";
const OTHER = "other";
const TEN = Array.from({ length: 10 }, (_, number) => `user ${number}`);

function messageOf(seq: number, changes: Partial<Message> = {}): Message {
  const rest = { chatId: CHAT, rev: seq, senderId: OTHER, content: `Text ${seq}`, createdAt: "1", status: "DELIVERED" };
  return { id: `id ${seq}`, seq, ...rest, ...changes } as Message;
}

/** A chat with five messages, of which the last three are unread: loaded, or known from the list of chats alone. */
function storeOf(messages: Message[], isLoaded: boolean, hooks: Partial<ChatStoreHooks> = {}): ChatStore {
  const chatStore = emptyStore(hooks);
  const counts = { lastSeq: 5, lastRev: 5, unreadCount: 3, mentionCount: 1, pinCount: 1 };
  const rest = { type: "GROUP", updatedAt: "1", memberCount: 3, peer: null, lastMessage: messages.at(-1) ?? null };
  chatStore.put({ id: CHAT, ...counts, ...rest } as never);
  if (isLoaded) chatStore.timeline(CHAT)?.addPage([...messages].reverse(), null, null);
  return chatStore;
}

function five(changes: Partial<Message>, seq: number): Message[] {
  return [1, 2, 3, 4, 5].map((each) => messageOf(each, each === seq ? changes : {}));
}

function changed(seq: number, rev: number, rest: Pick<MessageChangedEvent, "changes" | "actors">): MessageChangedEvent {
  return { chatId: CHAT, messageId: `id ${seq}`, rev, ...rest };
}

const reactionsOf = (chatStore: ChatStore, seq: number): Reaction[] | undefined =>
  chatStore.find(`id ${seq}`)?.reactions;

describe("reactions", () => {
  test("the user's own ones are known from the users that are listed, the actors, or from before", () => {
    const chatStore = storeOf(five({}, 1), true);
    const listed = [{ emoji: "👍", count: 2, userIds: [OTHER, ME] }];
    chatStore.onMessageChanged(changed(4, 6, { changes: { reactions: listed }, actors: [] }));
    assert.equal(reactionsOf(chatStore, 4)?.[0]?.mine, true);

    const many = (count: number): Reaction[] => [{ emoji: "❤️", count, userIds: TEN }];
    const actors = (userId: string, on: boolean) => [{ userId, emoji: "❤", on }];
    chatStore.onMessageChanged(changed(4, 7, { changes: { reactions: many(11) }, actors: actors(ME, true) }));
    assert.equal(reactionsOf(chatStore, 4)?.[0]?.mine, true);
    chatStore.onMessageChanged(changed(4, 8, { changes: { reactions: many(12) }, actors: actors(OTHER, true) }));
    assert.equal(reactionsOf(chatStore, 4)?.[0]?.mine, true);
    chatStore.onMessageChanged(changed(4, 9, { changes: { reactions: many(11) }, actors: actors(ME, false) }));
    assert.equal(reactionsOf(chatStore, 4)?.[0]?.mine, undefined);
    chatStore.onMessageChanged(changed(4, 10, { changes: { reactions: null }, actors: [] }));
    assert.equal(reactionsOf(chatStore, 4), undefined);
    assert.equal(chatStore.isBehind, false);
  });

  test("an edit keeps them", () => {
    const reactions = [{ emoji: "👍", count: 11, userIds: TEN, mine: true }];
    const chatStore = storeOf(five({ reactions }, 4), true);
    const { status: _, ...message } = messageOf(4, { rev: 6, content: "Edited", isEdited: true });
    const event = { ...message, reactions: [{ emoji: "👍", count: 11, userIds: TEN }] };
    chatStore.onMessageEvent(event as MessageEvent, { isNew: false });
    assert.deepEqual(reactionsOf(chatStore, 4), reactions);
    assert.equal(chatStore.isBehind, false);
  });

  test("after an interruption, the server is asked for the user's own ones where they can't be known", () => {
    let asked = 0;
    const chatStore = storeOf(five({}, 1), true, { onGap: () => (asked += 1) });
    const { status: _, ...message } = messageOf(4, { rev: 6, reactions: [{ emoji: "👍", count: 11, userIds: TEN }] });
    chatStore.onMessageEvent(message as MessageEvent, { isNew: false });
    assert.deepEqual([chatStore.isBehind, asked, chatStore.revOf(CHAT)], [true, 1, 5]);
    const mine = [{ emoji: "👍", count: 11, userIds: TEN, mine: true }];
    const chat = { ...chatStore.chat(CHAT), lastRev: 6 } as never;
    const rest = { more: [], gone: [], unread: {}, reset: [], nextCursor: null };
    const messages = { [CHAT]: [messageOf(4, { rev: 6, reactions: mine })] };
    chatStore.applySync({ chats: [chat], messages, ...rest }, new Map());
    assert.deepEqual([chatStore.isBehind, reactionsOf(chatStore, 4)], [false, mine]);
  });

  test("a change that overtook an edit hides it from no one", () => {
    const chatStore = storeOf(five({}, 1), true);
    const reactions = [{ emoji: "👍", count: 1, userIds: [OTHER] }];
    chatStore.onMessageChanged(changed(4, 7, { changes: { reactions }, actors: [] }));
    assert.deepEqual(reactionsOf(chatStore, 4), reactions);
    const { status: _, ...edited } = messageOf(4, { rev: 6, content: "Edited", isEdited: true });
    chatStore.onMessageEvent(edited as MessageEvent, { isNew: false });
    assert.equal(chatStore.find("id 4")?.content, "Edited");
    chatStore.onMessageChanged(changed(4, 7, { changes: { reactions }, actors: [] }));
    assert.deepEqual(reactionsOf(chatStore, 4), reactions);
    assert.equal(chatStore.isBehind, false);
  });

  test("one that is given or taken back shows as the server will have it", () => {
    const given = { emoji: "👍", on: true, unique: false };
    const one = withReaction([], given, ME);
    assert.deepEqual(one, [{ emoji: "👍", count: 1, userIds: [ME], mine: true }]);
    assert.deepEqual(withReaction(one, given, ME), one);
    assert.deepEqual(withReaction(one, { ...given, on: false }, ME), []);
    const replaced = withReaction(one, { emoji: "❤️", on: true, unique: true }, ME);
    assert.deepEqual(replaced, [{ emoji: "❤️", count: 1, userIds: [ME], mine: true }]);
    const [listed] = withReaction([{ emoji: "👍", count: 10, userIds: TEN }], given, ME);
    assert.deepEqual(listed, { emoji: "👍", count: 11, userIds: TEN, mine: true });
    assert.deepEqual(withReaction([{ emoji: "👍", count: 3, userIds: TEN }], { ...given, on: false }, ME)[0]?.count, 3);
  });
});

describe("counts", () => {
  for (const isLoaded of [true, false]) {
    test(`of pins follow pins and deletions of messages that are ${isLoaded ? "" : "not "}loaded`, () => {
      const stale: string[] = [];
      const chatStore = storeOf(five({ pinnedAt: "1" }, 2), isLoaded, {
        onCountsStale: (chatId) => stale.push(chatId),
      });
      const pinCount = (): number | undefined => chatStore.chat(CHAT)?.pinCount;
      const pin = changed(3, 6, { changes: { pinnedAt: "2", pinnedBy: OTHER } });
      chatStore.onMessageChanged(pin);
      chatStore.onMessageChanged(pin);
      assert.equal(pinCount(), 2);
      chatStore.onMessageChanged(changed(3, 7, { changes: { pinnedAt: null, pinnedBy: null } }));
      assert.equal(pinCount(), 1);
      chatStore.onMessageDeleted({ chatId: CHAT, messageId: "id 2", rev: 8 });
      // Only the server knows whether one that is not here was pinned.
      assert.deepEqual([pinCount(), stale], isLoaded ? [0, []] : [1, [CHAT]]);
    });
  }

  test("a pin that a response has counted is not counted again", () => {
    const chatStore = storeOf(five({}, 1), true);
    chatStore.putPinned(messageOf(4, { rev: 6, pinnedAt: "2", pinnedBy: ME }));
    chatStore.onMessageChanged(changed(4, 6, { changes: { pinnedAt: "2", pinnedBy: ME } }));
    assert.equal(chatStore.chat(CHAT)?.pinCount, 2);
  });

  test("mentions that were read here are not counted again by an older response", () => {
    const chatStore = storeOf(five({ mentions: { all: true } }, 4), true);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, 1);
    const before = chatStore.chat(CHAT);
    chatStore.markRead(CHAT);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, 0);
    chatStore.put(before as never);
    assert.equal(chatStore.chat(CHAT)?.mentionCount, 0);
  });

  test("without them in a server's responses there are none", () => {
    const chatStore = emptyStore();
    const rest = { type: "GROUP", updatedAt: "1", memberCount: 3, unreadCount: 0, peer: null, lastMessage: null };
    chatStore.put({ id: CHAT, lastSeq: 0, lastRev: 1, ...rest } as never);
    assert.deepEqual([chatStore.chat(CHAT)?.mentionCount, chatStore.chat(CHAT)?.pinCount], [0, 0]);
  });
});

test("a quote has the beginning of a long text, by characters", () => {
  const { content, isDeleted } = quoteOf(messageOf(1, { content: "👍".repeat(301) }));
  assert.deepEqual([content, isDeleted], [`${"👍".repeat(300)}…`, undefined]);
  assert.equal("content" in quoteOf(messageOf(1, { content: "" })), false);
});
