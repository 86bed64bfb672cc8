// What was last seen is shown before the network answers, and corrected by it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { type CacheStorage, type ClientOptions, memorySession } from "../src/index.js";
import { client, online, pass, user, stored, talk, texts, truth, until } from "./support.js";

const NOWHERE = "http://127.0.0.1:9";
// The cache is written two seconds after a change.
const SAVED_MS = 2500;

describe("the cache", { concurrency: 4 }, () => {
  test("shows the list and the last page of an opened chat without a network", async (t) => {
    const { options, chat, alice } = await conversation(t, 3);
    const page = client(t, { ...options, url: NOWHERE });
    await page.restore();
    await until(page, () => page.chats.length === 1);
    assert.equal(page.chats[0]?.lastMessage?.content, "message 2");
    void page.openChat(chat.id).catch(() => {});
    await until(page, () => texts(page, chat.id).length === 3);
    assert.equal(page.history(chat.id).error, null);
    assert.equal(page.session.me?.id, alice.me.id);
    assert.notEqual(page.connection.state, "online");
  });

  for (const missed of [5, 120]) {
    test(`is corrected after ${missed} messages, an edit and a deletion that it missed`, async (t) => {
      const { options, chat, alice, bob } = await conversation(t, 60);
      const [first, second] = stored(bob.client, chat.id).slice(-2);
      await bob.client.edit(first?.id ?? "", "Edited");
      await bob.client.delete(second?.id ?? "");
      for (let count = 0; count < missed; count += 1) await bob.client.send(chat.id, `missed ${count}`).sent;

      const page = client(t, options);
      await page.restore();
      await page.openChat(chat.id);
      await online(page);
      const expected = await truth(t, alice, chat.id);
      const agrees = (): boolean => {
        const shown = stored(page, chat.id).map(({ id, rev }) => `${id} ${rev}`);
        const newest = expected.slice(-shown.length).map(({ id, rev }) => `${id} ${rev}`);
        return shown.length >= 50 && shown.join() === newest.join();
      };
      await until(page, agrees);
      while (await page.loadOlder(chat.id));
      assert.deepEqual(
        stored(page, chat.id).map(({ id }) => id),
        expected.map(({ id }) => id),
      );
      assert.equal(page.chat(chat.id)?.lastMessage?.content, `missed ${missed - 1}`);
    });
  }

  test("does not keep older messages from being fetched while it is corrected", async (t) => {
    const { options, chat } = await conversation(t, 60, { isOpen: false });
    const page = client(t, options);
    await page.restore();
    await until(page, () => page.chats.length === 1);
    void page.openChat(chat.id);
    await until(page, () => texts(page, chat.id).length === 50);
    await page.loadOlder(chat.id);
    assert.equal(texts(page, chat.id).length, 60);
  });

  test("takes nothing from what the server says, when it is slow to answer", async (t) => {
    const { options, chat, alice, bob } = await conversation(t, 1);
    const group = await bob.client.createGroup({ name: "Left", memberIds: [alice.me.id] });
    await until(alice.client, () => alice.client.chat(group.id));
    const first = client(t, options);
    await first.restore();
    await until(first, () => first.chat(group.id));
    await pass(SAVED_MS);
    first.close();
    await alice.client.leaveGroup(group.id);
    const { cache } = options;
    const slow = { ...cache, get: <T>(key: readonly string[]) => pass(400).then(() => cache.get<T>(key)) };
    const page = client(t, { ...options, cache: slow });
    await page.restore();
    await online(page);
    await pass(1500);
    assert.equal(page.presence(bob.me.id)?.isOnline, true);
    assert.deepEqual(
      page.chats.map(({ id }) => id),
      [chat.id],
    );
  });

  test("holds nothing up where it does not answer or can't be read", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const cache = memoryCache();
    const silent = { get: never, put: never, delete: never };
    const queue = { list: never, put: never, remove: never, clear: never };
    const page = client(t, { session: memorySession(), cache: silent, queue });
    await page.login(alice.account);
    await online(page);
    await page.logout();
    await page.login(bob.account);
    await online(page);

    cache.values.set(JSON.stringify(["owner"]), `1 ${alice.me.id}`);
    cache.values.set(JSON.stringify([alice.me.id, "list"]), { chats: [null], pages: [] });
    const other = client(t, { cache });
    await other.login(alice.account);
    await online(other);
  });

  test("forgets a chat that the user was removed from meanwhile", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const options = { session: memorySession(), cache: memoryCache() };
    const group = await bob.client.createGroup({ name: "Friends", memberIds: [alice.me.id] });
    const first = client(t, options);
    await first.login(alice.account);
    await online(first);
    await pass(SAVED_MS);
    first.close();
    await bob.client.removeMember(group.id, alice.me.id);
    const page = client(t, options);
    await page.restore();
    await online(page);
    assert.deepEqual(page.chats, []);
  });

  test("holds nothing after the logout, nor of another user, nor in another format", async (t) => {
    for (const end of ["logout", "another user", "another format"]) {
      const { options, chat, alice, bob } = await conversation(t, 1);
      assert.ok(options.cache.values.size > 0);
      const page = client(t, options);
      await page.restore();
      if (end === "logout") {
        await page.logout();
        assert.equal(options.cache.values.size, 0);
      } else if (end === "another user") {
        page.close();
        const other = client(t, { ...options, session: memorySession() });
        await other.login(bob.account);
        await online(other);
        assert.equal([...options.cache.values].filter(([key]) => key.includes(alice.me.id)).length, 0);
      } else {
        page.close();
        options.cache.values.set(JSON.stringify(["owner"]), `0 ${alice.me.id}`);
        const later = client(t, { ...options, url: NOWHERE });
        await later.restore();
        await pass(100);
        assert.deepEqual([later.chats, later.messages(chat.id)], [[], []]);
      }
    }
  });

  test("holds the messages of the last thirty chats", async (t) => {
    const alice = await user(t, "alice");
    const cache = memoryCache();
    const options = { session: memorySession(), cache };
    const page = client(t, options);
    await page.login(alice.account);
    await online(page);
    for (let count = 0; count < 33; count += 1) {
      const group = await page.createGroup({ name: `Group ${count}` });
      await page.openChat(group.id);
      await page.send(group.id, "Hello").sent;
    }
    await pass(SAVED_MS);
    assert.equal([...cache.values.keys()].filter((key) => key.includes('"page"')).length, 30);
  });
});

