// Where a chat opens, and the place in it that is kept.
import type { Chat, Item } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { keepPlace, placeIn } from "./place";
import { seqOf } from "./runs";
import type { useWindow } from "./scroll";
import { useWindowEvent } from "./ui/window-event";

/** A place this many messages back is restored after a reload; from further back the chat opens at its end. */
const MAX_PLACE_DISTANCE = 500;
/** Below the day pill and a bit of air, where a chat opens at its first new message. */
const BELOW_EDGE = 64;

/** The `seq` of the first message that arrived while the reader was away, until they write something; or null. */
export function useFirstNew(chat: Chat, isReading: boolean, sendCount: number): number | null {
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
export function useStart(
  chat: Chat,
  items: readonly Item[],
  isLoaded: boolean,
  firstNew: number | null,
  { anchor, atEnd, toEnd, show }: ReturnType<typeof useWindow>,
  hasBegun: boolean,
  onBegun: () => void,
  /** Whether the reader is on their way to a message of a link. */
  isJumping: boolean,
): void {
  const [wanted, setWanted] = useState(() => (isJumping ? null : placeIn(chat.id)));
  const hasJumped = useRef(isJumping);
  const latest = useRef(items);
  latest.current = items;
  const keyOf = (seq: number) => items.find((item) => item.state === "sent" && item.message.seq >= seq)?.key;

  const isCurrent = useIsCurrent();
  const first = hasBegun || firstNew === null ? undefined : keyOf(firstNew);
  const isFirstHere = firstNew === null || first !== undefined;
  useLayoutEffect(() => {
    if (wanted || hasBegun || !isLoaded || isJumping) return;
    // The reader may have gone elsewhere meanwhile.
    if (first && atEnd.current && !hasJumped.current) show(first, BELOW_EDGE);
    else if (atEnd.current) toEnd();
    if (first || (isCurrent && isFirstHere)) onBegun();
  }, [isLoaded, isCurrent, isFirstHere, isJumping]);

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
