import type { User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { usePeople } from "./search";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { Person } from "./ui/person";

interface PickerProps {
  picked: readonly User[];
  onPicked: (people: readonly User[]) => void;
  /** Who is in already. */
  without?: ReadonlySet<string>;
}

/** Finds people and picks several. */
export function Picker({ picked, onPicked, without }: PickerProps) {
  const [query, setQuery] = useState("");
  const people = usePeople(query.trim())?.filter((person) => !without?.has(person.id));
  const isPicked = (person: User) => picked.some(({ id }) => id === person.id);
  const toggle = (person: User) =>
    onPicked(isPicked(person) ? picked.filter(({ id }) => id !== person.id) : [...picked, person]);
  return (
    <div class="picker">
      {picked.length > 0 && (
        <ul class="picked" aria-label="Chosen people">
          {picked.map((person) => (
            <li key={person.id}>
              <button type="button" aria-label={`Don't add ${person.username}`} onClick={() => toggle(person)}>
                <Avatar id={person.id} name={person.username} picture={person.avatar} size="small" />
                {person.username}
                {icons.close}
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="search">
        {icons.search}
        <input
          type="search"
          aria-label="Find people"
          placeholder="Find people by username"
          maxLength={50}
          autocomplete="off"
          spellcheck={false}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          // Not what the form is for.
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
      </div>
      <ul class="people" aria-busy={!people}>
        {people?.map((person) => (
          <li key={person.id}>
            <label class="entry">
              <Person user={person}>
                <input type="checkbox" checked={isPicked(person)} onChange={() => toggle(person)} />
              </Person>
            </label>
          </li>
        ))}
      </ul>
      {query.trim() !== "" && people?.length === 0 && <p class="quiet none">Nobody else is called “{query.trim()}”.</p>}
    </div>
  );
}
