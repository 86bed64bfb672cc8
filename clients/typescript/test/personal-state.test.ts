// What only the user sees is the same on all of their devices, while away too, and in the eyes of nobody else.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";

import { type Chat, ConflictError, MUTED_FOREVER, type ProblemError, ValidationError } from "../src/index.js";
import { anotherWindow, Line, online, stored, talk, type TestUser, until, user } from "./support.js";

interface Devices {
  phone: TestUser;
  laptop: TestUser;
  bob: TestUser;
  chat: Chat;
  /** The line of the laptop. */
  line: Line;
}

/** A user with two devices, in a chat with another user. */
async function devices(t: TestContext): Promise<Devices> {
  const line = await Line.open(t);
  const [phone, bob] = await Promise.all([user(t, "phone"), user(t, "bob")]);
  const chat = await talk(phone, bob);
  const laptop = await anotherWindow(t, phone, { url: line.url });
  await laptop.client.openChat(chat.id);
  return { phone, laptop, bob, chat, line };
}

const both = ({ phone, laptop }: Devices, seen: (who: TestUser) => unknown): Promise<unknown> =>
  Promise.all([phone, laptop].map((who) => until(who.client, () => seen(who))));

async function away(line: Line, { client }: TestUser, meanwhile: () => Promise<unknown>): Promise<void> {
  line.broken = true;
  line.cut();
  await until(client, () => client.connection.state === "offline");
  await meanwhile();
  line.broken = false;
  client.reconnect();
  await online(client);
}

