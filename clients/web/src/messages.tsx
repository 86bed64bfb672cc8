import type { Chat, Item } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAttention } from "./attention";
import { ChatAvatar } from "./chat-list";
import { BURST_MS, client, useLive, useMe } from "./client";
import { chatName, dayName, timeOf } from "./format";
import { MessageMenu } from "./message-menu";
import { keepPlace, placeIn } from "./place";
import { Receipts } from "./receipts";
import { type Open, type Overlay, Row } from "./row";
import { useRovingFocus } from "./roving";
import { topRow, useWindow } from "./scroll";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { useWindowEvent } from "./ui/window-event";
import { usePress } from "./press";
import { Viewer } from "./viewer";

/** How near to the oldest message older ones are fetched, in pixels. */
const AHEAD = 900;
/** Messages of one sender within this time are a run. */
const RUN_MS = 5 * 60_000;
/** How many messages stay loaded once the reader is back at the end, and from how many on the others are dropped. */
const KEPT = 200;
const DROPPED_FROM = 400;
/** A place this many messages back is restored after a reload; from further back the chat opens at its end. */
const MAX_PLACE_DISTANCE = 500;
const PILL_MS = 1200;
/** Below the day pill and a bit of air, where a chat opens at its first new message. */
const BELOW_EDGE = 64;

interface MessagesProps {
  chat: Chat;
  /** How often the user has written something since the chat was opened. */
  sendCount: number;
  onEdit: (messageId: string) => void;
}

