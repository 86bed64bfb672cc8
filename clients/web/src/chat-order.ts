// Which chats a list shows, and in which order.
import type { Chat } from "@chatapp/client";
import { client, onSessionEnd } from "./client";

export type ListName = "main" | "archive";

interface Lists {
  readonly of: readonly Chat[];
  readonly main: readonly Chat[];
  readonly archive: readonly Chat[];
}

const NONE: Lists = { of: [], main: [], archive: [] };
let lists = NONE;
onSessionEnd(() => {
  lists = NONE;
});

/** The chats of a list, the pinned ones first. Hidden chats are in none; a search finds them. */
export function chatsOf(name: ListName): readonly Chat[] {
  const { chats } = client;
  if (lists.of !== chats) {
    const shown = chats.filter((chat) => !chat.isHidden);
    const [main, archive] = [false, true].map((isArchived) =>
      pinnedFirst(shown.filter((chat) => chat.isArchived === isArchived)),
    ) as [Chat[], Chat[]];
    lists = { of: chats, main: sameOr(lists.main, main), archive: sameOr(lists.archive, archive) };
  }
  return lists[name];
}

/** The last pinned first; the others stay in their order. */
function pinnedFirst(chats: readonly Chat[]): Chat[] {
  const pinned = chats.filter((chat) => chat.isPinned);
  if (!pinned.length) return [...chats];
  const at = (chat: Chat) => chat.me?.pinnedAt ?? "";
  pinned.sort((one, other) => (at(one) < at(other) ? 1 : -1));
  return [...pinned, ...chats.filter((chat) => !chat.isPinned)];
}

/** The known list while it is the same: nothing is rendered again then. */
const sameOr = (known: readonly Chat[], now: readonly Chat[]) =>
  known.length === now.length && now.every((chat, at) => chat === known[at]) ? known : now;

/** Whether news of a chat count: not where the user muted, archived or hid it. */
export const isQuiet = ({ isMuted, isArchived, isHidden }: Chat) => isMuted || isArchived || isHidden;