async function conversation(t: Parameters<typeof user>[0], messages: number, { isOpen = true } = {}) {
  const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
  const chat = await talk(alice, bob);
  const options = { session: memorySession(), cache: memoryCache() } satisfies ClientOptions;
  const first = client(t, options);
  await first.login(alice.account);
  await online(first);
  if (isOpen) await first.openChat(chat.id);
  for (let count = 0; count < messages; count += 1) await bob.client.send(chat.id, `message ${count}`).sent;
  await first.openChat(chat.id);
  await until(first, () => texts(first, chat.id).at(-1) === `message ${messages - 1}`);
  await pass(SAVED_MS);
  first.close();
  return { options, chat, alice, bob };
}

function never(): Promise<never> {
  return new Promise(() => {});
}

function memoryCache(): CacheStorage & { values: Map<string, unknown> } {
  const values = new Map<string, unknown>();
  return {
    values,
    get: async <T>(key: readonly string[]) => structuredClone(values.get(JSON.stringify(key))) as T | undefined,
    put: async (key, value) => void values.set(JSON.stringify(key), structuredClone(value)),
    delete: async (prefix) => {
      const start = JSON.stringify(prefix).slice(0, -1);
      for (const key of values.keys()) if (key.startsWith(start)) values.delete(key);
    },
  };
}
