import { useEffect, useRef, useState } from "preact/hooks";
import { ChatList } from "./chat-list";
import { client, useMe } from "./client";
import { developerLinks } from "./developer-links";
import { NewGroup } from "./new-group";
import { Profile } from "./profile";
import { Search } from "./search";
import { t } from "./texts";
import { type Theme, currentTheme, setTheme } from "./theme";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { Menu, type MenuItem } from "./ui/menu";
import { complain } from "./ui/toast";

/** One's own account, the field that finds, and the chats. */
export function Sidebar({ openId }: { openId: string | null }) {
  const me = useMe();
  const [query, setQuery] = useState("");
  const [dialog, setDialog] = useState<"profile" | "group" | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const results = useRef<HTMLDivElement>(null);
  const focusResult = () => results.current?.querySelector<HTMLElement>("a, button")?.focus();
  const stop = () => {
    setQuery("");
    field.current?.focus();
  };
  useShortcut(() => field.current?.select());

  const [theme, choose] = useState(currentTheme);
  const themes: readonly [Theme, string, keyof typeof icons][] = [
    ["system", t.sidebar.themeSystem, "screen"],
    ["light", t.sidebar.themeLight, "sun"],
    ["dark", t.sidebar.themeDark, "moon"],
  ];
  const account: MenuItem[] = [
    { label: t.sidebar.profile, icon: icons.user, onSelect: () => setDialog("profile") },
    ...themes.map(([value, label, icon], at) => ({
      label,
      icon: icons[icon],
      checked: theme === value,
      separate: at === 0,
      onSelect: () => {
        setTheme(value);
        choose(value);
      },
    })),
    ...developerLinks().map(([label, href], at) => ({ label, icon: icons.file, href, separate: at === 0 })),
    {
      label: t.sidebar.logOut,
      icon: icons.leave,
      separate: true,
      onSelect: () => void client.logout().catch(complain),
    },
  ];
  return (
    <section class="sidebar" aria-label={t.sidebar.label}>
      <header>
        <Menu label={t.sidebar.account(me.username)} class="account" items={account}>
          <Avatar id={me.id} name={me.username} picture={me.avatar} size="small" />
        </Menu>
        <h2>{t.sidebar.heading}</h2>
        <button
          type="button"
          class="icon-button"
          aria-label={t.sidebar.newGroup}
          title={t.sidebar.newGroup}
          onClick={() => setDialog("group")}
        >
          {icons.group}
        </button>
      </header>
      <search class="search">
        {icons.search}
        <input
          ref={field}
          type="search"
          aria-label={t.sidebar.find}
          placeholder={t.sidebar.find}
          maxLength={50}
          autocomplete="off"
          spellcheck={false}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") stop();
            if (event.key === "ArrowDown") {
              event.preventDefault();
              focusResult();
            }
            if (event.key === "Enter" && query) results.current?.querySelector<HTMLElement>("a, button")?.click();
          }}
        />
        {query && (
          <button type="button" class="icon-button" aria-label={t.sidebar.clear} onClick={stop}>
            {icons.close}
          </button>
        )}
      </search>
      <div ref={results} class="results">
        {query.trim() ? (
          <Search query={query.trim()} onChosen={() => setQuery("")} />
        ) : (
          <ChatList openId={openId} onFind={() => field.current?.focus()} />
        )}
      </div>
      {dialog === "profile" && <Profile onClose={() => setDialog(null)} />}
      {dialog === "group" && <NewGroup onClose={() => setDialog(null)} />}
    </section>
  );
}

/** Calls `find` on Ctrl+K or ⌘K. */
function useShortcut(find: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      find();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
