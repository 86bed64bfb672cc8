// Two users and a group, live: each change reaches all users concerned at once.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ConflictError, ForbiddenError, type Message, NotFoundError, ValidationError } from "../src/index.js";
import { anotherWindow, items, stored, talk, type TestUser, texts, until, user } from "./support.js";

describe("talking", { concurrency: 4 }, () => {
  test("a message is shown at once, and stays the same line when it is stored", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const received: Message[] = [];
    bob.client.onMessage((message) => received.push(message));

    const sending = alice.client.send(chat.id, "Hello Bob!");
    const [pending] = items(alice.client, chat.id, "pending");
    assert.equal(pending?.queued.content, "Hello Bob!");
    assert.equal(pending?.key, sending.clientId);

    const message = await sending.sent;
    assert.equal(message.seq, 1);
    assert.deepEqual(
      alice.client.messages(chat.id).map(({ state, key }) => ({ state, key })),
      [{ state: "sent", key: sending.clientId }],
    );
    await until(bob.client, () => stored(bob.client, chat.id).length);
    assert.deepEqual(texts(bob.client, chat.id), ["Hello Bob!"]);
    assert.deepEqual(
      received.map(({ id }) => id),
      [message.id],
    );
  });

  test("receipts raise the status of what was sent, and lower what is unread", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    for (const content of ["one", "two"]) await alice.client.send(chat.id, content).sent;
    await until(alice.client, () => stored(alice.client, chat.id).every(({ status }) => status === "DELIVERED"));

    await until(bob.client, () => bob.client.chat(chat.id)?.unreadCount === 2);
    assert.equal(bob.client.unreadCount, 2);
    bob.client.markRead(chat.id);
    assert.equal(bob.client.unreadCount, 0);
    await until(alice.client, () => stored(alice.client, chat.id).every(({ status }) => status === "READ"));
    assert.equal(alice.client.chat(chat.id)?.lastMessage?.status, "READ");

    await bob.client.send(chat.id, "three").sent;
    await until(alice.client, () => alice.client.chat(chat.id)?.unreadCount === 1);
    await alice.client.send(chat.id, "four").sent;
    assert.equal(alice.client.chat(chat.id)?.unreadCount, 0, "to answer is to have read");
    await until(bob.client, () => bob.client.chat(chat.id)?.unreadCount === 1);
    assert.equal(stored(bob.client, chat.id)[2]?.status, "READ");
  });

  test("a signal reaches the other members, or those that it names", async (t) => {
    const [alice, bob, cleo] = await Promise.all([user(t, "alice"), user(t, "bob"), user(t, "cleo")]);
    const { id } = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id, cleo.me.id] });
    const received: string[] = [];
    const arrived = (one: TestUser, name: string): Promise<void> =>
      new Promise((resolve) => {
        const end = one.client.onSignal((signal) => {
          received.push(`${one === bob ? "bob" : "cleo"} ${signal.name} ${JSON.stringify(signal.data)}`);
          if (signal.name === name) resolve(end());
        });
      });
    await Promise.all([bob, cleo].map(({ client }) => until(client, () => client.chat(id))));
    const last = [arrived(bob, "last"), arrived(cleo, "last")];
    alice.client.signal(id, "wave", { times: 2 }, [cleo.me.id]);
    alice.client.signal(id, "last");
    await Promise.all(last);
    assert.deepEqual(received.sort(), ["bob last undefined", "cleo last undefined", 'cleo wave {"times":2}']);
  });

  test("what is read in one window is read in the others", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const second = await anotherWindow(t, bob);
    await alice.client.send(chat.id, "Hello?").sent;
    await until(second.client, () => second.client.unreadCount === 1);
    await until(bob.client, () => bob.client.unreadCount === 1);
    bob.client.markRead(chat.id);
    await until(second.client, () => second.client.unreadCount === 0);
  });

  test("edits and deletions are seen, in the list of chats too", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const first = await alice.client.send(chat.id, "Helo").sent;
    const edited = await alice.client.edit(first.id, "Hello");
    assert.deepEqual([edited.content, edited.isEdited], ["Hello", true]);
    await until(bob.client, () => texts(bob.client, chat.id)[0] === "Hello");
    assert.equal(bob.client.chat(chat.id)?.lastMessage?.content, "Hello");

    await alice.client.delete(first.id);
    assert.deepEqual(texts(alice.client, chat.id), [null]);
    await until(bob.client, () => stored(bob.client, chat.id)[0]?.isDeleted);
    assert.equal(bob.client.chat(chat.id)?.lastMessage?.isDeleted, true);
    await assert.rejects(alice.client.edit(first.id, "Again"), ConflictError);
    await assert.rejects(bob.client.edit(first.id, "Mine"), ForbiddenError);
  });

  test("typing is seen while it lasts", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const typers = () => bob.client.typers(chat.id).map(({ username }) => username);

    alice.client.typing(chat.id);
    await until(bob.client, () => typers().length);
    assert.deepEqual(typers(), [alice.me.username]);
    alice.client.stopTyping(chat.id);
    await until(bob.client, () => !typers().length);

    alice.client.typing(chat.id);
    await until(bob.client, () => typers().length);
    await alice.client.send(chat.id, "Done").sent;
    await until(bob.client, () => !typers().length, 2);

    alice.client.typing(chat.id);
    await until(bob.client, () => typers().length);
    await until(bob.client, () => !typers().length, 12);
  });

  test("who comes and goes is seen", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const bobIs = () => alice.client.presence(bob.me.id);
    await until(alice.client, () => bobIs()?.isOnline);
    bob.client.close();
    await until(alice.client, () => bobIs()?.isOnline === false);
    assert.match(bobIs()?.lastSeen ?? "", /^20/);
    assert.equal(alice.client.chat(chat.id)?.peer?.isOnline, false);
    await anotherWindow(t, bob);
    await until(alice.client, () => bobIs()?.isOnline);
  });

  test("a group is administered, and all members see it", async (t) => {
    const [alice, bob, carol] = await Promise.all([user(t, "alice"), user(t, "bob"), user(t, "carol")]);
    const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
    const names = (who: typeof alice) => who.client.members(group.id).map(({ user }) => user.username);
    await until(bob.client, () => bob.client.chat(group.id)?.name === "Friends");
    await bob.client.openChat(group.id);
    await alice.client.openChat(group.id);

    await alice.client.updateGroup(group.id, { name: "Good friends", description: "We" });
    await until(bob.client, () => bob.client.chat(group.id)?.name === "Good friends");
    await assert.rejects(bob.client.updateGroup(group.id, { name: "Mine" }), ForbiddenError);

    await alice.client.addMember(group.id, carol.me.id);
    await until(carol.client, () => carol.client.chat(group.id));
    await until(bob.client, () => names(bob).includes(carol.me.username));
    assert.equal(bob.client.chat(group.id)?.memberCount, 3);
    await alice.client.setMemberRole(group.id, bob.me.id, "ADMIN");
    await until(
      bob.client,
      () => bob.client.members(group.id).find(({ userId }) => userId === bob.me.id)?.role === "ADMIN",
    );

    await bob.client.removeMember(group.id, carol.me.id);
    await until(carol.client, () => !carol.client.chat(group.id));
    await until(alice.client, () => !names(alice).includes(carol.me.username));
    await assert.rejects(carol.client.openChat(group.id), NotFoundError);

    await alice.client.leaveGroup(group.id);
    assert.equal(alice.client.chat(group.id), undefined);
    await until(bob.client, () => bob.client.chat(group.id)?.memberCount === 1);
    await bob.client.deleteGroup(group.id);
    assert.deepEqual(bob.client.chats, []);
  });

  test("in a group, a message is read once all have read it", async (t) => {
    const [alice, bob, carol] = await Promise.all([user(t, "alice"), user(t, "bob"), user(t, "carol")]);
    const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id, carol.me.id] });
    await alice.client.openChat(group.id);
    const sent = await alice.client.send(group.id, "Read me").sent;
    const status = () => stored(alice.client, group.id)[0]?.status;
    for (const { client } of [bob, carol]) await until(client, () => client.chat(group.id)?.lastSeq === 1);
    await until(alice.client, () => status() === "DELIVERED");
    bob.client.markRead(group.id);
    await until(bob.client, () => bob.client.unreadCount === 0);
    carol.client.markRead(group.id);
    await until(alice.client, () => status() === "READ");
    const statuses = await alice.client.statuses(sent.id);
    assert.deepEqual(new Set(statuses.map(({ userId }) => userId)), new Set([bob.me.id, carol.me.id]));
  });

  test("the history comes page by page, back to the first message", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const contents = Array.from({ length: 120 }, (_, number) => `Number ${number + 1}`);
    await Promise.all(contents.map((content) => alice.client.send(chat.id, content).sent));

    const late = await anotherWindow(t, bob);
    await late.client.openChat(chat.id);
    assert.deepEqual(texts(late.client, chat.id), contents.slice(-50));
    assert.equal(late.client.history(chat.id).hasOlder, true);
    assert.equal(await late.client.loadOlder(chat.id), true);
    assert.equal(await late.client.loadOlder(chat.id), false);
    assert.deepEqual(texts(late.client, chat.id), contents);
    assert.equal(await late.client.loadOlder(chat.id), false);
  });

  test("users are found, page by page", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const found = await alice.client.searchUsers(bob.me.username.slice(0, 9));
    assert.deepEqual(
      found.items.map(({ id }) => id),
      [bob.me.id],
    );
    assert.equal(found.next, null);
    assert.equal((await alice.client.user(bob.me.username.toUpperCase())).id, bob.me.id);
    await assert.rejects(alice.client.user("nobody_at_all"), NotFoundError);
    const some = await alice.client.searchUsers("a");
    assert.ok(some.items.length);
  });

  test("what the server refuses is an exception that says why", async (t) => {
    const alice = await user(t, "alice");
    const taken = alice.client.updateMe({ username: "no" });
    await assert.rejects(taken, (error) => error instanceof ValidationError && "username" in error.errors);
    const renamed = `${alice.me.username}_x`;
    assert.equal((await alice.client.updateMe({ username: renamed })).username, renamed);
    assert.equal(alice.client.session.me?.username, renamed);
  });
});
