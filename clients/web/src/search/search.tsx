// What is below the search field while the search is open: fetched when it is opened for the first time.
import { ProblemError, type Chat, type User } from "@chatapp/client";
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Entry } from "../chat-list";
import { has, lacks, limitOf, useFeatures } from "../features";
import { list, t } from "../texts";
import { loadSearchTexts, s } from "../texts/search";
import { icons } from "../ui/icons";
import { useRovingFocus } from "../ui/keys";
import { useWindowEvent } from "../ui/window-event";
import { useChats } from "./chats";
import { filterName, Filters, operatorNames, Suggestions, useOperators, withFilter } from "./filters";
import { Hit, HitsEnd } from "./hits";
import { useMessages } from "./messages";
import { PeopleList, usePeople } from "./people";
import { type Filter, type Kind, type Operator, parametersOf, problemOf, read, without } from "./query";
import { forgetSearch, noteSearch, recentSearches, type Searched } from "./recent";
import { changeSearch, closeSearch, currentSearch, type Search as Entered } from "./state";
import "./search.css";

await loadSearchTexts();

/** How many people and chats are shown at first: messages follow. */
const FEW = 4;
const ENTRIES = ".entry";
const EXAMPLES: readonly [Kind, () => string][] = [
  ["from", () => s.examples.name],
  ["in", () => s.examples.chat],
  ["has", () => s.hasValues.file],
  ["before", () => s.examples.date],
  ["after", () => s.examples.date],
];

interface SearchProps {
  search: Entered;
  field: RefObject<HTMLInputElement | null>;
  /** Set to what Enter does in the field. */
  submit: { current: () => void };
}

