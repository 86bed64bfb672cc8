// Messages that were found.
import type { MessageHit } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { isCollapsed } from "../blocking";
import { client, useMe } from "../client";
import { errorText } from "../error-text";
import { chatName, fullTime, nameOf, preview, shortTime } from "../format";
import { plainText } from "../markdown/plain";
import { chatPath, messagePath } from "../route";
import { t } from "../texts";
import { s } from "../texts/search";
import { Avatar } from "../ui/avatar";
import { icons } from "../ui/icons";
import { excerpt, partsOf } from "./marks";
import type { MessageResults } from "./messages";

interface HitProps {
  hit: MessageHit;
  /** Whether one chat is searched. */
  isInChat: boolean;
  isOpened: boolean;
  onOpen: () => void;
}

/** A message that was found, as a link to it. */
export function Hit({ hit, isInChat, isOpened, onOpen }: HitProps) {
  const { message } = hit;
  const { sender, chatId, seq, createdAt } = message;
  const path = messagePath(chatId, seq);
  return (
    <li>
      <a
        class="entry hit"
        href={path}
        aria-current={isOpened ? "true" : undefined}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          onOpen();
          if (location.hash !== chatPath(chatId)) return;
          // One step back leads out of the chat, however many of its messages were looked at.
          event.preventDefault();
          location.replace(path);
        }}
      >
        <Avatar id={sender.id} name={nameOf(sender)} picture={sender.avatar} />
        <Title hit={hit} isInChat={isInChat} />
        <time class="when" title={fullTime(createdAt)}>
          {shortTime(createdAt)}
        </time>
        <span class="preview" dir="auto">
          <Text hit={hit} />
        </span>
      </a>
    </li>
  );
}

/** Who wrote it, and where. */
function Title({ hit: { message, chat: given }, isInChat }: Pick<HitProps, "hit" | "isInChat">) {
  const me = useMe();
  const isOwn = message.senderId === me.id;
  const chat = client.chat(message.chatId);
  const name = given.name ?? (chat ? chatName(chat) : "");
  const sender = isOwn ? s.you : nameOf(message.sender);
  return (
    <span class="title">
      {isInChat || given.type === "DIRECT" ? (
        <bdi>{isOwn && name && !isInChat ? s.youTo(name) : sender}</bdi>
      ) : (
        <>
          <bdi>{sender}</bdi>
          <span class="quiet">
            {" · "}
            <bdi>{name}</bdi>
          </span>
        </>
      )}
    </span>
  );
}

function Text({ hit: { message, highlights = [] } }: { hit: MessageHit }) {
  if (isCollapsed(message)) return <em>{t.preview.blocked}</em>;
  const { content, type, fileName, format } = message;
  const parts = excerpt(partsOf(content ?? "", highlights, format === "markdown" ? plainText : undefined));
  return (
    <>
      {type !== "TEXT" && (
        <span class="file">
          {type === "IMAGE" ? icons.image : icons.file} <bdi>{fileName ?? preview({ ...message, content: null })}</bdi>
        </span>
      )}
      {parts.map(({ text, isMatch }, at) => (isMatch ? <mark key={at}>{text}</mark> : text))}
    </>
  );
}

interface EndProps {
  results: MessageResults;
  hasFilters: boolean;
  isBest: boolean;
  onMore: () => void;
  onUnfilter: () => void;
}

/** What follows the messages: how the search goes on, or why nothing was found. */
export function HitsEnd({ results, hasFilters, isBest, onMore, onUnfilter }: EndProps) {
  const { found, state, until, error } = results;
  if (state === "limited") return <Limited until={until} />;
  if (state === "failed") {
    return (
      <p class="quiet none" role="alert">
        {errorText(error)}{" "}
        <button type="button" class="link" onClick={onMore}>
          {t.messages.tryAgain}
        </button>
      </p>
    );
  }
  const isDone = state === "done";
  if (found?.cursor) {
    const texts = found.isPartial ? [s.searchOlder, s.searchingOlder] : [s.more, s.searching];
    return (
      // It keeps the focus while the search goes on.
      <button type="button" class="entry more" aria-disabled={!isDone} onClick={() => isDone && onMore()}>
        {texts[isDone ? 0 : 1]}
      </button>
    );
  }
  if (!isDone) return <p class="quiet none">{s.searching}</p>;
  if (!found) return null;
  if (found.hits.length) return isBest ? <p class="quiet none">{s.bestOnly}</p> : null;
  return (
    <p class="quiet none">
      {hasFilters ? s.noneWithFilters : s.none}{" "}
      {hasFilters && (
        <button type="button" class="link" onClick={onUnfilter}>
          {s.removeFilters}
        </button>
      )}
    </p>
  );
}

function Limited({ until }: { until: number }) {
  const [, again] = useState({});
  useEffect(() => {
    const timer = setInterval(() => again({}), 1000);
    return () => clearInterval(timer);
  }, []);
  return <p class="quiet none">{s.limited(Math.max(1, Math.ceil((until - Date.now()) / 1000)))}</p>;
}
