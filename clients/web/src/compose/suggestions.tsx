import type { User } from "@chatapp/client";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { client, useLive } from "../client";
import { choices, noteChosen } from "../emoji/choices";
import { type Group, loadEmoji, named, toned } from "../emoji/data";
import { handleOf, nameOf } from "../format";
import { mayMentionAll, mentionable, writtenName } from "../mentions/mentionable";
import { EVERYONE } from "../mentions/names";
import { t } from "../texts";
import { Avatar } from "../ui/avatar";
import { icons } from "../ui/icons";
import { replaceText } from "../ui/insert";

const MAX_SHOWN = 8;
/** What is begun before the cursor: a name after "@", or the name of an emoji after ":". */
const MENTION = /(?<![\p{L}\p{N}_.+-])@([^@\n]{0,40})$/u;
const EMOJI = /(?<![\p{L}\p{N}:]):([a-z0-9_+-]{2,32})$/iu;
const WHOLE_EMOJI = /(?<![\p{L}\p{N}:]):([a-z0-9_+-]{1,32}):$/iu;

interface Begun {
  readonly kind: "mention" | "emoji";
  readonly query: string;
  readonly start: number;
  readonly end: number;
}

interface Suggestion {
  readonly key: string;
  /** What replaces the text that is begun. */
  readonly text: string;
  readonly user?: User;
  readonly emoji?: string;
  readonly label: string;
  readonly about?: string | null;
}

function begunAt({ value, selectionStart, selectionEnd }: HTMLTextAreaElement): Begun | null {
  if (selectionStart !== selectionEnd) return null;
  const before = value.slice(Math.max(0, selectionEnd - 50), selectionEnd);
  const at = (kind: Begun["kind"], found: RegExpExecArray | null) =>
    found && { kind, query: found[1]!, start: selectionEnd - found[0].length, end: selectionEnd };
  return at("mention", MENTION.exec(before)) ?? at("emoji", EMOJI.exec(before));
}

/** The emoji, fetched once the name of one is begun. */
function useEmoji(isNeeded: boolean): readonly Group[] | null {
  const [groups, setGroups] = useState<readonly Group[] | null>(null);
  useEffect(() => {
    if (isNeeded && !groups) loadEmoji().then(setGroups, () => {});
  }, [isNeeded]);
  return groups;
}

/** Fetches more members of a large group while few of those that are known fit. */
function useMoreMembers(chatId: string, isNeeded: boolean): void {
  const [isFetching, setFetching] = useState(false);
  useEffect(() => {
    if (!isNeeded || isFetching || !client.hasMoreMembers(chatId)) return;
    setFetching(true);
    client
      .loadMembers(chatId)
      .catch(() => {})
      .finally(() => setFetching(false));
  });
}

/** Completes names of members and emoji while they are written. */
export function useSuggestions(
  chatId: string,
  area: RefObject<HTMLTextAreaElement | null>,
  text: string,
  onMention: (userId: string) => void,
) {
  const [begun, setBegun] = useState<Begun | null>(null);
  const [active, setActive] = useState(0);
  /** Where the list was closed: it opens again elsewhere. */
  const closedAt = useRef<number | null>(null);
  const groups = useEmoji(begun?.kind === "emoji");
  useLive(() => client.members(chatId));

  const update = () => {
    const field = area.current;
    const next = field && document.activeElement === field ? begunAt(field) : null;
    if (next?.start !== closedAt.current) closedAt.current = null;
    setBegun(next && closedAt.current === null ? next : null);
  };
  useLayoutEffect(update, [text]);
  useLayoutEffect(() => setActive(0), [begun?.query, begun?.kind]);
  useWholeEmoji(area, text);

  const items = !begun
    ? []
    : begun.kind === "mention"
      ? people(chatId, begun.query)
      : emojiNamed(groups ?? [], begun.query.toLowerCase());
  const isFew = begun?.kind === "mention" && items.length < MAX_SHOWN;
  useMoreMembers(chatId, isFew && !/\s/.test(begun.query));

  const close = () => {
    closedAt.current = begun?.start ?? null;
    setBegun(null);
  };
  const pick = (item: Suggestion | undefined) => {
    const field = area.current;
    if (!item || !begun || !field) return;
    if (item.user) onMention(item.user.id);
    if (item.emoji) noteChosen(item.emoji);
    const space = field.value[begun.end] === " " ? "" : " ";
    replaceText(field, [begun.start, begun.end], item.text + space);
    setBegun(null);
  };
  /** Whether a key was for the list. */
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!items.length || event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setActive((active + step + items.length) % items.length);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) pick(items[active]);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    return true;
  };
  return { items, active, pick, onKeyDown, update, close };
}

