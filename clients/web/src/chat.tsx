import type { Chat } from "@chatapp/client";
import { useCallback, useEffect, useState } from "preact/hooks";
import { closedBy } from "./blocking";
import { hasChatState } from "./chat-actions";
import { ChatAvatar } from "./chat-list";
import { showChatMenu } from "./chat-menu";
import { client, useLive, useMe } from "./client";
import { ClosedChat } from "./closed-chat";
import { Composer } from "./composer";
import { addFiles, startEdit } from "./drafts";
import { useDrop } from "./drop";
import { has, useFeatures } from "./features";
import { chatName, nameOf, presenceText } from "./format";
import { Messages } from "./messages";
import { askOnce } from "./notifications/device";
import { HOME, type Target, chatPath, detailsPath } from "./route";
import { openSearch } from "./search/state";
import { useSwipeBack } from "./swipe";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { showError } from "./ui/toast";

/** Keeps the place of a line that is yet to come: the name above it does not move. */
const NO_BREAK_SPACE = "\u00a0";

interface ChatViewProps {
  chat: Chat;
  details: boolean;
  /** The message to go to. */
  target: Target | null;
}

/** One chat: its header, its messages and the composer. */
export function ChatView({ chat, details, target }: ChatViewProps) {
  const onEdit = useCallback((messageId: string) => startEdit(chat.id, messageId), []);
  const [sendCount, setSendCount] = useState(0);
  const onSend = useCallback(() => {
    setSendCount((count) => count + 1);
    askOnce();
  }, []);
  const closed = useLive(() => closedBy(chat));
  const drop = useDrop((dropped) => addFiles(chat.id, dropped));
  const swipe = useSwipeBack();
  useFeatures();
  useEffect(() => {
    client.openChat(chat.id).catch(showError);
    return () => client.closeChat(chat.id);
  }, []);
  return (
    <section class="chat" aria-label={t.messages.chatWith(chatName(chat))} {...(!closed && drop.events)} {...swipe}>
      <header>
        <a class="icon-button back" href={HOME} aria-label={t.messages.back}>
          {icons.back}
        </a>
        <a
          class="title-link"
          href={details ? chatPath(chat.id) : detailsPath(chat.id)}
          aria-expanded={details}
          title={details ? t.messages.hideDetails : t.messages.showDetails}
        >
          <ChatAvatar chat={chat} />
          <h2 class="title" dir="auto">
            {chatName(chat)}
          </h2>
          <Subtitle chat={chat} />
        </a>
        {has("search") && (
          <button
            type="button"
            class="icon-button"
            aria-label={t.messages.search}
            title={t.messages.search}
            onClick={() => openSearch({ id: chat.id, name: chatName(chat) })}
          >
            {icons.search}
          </button>
        )}
        {hasChatState() && (
          <button
            type="button"
            class="icon-button actions"
            aria-label={t.chatState.actions}
            title={t.chatState.actions}
            aria-haspopup="menu"
            onClick={(event) => showChatMenu(chat.id, event.currentTarget)}
          >
            {icons.more}
          </button>
        )}
      </header>
      <Messages chat={chat} target={target} sendCount={sendCount} onEdit={onEdit} />
      {closed ? (
        <ClosedChat chat={chat} reason={closed} />
      ) : (
        <Composer chatId={chat.id} name={chatName(chat)} onSend={onSend} />
      )}
      {drop.isOver && (
        <div class="drop">
          <p>
            {icons.clip} {t.messages.dropFiles(chatName(chat))}
          </p>
        </div>
      )}
    </section>
  );
}

function Subtitle({ chat }: { chat: Chat }) {
  const me = useMe();
  const typers = useLive(() => client.typers(chat.id));
  const presence = useLive(() => (chat.peer ? client.presence(chat.peer.id) : undefined));
  const online = useLive(
    () =>
      client.members(chat.id).filter((member) => member.userId === me.id || client.presence(member.userId)?.isOnline)
        .length,
  );
  if (typers.length) {
    const names = typers.map(nameOf);
    return <p class="preview typing-text">{chat.type === "GROUP" ? t.chats.namesTyping(names) : t.chats.typing}</p>;
  }
  if (chat.type === "DIRECT") return <p class="preview">{presenceText(presence) || (chat.peer && NO_BREAK_SPACE)}</p>;
  const members = t.details.memberCount(chat.memberCount);
  return <p class="preview">{online > 1 ? t.messages.membersOnline(members, online) : members}</p>;
}
