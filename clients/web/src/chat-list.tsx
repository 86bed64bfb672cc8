import type { Chat } from "@chatapp/client";
import { useRef } from "preact/hooks";
import { client, useLive, useMe } from "./client";
import { chatName, gist, shortCount, shortTime } from "./format";
import { chatPath } from "./route";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { moveFocus } from "./ui/keys";
import { memo } from "./ui/memo";
import { Ticks } from "./ui/ticks";

/** All chats, the most recently active first; the arrow keys go through them. */
export function ChatList({ openId, onFind }: { openId: string | null; onFind: () => void }) {
  const chats = useLive(() => client.chats);
  const isLoaded = useLive(() => client.chatsLoaded);
  const list = useRef<HTMLUListElement>(null);
  if (!isLoaded && !chats.length) return <Waiting />;
  if (!chats.length) {
    return (
      <div class="hello">
        <span class="emblem">{icons.user}</span>
        <h3>{t.chats.empty}</h3>
        <p>{t.chats.emptyHint}</p>
        <button type="button" class="button" onClick={onFind}>
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
        onKeyDown={(event) => moveFocus(event, [...(list.current?.querySelectorAll<HTMLElement>("a") ?? [])])}
      >
        {chats.map((chat) => (
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
          <span class="title">{name}</span>
          <time class="when">{shortTime(chat.lastMessage?.createdAt ?? chat.createdAt)}</time>
          <span class="preview">
            <Preview chat={chat} />
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

function Preview({ chat }: { chat: Chat }) {
  const me = useMe();
  const typers = useLive(() => client.typers(chat.id));
  const message = chat.lastMessage;
  if (typers.length) {
    const names = typers.map((typer) => typer.username);
    return <em class="typing-text">{chat.type === "GROUP" ? t.chats.namesTyping(names) : t.chats.typing}</em>;
  }
  if (!message) return <em>{chat.type === "GROUP" ? t.chats.noMessages : t.chats.sayHello}</em>;
  const isOwn = message.senderId === me.id;
  return (
    <>
      {isOwn && !message.isDeleted && <Ticks status={message.status} />}
      {!isOwn && chat.type === "GROUP" && <b>{message.sender.username}: </b>}
      {!message.isDeleted && message.type === "IMAGE" && icons.image}
      {!message.isDeleted && message.type === "FILE" && icons.file}
      {message.isDeleted ? <em>{gist(message)}</em> : gist(message)}
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
