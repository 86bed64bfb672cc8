// A server with workers and a queue between them, which are killed one after the other while people talk.
import assert from "node:assert/strict";
import { test } from "node:test";

import { control, online, pass, person, stored, talk, texts, truth, until } from "./support.js";

test("a conversation goes on through kills of workers and of the whole server", async (t) => {
  const people = await Promise.all(["alice", "bob", "carol"].map((name) => person(t, name)));
  const [alice, bob, carol] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]];
  const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id, carol.me.id] });
  for (const { client } of people) {
    await until(client, () => client.chat(group.id));
    await client.openChat(group.id);
  }
  let killing = true;
  const talking = people.map(async ({ client, me }) => {
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
  for (const [number, { me }] of people.entries()) {
    assert.deepEqual(
      expected.filter(({ senderId }) => senderId === me.id).map(({ content }) => content),
      said[number],
    );
  }
  for (const { client } of people) {
    await until(client, () => stored(client, group.id).length === expected.length);
    assert.deepEqual(
      stored(client, group.id).map(({ id }) => id),
      expected.map(({ id }) => id),
    );
    const others = people.filter((other) => other.client !== client);
    await until(client, () => others.every((other) => client.presence(other.me.id)?.isOnline), 40);
  }
});

test("events that were lost without Redis are noticed with the next event", async (t) => {
  const [alice, bob] = await Promise.all([person(t, "alice"), person(t, "bob")]);
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
