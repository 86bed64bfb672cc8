import type { Chat, Item } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Beginning, Newer, Older, Typing, Waiting } from "./around-messages";
import { useAttention } from "./attention";
import { isCollapsed } from "./blocking";
import { BURST_MS, client, useLive, useMe } from "./client";
import { useDayPill } from "./day-pill";
import { deleteSoon, useDeletions } from "./deletions";
import { useFeatures } from "./features";
import { dayName, timeOf } from "./format";
import { useJump } from "./jump";
import type { Acts, Overlay } from "./overlay";
import { Overlays } from "./overlays";
import { PinsBar } from "./pins-bar";
import { usePress } from "./press";
import type { Target } from "./route";
import { Row } from "./row";
import { useRovingFocus } from "./roving";
import { daysOf, isFirstFrom, isNew, isOwn, joints, startsDay, statusOf } from "./runs";
import { useWindow } from "./scroll";
import { useSelection } from "./selection";
import { SelectionBar } from "./selection-bar";
import { useFirstNew, useStart } from "./start";
import { useSwipeReply } from "./swipe";
import { t } from "./texts";
import { showError } from "./ui/toast";
import { icons } from "./ui/icons";

/** How near to the first or last loaded message others are fetched, in pixels. */
const AHEAD = 900;
/** How many messages stay loaded once the reader is back at the end, and from how many on the others are dropped. */
const KEPT = 200;
const DROPPED_FROM = 400;

interface MessagesProps {
  chat: Chat;
  /** The message to go to, of a link. */
  target: Target | null;
  /** How often the user has written something since the chat was opened. */
  sendCount: number;
  onEdit: (messageId: string) => void;
}

export function Messages({ chat, target, sendCount, onEdit }: MessagesProps) {
  const me = useMe();
  useFeatures();
  const items = useDeletions(useLive(() => client.messages(chat.id), BURST_MS));
  const history = useLive(() => client.history(chat.id), BURST_MS);
  const role = useLive(() => client.members(chat.id).find((member) => member.userId === me.id)?.role);
  // Rendering settles the window: at the end, its reader sees who is typing.
  useLive(() => client.typers(chat.id).length > 0);
  const view = useWindow(items, history.hasNewer);
  const { scroller, list, slice, atEnd, isAtEnd, toEnd } = view;
  const [hasBegun, setBegun] = useState(false);
  const isReading = useAttention() && isAtEnd && hasBegun;
  const firstNew = useFirstNew(chat, isReading, sendCount);
  const [overlay, open] = useState<Overlay | null>(null);
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const [revealed, setRevealed] = useState<ReadonlySet<string>>(new Set());
  // Renders again when the user blocks someone.
  useLive(() => client.blocked);
  const isCollapsedRow = (item: Item) => item.state === "sent" && isCollapsed(item.message) && !revealed.has(item.key);
  const latest = useRef(items);
  latest.current = items;
  const { jump, isJumping, flashed } = useJump(chat.id, items, history, view, target);
  const selection = useSelection(items);

  const mayRead = useRef(isReading);
  mayRead.current = isReading;
  const read = () => {
    if (mayRead.current && atEnd.current) client.markRead(chat.id);
  };
  // As it arrives: it is rendered once, as read.
  useEffect(() => client.onMessage(({ chatId }) => chatId === chat.id && read()), []);
  useEffect(read, [isReading]);
  // Messages that another device marks as unread stay so.
  useEffect(() => {
    if (!chat.isMarkedUnread) read();
  }, [chat.unreadCount]);

  useStart(chat, items, history.loaded, firstNew, view, hasBegun, () => setBegun(true), isJumping);
  const goToEnd = useReturn(chat.id, history.hasNewer, sendCount, toEnd);

  const lastKey = items.at(-1)?.key;
  useLayoutEffect(() => {
    const last = items.at(-1);
    if (last && last.state !== "sent") toEnd();
  }, [lastKey]);

  const mayDrop = isAtEnd && items.length > DROPPED_FROM;
  useEffect(() => {
    if (mayDrop) client.trimHistory(chat.id, KEPT);
  }, [mayDrop]);

  const loadMore = () => {
    // As of the last rendering: a page that has arrived since is not visible yet.
    const { hasOlder, hasNewer, loading, error, loaded } = history;
    if (!loaded || loading || error || isJumping) return;
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    if (hasOlder && scrollTop < AHEAD) client.loadOlder(chat.id).catch(() => {});
    else if (hasNewer && scrollHeight - clientHeight - scrollTop < AHEAD) client.loadNewer(chat.id).catch(() => {});
  };
  useEffect(loadMore);

  const pill = useDayPill(latest);
  const itemOf = (key: string) => items.find((item) => item.key === key);
  const toggle = (key: string) => {
    const next = new Set(expanded);
    if (!next.delete(key)) next.add(key);
    setExpanded(next);
  };
  const selectRow = (key: string) => {
    const item = itemOf(key);
    if (item?.state === "sent") selection.toggle(item.message.id);
  };
  const acts = useStable<Acts>({
    // While messages are being selected, what else opens the menu of one selects it.
    open: (next) => (selection.ids && next.kind === "menu" ? selectRow(next.key) : open(next)),
    edit: onEdit,
    expand: toggle,
    reveal: (key) => setRevealed(new Set(revealed).add(key)),
    jump,
    select: selection.toggle,
  });
  const roving = useRovingFocus(latest, view, acts.open);
  const press = usePress({
    find: (target) => target.closest("[data-key]")?.querySelector<HTMLElement>(".bubble") ?? null,
    onOpen: (bubble) =>
      acts.open({ kind: "menu", key: bubble.closest<HTMLElement>("[data-key]")!.dataset["key"]!, anchor: bubble }),
    // The browser's menu serves selected text and links.
    isTheirs: (target) => getSelection()?.isCollapsed === false || target.closest("a, img") !== null,
  });
  const swipe = useSwipeReply(latest);

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
        isCollapsed={isCollapsedRow(item)}
        selected={selection.ids && item.state === "sent" ? selection.ids.includes(item.message.id) : null}
        isFlashed={flashed === item.key}
        acts={acts}
      />,
    ];
  };

  return (
    <>
      {selection.ids ? (
        <SelectionBar
          count={selection.ids.length}
          onForward={() => open({ kind: "forward", messageIds: selection.ids! })}
          onDelete={() => {
            deleteSoon(selection.ids!, { isForAll: false });
            selection.end();
          }}
          onEnd={selection.end}
        />
      ) : (
        <PinsBar chat={chat} items={items} acts={acts} />
      )}
      <div class="talk-area">
        <div
          ref={scroller}
          class="scroller"
          onScroll={() => {
            if (!view.onScroll()) return;
            loadMore();
            pill.show(scroller.current!, !atEnd.current);
          }}
          onWheel={view.interrupt}
          onPointerDown={view.interrupt}
          onTouchMove={view.interrupt}
        >
          <div key={history.loaded ? "top" : "loading"} class="top">
            {history.error && !history.hasNewer ? (
              <Older chatId={chat.id} hasFailed />
            ) : !history.loaded ? (
              <Waiting />
            ) : history.hasOlder ? (
              <Older chatId={chat.id} />
            ) : (
              <Beginning chat={chat} />
            )}
          </div>
          <div
            ref={list}
            class={`messages ${chat.type === "GROUP" ? "in-group" : ""} ${selection.ids ? "selecting" : ""}`}
            role="log"
            aria-live="off"
            aria-label={t.messages.label}
            aria-description={t.messages.keys}
            {...roving.props}
            {...press}
            {...swipe}
            onClickCapture={(event) => {
              press.onClickCapture(event);
              if (selection.ids && !event.defaultPrevented) selectByClick(event, selectRow);
            }}
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
          {history.hasNewer ? <Newer chatId={chat.id} hasFailed={history.error !== null} /> : <Typing chat={chat} />}
        </div>
        <p ref={pill.element} class="day-pill" aria-hidden="true" />
        {!isAtEnd && (
          <button type="button" class="to-end" onClick={goToEnd} aria-label={t.messages.toEnd}>
            {chat.unreadCount > 0 && <span class="badge">{t.messages.newCount(chat.unreadCount)}</span>}
            {icons.down}
          </button>
        )}
      </div>
      {overlay && (
        <Overlays
          overlay={overlay}
          chat={chat}
          items={items}
          me={me.id}
          mayDelete={role === "ADMIN" || me.role !== "USER"}
          mayPin={role === "ADMIN" || chat.type === "DIRECT"}
          isExpanded={(key) => expanded.has(key)}
          isCollapsed={isCollapsedRow}
          acts={acts}
          onForwarded={selection.end}
          onClose={() => {
            open((now) => (now === overlay ? null : now));
            if ("key" in overlay) roving.focus(overlay.key);
          }}
        />
      )}
    </>
  );
}

