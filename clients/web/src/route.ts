import { useState } from "preact/hooks";
import { useWindowEvent } from "./ui/window-event";

/** Where one is: the list alone, in a chat, or at a chat's details. */
export interface Route {
  readonly chatId: string | null;
  readonly details: boolean;
}

export const HOME = "#/";
export const chatPath = (chatId: string) => `#/chats/${chatId}`;
export const detailsPath = (chatId: string) => `#/chats/${chatId}/details`;

function read(): Route {
  const [, chatId, details] = /^#\/chats\/([\w-]+)(\/details)?$/.exec(location.hash) ?? [];
  return { chatId: chatId ?? null, details: details !== undefined };
}

export function go(path: string): void {
  location.hash = path;
}

/** Mark the current place as that of a user whose session has ended. */
export function keepPlaceFor(userId: string): void {
  history.replaceState({ userId }, "");
}

/** Stay at the current place, unless it was kept for another user. */
export function takePlace(userId: string): void {
  const owner: unknown = history.state?.userId;
  if (owner && owner !== userId) location.replace(HOME);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(read);
  useWindowEvent("hashchange", () => setRoute(read()));
  return route;
}