describe("personal state", { concurrency: 4 }, () => {
  test("of a chat follows to other devices, and a message returns the chat to the list", async (t) => {
    const at = await devices(t);
    const { phone, laptop, bob, chat } = at;
    const shown = ({ client }: TestUser): Chat | undefined => client.chat(chat.id);
    await bob.client.send(chat.id, "Hello").sent;
    await both(at, (who) => shown(who)?.lastSeq === 1);
    void phone.client.setChatState(chat.id, { pinned: true, isArchived: true, notify: "none" });
    assert.deepEqual([shown(phone)?.isPinned, shown(phone)?.isArchived], [true, true]);
    await both(at, (who) => shown(who)?.isArchived && shown(who)?.me?.notify === "none");
    assert.deepEqual(shown(phone)?.me, shown(laptop)?.me);
    await bob.client.send(chat.id, "Are you there?").sent;
    await both(at, (who) => shown(who)?.isArchived === false);
    // Unless it is muted.
    await laptop.client.setChatState(chat.id, { mutedUntil: MUTED_FOREVER });
    await both(at, (who) => shown(who)?.isMuted && shown(who)?.isArchived);
    assert.equal(phone.client.unreadCount, 0);
    assert.equal(shown(bob)?.me, undefined);
    // All of it is cleared.
    await laptop.client.setChatState(chat.id, { mutedUntil: null, isArchived: false, pinned: false, notify: null });
    await both(at, (who) => shown(who)?.isPinned === false);
    assert.deepEqual(shown(phone)?.me, { chatId: chat.id, meRev: shown(laptop)?.me?.meRev });
  });

  test("of a hidden chat is kept by a page that is opened later", async (t) => {
    const at = await devices(t);
    const { phone, bob, chat } = at;
    await phone.client.setChatState(chat.id, { isHidden: true });
    await both(at, ({ client }) => client.chat(chat.id)?.isHidden);
    const later = await anotherWindow(t, phone);
    await until(later.client, () => later.client.chat(chat.id)?.isHidden);
    await bob.client.send(chat.id, "Hello").sent;
    await until(later.client, () => later.client.chat(chat.id)?.isHidden === false);
  });

  test("marks a chat as unread, until it is read or a message is sent", async (t) => {
    const at = await devices(t);
    const { phone, laptop, bob, chat } = at;
    for (const text of ["One", "Two", "Three"]) await bob.client.send(chat.id, text).sent;
    const counted = (count: number, isMarked: boolean) =>
      both(at, ({ client }) => {
        const { unreadCount, isMarkedUnread } = client.chat(chat.id) ?? {};
        return unreadCount === count && isMarkedUnread === isMarked;
      });
    await counted(3, false);
    phone.client.markRead(chat.id);
    await counted(0, false);
    await laptop.client.setChatState(chat.id, { unreadFrom: 2 });
    await counted(2, true);
    // Others still see it as read.
    await until(bob.client, () => stored(bob.client, chat.id).every(({ status }) => status === "READ"));
    phone.client.markRead(chat.id);
    assert.equal(phone.client.chat(chat.id)?.isMarkedUnread, false);
    await counted(0, false);
    void phone.client.setChatState(chat.id, { isMarkedUnread: true });
    await counted(1, true);
    await laptop.client.send(chat.id, "Hi").sent;
    await counted(0, false);
    await assert.rejects(phone.client.setChatState(chat.id, { unreadFrom: 100 }), ValidationError);
    assert.equal(phone.client.chat(chat.id)?.isMarkedUnread, false);
  });

  test("a page that knows no position but a mark asks for it when the mark ends", async (t) => {
    const { phone, bob, chat } = await devices(t);
    for (const text of ["One", "Two", "Three"]) await bob.client.send(chat.id, text).sent;
    await until(phone.client, () => phone.client.chat(chat.id)?.unreadCount === 3);
    phone.client.markRead(chat.id);
    await phone.client.setChatState(chat.id, { unreadFrom: 1 });
    const later = await anotherWindow(t, phone);
    await until(later.client, () => later.client.chat(chat.id)?.unreadCount === 3);
    await phone.client.setChatState(chat.id, { isMarkedUnread: false });
    await until(later.client, () => later.client.chat(chat.id)?.unreadCount === 0);
  });

  test("messages that are deleted for oneself are tombstones here, and as they were for others", async (t) => {
    const at = await devices(t);
    const { phone, laptop, bob, chat, line } = at;
    const first = await bob.client.send(chat.id, "One").sent;
    await bob.client.send(chat.id, "Two", { replyTo: first }).sent;
    const last = await bob.client.send(chat.id, "Three").sent;
    await both(at, ({ client }) => stored(client, chat.id).length === 3);
    const hidden = ({ client }: TestUser): boolean[] =>
      stored(client, chat.id).map(({ isHidden, content }) => isHidden === true && content === null);
    void phone.client.hideMessages([first.id, last.id]);
    assert.deepEqual(hidden(phone), [true, false, true]);
    assert.equal(stored(phone.client, chat.id)[1]?.replyTo?.isDeleted, true);
    assert.equal(phone.client.chat(chat.id)?.lastMessage?.isHidden, true);
    await both(at, (who) => hidden(who).join() === "true,false,true");
    // An event of it has the text for all others.
    await bob.client.edit(first.id, "One!");
    await bob.client.send(chat.id, "Four", { replyTo: first }).sent;
    await both(at, (who) => stored(who.client, chat.id).length === 4);
    assert.deepEqual(hidden(laptop), [true, false, true, false]);
    assert.equal(stored(laptop.client, chat.id)[3]?.replyTo?.isDeleted, true);
    assert.deepEqual(hidden(bob), [false, false, false, false]);
    await away(line, laptop, () => phone.client.hideMessages(stored(phone.client, chat.id).map(({ id }) => id)));
    await both(at, (who) => hidden(who).every(Boolean));
  });

  test("a cleared chat begins after what was cleared", async (t) => {
    const at = await devices(t);
    const { phone, laptop, bob, chat, line } = at;
    const send = (text: string) => bob.client.send(chat.id, text).sent;
    for (const text of ["One", "Two", "Three"]) await send(text);
    const contents = ({ client }: TestUser) => stored(client, chat.id).map(({ content }) => content);
    await both(at, (who) => contents(who).length === 3);
    await phone.client.clearChat(chat.id, { upTo: 2 });
    await both(at, (who) => contents(who).join() === "Three");
    await away(line, laptop, () => phone.client.clearChat(chat.id));
    await both(at, (who) => contents(who).length === 0 && who.client.chat(chat.id)?.lastMessage === null);
    await send("Four");
    await both(at, (who) => contents(who).join() === "Four" && !who.client.history(chat.id).hasOlder);
    const later = await anotherWindow(t, phone);
    await later.client.openChat(chat.id);
    assert.deepEqual(contents(later), ["Four"]);
    assert.deepEqual(contents(bob), ["One", "Two", "Three", "Four"]);
  });

  test("drafts, settings and blocks follow to other devices", async (t) => {
    const at = await devices(t);
    const { phone, laptop, bob, chat, line } = at;
    void phone.client.saveDraft(chat.id, { content: "Hel" });
    await phone.client.saveDraft(chat.id, { content: "Hello", metadata: { mood: 1 } });
    await both(at, ({ client }) => client.savedDraft(chat.id)?.content === "Hello");
    assert.deepEqual(laptop.client.savedDraft(chat.id)?.metadata, { mood: 1 });
    await phone.client.deleteDraft(chat.id);
    assert.equal(phone.client.savedDraft(chat.id), undefined);
    await both(at, ({ client }) => client.savedDraft(chat.id) === undefined);

    assert.deepEqual(phone.client.settings, (await phone.client.call("GET /users/me/settings", {})).data);
    void phone.client.updateSettings({ typing: false });
    await both(at, ({ client }) => client.settings?.typing === false);
    void phone.client.block(bob.me.id);
    assert.equal(phone.client.blocked.has(bob.me.id), true);
    await both(at, ({ client }) => client.blocked.has(bob.me.id));
    assert.deepEqual(
      (await laptop.client.listBlocks()).items.map(({ user }) => user.id),
      [bob.me.id],
    );
    await assert.rejects(phone.client.send(chat.id, "Hello?").sent, (error: ProblemError) => {
      return error.code === "you_blocked";
    });
    await away(line, laptop, async () => {
      const ended = phone.client.unblock(bob.me.id);
      // What is sent now would be refused.
      assert.equal(phone.client.blocked.has(bob.me.id), true);
      await ended;
      assert.equal(phone.client.blocked.has(bob.me.id), false);
      await phone.client.saveDraft(chat.id, { content: "Again" });
      await phone.client.updateSettings({ typing: true, notify: "mentions" });
    });
    await both(at, ({ client }) => !client.blocked.size && client.settings?.notify === "mentions");
    assert.equal(laptop.client.savedDraft(chat.id)?.content, "Again");
  });

  test("ends with the membership, and begins again with another", async (t) => {
    const line = await Line.open(t);
    const [phone, bob] = await Promise.all([user(t, "phone"), user(t, "bob")]);
    const laptop = await anotherWindow(t, phone, { url: line.url });
    const group = await bob.client.createGroup({ name: "Friends", memberIds: [phone.me.id] });
    const message = await bob.client.send(group.id, "Hello").sent;
    for (const { client } of [phone, laptop]) {
      await until(client, () => client.chat(group.id)?.lastSeq === 1);
      await client.openChat(group.id);
    }
    await phone.client.hideMessages([message.id]);
    await phone.client.saveDraft(group.id, { content: "Hello" });
    await phone.client.setChatState(group.id, { pinned: true });
    await until(laptop.client, () => laptop.client.chat(group.id)?.isPinned);
    assert.equal(stored(laptop.client, group.id)[0]?.isHidden, true);
    await away(line, laptop, async () => {
      await phone.client.leaveGroup(group.id);
      await bob.client.addMember(group.id, phone.me.id);
      await until(phone.client, () => phone.client.chat(group.id));
    });
    await until(laptop.client, () => stored(laptop.client, group.id)[0]?.content === "Hello");
    assert.equal(laptop.client.chat(group.id)?.isPinned, false);
    assert.equal(laptop.client.savedDraft(group.id), undefined);
    // The next change of a device that saw the membership end is not mistaken.
    await laptop.client.setChatState(group.id, { isArchived: true });
    await until(phone.client, () => phone.client.chat(group.id)?.isArchived);
    assert.equal(phone.client.chat(group.id)?.isPinned, false);
  });

  test("changes wait for a connection, and are taken back if the server refuses them", async (t) => {
    const { phone, laptop, chat, line } = await devices(t);
    line.broken = true;
    line.cut();
    await until(laptop.client, () => laptop.client.connection.state === "offline");
    const pinned = laptop.client.setChatState(chat.id, { pinned: true });
    assert.equal(laptop.client.chat(chat.id)?.isPinned, true);
    assert.equal(phone.client.chat(chat.id)?.isPinned, false);
    line.broken = false;
    laptop.client.reconnect();
    await pinned;
    await until(phone.client, () => phone.client.chat(chat.id)?.isPinned);

    const chats = await Promise.all(
      Array.from({ length: 20 }, (_, at) => phone.client.createGroup({ name: `Group ${at}` })),
    );
    const pins = chats.map(({ id }) => phone.client.setChatState(id, { pinned: true }));
    assert.equal(phone.client.chats.filter(({ isPinned }) => isPinned).length, 21);
    await Promise.all(pins.slice(0, -1));
    await assert.rejects(
      pins.at(-1) as Promise<void>,
      (error) => error instanceof ConflictError && error.code === "limit_reached",
    );
    assert.equal(phone.client.chats.filter(({ isPinned }) => isPinned).length, 20);
  });

  test("the number of unread messages is the server's, and a message can be reported", async (t) => {
    const at = await devices(t);
    const { phone, bob, chat } = at;
    const message = await bob.client.send(chat.id, "Hello", { mentions: { userIds: [phone.me.id] } }).sent;
    await until(phone.client, () => phone.client.unreadCount === 1);
    assert.deepEqual(await phone.client.fetchUnread(), { chats: 1, messages: 1, mentions: 1 });
    await phone.client.setChatState(chat.id, { isArchived: true });
    assert.deepEqual(await phone.client.fetchUnread(), { chats: 0, messages: 0, mentions: 0 });
    assert.equal(phone.client.unreadCount, 0);
    const { id } = await phone.client.report({ messageId: message.id, reason: "spam" });
    assert.deepEqual(await phone.client.report({ messageId: message.id, reason: "spam" }), { id });
  });

  test("mentions of blocked users do not count, on a device that was away too", async (t) => {
    const at = await devices(t);
    const { phone, laptop, bob, line } = at;
    const group = await bob.client.createGroup({ name: "Friends", memberIds: [phone.me.id] });
    const mention = () => bob.client.send(group.id, "Hello", { mentions: { userIds: [phone.me.id] } }).sent;
    await mention();
    const counted = (count: number) => both(at, ({ client }) => client.chat(group.id)?.mentionCount === count);
    await counted(1);
    await away(line, laptop, () => phone.client.block(bob.me.id));
    await counted(0);
    await mention();
    await both(at, ({ client }) => client.chat(group.id)?.lastSeq === 2);
    await counted(0);
    await laptop.client.unblock(bob.me.id);
    await counted(2);
  });
});
