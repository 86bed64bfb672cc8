import { type History, type Item, type Message, NotFoundError } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { client } from "./client";
import { dropTarget, type Target } from "./route";
import { seqOf } from "./runs";
import type { useWindow } from "./scroll";
import { t } from "./texts";
import { showError, showWarning } from "./ui/toast";

/** How far below the upper edge a message is shown, as a share of the visible height. */
const SHARE = 0.3;
const FLASH_MS = 2200;

/**
 * Goes to a message of the chat, which is loaded with those around it if it is far; and to `target` as soon as it is
 * another one. The message is marked for a moment.
 */
export function useJump(
  chatId: string,
  items: readonly Item[],
  { loaded }: History,
  { scroller, show }: ReturnType<typeof useWindow>,
  target: Target | null,
) {
  const [wanted, setWanted] = useState(target);
  // Another object for each time: the same message is marked for as long again.
  const [flashed, setFlashed] = useState<{ readonly key: string } | null>(null);
  const given = useRef(target);
  if (given.current !== target) {
    given.current = target;
    if (target) setWanted(target);
  }
  const item = wanted && items.find((each) => seqOf(each) === wanted.seq);

  useLayoutEffect(() => {
    if (!item) return;
    dropTarget();
    setWanted(null);
    setFlashed({ key: item.key });
    show(item.key, scroller.current!.clientHeight * SHARE, true);
  }, [item]);
  useEffect(() => {
    if (!flashed) return undefined;
    const timer = setTimeout(() => setFlashed(null), FLASH_MS);
    return () => clearTimeout(timer);
  }, [flashed]);
  useEffect(() => {
    if (!wanted || item || !loaded) return undefined;
    let isOver = false;
    // The nearest one, where the message itself can't be seen.
    const goOn = (found: Message | undefined) => {
      if (!found) showWarning(t.messages.gone);
      if (found?.seq !== wanted.seq) setWanted(found ? { seq: found.seq } : null);
    };
    const fail = (error: unknown) => {
      dropTarget();
      setWanted(null);
      if (error instanceof NotFoundError) showWarning(t.messages.gone);
      else showError(error);
    };
    client.loadAround(chatId, wanted.seq).then(
      (found) => isOver || goOn(found),
      (error) => isOver || fail(error),
    );
    return () => {
      isOver = true;
    };
  }, [wanted, loaded]);
  return { jump: (seq: number) => setWanted({ seq }), isJumping: wanted !== null, flashed: flashed?.key };
}
