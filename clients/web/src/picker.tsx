import type { User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { nameOf } from "./format";
import { usePeople } from "./search/people";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { Person } from "./ui/person";

interface PickerProps {
  picked: readonly User[];
  onPicked: (people: readonly User[]) => void;
  /** Left out of the results. */
  without?: ReadonlySet<string>;
}

/** Finds people and selects several. */
export function Picker({ picked, onPicked, without }: PickerProps) {
  const [query, setQuery] = useState("");
  const people = usePeople(query.trim())?.filter((person) => !without?.has(person.id));
  const isPicked = (person: User) => picked.some(({ id }) => id === person.id);
  const toggle = (person: User) =>
    onPicked(isPicked(person) ? picked.filter(({ id }) => id !== person.id) : [...picked, person]);
  return (
    <div class="picker">
      {/* A field of the form: a dialog that has it knows whether anything was entered. */}
      <input type="hidden" name="members" value={picked.map((person) => person.id).join()} />
      {picked.length > 0 && (
        <ul class="picked" aria-label={t.groups.chosen}>
          {picked.map((person) => (
            <li key={person.id}>
              <button type="button" aria-label={t.groups.unchoose(nameOf(person))} onClick={() => toggle(person)}>
                <Avatar id={person.id} name={nameOf(person)} picture={person.avatar} size="small" />
                <bdi>{nameOf(person)}</bdi>
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
          aria-label={t.groups.findPeople}
          placeholder={t.groups.findByUsername}
          dir="auto"
          maxLength={50}
          autocomplete="off"
          spellcheck={false}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          // Enter here must not submit the form.
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
      {query.trim() !== "" && people?.length === 0 && <p class="quiet none">{t.groups.noOne(query.trim())}</p>}
    </div>
  );
}
