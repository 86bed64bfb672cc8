// Pins, versions and forwarding.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { type Chat, ConflictError, ForbiddenError, NetworkError, NotFoundError } from "../src/index.js";
import { Line, online, stored, talk, type TestUser, until, user } from "./support.js";

async function offline(line: Line, { client }: TestUser): Promise<void> {
  line.broken = true;
  line.cut();
  await until(client, () => client.connection.state === "offline");
}

describe("pins", { concurrency: 4 }, () => {
  test("are shown and counted for all members, while away too", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob", { url: line.url })]);
    const chat = await talk(alice, bob);
    const [one, two] = [await alice.client.send(chat.id, "One").sent, await alice.client.send(chat.id, "Two").sent];
    const counted = (who: TestUser, count: number) =>
      until(who.client, () => who.client.chat(chat.id)?.pinCount === count);
    const pinned = await alice.client.pin(one.id);
    assert.equal(pinned.pinnedBy, alice.me.id);
    assert.equal(alice.client.chat(chat.id)?.pinCount, 1);
    await counted(bob, 1);
    assert.equal(stored(bob.client, chat.id)[0]?.pinnedAt, pinned.pinnedAt);
    await offline(line, bob);
    await alice.client.pin(two.id);
    await alice.client.pin(two.id);
    line.broken = false;
    bob.client.reconnect();
    await online(bob.client);
    await counted(bob, 2);
    const { items } = await bob.client.pins(chat.id);
    assert.deepEqual(
      items.map(({ content }) => content),
      ["Two", "One"],
    );
    await bob.client.unpin(one.id);
    await Promise.all([alice, bob].map((who) => counted(who, 1)));
    assert.equal(stored(alice.client, chat.id)[0]?.pinnedAt, undefined);
    // A deletion unpins.
    await alice.client.delete(two.id);
    await Promise.all([alice, bob].map((who) => counted(who, 0)));
    await assert.rejects(alice.client.pin(two.id), ConflictError);
  });

  test("of messages that are not loaded are counted too, and in a group only an ADMIN pins", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
    const first = await alice.client.send(chat.id, "One").sent;
    await alice.client.send(chat.id, "Two").sent;
    const counted = (count: number) => until(bob.client, () => bob.client.chat(chat.id)?.pinCount === count);
    await alice.client.pin(first.id);
    await counted(1);
    await assert.rejects(bob.client.unpin(first.id), ForbiddenError);
    await alice.client.delete(first.id);
    await counted(0);
  });
});

test("the earlier texts of a message are listed", async (t) => {
  const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
  const chat = await talk(alice, bob);
  const { id } = await alice.client.send(chat.id, "Helo").sent;
  const edited = await alice.client.edit(id, "Hello");
  assert.equal(edited.editCount, 1);
  const { items } = await bob.client.versions(id);
  assert.deepEqual(
    items.map(({ content, isCurrent = false }) => [content, isCurrent]),
    [
      ["Helo", false],
      ["Hello", true],
    ],
  );
});

test("messages are forwarded once, though the response is lost", async (t) => {
  const line = await Line.open(t);
  const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
  const chat = await talk(alice, bob);
  const sent = [await bob.client.send(chat.id, "One").sent, await bob.client.send(chat.id, "Two").sent];
  const groups: Chat[] = [];
  for (const name of ["A", "B"]) {
    groups.push(await alice.client.createGroup({ name, memberIds: [bob.me.id] }));
  }
  const [one, other] = groups as [Chat, Chat];
  await alice.client.openChat(one.id);
  const [messageIds, chatIds] = [sent.map(({ id }) => id), [one.id, other.id]];
  const arrived = until(bob.client, () => bob.client.chat(other.id)?.lastMessage?.content === "Two");
  line.dropsResponses = true;
  const lost = alice.client.forward(messageIds, chatIds);
  await arrived;
  line.broken = true;
  line.cut();
  // It is repeated a few times by itself.
  await assert.rejects(lost, NetworkError);
  [line.broken, line.dropsResponses] = [false, false];
  alice.client.reconnect();
  const copies = await alice.client.forward(messageIds, chatIds);
  assert.deepEqual(
    copies.map(({ chatId, content, forwardedFrom }) => [chatId, content, forwardedFrom?.sender?.username]),
    [one, one, other, other].map(({ id }, at) => [id, at % 2 ? "Two" : "One", bob.me.username]),
  );
  assert.equal(bob.client.chat(other.id)?.lastSeq, 2);
  await until(alice.client, () => stored(alice.client, one.id).length === 2);
  await assert.rejects(alice.client.forward([crypto.randomUUID()], [one.id]), NotFoundError);
});
