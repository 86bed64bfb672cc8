import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { density, theme } from "./appearance";
import { ChatList } from "./chat-list";
import type { ListName } from "./chat-order";
import { pagesOf } from "./administration/pages";
import { client, prepareLogout, useLive, useMe } from "./client";
import { developerLinks } from "./developer-links";
import { hasUnsent } from "./drafts";
import { nameOf } from "./format";
import { lazy, script } from "./lazy";
import { Mentions } from "./message-dialogs";
import { administrationPath, go } from "./route";
import { changeSearch, closeSearch, useSearch } from "./search/state";
import { focusComposer, useShortcuts } from "./shortcuts";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { confirmed } from "./ui/dialog";
import { icons } from "./ui/icons";
import { Menu, type MenuItem } from "./ui/menu";
import { SearchField } from "./ui/search-field";
import { showError } from "./ui/toast";
import { useWindowEvent } from "./ui/window-event";

/** Words, and operators with what they take. */
const MAX_SEARCH = 200;

const ChatGestures = lazy((parts) => parts.ChatGestures);
const NewChat = lazy((parts) => parts.NewChat);
const NewGroup = lazy((parts) => parts.NewGroup);
const Profile = lazy((parts) => parts.Profile);
const searchScript = script(() => import("./search/search"));
const Search = searchScript.lazy((parts) => parts.Search);
const Settings = script(() => import("./settings/settings")).lazy((parts) => parts.Settings);
const ShortcutList = lazy((parts) => parts.ShortcutList);

type DialogName = "profile" | "settings" | "mentions" | "chat" | "group" | "shortcuts";

