// The queue: whatever happens to the line, each message arrives once, and in order.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { DiscardedError, memoryQueue, memorySession, NotFoundError, ValidationError } from "../src/index.js";
import { anotherWindow, client, items, Line, online, pass, user, talk, texts, truth, until } from "./support.js";

describe("sending", { concurrency: 4 }, () => {
  for (const transports of [["websocket"], ["polling"]] as const) {
    test(`through a line that is cut again and again, over ${transports}`, async (t) => {
      const line = await Line.open(t);
      const [alice, bob] = await Promise.all([
        user(t, "alice", { url: line.url, transports: [...transports] }),
        user(t, "bob"),
      ]);
      const direct = await talk(alice, bob);
      const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
      await Promise.all([alice, bob].map(({ client }) => client.openChat(group.id)));

      const contents = Array.from({ length: 60 }, (_, number) => `Number ${number + 1}`);
      let done = false;
      const cutting = (async () => {
        for (let cuts = 0; !done; cuts += 1) {
          // Now the message is lost, now its ack: then the server has it and the client does not know.
          line.dropsResponses = cuts % 2 === 1;
          if (line.dropsResponses) await pass(40);
          line.cut();
          line.dropsResponses = false;
          line.broken = cuts % 4 === 3;
          await pass(60);
          line.broken = false;
          alice.client.reconnect();
          await pass(250);
        }
      })();
      const all = contents.flatMap((content) => [direct, group].map(({ id }) => alice.client.send(id, content).sent));
      await Promise.all(all);
      done = true;
      await cutting;

      for (const { id } of [direct, group]) {
        assert.deepEqual(
          (await truth(t, bob, id)).map(({ content }) => content),
          contents,
        );
        await until(bob.client, () => texts(bob.client, id).length === contents.length);
        assert.deepEqual(texts(bob.client, id), contents);
        await until(alice.client, () => texts(alice.client, id).length === contents.length);
        assert.deepEqual(texts(alice.client, id), contents);
        assert.equal(alice.client.messages(id).length, contents.length, "nothing is left in the queue");
      }
    });
  }

  test("a message that the server has after all is no longer queued once its page is here", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await alice.client.createDirectChat(bob.me.id);
    const { createdAt, clientId } = await alice.client.send(chat.id, "Once").sent;
    const queue = memoryQueue();
    const queued = { clientId: clientId ?? "", chatId: chat.id, content: "Once", file: null, createdAt };
    const problem = { type: "about:blank", title: "Too Many", status: 429, detail: "Later.", code: "rate_limited" };
    queue.put(alice.me.id, { kind: "message", id: queued.clientId, owner: "gone", queued, after: 0, problem });
    const later = await anotherWindow(t, alice, { queue });
    await until(later.client, () => items(later.client, chat.id, "failed").length === 1);
    await later.client.openChat(chat.id);
    assert.deepEqual(
      later.client.messages(chat.id).map(({ state }) => state),
      ["sent"],
    );
  });

  test("an ack that is lost is found by catching up, and nothing is sent twice", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([
      user(t, "alice", { url: line.url, transports: ["websocket"] }),
      user(t, "bob"),
    ]);
    const chat = await talk(alice, bob);
    line.dropsResponses = true;
    const { sent } = alice.client.send(chat.id, "Do you hear me?");
    await until(bob.client, () => texts(bob.client, chat.id).length);
    assert.equal(items(alice.client, chat.id, "pending").length, 1);
    line.cut();
    line.dropsResponses = false;
    assert.equal((await sent).seq, 1);
    await online(alice.client);
    assert.equal((await truth(t, bob, chat.id)).length, 1);
  });

  test("what is written without a connection waits for one", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    line.broken = true;
    line.cut();
    await until(alice.client, () => alice.client.connection.state === "offline");
    const sending = ["one", "two", "three"].map((content) => alice.client.send(chat.id, content).sent);
    assert.equal(items(alice.client, chat.id, "pending").length, 3);
    line.broken = false;
    alice.client.reconnect();
    await Promise.all(sending);
    assert.deepEqual(texts(alice.client, chat.id), ["one", "two", "three"]);
  });

  test("what was written before the page was closed is sent after it is opened again", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url, ...kept }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    await alice.client.send(chat.id, "zero").sent;
    line.broken = true;
    line.cut();
    const contents = ["one", "two", "three"];
    const given = contents.map((content) => alice.client.send(chat.id, content).sent);
    alice.client.close();
    for (const sent of given) await assert.rejects(sent, DiscardedError);

    // Two pages at the same time even: each message has its clientId.
    const pages = [1, 2].map(() => client(t, kept));
    for (const page of pages) assert.equal((await page.restore())?.id, alice.me.id);
    await until(bob.client, () => texts(bob.client, chat.id).length === 4);
    assert.deepEqual(texts(bob.client, chat.id), ["zero", ...contents]);
    for (const page of pages) await until(page, () => page.messages(chat.id).length === 0);
    assert.equal((await truth(t, bob, chat.id)).length, 4);
    assert.deepEqual(await kept.queue.list(alice.me.id), []);
  });

  test("a message that the server refuses says why, and holds up nothing", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const bad = alice.client.send(chat.id, "x".repeat(4001));
    const good = alice.client.send(chat.id, "Hello");
    await good.sent;
    await assert.rejects(bad.sent, ValidationError);
    const [failed] = items(alice.client, chat.id, "failed");
    assert.equal(failed?.queued.clientId, bad.clientId);
    assert.ok(failed?.error instanceof ValidationError && "content" in failed.error.errors);

    alice.client.retry(bad.clientId);
    assert.equal(items(alice.client, chat.id, "pending").length, 1);
    await until(alice.client, () => items(alice.client, chat.id, "failed").length);
    alice.client.discard(bad.clientId);
    assert.deepEqual(
      alice.client.messages(chat.id).map(({ key }) => key),
      [good.clientId],
    );
  });

  test("a refused message stays where it was written, sent again too", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    await alice.client.send(chat.id, "one").sent;
    const bad = alice.client.send(chat.id, "x".repeat(5000));
    const states = (): string[] => alice.client.messages(chat.id).map(({ state }) => state);
    await Promise.all([assert.rejects(bad.sent, ValidationError), alice.client.send(chat.id, "two").sent]);
    await bob.client.send(chat.id, "three").sent;
    await until(alice.client, () => texts(alice.client, chat.id).length === 3);
    assert.deepEqual(states(), ["sent", "failed", "sent", "sent"]);
    assert.equal(items(alice.client, chat.id, "failed")[0]?.canRetry, false);
    alice.client.retry(bad.clientId);
    assert.deepEqual(states(), ["sent", "pending", "sent", "sent"]);
    await until(alice.client, () => items(alice.client, chat.id, "failed").length);
    assert.deepEqual(states(), ["sent", "failed", "sent", "sent"]);
  });

  test("a refused message is in its place after a reload, and is not sent again by itself", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", kept), user(t, "bob")]);
    const chat = await talk(alice, bob);
    await alice.client.send(chat.id, "one").sent;
    const { sent } = alice.client.send(chat.id, "x".repeat(5000));
    await assert.rejects(sent, ValidationError);
    await alice.client.send(chat.id, "two").sent;
    alice.client.close();
    let sendings = 0;
    line.onSent = (bytes) => {
      if (bytes.includes("xxxxx")) sendings += 1;
    };
    const page = client(t, { ...kept, url: line.url, transports: ["polling"] });
    await page.restore();
    await online(page);
    await page.openChat(chat.id);
    assert.deepEqual(
      page.messages(chat.id).map(({ state }) => state),
      ["sent", "failed", "sent"],
    );
    const [failed] = items(page, chat.id, "failed");
    assert.ok(failed?.error instanceof ValidationError && !failed.canRetry);
    assert.equal(sendings, 0);
  });

  test("who is removed while away learns that what they wrote is not taken", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob", { url: line.url })]);
    const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
    await until(bob.client, () => bob.client.chat(group.id));
    line.broken = true;
    line.cut();
    const { sent } = bob.client.send(group.id, "Hello?");
    await alice.client.removeMember(group.id, bob.me.id);
    line.broken = false;
    await assert.rejects(sent, NotFoundError);
    await until(bob.client, () => !bob.client.chat(group.id));
  });

  test("who logs out leaves nothing behind, whose session ends does", async (t) => {
    const line = await Line.open(t);
    const queue = memoryQueue();
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url, queue }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const second = await anotherWindow(t, alice, { url: line.url, queue });
    line.broken = true;
    line.cut();
    alice.client.send(chat.id, "Never mind");
    second.client.close();
    assert.equal((await queue.list(alice.me.id)).length, 1);
    await alice.client.logout();
    assert.deepEqual(await queue.list(alice.me.id), []);
    assert.deepEqual(alice.client.session, { state: "loggedOut", me: null, reason: null });
    assert.deepEqual(alice.client.chats, []);
  });
});
