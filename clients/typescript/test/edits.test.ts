// Edits and deletions: they show at once, wait for a connection, and are stored in the end or shown as refused.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  DiscardedError,
  ForbiddenError,
  memoryQueue,
  memorySession,
  NotFoundError,
  ValidationError,
} from "../src/index.js";
import type { ChatClient } from "../src/index.js";
import { client, items, Line, online, user, stored, talk, texts, truth, until } from "./support.js";

async function offline(line: Line, watched: ChatClient): Promise<void> {
  line.broken = true;
  line.cut();
  await until(watched, () => watched.connection.state === "offline");
}

function back(line: Line, watched: ChatClient): void {
  line.broken = false;
  watched.reconnect();
}

describe("edits and deletions", { concurrency: 4 }, () => {
  test("an edit shows before the server has it", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await alice.client.send(chat.id, "Helo").sent;
    const edited = alice.client.edit(id, "Hello");
    const [item] = items(alice.client, chat.id, "sent");
    assert.deepEqual([item?.message.content, item?.edit], ["Hello", { content: "Hello", error: null }]);
    const message = await edited;
    assert.deepEqual([message.content, message.isEdited], ["Hello", true]);
    assert.equal(items(alice.client, chat.id, "sent")[0]?.edit, null);
    await until(bob.client, () => texts(bob.client, chat.id)[0] === "Hello");
  });

  test("without a connection, edits and deletions wait for one, the last edit of each message", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const [one, two] = await Promise.all(["one", "two"].map((text) => alice.client.send(chat.id, text).sent));
    assert.ok(one && two);
    await offline(line, alice.client);
    const edits = ["first", "second"].map((text) => alice.client.edit(one.id, text));
    const deletion = alice.client.delete(two.id);
    const [, deleted] = items(alice.client, chat.id, "sent");
    assert.deepEqual([deleted?.isDeleting, deleted?.message.isDeleted, deleted?.message.content], [true, true, null]);
    assert.equal(alice.client.chat(chat.id)?.lastMessage?.isDeleted, true);
    back(line, alice.client);
    assert.deepEqual(
      (await Promise.all(edits)).map(({ content }) => content),
      ["second", "second"],
    );
    await deletion;
    const found = await truth(t, bob, chat.id);
    assert.deepEqual(
      found.map(({ content, isDeleted }) => [content, isDeleted]),
      [
        ["second", false],
        [null, true],
      ],
    );
    assert.ok(items(alice.client, chat.id, "sent").every(({ edit, isDeleting }) => !edit && !isDeleting));
  });

  test("a message that is on its way can be edited: the edit follows it", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    await offline(line, alice.client);
    const { clientId, sent } = alice.client.send(chat.id, "Helo");
    const edited = alice.client.edit(clientId, "Hello");
    assert.equal(items(alice.client, chat.id, "pending")[0]?.queued.content, "Hello");
    back(line, alice.client);
    assert.equal((await sent).content, "Helo");
    assert.equal((await edited).content, "Hello");
    assert.deepEqual(
      (await truth(t, bob, chat.id)).map(({ content }) => content),
      ["Hello"],
    );
    // Its clientId is as good as its id from then on.
    assert.equal((await alice.client.edit(clientId, "Hello!")).content, "Hello!");
  });

  test("an edit and a deletion are stored after the page is opened again", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url, ...kept }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const [one, two] = await Promise.all(["one", "two"].map((text) => alice.client.send(chat.id, text).sent));
    assert.ok(one && two);
    await offline(line, alice.client);
    alice.client.edit(one.id, "ONE");
    void alice.client.delete(two.id);
    const { clientId } = alice.client.send(chat.id, "three");
    alice.client.edit(clientId, "THREE");
    alice.client.close();
    const page = client(t, kept);
    await page.restore();
    await until(bob.client, () => texts(bob.client, chat.id).join() === "ONE,,THREE");
    await page.openChat(chat.id);
    await until(page, () => items(page, chat.id, "sent").every(({ edit }) => !edit));
    assert.deepEqual(await kept.queue.list(alice.me.id), []);
  });

  test("deleting a message drops an edit that was not sent", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await alice.client.send(chat.id, "Hello").sent;
    await offline(line, alice.client);
    const edited = alice.client.edit(id, "Bye");
    const deleted = alice.client.delete(id);
    await assert.rejects(edited, DiscardedError);
    back(line, alice.client);
    await deleted;
    const [message] = await truth(t, bob, chat.id);
    assert.deepEqual([message?.isDeleted, message?.isEdited], [true, false]);
  });

  test("a refused edit stays, until it is sent again or discarded", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await alice.client.send(chat.id, "Hello").sent;
    const long = "x".repeat(5000);
    await assert.rejects(alice.client.edit(id, long), ValidationError);
    const shown = (): unknown[] => {
      const [item] = items(alice.client, chat.id, "sent");
      return [item?.message.content, item?.edit?.error instanceof ValidationError];
    };
    assert.deepEqual(shown(), [long, true]);
    alice.client.retryEdit(id);
    assert.deepEqual(shown(), [long, false]);
    await until(alice.client, () => items(alice.client, chat.id, "sent")[0]?.edit?.error);
    alice.client.discardEdit(id);
    assert.deepEqual(shown(), ["Hello", false]);
    assert.equal(stored(bob.client, chat.id)[0]?.content, "Hello");
  });

  test("a refused deletion shows the message again", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await alice.client.send(chat.id, "Hello").sent;
    await until(bob.client, () => texts(bob.client, chat.id).length);
    const deletion = bob.client.delete(id);
    assert.equal(items(bob.client, chat.id, "sent")[0]?.isDeleting, true);
    await assert.rejects(deletion, ForbiddenError);
    const [item] = items(bob.client, chat.id, "sent");
    assert.deepEqual([item?.isDeleting, item?.message.content], [false, "Hello"]);
  });

  test("editing a refused message sends it with the new text", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { clientId, sent } = alice.client.send(chat.id, "x".repeat(5000));
    await assert.rejects(sent, ValidationError);
    const message = await alice.client.edit(clientId, "Shorter");
    assert.deepEqual([message.clientId, message.isEdited], [clientId, false]);
    assert.deepEqual(texts(alice.client, chat.id), ["Shorter"]);
  });

  test("changes of a chat that one is no longer in are given up", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob", { url: line.url, ...kept })]);
    const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
    await until(bob.client, () => bob.client.chat(group.id));
    await bob.client.openChat(group.id);
    const { id } = await bob.client.send(group.id, "Hello").sent;
    await offline(line, bob.client);
    const edited = bob.client.edit(id, "Bye");
    bob.client.setDraft(group.id, { content: "More" });
    await alice.client.removeMember(group.id, bob.me.id);
    back(line, bob.client);
    await assert.rejects(edited, NotFoundError);
    await online(bob.client);
    assert.deepEqual(await kept.queue.list(bob.me.id), []);
  });
});