/** The filters, and what was found. */
export function Search({ search, field, submit }: SearchProps) {
  useFeatures();
  const { text, filters, sort, openedId } = search;
  const area = useRef<HTMLDivElement>(null);
  const roving = useRovingFocus(area, ENTRIES);
  const { words, operators } = read(text, operatorNames());
  const begun = operators.find(({ isComplete }) => !isComplete);
  const isFiltered = filters.length > 0;
  const hasMessages = has("search");
  const maxLength = limitOf("searchQuery", 100);
  const problem = words ? problemOf(words, maxLength) : null;
  const isSearched = hasMessages && words !== "" && !problem;
  const people = usePeople(isFiltered ? "" : words);
  const chats = useChats(isFiltered ? "" : words);
  const messages = useMessages(isSearched ? words : "", { ...parametersOf(filters), sort });
  const { found } = messages;
  // While the user types on, what was found before stays visible.
  const isRelated = found !== null && (found.words.startsWith(words) || words.startsWith(found.words));
  const hits = isSearched && isRelated ? found.hits : [];
  const isOff = messages.error instanceof ProblemError && messages.error.code === "search_off";

  const focusField = () => field.current?.focus();
  /** In place of an operator, which may stand elsewhere by now. */
  const addFilter = (filter: Filter, { kind, value }: Operator) => {
    const now = currentSearch();
    const isIt = (each: Operator) => each.kind === kind && each.value === value;
    const operator = read(now.text, operatorNames()).operators.find(isIt);
    const rest = operator ? without(now.text, operator) : now.text;
    changeSearch({ text: rest, filters: withFilter(now.filters, filter) });
    focusField();
  };
  const problems = useOperators(operators, addFilter);
  const begin = (kind: Kind) => {
    changeSearch({ text: `${text.trim()} ${s.operators[kind]}:`.trimStart() });
    focusField();
  };
  const chosen = () => {
    noteSearch({ text: words, filters });
    closeSearch();
  };
  useLayoutEffect(() => {
    submit.current = () => {
      noteSearch({ text: words, filters });
      messages.hurry();
      const [first] = area.current!.querySelectorAll<HTMLElement>(ENTRIES);
      if (first?.matches(".hit, .more")) first.focus();
      else if (text.trim()) first?.click();
    };
  });

  /** Where the user was when a message was opened: coming back there leads back to the message in the list. */
  const from = useRef<string | null>(null);
  const top = useRef(0);
  useWindowEvent("hashchange", () => {
    if (location.hash !== from.current) return;
    // The page has what it shows there first.
    setTimeout(() => {
      const opened = area.current?.querySelector<HTMLElement>("[aria-current]");
      const scroller = area.current?.parentElement;
      opened?.focus({ preventScroll: true });
      if (scroller) scroller.scrollTop = top.current;
    });
  });
  const open = (messageId: string) => {
    noteSearch({ text: words, filters });
    from.current = location.hash;
    top.current = area.current?.parentElement?.scrollTop ?? 0;
    changeSearch({ openedId: messageId });
  };
  const goOn = (event: KeyboardEvent) => {
    const { key, altKey, ctrlKey, metaKey } = event;
    const target = event.target as Element;
    if (key === "Escape") {
      event.preventDefault();
      focusField();
    } else if (!target.matches(ENTRIES) && !target.closest(".beside")) return;
    else if (key === "ArrowUp" && target === area.current?.querySelector(ENTRIES)) {
      event.preventDefault();
      focusField();
    } else if ([...key].length === 1 && key !== " " && !altKey && !ctrlKey && !metaKey) focusField();
    else roving.onKeyDown(event);
  };

  /** The place of the first message of the page that was asked for by its button, which then takes the focus. */
  const next = useRef<number | null>(null);
  const more = () => {
    next.current = hits.length;
    messages.more();
  };
  useLayoutEffect(() => {
    if (next.current === null || messages.state !== "done") return;
    const hit = area.current?.querySelectorAll<HTMLElement>(".hit")[next.current];
    if (document.activeElement === document.body || document.activeElement?.matches(".more")) hit?.focus();
    next.current = null;
  }, [messages.state]);
  const keys = { onFocusIn: roving.onFocusIn, onKeyDown: goOn };

  const isEmpty = !words && !begun;
  const isDone = !isSearched || messages.state === "done";
  const isNothing =
    isDone && !isFiltered && !hits.length && !found?.cursor && people?.length === 0 && chats?.length === 0;
  return (
    <div ref={area} class="found" {...keys}>
      {hasMessages && (
        <Filters
          filters={filters}
          onChange={(next) => {
            changeSearch({ filters: next });
            // The button may be gone.
            focusField();
          }}
          onBegin={begin}
        />
      )}
      {problems.map((each) => (
        <p key={each} class="quiet none" role="status">
          {each}
        </p>
      ))}
      {begun && <Suggestions operator={begun} onPick={(filter) => addFilter(filter, begun)} />}
      {isEmpty && !isFiltered && <Recent onChange={focusField} />}
      {isEmpty && isFiltered && <p class="quiet none">{s.wordNeeded}</p>}
      {words && !isFiltered && (
        <>
          <Few label={s.people} items={people}>
            {(shown: readonly User[]) => <PeopleList people={shown} onChosen={chosen} />}
          </Few>
          <Few label={s.chats} items={chats}>
            {(shown: readonly Chat[]) => (
              <ul class="chats">
                {shown.map((chat) => (
                  <Entry key={chat.id} chat={chat} onChosen={chosen} />
                ))}
              </ul>
            )}
          </Few>
        </>
      )}
      {words && (lacks("search") || isOff) && <p class="quiet none">{t.errors.byCode.search_off}</p>}
      {words && hasMessages && problem && (
        <p class="quiet none">{problem === "long" ? s.tooLong(maxLength) : s.problems[problem]}</p>
      )}
      {words && isNothing && <p class="quiet none">{s.nothing(words)}</p>}
      {isSearched && !isOff && !isNothing && (
        <section aria-label={s.messages} aria-busy={messages.state !== "done"}>
          <div class="heading">
            <h3>{s.messages}</h3>
            {hits.length > 0 && (
              <fieldset class="order" aria-label={s.sort}>
                {(["new", "best"] as const).map((each) => (
                  <button
                    key={each}
                    type="button"
                    aria-pressed={sort === each}
                    onClick={() => changeSearch({ sort: each })}
                  >
                    {each === "new" ? s.newest : s.best}
                  </button>
                ))}
              </fieldset>
            )}
          </div>
          <ul class="people">
            {hits.map((hit) => (
              <Hit
                key={hit.message.id}
                hit={hit}
                isInChat={filters.some(({ kind }) => kind === "in")}
                isOpened={hit.message.id === openedId}
                onOpen={() => open(hit.message.id)}
              />
            ))}
          </ul>
          <HitsEnd
            results={isRelated ? messages : { ...messages, found: null }}
            hasFilters={isFiltered}
            isBest={sort === "best"}
            onMore={more}
            onUnfilter={() => {
              changeSearch({ filters: [] });
              focusField();
            }}
          />
        </section>
      )}
      <p class="hidden" role="status">
        {words && isDone && (isNothing ? s.nothing(words) : foundText(people, chats, hits.length, found?.cursor))}
      </p>
    </div>
  );
}

