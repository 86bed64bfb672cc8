import type { Chat } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { BURST_MS, client, useLive, useMe } from "./client";
import { chatName, preview, shortCount, shortTime } from "./format";
import { chatPath } from "./route";
import { focusComposer } from "./shortcuts";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { useRovingFocus } from "./ui/keys";
import { memo } from "./ui/memo";
import { Ticks } from "./ui/ticks";

/** The entries that fit on a screen are drawn first, and then so many at a time: a slow phone is usable sooner. */
const FIRST_ENTRIES = 20;
const MORE_ENTRIES = 50;

/** All chats, the most recently active first: one stop of the Tab key, and the arrow keys go through them. */
export function ChatList({ openId, onNewChat }: { openId: string | null; onNewChat: () => void }) {
  const chats = useLive(() => client.chats, BURST_MS);
  const isLoaded = useLive(() => client.chatsLoaded);
  const list = useRef<HTMLUListElement>(null);
  const roving = useRovingFocus(list);
  const [count, setCount] = useState(FIRST_ENTRIES);
  const hasMore = chats.length > count;
  useEffect(() => {
    if (!hasMore) return undefined;
    const timer = setTimeout(() => setCount(count + MORE_ENTRIES));
    return () => clearTimeout(timer);
  }, [hasMore, count]);
  if (!isLoaded && !chats.length) return <Waiting />;
  if (!chats.length) {
    return (
      <div class="hello">
        <span class="emblem">{icons.user}</span>
        <h3>{t.chats.empty}</h3>
        <p>{t.chats.emptyHint}</p>
        <button type="button" class="button" onClick={onNewChat}>
          {t.chats.findPeople}
        </button>
      </div>
    );
  }
  return (
    <nav aria-label={t.chats.list}>
      <ul
        ref={list}
        class="chats"
        {...roving}
        onKeyDown={(event) => {
          if (event.key === "Escape") focusComposer();
          else roving.onKeyDown(event);
        }}
      >
        {chats.slice(0, count).map((chat) => (
          <Entry key={chat.id} chat={chat} isOpen={chat.id === openId} />
        ))}
      </ul>
    </nav>
  );
}

export const Entry = memo(
  ({ chat, isOpen = false, onChosen }: { chat: Chat; isOpen?: boolean; onChosen?: () => void }) => {
    const name = chatName(chat);
    const unread = chat.unreadCount;
    return (
      <li>
        <a
          class={`entry ${unread ? "unread" : ""}`}
          href={chatPath(chat.id)}
          aria-current={isOpen ? "page" : undefined}
          onClick={onChosen}
        >
          <ChatAvatar chat={chat} />
          <span class="title" dir="auto">
            {name}
          </span>
          <time class="when">{shortTime(chat.lastMessage?.createdAt ?? chat.createdAt)}</time>
          <span class="preview" dir="auto">
            <Preview chat={chat} isOpen={isOpen} />
          </span>
          {unread > 0 && (
            <span class="badge">
              <span aria-hidden="true">{shortCount(unread)}</span>
              <span class="hidden">{t.chats.unread(unread)}</span>
            </span>
          )}
        </a>
      </li>
    );
  },
);

export function ChatAvatar({ chat, size }: { chat: Chat; size?: "small" | "large" }) {
  const { peer } = chat;
  const isOnline = useLive(() => peer && client.presence(peer.id)?.isOnline) ?? undefined;
  return peer ? (
    <Avatar id={peer.id} name={peer.username} picture={peer.avatar} isOnline={isOnline} size={size} />
  ) : (
    <Avatar id={chat.id} name={chatName(chat)} picture={chat.avatar} kind="group" size={size} />
  );
}

function Preview({ chat, isOpen }: { chat: Chat; isOpen: boolean }) {
  const me = useMe();
  const draft = useLive(() => client.draft(chat.id));
  const typers = useLive(() => client.typers(chat.id));
  const message = chat.lastMessage;
  const unsent = draft.content.trim() || draft.files[0]?.name;
  if (typers.length) {
    const names = typers.map((typer) => typer.username);
    return <em class="typing-text">{chat.type === "GROUP" ? t.chats.namesTyping(names) : t.chats.typing}</em>;
  }
  // The open chat shows it in its field.
  if (unsent && !isOpen) {
    return (
      <>
        <b class="draft">{t.chats.draft}</b> <bdi>{unsent}</bdi>
      </>
    );
  }
  if (!message) return <em>{chat.type === "GROUP" ? t.chats.noMessages : t.chats.sayHello}</em>;
  const isOwn = message.senderId === me.id;
  return (
    <>
      {isOwn && !message.isDeleted && <Ticks status={message.status} />}
      {!isOwn && chat.type === "GROUP" && (
        <b>
          <bdi>{message.sender.username}</bdi>:{" "}
        </b>
      )}
      {!message.isDeleted && message.type === "IMAGE" && icons.image}
      {!message.isDeleted && message.type === "FILE" && icons.file}
      {message.isDeleted ? <em>{preview(message)}</em> : <bdi>{preview(message)}</bdi>}
    </>
  );
}

const Waiting = () => (
  <div class="chats waiting" role="status" aria-label={t.chats.loading}>
    {[70, 45, 60, 35, 55, 40].map((width, at) => (
      <div key={at} class="entry">
        <span class="bone round" />
        <span class="bone" style={{ width: `${width / 1.6}%` }} />
        <span class="bone thin" style={{ width: `${width}%` }} />
      </div>
    ))}
  </div>
);