/** Functions that stay the same, and call the latest ones. */
function useStable<T extends { readonly [name in keyof T]: (...given: never[]) => void }>(functions: T): T {
  const latest = useRef(functions);
  latest.current = functions;
  const made = useRef<T>(undefined);
  made.current ??= Object.fromEntries(
    (Object.keys(functions) as (keyof T)[]).map((name) => [
      name,
      (...given: never[]) => latest.current[name](...given),
    ]),
  ) as T;
  return made.current;
}

/** A click on a row selects its message, and does nothing else; one on its box is enough by itself. */
function selectByClick(event: MouseEvent, select: (key: string) => void): void {
  const target = event.target as Element;
  const key = target.closest<HTMLElement>("[data-key]")?.dataset["key"];
  if (!key) return;
  if (!target.matches("input")) event.preventDefault();
  event.stopPropagation();
  select(key);
}

/**
 * Returns a function that goes to the newest messages: they are loaded again where the reader has jumped elsewhere. To
 * write something does the same.
 */
function useReturn(chatId: string, hasNewer: boolean, sendCount: number, toEnd: (smooth?: boolean) => void) {
  const [isReturning, setReturning] = useState(false);
  useLayoutEffect(() => {
    if (!isReturning || hasNewer) return;
    setReturning(false);
    toEnd();
  }, [isReturning, hasNewer]);
  const goToEnd = () => {
    if (!hasNewer) return toEnd(true);
    setReturning(true);
    client.loadNewest(chatId).catch((error) => {
      setReturning(false);
      showError(error);
    });
  };
  useEffect(() => {
    if (sendCount && hasNewer) goToEnd();
  }, [sendCount]);
  useEffect(
    () => () => {
      // It opens at its end the next time, unless a place is kept.
      if (client.history(chatId).hasNewer) void client.loadNewest(chatId).catch(() => {});
    },
    [],
  );
  return goToEnd;
}
