import type { Chat, Message } from "@chatapp/client";
import { collapsedText } from "../blocking";
import { client } from "../client";
import { nameOf, preview, shortTime } from "../format";
import { t } from "../texts";
import { Avatar } from "../ui/avatar";
import { useAction } from "../ui/action";
import { Dialog } from "../ui/dialog";
import { icons } from "../ui/icons";
import { PagesEnd, usePages } from "./pages";

const textOf = (message: Message) => collapsedText(message) ?? preview(message);

interface PinsProps {
  chat: Chat;
  mayPin: boolean;
  /** Go to the message with this `seq`. */
  onJump: (seq: number) => void;
  onClose: () => void;
}

/** The pinned messages of a chat, the one that was pinned last first. */
export function Pins({ chat, mayPin, onJump, onClose }: PinsProps) {
  const pages = usePages(() => client.pins(chat.id), [chat.pinCount]);
  const { run, busy } = useAction();
  const jump = ({ seq }: Message) => {
    onClose();
    onJump(seq);
  };
  return (
    <Dialog title={t.pins.list} class="pin-list" onClose={onClose}>
      <ul class="people">
        {pages.items.map((message) => (
          <li key={message.id}>
            <button type="button" class="entry" onClick={() => jump(message)}>
              <Avatar id={message.senderId} name={nameOf(message.sender)} picture={message.sender.avatar} />
              <span class="title" dir="auto">
                {nameOf(message.sender)}
              </span>
              <span class="when">{shortTime(message.createdAt)}</span>
              <span class="preview" dir="auto">
                {textOf(message)}
              </span>
            </button>
            {mayPin && (
              <button
                type="button"
                class="icon-button"
                aria-label={t.pins.unpinThis(textOf(message))}
                title={t.pins.unpin}
                disabled={busy}
                onClick={() => void run(() => client.unpin(message.id))}
              >
                {icons.close}
              </button>
            )}
          </li>
        ))}
      </ul>
      <PagesEnd pages={pages} empty={t.pins.empty} />
    </Dialog>
  );
}
