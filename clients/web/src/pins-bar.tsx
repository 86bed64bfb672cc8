import type { Chat, Item, Message } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { isCollapsed } from "./blocking";
import { client, useLive } from "./client";
import { findItem } from "./drafts";
import { has } from "./features";
import { nameOf, preview } from "./format";
import type { Acts } from "./overlay";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { showError } from "./ui/toast";

/** Above the messages: the one that was pinned last, and the way to the others. */
export function PinsBar({ chat, items, acts }: { chat: Chat; items: readonly Item[]; acts: Acts }) {
  const pin = useLastPin(chat, items);
  const count = chat.pinCount ?? 0;
  const isBlocked = useLive(() => pin !== undefined && isCollapsed(pin));
  if (!count || !has("pins")) return null;
  return (
    <section class="pins bar" aria-label={t.pins.list}>
      <button type="button" class="pin" disabled={!pin} onClick={() => pin && acts.jump(pin.seq)}>
        {icons.pin}
        <b>{t.pins.pinned}</b>{" "}
        <span dir="auto">
          {isBlocked
            ? t.preview.blocked
            : pin && (
                <>
                  <bdi>{nameOf(pin.sender)}:</bdi> {preview(pin)}
                </>
              )}
        </span>
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={t.pins.showAll(count)}
        title={t.pins.showAll(count)}
        aria-haspopup="dialog"
        onClick={() => acts.open({ kind: "pins" })}
      >
        {count}
      </button>
    </section>
  );
}

/** The message that was pinned last, as it is now; undefined until it is known. */
function useLastPin(chat: Chat, items: readonly Item[]): Message | undefined {
  const [pin, setPin] = useState<Message>();
  const count = chat.pinCount ?? 0;
  // Of the loaded ones: it changes when one is pinned in place of another.
  const latest = items.reduce((last, item) => {
    const at = item.state === "sent" ? item.message.pinnedAt : undefined;
    return at && at > last ? at : last;
  }, "");
  useEffect(() => {
    if (!count) return undefined;
    let isOver = false;
    client.pins(chat.id).then(({ items: [first] }) => isOver || setPin(first), showError);
    return () => {
      isOver = true;
    };
  }, [count, latest]);
  const item = pin && findItem(chat.id, pin.id);
  return item?.state === "sent" ? item.message : pin;
}