export function Messages({ chat, sendCount, onEdit }: MessagesProps) {
  const me = useMe();
  const items = useLive(() => client.messages(chat.id), BURST_MS);
  const history = useLive(() => client.history(chat.id), BURST_MS);
  const role = useLive(() => client.members(chat.id).find((member) => member.userId === me.id)?.role);
  // Rendering settles the window: at the end, its reader sees who is typing.
  useLive(() => client.typers(chat.id).length > 0);
  const view = useWindow(items);
  const { scroller, list, slice, atEnd, isAtEnd, toEnd } = view;
  const [hasBegun, setBegun] = useState(false);
  const isReading = useAttention() && isAtEnd && hasBegun;
  const firstNew = useFirstNew(chat, isReading, sendCount);
  const [overlay, open] = useState<Overlay | null>(null);
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const latest = useRef(items);
  latest.current = items;

  const mayRead = useRef(isReading);
  mayRead.current = isReading;
  const read = () => {
    if (mayRead.current && atEnd.current) client.markRead(chat.id);
  };
  // As it arrives: it is rendered once, as read.
  useEffect(() => client.onMessage(({ chatId }) => chatId === chat.id && read()), []);
  useEffect(read, [isReading, chat.unreadCount]);

  useStart(chat, items, history.loaded, firstNew, view, hasBegun, () => setBegun(true));

  const lastKey = items.at(-1)?.key;
  useLayoutEffect(() => {
    const last = items.at(-1);
    if (last && last.state !== "sent") toEnd();
  }, [lastKey]);

  const mayDrop = isAtEnd && items.length > DROPPED_FROM;
  useEffect(() => {
    if (mayDrop) client.trimHistory(chat.id, KEPT);
  }, [mayDrop]);

  const loadOlder = () => {
    // As of the last rendering: a page that has arrived since is not visible yet.
    const { hasOlder, loading, error, loaded } = history;
    if (loaded && hasOlder && !loading && !error && scroller.current!.scrollTop < AHEAD) {
      client.loadOlder(chat.id).catch(() => {});
    }
  };
  useEffect(loadOlder);

  const pill = useDayPill(latest);
  const roving = useRovingFocus(latest, view, open);
  const press = usePress(open);
  const itemOf = (key: string) => items.find((item) => item.key === key);
  const toggle = (key: string) => {
    const next = new Set(expanded);
    if (!next.delete(key)) next.add(key);
    setExpanded(next);
  };
  // Stable, so that rows are not rendered again.
  const act = useRef<Open>(open).current;
  const toggleLatest = useRef(toggle);
  toggleLatest.current = toggle;
  const onToggle = useRef((key: string) => toggleLatest.current(key)).current;

  const joined = joints(items, slice.start, slice.end, me.id);
  const blockStarts = new Map(view.blocks.map((block) => [block.start, block.id]));
  const row = (at: number) => {
    const item = items[at]!;
    const [before, after] = [items[at - 1], items[at + 1]];
    const isDivided = firstNew !== null && isFirstFrom(firstNew, before, item, history.hasOlder);
    const isLast = !joined.has(at + 1) || (after !== undefined && isNew(firstNew, item, after));
    const block = blockStarts.get(at);
    return [
      isDivided && (
        <li key={`new ${item.key}`} class="divider" data-block={block}>
          {t.messages.newMessages}
        </li>
      ),
      <Row
        key={item.key}
        item={item}
        block={isDivided || startsDay(items, at) ? undefined : block}
        isOwn={isOwn(item, me.id)}
        isGroup={chat.type === "GROUP"}
        isFirst={isDivided || !joined.has(at)}
        isLast={isLast}
        hasMeta={isLast || statusOf(item) !== statusOf(after)}
        isExpanded={expanded.has(item.key)}
        onExpand={onToggle}
        onEdit={onEdit}
        open={act}
      />,
    ];
  };

  return (
    <div class="talk-area">
      <div
        ref={scroller}
        class="scroller"
        onScroll={() => {
          if (!view.onScroll()) return;
          loadOlder();
          pill.show(scroller.current!, !atEnd.current);
        }}
        onWheel={view.interrupt}
        onPointerDown={view.interrupt}
        onTouchMove={view.interrupt}
      >
        <div key={history.loaded ? "top" : "loading"} class="top">
          {history.error ? (
            <p class="quiet">
              {t.messages.olderFailed}{" "}
              <button type="button" class="link" onClick={() => void client.loadOlder(chat.id).catch(() => {})}>
                {t.messages.tryAgain}
              </button>
            </p>
          ) : !history.loaded ? (
            <Waiting />
          ) : history.hasOlder ? (
            <p class="quiet" role="status">
              {t.messages.loadingOlder}
            </p>
          ) : (
            <Beginning chat={chat} />
          )}
        </div>
        <div
          ref={list}
          class={`messages ${chat.type === "GROUP" ? "in-group" : ""}`}
          role="log"
          aria-live="off"
          aria-label={t.messages.label}
          aria-description={t.messages.keys}
          {...roving.props}
          {...press}
        >
          <div class="space" style={{ height: `${slice.above}px` }} />
          {daysOf(items, slice.start, slice.end).map(({ key, first, end }) => (
            <section key={key} aria-label={dayName(timeOf(items[first]!))}>
              {startsDay(items, first) && (
                <h3 class="day" data-block={blockStarts.get(first)}>
                  <span>{dayName(timeOf(items[first]!))}</span>
                </h3>
              )}
              <ol>{Array.from({ length: end - first }, (_, offset) => row(first + offset)).flat()}</ol>
            </section>
          ))}
          <div class="space" style={{ height: `${slice.below}px` }} />
        </div>
        <Typing chat={chat} />
      </div>
      <p ref={pill.element} class="day-pill" aria-hidden="true" />
      {!isAtEnd && (
        <button type="button" class="to-end" onClick={() => toEnd(true)} aria-label={t.messages.toEnd}>
          {chat.unreadCount > 0 && <span class="badge">{t.messages.newCount(chat.unreadCount)}</span>}
          {icons.down}
        </button>
      )}
      {overlay?.kind === "menu" && itemOf(overlay.key) && (
        <MessageMenu
          item={itemOf(overlay.key)!}
          anchor={overlay.anchor}
          isOwn={isOwn(itemOf(overlay.key)!, me.id)}
          mayDelete={role === "ADMIN" || me.role !== "USER"}
          isExpanded={expanded.has(overlay.key)}
          onExpand={onToggle}
          onEdit={onEdit}
          open={open}
          onClose={() => {
            open((now) => (now === overlay ? null : now));
            roving.focus(overlay.key);
          }}
        />
      )}
      {overlay?.kind === "viewer" && (
        <Viewer items={items} messageId={overlay.messageId} onShow={open} onClose={() => open(null)} />
      )}
      {overlay?.kind === "receipts" && <Receipts message={overlay.message} onClose={() => open(null)} />}
    </div>
  );
}

