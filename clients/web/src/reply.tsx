// Replying to a message: a part of the draft of its chat.
import type { Message } from "@chatapp/client";
import { useEffect } from "preact/hooks";
import { useLive } from "./client";
import { writeDraft } from "./draft-sync";
import { findItem } from "./drafts";
import { nameOf, preview } from "./format";
import { focusComposer } from "./shortcuts";
import { t } from "./texts";
import { icons } from "./ui/icons";

/** Reply to a message with the next one that is written. */
export function startReply(message: Message): void {
  writeDraft(message.chatId, { editing: null, replyTo: message });
  focusComposer();
}

export const endReply = (chatId: string) => writeDraft(chatId, { replyTo: null });

/** Above the field that the reply is written in: the message it is for. */
export function ReplyBar({ message }: { message: Message }) {
  const { id, chatId, sender } = message;
  const item = useLive(() => findItem(chatId, id));
  const current = item?.state === "sent" ? item.message : message;
  useEffect(() => {
    if (current.isDeleted) endReply(chatId);
  }, [current.isDeleted]);
  return (
    <div class="editing">
      {icons.reply}
      <p>
        <b>{t.reply.title(nameOf(sender))}</b>
        <span dir="auto">{preview(current)}</span>
      </p>
      <button type="button" class="icon-button" aria-label={t.reply.cancel} onClick={() => endReply(chatId)}>
        {icons.close}
      </button>
    </div>
  );
}
