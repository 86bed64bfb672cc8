// All emoji, fetched when they are first needed.
import { locale } from "../texts";

export interface Emoji {
  readonly emoji: string;
  /** What it shows, in the language of the page. */
  readonly label: string;
  /** Its `:names:`, the first of which is the usual one. */
  readonly names: readonly string[];
  readonly hasTones: boolean;
  /** Where it is found by a search: in lower case, each word after a space. */
  readonly words: string;
}

export interface Group {
  readonly name: string;
  readonly emoji: readonly Emoji[];
}

/** Emoji that this browser knows: it may be older than the list. */
const KNOWN = /^\p{RGI_Emoji}$/v;

let loading: Promise<readonly Group[]> | undefined;

/** The groups of emoji; rejected when they can't be fetched. */
export function loadEmoji(): Promise<readonly Group[]> {
  loading ??= load();
  loading.catch(() => (loading = undefined));
  return loading;
}

async function load(): Promise<readonly Group[]> {
  const isGerman = locale.toLowerCase().startsWith("de");
  const [{ default: groups }, { default: lines }] = await Promise.all([
    isGerman ? import("virtual:emoji-de") : import("virtual:emoji-en"),
    import("virtual:emoji-names"),
  ]);
  const names = new Map<string, string[]>();
  for (const line of lines.split("\n")) {
    const [emoji, ...found] = line.split("\t");
    names.set(emoji!, found);
  }
  const read = (line: string): Emoji => {
    const [emoji = "", label = "", words = "", tones] = line.split("\t");
    const called = names.get(emoji) ?? [];
    const searched = ` ${[label, words, ...called].join(" ")}`.toLowerCase().replace(/[_-]/g, " ");
    return { emoji, label, names: called, hasTones: tones === "1", words: searched };
  };
  return groups.map(([name, list]) => ({
    name: name.charAt(0).toUpperCase() + name.slice(1),
    emoji: list
      .split("\n")
      .map(read)
      .filter(({ emoji }) => KNOWN.test(emoji)),
  }));
}

/** The emoji with words that begin with each word of the query: first those whose label or name begins with it. */
export function search(groups: readonly Group[], query: string): Emoji[] {
  const words = query
    .toLowerCase()
    .split(/[\s_:-]+/)
    .filter(Boolean);
  if (!words.length) return [];
  const all = groups.flatMap(({ emoji }) => emoji);
  const start = words.join(" ");
  const rank = ({ label, names }: Emoji) =>
    names.some((name) => name === words.join("_")) ? 0 : label.toLowerCase().startsWith(start) ? 1 : 2;
  return all
    .filter((emoji) => words.every((word) => emoji.words.includes(` ${word}`)))
    .sort((one, other) => rank(one) - rank(other));
}

/** The emoji with names that begin with `start`, the shortest name first, with that name. */
export function named(groups: readonly Group[], start: string): { emoji: Emoji; name: string }[] {
  return groups
    .flatMap(({ emoji }) => emoji)
    .flatMap((emoji) => {
      const name = emoji.names.filter((each) => each.startsWith(start)).sort(byLength)[0];
      return name === undefined ? [] : [{ emoji, name }];
    })
    .sort((one, other) => byLength(one.name, other.name));
}

const byLength = (one: string, other: string) => one.length - other.length;

export const TONES = ["", "🏻", "🏼", "🏽", "🏾", "🏿"] as const;

/** The emoji in a skin tone, 0–5. */
export function toned({ emoji, hasTones }: Emoji, tone: number): string {
  if (!hasTones || !tone) return emoji;
  // The hands between two people have none of their own.
  return emoji.replace(/(\p{Emoji_Modifier_Base})\uFE0F?/gu, (found, base: string) =>
    base === "🤝" && emoji !== base ? found : base + TONES[tone],
  );
}
