import { useEffect } from "preact/hooks";
import { Announcer } from "./announcer";
import { client, useLive } from "./client";
import { ConnectionBanner } from "./connection";
import { lazy, preload } from "./lazy";
import { ProfilePopup } from "./profile-popup";
import { HOME, useRoute } from "./route";
import { focusComposer } from "./shortcuts";
import { Sidebar } from "./sidebar";
import { t } from "./texts";
import { icons } from "./ui/icons";

// The server writes its setting APP_NAME into the title of the page.
const APP_NAME = document.title;
/** The title changes at most once in this time. */
const TITLE_MS = 1000;

const OpenChat = lazy((parts) => parts.OpenChat, <section class="chat" aria-busy="true" />);

/** The page of a user who is logged in: the chats, the open chat and its details. */
export function Home() {
  const { chatId, details } = useRoute();
  const isThere = useLive(() => chatId !== null && client.chat(chatId) !== undefined);
  const isLoaded = useLive(() => client.chatsLoaded);
  useEffect(() => {
    if (isLoaded || chatId) void preload();
  }, [isLoaded, chatId]);
  return (
    <main class={`home ${chatId ? "in-chat" : ""} ${isThere && details ? "with-details" : ""}`}>
      <h1 class="hidden">{APP_NAME}</h1>
      {isThere && (
        <button type="button" class="skip" onClick={focusComposer}>
          {t.home.skipToComposer}
        </button>
      )}
      <ConnectionBanner />
      <Sidebar openId={chatId} />
      {chatId && isThere ? (
        <OpenChat key={chatId} chatId={chatId} details={details} />
      ) : (
        <Nothing isGone={chatId !== null && isLoaded} />
      )}
      <ProfilePopup />
      <Announcer />
      <Title />
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

/** The title of the page. It changes rarely, since browsers take milliseconds for it. */
function Title() {
  const unread = useLive(() => client.unreadCount, TITLE_MS);
  useEffect(() => {
    document.title = unread ? `(${unread}) ${APP_NAME}` : APP_NAME;
  }, [unread]);
  useEffect(() => () => void (document.title = APP_NAME), []);
  return null;
}
