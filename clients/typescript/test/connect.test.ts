// Users of an application whose backend has their tokens, on a server whose access tokens last 3 seconds.
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { describe, test } from "node:test";

import { type LoginResponse, LoggedOutError, memoryQueue, memorySession } from "../src/index.js";
import { client, online, pass, SERVER, until } from "./support.js";

const LIFETIME_MS = 3000;

describe("a user of an application", { concurrency: 4 }, () => {
  test("is logged in with tokens of its backend, which is asked once", async (t) => {
    const ada = await shopper("ada");
    const session = memorySession();
    const page = client(t, { session });
    const me = await page.connect({ userId: "1", tokens: ada.tokens });
    assert.equal(me.id, ada.me.id);
    assert.equal(await page.connect({ userId: "1", tokens: ada.tokens }), page.session.me);
    await online(page);
    page.close();

    const nextPage = client(t, { session });
    const again = { userId: "1", tokens: ada.tokens };
    await Promise.all([nextPage.connect(again), nextPage.connect(again)]);
    await online(nextPage);
    assert.equal(ada.logins, 1);
  });

  test("takes the response of the backend's login with its envelope too", async (t) => {
    const ada = await shopper("ada");
    const page = client(t);
    await page.connect({ userId: "1", tokens: async () => ({ data: (await ada.tokens()) as LoginResponse }) });
    await online(page);
  });

  test("who follows another one sees nothing of them, from the call on", async (t) => {
    const [ada, ben] = await Promise.all([shopper("ada"), shopper("ben")]);
    const [session, queue] = [memorySession(), memoryQueue()];
    const page = client(t, { session, queue });
    await page.connect({ userId: "1", tokens: ada.tokens });
    await online(page);
    const chat = await page.createDirectChat(ben.me.id);
    const { sent } = page.send(chat.id, "Can't be sent");
    const refused = assert.rejects(sent);

    const connected = page.connect({ userId: "2", tokens: ben.tokens });
    assert.deepEqual([page.session.me, page.chats, page.messages(chat.id)], [null, [], []]);
    await connected;
    await refused;
    assert.equal(page.session.me?.id, ben.me.id);
    assert.deepEqual(await queue.list(ada.me.id), []);
    assert.equal((await session.load())?.me.id, ben.me.id);
    // The dropped session is over on the server too.
    await until(page, () => page.connection.state === "online");
    assert.equal(await status(ada.last.accessToken), 401);
  });

  test("who follows another one on a new page finds nothing that was stored", async (t) => {
    const [ada, ben] = await Promise.all([shopper("ada"), shopper("ben")]);
    const [session, queue] = [memorySession(), memoryQueue()];
    const first = client(t, { session, queue });
    await first.connect({ userId: "1", tokens: ada.tokens });
    await online(first);
    const chat = await first.createDirectChat(ben.me.id);
    first.close();
    const closed = client(t, { session, queue, url: "http://127.0.0.1:9" });
    await closed.restore();
    closed.send(chat.id, "Written offline");
    closed.close();

    const page = client(t, { session, queue });
    const seen: (string | undefined)[] = [];
    page.subscribe(() => seen.push(page.session.me?.id));
    await page.connect({ userId: "2", tokens: ben.tokens });
    await online(page);
    assert.ok(!seen.includes(ada.me.id));
    assert.deepEqual(await queue.list(ada.me.id), []);
  });

  test("goes on with new tokens of the backend when the refresh token is over", async (t) => {
    const ada = await shopper("ada");
    const page = client(t);
    await page.connect({ userId: "1", tokens: ada.tokens });
    await online(page);
    const states = new Set<string>();
    page.subscribe(() => states.add(page.session.state));
    await ada.endSessions();
    await until(page, () => ada.logins === 2);
    await online(page);
    await pass(LIFETIME_MS);
    assert.equal((await page.user(ada.me.username)).id, ada.me.id);
    assert.deepEqual([...states], ["loggedIn"]);
  });

  test("is logged out when the application has no user any more, or another one", async (t) => {
    const [ada, ben] = await Promise.all([shopper("ada"), shopper("ben")]);
    for (const next of [async () => null, ben.tokens]) {
      let asked = 0;
      const page = client(t);
      await page.connect({ userId: "1", tokens: () => ((asked += 1) === 1 ? ada.tokens() : next()) });
      await online(page);
      await ada.endSessions();
      await until(page, () => page.session.state === "loggedOut");
      assert.deepEqual(page.chats, []);
    }
    await assert.rejects(client(t).connect({ userId: "1", tokens: async () => null }), LoggedOutError);
  });

  test("who left before the backend answered is not logged in", async (t) => {
    const [ada, ben] = await Promise.all([shopper("ada"), shopper("ben")]);
    const page = client(t);
    const slow = page.connect({ userId: "1", tokens: () => pass(300).then(ada.tokens) });
    const left = assert.rejects(slow, LoggedOutError);
    await page.connect({ userId: "2", tokens: ben.tokens });
    await left;
    assert.equal(page.session.me?.id, ben.me.id);
  });

  test("can try again after the backend failed", async (t) => {
    const ada = await shopper("ada");
    const page = client(t);
    const failing = async () => Promise.reject(new Error("The backend is away."));
    await assert.rejects(page.connect({ userId: "1", tokens: failing }), /The backend is away/);
    assert.equal(page.session.state, "loggedOut");
    await page.connect({ userId: "1", tokens: ada.tokens });
    await online(page);
  });

  test("is logged in with a token of the application, and stays so when that is over", async (t) => {
    const userId = randomBytes(8).toString("hex");
    const page = client(t);
    let asked = 0;
    const tokens = async () => {
      asked += 1;
      return { appToken: appToken(userId) };
    };
    const me = await page.connect({ userId, tokens });
    assert.equal(me.externalId, userId);
    await pass(LIFETIME_MS);
    await online(page);
    assert.equal((await page.call("GET /users/me", {})).data.id, me.id);
    assert.equal(asked, 1);
  });
});

