// A server that takes 20 socket events in 3 seconds: the client waits as long as it is told.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { items, person, talk, texts, truth, until } from "./support.js";

describe("limits", { concurrency: 4 }, () => {
  test("more than the server takes arrives in order, later", async (t) => {
    const [alice, bob] = await Promise.all([person(t, "alice"), person(t, "bob")]);
    const chat = await talk(alice, bob);
    const contents = Array.from({ length: 45 }, (_, number) => `Number ${number + 1}`);
    const began = Date.now();
    const sending = contents.map((content) => alice.client.send(chat.id, content).sent);
    for (let keys = 0; keys < 100; keys += 1) alice.client.typing(chat.id);
    await Promise.all(sending);
    assert.ok(Date.now() - began > 3000, "the limit was there");
    assert.equal(items(alice.client, chat.id, "failed").length, 0);
    assert.deepEqual(
      (await truth(t, bob, chat.id)).map(({ content }) => content),
      contents,
    );
    await until(bob.client, () => texts(bob.client, chat.id).length === contents.length);
    bob.client.markRead(chat.id);
    await until(alice.client, () => alice.client.chat(chat.id)?.lastMessage?.status === "READ");
    assert.equal(alice.client.connection.state, "online");
  });
});