const senderOf = (item: Item, me: string) => (item.state === "sent" ? item.message.senderId : me);
const isOwn = (item: Item, me: string) => senderOf(item, me) === me;
const seqOf = (item: Item) => (item.state === "sent" ? item.message.seq : Infinity);
const statusOf = (item: Item | undefined) => (item?.state === "sent" ? item.message.status : item?.state);

const dayKeys = new WeakMap<Item, string>();

/** The same for two items of one day. */
function dayOf(item: Item): string {
  let day = dayKeys.get(item);
  if (day === undefined) dayKeys.set(item, (day = new Date(timeOf(item)).toDateString()));
  return day;
}

const startsDay = (items: readonly Item[], at: number) => at === 0 || dayOf(items[at - 1]!) !== dayOf(items[at]!);

/** The indexes of items that belong to the run of the item before them. */
function joints(items: readonly Item[], start: number, end: number, me: string): ReadonlySet<number> {
  const joined = new Set<number>();
  for (let at = Math.max(1, start); at <= end && at < items.length; at += 1) {
    const [before, item] = [items[at - 1]!, items[at]!];
    if (senderOf(before, me) !== senderOf(item, me) || dayOf(before) !== dayOf(item)) continue;
    if (Date.parse(timeOf(item)) - Date.parse(timeOf(before)) < RUN_MS) joined.add(at);
  }
  return joined;
}

const isNew = (firstNew: number | null, before: Item, item: Item) =>
  firstNew !== null && seqOf(before) < firstNew && seqOf(item) >= firstNew;

