import { useEffect } from "preact/hooks";
import { Announcer } from "./announcer";
import { ChatView } from "./chat";
import { client, useLive } from "./client";
import { ConnectionBanner } from "./connection";
import { Details } from "./details";
import { ProfilePopup } from "./profile-popup";
import { HOME, useRoute } from "./route";
import { focusComposer } from "./shortcuts";
import { Sidebar } from "./sidebar";
import { t } from "./texts";
import { icons } from "./ui/icons";

/** The page of a user who is logged in: the chats, the open chat and its details. */
// The server writes its setting APP_NAME into the title of the page.
const APP_NAME = document.title;

export function Home() {
  const { chatId, details } = useRoute();
  const chat = useLive(() => (chatId ? client.chat(chatId) : undefined));
  const isLoaded = useLive(() => client.chatsLoaded);
  useTitle();
  return (
    <main class={`home ${chatId ? "in-chat" : ""} ${chat && details ? "with-details" : ""}`}>
      <h1 class="hidden">{APP_NAME}</h1>
      {chat && (
        <button type="button" class="skip" onClick={focusComposer}>
          {t.home.skipToComposer}
        </button>
      )}
      <ConnectionBanner />
      <Sidebar openId={chatId} />
      {chat ? (
        <ChatView key={chat.id} chat={chat} details={details} />
      ) : (
        <Nothing isGone={chatId !== null && isLoaded} />
      )}
      {chat && details && <Details key={chat.id} chat={chat} />}
      <ProfilePopup />
      <Announcer />
    </main>
  );
}

function Nothing({ isGone }: { isGone: boolean }) {
  return (
    <section class="chat empty" aria-label={t.home.noChat}>
      <div class="hello">
        <span class="emblem">{isGone ? icons.info : icons.send}</span>
        <h2>{isGone ? t.home.gone : t.home.welcome}</h2>
        <p>{isGone ? t.home.goneHint : t.home.welcomeHint}</p>
        {isGone && (
          <a class="button" href={HOME}>
            {t.home.back}
          </a>
        )}
      </div>
    </section>
  );
}

function useTitle(): void {
  const unread = useLive(() => client.unreadCount);
  useEffect(() => {
    document.title = unread ? `(${unread}) ${APP_NAME}` : APP_NAME;
  }, [unread]);
  useEffect(() => () => void (document.title = APP_NAME), []);
}
