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
import { showError } from "./ui/toast";
import { useRovingFocus } from "./ui/keys";

/** How long to wait for the next key before the server is asked. */
const PAUSE_MS = 250;

/** The user's chats and all users whose names contain `query`. */
export function Search({ query, onChosen }: { query: string; onChosen: () => void }) {
  const chats = useLive(() => client.chats).filter((chat) =>
    chatName(chat).toLowerCase().includes(query.toLowerCase()),
  );
  const people = usePeople(query);
  const list = useRef<HTMLDivElement>(null);
  const roving = useRovingFocus(list);
  return (
    <div ref={list} class="found" {...roving}>
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
      <People query={query} people={people} onChosen={onChosen} />
    </div>
  );
}

interface PeopleProps {
  query: string;
  /** The users found; null while the request is under way. */
  people: readonly User[] | null;
  onChosen: () => void;
}

/** People to write to: choosing one opens the chat with them. */
export function People({ query, people, onChosen }: PeopleProps) {
  const { run, busy } = useAction();
  const open = (person: User) =>
    run(async () => {
      const chat = await client.createDirectChat(person.id);
      onChosen();
      go(chatPath(chat.id));
    });
  return (
    <section aria-label={t.search.people} aria-busy={!people}>
      <h3>{t.search.people}</h3>
      <ul class="people">
        {people?.map((person) => (
          <li key={person.id}>
            <button type="button" class="entry" disabled={busy} onClick={() => void open(person)}>
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
      {query && people?.length === 0 && (
        <p class="quiet none" role="status">
          {t.search.noPeople(query)}
        </p>
      )}
    </section>
  );
}

/** Other users whose names contain `query`; null while the search is under way. */
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
        if (isCurrent) showError(error);
      }
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [query]);
  if (!query) return [];
  // While the user types on, earlier results stay visible.
  return found && query.startsWith(found.query[0] ?? "") ? found.page.items.filter((user) => user.id !== me.id) : null;
}
