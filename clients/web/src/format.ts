// Times, sizes and names, as people write them. The page speaks English; how a time is written is the reader's choice.
import type { Chat, Item, Message, Presence } from "@chatapp/client";

const LOCALE = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const format = (options: Intl.DateTimeFormatOptions) => {
  const formatter = new Intl.DateTimeFormat(LOCALE, options);
  return (date: Date) => formatter.format(date);
};
const time = format({ hour: "numeric", minute: "2-digit" });
const weekday = format({ weekday: "long" });
const dayAndMonth = format({ day: "numeric", month: "short" });
const longDay = format({ weekday: "long", day: "numeric", month: "long" });
const date = format({ day: "numeric", month: "long", year: "numeric" });
const whole = format({ dateStyle: "full", timeStyle: "short" });

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
  if (days === 1) return "Yesterday";
  if (days < 7) return weekday(then);
  return thisYear(then) ? dayAndMonth(then) : date(then);
}

/** What stands above the messages of a day. */
export function dayName(iso: string): string {
  const then = new Date(iso);
  const days = daysAgo(then);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return thisYear(then) ? longDay(then) : date(then);
}

export const isSameDay = (a: string, b: string) => new Date(a).toDateString() === new Date(b).toDateString();

export function presenceText(presence: Presence | undefined): string {
  if (!presence) return "";
  if (presence.isOnline) return "Online";
  if (!presence.lastSeen) return "Offline";
  const then = new Date(presence.lastSeen);
  const minutes = Math.floor((Date.now() - then.getTime()) / MINUTE);
  if (minutes < 1) return "Last seen just now";
  if (minutes < 60) return `Last seen ${minutes} min ago`;
  const days = daysAgo(then);
  if (days === 0) return `Last seen today at ${time(then)}`;
  if (days === 1) return `Last seen yesterday at ${time(then)}`;
  return `Last seen on ${thisYear(then) ? dayAndMonth(then) : date(then)}`;
}

export function fileSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export const count = (number: number, one: string, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

export const chatName = (chat: Chat) => chat.name ?? chat.peer?.username ?? "Deleted account";

/** A message in a few words. */
export function gist(message: Message): string {
  if (message.isDeleted) return "Message deleted";
  if (message.content) return message.content;
  return message.type === "IMAGE" ? "Photo" : (message.fileName ?? "File");
}

export const timeOf = (item: Item) => (item.state === "sent" ? item.message.createdAt : item.queued.createdAt);
