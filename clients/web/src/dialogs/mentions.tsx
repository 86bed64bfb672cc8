import type { Message } from "@chatapp/client";
import { useRef } from "preact/hooks";
import { client } from "../client";
import { chatName, nameOf, preview, shortTime } from "../format";
import { messagePath } from "../route";
import { t } from "../texts";
import { Avatar } from "../ui/avatar";
import { Dialog } from "../ui/dialog";
import { useRovingFocus } from "../ui/keys";
import { PagesEnd, usePages } from "./pages";

/** The messages that mention the user, the newest first, as links to them. Following one closes the dialog. */
export function Mentions({ onClose }: { onClose: () => void }) {
  const pages = usePages(() => client.mentions(), []);
  const list = useRef<HTMLUListElement>(null);
  const roving = useRovingFocus(list);
  return (
    <Dialog title={t.mentions.title} class="mention-list" onClose={onClose}>
      <ul ref={list} class="people" {...roving}>
        {pages.items.map((message) => (
          <Entry key={message.id} message={message} onClose={onClose} />
        ))}
      </ul>
      <PagesEnd pages={pages} empty={t.mentions.none} />
    </Dialog>
  );
}

function Entry({ message, onClose }: { message: Message; onClose: () => void }) {
  const { sender, chatId, seq, createdAt } = message;
  const chat = client.chat(chatId);
  return (
    <li>
      <a class="entry" href={messagePath(chatId, seq)} onClick={onClose}>
        <Avatar id={sender.id} name={nameOf(sender)} picture={sender.avatar} />
        <span class="title">
          <bdi>{nameOf(sender)}</bdi>
          {chat?.type === "GROUP" && (
            <span class="quiet">
              {" · "}
              <bdi>{chatName(chat)}</bdi>
            </span>
          )}
        </span>
        <time class="when">{shortTime(createdAt)}</time>
        <span class="preview" dir="auto">
          {preview(message)}
        </span>
      </a>
    </li>
  );
}
