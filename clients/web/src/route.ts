import { useState } from "preact/hooks";
import { useWindowEvent } from "./ui/window-event";

/** A message of the chat, by its `seq`. */
export interface Target {
  readonly seq: number;
}

/** Where one is: the list alone, in a chat, at a message or the details of it, or at a page of the administration. */
export interface Route {
  readonly chatId: string | null;
  readonly details: boolean;
  /** The message to go to: another object each time that its link is followed. */
  readonly target: Target | null;
  /** The name of the page, "" for the first one; null elsewhere. */
  readonly administration: string | null;
}

export const HOME = "#/";
export const chatPath = (chatId: string) => `#/chats/${chatId}`;
export const messagePath = (chatId: string, seq: number) => `#/chats/${chatId}/${seq}`;
export const detailsPath = (chatId: string) => `#/chats/${chatId}/details`;
export const administrationPath = (page = "") => (page ? `#/administration/${page}` : "#/administration");

function read(): Route {
  const [, chatId, details, seq] = /^#\/chats\/([\w-]+)(?:\/(details)|\/(\d{1,9}))?$/.exec(location.hash) ?? [];
  const [, isAdministration, page] = /^#\/(administration)(?:\/([\w-]+))?$/.exec(location.hash) ?? [];
  return {
    chatId: chatId ?? null,
    details: details !== undefined,
    target: seq === undefined ? null : { seq: Number(seq) },
    administration: isAdministration ? (page ?? "") : null,
  };
}

/** The code of a link that resets a password, `#/reset?code=…`; null elsewhere. */
export function useResetCode(): string | null {
  const read = () => /^#\/reset\?code=([\w-]*)$/.exec(location.hash)?.[1] ?? null;
  const [code, setCode] = useState(read);
  useWindowEvent("hashchange", () => setCode(read()));
  return code;
}

export function go(path: string): void {
  location.hash = path;
}

/** Once the message of a link is shown: leave it out of the address, so that its link can be followed again. */
export function dropTarget(): void {
  const path = location.hash.replace(/\/\d+$/, "");
  if (path !== location.hash) history.replaceState(history.state, "", path);
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
