// Where a reader was in each chat: kept for a reload of this tab, dropped at the end of the session.
import { client, onSessionEnd } from "./client";

export interface Place {
  /** The first message that was visible, and how far below the upper edge it was. */
  readonly seq: number;
  readonly offset: number;
}

const PREFIX = "place:";
const nameOf = (chatId: string) => `${PREFIX}${client.session.me?.id}:${chatId}`;

export function placeIn(chatId: string): Place | null {
  try {
    return JSON.parse(sessionStorage.getItem(nameOf(chatId)) ?? "null") as Place | null;
  } catch {
    return null;
  }
}

/** Null at the end of the chat, where a chat opens by default. */
export function keepPlace(chatId: string, place: Place | null): void {
  // The session may have ended with the page that shows the chat.
  if (!client.session.me) return;
  try {
    if (place) sessionStorage.setItem(nameOf(chatId), JSON.stringify(place));
    else sessionStorage.removeItem(nameOf(chatId));
  } catch {
    // Without storage the chat opens at its end.
  }
}

onSessionEnd(() => {
  try {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
  } catch {
    // Nothing was kept then.
  }
});
