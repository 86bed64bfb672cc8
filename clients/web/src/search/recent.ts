// The last searches: kept in this browser until the session ends, for its user alone.
import { client } from "../client";
import type { Filter } from "./query";
import { RECENT_KEY } from "./state";

const MAX = 8;

/** What was searched for. */
export interface Searched {
  readonly text: string;
  readonly filters: readonly Filter[];
}

const isSearched = (each: unknown): each is Searched =>
  typeof (each as Searched | null)?.text === "string" && Array.isArray((each as Searched).filters);

/** The last one first. */
export function recentSearches(): readonly Searched[] {
  let kept: { userId?: string; searches?: unknown } = {};
  try {
    kept = JSON.parse(localStorage.getItem(RECENT_KEY) ?? "{}");
  } catch {
    // Not as it was written: as if nothing were kept.
  }
  const { userId, searches } = kept;
  return userId === client.session.me?.id && Array.isArray(searches) ? searches.filter(isSearched) : [];
}

const keep = (searches: readonly Searched[]) =>
  localStorage.setItem(RECENT_KEY, JSON.stringify({ userId: client.session.me?.id, searches }));

const isSame = (one: Searched, other: Searched) => JSON.stringify(one) === JSON.stringify(other);

export function noteSearch({ text, filters }: Searched): void {
  const searched = { text: text.trim(), filters };
  if (!searched.text && !filters.length) return;
  keep([searched, ...recentSearches().filter((each) => !isSame(each, searched))].slice(0, MAX));
}

export const forgetSearch = (searched: Searched) => keep(recentSearches().filter((each) => !isSame(each, searched)));
