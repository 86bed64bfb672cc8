// Files, with their progress.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { DiscardedError, UnacceptableFileError } from "../src/index.js";
import { items, Line, person, stored, talk, texts, until } from "./support.js";

// The smallest picture: one pixel.
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const pdf = (bytes: number) => new Blob([Buffer.concat([Buffer.from("%PDF-1.4\n"), Buffer.alloc(bytes, "x")])]);

describe("files", { concurrency: 4 }, () => {
  test("a picture goes with its caption, and is shown by its link", async (t) => {
    const [alice, bob] = await Promise.all([person(t, "alice"), person(t, "bob")]);
    const chat = await talk(alice, bob);
    const file = new File([PIXEL], "Pixel.png", { type: "image/png" });
    const message = await alice.client.send(chat.id, "Look!", { file }).sent;
    assert.deepEqual([message.type, message.fileName, message.width], ["IMAGE", "Pixel.png", 1]);
    const seen = await until(bob.client, () => stored(bob.client, chat.id)[0]);
    assert.equal(seen.content, "Look!");
    const shown = await fetch(bob.client.fileUrl(seen.fileUrl ?? ""));
    assert.deepEqual([shown.status, shown.headers.get("Content-Type")], [200, "image/png"]);

    const renewed = await bob.client.renewLinks(message.id);
    assert.equal((await fetch(bob.client.fileUrl(renewed.fileUrl ?? ""))).status, 200);
  });

  test("an upload tells how far it is, and what was written after it waits for it", async (t) => {
    const [alice, bob] = await Promise.all([person(t, "alice"), person(t, "bob")]);
    const chat = await talk(alice, bob);
    const shares: number[] = [];
    alice.client.subscribe(() => {
      const [pending] = items(alice.client, chat.id, "pending");
      if (pending?.progress) shares.push(pending.progress);
    });
    const upload = alice.client.send(chat.id, "", { file: { data: pdf(2_000_000), name: "Long.pdf" } });
    const text = alice.client.send(chat.id, "That was it");
    assert.deepEqual([(await upload.sent).seq, (await text.sent).seq], [1, 2]);
    assert.ok(shares.length > 5, `${shares}`);
    assert.deepEqual(
      shares,
      [...shares].sort((one, other) => one - other),
    );
    assert.equal(shares.at(-1), 1);
  });

  test("an upload that is interrupted begins again, and is there once", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([person(t, "alice", { url: line.url }), person(t, "bob")]);
    const chat = await talk(alice, bob);
    let cuts = 0;
    line.heard = (sent) => {
      if (cuts < 2 && sent.includes("Long.pdf")) {
        cuts += 1;
        setTimeout(() => line.cut(), cuts === 1 ? 5 : 300);
        line.deaf = cuts === 2;
        setTimeout(() => (line.deaf = false), 320);
      }
    };
    const { sent } = alice.client.send(chat.id, "Here", { file: { data: pdf(1_000_000), name: "Long.pdf" } });
    assert.equal((await sent).fileSize, 1_000_009);
    assert.equal(cuts, 2);
    await until(bob.client, () => texts(bob.client, chat.id).length);
    await alice.client.send(chat.id, "Once").sent;
    await until(bob.client, () => texts(bob.client, chat.id).includes("Once"));
    assert.deepEqual(texts(bob.client, chat.id), ["Here", "Once"]);
  });

  test("a file that the server does not take says why, and can be given up", async (t) => {
    const [alice, bob] = await Promise.all([person(t, "alice"), person(t, "bob")]);
    const chat = await talk(alice, bob);
    const wrong = alice.client.send(chat.id, "", { file: { data: new Blob(["MZ"]), name: "a.png" } });
    await assert.rejects(wrong.sent, (error) => error instanceof UnacceptableFileError && error.status === 415);
    const large = alice.client.send(chat.id, "", { file: { data: pdf(11_000_000), name: "a.pdf" } });
    await assert.rejects(large.sent, (error) => error instanceof UnacceptableFileError && error.status === 413);
    assert.equal(items(alice.client, chat.id, "failed").length, 2);
    for (const { clientId } of [wrong, large]) alice.client.discard(clientId);
    assert.deepEqual(alice.client.messages(chat.id), []);
  });

  test("an upload can be given up while it is under way", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([person(t, "alice", { url: line.url }), person(t, "bob")]);
    const chat = await talk(alice, bob);
    line.deaf = true;
    const { clientId, sent } = alice.client.send(chat.id, "", { file: { data: pdf(3_000_000), name: "Long.pdf" } });
    await until(alice.client, () => items(alice.client, chat.id, "pending")[0]?.progress);
    alice.client.discard(clientId);
    await assert.rejects(sent, DiscardedError);
    assert.deepEqual(alice.client.messages(chat.id), []);
  });
});
