import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { EmojiPickerProps } from "../emoji-picker";
import { t } from "../texts";
import { SearchField } from "../ui/search-field";
import { choices, chooseTone, noteChosen } from "./choices";
import { type Emoji, type Group, loadEmoji, search, TONES, toned } from "./data";
import "./emoji.css";

/** As in emoji.css. */
const COLUMNS = 8;
const HAND: Emoji = { emoji: "✋", label: "", names: [], hasTones: true, words: "" };
const MAX_FOUND = 200;

export function Picker({ anchor, onPick, onClose }: EmojiPickerProps) {
  const box = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const { groups, failed } = useGroups();
  const [query, setQuery] = useState("");
  const [{ recent, tone }, setChoices] = useState(choices);
  usePopover(box, anchor, groups !== null);

  const sections = sectionsOf(groups ?? [], query, recent);
  const pick = (event: MouseEvent) => {
    const emoji = (event.target as Element).closest("button")?.dataset["emoji"];
    if (!emoji) return;
    noteChosen(emoji);
    anchor?.focus();
    onPick(emoji);
    onClose();
  };
  return (
    <div
      ref={box}
      class="emoji-picker"
      role="dialog"
      aria-label={t.emoji.title}
      aria-busy={!groups}
      tabIndex={-1}
      popover="auto"
      onToggle={(event) => event.newState === "closed" && onClose()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key !== "Escape") return;
        event.preventDefault();
        onClose();
        anchor?.focus();
      }}
    >
      <search class="search">
        <SearchField
          label={t.emoji.search}
          query={query}
          onQuery={(next) => {
            setQuery(next);
            grid.current?.scrollTo(0, 0);
          }}
          first={() => grid.current?.querySelector("button")}
        />
      </search>
      {!query.trim() && <Tabs sections={sections} grid={grid} />}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: for the buttons in it */}
      <div ref={grid} class="sections" onClick={pick} onKeyDown={(event) => move(event, grid.current!)}>
        {failed && <p role="alert">{t.errors.network}</p>}
        {sections.map(({ name, emoji }) => (
          <Section key={name} name={name} emoji={emoji} tone={tone} />
        ))}
        {groups && query.trim() && !sections[0]?.emoji.length && (
          <p class="quiet" role="status">
            {t.emoji.none(query.trim())}
          </p>
        )}
      </div>
      <Tones
        tone={tone}
        onChange={(next) => {
          chooseTone(next);
          setChoices(choices());
        }}
      />
    </div>
  );
}

function useGroups() {
  const [groups, setGroups] = useState<readonly Group[] | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    loadEmoji().then(setGroups, () => setFailed(true));
  }, []);
  return { groups, failed };
}

/** What is shown: the result of the search, or the recent ones and all groups. */
function sectionsOf(groups: readonly Group[], query: string, recent: readonly string[]): readonly Group[] {
  if (query.trim()) return [{ name: t.emoji.found, emoji: search(groups, query).slice(0, MAX_FOUND) }];
  if (!groups.length) return [];
  const all = new Map(groups.flatMap(({ emoji }) => emoji).map((emoji) => [emoji.emoji, emoji]));
  // A recent one stays in the skin tone in which it was picked.
  const again = recent.map((emoji) => ({ ...labelled(all, emoji), emoji, hasTones: false }));
  return recent.length ? [{ name: t.emoji.recent, emoji: again }, ...groups] : groups;
}

const ANY_TONE = /[\u{1F3FB}-\u{1F3FF}]/gu;

function labelled(all: ReadonlyMap<string, Emoji>, emoji: string): Emoji {
  const plain = emoji.replace(ANY_TONE, "");
  return all.get(emoji) ?? all.get(plain) ?? { ...HAND, label: emoji };
}

/** Links to the groups: a row of their first emoji. */
function Tabs({ sections, grid }: { sections: readonly Group[]; grid: { readonly current: HTMLElement | null } }) {
  return (
    <nav class="tabs" aria-label={t.emoji.groups}>
      {sections.map(({ name, emoji }, at) => (
        <button
          key={name}
          type="button"
          aria-label={name}
          title={name}
          onClick={() => {
            const section = grid.current?.querySelectorAll("section")[at];
            section?.scrollIntoView({ block: "start" });
            section?.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
          }}
        >
          {name === t.emoji.recent ? "🕘" : emoji[0]?.emoji}
        </button>
      ))}
    </nav>
  );
}

