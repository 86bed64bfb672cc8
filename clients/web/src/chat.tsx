import type { Chat } from "@chatapp/client";
import { useCallback, useEffect } from "preact/hooks";
import { ChatAvatar } from "./chat-list";
import { client, useLive, useMe } from "./client";
import { Composer } from "./composer";
import { addFiles, startEdit } from "./drafts";
import { useDrop } from "./drop";
import { chatName, count, presenceText } from "./format";
import { Messages } from "./messages";
import { HOME, chatPath, detailsPath } from "./route";
import { icons } from "./ui/icons";
import { complain } from "./ui/toast";

/** One chat: who it is with, what was said, and the field to say more. */
export function ChatView({ chat, details }: { chat: Chat; details: boolean }) {
  const onEdit = useCallback((messageId: string) => startEdit(chat.id, messageId), []);
  const drop = useDrop((dropped) => addFiles(chat.id, dropped));
  useEffect(() => {
    client.openChat(chat.id).catch(complain);
    return () => client.closeChat(chat.id);
  }, []);
  return (
    <section class="chat" aria-label={`Chat with ${chatName(chat)}`} {...drop.events}>
      <header>
        <a class="icon-button back" href={HOME} aria-label="Back to all chats">
          {icons.back}
        </a>
        <a
          class="whom"
          href={details ? chatPath(chat.id) : detailsPath(chat.id)}
          aria-expanded={details}
          title={details ? "Hide details" : "Show details"}
        >
          <ChatAvatar chat={chat} />
          <h2 class="title">{chatName(chat)}</h2>
          <Subtitle chat={chat} />
        </a>
      </header>
      <Messages chat={chat} onEdit={onEdit} />
      <Composer chat={chat} />
      {drop.isOver && (
        <div class="drop">
          <p>
            {icons.clip} Drop files to send them to <b>{chatName(chat)}</b>
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
    const who = chat.type === "GROUP" ? typers.map((typer) => typer.username).join(", ") : "";
    return (
      <p class="preview typing-text">{who ? `${who} ${typers.length > 1 ? "are" : "is"} typing …` : "typing …"}</p>
    );
  }
  if (chat.type === "DIRECT") return <p class="preview">{presenceText(presence)}</p>;
  return (
    <p class="preview">
      {count(chat.memberCount, "member")}
      {online > 1 && `, ${online} online`}
    </p>
  );
}
