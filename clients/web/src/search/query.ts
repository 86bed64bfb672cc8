// What is typed into the search field: words, and operators such as `from:alice`, which become filters.
import type { MessageFilter, MessageSearch } from "@chatapp/client";

export const HAS: readonly MessageFilter[] = ["file", "image", "link", "mention"];
export type Kind = "from" | "in" | "has" | "before" | "after";

/** Which messages are searched. A search has one filter of each kind at most. */
export type Filter =
  /** The sender, or the chat, with its name as it was. */
  | { readonly kind: "from"; readonly id: string; readonly name: string }
  | { readonly kind: "in"; readonly id: string; readonly name: string }
  | { readonly kind: "has"; readonly value: MessageFilter }
  /** A day, YYYY-MM-DD: messages of the day itself are neither before nor after it. */
  | { readonly kind: "before"; readonly day: string }
  | { readonly kind: "after"; readonly day: string };

/** An operator in a text. */
export interface Operator {
  readonly kind: Kind;
  readonly value: string;
  readonly start: number;
  readonly end: number;
  /** Whether it is no longer being typed: it is quoted, or something follows. */
  readonly isComplete: boolean;
}

const QUOTES = /[“”„‟«»＂]/g;
const TOKEN = /"[^"]*"?|(?<name>\p{L}+)[:：](?:"(?<quoted>[^"]*)(?<end>"?)|(?<plain>[^\s"]*))|[^\s"]+/gu;
/** The terms of the server: a word or a phrase, excluded by a minus. */
const TERM = /(?<minus>-?)(?:"(?<phrase>[^"]*)"?|(?<plain>[^\s"]+))/gu;
const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
/** Found as parts of two or more characters: these scripts have no spaces between words. */
const PAIRED = /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}]/u;
const DAY = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/;
const MAX_TERMS = 8;
const DAY_END_MS = -1;

/** The words and the operators of a text. `names` has the names of operators, in lower case. */
export function read(
  text: string,
  names: ReadonlyMap<string, Kind>,
): { readonly words: string; readonly operators: readonly Operator[] } {
  const plain = text.replace(QUOTES, '"');
  const operators: Operator[] = [];
  let words = "";
  let at = 0;
  for (const match of plain.matchAll(TOKEN)) {
    const { name, quoted, end, plain: value } = match.groups!;
    const kind = name === undefined ? undefined : names.get(name.toLowerCase());
    if (!kind) continue;
    const [start, stop] = [match.index, match.index + match[0].length];
    const isComplete = quoted === undefined ? stop < plain.length : end === '"';
    // A colon with a space after it belongs to a sentence.
    if (isComplete && !(quoted ?? value)!.trim()) continue;
    operators.push({ kind, value: (quoted ?? value)!.trim(), start, end: stop, isComplete });
    words += `${plain.slice(at, start)} `;
    at = stop;
  }
  return { words: tidy(words + plain.slice(at)), operators };
}

/** A text without one of its operators; after other words with a space, for the next one. */
export const without = (text: string, { start, end }: Operator) =>
  `${text.slice(0, start).trimEnd()} ${text.slice(end).trimStart()}`.trimStart();

const tidy = (text: string) => text.replace(/\s+/g, " ").trim();

/** Why messages can't be searched for words; null if they can. */
export type Problem = "none" | "short" | "single" | "excluded" | "terms" | "long";

/** `maxLength` is that of the words, in code points. */
export function problemOf(words: string, maxLength: number): Problem | null {
  const terms = [...words.matchAll(TERM)]
    .map(({ 0: term, groups }) => ({ isExcluded: groups!["minus"] === "-", words: term.match(WORD) ?? [] }))
    .filter((term) => term.words.length > 0);
  if (!terms.length) return "none";
  if ([...words].length > maxLength) return "long";
  if (terms.length > MAX_TERMS) return "terms";
  const wanted = terms.filter(({ isExcluded }) => !isExcluded).flatMap((term) => term.words);
  if (!wanted.length) return "excluded";
  const isSingle = (word: string) => PAIRED.test(word) && [...word.replace(/\p{M}/gu, "")].length === 1;
  if (wanted.every(isSingle)) return "single";
  return [...wanted.join("")].length < 2 ? "short" : null;
}

/** A date as it is written after `before:` or `after:` as YYYY-MM-DD; null if it is none. */
export function dayOf(text: string): string | null {
  const [, year, month, day] = (DAY.exec(text) ?? []).map(Number);
  if (year === undefined) return null;
  const date = new Date(year, month! - 1, day);
  const isReal = date.getFullYear() === year && date.getMonth() === month! - 1 && date.getDate() === day;
  return isReal ? isoDay(date) : null;
}

/** A day of the calendar as YYYY-MM-DD. */
export const isoDay = (date: Date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");

/** Midnight at the beginning of a day, or of one that is so many days later. */
export function midnight(day: string, later = 0): Date {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year!, month! - 1, date! + later);
}

/** Filters as parameters of the search. */
export function parametersOf(filters: readonly Filter[]): MessageSearch {
  const found: { -readonly [Name in keyof MessageSearch]: MessageSearch[Name] } = {};
  for (const filter of filters) {
    if (filter.kind === "from") found.fromId = filter.id;
    else if (filter.kind === "in") found.chatId = filter.id;
    else if (filter.kind === "has") found.has = filter.value;
    else if (filter.kind === "before") found.before = midnight(filter.day).toISOString();
    else found.after = new Date(midnight(filter.day, 1).getTime() + DAY_END_MS).toISOString();
  }
  return found;
}
