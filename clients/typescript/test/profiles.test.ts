// Names and pictures of users and groups.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { Chat, Member, Message, User } from "../src/generated/schemas.js";
import { UnacceptableFileError, ValidationError } from "../src/index.js";
import { emptyStore } from "./empty-store.js";
import { anotherWindow, talk, until, user } from "./support.js";

const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const picture = { data: new Blob([PIXEL]), name: "pixel.png" };

describe("profiles", () => {
  test("others and other windows of the user see a changed profile at once", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const window = await anotherWindow(t, alice);
    await alice.client.send(chat.id, "Hello").sent;
    await until(bob.client, () => bob.client.chat(chat.id)?.lastMessage);
    const me = await alice.client.updateMe({ displayName: "Alice", data: { team: 7 } });
    assert.deepEqual([me.displayName, me.data], ["Alice", { team: 7 }]);
    await until(bob.client, () => bob.client.chat(chat.id)?.peer?.displayName === "Alice");
    assert.deepEqual(bob.client.chat(chat.id)?.peer?.data, { team: 7 });
    assert.equal(bob.client.chat(chat.id)?.lastMessage?.sender.displayName, "Alice");
    await until(window.client, () => window.client.session.me?.displayName === "Alice");
    assert.equal(window.client.session.me?.email, alice.me.email);
    alice.client.typing(chat.id);
    await until(bob.client, () => bob.client.typers(chat.id)[0]?.displayName === "Alice");
    await alice.client.updateMe({ displayName: null });
    await until(bob.client, () => bob.client.chat(chat.id)?.peer?.displayName === undefined);
  });
});

describe("avatars", () => {
  test("a user uploads an avatar and removes it", async (t) => {
    const alice = await user(t, "alice");
    const shares: number[] = [];
    const crop = { x: 0, y: 0, size: 1 };
    const me = await alice.client.setAvatar(picture, { crop, onProgress: (share) => shares.push(share) });
    assert.match(me.avatar ?? "", /^\/avatars\/[0-9a-f]{32}\.webp$/);
    assert.equal(alice.client.session.me?.avatar, me.avatar);
    assert.equal(shares.at(-1), 1);
    for (const size of [96, 512] as const) {
      const shown = await fetch(alice.client.avatarUrl(me.avatar ?? "", size));
      assert.deepEqual([shown.status, shown.headers.get("Content-Type")], [200, "image/webp"]);
    }
    assert.equal((await alice.client.removeAvatar()).avatar, null);
    assert.equal(alice.client.session.me?.avatar, null);
  });

  test("the server refuses what is no picture, and a crop outside of it", async (t) => {
    const { client } = await user(t, "alice");
    const text = { data: new Blob(["text"]), name: "a.png" };
    await assert.rejects(client.setAvatar(text), UnacceptableFileError);
    await assert.rejects(client.setAvatar(picture, { crop: { x: 1, y: 0, size: 1 } }), ValidationError);
  });

  test("all members see the avatar of a group", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const { id } = await alice.client.createGroup({ name: "Group", memberIds: [bob.me.id] });
    const { avatar } = await alice.client.setGroupAvatar(id, picture);
    assert.equal(alice.client.chat(id)?.avatar, avatar);
    await until(bob.client, () => avatar !== null && bob.client.chat(id)?.avatar === avatar);
    await alice.client.removeGroupAvatar(id);
    await until(bob.client, () => bob.client.chat(id)?.avatar === null);
  });

  test("pictures of other servers keep their URL", async (t) => {
    const { client } = await user(t, "alice");
    assert.equal(client.avatarUrl("https://example.org/a.png"), "https://example.org/a.png");
  });
});

test("a changed profile shows wherever the store has the user", () => {
  const sender = { id: "bob", username: "bob", avatar: null, displayName: "Bob" };
  const peer = {
    ...sender,
    isOnline: true,
    lastSeen: null,
    createdAt: "",
    data: { team: 7 },
    externalId: "4711",
  } as User;
  const message = { id: "m", chatId: "chat", seq: 1, rev: 1, senderId: "bob", sender, createdAt: "" } as Message;
  const store = emptyStore();
  const members = [{ userId: "bob", role: "MEMBER", joinedAt: "", user: peer }] as Member[];
  const rest = { lastSeq: 1, lastRev: 1, memberCount: 2, unreadCount: 0, updatedAt: "" };
  store.put({ id: "chat", type: "DIRECT", peer, lastMessage: message, members, ...rest } as unknown as Chat);
  const timeline = store.timeline("chat");
  timeline?.addPage([message], null, null);
  store.onUserUpdated({
    id: "bob",
    username: "bobby",
    avatar: "/avatars/a.webp",
    isOnline: false,
    lastSeen: null,
  } as User);
  const now = { id: "bob", username: "bobby", avatar: "/avatars/a.webp" };
  const chat = store.chat("chat");
  // Presence and external id are not in the event; name and data were removed.
  const shown = { ...now, isOnline: true, lastSeen: null, createdAt: "", externalId: "4711" };
  assert.deepEqual(chat?.peer, shown);
  assert.deepEqual(store.members("chat")[0]?.user, shown);
  assert.deepEqual(chat?.lastMessage?.sender, now);
  assert.deepEqual(timeline?.find("m")?.sender, now);
  assert.deepEqual(store.displayNameOf("chat", "bob"), {});
});
