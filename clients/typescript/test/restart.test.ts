// A server that is gone for a while. These files run in processes of their own, so a fake browser can stand in for Node.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ChatClient, Connection } from "../src/index.js";
import { anotherWindow, control, online, pass, user, until } from "./support.js";

const AWAY_MS = 6000;
const BACK_MS = 2000;

test("a restarted server has every client back within two seconds, spread over that time", async (t) => {
  const users = await Promise.all(["alice", "bob", "carol", "dave"].map((name) => user(t, name)));
  const windows = await Promise.all(users.flatMap((who) => [1, 2, 3, 4].map(() => anotherWindow(t, who))));
  const clients = [...users, ...windows].map(({ client }) => client);
  await control("stop-server");
  await Promise.all(clients.map((each) => until(each, () => each.connection.cause === "unreachable")));
  await pass(AWAY_MS);
  const planned = clients.map((each) => each.connection.retryAt ?? 0).filter((at) => at > 0);
  assert.ok(Math.max(...planned) - Math.min(...planned) > 300, `all at once: ${planned}`);
  // When each began its last attempt: how long that takes depends on the machine.
  const began = new Map<ChatClient, number>();
  for (const each of clients) {
    let last: Connection["state"] | null = null;
    each.subscribe(() => {
      const { state } = each.connection;
      if (state === "connecting" && last !== state) began.set(each, Date.now());
      last = state;
    });
  }
  await control("start-server");
  const ready = Date.now();
  await Promise.all(clients.map(online));
  const last = Math.max(...began.values()) - ready;
  assert.ok(last < BACK_MS, `the last one tried again after ${last} ms`);
  for (const each of clients) assert.equal(each.connection.cause, null);
});

test("no connection says whether the device is offline or the server is away, and when it is tried again", async (t) => {
  const device = fakeDevice();
  t.after(device.restore);
  const { client } = await user(t, "alice");
  assert.deepEqual(client.connection, { state: "online", cause: null, retryAt: null, error: null });

  await control("stop-server");
  await until(client, () => client.connection.cause === "unreachable");
  const { state, retryAt } = await until(client, () => client.connection.state === "offline" && client.connection);
  assert.equal(state, "offline");
  const tried = until(client, () => client.connection.state === "connecting").then(() => Date.now());
  assert.ok(Math.abs((await tried) - (retryAt ?? 0)) < 100, "the countdown ends with the attempt");

  device.setOnline(false);
  await until(client, () => client.connection.cause === "offline");
  device.setOnline(true);
  await until(client, () => client.connection.cause === "unreachable");
  await control("start-server");
  await online(client);
});

test("a device that is online again connects at once", async (t) => {
  const device = fakeDevice();
  t.after(device.restore);
  const { client } = await user(t, "alice");
  await control("stop-server");
  await until(client, () => client.connection.state === "offline" && client.connection.retryAt);
  device.setOnline(false);
  const seen: Connection["state"][] = [];
  await until(client, () => client.connection.state === "offline" && client.connection.retryAt);
  client.subscribe(() => seen.push(client.connection.state));
  device.setOnline(true);
  assert.equal(client.connection.state, "connecting");
  await control("start-server");
  await online(client);
});

/** What a browser says of its network: `navigator.onLine`, and the events `online` and `offline`. */
function fakeDevice(): { setOnline(isOnline: boolean): void; restore(): void } {
  const events = new EventTarget();
  const before = Object.getOwnPropertyDescriptors(globalThis);
  let onLine = true;
  const fakes = {
    navigator: { value: Object.defineProperty({}, "onLine", { get: () => onLine }), configurable: true },
    addEventListener: { value: events.addEventListener.bind(events), configurable: true },
    removeEventListener: { value: events.removeEventListener.bind(events), configurable: true },
  };
  Object.defineProperties(globalThis, fakes);
  return {
    setOnline(isOnline) {
      onLine = isOnline;
      events.dispatchEvent(new Event(isOnline ? "online" : "offline"));
    },
    restore() {
      for (const name of Object.keys(fakes) as (keyof typeof fakes)[]) {
        const own = before[name as keyof typeof before] as PropertyDescriptor | undefined;
        if (own) Object.defineProperty(globalThis, name, own);
        else Reflect.deleteProperty(globalThis, name);
      }
    },
  };
}
