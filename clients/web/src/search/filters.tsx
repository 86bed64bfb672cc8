// The filters of the search: chips, the menu that adds them, and what completes the operators.
import type { Chat, MessageFilter, User } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ChatAvatar } from "../chat-list";
import { client, useMe } from "../client";
import { chatName, dateOf, handleOf, nameOf } from "../format";
import { en } from "../texts/search-en";
import { s } from "../texts/search";
import { Avatar } from "../ui/avatar";
import { icons } from "../ui/icons";
import { Menu, type MenuItem } from "../ui/menu";
import { namesOf, useChats } from "./chats";
import { usePeople } from "./people";
import { dayOf, type Filter, HAS, isoDay, type Kind, midnight, type Operator } from "./query";

const KINDS: readonly Kind[] = ["from", "in", "has", "before", "after"];
const MAX_SUGGESTED = 6;
/** Dates that are offered, in days ago. */
const DAYS_AGO = [7, 30, 365];

/** The names of operators: the English ones, and those of the language of the page. */
export const operatorNames = (): ReadonlyMap<string, Kind> =>
  new Map([en.operators, s.operators].flatMap((words) => KINDS.map((kind): [string, Kind] => [words[kind], kind])));

const hasNamed = (word: string): MessageFilter | undefined =>
  HAS.find((value) => [en.hasValues[value], s.hasValues[value]].includes(word.toLowerCase()));

/** What a filter is called. The chat and the day are those of now and here. */
export function filterName(filter: Filter): string {
  if (filter.kind === "has") return s.has[filter.value];
  if (filter.kind === "from") return s.from(filter.name);
  if (filter.kind !== "in") return s[filter.kind](dateOf(midnight(filter.day).toISOString()));
  const chat = client.chat(filter.id);
  return s.in(chat ? chatName(chat) : filter.name);
}

const ofUser = (user: Pick<User, "id" | "username" | "displayName" | "isDeleted">): Filter => ({
  kind: "from",
  id: user.id,
  name: nameOf(user),
});
const ofChat = (chat: Chat): Filter => ({ kind: "in", id: chat.id, name: chatName(chat) });

interface ChipsProps {
  filters: readonly Filter[];
  onChange: (filters: readonly Filter[]) => void;
  /** Begin to write an operator. */
  onBegin: (kind: Kind) => void;
}

/** The filters of the search, and the menu that adds one. */
export function Filters({ filters, onChange, onBegin }: ChipsProps) {
  const hasIcons = { file: icons.file, image: icons.image, link: icons.link, mention: icons.at };
  const items: MenuItem[] = [
    { label: s.fromPerson, icon: icons.user, onSelect: () => onBegin("from") },
    { label: s.inChat, icon: icons.group, onSelect: () => onBegin("in") },
    ...HAS.map((value) => ({
      label: s.has[value],
      icon: hasIcons[value],
      onSelect: () => onChange(withFilter(filters, { kind: "has", value })),
    })),
    { label: s.beforeDay, icon: icons.history, onSelect: () => onBegin("before") },
    { label: s.afterDay, icon: icons.history, onSelect: () => onBegin("after") },
  ];
  return (
    <fieldset class="filters" aria-label={s.filters}>
      <Menu label={s.addFilter} class="chip" items={items}>
        {icons.sliders} {s.addFilter}
      </Menu>
      {filters.map((filter) => {
        const name = filterName(filter);
        return (
          <button
            key={filter.kind}
            type="button"
            class="chip on"
            aria-label={s.removeFilter(name)}
            title={s.removeFilter(name)}
            onClick={() => onChange(filters.filter((each) => each !== filter))}
          >
            <bdi>{name}</bdi>
            {icons.close}
          </button>
        );
      })}
    </fieldset>
  );
}

/** There is one filter of each kind at most. */
export const withFilter = (filters: readonly Filter[], filter: Filter) => [
  ...filters.filter(({ kind }) => kind !== filter.kind),
  filter,
];

/** What an operator stands for; a text that says why it stands for nothing. */
async function filterOf({ kind, value }: Operator): Promise<Filter | string> {
  const wanted = value.toLowerCase();
  if (kind === "has") {
    const found = hasNamed(wanted);
    return found ? { kind, value: found } : s.noValue(HAS.map((each) => s.hasValues[each]).join(", "));
  }
  if (kind === "before" || kind === "after") {
    const day = dayOf(value);
    return day ? { kind, day } : s.noDate(value);
  }
  if (kind === "in") {
    const isNamed = (chat: Chat) => namesOf(chat).some((name) => name.toLowerCase() === wanted);
    const ask = () => client.searchChats(value).then(({ items }) => items.find(isNamed));
    const chat = client.chats.find(isNamed) ?? (client.chatsLoaded ? undefined : await ask());
    return chat ? ofChat(chat) : s.noChat(value);
  }
  const { me } = client.session;
  if (me && [en.me, s.me].includes(wanted)) return ofUser({ ...me, isDeleted: false });
  const name = wanted.replace(/^@/, "");
  const isNamed = ({ username, displayName }: Pick<User, "username" | "displayName">) =>
    [username, displayName].some((each) => each?.toLowerCase() === name);
  const user = client.chats.map(({ peer }) => peer).find((peer) => peer && isNamed(peer));
  const found = user ?? (me && isNamed(me) ? { ...me, isDeleted: false } : undefined);
  const ask = () => client.searchUsers(name.slice(0, 50)).then(({ items }) => items.find(isNamed));
  const person = found ?? (await ask());
  return person ? ofUser(person) : s.noPerson(value);
}

