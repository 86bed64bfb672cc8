import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { density, theme } from "./appearance";
import { ChatList } from "./chat-list";
import { client, useMe } from "./client";
import { developerLinks } from "./developer-links";
import { hasUnsent } from "./drafts";
import { lazy } from "./lazy";
import { Profile } from "./profile";
import { Search } from "./search";
import { useShortcuts } from "./shortcuts";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { confirmed } from "./ui/dialog";
import { icons } from "./ui/icons";
import { Menu, type MenuItem } from "./ui/menu";
import { SearchField } from "./ui/search-field";
import { showError } from "./ui/toast";

const NewChat = lazy((parts) => parts.NewChat);
const NewGroup = lazy((parts) => parts.NewGroup);
const ShortcutList = lazy((parts) => parts.ShortcutList);

type DialogName = "profile" | "chat" | "group" | "shortcuts";

/** The user's account, the search field and the chats. */
export function Sidebar({ openId }: { openId: string | null }) {
  const [query, setQuery] = useState("");
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const close = () => setDialog(null);
  const field = useRef<HTMLInputElement>(null);
  const results = useRef<HTMLDivElement>(null);
  const firstResult = () => results.current?.querySelector<HTMLElement>("a, button");
  const stop = () => {
    setQuery("");
    field.current?.focus();
  };
  useShortcuts({ openId, onFind: () => field.current?.select(), onHelp: () => setDialog("shortcuts") });
  useLayoutEffect(() => {
    // After login. With an open chat, its own field takes the focus; a keyboard on the screen waits until it is wanted.
    if (!openId && matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);
  return (
    <section class="sidebar" aria-label={t.sidebar.label}>
      <header>
        <Account onOpen={setDialog} />
        <h2>{t.sidebar.heading}</h2>
        <button type="button" class="button new" onClick={() => setDialog("chat")}>
          {icons.add}
          {t.newChat.title}
        </button>
      </header>
      <search class="search">
        <SearchField
          label={t.sidebar.find}
          query={query}
          onQuery={setQuery}
          first={firstResult}
          input={field}
          onEscape={stop}
        >
          {query && (
            <button type="button" class="icon-button" aria-label={t.sidebar.clear} onClick={stop}>
              {icons.close}
            </button>
          )}
        </SearchField>
      </search>
      <div ref={results} class="results">
        {query.trim() ? (
          <Search query={query.trim()} onChosen={() => setQuery("")} />
        ) : (
          <ChatList openId={openId} onNewChat={() => setDialog("chat")} />
        )}
      </div>
      {dialog === "profile" && <Profile onClose={close} />}
      {dialog === "chat" && <NewChat onClose={close} onNewGroup={() => setDialog("group")} />}
      {dialog === "group" && <NewGroup onClose={close} />}
      {dialog === "shortcuts" && <ShortcutList onClose={close} />}
    </section>
  );
}

async function logOut(): Promise<void> {
  const { logOutTitle: title, logOutText: text, logOut: action } = t.sidebar;
  if (!hasUnsent() || (await confirmed({ title, text, action }))) await client.logout();
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
    ...(hasKeyboard ? [{ label: t.shortcuts.title, icon: icons.keyboard, onSelect: () => onOpen("shortcuts") }] : []),
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
    <Menu label={t.sidebar.account(me.username)} class="account" items={items}>
      <Avatar id={me.id} name={me.username} picture={me.avatar} size="small" />
    </Menu>
  );
}
