import type { Page, User } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { Entry } from "./chat-list";
import { client, useLive, useMe } from "./client";
import { chatName } from "./format";
import { showProfile } from "./profile-popup";
import { chatPath, go } from "./route";
import { t } from "./texts";
import { useAction } from "./ui/action";
import { icons } from "./ui/icons";
import { Person } from "./ui/person";
import { complain } from "./ui/toast";
import { moveFocus } from "./ui/keys";

/** Who types fast asks once. */
const PAUSE_MS = 250;

/** One's chats and all people whose names have `query` in them. */
export function Search({ query, onChosen }: { query: string; onChosen: () => void }) {
  const chats = useLive(() => client.chats).filter((chat) =>
    chatName(chat).toLowerCase().includes(query.toLowerCase()),
  );
  const people = usePeople(query);
  const { run, busy } = useAction();
  const list = useRef<HTMLDivElement>(null);
  const talk = (person: User) =>
    run(async () => {
      const chat = await client.createDirectChat(person.id);
      onChosen();
      go(chatPath(chat.id));
    });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the links and buttons inside
    <div
      ref={list}
      class="found"
      onKeyDown={(event) => moveFocus(event, [...(list.current?.querySelectorAll<HTMLElement>("a, button") ?? [])])}
    >
      {chats.length > 0 && (
        <section aria-label={t.search.chats}>
          <h3>{t.search.chats}</h3>
          <ul class="chats">
            {chats.slice(0, 8).map((chat) => (
              <Entry key={chat.id} chat={chat} onChosen={onChosen} />
            ))}
          </ul>
        </section>
      )}
      <section aria-label={t.search.people} aria-busy={!people}>
        <h3>{t.search.people}</h3>
        <ul class="people">
          {people?.map((person) => (
            <li key={person.id}>
              <button type="button" class="entry" disabled={busy} onClick={() => void talk(person)}>
                <Person user={person} />
              </button>
              <button
                type="button"
                class="icon-button"
                aria-label={t.profile.of(person.username)}
                title={t.profile.of(person.username)}
                onClick={(event) => showProfile(person, event.currentTarget)}
              >
                {icons.info}
              </button>
            </li>
          ))}
        </ul>
        {people?.length === 0 && <p class="quiet none">{t.search.noPeople(query)}</p>}
      </section>
    </div>
  );
}

/** The other people whose names have `query` in them; null while they are looked for. */
export function usePeople(query: string): readonly User[] | null {
  const me = useMe();
  const [found, setFound] = useState<{ query: string; page: Page<User> } | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(async () => {
      if (!query) return;
      try {
        const page = await client.searchUsers(query);
        if (isCurrent) setFound({ query, page });
      } catch (error) {
        if (isCurrent) complain(error);
      }
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [query]);
  if (!query) return [];
  // While somebody types on, what was found before stays in sight.
  return found && query.startsWith(found.query[0] ?? "") ? found.page.items.filter((user) => user.id !== me.id) : null;
}
