// Staying logged in, on a server whose access tokens last 3 seconds.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { memorySession, RateLimitedError, type SessionStorage, UnauthenticatedError } from "../src/index.js";
import { anotherWindow, client, Line, online, pass, user, stored, talk, until } from "./support.js";

const LIFETIME_MS = 3000;

describe("a session", { concurrency: 4 }, () => {
  test("outlives its access tokens, on the same socket", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const states: string[] = [];
    alice.client.subscribe(({ connection, session }) => {
      if (connection || session) states.push(`${alice.client.connection.state} ${alice.client.session.state}`);
    });
    // What can't be waited for: nothing is to happen, for longer than a token and the server's patience together.
    await pass(3 * LIFETIME_MS);
    await alice.client.send(chat.id, "Still here").sent;
    assert.equal((await alice.client.user(bob.me.username)).id, bob.me.id);
    await until(bob.client, () => stored(bob.client, chat.id).length);
    assert.deepEqual(states, []);
  });

  test("is taken up after a pause longer than its access token", async (t) => {
    const session = memorySession();
    const alice = await user(t, "alice", { session });
    alice.client.close();
    await pass(LIFETIME_MS + 500);
    const page = client(t, { session });
    assert.equal((await page.restore())?.id, alice.me.id);
    await online(page);
    assert.equal((await page.updateMe({ avatar: "https://example.org/a.png" })).avatar, "https://example.org/a.png");
  });

  test("is shared by many tabs that all refresh at the same time, without a lock between them", async (t) => {
    const session = tabs();
    const alice = await user(t, "alice", { session });
    const pages = Array.from({ length: 9 }, () => client(t, { session }));
    await Promise.all(pages.map((page) => page.restore()));
    await Promise.all(pages.map(online));
    const refreshes = session.saved;
    await pass(3 * LIFETIME_MS);
    for (const page of [...pages, alice.client]) {
      assert.equal(page.session.state, "loggedIn");
      assert.equal((await page.user(alice.me.username)).id, alice.me.id);
      assert.equal(page.connection.state, "online");
    }
    assert.ok(session.saved > refreshes);
  });

  test("ends in all tabs when one of them logs out", async (t) => {
    const session = tabs();
    const alice = await user(t, "alice", { session });
    const page = client(t, { session });
    await page.restore();
    await online(page);
    await alice.client.logout();
    await until(page, () => page.session.state === "loggedOut");
    assert.equal(page.session.reason, "elsewhere");
    assert.equal(page.connection.state, "offline");
    assert.equal(await client(t, { session }).restore(), null);
  });

  test("survives lost responses to its refreshes", async (t) => {
    const line = await Line.open(t);
    const session = memorySession();
    const alice = await user(t, "alice", { session, url: line.url });
    let lost = 0;
    line.onSent = (sent) => {
      if (!sent.includes("/auth/refresh") || lost >= 2) return;
      lost += 1;
      // The server has its time to rotate the token; its response is lost.
      line.dropsResponses = true;
      setTimeout(() => {
        line.cut();
        line.dropsResponses = false;
      }, 400);
    };
    const before = (await session.load())?.refreshToken;
    await pass(LIFETIME_MS);
    await until(alice.client, () => lost === 2 && alice.client.connection.state === "online");
    assert.notEqual((await session.load())?.refreshToken, before);
    assert.equal(alice.client.session.state, "loggedIn");
  });

  test("ends, and says why, when its refresh token was used by another client", async (t) => {
    const session = memorySession();
    const alice = await user(t, "alice", { session });
    const { refreshToken } = (await session.load()) ?? {};
    await pass(LIFETIME_MS);
    // Its successor was used too by now or soon is: reuse of the old one reveals a theft.
    await until(alice.client, () => alice.client.session.state === "loggedIn");
    const stolen = client(t, { session: thief({ ...(await session.load()), refreshToken }) });
    await pass(LIFETIME_MS);
    await stolen.restore();
    await until(stolen, () => stolen.session.state === "loggedOut");
    assert.equal(stolen.session.reason, "refresh_reused");
    await until(alice.client, () => alice.client.session.state === "loggedOut");
    assert.ok(["refresh_reused", "token_invalid"].includes(alice.client.session.reason ?? ""));
    assert.equal(await session.load(), null);
  });

  test("ends on one device and goes on on another", async (t) => {
    const alice = await user(t, "alice");
    const phone = await anotherWindow(t, alice);
    await alice.client.logout();
    await pass(LIFETIME_MS);
    assert.equal(phone.client.session.state, "loggedIn");
    assert.equal((await phone.client.user(alice.me.username)).id, alice.me.id);
  });

  test("does not begin with a wrong password, and not at all after too many", async (t) => {
    const alice = await user(t, "alice");
    const other = client(t);
    const login = () => other.login({ username: alice.me.username, password: "Wrong4Horse" });
    await assert.rejects(
      login(),
      (error) => error instanceof UnauthenticatedError && error.code === "invalid_credentials",
    );
    let limited: unknown;
    while (!(limited instanceof RateLimitedError)) limited = await login().catch((error: unknown) => error);
    assert.ok(limited.retryAfter >= 1);
  });
});

/** A storage that several tabs share; each is notified of what another has saved, as by localStorage. */
function tabs(): SessionStorage & { saved: number } {
  const kept = memorySession();
  const watchers = new Set<() => void>();
  return {
    saved: 0,
    load: () => kept.load(),
    save(session) {
      this.saved += 1;
      void kept.save(session);
      setTimeout(() => {
        for (const changed of watchers) changed();
      });
    },
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
  };
}

function thief(session: object): SessionStorage {
  return { ...memorySession(), load: () => ({ ...session, accessToken: "", expiresAt: 0 }) as never };
}

test("what the server can do is asked once for all who ask meanwhile", async (t) => {
  const urls: string[] = [];
  const counted: typeof fetch = (url, request) => {
    urls.push(String(url));
    return fetch(url, request);
  };
  const asking = client(t, { fetch: counted });
  const [one, other] = await Promise.all([asking.capabilities(), asking.capabilities()]);
  assert.deepEqual(one, other);
  assert.equal(urls.length, 1);
  await asking.capabilities();
  assert.equal(urls.length, 2);
});
