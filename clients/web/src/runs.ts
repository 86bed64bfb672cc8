// How messages are grouped: by day, and by runs of one sender.
import type { Item } from "@chatapp/client";
import { timeOf } from "./format";

/** Messages of one sender within this time are a run. */
const RUN_MS = 5 * 60_000;

export const senderOf = (item: Item, me: string) => (item.state === "sent" ? item.message.senderId : me);
export const isOwn = (item: Item, me: string) => senderOf(item, me) === me;
export const seqOf = (item: Item) => (item.state === "sent" ? item.message.seq : Infinity);
export const statusOf = (item: Item | undefined) => (item?.state === "sent" ? item.message.status : item?.state);

const dayKeys = new WeakMap<Item, string>();

/** The same for two items of one day. */
function dayOf(item: Item): string {
  let day = dayKeys.get(item);
  if (day === undefined) dayKeys.set(item, (day = new Date(timeOf(item)).toDateString()));
  return day;
}

export const startsDay = (items: readonly Item[], at: number) =>
  at === 0 || dayOf(items[at - 1]!) !== dayOf(items[at]!);

/** The indexes of items that belong to the run of the item before them. */
export function joints(items: readonly Item[], start: number, end: number, me: string): ReadonlySet<number> {
  const joined = new Set<number>();
  for (let at = Math.max(1, start); at <= end && at < items.length; at += 1) {
    const [before, item] = [items[at - 1]!, items[at]!];
    if (senderOf(before, me) !== senderOf(item, me) || dayOf(before) !== dayOf(item)) continue;
    if (Date.parse(timeOf(item)) - Date.parse(timeOf(before)) < RUN_MS) joined.add(at);
  }
  return joined;
}

export const isNew = (firstNew: number | null, before: Item, item: Item) =>
  firstNew !== null && seqOf(before) < firstNew && seqOf(item) >= firstNew;

/** The days of a part of the list. */
export function daysOf(
  items: readonly Item[],
  start: number,
  end: number,
): { key: string; first: number; end: number }[] {
  const days: { key: string; first: number; end: number }[] = [];
  for (let at = start; at < end; at += 1) {
    const last = days.at(-1);
    if (last && !startsDay(items, at)) last.end = at + 1;
    else {
      const day = dayOf(items[at]!);
      // A clock that is wrong makes a day come twice.
      const isTwice = days.some(({ key }) => key === day);
      days.push({ key: isTwice ? `${day} ${at}` : day, first: at, end: at + 1 });
    }
  }
  return days;
}

/** Whether `item` is the first of the new ones; of a page that begins among them, that is not known yet. */
export function isFirstFrom(firstNew: number, before: Item | undefined, item: Item, hasOlder: boolean): boolean {
  return before ? isNew(firstNew, before, item) : seqOf(item) >= firstNew && !hasOlder;
}
