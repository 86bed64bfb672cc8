import { useEffect } from "preact/hooks";
import { Announcer } from "./announcer";
import { isQuiet } from "./chat-order";
import { client, useLive } from "./client";
import { ConnectionBanner } from "./connection";
import { lazy, preload, script } from "./lazy";
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

const Notifier = lazy((parts) => parts.Notifier);
const OpenChat = lazy((parts) => parts.OpenChat, <section class="chat" aria-busy="true" />);

const ChatMenu = lazy((parts) => parts.ChatMenu);
const DraftSync = lazy((parts) => parts.DraftSync);
const Administration = script(() => import("./administration/administration")).lazy(
  (parts) => parts.Administration,
  <section class="administration" aria-busy="true" />,
);

/** The page of a user who is logged in: the chats, the open chat and its details; or the administration. */
export function Home() {
  const { administration } = useRoute();
  const isLoaded = useLive(() => client.chatsLoaded);
  return (
    <>
      {administration === null ? (
        <Chats />
      ) : (
        <main class="home administers">
          <ConnectionBanner />
          <Administration page={administration} />
        </main>
      )}
      <Title />
      {isLoaded && <Notifier />}
    </>
  );
}

function Chats() {
  const { chatId, details, target } = useRoute();
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
        <OpenChat key={chatId} chatId={chatId} details={details} target={target} />
      ) : (
        <Nothing isGone={chatId !== null && isLoaded} />
      )}
      <ProfilePopup />
      <ChatMenu />
      <DraftSync />
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

/**
 * The title of the page and its icon, with what is unread. They change rarely, since browsers take milliseconds for them.
 */
function Title() {
  const unread = useLive(
    () => client.chats.reduce((sum, chat) => sum + (isQuiet(chat) ? 0 : chat.unreadCount), 0),
    TITLE_MS,
  );
  useEffect(() => {
    document.title = unread ? `(${unread}) ${APP_NAME}` : APP_NAME;
    setIcon(unread > 0);
  }, [unread]);
  useEffect(
    () => () => {
      document.title = APP_NAME;
      setIcon(false);
    },
    [],
  );
  return null;
}

const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
const READ_ICON = icon?.href ?? "";
const UNREAD_ICON = new URL("./icon-unread.svg", import.meta.url).href;

/** Change the icon of the page, if it is another one. */
function setIcon(isUnread: boolean): void {
  const href = isUnread ? UNREAD_ICON : READ_ICON;
  if (icon && icon.href !== href) icon.href = href;
}
