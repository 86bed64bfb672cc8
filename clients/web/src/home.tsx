import { useEffect } from "preact/hooks";
import { Announcer } from "./announcer";
import { ChatView } from "./chat";
import { client, useLive } from "./client";
import { ConnectionBanner } from "./connection";
import { Details } from "./details";
import { useRoute } from "./route";
import { Sidebar } from "./sidebar";
import { icons } from "./ui/icons";

/** Everything, once somebody is logged in: the chats, the one that is open, and its details. */
export function Home() {
  const { chatId, details } = useRoute();
  const chat = useLive(() => (chatId ? client.chat(chatId) : undefined));
  const isLoaded = useLive(() => client.chatsLoaded);
  useTitle();
  return (
    <main class={`home ${chatId ? "in-chat" : ""} ${chat && details ? "with-details" : ""}`}>
      <h1 class="hidden">Chat</h1>
      <ConnectionBanner />
      <Sidebar openId={chatId} />
      {chat ? (
        <ChatView key={chat.id} chat={chat} details={details} />
      ) : (
        <Nothing isGone={chatId !== null && isLoaded} />
      )}
      {chat && details && <Details key={chat.id} chat={chat} />}
      <Announcer />
    </main>
  );
}

function Nothing({ isGone }: { isGone: boolean }) {
  return (
    <section class="chat empty" aria-label="No chat">
      <div class="hello">
        <span class="emblem">{isGone ? icons.info : icons.send}</span>
        <h2>{isGone ? "This chat is not here" : "Pick up a conversation"}</h2>
        <p>
          {isGone
            ? "It was deleted, or you are no longer in it."
            : "Choose a chat, or find somebody by their username."}
        </p>
        {isGone ? (
          <a class="button" href="#/">
            Back to your chats
          </a>
        ) : (
          <p class="keys">
            <kbd>Ctrl</kbd> <kbd>K</kbd> finds people and chats
          </p>
        )}
      </div>
    </section>
  );
}

function useTitle(): void {
  const unread = useLive(() => client.unreadCount);
  useEffect(() => {
    document.title = unread ? `(${unread}) Chat` : "Chat";
  }, [unread]);
  useEffect(() => () => void (document.title = "Chat"), []);
}
