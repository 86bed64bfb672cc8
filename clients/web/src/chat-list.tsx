import type { Chat } from "@chatapp/client";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isCollapsed } from "./blocking";
import { chatsOf, type ListName } from "./chat-order";
import { BURST_MS, client, useLive, useMe } from "./client";
import { chatName, fullTime, hasPlainText, nameOf, preview, shortCount, shortTime } from "./format";
import { preload } from "./lazy";
import { chatPath } from "./route";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { useRovingFocus } from "./ui/keys";
import { memo } from "./ui/memo";
import { Ticks } from "./ui/ticks";

/** The entries that fit on a screen are drawn first, and then so many at a time: a slow phone is usable sooner. */
const FIRST_ENTRIES = 20;
const MORE_ENTRIES = 50;

interface ChatListProps {
  /** The chats, or those that were archived. */
  name: ListName;
  openId: string | null;
  onNewChat: () => void;
  onArchive: () => void;
  onEscape: () => void;
}

/** Chats, the most recently active first: one stop of the Tab key, and the arrow keys go through them. */
export function ChatList({ name, openId, onNewChat, onArchive, onEscape }: ChatListProps) {
  const chats = useLive(() => chatsOf(name), BURST_MS);
  const archived = useLive(() => chatsOf("archive"), BURST_MS);
  const isArchive = name === "archive";
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
  if (isArchive && !chats.length) return <p class="quiet none">{t.chatState.noArchived}</p>;
  if (!chats.length && !archived.length) {
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
    <nav aria-label={isArchive ? t.chatState.archivedChats : t.chats.list}>
      <ul
        ref={list}
        class="chats"
        {...roving}
        onKeyDown={(event) => {
          if (event.key === "Escape") onEscape();
          else roving.onKeyDown(event);
        }}
      >
        {!isArchive && archived.length > 0 && <ArchiveEntry chats={archived} onClick={onArchive} />}
        {chats.slice(0, count).map((chat) => (
          <Entry key={chat.id} chat={chat} isOpen={chat.id === openId} />
        ))}
      </ul>
    </nav>
  );
}

/** Leads to the chats that were archived; unread ones are counted. */
function ArchiveEntry({ chats, onClick }: { chats: readonly Chat[]; onClick: () => void }) {
  const unread = chats.filter((chat) => chat.unreadCount > 0).length;
  return (
    <li>
      <button type="button" class="entry archive" onClick={onClick}>
        <span class="emblem">{icons.archive}</span>
        <span class="title">{t.chatState.archivedTitle}</span>
        {unread > 0 && (
          <span class="badges">
            <span class="badge quiet">
              <span aria-hidden="true">{shortCount(unread)}</span>
              <span class="hidden">{t.chatState.unreadChats(unread)}</span>
            </span>
          </span>
        )}
      </button>
    </li>
  );
}

export const Entry = memo(
  ({ chat, isOpen = false, onChosen }: { chat: Chat; isOpen?: boolean; onChosen?: () => void }) => {
    const name = chatName(chat);
    const { unreadCount: unread, isMuted, isPinned } = chat;
    return (
      <li data-chat={chat.id} class={isPinned ? "pinned" : undefined}>
        <a
          class={`entry ${unread ? "unread" : ""} ${isMuted ? "muted" : ""}`}
          href={chatPath(chat.id)}
          draggable={false}
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
          {(unread > 0 || isMuted || isPinned) && <Badges chat={chat} />}
        </a>
        <button
          type="button"
          class="icon-button entry-menu"
          tabIndex={-1}
          aria-label={t.chatState.actionsOf(name)}
          aria-haspopup="menu"
        >
          {icons.more}
        </button>
      </li>
    );
  },
);

function Badges({ chat }: { chat: Chat }) {
  const { unreadCount: unread, mentionCount: mentions, isMuted, isPinned, isMarkedUnread, me } = chat;
  // A mark alone counts no new messages.
  const isMark = isMarkedUnread && unread === 1;
  return (
    <span class="badges">
      {isPinned && <Sign icon={icons.pin} text={t.pins.pinnedMark} />}
      {isMuted && <Sign icon={icons.bellOff} text={mutedText(me?.mutedUntil)} />}
      {mentions > 0 && (
        <span class="badge at">
          {icons.at}
          <span class="hidden">{t.chats.mentions(mentions)}, </span>
        </span>
      )}
      {unread > 0 && (
        <span class={`badge ${isMuted ? "quiet" : ""} ${isMark ? "unnumbered" : ""}`}>
          {!isMark && <span aria-hidden="true">{shortCount(unread)}</span>}
          <span class="hidden">{isMark ? t.chatState.markedUnread : t.chats.unread(unread)}</span>
        </span>
      )}
    </span>
  );
}

const Sign = ({ icon, text }: { icon: VNode; text: string }) => (
  <span class="sign" title={text}>
    {icon}
    <span class="hidden">{text}, </span>
  </span>
);

/** "Muted", with the time at which that ends. */
const mutedText = (until = "") =>
  until && until < "9999" ? t.chatState.mutedUntil(fullTime(until)) : t.chatState.muted;

export function ChatAvatar({ chat, size }: { chat: Chat; size?: "small" | "large" }) {
  const { peer } = chat;
  const isOnline = useLive(() => peer && client.presence(peer.id)?.isOnline) ?? undefined;
  return peer ? (
    <Avatar id={peer.id} name={nameOf(peer)} picture={peer.avatar} isOnline={isOnline} size={size} />
  ) : (
    <Avatar id={chat.id} name={chatName(chat)} picture={chat.avatar} kind="group" size={size} />
  );
}

function Preview({ chat, isOpen }: { chat: Chat; isOpen: boolean }) {
  const me = useMe();
  const draft = useLive(() => client.draft(chat.id));
  const typers = useLive(() => client.typers(chat.id));
  const message = chat.lastMessage;
  const isBlocked = useLive(() => message !== null && isCollapsed(message));
  usePlainText(message?.format === "markdown");
  const unsent = draft.content.trim() || draft.files[0]?.name;
  if (typers.length) {
    const names = typers.map(nameOf);
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
  if (isBlocked) return <em>{t.preview.blocked}</em>;
  if (!message) return <em>{chat.type === "GROUP" ? t.chats.noMessages : t.chats.sayHello}</em>;
  const isOwn = message.senderId === me.id;
  return (
    <>
      {isOwn && !message.isDeleted && <Ticks status={message.status} />}
      {!isOwn && chat.type === "GROUP" && message.type !== "SYSTEM" && (
        <b>
          <bdi>{nameOf(message.sender)}</bdi>:{" "}
        </b>
      )}
      {!message.isDeleted && message.type === "IMAGE" && icons.image}
      {!message.isDeleted && message.type === "FILE" && icons.file}
      {message.isDeleted ? <em>{preview(message)}</em> : <bdi>{preview(message)}</bdi>}
    </>
  );
}

/** Renders again once marks can be left out of texts. */
function usePlainText(isNeeded: boolean): void {
  const [, again] = useState(hasPlainText);
  useEffect(() => {
    if (isNeeded && !hasPlainText()) void preload().then(() => again(true));
  }, [isNeeded]);
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
