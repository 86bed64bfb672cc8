import type { Message } from "@chatapp/client";
import { isCollapsed } from "./blocking";
import { useLive } from "./client";
import { findItem } from "./drafts";
import { nameOf, textOf } from "./format";
import { t } from "./texts";
import { hue } from "./ui/avatar";
import { icons } from "./ui/icons";

interface QuoteProps {
  chatId: string;
  quote: NonNullable<Message["replyTo"]>;
  /** Go to the message with this `seq`. */
  onJump: (seq: number) => void;
}

/** The message that another one replies to; a click goes to it. */
export function Quote({ chatId, quote, onJump }: QuoteProps) {
  const { id, seq, senderId, sender, type, isDeleted } = quote;
  // A quote has marks as they were written: the message itself tells whether they are some.
  const original = findItem(chatId, id);
  const content = textOf({
    content: quote.content ?? null,
    format: original?.state === "sent" ? original.message.format : undefined,
  });
  const isBlocked = useLive(() => isCollapsed({ chatId, senderId }));
  const isShown = !isDeleted && !isBlocked;
  const known = isBlocked ? t.preview.blocked : t.preview.deleted;
  const text = !isShown ? known : content || (type === "IMAGE" ? t.preview.photo : t.preview.file);
  return (
    <button
      type="button"
      class={`quote ${isShown ? "" : "gone"}`}
      tabIndex={-1}
      style={{ "--hue": hue(senderId) }}
      onClick={() => onJump(seq)}
    >
      {/* Elements with a direction of their own: they have no part in that of the bubble. */}
      <bdi class="hidden">{t.messages.inReplyTo} </bdi>
      {sender && isShown && (
        <b>
          <bdi>{nameOf(sender)}</bdi>
        </b>
      )}
      <span dir="auto">{text}</span>
    </button>
  );
}

/** Above a copy of another message: whose it was, unless they keep that to themselves. */
export function Forwarded({ from: { sender } }: { from: NonNullable<Message["forwardedFrom"]> }) {
  return (
    <p class="forwarded" dir="auto">
      {icons.forward} {sender ? t.messages.forwardedFrom(nameOf(sender)) : t.messages.forwarded}
    </p>
  );
}
