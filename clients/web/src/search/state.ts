// The search of the page, as far as it is entered: it stays while messages that were found are read.
import type { SearchOrder } from "@chatapp/client";
import { useState } from "preact/hooks";
import { onSessionEnd } from "../client";
import { NARROW } from "../narrow";
import { HOME, go } from "../route";
import type { Filter } from "./query";

export interface Search {
  /** Whether it is shown in place of the chats. */
  readonly isOpen: boolean;
  readonly text: string;
  readonly filters: readonly Filter[];
  readonly sort: SearchOrder;
  /** The id of the message that was opened last. */
  readonly openedId: string | null;
}

const CLOSED: Search = { isOpen: false, text: "", filters: [], sort: "new", openedId: null };
let current = CLOSED;
let show = (_search: Search) => {};
let focus = () => {};

export const currentSearch = () => current;

export function changeSearch(changes: Partial<Search>): void {
  current = { ...current, ...changes };
  show(current);
}

/** Show the search and give its field the focus: of one chat if there is one, otherwise as it was. */
export function openSearch(chat?: { readonly id: string; readonly name: string }): void {
  const others = current.filters.filter(({ kind }) => kind !== "in");
  changeSearch({ isOpen: true, ...(chat && { filters: [...others, { kind: "in", ...chat }] }) });
  // On a phone, the search takes turns with the chat.
  if (matchMedia(NARROW).matches && location.hash !== HOME) {
    addEventListener("hashchange", () => setTimeout(focus), { once: true });
    go(HOME);
  } else focus();
}

export const closeSearch = () => changeSearch(CLOSED);

/** Where the last searches are kept, in this browser. */
export const RECENT_KEY = "chat.searches";

onSessionEnd(() => {
  closeSearch();
  localStorage.removeItem(RECENT_KEY);
});

/** The search, for the component that shows it; `onFocus` gives the field the focus. */
export function useSearch(onFocus: () => void): Search {
  const [search, setSearch] = useState(current);
  show = setSearch;
  focus = onFocus;
  return search;
}