/** A JWT (RFC 7519) of the application that the server of these tests knows. */
function appToken(userId: string): string {
  const part = (object: object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: "HS256" })}.${part({ sub: userId, iss: "shop", iat: now, exp: now + 1 })}`;
  const signature = createHmac("sha256", process.env["APP_JWT_SECRET"]!).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

interface Shopper {
  me: LoginResponse["user"];
  /** What the backend does: log in with a password that it alone knows. */
  tokens: () => Promise<LoginResponse>;
  logins: number;
  last: LoginResponse;
  /** What an expired refresh token and an ended session have in common: neither of its tokens is accepted any more. */
  endSessions: () => Promise<void>;
}

async function shopper(name: string): Promise<Shopper> {
  const account = { username: `${name}_${randomBytes(4).toString("hex")}`, password: "Correct4Horse" };
  const first = await post("/auth/register", { ...account, email: `${account.username}@example.org` });
  const made: Shopper = {
    me: first.user,
    logins: 0,
    last: first,
    tokens: async () => {
      made.logins += 1;
      made.last = await post("/auth/login", account);
      return made.last;
    },
    async endSessions() {
      // By a new one, whose token has not expired yet.
      const { accessToken } = await post("/auth/login", account);
      await call("DELETE", "/auth/sessions", undefined, accessToken);
    },
  };
  return made;
}

const post = (path: string, body: object): Promise<LoginResponse> => call("POST", path, body);

async function call(method: string, path: string, body?: object, token = ""): Promise<LoginResponse> {
  const headers = {
    ...(body && { "Content-Type": "application/json" }),
    ...(token && { Authorization: `Bearer ${token}` }),
  };
  const response = await fetch(`${SERVER}/api/v1${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text}`);
  return text ? (JSON.parse(text) as { data: LoginResponse }).data : (undefined as never);
}

async function status(token: string): Promise<number> {
  return (await fetch(`${SERVER}/api/v1/users/me`, { headers: { Authorization: `Bearer ${token}` } })).status;
}
