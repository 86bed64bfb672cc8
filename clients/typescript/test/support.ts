// Shared by the tests: users with clients, waiting for changes of a client, and a connection that can be cut.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

import { ChatClient, type Chat, type ClientOptions, type Item, type Me, type Message } from "../src/index.js";

export const SERVER = env("CHAT_URL");
const PASSWORD = "Correct4Horse";

function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} says nothing: these tests are started by pytest, beside a server.`);
  return value;
}

/** Ask the process that started these tests to do something to the server: `kill`, `kill-worker`. */
export async function control(what: string): Promise<void> {
  const response = await fetch(`${env("CONTROL_URL")}/${what}`, { method: "POST" });
  assert.ok(response.ok, `${what}: ${response.status} ${await response.text()}`);
}

export interface TestUser {
  client: ChatClient;
  me: Me;
  account: { username: string; password: string };
}

/** A client that is closed with the test. */
export function client(t: TestContext, options: ClientOptions = {}): ChatClient {
  const made = new ChatClient({ url: SERVER, ...options });
  t.after(() => made.close());
  return made;
}

/** A new user, with a client that is online. */
export async function user(t: TestContext, name: string, options: ClientOptions = {}): Promise<TestUser> {
  const username = `${name}_${randomBytes(4).toString("hex")}`;
  const account = { username, password: PASSWORD };
  const made = client(t, options);
  const me = await made.register({ ...account, email: `${username}@example.org` });
  await online(made);
  return { client: made, me, account };
}

/** The same user with another client, which shares nothing with the first. */
export async function anotherWindow(t: TestContext, who: TestUser, options: ClientOptions = {}): Promise<TestUser> {
  const made = client(t, options);
  await made.login(who.account);
  await online(made);
  return { ...who, client: made };
}

/** The direct chat of two users, which both know and have open. */
export async function talk(one: TestUser, other: TestUser): Promise<Chat> {
  const chat = await one.client.createDirectChat(other.me.id);
  await until(other.client, () => other.client.chat(chat.id));
  await Promise.all([one, other].map((each) => each.client.openChat(chat.id)));
  return chat;
}

export function online(watched: ChatClient): Promise<unknown> {
  return until(watched, () => watched.connection.state === "online");
}

/** What `seen` gives once it gives something, read again after each change that the client reports. */
export async function until<T>(
  watched: ChatClient,
  seen: () => T | undefined | false | null,
  seconds = 15,
): Promise<T> {
  const now = seen();
  if (now) return now;
  return new Promise((resolve, reject) => {
    const overdue = setTimeout(() => {
      end();
      reject(new assert.AssertionError({ message: `Not within ${seconds} s: ${seen}` }));
    }, seconds * 1000);
    const end = watched.subscribe(() => {
      const found = seen();
      if (!found) return;
      clearTimeout(overdue);
      end();
      resolve(found);
    });
  });
}

/** The stored messages that a client has of a chat. */
export function stored(watched: ChatClient, chatId: string): Message[] {
  return watched.messages(chatId).flatMap((item) => (item.state === "sent" ? [item.message] : []));
}

export function texts(watched: ChatClient, chatId: string): (string | null)[] {
  return stored(watched, chatId).map((message) => message.content);
}

export function items<State extends Item["state"]>(
  watched: ChatClient,
  chatId: string,
  state: State,
): Extract<Item, { state: State }>[] {
  return watched.messages(chatId).filter((item): item is Extract<Item, { state: State }> => item.state === state);
}

/** All that the server has of a chat, as a client that has just logged in reads it. */
export async function truth(t: TestContext, who: TestUser, chatId: string): Promise<Message[]> {
  const fresh = client(t);
  await fresh.login(who.account);
  await until(fresh, () => fresh.chatsLoaded);
  await fresh.openChat(chatId);
  while (await fresh.loadOlder(chatId));
  const found = stored(fresh, chatId);
  assert.deepEqual(
    found.map(({ seq }) => seq),
    found.map((_, index) => index + 1),
    "seq has no gaps",
  );
  return found;
}

/** A line to the server that can be cut, or drop the responses. */
export class Line {
  url = "";
  /** While it is broken, each new connection is closed at once. */
  broken = false;
  /** While set, the server's data is dropped: the server receives and handles requests, the client gets no response. */
  dropsResponses = false;
  /** Connections on which a client sends something for which this is true stop there, until `resume` or a response. */
  slow: (sent: Buffer) => boolean = () => false;
  /** Called with what a client sends. */
  onSent: (sent: Buffer) => void = () => {};
  private readonly server = createServer((from) => this.join(from));
  private readonly pairs = new Set<[Socket, Socket]>();

  static async open(t: TestContext): Promise<Line> {
    const line = new Line();
    await new Promise<void>((resolve) => line.server.listen(0, "127.0.0.1", resolve));
    const address = line.server.address();
    assert.ok(address && typeof address === "object");
    line.url = `http://127.0.0.1:${address.port}`;
    t.after(() => line.close());
    return line;
  }

  /** Go on with connections that are slow. */
  resume(): void {
    this.slow = () => false;
    for (const [from] of this.pairs) from.resume();
  }

  /** Drop every connection that there is. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
    this.pairs.clear();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private join(from: Socket): void {
    if (this.broken) {
      from.destroy();
      return;
    }
    const { hostname, port } = new URL(SERVER);
    const to = connect(Number(port), hostname);
    const pair: [Socket, Socket] = [from, to];
    this.pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay();
      socket.on("error", () => {});
      socket.on("close", () => {
        for (const end of pair) end.destroy();
        this.pairs.delete(pair);
      });
    }
    from.on("data", (sent: Buffer) => {
      this.onSent(sent);
      to.write(sent);
      if (this.slow(sent)) from.pause();
    });
    to.on("data", (said: Buffer) => {
      // A request that is refused before its end is sent again once all of it is sent.
      from.resume();
      if (!this.dropsResponses) from.write(said);
    });
  }
}

/** Pass some time in which nothing can be waited for. */
export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
