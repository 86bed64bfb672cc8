// Searches: what they find, page by page, how they are cancelled, and what they are refused with.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test, type TestContext } from "node:test";

import {
  type ChatClient,
  ForbiddenError,
  type MessageHit,
  type MessageSearch,
  NotFoundError,
  type Page,
  RateLimitedError,
  ValidationError,
} from "../src/index.js";
import type { Chat } from "../src/generated/schemas.js";
import { emptyStore } from "./empty-store.js";
import { pass, stored, talk, texts, user } from "./support.js";

/** All items from a page on. Any page of a search may be shorter than its limit, since it is bounded in time. */
async function all<T>({ items, next }: Page<T>): Promise<T[]> {
  return next ? [...items, ...(await all(await next()))] : [...items];
}

/** What a search finds once that is so many messages: the server indexes a message after it was sent. */
async function hits(searching: ChatClient, q: string, count: number, options?: MessageSearch): Promise<MessageHit[]> {
  for (;;) {
    const found = await all(await searching.searchMessages(q, options));
    if (found.length === count) return found;
    await pass(100);
  }
}

const contents = (found: readonly MessageHit[]) => found.map(({ message }) => message.content);

/** A client whose searches of messages are answered by `answer`. */
async function answered(t: TestContext, answer: (url: URL, request: RequestInit) => Promise<Response>) {
  const alice = await user(t, "alice", {
    fetch: (url, request) => (url.includes("/search/messages") ? answer(new URL(url), request) : fetch(url, request)),
  });
  return alice.client;
}

function pageOf(meta: { nextCursor: string | null; isPartial?: boolean }): Response {
  return Response.json({ data: [], meta: { hasMore: meta.nextCursor !== null, ...meta } });
}

function problem(status: number, code: string, more: object = {}): Response {
  return Response.json({ type: "about:blank", title: "", status, detail: "", code, ...more }, { status });
}

/** As a server that does not answer. */
function silent(request: RequestInit): Promise<never> {
  return new Promise((_, reject) => {
    request.signal?.addEventListener("abort", () => reject(request.signal?.reason));
  });
}

describe("search", { concurrency: 4, timeout: 60_000 }, () => {
  test("messages are found with their chat and what matched", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const { id } = await bob.client.send(chat.id, "🎉 The Café opens at noon").sent;
    await bob.client.send(chat.id, "And closes at six").sent;
    const found = await hits(alice.client, "cafe noon", 1);
    assert.deepEqual(
      found.map(({ message, highlights, chat: where }) => [message.id, highlights, where]),
      [
        [
          id,
          [
            [6, 4],
            [20, 4],
          ],
          { id: chat.id, name: null, type: "DIRECT" },
        ],
      ],
    );
  });

  test("a search continues with `next`, or with the cursor of a page", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    for (const content of ["lunch one", "lunch two", "lunch three"]) await bob.client.send(chat.id, content).sent;
    await hits(alice.client, "lunch", 3);
    const first = await alice.client.searchMessages("lunch", { limit: 2 });
    assert.ok(first.items.length <= 2 && first.next && first.nextCursor);
    const following = [first.next(), alice.client.searchMessages("lunch", { limit: 2, cursor: first.nextCursor })];
    for (const page of following) {
      const found = [...first.items, ...(await all(await page))];
      assert.deepEqual(contents(found), ["lunch three", "lunch two", "lunch one"]);
    }
  });

  test("a search can be narrowed to a chat, a sender, a kind and a time", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const group = await alice.client.createGroup({ name: "Friends", memberIds: [bob.me.id] });
    const old = await alice.client.send(chat.id, "tea in the chat").sent;
    const link = await bob.client.send(group.id, "tea at https://example.org").sent;
    await hits(alice.client, "tea", 2);
    const narrowed = {
      chat: { chatId: group.id },
      sender: { fromId: bob.me.id },
      kind: { has: "link" },
      after: { after: old.createdAt },
    } as const;
    for (const [name, filter] of Object.entries(narrowed)) {
      assert.deepEqual(contents(await hits(alice.client, "tea", 1, filter)), [link.content], name);
    }
    const before = await hits(alice.client, "tea", 1, { before: link.createdAt, sort: "best" });
    assert.deepEqual(contents(before), [old.content]);
  });

  test("a hit can be shown in its chat, and does not change what is loaded before", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await bob.client.createDirectChat(alice.me.id);
    await bob.client.send(chat.id, "Where is the needle?").sent;
    await Promise.all(Array.from({ length: 120 }, (_, number) => bob.client.send(chat.id, `hay ${number}`).sent));
    await alice.client.openChat(chat.id);
    const before = texts(alice.client, chat.id);
    const [hit] = await hits(alice.client, "needle", 1);
    assert.ok(hit);
    assert.deepEqual(texts(alice.client, chat.id), before);
    await alice.client.openChat(hit.chat.id);
    const shown = await alice.client.loadAround(hit.chat.id, hit.message.id);
    assert.equal(shown?.content, "Where is the needle?");
    assert.ok(stored(alice.client, chat.id).some(({ id }) => id === hit.message.id));
    assert.equal(alice.client.history(chat.id).hasNewer, true);
  });

  test("chats are found by name, as the list of chats has them, archived ones too", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const group = await alice.client.createGroup({ name: `Friends of ${bob.me.username}` });
    await alice.client.setChatState(chat.id, { isArchived: true });
    const { items } = await alice.client.searchChats(bob.me.username);
    assert.deepEqual(items, [alice.client.chat(chat.id), alice.client.chat(group.id)]);
    const first = await alice.client.searchChats(bob.me.username, { limit: 1 });
    assert.deepEqual([first.items, (await first.next?.())?.items], [items.slice(0, 1), items.slice(1)]);
  });

  test("a chat that is not in the list is found as it is, and not added to it", () => {
    const store = emptyStore();
    const found = { id: "chat", type: "DIRECT", lastSeq: 3, lastRev: 3, unreadCount: 1, memberCount: 2 };
    const rest = { updatedAt: "", peer: null, lastMessage: null, me: { chatId: "chat", meRev: 1, hiddenSeq: 3 } };
    const { isHidden, unreadCount } = store.seen({ ...found, ...rest } as unknown as Chat);
    assert.deepEqual([isHidden, unreadCount], [true, 1]);
    assert.deepEqual(store.chats, []);
  });

  test("users are found page by page", async (t) => {
    const alice = await user(t, "alice");
    const name = `x${randomBytes(4).toString("hex")}`;
    const others = await Promise.all(["a", "b", "c"].map((letter) => user(t, `${name}_${letter}`)));
    const first = await alice.client.searchUsers(name, { limit: 2 });
    assert.deepEqual([first.items.length, first.hasMore], [2, true]);
    assert.deepEqual(
      (await all(first)).map(({ username }) => username),
      others.map(({ me }) => me.username).sort(),
    );
  });

  test("a page that the time limit ended is partial, and the search goes on after it", async (t) => {
    const asked: (string | null)[] = [];
    const alice = await answered(t, async ({ searchParams }) => {
      asked.push(searchParams.get("cursor"));
      return asked.length === 1 ? pageOf({ nextCursor: "far", isPartial: true }) : pageOf({ nextCursor: null });
    });
    const page = await alice.searchMessages("rare");
    assert.deepEqual([page.items, page.hasMore, page.isPartial], [[], true, true]);
    const last = await page.next?.();
    assert.deepEqual([last?.hasMore, last?.isPartial, last?.nextCursor, last?.next], [false, false, null, null]);
    assert.deepEqual(asked, [null, "far"]);
  });

  test("a refused search rejects with what the server says", async (t) => {
    const [alice, bob, carol] = await Promise.all([user(t, "alice"), user(t, "bob"), user(t, "carol")]);
    await assert.rejects(alice.client.searchMessages("-only"), ValidationError);
    const { id: chatId } = await bob.client.createDirectChat(carol.me.id);
    await assert.rejects(alice.client.searchMessages("tea", { chatId }), NotFoundError);
    const problems = [problem(403, "search_off"), problem(429, "rate_limited", { retryAfter: 40 })];
    const other = await answered(t, async () => problems.shift() as Response);
    await assert.rejects(other.searchMessages("tea"), (error) => {
      return error instanceof ForbiddenError && error.code === "search_off";
    });
    await assert.rejects(other.searchMessages("tea"), (error) => {
      return error instanceof RateLimitedError && error.retryAfter === 40;
    });
  });
});

