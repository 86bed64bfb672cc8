// A server with workers and a queue between them, which are killed one after the other while users talk.
import assert from "node:assert/strict";
import { test } from "node:test";

import { control, online, pass, user, stored, talk, texts, truth, until } from "./support.js";

test("a conversation goes on through kills of workers and of the whole server", async (t) => {
  const users = await Promise.all(["alice", "bob", "carol"].map((name) => user(t, name)));
  const [alice, bob, carol] = users as [(typeof users)[0], (typeof users)[0], (typeof users)[0]];
  const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id, carol.me.id] });
  for (const { client } of users) {
    await until(client, () => client.chat(group.id));
    await client.openChat(group.id);
  }
  let killing = true;
  const talking = users.map(async ({ client, me }) => {
    const said: string[] = [];
    while (killing || said.length < 40) {
      const content = `${me.username} ${said.length}`;
      await client.send(group.id, content).sent;
      said.push(content);
    }
    return said;
  });
  for (const deed of ["kill-worker", "kill-worker", "kill-server"]) await control(deed);
  killing = false;
  const said = await Promise.all(talking);

  const expected = await truth(t, alice, group.id);
  for (const [number, { me }] of users.entries()) {
    assert.deepEqual(
      expected.filter(({ senderId }) => senderId === me.id).map(({ content }) => content),
      said[number],
    );
  }
  for (const { client } of users) {
    await until(client, () => stored(client, group.id).length === expected.length);
    assert.deepEqual(
      stored(client, group.id).map(({ id }) => id),
      expected.map(({ id }) => id),
    );
    const others = users.filter((other) => other.client !== client);
    await until(client, () => others.every((other) => client.presence(other.me.id)?.isOnline), 40);
  }
});

test("events that were lost without Redis are noticed with the next event", async (t) => {
  const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
  const chat = await talk(alice, bob);
  const first = await alice.client.send(chat.id, "one").sent;
  await until(bob.client, () => texts(bob.client, chat.id).length === 1);
  await control("kill-queue");
  await alice.client.send(chat.id, "two").sent;
  await alice.client.edit(first.id, "One");
  assert.deepEqual(texts(bob.client, chat.id), ["one"]);
  await control("start-queue");
  await Promise.all([alice, bob].map(({ client }) => online(client)));
  // A change alone shows the gap, too: one that is sent, which the first after such a time may not be.
  const gap = until(bob.client, () => texts(bob.client, chat.id).length === 2, 20).then(() => true);
  const changing = async (): Promise<false> => {
    await alice.client.edit(first.id, "One!");
    return pass(500).then(() => false);
  };
  while (!(await Promise.race([gap, changing()])));
  assert.deepEqual(texts(bob.client, chat.id), ["One!", "two"]);
});
