// Unsent text and files: kept for their user and chat, and gone with the session.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";

import { memoryQueue, memorySession, type Chat, type QueueStorage } from "../src/index.js";
import { deferred } from "../src/waiting.js";
import { anotherWindow, client, items, Line, online, user, talk, until } from "./support.js";

const file = { data: new Blob(["%PDF-1.4"]), name: "a.pdf" };

describe("drafts", { concurrency: 4 }, () => {
  test("text, files and an edit survive a reload, each chat's apart", async (t) => {
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", kept), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id: another } = await alice.client.createGroup({ name: "Friends" });
    const changed: string[] = [];
    alice.client.subscribe((change) => changed.push(...change.drafts));
    alice.client.setDraft(chat.id, { content: "Hel" });
    alice.client.setDraft(chat.id, { content: "Hello", files: [file] });
    alice.client.setDraft(another, { editing: { messageId: "m", content: "text" } });
    const expected = { content: "Hello", files: [file], editing: null, replyTo: null, mentions: null };
    assert.deepEqual(alice.client.draft(chat.id), expected);
    assert.equal(alice.client.draft(chat.id), alice.client.draft(chat.id));
    assert.equal(alice.client.draft("none"), alice.client.draft("none either"));
    await until(alice.client, () => changed.length);
    assert.deepEqual(changed, [chat.id, another]);
    alice.client.close();

    const page = client(t, kept);
    await page.restore();
    await until(page, () => page.draft(chat.id).files.length);
    assert.deepEqual(page.draft(chat.id), expected);
    assert.deepEqual(page.draft(another).editing, { messageId: "m", content: "text" });
    page.setDraft(chat.id, { content: "", files: [] });
    page.setDraft(another, { editing: null });
    page.close();
    const later = client(t, kept);
    await later.restore();
    assert.deepEqual(await kept.queue.list(alice.me.id), []);
  });

  test("of a chat that the user is no longer in, no draft is kept", async (t) => {
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob", kept)]);
    const groups = await Promise.all(
      ["one", "two"].map((name) => alice.client.createGroup({ name, memberIds: [bob.me.id] })),
    );
    await until(bob.client, () => bob.client.chats.length === 2);
    for (const { id } of groups) bob.client.setDraft(id, { content: "Hello", files: [file] });
    const [first, second] = groups as [Chat, Chat];
    await alice.client.removeMember(first.id, bob.me.id);
    await until(bob.client, () => !bob.client.draft(first.id).content);
    bob.client.close();
    await alice.client.removeMember(second.id, bob.me.id);
    const page = client(t, kept);
    await page.restore();
    await online(page);
    await page.user(alice.me.username);
    assert.deepEqual(await kept.queue.list(bob.me.id), []);
  });

  test("tabs of one user have the same drafts", async (t) => {
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", kept), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const tab = client(t, kept);
    await tab.restore();
    alice.client.setDraft(chat.id, { content: "Hello", files: [file] });
    await until(tab, () => tab.draft(chat.id).files.length);
    assert.deepEqual(tab.draft(chat.id), alice.client.draft(chat.id));
    tab.setDraft(chat.id, { content: "Hello Bob" });
    await until(alice.client, () => alice.client.draft(chat.id).content === "Hello Bob");
    alice.client.setDraft(chat.id, { content: "", files: [] });
    await until(tab, () => tab.draft(chat.id) === tab.draft("none"));
    await tab.user(bob.me.username);
    assert.deepEqual(await kept.queue.list(alice.me.id), []);
  });

  test("a storage that is full or missing takes nothing from what is written, and is said", async (t) => {
    const broken = (): never => {
      throw new Error("Full.");
    };
    const queue: QueueStorage = { list: broken, put: broken, remove: broken, clear: broken };
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url, queue }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    assert.equal(alice.client.hasUnsaved, false);
    alice.client.setDraft(chat.id, { content: "Hello" });
    assert.equal(alice.client.draft(chat.id).content, "Hello");
    assert.equal(alice.client.hasUnsaved, true);
    alice.client.setDraft(chat.id, { content: "" });
    assert.equal(alice.client.hasUnsaved, false);
    const { sent } = alice.client.send(chat.id, "Hello");
    assert.equal(alice.client.hasUnsaved, true);
    await sent;
    assert.equal(alice.client.hasUnsaved, false);
    await alice.client.logout();
  });

  test("what is stored need not be asked about", async (t) => {
    const queue = memoryQueue();
    const [alice, bob] = await Promise.all([user(t, "alice", { queue }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    alice.client.setDraft(chat.id, { content: "Hello", files: [file] });
    await alice.client.user(bob.me.username);
    assert.equal((await queue.list(alice.me.id)).length, 2);
    assert.equal(alice.client.hasUnsaved, false);
  });

  test("of one user nothing is left for the next one of the same client", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob, carol] = await Promise.all([
      user(t, "alice", { url: line.url, ...kept }),
      user(t, "bob"),
      user(t, "carol"),
    ]);
    const chat = await talk(alice, bob);
    const { id } = await alice.client.send(chat.id, "Sent").sent;
    line.broken = true;
    line.cut();
    alice.client.setDraft(chat.id, { content: "Unsent", files: [file], editing: { messageId: id, content: "Edit" } });
    alice.client.send(chat.id, "Pending");
    void alice.client.edit(id, "Changed");
    await alice.client.logout();
    assert.deepEqual(await kept.queue.list(alice.me.id), []);

    line.broken = false;
    const seen: unknown[] = [];
    alice.client.subscribe(() => seen.push(...alice.client.chats, ...alice.client.messages(chat.id)));
    await alice.client.login(carol.account);
    await until(alice.client, () => alice.client.connection.state === "online");
    const empty = { content: "", files: [], editing: null, replyTo: null, mentions: null };
    assert.deepEqual(alice.client.draft(chat.id), empty);
    assert.deepEqual([alice.client.messages(chat.id), alice.client.members(chat.id)], [[], []]);
    assert.deepEqual(seen, []);
    assert.equal(alice.client.presence(bob.me.id), undefined);
    assert.equal(alice.client.hasUnsaved, false);
    alice.client.setDraft(chat.id, { content: "Carol's" });
    await alice.client.logout();
    await alice.client.login(alice.account);
    await until(alice.client, () => alice.client.connection.state === "online");
    assert.equal(alice.client.draft(chat.id).content, "");
  });

  test("a response that comes when another user is logged in is not shown to them", async (t) => {
    const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((name) => user(t, name)));
    assert.ok(alice && bob && carol);
    const { client } = alice;
    const before = await client.createGroup({ name: "Before" });
    const held = holdResponses(t, "/chats/direct", "/chats/groups", `/chats/${before.id}`, "/users/me");
    const requests = [
      client.createDirectChat(bob.me.id),
      client.createGroup({ name: "After" }),
      client.updateGroup(before.id, { name: "Renamed" }),
      client.updateMe({ username: `${alice.me.username}2` }),
    ];
    await held.all(requests.length);
    await client.logout();
    await client.login(carol.account);
    await until(client, () => client.chatsLoaded);
    held.release();
    await Promise.allSettled(requests);
    assert.deepEqual(client.chats, []);
    assert.equal(client.session.me?.id, carol.me.id);
  });

  test("a session that ends by itself leaves the drafts to its user alone", async (t) => {
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", kept), user(t, "bob")]);
    const chat = await talk(alice, bob);
    alice.client.setDraft(chat.id, { content: "Hello" });
    alice.client.close();
    kept.session = memorySession();
    const other = await anotherWindow(t, bob, kept);
    assert.equal(other.client.draft(chat.id).content, "");
    const same = await anotherWindow(t, alice, kept);
    await until(same.client, () => same.client.draft(chat.id).content === "Hello");
    assert.equal(items(same.client, chat.id, "pending").length, 0);
  });
});

/** Hold back the responses of requests whose path ends so, until `release`. */
function holdResponses(t: TestContext, ...paths: string[]): { all(count: number): Promise<void>; release(): void } {
  const { fetch } = globalThis;
  const gate = deferred<void>();
  const enough = deferred<void>();
  let held = 0;
  let wanted = Number.POSITIVE_INFINITY;
  globalThis.fetch = async (...given) => {
    const response = await fetch(...given);
    if (!paths.some((path) => String(given[0]).endsWith(path))) return response;
    held += 1;
    if (held >= wanted) enough.resolve();
    await gate.promise;
    return response;
  };
  t.after(() => {
    globalThis.fetch = fetch;
  });
  const all = (count: number): Promise<void> => {
    wanted = count;
    if (held >= wanted) enough.resolve();
    return enough.promise;
  };
  return { all, release: () => gate.resolve() };
}