describe("a cancelled search", { concurrency: 4, timeout: 60_000 }, () => {
  test("rejects with an AbortError, and its request is aborted", async (t) => {
    const cancel = new AbortController();
    let request: RequestInit = {};
    const alice = await answered(t, (_, made) => {
      request = made;
      cancel.abort();
      return silent(made);
    });
    await assert.rejects(alice.searchMessages("tea", { signal: cancel.signal }), { name: "AbortError" });
    assert.equal(request.signal?.aborted, true);
  });

  test("rejects with the reason of its signal", async (t) => {
    const alice = await answered(t, (_, request) => silent(request));
    const search = alice.searchMessages("tea", { signal: AbortSignal.timeout(50) });
    await assert.rejects(search, { name: "TimeoutError" });
  });

  test("does not wait until the server would take it", async (t) => {
    const cancel = new AbortController();
    const alice = await answered(t, async () => {
      setTimeout(() => cancel.abort(), 50);
      return problem(429, "rate_limited", { retryAfter: 9 });
    });
    const began = performance.now();
    await assert.rejects(alice.searchMessages("tea", { signal: cancel.signal }), { name: "AbortError" });
    assert.ok(performance.now() - began < 5000);
  });

  test("asks for nothing if it was cancelled before, nor do the pages after it", async (t) => {
    const cancel = new AbortController();
    let count = 0;
    const alice = await answered(t, async () => {
      count += 1;
      return pageOf({ nextCursor: "more" });
    });
    const { next } = await alice.searchMessages("tea", { signal: cancel.signal });
    cancel.abort();
    assert.ok(next);
    await assert.rejects(next(), { name: "AbortError" });
    await assert.rejects(alice.searchMessages("tea", { signal: cancel.signal }), { name: "AbortError" });
    assert.equal(count, 1);
  });

  test("of users or chats is cancelled alike", async (t) => {
    const { client } = await user(t, "alice");
    const signal = AbortSignal.abort();
    await assert.rejects(client.searchUsers("al", { signal }), { name: "AbortError" });
    await assert.rejects(client.searchChats("al", { signal }), { name: "AbortError" });
  });
});
