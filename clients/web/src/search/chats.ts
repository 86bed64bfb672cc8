import type { Chat } from "@chatapp/client";
import { BURST_MS, client, useLive } from "../client";
import { chatName } from "../format";
import { useResults } from "./results";

/** The names by which a chat is found. */
export const namesOf = (chat: Chat): string[] => [chatName(chat), ...(chat.peer ? [chat.peer.username] : [])];

/**
 * The user's chats by their name, or by those of the other user: first where it begins so, then where a word of it does, the
 * most recently active first; null while the search is under way. The server is asked as long as not all chats are here.
 */
export function useChats(query: string): readonly Chat[] | null {
  const chats = useLive(() => client.chats, BURST_MS);
  const isLoaded = useLive(() => client.chatsLoaded);
  const results = useResults(isLoaded ? "" : query, (signal) => client.searchChats(query, { signal }));
  if (!query) return [];
  if (!isLoaded) return results?.query === query ? results.items : null;
  const words = query.toLocaleLowerCase();
  const ranked: Chat[][] = [[], [], []];
  for (const chat of chats) {
    const best = Math.min(...namesOf(chat).map((name) => rank(name.toLocaleLowerCase(), words)));
    ranked[best]?.push(chat);
  }
  return ranked.flat();
}

/** 0: the name begins with the words; 1: a word of it does; 2: they are elsewhere in it. */
function rank(name: string, words: string): number {
  const at = name.indexOf(words);
  if (at <= 0) return at < 0 ? Infinity : 0;
  const isBeginning = (index: number): boolean =>
    index >= 0 && (!/[\p{L}\p{N}]$/u.test(name.slice(0, index)) || isBeginning(name.indexOf(words, index + 1)));
  return isBeginning(at) ? 1 : 2;
}
