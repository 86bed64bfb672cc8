// Files, with their progress.
import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import {
  DiscardedError,
  memoryQueue,
  memorySession,
  UnacceptableFileError,
  UnreadableFileError,
} from "../src/index.js";
import { client, items, Line, online, user, stored, talk, texts, until } from "./support.js";

// The smallest picture: one pixel.
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const pdf = (bytes: number) => new Blob([Buffer.concat([Buffer.from("%PDF-1.4\n"), Buffer.alloc(bytes, "x")])]);

describe("files", { concurrency: 4 }, () => {
  test("a picture goes with its caption, and is shown by its link", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
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

  test("text overtakes a file that is being uploaded, which reports its progress", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const shares: number[] = [];
    alice.client.subscribe(() => {
      const [pending] = items(alice.client, chat.id, "pending");
      if (pending?.progress) shares.push(pending.progress);
    });
    line.slow = (sent) => sent.includes("Long.pdf");
    const upload = alice.client.send(chat.id, "", { file: { data: pdf(2_000_000), name: "Long.pdf" } });
    const text = alice.client.send(chat.id, "Meanwhile");
    assert.equal((await text.sent).seq, 1);
    assert.deepEqual(
      alice.client.messages(chat.id).map(({ state }) => state),
      ["sent", "pending"],
    );
    line.resume();
    assert.equal((await upload.sent).seq, 2);
    assert.ok(shares.length > 5, `${shares}`);
    assert.deepEqual(
      shares,
      [...shares].sort((one, other) => one - other),
    );
    assert.equal(shares.at(-1), 1);
  });

  test("files of one chat stay in order, and more chats at once than the server takes uploads from", async (t) => {
    const [alice, ...others] = await Promise.all(["alice", "bob", "carol", "dave"].map((name) => user(t, name)));
    assert.ok(alice);
    const chats = await Promise.all(others.map((other) => alice.client.createDirectChat(other.me.id)));
    const sent = chats.flatMap(({ id }) =>
      ["one", "two"].map(
        (content) => alice.client.send(id, content, { file: { data: pdf(50_000), name: "a.pdf" } }).sent,
      ),
    );
    const seqs = (await Promise.all(sent)).map(({ seq }) => seq);
    assert.deepEqual(seqs, [1, 2, 1, 2, 1, 2]);
  });

  test("an upload that is interrupted begins again, and is there once", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    let cuts = 0;
    line.onSent = (sent) => {
      if (cuts < 2 && sent.includes("Long.pdf")) {
        cuts += 1;
        setTimeout(() => line.cut(), cuts === 1 ? 5 : 300);
        line.dropsResponses = cuts === 2;
        setTimeout(() => (line.dropsResponses = false), 320);
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
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const wrong = alice.client.send(chat.id, "", { file: { data: new Blob(["MZ"]), name: "a.png" } });
    await assert.rejects(wrong.sent, (error) => error instanceof UnacceptableFileError && error.status === 415);
    const large = alice.client.send(chat.id, "", { file: { data: pdf(2_200_000), name: "a.pdf" } });
    await assert.rejects(large.sent, (error) => error instanceof UnacceptableFileError && error.status === 413);
    const failed = items(alice.client, chat.id, "failed");
    assert.deepEqual(
      failed.map(({ canRetry }) => canRetry),
      [false, false],
    );
    for (const { clientId } of [wrong, large]) alice.client.discard(clientId);
    assert.deepEqual(alice.client.messages(chat.id), []);
  });

  test("an upload can be given up while it is under way", async (t) => {
    const line = await Line.open(t);
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    line.dropsResponses = true;
    const { clientId, sent } = alice.client.send(chat.id, "", { file: { data: pdf(1_500_000), name: "Long.pdf" } });
    await until(alice.client, () => items(alice.client, chat.id, "pending")[0]?.progress);
    alice.client.discard(clientId);
    await assert.rejects(sent, DiscardedError);
    assert.deepEqual(alice.client.messages(chat.id), []);
  });

  test("an upload goes on after a reload, with its file", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url, ...kept }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    line.slow = (sent) => sent.includes("Long.pdf");
    alice.client.send(chat.id, "Here", { file: { data: pdf(1_000_000), name: "Long.pdf" } });
    await until(alice.client, () => items(alice.client, chat.id, "pending")[0]?.progress);
    alice.client.close();
    line.cut();
    const page = client(t, kept);
    await page.restore();
    const message = await until(bob.client, () => stored(bob.client, chat.id)[0]);
    assert.deepEqual([message.content, message.fileName, message.fileSize], ["Here", "Long.pdf", 1_000_009]);
  });

  test("a file is uploaded by one of several tabs, and by another one when that is closed", async (t) => {
    const line = await Line.open(t);
    const kept = { session: memorySession(), queue: memoryQueue() };
    const [alice, bob] = await Promise.all([user(t, "alice", { url: line.url, ...kept }), user(t, "bob")]);
    const chat = await talk(alice, bob);
    let uploads = 0;
    const begun = new Promise<void>((resolve) => {
      line.onSent = (sent) => {
        if (!sent.includes("Long.pdf")) return;
        uploads += 1;
        resolve();
      };
    });
    const other = client(t, { url: line.url, ...kept });
    await other.restore();
    await online(other);
    line.slow = (sent) => sent.includes("Long.pdf");
    alice.client.send(chat.id, "Here", { file: { data: pdf(1_000_000), name: "Long.pdf" } });
    await begun;
    assert.deepEqual([uploads, items(other, chat.id, "pending").length], [1, 0]);
    alice.client.close();
    line.resume();
    await until(other, () => items(other, chat.id, "pending").length);
    await until(bob.client, () => texts(bob.client, chat.id).length);
    await until(other, () => !items(other, chat.id, "pending").length);
    assert.deepEqual(texts(bob.client, chat.id), ["Here"]);
    assert.equal(uploads, 2);
  });

  test("a file that can't be read any more is refused", async (t) => {
    const [alice, bob] = await Promise.all([user(t, "alice"), user(t, "bob")]);
    const chat = await talk(alice, bob);
    const folder = await mkdtemp(join(tmpdir(), "unreadable-"));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "a.pdf"), "%PDF-1.4");
    const data = await openAsBlob(join(folder, "a.pdf"));
    await rm(join(folder, "a.pdf"));
    await assert.rejects(alice.client.send(chat.id, "", { file: { data, name: "a.pdf" } }).sent, UnreadableFileError);
  });
});
