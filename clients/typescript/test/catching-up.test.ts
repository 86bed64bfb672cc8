// A client that was offline has everything once it is back: messages, edits, deletions, receipts, members, presence.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { memorySession } from "../src/index.js";
import { client, Line, online, user, type TestUser, stored, talk, texts, truth, until } from "./support.js";

/** Pass an event to a client as if the server had sent it. */
function receive(who: TestUser, event: string, payload: unknown): void {
  const { socket } = (
    who.client as unknown as { userSession: { live: { socket: { onevent(packet: unknown): void } } } }
  ).userSession.live;
  socket.onevent({ data: [event, payload] });
}

describe("catching up", { concurrency: 4 }, () => {
  test("messages, edits and deletions are there, though they fill several responses of sync", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob", { url: line.url })]);
    const chat = await talk(alice, bob);
    const early = await Promise.all(["one", "two", "three"].map((content) => alice.client.send(chat.id, content).sent));
    await until(bob.client, () => texts(bob.client, chat.id).length === 3);

    line.broken = true;
    line.cut();
    await until(bob.client, () => bob.client.connection.state === "offline");
    const more = Array.from({ length: 240 }, (_, number) => alice.client.send(chat.id, `Number ${number}`).sent);
    await alice.client.edit(early[0]?.id ?? "", "One");
    await alice.client.delete(early[1]?.id ?? "");
    const last = (await Promise.all(more)).at(-1);
    await alice.client.edit(last?.id ?? "", "The last");

    line.broken = false;
    bob.client.reconnect();
    await online(bob.client);
    const expected = await truth(t, alice, chat.id);
    assert.equal(expected.length, 243);
    assert.deepEqual(
      stored(bob.client, chat.id).map(({ id, content, rev }) => ({ id, content, rev })),
      expected.map(({ id, content, rev }) => ({ id, content, rev })),
    );
    assert.deepEqual(texts(bob.client, chat.id).slice(0, 3), ["One", null, "three"]);
    assert.equal(bob.client.chat(chat.id)?.unreadCount, 243);
    assert.equal(bob.client.chat(chat.id)?.lastMessage?.content, "The last");
  });

  test("new chats, lost chats, receipts, names and members are there", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const carol = await user(t, "carol");
    const direct = await talk(alice, bob);
    const lost = await bob.client.createGroup({ name: "Lost", memberIds: [alice.me.id] });
    const kept = await bob.client.createGroup({ name: "Kept", memberIds: [alice.me.id] });
    await until(alice.client, () => alice.client.chats.length === 3);
    await alice.client.openChat(kept.id);
    await alice.client.send(direct.id, "Read me").sent;
    await alice.client.send(kept.id, "Read me too").sent;
    for (const { id } of [direct, kept]) await until(bob.client, () => bob.client.chat(id)?.lastSeq === 1);

    line.broken = true;
    line.cut();
    await until(alice.client, () => alice.client.connection.state === "offline");
    assert.equal(alice.client.presence(bob.me.id), undefined);
    for (const { id } of [direct, kept]) bob.client.markRead(id);
    await bob.client.deleteGroup(lost.id);
    await bob.client.updateGroup(kept.id, { name: "Kept well" });
    await bob.client.addMember(kept.id, carol.me.id);
    const fresh = await bob.client.createGroup({ name: "New", memberIds: [alice.me.id] });
    await bob.client.send(fresh.id, "Welcome").sent;
    line.broken = false;
    alice.client.reconnect();
    await online(alice.client);

    assert.deepEqual(new Set(alice.client.chats.map(({ name }) => name)), new Set([null, "Kept well", "New"]));
    assert.equal(alice.client.chat(fresh.id)?.unreadCount, 1);
    assert.equal(alice.client.presence(bob.me.id)?.isOnline, true);
    const status = (chatId: string) => stored(alice.client, chatId)[0]?.status;
    await until(alice.client, () => status(direct.id) === "READ");
    await until(alice.client, () => alice.client.members(kept.id).length === 3);
    await until(alice.client, () => status(kept.id) !== "SENT");
  });

  test("the event resync brings what was lost without a trace", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    line.dropsResponses = true;
    await bob.client.send(chat.id, "Lost on the way").sent;
    // It was written to her connection.
    await until(bob.client, () => stored(bob.client, chat.id)[0]?.status === "DELIVERED");
    line.dropsResponses = false;
    assert.deepEqual(texts(alice.client, chat.id), []);
    receive(alice, "resync", { chatIds: [chat.id], all: false });
    await until(alice.client, () => texts(alice.client, chat.id)[0] === "Lost on the way", 10);
  });

  test("a user who joins a chat with a long history starts at its end", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const group = await alice.client.createGroup({ name: "Old" });
    await Promise.all(Array.from({ length: 130 }, (_, number) => alice.client.send(group.id, `${number}`).sent));
    await alice.client.addMember(group.id, bob.me.id);
    await until(bob.client, () => bob.client.chat(group.id));
    assert.equal(bob.client.chat(group.id)?.unreadCount, 0);
    await bob.client.openChat(group.id);
    assert.equal(texts(bob.client, group.id).length, 50);
    assert.equal(texts(bob.client, group.id).at(-1), "129");
  });

  test("without a network, a session goes on and says that it is offline", async (t) => {
    const line = await Line.open(t);
    const kept = memorySession();
    const alice = await user(t, "alice", { session: kept });
    alice.client.close();
    line.broken = true;
    const page = client(t, { url: line.url, session: kept });
    assert.equal((await page.restore())?.id, alice.me.id);
    const { retryAt, error } = await until(
      page,
      () => page.connection.state === "offline" && page.connection.retryAt !== null && page.connection,
    );
    assert.ok(error && retryAt);
    line.broken = false;
    page.reconnect();
    await online(page);
  });
});
