// A server that takes 20 socket events in 3 seconds: the client waits as long as the server asks.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";

import type { Chat, Message } from "../src/index.js";
import { anotherWindow, items, Line, user, talk, texts, truth, until } from "./support.js";

describe("limits", { concurrency: 4 }, () => {
  test("more than the server takes arrives in order, later", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
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

  test("reactions that the server takes later hold up no message", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await bob.client.send(chat.id, "Lunch?").sent;
    const done: string[] = [];
    const reactions = ["👍", "❤️", "😂", "🎉"].map((emoji) =>
      alice.client.react(id, emoji).then(() => void done.push("reaction")),
    );
    await Promise.all(reactions.slice(0, 3));
    await alice.client.send(chat.id, "Yes").sent.then(() => done.push("message"));
    await Promise.all(reactions);
    assert.deepEqual(done.slice(-2), ["message", "reaction"]);
  });
});

test("an upload beyond those that the server takes at the same time waits for them", async (t) => {
  const line = await Line.open(t);
  const [alice, bob, carol] = await Promise.all([
    user(t, "alice", { url: line.url }),
    user(t, "bob"),
    user(t, "carol"),
  ]);
  const chats = await Promise.all([bob, carol].map(({ me }) => alice.client.createDirectChat(me.id)));
  const window = await anotherWindow(t, alice);
  const begun = new Promise<void>((resolve) => {
    let count = 0;
    line.slow = (sent) => {
      if (!sent.includes(HERE)) return false;
      count += 1;
      if (count === chats.length) resolve();
      return true;
    };
  });
  const long = chats.map(({ id }) =>
    alice.client.send(id, "", { file: { data: pdf("x".repeat(300_000), HERE, "x".repeat(100_000)), name: "a.pdf" } }),
  );
  await begun;
  const refused = firstErrorStatus(t);
  const [chat] = chats as [Chat, Chat];
  const short: Promise<Message>[] = [];
  for (let status: number | null = null; status === null; ) {
    // The server may not have seen both of the others yet.
    const { sent } = window.client.send(chat.id, "", { file: { data: pdf("x"), name: "b.pdf" } });
    short.push(sent);
    status = await Promise.race([refused, sent.then(() => null)]);
    if (status !== null) assert.equal(status, 429);
  }
  assert.equal(items(window.client, chat.id, "failed").length, 0);
  line.resume();
  await Promise.all([...long.map(({ sent }) => sent), ...short]);
});

/** Where an upload stops: the server has seen a part of the file by then. */
const HERE = "=here=";
const pdf = (...parts: string[]): Blob => new Blob(["%PDF-1.4\n", ...parts]);

/** The status of the first upload that gets an error. Those that stop may time out or outlive their token: they are sent
 * again. */
function firstErrorStatus(t: TestContext): Promise<number> {
  const { fetch } = globalThis;
  t.after(() => {
    globalThis.fetch = fetch;
  });
  return new Promise((resolve) => {
    globalThis.fetch = async (...given) => {
      const response = await fetch(...given);
      const isUpload = String(given[0]).endsWith("/messages/upload");
      if (isUpload && !response.ok && ![401, 408].includes(response.status)) resolve(response.status);
      return response;
    };
  });
}