/** The user's account, the search field and the chats. */
export function Sidebar({ openId }: { openId: string | null }) {
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const close = () => setDialog(null);
  const field = useRef<HTMLInputElement>(null);
  const results = useRef<HTMLDivElement>(null);
  const submit = useRef(() => {});
  const firstResult = () => results.current?.querySelector<HTMLElement>("a.entry, button.entry, .hello button");
  const [list, setList] = useState<ListName>("main");
  const isArchive = list === "archive";
  const back = () => {
    setList("main");
    // Where one came from, once it is there.
    setTimeout(() => results.current?.querySelector<HTMLElement>(".entry.archive, .entry")?.focus());
  };
  const enter = () => {
    field.current?.focus();
    field.current?.select();
  };
  const search = useSearch(() => {
    setList("main");
    // At once, as the user may type on; beside the archive there is no field yet.
    if (field.current) enter();
    else setTimeout(enter);
  });
  const stop = () => {
    closeSearch();
    field.current?.focus();
  };
  const isEmpty = !search.text && !search.filters.length;
  const leave = ({ target }: Event) => {
    const isInside = (target as Element).closest?.(".sidebar > search, .sidebar .found, dialog");
    if (search.isOpen && isEmpty && !isInside) closeSearch();
  };
  useWindowEvent("pointerdown", leave);
  useWindowEvent("focusin", leave);
  useShortcuts({ openId, onHelp: () => setDialog("shortcuts") });
  useLayoutEffect(() => {
    // After login. With an open chat, its own field takes the focus; a keyboard on the screen waits until it is wanted.
    if (!openId && matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);
  return (
    <section class={`sidebar ${search.isOpen ? "searching" : ""}`} aria-label={t.sidebar.label}>
      {isArchive ? (
        <ArchiveHeader onBack={back} />
      ) : (
        <>
          <header>
            <Account onOpen={setDialog} />
            <h2>{t.sidebar.heading}</h2>
            <MentionsButton onClick={() => setDialog("mentions")} />
            <button type="button" class="button new" onClick={() => setDialog("chat")}>
              {icons.add}
              {t.newChat.title}
            </button>
          </header>
          <search class="search" onFocusIn={() => void searchScript.preload()}>
            <SearchField
              label={t.sidebar.find}
              query={search.text}
              onQuery={(text) => changeSearch({ isOpen: true, text })}
              first={firstResult}
              input={field}
              maxLength={MAX_SEARCH}
              onEscape={stop}
              onEnter={() => submit.current()}
              onClick={() => changeSearch({ isOpen: true })}
              before={
                search.isOpen && (
                  <button
                    type="button"
                    class="icon-button back"
                    aria-label={t.messages.back}
                    title={t.messages.back}
                    onClick={closeSearch}
                  >
                    {icons.back}
                  </button>
                )
              }
            >
              {!isEmpty && (
                <button
                  type="button"
                  class="icon-button"
                  aria-label={t.sidebar.clear}
                  title={t.sidebar.clear}
                  onClick={() => {
                    changeSearch({ text: "", filters: [] });
                    field.current?.focus();
                  }}
                >
                  {icons.close}
                </button>
              )}
            </SearchField>
          </search>
        </>
      )}
      <div ref={results} class="results">
        {search.isOpen && !isArchive ? (
          <Search search={search} field={field} submit={submit} />
        ) : (
          <ChatList
            key={list}
            name={list}
            openId={openId}
            onNewChat={() => setDialog("chat")}
            onArchive={() => setList("archive")}
            onEscape={isArchive ? back : focusComposer}
          />
        )}
        <ChatGestures area={results} />
      </div>
      {dialog === "profile" && <Profile onClose={close} />}
      {dialog === "settings" && <Settings onClose={close} />}
      {dialog === "mentions" && <Mentions onClose={close} />}
      {dialog === "chat" && <NewChat onClose={close} onNewGroup={() => setDialog("group")} />}
      {dialog === "group" && <NewGroup onClose={close} />}
      {dialog === "shortcuts" && <ShortcutList onClose={close} />}
    </section>
  );
}

/** Above the chats that were archived. Escape goes back. */
function ArchiveHeader({ onBack }: { onBack: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => button.current?.focus(), []);
  return (
    <header class="archive">
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label={t.messages.back}
        title={t.messages.back}
        onClick={onBack}
        onKeyDown={(event) => event.key === "Escape" && onBack()}
      >
        {icons.back}
      </button>
      <h2>{t.chatState.archivedTitle}</h2>
    </header>
  );
}

async function logOut(): Promise<void> {
  const { logOutTitle: title, logOutText: text, logOut: action } = t.sidebar;
  await prepareLogout();
  if (!hasUnsent() || (await confirmed({ title, text, action }))) await client.logout();
}

/** Opens the list of mentions; a dot says that there are unread ones. */
function MentionsButton({ onClick }: { onClick: () => void }) {
  const count = useLive(() => client.chats.reduce((sum, { mentionCount }) => sum + mentionCount, 0));
  return (
    <button type="button" class="icon-button mentions" title={t.mentions.title} onClick={onClick}>
      {icons.at}
      <span class="hidden">{t.mentions.title}</span>
      {count > 0 && (
        <>
          <span class="dot" />
          <span class="hidden">({t.chats.mentions(count)})</span>
        </>
      )}
    </button>
  );
}

/** The button with the user's picture, and its menu. */
function Account({ onOpen }: { onOpen: (dialog: DialogName) => void }) {
  const me = useMe();
  // Renders the menu again with the new choice.
  const [, refresh] = useState({});
  const themes = [
    ["system", t.sidebar.themeSystem, icons.screen],
    ["light", t.sidebar.themeLight, icons.sun],
    ["dark", t.sidebar.themeDark, icons.moon],
  ] as const;
  const densities = [
    ["comfortable", t.sidebar.comfortable, icons.rows],
    ["compact", t.sidebar.compact, icons.compact],
  ] as const;
  // Where there is no pointer but a finger, the keyboard is on the screen.
  const hasKeyboard = matchMedia("(any-pointer: fine)").matches;
  const items: MenuItem[] = [
    { label: t.sidebar.profile, icon: icons.user, onSelect: () => onOpen("profile") },
    { label: t.sidebar.settings, icon: icons.sliders, onSelect: () => onOpen("settings") },
    ...(hasKeyboard ? [{ label: t.shortcuts.title, icon: icons.keyboard, onSelect: () => onOpen("shortcuts") }] : []),
    ...(pagesOf(me.role).length
      ? [{ label: t.sidebar.administration, icon: icons.shield, onSelect: () => go(administrationPath()) }]
      : []),
    ...themes.map(([value, label, icon]) => ({
      label,
      icon,
      group: t.sidebar.theme,
      checked: theme.current() === value,
      onSelect: () => {
        theme.choose(value);
        refresh({});
      },
    })),
    ...densities.map(([value, label, icon]) => ({
      label,
      icon,
      group: t.sidebar.density,
      checked: density.current() === value,
      onSelect: () => {
        density.choose(value);
        refresh({});
      },
    })),
    ...developerLinks().map(([label, href]) => ({ label, icon: icons.file, href, group: t.developers.menu })),
    {
      label: t.sidebar.logOut,
      icon: icons.leave,
      separate: true,
      onSelect: () => void logOut().catch(showError),
    },
  ];
  return (
    <Menu label={t.sidebar.account(nameOf(me))} class="account" items={items}>
      <Avatar id={me.id} name={nameOf(me)} picture={me.avatar} size="small" />
    </Menu>
  );
}
