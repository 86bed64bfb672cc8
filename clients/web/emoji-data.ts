// The emoji of the picker, made of `emojibase-data` when the client is built: what the picker needs, in a third of the size.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);

/** An emoji of emojibase-data. */
interface Emoji {
  readonly unicode: string;
  readonly hexcode: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly group?: number;
  readonly order: number;
  readonly skins?: readonly Emoji[];
}
interface Messages {
  readonly groups: readonly { readonly order: number; readonly message: string }[];
}
type Names = Readonly<Record<string, string | readonly string[]>>;

/** The group of skin tones and hair, which are no emoji by themselves. */
const COMPONENTS = 2;

const read = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(require.resolve(`emojibase-data/${name}.json`), "utf8"));

const emojiOf = async (language: string) =>
  (await read<Emoji[]>(`${language}/compact`))
    .filter(({ group }) => group !== undefined && group !== COMPONENTS)
    .sort((a, b) => a.order - b.order);

/** As Unicode recommends: without the selector where the character is in colour by itself. */
const qualified = (emoji: string) => emoji.replace(/(\p{Emoji_Presentation})\uFE0F/gu, "$1");

/** `[name of the group, lines of "emoji, label, further words, 1 if it has skin tones"]` of each group. */
async function groups(language: string): Promise<(readonly [string, string])[]> {
  const emoji = await emojiOf(language);
  const { groups } = await read<Messages>(`${language}/messages`);
  return groups
    .filter(({ order }) => order !== COMPONENTS)
    .map(({ order, message }) => {
      const lines = emoji
        .filter(({ group }) => group === order)
        .map(({ unicode, label, tags = [], skins }) => {
          const words = tags.filter((tag) => !label.includes(tag)).join(" ");
          return [qualified(unicode), label, words, ...(skins ? ["1"] : [])].join("\t");
        });
      return [message, lines.join("\n")] as const;
    });
}

/** Lines of "emoji, names": what `:name:` stands for, as on GitHub, and where that lacks one, as emojibase calls it. */
async function names(): Promise<string> {
  const [github, others] = await Promise.all([
    read<Names>("en/shortcodes/github"),
    read<Names>("en/shortcodes/emojibase"),
  ]);
  const lines = (await emojiOf("en")).map(({ unicode, hexcode }) => {
    const found = github[hexcode] ?? others[hexcode] ?? [];
    return [qualified(unicode), ...[found].flat()].join("\t");
  });
  return lines.join("\n");
}

/** The modules `virtual:emoji-<language>` and `virtual:emoji-names`. */
export function emojiData(): Plugin {
  const PREFIX = "virtual:emoji-";
  return {
    name: "emoji-data",
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    async load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const name = id.slice(PREFIX.length + 1);
      return `export default ${JSON.stringify(name === "names" ? await names() : await groups(name))}`;
    },
  };
}
