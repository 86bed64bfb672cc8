// The drafts of messages on all devices of the user: those that are written here are saved on the server, and those of
// other devices are taken while nothing is being written here.
import { NotFoundError, RateLimitedError, type Draft } from "@chatapp/client";
import { useEffect } from "preact/hooks";
import { beforeLogout, client, onSessionEnd } from "./client";
import { findItem } from "./drafts";
import { has, useFeatures } from "./features";

/** A draft is saved this long after the last key. The server takes 60 in a minute. */
const PAUSE_MS = 1500;
/** What another page has not saved is saved after this time: a tab that is open does so itself, or has sent it by then. */
const TAKE_OVER_MS = 2 * PAUSE_MS;
/** One that was written here is not replaced for so long. */
const WRITING_MS = 10_000;
const RETRY_MS = 5000;

const timers = new Map<string, ReturnType<typeof setTimeout>>();
const saving = new Map<string, Promise<void>>();
/** When each draft was last written here. */
const written = new Map<string, number>();
/** The saved drafts that were compared with those of the page. */
let seen = new Map<string, unknown>();

/** Update parts of a chat's draft, as its user writes it. */
export function writeDraft(chatId: string, changes: Partial<Draft>): void {
  const isShared = "content" in changes || "replyTo" in changes;
  // Also while it is not known whether the server has drafts.
  if (isShared) unsaved.add(chatId);
  client.setDraft(chatId, changes);
  if (!isShared) return;
  written.set(chatId, Date.now());
  saveIn(chatId, PAUSE_MS);
}

/** Save a draft without waiting for the next key. */
export function saveNow(chatId: string): void {
  if (unsaved.has(chatId)) void save(chatId);
}

function saveIn(chatId: string, pauseMs: number): void {
  clearTimeout(timers.get(chatId));
  timers.set(
    chatId,
    setTimeout(() => void save(chatId), pauseMs),
  );
}

function save(chatId: string): Promise<void> {
  clearTimeout(timers.get(chatId));
  // One after the other: the last one written is the last one stored.
  const task = (saving.get(chatId) ?? Promise.resolve()).then(() => store(chatId));
  saving.set(chatId, task);
  return task.finally(() => saving.get(chatId) === task && saving.delete(chatId));
}

async function store(chatId: string): Promise<void> {
  if (!has("drafts") || !unsaved.has(chatId)) return;
  const { content, replyTo } = client.draft(chatId);
  try {
    if (content.trim() || replyTo) await client.saveDraft(chatId, { content, replyToId: replyTo?.id ?? null });
    else if (client.savedDraft(chatId)) await client.deleteDraft(chatId);
    const now = client.draft(chatId);
    if (now.content === content && now.replyTo?.id === replyTo?.id) unsaved.remove(chatId);
  } catch (error) {
    if (!client.session.me) return;
    if (error instanceof NotFoundError) unsaved.remove(chatId);
    else if (error instanceof RateLimitedError) saveIn(chatId, Math.max(error.retryAfter * 1000, RETRY_MS));
    // What the server refuses stays here, until it is changed.
  }
}

const isOnline = () => client.connection.state === "online";

/** The chats whose drafts are not saved: kept for the next page, and known to all tabs. */
const unsaved = {
  name: () => `chat.unsaved-drafts:${client.session.me?.id}`,
  read(): string[] {
    try {
      const kept = localStorage.getItem(unsaved.name());
      // Drafts of a time before they were saved.
      if (kept === null) return client.chats.flatMap(({ id }) => (hasText(id) ? [id] : []));
      return JSON.parse(kept) as string[];
    } catch {
      return [];
    }
  },
  write(chatIds: readonly string[]): void {
    try {
      localStorage.setItem(unsaved.name(), JSON.stringify(chatIds));
    } catch {
      // Without storage they are saved by this page, or not at all.
    }
  },
  has: (chatId: string) => unsaved.read().includes(chatId),
  add: (chatId: string) => unsaved.has(chatId) || unsaved.write([...unsaved.read(), chatId]),
  remove: (chatId: string) => unsaved.write(unsaved.read().filter((other) => other !== chatId)),
};

function hasText(chatId: string): boolean {
  const { content, replyTo } = client.draft(chatId);
  return content.trim() !== "" || replyTo !== null;
}

/** Take what another device has written, unless something is being written here. */
function take(chatId: string): void {
  const saved = client.savedDraft(chatId);
  if (seen.get(chatId) === saved && seen.has(chatId)) return;
  if (unsaved.has(chatId) || saving.has(chatId)) return;
  const wait = (written.get(chatId) ?? 0) + WRITING_MS - Date.now();
  if (wait > 0 && hasText(chatId)) {
    clearTimeout(timers.get(chatId));
    timers.set(
      chatId,
      setTimeout(() => take(chatId), wait),
    );
    return;
  }
  seen.set(chatId, saved);
  const { content, replyTo } = client.draft(chatId);
  if (content !== (saved?.content ?? "")) client.setDraft(chatId, { content: saved?.content ?? "", mentions: null });
  if (replyTo && replyTo.id !== saved?.replyToId) client.setDraft(chatId, { replyTo: null });
  if (client.history(chatId).loaded) void takeReply(chatId);
}

/** A draft that was taken has the id of the message it replies to: find that message, once the chat is open. */
export async function takeReply(chatId: string): Promise<void> {
  const id = client.savedDraft(chatId)?.replyToId;
  if (!id || !has("drafts") || unsaved.has(chatId) || client.draft(chatId).replyTo?.id === id) return;
  const item = findItem(chatId, id);
  try {
    const message = item?.state === "sent" ? item.message : await client.message(chatId, id);
    const isCurrent = client.savedDraft(chatId)?.replyToId === id && !unsaved.has(chatId);
    if (isCurrent && !message.isDeleted) client.setDraft(chatId, { replyTo: message });
  } catch {
    // It is gone, or can't be reached: the text stays.
  }
}

/** Compare all drafts with the saved ones: those of other devices are known once the page is online. */
function takeAll(): void {
  const chatIds = unsaved.read();
  unsaved.write(chatIds);
  for (const chatId of chatIds) saveIn(chatId, TAKE_OVER_MS);
  for (const { id } of client.chats) take(id);
}

const saveAll = () => Promise.all(unsaved.read().map(save));

// The page is left, or goes to the background and may never come back.
addEventListener("visibilitychange", () => document.visibilityState === "hidden" && void saveAll());
beforeLogout(saveAll);
onSessionEnd((userId) => {
  for (const timer of timers.values()) clearTimeout(timer);
  for (const kept of [timers, saving, written]) kept.clear();
  seen = new Map();
  try {
    localStorage.removeItem(`chat.unsaved-drafts:${userId}`);
  } catch {
    // Nothing was kept then.
  }
});

/** Keeps the drafts of the page and the saved ones the same. */
export function DraftSync() {
  useFeatures();
  const isOn = has("drafts");
  useEffect(() => {
    if (!isOn) return undefined;
    if (isOnline()) takeAll();
    return client.subscribe(({ connection, drafts }) => {
      if (!isOnline()) return;
      if (connection) takeAll();
      else for (const chatId of drafts) take(chatId);
    });
  }, [isOn]);
  return null;
}