/** Calls `onFilter` for operators that are complete; returns what is to be said of those that stand for nothing. */
export function useOperators(
  operators: readonly Operator[],
  onFilter: (filter: Filter, operator: Operator) => void,
): readonly string[] {
  const [problems, setProblems] = useState<Readonly<Record<string, string>>>({});
  const keyOf = ({ kind, value }: Operator) => `${kind}:${value}`;
  const complete = operators.filter(({ isComplete }) => isComplete);
  const next = complete.find((operator) => problems[keyOf(operator)] === undefined);
  const key = next && keyOf(next);
  useEffect(() => {
    if (!next || !key) return undefined;
    let isOver = false;
    filterOf(next).then(
      (found) => {
        if (isOver) return;
        if (typeof found === "string") setProblems((before) => ({ ...before, [key]: found }));
        else onFilter(found, next);
      },
      // Typed again when the server can be reached.
      () => {},
    );
    return () => {
      isOver = true;
    };
  }, [key]);
  return complete.flatMap((operator) => problems[keyOf(operator)] ?? []);
}

interface SuggestionsProps {
  operator: Operator;
  onPick: (filter: Filter) => void;
}

/** What completes an operator that is being typed. */
export function Suggestions({ operator, onPick }: SuggestionsProps) {
  const { kind } = operator;
  return (
    <section class="suggested" aria-label={s.suggestions[kind]}>
      <h3>{s.suggestions[kind]}</h3>
      {kind === "from" ? (
        <Senders query={operator.value.replace(/^@/, "")} onPick={onPick} />
      ) : kind === "in" ? (
        <Chats query={operator.value} onPick={onPick} />
      ) : kind === "has" ? (
        <ul>
          {HAS.filter((value) => s.hasValues[value].startsWith(operator.value.toLowerCase())).map((value) => (
            <Suggestion key={value} onPick={() => onPick({ kind, value })}>
              <span class="title">{s.has[value]}</span>
            </Suggestion>
          ))}
        </ul>
      ) : (
        <Days kind={kind} onPick={onPick} />
      )}
    </section>
  );
}

function Suggestion({ onPick, children }: { onPick: () => void; children: ComponentChildren }) {
  return (
    <li>
      <button type="button" class="entry" onClick={onPick}>
        {children}
      </button>
    </li>
  );
}

function Senders({ query, onPick }: { query: string; onPick: (filter: Filter) => void }) {
  const me = useMe();
  const found = usePeople(query);
  const people = query ? (found ?? []) : client.chats.flatMap(({ peer }) => (peer && !peer.isDeleted ? peer : []));
  const isMe = [en.me, s.me, me.username].some((name) => name.toLowerCase().startsWith(query.toLowerCase()));
  return (
    <>
      <ul>
        {people.slice(0, MAX_SUGGESTED).map((person) => (
          <Suggestion key={person.id} onPick={() => onPick(ofUser(person))}>
            <Avatar id={person.id} name={nameOf(person)} picture={person.avatar} size="small" />
            <span class="title">
              <bdi>{nameOf(person)}</bdi> <span class="quiet">{handleOf(person)}</span>
            </span>
          </Suggestion>
        ))}
        {isMe && (
          <Suggestion onPick={() => onPick(ofUser({ ...me, isDeleted: false }))}>
            <Avatar id={me.id} name={nameOf(me)} picture={me.avatar} size="small" />
            <span class="title">{s.you}</span>
          </Suggestion>
        )}
      </ul>
      {found?.length === 0 && query && !isMe && <p class="quiet none">{s.noPerson(query)}</p>}
    </>
  );
}

function Chats({ query, onPick }: { query: string; onPick: (filter: Filter) => void }) {
  const found = useChats(query);
  const chats = query ? (found ?? []) : client.chats;
  return (
    <>
      <ul>
        {chats.slice(0, MAX_SUGGESTED).map((chat) => (
          <Suggestion key={chat.id} onPick={() => onPick(ofChat(chat))}>
            <ChatAvatar chat={chat} size="small" />
            <span class="title" dir="auto">
              {chatName(chat)}
            </span>
          </Suggestion>
        ))}
      </ul>
      {found?.length === 0 && query && <p class="quiet none">{s.noChat(query)}</p>}
    </>
  );
}

function Days({ kind, onPick }: { kind: "before" | "after"; onPick: (filter: Filter) => void }) {
  const today = isoDay(new Date());
  return (
    <>
      <ul>
        {DAYS_AGO.map((count) => {
          const day = isoDay(midnight(today, -count));
          return (
            <Suggestion key={count} onPick={() => onPick({ kind, day })}>
              <span class="title">
                {s.daysAgo(count)} <span class="quiet">{dateOf(midnight(day).toISOString())}</span>
              </span>
            </Suggestion>
          );
        })}
      </ul>
      <form
        class="date"
        onSubmit={(event) => {
          event.preventDefault();
          const day = dayOf(String(new FormData(event.currentTarget).get("day")));
          if (day) onPick({ kind, day });
        }}
      >
        <input type="date" name="day" aria-label={s.date} required max="9999-12-31" />
        <button type="submit" class="button">
          {s.apply}
        </button>
      </form>
    </>
  );
}
