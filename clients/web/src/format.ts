// Times, sizes and names, as they are written in the language of the page.
import type { Chat, Item, Message, Presence, User } from "@chatapp/client";
import { locale, t, unit } from "./texts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** `make()`, called once and only when it is needed: the language of the page is known by then. */
function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function dateFormat(options: Intl.DateTimeFormatOptions): (date: Date) => string {
  const formatter = lazy(() => new Intl.DateTimeFormat(locale, options));
  return (date) => formatter().format(date);
}
const time = dateFormat({ hour: "numeric", minute: "2-digit" });
const weekday = dateFormat({ weekday: "long" });
const dayAndMonth = dateFormat({ day: "numeric", month: "short" });
const longDay = dateFormat({ weekday: "long", day: "numeric", month: "long" });
const date = dateFormat({ day: "numeric", month: "long", year: "numeric" });
const numericDate = dateFormat({ dateStyle: "short" });
const whole = dateFormat({ dateStyle: "full", timeStyle: "short" });
const relative = lazy(() => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }));

/** "today" or "yesterday". */
const nearDay = (daysAgo: number) => relative().format(-daysAgo, "day");
const capitalized = (text: string) => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

/** Whole days from then to now, by the calendar. */
function daysAgo(then: Date): number {
  const midnight = (day: Date) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(then)) / DAY);
}

const thisYear = (day: Date) => day.getFullYear() === new Date().getFullYear();

export const clock = (iso: string) => time(new Date(iso));
export const fullTime = (iso: string) => whole(new Date(iso));
export const dateOf = (iso: string) => date(new Date(iso));

/** As short as it can be: the time today, otherwise the day. */
export function shortTime(iso: string): string {
  const then = new Date(iso);
  const days = daysAgo(then);
  if (days <= 0) return time(then);
  if (days === 1) return capitalized(nearDay(1));
  if (days < 7) return weekday(then);
  return thisYear(then) ? dayAndMonth(then) : numericDate(then);
}

/** The heading above the messages of a day. */
export function dayName(iso: string): string {
  const then = new Date(iso);
  const days = Math.max(0, daysAgo(then));
  if (days <= 1) return capitalized(nearDay(days));
  return thisYear(then) ? longDay(then) : date(then);
}

export const isSameDay = (a: string, b: string) => new Date(a).toDateString() === new Date(b).toDateString();

export function presenceText(presence: Presence | undefined): string {
  if (!presence) return "";
  if (presence.isOnline) return t.times.online;
  if (!presence.lastSeen) return t.times.offline;
  return t.times.lastSeen(pastText(presence.lastSeen));
}

/** When something was, within a sentence: "5 minutes ago", "yesterday at 10:00", "on 3 March". */
export function pastText(iso: string): string {
  const then = new Date(iso);
  const minutes = Math.floor((Date.now() - then.getTime()) / MINUTE);
  if (minutes < 1) return t.times.justNow;
  if (minutes < 60) return relative().format(-minutes, "minute");
  const days = daysAgo(then);
  if (days <= 1) return t.times.dayAtTime(nearDay(days), time(then));
  return t.times.onDate(thisYear(then) ? dayAndMonth(then) : date(then));
}

export function fileSize(bytes: number): string {
  if (bytes < 1000) return unit(bytes, "byte", { unitDisplay: "long" });
  if (bytes < 1_000_000) return unit(bytes / 1000, "kilobyte", { unitDisplay: "short", maximumFractionDigits: 0 });
  const oneDigit = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return unit(bytes / 1_000_000, "megabyte", { unitDisplay: "short", ...oneDigit });
}

const number = lazy(() => new Intl.NumberFormat(locale));

/** A count that fits into a badge. */
export const shortCount = (count: number) => (count > 999 ? `${number().format(999)}+` : number().format(count));

/** The parts of a user that name them. */
export type Named = Pick<User, "username" | "displayName" | "isDeleted">;

/** What a user is called. */
export const nameOf = ({ username, displayName, isDeleted }: Named) =>
  isDeleted ? t.common.deletedAccount : (displayName ?? username);

/** The username of a user who is called otherwise: it tells apart users of one name. */
export const handleOf = ({ username, displayName, isDeleted }: Named) =>
  displayName !== undefined && displayName !== username && !isDeleted ? `@${username}` : null;

export const chatName = ({ name, peer }: Chat) => name ?? (peer ? nameOf(peer) : t.common.deletedAccount);

let plainText: ((markdown: string) => string) | undefined;

/** Given by the parser of Markdown once it has arrived: the page is shown without it. */
export function setPlainText(given: (markdown: string) => string): void {
  plainText = given;
}
export const hasPlainText = () => plainText !== undefined;

/** The text of a message, without its marks. */
export const textOf = ({ content, format }: Pick<Message, "content" | "format">) =>
  (format === "markdown" && plainText?.(content ?? "")) || (content ?? "");

/** A message in a few words. */
export function preview(message: Message): string {
  if (message.isDeleted) return message.isHidden ? t.preview.hidden : t.preview.deleted;
  if (message.content) return textOf(message);
  return message.type === "IMAGE" ? t.preview.photo : (message.fileName ?? t.preview.file);
}

export const timeOf = (item: Item) => (item.state === "sent" ? item.message.createdAt : item.queued.createdAt);
