// Deletions of messages that can still be undone: they are sent some seconds later, or as the page is left.
import { type Item, type Message, NetworkError } from "@chatapp/client";
import { useLayoutEffect, useMemo, useReducer } from "preact/hooks";
import { beforeLogout, client, onSessionEnd } from "./client";
import { t } from "./texts";
import { dismiss, showError, showUndo } from "./ui/toast";

const SECONDS = 5;

interface Deletion {
  readonly messageIds: readonly string[];
  /** Not only for the user. */
  readonly isForAll: boolean;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly toast: number;
}

/** Those that are not stored yet, by the id of each message. */
let deletions: ReadonlyMap<string, Deletion> = new Map();
const sent = new WeakSet<Deletion>();
const listeners = new Set<() => void>();

function change(next: ReadonlyMap<string, Deletion>): void {
  deletions = next;
  for (const listener of listeners) listener();
}

const drop = (deletion: Deletion) => change(new Map([...deletions].filter(([, other]) => other !== deletion)));

/** Delete messages for the user, or for all members: what was done can be undone for a while. */
export function deleteSoon(messageIds: readonly string[], { isForAll }: { isForAll: boolean }): void {
  const text = isForAll ? t.messages.deletedForEveryone : t.messages.deletedForMe(messageIds.length);
  const deletion: Deletion = {
    messageIds,
    isForAll,
    timer: setTimeout(() => void send(deletion), SECONDS * 1000),
    toast: showUndo(text, () => undo(deletion), SECONDS),
  };
  change(new Map([...deletions, ...messageIds.map((id) => [id, deletion] as const)]));
}

function undo(deletion: Deletion): void {
  if (sent.has(deletion)) return;
  clearTimeout(deletion.timer);
  dismiss(deletion.toast);
  drop(deletion);
}

/** A function that takes back the deletion of a message, while that is possible. */
export function undoOf(messageId: string): (() => void) | undefined {
  const deletion = deletions.get(messageId);
  return deletion && !sent.has(deletion) ? () => undo(deletion) : undefined;
}

async function send(deletion: Deletion): Promise<void> {
  if (sent.has(deletion)) return;
  sent.add(deletion);
  clearTimeout(deletion.timer);
  dismiss(deletion.toast);
  const isLeaving = document.visibilityState === "hidden";
  const done = isLeaving ? sendDirectly(deletion) : sendByQueue(deletion);
  drop(deletion);
  try {
    await done;
  } catch (error) {
    if (client.session.me) showError(error);
  }
}

/** The client shows them as deleted at once, and sends that as soon as there is a connection. */
const sendByQueue = ({ messageIds, isForAll }: Deletion): Promise<unknown> =>
  isForAll ? Promise.all(messageIds.map((id) => client.delete(id))) : client.hideMessages(messageIds);

/** While the page is being left there is no time for the queue. */
async function sendDirectly(deletion: Deletion): Promise<void> {
  const messageIds = [...deletion.messageIds];
  try {
    if (deletion.isForAll) {
      await Promise.all(messageIds.map((id) => client.call("DELETE /messages/{id}", { path: { id } })));
    } else await client.call("POST /messages/hide", { body: { messageIds } });
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    await sendByQueue(deletion);
  }
}

const sendAll = () => Promise.all([...new Set(deletions.values())].map(send));

// The page is left, or goes to the background and may never come back.
addEventListener("visibilitychange", () => document.visibilityState === "hidden" && void sendAll());
beforeLogout(sendAll);
onSessionEnd(() => {
  for (const { timer } of deletions.values()) clearTimeout(timer);
  change(new Map());
});

/** Items as they are once all deletions are sent. */
export function useDeletions(items: readonly Item[]): readonly Item[] {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => {
    const listener = () => again(undefined);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return useMemo(() => (deletions.size ? items.map(shown) : items), [items, deletions]);
}

/** Deleted items as they are shown: the same object each time, so that rows are not rendered again. */
const tombstones = new WeakMap<Deletion, Map<Item, Item>>();

function shown(item: Item): Item {
  const deletion = item.state === "sent" ? deletions.get(item.message.id) : undefined;
  if (!deletion || item.state !== "sent" || item.message.isDeleted) return item;
  const known = tombstones.get(deletion) ?? new Map<Item, Item>();
  tombstones.set(deletion, known);
  const made = known.get(item) ?? { ...item, message: tombstone(item.message, !deletion.isForAll), edit: null };
  known.set(item, made);
  return made;
}

function tombstone(message: Message, isHidden: boolean): Message {
  const { replyTo: _quote, forwardedFrom: _from, reactions: _reactions, pinnedAt: _pinnedAt, ...left } = message;
  return { ...left, content: null, fileUrl: null, isDeleted: true, ...(isHidden && { isHidden }) };
}