function people(chatId: string, query: string): Suggestion[] {
  const isWritten = ({ displayName, username }: User) =>
    [displayName, username].some((name) => name?.toLowerCase() === query.toLowerCase());
  // A name that is complete needs none: Enter sends.
  if (EVERYONE.includes(query.toLowerCase()) || mentionable(chatId, query).some(isWritten)) return [];
  const users = mentionable(chatId, query)
    .slice(0, MAX_SHOWN)
    .map((user) => ({
      key: user.id,
      text: `@${writtenName(chatId, user)}`,
      user,
      label: nameOf(user),
      about: handleOf(user),
    }));
  const isAll = mayMentionAll(chatId) && EVERYONE.some((name) => name.startsWith(query.toLowerCase()));
  const all = { key: "all", text: `@${t.mentions.all}`, label: `@${t.mentions.all}`, about: t.mentions.allHint };
  return isAll ? [...users, all] : users;
}

const emojiNamed = (groups: readonly Group[], start: string): Suggestion[] =>
  named(groups, start)
    .slice(0, MAX_SHOWN)
    .map(({ emoji, name }) => {
      const shown = toned(emoji, choices().tone);
      return { key: emoji.emoji, text: shown, emoji: shown, label: `:${name}:` };
    });

/** Replaces `:name:` by its emoji as soon as it is complete. */
function useWholeEmoji(area: RefObject<HTMLTextAreaElement | null>, text: string): void {
  const length = useRef(text.length);
  useEffect(() => {
    const isTyped = text.length === length.current + 1;
    length.current = text.length;
    const field = area.current;
    const isWhole = (at: HTMLTextAreaElement) => WHOLE_EMOJI.exec(at.value.slice(0, at.selectionEnd).slice(-40));
    if (!field || !isTyped || !isWhole(field)) return;
    const replace = (groups: readonly Group[]) => {
      const found = isWhole(field);
      const name = found?.[1]?.toLowerCase();
      const emoji = groups.flatMap((group) => group.emoji).find(({ names }) => names.includes(name ?? ""));
      if (!found || !emoji || field.value !== text) return;
      const end = field.selectionEnd;
      replaceText(field, [end - found[0].length, end], toned(emoji, choices().tone));
    };
    loadEmoji().then(replace, () => {});
  }, [text]);
}

interface ListProps {
  id: string;
  items: readonly Suggestion[];
  active: number;
  onPick: (item: Suggestion) => void;
}

export const optionId = (id: string, at: number) => `${id}-${at}`;

/** The list of completions: the field keeps the focus. */
export function SuggestionList({ id, items, active, onPick }: ListProps) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <>
      <div ref={list} id={id} class="suggestions" role="listbox" aria-label={t.composer.suggestions} tabIndex={-1}>
        {items.map((item, at) => (
          <button
            key={item.key}
            id={optionId(id, at)}
            type="button"
            class="suggestion"
            role="option"
            tabIndex={-1}
            aria-selected={at === active}
            // The field keeps the focus, and on a phone the keyboard.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onPick(item)}
          >
            {item.user ? (
              <Avatar id={item.user.id} name={item.label} picture={item.user.avatar} size="small" />
            ) : (
              <span class="sign">{item.emoji ?? icons.group}</span>
            )}
            <bdi>{item.label}</bdi>
            {item.about && <span class="quiet">{item.about}</span>}
          </button>
        ))}
      </div>
      <span class="hidden" role="status">
        {t.composer.suggestionCount(items.length)}
      </span>
    </>
  );
}
