import type { User } from "@chatapp/client";
import { client, useMe } from "../client";
import { nameOf } from "../format";
import { showProfile } from "../profile-popup";
import { chatPath, go } from "../route";
import { t } from "../texts";
import { useAction } from "../ui/action";
import { icons } from "../ui/icons";
import { Person } from "../ui/person";
import { useResults } from "./results";

/** The server finds no longer names. */
const MAX_LENGTH = 50;

interface PeopleProps {
  query: string;
  /** The users found; null while the request is under way. */
  people: readonly User[] | null;
  onChosen: () => void;
}

/** People to write to: choosing one opens the chat with them. */
export function People({ query, people, onChosen }: PeopleProps) {
  return (
    <section aria-label={t.search.people} aria-busy={!people}>
      <h3>{t.search.people}</h3>
      <PeopleList people={people ?? []} onChosen={onChosen} />
      {query && people?.length === 0 && (
        <p class="quiet none" role="status">
          {t.search.noPeople(query)}
        </p>
      )}
    </section>
  );
}

export function PeopleList({ people, onChosen }: { people: readonly User[]; onChosen: () => void }) {
  const { run, busy } = useAction();
  const open = (person: User) =>
    run(async () => {
      const chat = await client.createDirectChat(person.id);
      onChosen();
      go(chatPath(chat.id));
    });
  return (
    <ul class="people">
      {people.map((person) => (
        <li key={person.id}>
          <button type="button" class="entry" disabled={busy} onClick={() => void open(person)}>
            <Person user={person} />
          </button>
          <button
            type="button"
            class="icon-button beside"
            aria-label={t.profile.of(nameOf(person))}
            title={t.profile.of(nameOf(person))}
            onClick={(event) => showProfile(person, event.currentTarget)}
          >
            {icons.info}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Other users whose names contain `query`; null while the search is under way. */
export function usePeople(query: string): readonly User[] | null {
  const me = useMe();
  const isSearched = query !== "" && query.length <= MAX_LENGTH;
  const results = useResults(isSearched ? query : "", (signal) => client.searchUsers(query, { signal }));
  if (!isSearched) return [];
  const others = results?.items.filter((user) => user.id !== me.id);
  if (results?.query === query) return others!;
  // While the user types on, those who are still found stay visible.
  const words = query.toLowerCase();
  const left = others?.filter(({ username, displayName }) =>
    [username, displayName].some((name) => name?.toLowerCase().includes(words)),
  );
  return left?.length ? left : null;
}
