// Replies, mentions, metadata and formats: sent safely, shown at once, and kept right by changes of other users.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { type ChatClient, memoryQueue, memorySession, type Message, ValidationError } from "../src/index.js";
import { anotherWindow, client, items, Line, online, stored, talk, truth, until, user } from "./support.js";

async function disconnect(line: Line, watched: ChatClient): Promise<void> {
  line.broken = true;
  line.cut();
  await until(watched, () => watched.connection.state === "offline");
}

async function connect(line: Line, watched: ChatClient): Promise<void> {
  line.broken = false;
  watched.reconnect();
  await online(watched);
}

const last = (watched: ChatClient, chatId: string): Message | undefined => stored(watched, chatId).at(-1);

describe("conversation", { concurrency: 4 }, () => {
  test("a reply, its mentions, metadata and format survive a lost response and a reload", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", { ...kept, url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const question = await bob.client.send(chat.id, "Lunch?").sent;
    await until(alice.client, () => last(alice.client, chat.id));
    line.dropsResponses = true;
    const { clientId } = alice.client.send(chat.id, "**Yes**", {
      replyTo: question,
      mentions: { userIds: [bob.me.id] },
      metadata: { place: "Rosa" },
      format: "markdown",
    });
    const [pending] = items(alice.client, chat.id, "pending");
    assert.equal(pending?.queued.replyTo?.content, "Lunch?");
    assert.deepEqual(pending?.queued.mentions, { userIds: [bob.me.id] });
    // The server has stored it, and the client does not know.
    await until(bob.client, () => last(bob.client, chat.id)?.clientId === clientId);
    alice.client.close();
    line.cut();

    const page = client(t, kept);
    await page.restore();
    await page.openChat(chat.id);
    await until(page, () => page.messages(chat.id).every(({ state }) => state === "sent"));
    const found = await truth(t, bob, chat.id);
    assert.equal(found.length, 2);
    const { replyTo, mentions, metadata, format } = found[1] as Message;
    assert.deepEqual(
      [replyTo?.id, replyTo?.content, replyTo?.sender?.username],
      [question.id, "Lunch?", bob.me.username],
    );
    assert.deepEqual(mentions, { userIds: [bob.me.id] });
    assert.deepEqual([metadata, format], [{ place: "Rosa" }, "markdown"]);
  });

  test("a file can be sent as a reply", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const question = await bob.client.send(chat.id, "Do you have it?").sent;
    const options = { replyTo: question, mentions: { all: true }, metadata: { page: 7 }, format: "markdown" as const };
    const file = { data: new Blob(["%PDF-1.4"]), name: "a.pdf" };
    const message = await alice.client.send(chat.id, "*Here*", { file, ...options }).sent;
    const { type, replyTo, mentions, metadata, format } = message;
    assert.deepEqual(
      [type, replyTo?.id, mentions, metadata, format],
      ["FILE", question.id, { all: true }, { page: 7 }, "markdown"],
    );
  });

  test("quotes follow their message, also where that is not loaded", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob", { url: line.url })]);
    const chat = await talk(alice, bob);
    const question = await alice.client.send(chat.id, "Lunsh?").sent;
    const fillers = Array.from({ length: 55 }, (_, number) => alice.client.send(chat.id, `Filler ${number}`).sent);
    await Promise.all(fillers);
    await alice.client.send(chat.id, "Anyone?", { replyTo: question }).sent;
    const page = await anotherWindow(t, alice);
    await page.client.openChat(chat.id);
    assert.equal(page.client.messages(chat.id).length, 50);
    await until(bob.client, () => last(bob.client, chat.id)?.replyTo?.content === "Lunsh?");
    await alice.client.edit(question.id, "Lunch?");
    for (const watched of [alice.client, bob.client, page.client]) {
      await until(watched, () => last(watched, chat.id)?.replyTo?.content === "Lunch?");
      assert.equal(watched.chat(chat.id)?.lastMessage?.replyTo?.content, "Lunch?");
    }
    // The deletion is missed by one, and found by `sync`.
    await disconnect(line, bob.client);
    await alice.client.delete(question.id);
    await connect(line, bob.client);
    const { id, seq, senderId } = question;
    for (const watched of [alice.client, bob.client, page.client]) {
      await until(watched, () => last(watched, chat.id)?.replyTo?.isDeleted);
      assert.deepEqual(last(watched, chat.id)?.replyTo, { id, seq, senderId, isDeleted: true });
    }
  });

  test("a reply to a deleted message is refused", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const question = await bob.client.send(chat.id, "Lunch?").sent;
    await bob.client.delete(question.id);
    const sending = alice.client.send(chat.id, "Yes", { replyTo: question });
    await assert.rejects(sending.sent, (error: unknown) => {
      return error instanceof ValidationError && error.errors?.replyToId !== undefined;
    });
    assert.equal(items(alice.client, chat.id, "failed")[0]?.canRetry, false);
  });

  test("fields are edited alone and with the text, and what waits is merged", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await alice.client.send(chat.id, "*Hi*", { format: "markdown", metadata: { draft: true } }).sent;
    const changed = await alice.client.edit(id, { metadata: null, mentions: { userIds: [bob.me.id] } });
    assert.deepEqual([changed.metadata, changed.isEdited], [undefined, false]);
    await until(bob.client, () => last(bob.client, chat.id)?.mentions?.userIds?.[0] === bob.me.id);
    assert.deepEqual([last(bob.client, chat.id)?.metadata, last(bob.client, chat.id)?.format], [undefined, "markdown"]);

    await disconnect(line, alice.client);
    const edits = [alice.client.edit(id, { format: null }), alice.client.edit(id, "Hello")];
    const [item] = items(alice.client, chat.id, "sent");
    assert.deepEqual([item?.message.content, item?.message.format, item?.edit?.content], ["Hello", undefined, "Hello"]);
    await connect(line, alice.client);
    await Promise.all(edits);
    const [found] = await truth(t, bob, chat.id);
    assert.deepEqual([found?.content, found?.format, found?.isEdited], ["Hello", undefined, true]);
  });

  test("an edit of fields waits for its message, across a reload", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", { ...kept, url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    await disconnect(line, alice.client);
    const { clientId } = alice.client.send(chat.id, "Hello", { format: "markdown" });
    void alice.client.edit(clientId, { format: null, metadata: { tag: "a" } }).catch(() => {});
    assert.deepEqual(items(alice.client, chat.id, "pending")[0]?.queued.metadata, { tag: "a" });
    alice.client.close();
    const page = client(t, kept);
    await page.restore();
    await until(bob.client, () => last(bob.client, chat.id)?.metadata?.tag === "a");
    assert.equal(last(bob.client, chat.id)?.format, undefined);
  });

  test("the number of unread mentions follows messages, edits, deletions and reading", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
    const count = (expected: number) => until(bob.client, () => bob.client.chat(chat.id)?.mentionCount === expected);
    await count(0);
    const mentions = { userIds: [bob.me.id] };
    const [named, everyone] = [
      await alice.client.send(chat.id, "Bob?", { mentions }).sent,
      await alice.client.send(chat.id, "All?", { mentions: { all: true } }).sent,
    ];
    const plain = await alice.client.send(chat.id, "None").sent;
    await count(2);
    // The messages of the chat are not loaded: the server counts.
    await alice.client.edit(plain.id, { mentions });
    await count(3);
    await bob.client.openChat(chat.id);
    await alice.client.edit(named.id, { content: "Bob", mentions: null });
    await count(2);
    await alice.client.delete(everyone.id);
    await count(1);
    // Read in another window, up to there.
    const window = await anotherWindow(t, bob);
    assert.equal(window.client.chat(chat.id)?.mentionCount, 1);
    window.client.markRead(chat.id);
    await count(0);
    assert.equal(window.client.chat(chat.id)?.mentionCount, 0);
  });

  test("a draft keeps its reply and mentions", async (t) => {
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", kept), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const question = await bob.client.send(chat.id, "Lunch?").sent;
    alice.client.setDraft(chat.id, { replyTo: question });
    alice.client.setDraft(chat.id, { content: "Ye", mentions: { userIds: [bob.me.id] } });
    alice.client.close();
    const page = client(t, kept);
    await page.restore();
    await until(page, () => page.draft(chat.id).content);
    const { replyTo, mentions } = page.draft(chat.id);
    assert.deepEqual([replyTo?.id, mentions], [question.id, { userIds: [bob.me.id] }]);
    page.setDraft(chat.id, { content: "", replyTo: null });
    assert.equal(page.draft(chat.id).mentions, null);
  });
});
