// Reactions: they show at once, are taken back when the server refuses them, and are right for each user.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ConflictError, type Message } from "../src/index.js";
import { anotherWindow, Line, online, stored, talk, type TestUser, until, user } from "./support.js";

type Shown = [emoji: string, count: number, mine: boolean];

function shown({ client: watched }: TestUser, { chatId, id }: Message): Shown[] {
  const message = stored(watched, chatId).find((each) => each.id === id);
  return (message?.reactions ?? []).map(({ emoji, count, mine = false }) => [emoji, count, mine]);
}

function become(one: TestUser, message: Message, expected: Shown[]): Promise<unknown> {
  return until(one.client, () => JSON.stringify(shown(one, message)) === JSON.stringify(expected));
}

async function scene(t: Parameters<typeof user>[0], url?: string): Promise<[TestUser, TestUser, Message]> {
  const [alice, bob] = await Promise.all([user(t, "alice", url ? { url } : {}), user(t, "bob")]);
  const chat = await talk(alice, bob);
  const message = await bob.client.send(chat.id, "Lunch?").sent;
  await until(alice.client, () => stored(alice.client, chat.id).length);
  return [alice, bob, message];
}

describe("reactions", { concurrency: 4 }, () => {
  test("one is shown at once, and to the others with the user's own marked", async (t) => {
    const [alice, bob, message] = await scene(t);
    const reacting = alice.client.react(message.id, "👍");
    assert.deepEqual(shown(alice, message), [["👍", 1, true]]);
    assert.equal(alice.client.chat(message.chatId)?.lastMessage?.reactions?.[0]?.mine, true);
    await reacting;
    assert.deepEqual(shown(alice, message), [["👍", 1, true]]);
    await become(bob, message, [["👍", 1, false]]);
    await bob.client.react(message.id, "👍");
    await become(alice, message, [["👍", 2, true]]);
    const window = await anotherWindow(t, alice);
    await window.client.openChat(message.chatId);
    assert.deepEqual(shown(window, message), [["👍", 2, true]]);
    await alice.client.react(message.id, "👍", { on: false });
    for (const [one, mine] of [
      [alice, false],
      [window, false],
      [bob, true],
    ] as const) {
      await become(one, message, [["👍", 1, mine]]);
    }
    assert.equal(stored(bob.client, message.chatId)[0]?.isEdited, false);
  });

  test("a unique one replaces the user's others", async (t) => {
    const [alice, bob, message] = await scene(t);
    await Promise.all(["👍", "❤️"].map((emoji) => alice.client.react(message.id, emoji)));
    await bob.client.react(message.id, "👍");
    await become(alice, message, [
      ["👍", 2, true],
      ["❤️", 1, true],
    ]);
    const replacing = alice.client.react(message.id, "🎉", { unique: true });
    assert.deepEqual(shown(alice, message), [
      ["👍", 1, false],
      ["🎉", 1, true],
    ]);
    await replacing;
    await become(bob, message, [
      ["👍", 1, true],
      ["🎉", 1, false],
    ]);
    assert.deepEqual(shown(alice, message), [
      ["👍", 1, false],
      ["🎉", 1, true],
    ]);
  });

  test("what the server refuses is taken back", async (t) => {
    const [alice, , message] = await scene(t);
    const emojis = ["👍", "❤️", "😂", "😮", "😢", "🎉", "🔥", "👏", "🙏", "👀"];
    await Promise.all(emojis.map((emoji) => alice.client.react(message.id, emoji)));
    const refused = alice.client.react(message.id, "🚀");
    assert.equal(shown(alice, message).length, 11);
    await assert.rejects(refused, (error: unknown) => {
      return error instanceof ConflictError && error.code === "too_many_reactions";
    });
    assert.equal(shown(alice, message).length, 10);
  });

  test("without a connection, the last one of each emoji waits", async (t) => {
    const line = await Line.open(t);
    const [alice, bob, message] = await scene(t, line.url);
    line.broken = true;
    line.cut();
    await until(alice.client, () => alice.client.connection.state === "offline");
    const reactions = [
      alice.client.react(message.id, "👍"),
      alice.client.react(message.id, "❤️"),
      alice.client.react(message.id, "❤️", { on: false }),
    ];
    assert.deepEqual(shown(alice, message), [["👍", 1, true]]);
    await bob.client.react(message.id, "🎉");
    line.broken = false;
    alice.client.reconnect();
    await Promise.all(reactions);
    await online(alice.client);
    await become(alice, message, [
      ["🎉", 1, false],
      ["👍", 1, true],
    ]);
    await become(bob, message, [
      ["🎉", 1, true],
      ["👍", 1, false],
    ]);
  });

  test("those that were given while away are there, with the user's own ones of another device", async (t) => {
    const line = await Line.open(t);
    const [alice, bob, message] = await scene(t, line.url);
    const phone = await anotherWindow(t, alice);
    line.broken = true;
    line.cut();
    await until(alice.client, () => alice.client.connection.state === "offline");
    await phone.client.react(message.id, "👍");
    await bob.client.react(message.id, "👍");
    line.broken = false;
    alice.client.reconnect();
    await become(alice, message, [["👍", 2, true]]);
  });

  test("users who reacted are listed", async (t) => {
    const [alice, bob, message] = await scene(t);
    await alice.client.react(message.id, "👍");
    await bob.client.react(message.id, "👍");
    await bob.client.react(message.id, "❤️");
    const all = await alice.client.reactions(message.id);
    assert.deepEqual(
      all.items.map(({ emoji, user: { id } }) => [emoji, id]),
      [
        ["👍", alice.me.id],
        ["👍", bob.me.id],
        ["❤️", bob.me.id],
      ],
    );
    assert.equal((await alice.client.reactions(message.id, "❤️")).items.length, 1);
    assert.equal(all.next, null);
  });
});