/** The days of a part of the list. */
function daysOf(items: readonly Item[], start: number, end: number): { key: string; first: number; end: number }[] {
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
function isFirstFrom(firstNew: number, before: Item | undefined, item: Item, hasOlder: boolean): boolean {
  return before ? isNew(firstNew, before, item) : seqOf(item) >= firstNew && !hasOlder;
}

/** The `seq` of the first message that arrived while the reader was away, until they write something; or null. */
function useFirstNew(chat: Chat, isReading: boolean, sendCount: number): number | null {
  const unread = chat.unreadCount;
  const [firstNew, setFirstNew] = useState(unread ? chat.lastSeq - unread + 1 : null);
  const before = useRef(unread);
  useEffect(() => {
    if (unread && !before.current && !isReading) setFirstNew(chat.lastSeq - unread + 1);
    before.current = unread;
  }, [unread]);
  useEffect(() => {
    if (sendCount) setFirstNew(null);
  }, [sendCount]);
  return firstNew;
}

/** Whether the client was online since the page was loaded, so that it knows all new messages. */
function useIsCurrent(): boolean {
  const isOnline = useLive(() => client.connection.state === "online");
  const wasOnline = useRef(false);
  wasOnline.current ||= isOnline;
  return wasOnline.current;
}

/**
 * Opens the chat where the reader left it, or at the first new message, or at the end; and saves the place. Cached messages
 * may lack the new ones: it has begun once those are loaded.
 */
function useStart(
  chat: Chat,
  items: readonly Item[],
  isLoaded: boolean,
  firstNew: number | null,
  { anchor, atEnd, toEnd, show }: ReturnType<typeof useWindow>,
  hasBegun: boolean,
  onBegun: () => void,
): void {
  const [wanted, setWanted] = useState(() => placeIn(chat.id));
  const latest = useRef(items);
  latest.current = items;
  const keyOf = (seq: number) => items.find((item) => item.state === "sent" && item.message.seq >= seq)?.key;

  const isCurrent = useIsCurrent();
  const first = hasBegun || firstNew === null ? undefined : keyOf(firstNew);
  const isFirstHere = firstNew === null || first !== undefined;
  useLayoutEffect(() => {
    if (wanted || hasBegun || !isLoaded) return;
    // The reader may have gone elsewhere meanwhile.
    if (first && atEnd.current) show(first, BELOW_EDGE);
    else if (atEnd.current) toEnd();
    if (first || (isCurrent && isFirstHere)) onBegun();
  }, [isLoaded, isCurrent, isFirstHere]);

  const oldest = items[0] ? seqOf(items[0]) : Infinity;
  useLayoutEffect(() => {
    if (!wanted || !isLoaded) return;
    const key = keyOf(wanted.seq);
    const begin = () => {
      setWanted(null);
      onBegun();
    };
    if (oldest <= wanted.seq && key) {
      begin();
      show(key, wanted.offset);
    } else if (chat.lastSeq - wanted.seq > MAX_PLACE_DISTANCE || !client.history(chat.id).hasOlder) {
      begin();
      toEnd();
    } else client.loadOlder(chat.id).catch(begin);
  }, [isLoaded, oldest]);

  const isWaiting = useRef(wanted !== null);
  isWaiting.current = wanted !== null;
  const keep = () => {
    if (isWaiting.current) return;
    // As it was noted: with the chat, its elements may be gone already.
    const top = atEnd.current ? null : anchor.current;
    const item = top && latest.current.find((each) => each.key === top.element.dataset["key"]);
    const place = item && { seq: seqOf(item), offset: top.offset };
    keepPlace(chat.id, place && place.seq < Infinity ? place : null);
  };
  useWindowEvent("pagehide", keep);
  useEffect(() => keep, []);
}

/** The day of the first visible message, shown while the reader scrolls. */
function useDayPill(items: { readonly current: readonly Item[] }) {
  const element = useRef<HTMLParagraphElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const show = (box: HTMLElement, isReading: boolean) => {
    const pill = element.current;
    const row = topRow(box)?.element;
    const heading = row?.closest("section")?.querySelector(".day");
    const isRedundant = heading && heading.getBoundingClientRect().bottom > box.getBoundingClientRect().top;
    const item = isReading && !isRedundant && items.current.find((each) => each.key === row?.dataset["key"]);
    if (!pill) return;
    if (isRedundant) pill.classList.remove("shown");
    if (!item) return;
    pill.textContent = dayName(timeOf(item));
    pill.classList.add("shown");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => pill.classList.remove("shown"), PILL_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return { element, show };
}

function Beginning({ chat }: { chat: Chat }) {
  return (
    <div class="beginning">
      <ChatAvatar chat={chat} size="large" />
      <h3 dir="auto">{chatName(chat)}</h3>
      {chat.type === "GROUP" && chat.description ? (
        <p dir="auto">{chat.description}</p>
      ) : (
        <p>{chat.type === "GROUP" ? t.messages.groupBeginning : t.messages.beginning(chatName(chat))}</p>
      )}
    </div>
  );
}

function Typing({ chat }: { chat: Chat }) {
  const typers = useLive(() => client.typers(chat.id));
  const members = useLive(() => client.members(chat.id));
  const first = typers[0];
  if (!first) return null;
  const user = members.find((member) => member.userId === first.userId)?.user;
  return (
    <div class="typers" aria-hidden="true">
      <Avatar id={first.userId} name={first.username} picture={user?.avatar ?? null} size="small" />
      <p class="bubble typing">
        <i />
        <i />
        <i />
      </p>
    </div>
  );
}

const Waiting = () => (
  <div class="waiting" role="status" aria-label={t.messages.loading}>
    {[46, 30, 58, 38, 50, 26].map((width, at) => (
      <span key={at} class={`bone ${at % 3 === 1 ? "own" : ""}`} style={{ width: `${width}%` }} />
    ))}
  </div>
);
