// Jumping to an old message: the chat shows the messages around it, until the user returns to the newest ones.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { type ChatClient, type Message, NotFoundError } from "../src/index.js";
import { emptyStore } from "./empty-store.js";
import { anotherWindow, items, Line, online, stored, talk, type TestUser, texts, until, user } from "./support.js";

const COUNT = 160;

/** A new client of a user in a chat with many messages of the other one, with the chat open. */
async function reader(
  t: Parameters<typeof user>[0],
  url?: string,
): Promise<{ alice: TestUser; client: ChatClient; chatId: string }> {
  const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
  const { id: chatId } = await talk(alice, bob);
  await Promise.all(Array.from({ length: COUNT }, (_, number) => alice.client.send(chatId, `${number + 1}`).sent));
  const { client } = await anotherWindow(t, bob, url ? { url } : {});
  await client.openChat(chatId);
  return { alice, client, chatId };
}

function range(watched: ChatClient, chatId: string): [number | undefined, number | undefined] {
  const seqs = stored(watched, chatId).map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => (seqs[0] ?? 0) + index),
    "there are no gaps",
  );
  return [seqs[0], seqs.at(-1)];
}

describe("windows", { concurrency: 3 }, () => {
  test("a jump shows the messages around one, which goes on in both directions up to the newest", async (t) => {
    const { alice, client, chatId } = await reader(t);
    const found = await client.loadAround(chatId, 60);
    assert.equal(found?.seq, 60);
    let [first = 0, newest = 0] = range(client, chatId);
    assert.ok(first < 60 && 60 < newest && newest < COUNT);
    const { hasOlder, hasNewer } = client.history(chatId);
    assert.deepEqual([hasOlder, hasNewer], [true, true]);

    // A new message is not a part of it.
    await alice.client.send(chatId, "New").sent;
    await until(client, () => client.chat(chatId)?.lastMessage?.content === "New");
    client.send(chatId, "Mine");
    assert.deepEqual(range(client, chatId), [first, newest]);
    assert.equal(items(client, chatId, "pending").length, 0);

    await client.loadOlder(chatId);
    assert.ok((range(client, chatId)[0] ?? 0) < first);
    for ([first, newest] = range(client, chatId) as [number, number]; await client.loadNewer(chatId); ) {
      assert.ok((range(client, chatId)[1] ?? 0) > newest);
    }
    await until(client, () => texts(client, chatId).at(-1) === "Mine");
    assert.deepEqual(range(client, chatId), [first, COUNT + 2]);
    assert.equal(client.history(chatId).hasNewer, false);
    // From here on it is the live end.
    await alice.client.send(chatId, "Newer").sent;
    await until(client, () => texts(client, chatId).at(-1) === "Newer");
    while (await client.loadOlder(chatId));
    assert.deepEqual(range(client, chatId), [1, COUNT + 3]);
  });

  test("one returns from a window to the newest messages", async (t) => {
    const { alice, client, chatId } = await reader(t);
    const before = range(client, chatId);
    await client.loadAround(chatId, 60);
    await alice.client.send(chatId, "New").sent;
    await client.loadNewest(chatId);
    await until(client, () => texts(client, chatId).at(-1) === "New");
    assert.equal(client.history(chatId).hasNewer, false);
    assert.equal(range(client, chatId)[0], before[0]);
    // Closing the chat does so too.
    await client.loadAround(chatId, 60);
    client.closeChat(chatId);
    assert.equal(client.history(chatId).hasNewer, false);
  });

  test("a message that is loaded is found without a request", async (t) => {
    const { client, chatId } = await reader(t);
    const [first] = stored(client, chatId);
    assert.equal((await client.loadAround(chatId, first?.id ?? ""))?.id, first?.id);
    assert.equal(client.history(chatId).hasNewer, false);
    await client.loadAround(chatId, 60);
    assert.equal((await client.loadAround(chatId, 61))?.seq, 61);
    assert.equal(client.history(chatId).hasNewer, true);
    // One of the newest messages ends the window.
    assert.equal((await client.loadAround(chatId, COUNT))?.seq, COUNT);
    assert.equal(client.history(chatId).hasNewer, false);
    await assert.rejects(client.loadAround(chatId, crypto.randomUUID()), NotFoundError);
  });

  test("messages in a window change with theirs, through an interruption too", async (t) => {
    const line = await Line.open(t);
    const { alice, client, chatId } = await reader(t, line.url);
    const at = (seq: number): Message | undefined => stored(client, chatId).find((message) => message.seq === seq);
    await client.loadAround(chatId, 60);
    const [edited, deleted] = [at(60), at(61)];
    assert.ok(edited && deleted);
    await alice.client.edit(edited.id, "Edited");
    await until(client, () => at(60)?.content === "Edited");
    line.broken = true;
    line.cut();
    await until(client, () => client.connection.state === "offline");
    await alice.client.delete(deleted.id);
    line.broken = false;
    client.reconnect();
    await online(client);
    await until(client, () => at(61)?.isDeleted);
    assert.equal(client.history(chatId).hasNewer, true);
  });

  test("of two jumps at the same time, the later one counts", async (t) => {
    const { client, chatId } = await reader(t);
    const jumps = await Promise.all([client.loadAround(chatId, 30), client.loadAround(chatId, 70)]);
    assert.deepEqual(
      jumps.map((message) => message?.seq),
      [undefined, 70],
    );
    assert.ok((range(client, chatId)[0] ?? 0) > 30);
  });

  test("a message to be read is the last one of the window", () => {
    const chatStore = emptyStore();
    const rest = { type: "GROUP", updatedAt: "1", memberCount: 2, peer: null, lastMessage: null };
    chatStore.put({ id: "chat", lastSeq: 90, lastRev: 90, unreadCount: 90, ...rest } as never);
    const page = (first: number, last: number): Message[] =>
      Array.from({ length: last - first + 1 }, (_, at) => {
        const message = { id: `id ${last - at}`, chatId: "chat", seq: last - at, rev: last - at, senderId: "other" };
        return { ...message, createdAt: "1", status: "DELIVERED" } as Message;
      });
    chatStore.timeline("chat")?.addPage(page(71, 90), "before 71", null);
    chatStore.showWindow("chat", page(11, 30), { nextCursor: "before 11", prevCursor: "after 30" });
    assert.equal(chatStore.markRead("chat")?.seq, 30);
    assert.equal(chatStore.chat("chat")?.unreadCount, 60);
  });
});
