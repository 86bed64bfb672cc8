import type { Chat, Item } from "@chatapp/client";
import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ChatAvatar } from "./chat-list";
import { client, useLive, useMe } from "./client";
import { chatName, count, dayName, isSameDay, timeOf } from "./format";
import { Row } from "./row";
import { useAnchoredScroll } from "./scroll";
import { useAttention } from "./attention";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { moveFocus } from "./ui/keys";

/** How near to the oldest message older ones are fetched, in pixels. */
const AHEAD = 900;
/** What somebody says within this time of their last words belongs to it. */
const RUN_MS = 5 * 60_000;

export function Messages({ chat, onEdit }: { chat: Chat; onEdit: (messageId: string) => void }) {
  const me = useMe();
  const items = useLive(() => client.messages(chat.id));
  const history = useLive(() => client.history(chat.id));
  const role = useLive(() => client.members(chat.id).find((member) => member.userId === me.id)?.role);
  const { scroller, atEnd, isAtEnd, onScroll, toEnd, toRow } = useAnchoredScroll();
  const isReading = useAttention() && isAtEnd && history.loaded;
  const firstNew = useFirstNew(chat, isReading, items);
  const list = useRef<HTMLDivElement>(null);
  const mayDelete = role === "ADMIN" || me.role !== "USER";

  useEffect(() => {
    if (isReading && atEnd.current && chat.unreadCount) client.markRead(chat.id);
  }, [isReading, chat.unreadCount]);

  useLayoutEffect(() => {
    const divider = list.current?.querySelector<HTMLElement>(".divider");
    if (
      divider &&
      list.current!.getBoundingClientRect().bottom - divider.getBoundingClientRect().top >
        scroller.current!.clientHeight
    ) {
      toRow(divider);
    } else toEnd();
  }, [history.loaded]);

  const lastKey = items.at(-1)?.key;
  useLayoutEffect(() => {
    const last = items.at(-1);
    if (last && last.state !== "sent") toEnd();
  }, [lastKey]);

  const loadOlder = () => {
    // As it is drawn: a first page that has come and is not drawn yet would be taken for one whose top is in sight.
    const { hasOlder, loading, error, loaded } = history;
    if (loaded && hasOlder && !loading && !error && scroller.current!.scrollTop < AHEAD) {
      client.loadOlder(chat.id).catch(() => {});
    }
  };
  useEffect(loadOlder);

  return (
    <div class="talk-area">
      <div
        ref={scroller}
        class="scroller"
        onScroll={() => {
          onScroll();
          loadOlder();
        }}
      >
        <div class="top">
          {history.error ? (
            <p class="quiet">
              Older messages did not come: {history.error.message}{" "}
              <button type="button" class="link" onClick={() => void client.loadOlder(chat.id).catch(() => {})}>
                Try again
              </button>
            </p>
          ) : !history.loaded ? (
            <Waiting />
          ) : history.hasOlder ? (
            <p class="quiet" role="status">
              Loading older messages …
            </p>
          ) : (
            <Beginning chat={chat} />
          )}
        </div>
        <div
          ref={list}
          class="messages"
          role="log"
          aria-live="off"
          aria-label="Messages"
          onKeyDown={(event) => {
            moveFocus(event, [...(list.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [])]);
          }}
        >
          {daysOf(items).map(([day, first, length]) => (
            <section key={day} aria-label={day}>
              <h3 class="day">
                <span>{day}</span>
              </h3>
              <ol>
                {items.slice(first, first + length).map((item, offset) => {
                  const at = first + offset;
                  const [before, after] = [items[at - 1], items[at + 1]];
                  const isDivided = firstNew !== null && isFirstFrom(firstNew, before, item, history.hasOlder);
                  return (
                    <Fragment key={item.key}>
                      {isDivided && <li class="divider">New messages</li>}
                      <Row
                        item={item}
                        isOwn={isOwn(item, me.id)}
                        isGroup={chat.type === "GROUP"}
                        isFirst={isDivided || !isOneRun(before, item, me.id)}
                        isLast={!after || !isOneRun(item, after, me.id) || isNew(firstNew, item, after)}
                        isNewest={at === items.length - 1}
                        mayDelete={mayDelete}
                        onEdit={onEdit}
                      />
                    </Fragment>
                  );
                })}
              </ol>
            </section>
          ))}
        </div>
        <Typing chat={chat} />
      </div>
      {!isAtEnd && (
        <button type="button" class="to-end" onClick={() => toEnd(true)} aria-label="Go to the newest messages">
          {chat.unreadCount > 0 && <span class="badge">{count(chat.unreadCount, "new", "new")}</span>}
          {icons.down}
        </button>
      )}
    </div>
  );
}

const senderOf = (item: Item, me: string) => (item.state === "sent" ? item.message.senderId : me);
const isOwn = (item: Item, me: string) => senderOf(item, me) === me;
const seqOf = (item: Item) => (item.state === "sent" ? item.message.seq : Infinity);

function isOneRun(before: Item | undefined, item: Item, me: string): boolean {
  if (!before || senderOf(before, me) !== senderOf(item, me)) return false;
  const [earlier, later] = [timeOf(before), timeOf(item)];
  return isSameDay(earlier, later) && Date.parse(later) - Date.parse(earlier) < RUN_MS;
}

const isNew = (firstNew: number | null, before: Item, item: Item) =>
  firstNew !== null && seqOf(before) < firstNew && seqOf(item) >= firstNew;

/** The days of a conversation: what each is called, where it begins, how many messages it has. */
function daysOf(items: readonly Item[]): [string, number, number][] {
  const days: [string, number, number][] = [];
  for (const [at, item] of items.entries()) {
    const [before, last] = [items[at - 1], days.at(-1)];
    if (last && before && isSameDay(timeOf(before), timeOf(item))) last[2] += 1;
    else days.push([dayName(timeOf(item)), at, 1]);
  }
  return days;
}

/** Whether `item` is the first of the new ones; of a page that begins among them, that is not known yet. */
function isFirstFrom(firstNew: number, before: Item | undefined, item: Item, hasOlder: boolean): boolean {
  return before ? isNew(firstNew, before, item) : seqOf(item) >= firstNew && !hasOlder;
}

/** The `seq` of the first message that came while nobody looked, until one says something oneself; or null. */
function useFirstNew(chat: Chat, isReading: boolean, items: readonly Item[]): number | null {
  const unread = chat.unreadCount;
  const [firstNew, setFirstNew] = useState(unread ? chat.lastSeq - unread + 1 : null);
  const before = useRef(unread);
  useEffect(() => {
    if (unread && !before.current && !isReading) setFirstNew(chat.lastSeq - unread + 1);
    before.current = unread;
  }, [unread]);
  const isAnswering = items.at(-1)?.state === "pending";
  useEffect(() => {
    if (isAnswering) setFirstNew(null);
  }, [isAnswering]);
  return firstNew;
}

function Beginning({ chat }: { chat: Chat }) {
  return (
    <div class="beginning">
      <ChatAvatar chat={chat} size="large" />
      <h3>{chatName(chat)}</h3>
      <p>
        {chat.type === "GROUP"
          ? (chat.description ?? "The group begins here. Say something to everybody.")
          : `This is the beginning of your conversation with ${chatName(chat)}.`}
      </p>
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
  <div class="waiting" role="status" aria-label="Loading messages">
    {[46, 30, 58, 38, 50, 26].map((width, at) => (
      <span key={at} class={`bone ${at % 3 === 1 ? "own" : ""}`} style={{ width: `${width}%` }} />
    ))}
  </div>
);
