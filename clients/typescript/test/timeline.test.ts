// A chat with many messages: a change of one costs no look at the others, and the oldest pages can be dropped.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { Item, Message } from "../src/index.js";
import { Timeline } from "../src/timeline.js";
import { user, stored, talk, until } from "./support.js";

const ME = "me";
const OTHER = "other";

function messageOf(seq: number, changes: Partial<Message> = {}): Message {
  const rest = { content: `Number ${seq}`, senderId: seq % 2 ? ME : OTHER, status: "SENT", clientId: null };
  return { id: `id ${seq}`, seq, rev: seq, ...rest, ...changes } as Message;
}

const deleted = (message: Message): Message => ({ ...message, isDeleted: true });

/** Messages from `first` to `last`, newest first, as a page has them. */
function page(first: number, last: number): Message[] {
  return Array.from({ length: last - first + 1 }, (_, at) => messageOf(last - at));
}

/** A timeline with so many messages in pages of 50, and how many items were made. */
function timelineOf(count: number): { timeline: Timeline; made: () => number; list: () => Message[] } {
  let made = 0;
  const timeline = new Timeline(ME, (message) => {
    made += 1;
    return { state: "sent", key: message.id, message, edit: null, isDeleting: false } as Item;
  });
  let before: string | null = null;
  for (let last = count; last > 0; last -= 50) {
    const first = Math.max(1, last - 49);
    const cursor = first > 1 ? `before ${first}` : null;
    timeline.addPage(page(first, last), cursor, before);
    before = cursor;
  }
  const list = (): Message[] => timeline.list().flatMap((item) => (item.state === "sent" ? [item.message] : []));
  return { timeline, made: () => made, list };
}

const seqs = (messages: Message[]): number[] => messages.map(({ seq }) => seq);

test("of 10,000 messages, a change makes one item, and the others stay the same", () => {
  const { timeline, made } = timelineOf(10_000);
  const before = timeline.list();
  assert.equal(before.length, 10_000);
  const count = made();
  timeline.put(messageOf(10_001));
  timeline.put(messageOf(5000, { rev: 10_002, content: "Edited" }));
  timeline.change("id 7000", deleted);
  timeline.refresh("id 8000");
  const after = timeline.list();
  assert.equal(made() - count, 4);
  assert.equal(after.filter((item, at) => item !== before[at]).length, 4);
});

test("receipts look at no message twice", () => {
  const { timeline } = timelineOf(10_000);
  const looks = { count: 0 };
  const find = timeline as unknown as { at(seq: number): Message | undefined };
  const { at } = find;
  find.at = (seq) => {
    looks.count += 1;
    return at.call(timeline, seq);
  };
  assert.equal(timeline.raise("READ", 9999, { own: true }), true);
  assert.equal(timeline.oldestUnread(), 0);
  looks.count = 0;
  for (let seq = 10_001; seq <= 10_100; seq += 1) {
    timeline.put(messageOf(seq));
    timeline.raise("READ", seq, { own: true });
    timeline.oldestUnread();
  }
  assert.ok(looks.count < 500, `${looks.count}`);
});

describe("trimming", () => {
  test("drops whole pages beyond what is kept, and goes on from there", () => {
    const { timeline, list } = timelineOf(500);
    assert.equal(timeline.history.hasOlder, false);
    assert.equal(timeline.trim(120), true);
    assert.deepEqual([list()[0]?.seq, list().length, timeline.history.hasOlder], [351, 150, true]);
    assert.equal(timeline.find("id 350"), undefined);
    assert.equal(timeline.trim(120), false);
    assert.equal(timeline.cursor, "before 351");
    timeline.addPage(page(301, 350), "before 301", "before 351");
    assert.deepEqual(seqs(list()).slice(0, 2), [301, 302]);
    assert.equal(list().length, 200);
  });

  test("a page that was asked for before is not taken in after it", () => {
    const { timeline, list } = timelineOf(500);
    timeline.trim(100);
    timeline.addPage(page(351, 400), "before 351", "before 401");
    assert.equal(timeline.trim(100), true);
    timeline.addPage(page(301, 350), "before 301", "before 351");
    assert.deepEqual([list()[0]?.seq, list().length], [401, 100]);
    assert.equal(timeline.history.loading, false);
  });

  test("changes of messages that were dropped make no difference", () => {
    const { timeline, list } = timelineOf(500);
    timeline.trim(100);
    assert.equal(timeline.put(messageOf(20, { rev: 501 })), false);
    assert.equal(timeline.change("id 20", deleted), false);
    assert.equal(list().length, 100);
  });

  test("what came in live can be dropped too", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { client } = bob;
    const sent = Array.from({ length: 230 }, (_, number) => alice.client.send(chat.id, `Number ${number + 1}`).sent);
    await Promise.all(sent);
    await until(client, () => stored(client, chat.id).length === 230);
    client.trimHistory(chat.id, 110);
    await until(client, () => client.history(chat.id).hasOlder);
    assert.deepEqual([stored(client, chat.id)[0]?.seq, stored(client, chat.id).length], [31, 200]);
    while (await client.loadOlder(chat.id));
    assert.deepEqual(
      seqs(stored(client, chat.id)),
      Array.from({ length: 230 }, (_, at) => at + 1),
    );
  });
});
