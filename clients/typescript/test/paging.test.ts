// `sync` in as many calls as it takes: pages, chats of which not all fitted, more chats than one call may name.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { CatchUp } from "../src/catchup.js";
import type { LiveConnection } from "../src/connection.js";
import type { Chat, Sync, SyncResponse } from "../src/generated/schemas.js";
import type { Http } from "../src/http.js";
import { emptyStore, ownState } from "./empty-store.js";

const NOTHING: SyncResponse = { chats: [], messages: {}, more: [], gone: [], unread: {}, reset: [], nextCursor: null };

/** A client that has so many chats, and what it asks of a server with these responses, the last one again and again. */
function clientOf(t: TestContext, count: number, ...responses: Partial<SyncResponse>[]) {
  return clientOfServer(t, { count, hasOwnState: false }, ...responses);
}

function clientOfServer(
  t: TestContext,
  { count, hasOwnState }: { count: number; hasOwnState: boolean },
  ...responses: Partial<SyncResponse>[]
) {
  const chatStore = emptyStore();
  const asked: Sync[] = [];
  const listed: string[] = [];
  const connection = {
    connection: { state: "online" },
    isConnected: true,
    emit: async (_: string, payload: Sync) => {
      asked.push(payload);
      return { ...NOTHING, ...(responses.length > 1 ? responses.shift() : responses[0]) };
    },
  } as unknown as LiveConnection;
  const chats = Array.from({ length: count }, (_, at) => chatOf(`chat ${at}`, 1));
  const http = {
    call: async (operation: string) => {
      listed.push(operation);
      return { data: chats, meta: { nextCursor: null } };
    },
  } as unknown as Http;
  const own = ownState(chatStore, { isOffered: async () => hasOwnState });
  const over = new AbortController();
  t.after(() => over.abort());
  return { chatStore, own, asked, listed, catchUp: new CatchUp(chatStore, own, connection, http, over.signal) };
}

function chatOf(id: string, lastRev: number): Chat {
  const rest = { type: "DIRECT", updatedAt: id, memberCount: 2, unreadCount: 0, peer: null, lastMessage: null };
  return { id, lastSeq: 0, lastRev, ...rest } as unknown as Chat;
}

test("each page is asked for with the same chats, and the chats of all of them are taken in", async (t) => {
  const pages = [
    { chats: [chatOf("new 1", 1)], nextCursor: "one" },
    { chats: [chatOf("new 2", 1)], nextCursor: "two" },
    {},
  ];
  const { chatStore, asked, catchUp } = clientOf(t, 2, ...pages);
  await catchUp.all();
  const chats = { "chat 0": 1, "chat 1": 1 };
  assert.deepEqual(asked, [{ chats }, { chats, cursor: "one" }, { chats, cursor: "two" }]);
  assert.ok(chatStore.chat("new 1") && chatStore.chat("new 2"));
});

test("of a chat of which not all messages fitted, the rest is asked for alone", async (t) => {
  const message = { id: "m", chatId: "chat 0", seq: 1, rev: 2, senderId: "other", createdAt: "1", status: "READ" };
  const first = { chats: [chatOf("chat 0", 4)], messages: { "chat 0": [message as never] }, more: ["chat 0"] };
  const { chatStore, asked, catchUp } = clientOf(t, 2, {}, first, { chats: [chatOf("chat 0", 4)] }, {});
  await catchUp.all();
  chatStore.timeline("chat 0")?.addPage([], null, null);
  await catchUp.all();
  assert.deepEqual(asked.slice(1), [{ chats: { "chat 0": 1, "chat 1": 1 } }, { chats: { "chat 0": 2 }, only: true }]);
  assert.equal(chatStore.revOf("chat 0"), 4);
});

test("more chats than a call may name are asked for in portions, and new ones are listed", async (t) => {
  const { asked, listed, catchUp } = clientOf(t, 2300, {});
  await catchUp.all();
  assert.deepEqual(
    asked.map(({ chats, only }) => [Object.keys(chats).length, only]),
    [
      [1000, true],
      [1000, true],
      [300, true],
    ],
  );
  assert.equal(new Set(asked.flatMap(({ chats }) => Object.keys(chats))).size, 2300);
  assert.equal(listed.length, 2);
});

test("what is missed while a sync is under way is asked for by another one", async (t) => {
  const { asked, catchUp } = clientOf(t, 1, {});
  const began = catchUp.all();
  const deadline = Date.now() + 5000;
  while (!asked.length) await new Promise(setImmediate);
  catchUp.missed();
  await began;
  while (asked.length < 2 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(asked.length, 2);
});

test("own state is asked for on the first page, and goes on where it did not fit", async (t) => {
  const [chat, other] = ["chat 0", "chat 1"];
  const responses: Partial<SyncResponse>[] = [
    { me: { rev: 3, more: true, chats: [{ chatId: chat, meRev: 3, pinnedAt: "1" }] }, nextCursor: "one" },
    { me: { rev: 5, blocked: ["other"], mentions: {} } },
    {},
    { me: { rev: 7, reset: [chat] } },
  ];
  const { chatStore, own, asked, catchUp } = clientOfServer(t, { count: 2, hasOwnState: true }, ...responses);
  // It arrives while the response is under way.
  own.on(6, () => chatStore.putState({ chatId: other, meRev: 6, pinnedAt: "6" }));
  await catchUp.all();
  const chats = { [chat]: 1, [other]: 1 };
  assert.deepEqual(asked, [
    { chats, me: 0 },
    { chats: {}, only: true, me: 3 },
    { chats, cursor: "one" },
  ]);
  assert.deepEqual(
    chatStore.chats.map(({ isPinned }) => isPinned),
    [true, true],
  );
  assert.deepEqual([...own.blocked], ["other"]);
  own.disconnected();
  await catchUp.all();
  assert.deepEqual(asked.at(-1), { chats, me: 6 });
  assert.equal(chatStore.chat(chat)?.isPinned, false);
});
