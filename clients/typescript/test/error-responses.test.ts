// What a handshake is refused with is known, and a time to come back is respected.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";

import { client, user, SERVER, until } from "./support.js";
import { toError } from "../src/errors.js";
import { isPassing } from "../src/http.js";
import { ForbiddenError, memorySession, RateLimitedError } from "../src/index.js";
import { type Job, JobQueue } from "../src/job-queue.js";
import { pause } from "../src/waiting.js";

/** The URL of a server that refuses handshakes with this problem, and does all else. */
async function refusing(
  t: TestContext,
  problem: { status: number; code: string; retryAfter?: number },
): Promise<string> {
  const body = JSON.stringify({ type: "about:blank", title: "", detail: "This is why.", ...problem });
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/socket.io/")) {
      response.writeHead(problem.status, { "Content-Type": "application/problem+json" }).end(body);
      return;
    }
    const { method = "GET", headers } = request;
    const passed = { authorization: headers.authorization ?? "" };
    fetch(`${SERVER}${request.url}`, { method, headers: passed }).then(async (passedOn) => {
      response.writeHead(passedOn.status, { "Content-Type": "application/json" }).end(await passedOn.text());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address && typeof address === "object");
  return `http://127.0.0.1:${address.port}`;
}

/** The error and the next attempt of a user who is logged in and whose handshake is refused. */
async function refused(t: TestContext, problem: { status: number; code: string; retryAfter?: number }) {
  const session = memorySession();
  const alice = await user(t, "alice", { session });
  alice.client.close();
  const again = client(t, { url: await refusing(t, problem), session });
  await again.restore();
  const { error, retryAt } = await until(again, () => again.connection.retryAt !== null && again.connection);
  return { error, waitMs: (retryAt ?? 0) - Date.now() };
}

test("a refused origin is known as such", async (t) => {
  const { error } = await refused(t, { status: 403, code: "origin_not_allowed" });
  assert.ok(error instanceof ForbiddenError);
  assert.deepEqual([error.code, error.message], ["origin_not_allowed", "This is why."]);
});

test("too many handshakes are tried again when the server says", async (t) => {
  const { error, waitMs } = await refused(t, { status: 429, code: "rate_limited", retryAfter: 7 });
  assert.ok(error instanceof RateLimitedError);
  // Never earlier, and clients that were refused together not all at the same time.
  assert.ok(waitMs > 6000 && waitMs <= 8750, String(waitMs));
});

test("a request whose body stalled is repeated, one that the server refuses is not", () => {
  const problem = { type: "about:blank", title: "", detail: "", code: "" };
  assert.deepEqual(
    [408, 500, 503, 403, 413, 422, 429].filter((status) => isPassing(toError({ ...problem, status }))),
    [408, 500, 503],
  );
});

test("a job whose body stalls again and again is refused", async () => {
  const problem = { type: "about:blank", title: "", detail: "", code: "request_timeout", status: 408 };
  let attempts = 0;
  let job: Job | undefined = {
    given: new AbortController(),
    send: async () => {
      attempts += 1;
      throw toError(problem);
    },
    refused: (error) => {
      assert.equal((error as { status?: number }).status, 408);
      job = undefined;
    },
  };
  // Each attempt costs the user the traffic of the whole file.
  await Promise.race([
    new JobQueue(
      () => attempts < 10,
      () => job,
    ).run(),
    pause(20_000),
  ]);
  assert.equal(attempts, 3);
  assert.equal(job, undefined);
});