/** What was found, for screen readers. */
function foundText(
  people: readonly User[] | null,
  chats: readonly Chat[] | null,
  hits: number,
  cursor: string | null | undefined,
): string {
  const parts = [
    people?.length ? s.found.people(people.length) : "",
    chats?.length ? s.found.chats(chats.length) : "",
    hits ? (cursor ? s.found.moreMessages(hits) : s.found.messages(hits)) : "",
  ].filter(Boolean);
  return parts.length ? s.found.all(list(parts)) : "";
}

interface FewProps<T> {
  label: string;
  /** Null while they are searched for. */
  items: readonly T[] | null;
  children: (shown: readonly T[]) => ComponentChildren;
}

/** A part of what was found: a few of it until all of it is wanted. */
function Few<T>({ label, items, children }: FewProps<T>) {
  const [isWhole, setWhole] = useState(false);
  const section = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // The button is gone.
    if (isWhole) section.current?.querySelectorAll<HTMLElement>(ENTRIES)[FEW]?.focus();
  }, [isWhole]);
  if (!items?.length) return null;
  return (
    <section ref={section} aria-label={label}>
      <h3>{label}</h3>
      {children(isWhole ? items : items.slice(0, FEW))}
      {!isWhole && items.length > FEW && (
        <button type="button" class="entry more" onClick={() => setWhole(true)}>
          {s.showAll}
        </button>
      )}
    </section>
  );
}

/** The last searches, and what can be searched for. */
function Recent({ onChange }: { onChange: () => void }) {
  const [searches, setSearches] = useState(recentSearches);
  const nameOf = ({ text, filters }: Searched) => [text, ...filters.map(filterName)].filter(Boolean).join(" · ");
  return (
    <>
      {searches.length > 0 && (
        <section aria-label={s.recent}>
          <h3>{s.recent}</h3>
          <ul class="people recent">
            {searches.map((each) => (
              <li key={nameOf(each)}>
                <button
                  type="button"
                  class="entry"
                  onClick={() => {
                    changeSearch(each);
                    onChange();
                  }}
                >
                  {icons.history}
                  <bdi class="title">{nameOf(each)}</bdi>
                </button>
                <button
                  type="button"
                  class="icon-button beside"
                  aria-label={s.forget(nameOf(each))}
                  title={s.forget(nameOf(each))}
                  onClick={() => {
                    forgetSearch(each);
                    setSearches(recentSearches());
                    onChange();
                  }}
                >
                  {icons.close}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p class="quiet none">{lacks("search") ? s.hintWithoutMessages : s.hint}</p>
      {has("search") && (
        <>
          <p class="quiet none">{s.operatorsHint}</p>
          <p class="examples">
            {EXAMPLES.map(([kind, value]) => (
              <kbd key={kind}>{`${s.operators[kind]}:${value()}`}</kbd>
            ))}
          </p>
        </>
      )}
    </>
  );
}