function Section({ name, emoji, tone }: Group & { tone: number }) {
  const id = useId();
  return (
    <section aria-labelledby={id} style={{ "--rows": Math.ceil(emoji.length / COLUMNS) }}>
      <h3 id={id}>{name}</h3>
      <div class="grid">
        {emoji.map((each) => (
          <button
            key={each.emoji}
            type="button"
            tabIndex={-1}
            data-emoji={toned(each, tone)}
            aria-label={each.label}
            title={each.names[0] ? `${each.label} :${each.names[0]}:` : each.label}
          >
            {toned(each, tone)}
          </button>
        ))}
      </div>
    </section>
  );
}

function Tones({ tone, onChange }: { tone: number; onChange: (tone: number) => void }) {
  return (
    <fieldset class="tones">
      <legend class="hidden">{t.emoji.tone}</legend>
      {TONES.map((_, at) => (
        <label key={at} title={t.emoji.tones[at]}>
          <input
            type="radio"
            class="hidden"
            name="emoji-tone"
            aria-label={t.emoji.tones[at]}
            checked={at === tone}
            onChange={() => onChange(at)}
          />
          <span aria-hidden="true">{toned(HAND, at)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Opens the popover beside its anchor, or on a phone at the bottom (emoji.css); the search field has the focus. */
function usePopover(
  box: { readonly current: HTMLElement | null },
  anchor: HTMLElement | null,
  isLoaded: boolean,
): void {
  useLayoutEffect(() => {
    const popover = box.current!;
    popover.showPopover();
    // On a touch screen the keyboard would cover the emoji.
    if (matchMedia("(pointer: fine)").matches) popover.querySelector("input")?.focus();
    else popover.focus();
  }, []);
  useLayoutEffect(() => {
    if (!anchor) return;
    const { style, offsetWidth: width, offsetHeight: height } = box.current!;
    const { top, bottom, right } = anchor.getBoundingClientRect();
    const gap = 8;
    const above = top - gap - height;
    const best = above >= gap ? above : Math.min(bottom + gap, innerHeight - height - gap);
    style.setProperty("--left", `${Math.max(gap, Math.min(right - width, innerWidth - width - gap))}px`);
    style.setProperty("--top", `${Math.max(gap, best)}px`);
  }, [isLoaded]);
  // The first emoji is the one that Tab goes to.
  useLayoutEffect(() => {
    const buttons = box.current!.querySelectorAll<HTMLElement>(".grid button");
    if (buttons[0] && ![...buttons].some((button) => button.tabIndex === 0)) buttons[0].tabIndex = 0;
  });
}

/** The arrow keys move in two dimensions, also from group to group. */
function move(event: KeyboardEvent, grid: HTMLElement): void {
  const current = document.activeElement as HTMLElement | null;
  const rows = [...grid.querySelectorAll(".grid")].flatMap((section) => {
    const buttons = [...section.querySelectorAll<HTMLElement>("button")];
    return Array.from({ length: Math.ceil(buttons.length / COLUMNS) }, (_, at) =>
      buttons.slice(at * COLUMNS, (at + 1) * COLUMNS),
    );
  });
  const row = rows.findIndex((each) => each.includes(current!));
  if (row < 0) return;
  const column = rows[row]!.indexOf(current!);
  const isRtl = getComputedStyle(grid).direction === "rtl";
  const all = rows.flat();
  const at = all.indexOf(current!);
  const inRow = (index: number) => rows[index]?.[Math.min(column, rows[index].length - 1)];
  const goals: Record<string, HTMLElement | undefined> = {
    ArrowRight: all[isRtl ? at - 1 : at + 1],
    ArrowLeft: all[isRtl ? at + 1 : at - 1],
    ArrowDown: inRow(row + 1),
    ArrowUp: inRow(row - 1),
    Home: all[0],
    End: all.at(-1),
  };
  if (!(event.key in goals)) return;
  event.preventDefault();
  const goal = goals[event.key] ?? (event.key === "ArrowUp" ? fieldOf(grid) : undefined);
  if (!goal) return;
  current!.tabIndex = -1;
  goal.tabIndex = 0;
  goal.focus();
}

const fieldOf = (grid: HTMLElement) => grid.parentElement?.querySelector("input") ?? undefined;
