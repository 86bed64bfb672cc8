// The subset of Markdown that messages have: a text becomes a tree, which is rendered as elements (view.tsx).
import { type Inline, parseInline } from "./inline";

export type { Inline } from "./inline";

export type Block =
  | { readonly type: "paragraph"; readonly children: readonly Inline[] }
  | { readonly type: "code"; readonly language: string; readonly text: string }
  | { readonly type: "quote"; readonly children: readonly Block[] }
  | { readonly type: "list"; readonly start: number | null; readonly items: readonly (readonly Block[])[] };

/** Quotes and lists within each other. */
const MAX_DEPTH = 8;
const FENCE = /^ {0,3}(`{3,}|~{3,}) *([^\s`]*)[^`]*$/;
const QUOTE = /^ {0,3}>(?: |(?=>)|$)/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)]) +(?=\S)/;

/** Parse a text, in linear time. */
export const parse = (text: string): readonly Block[] => parseBlocks(text.split("\n"), 0);

function parseBlocks(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const end = () => {
    if (paragraph.length) blocks.push({ type: "paragraph", children: parseInline(paragraph.join("\n")) });
    paragraph = [];
  };
  let at = 0;
  while (at < lines.length) {
    const found = blockAt(lines, at, paragraph.length > 0, depth);
    if (found) {
      end();
      blocks.push(found.block);
      at = found.end;
      continue;
    }
    const line = lines[at]!;
    if (line.trim()) paragraph.push(line);
    else end();
    at += 1;
  }
  end();
  return blocks;
}

interface Found {
  readonly block: Block;
  /** The index of the first line after it. */
  readonly end: number;
}

/** The block other than a paragraph that begins at a line. */
function blockAt(lines: readonly string[], at: number, isInParagraph: boolean, depth: number): Found | null {
  const line = lines[at]!;
  const [, fence, language = ""] = FENCE.exec(line) ?? [];
  if (fence) return codeAt(lines, at, fence, language);
  if (depth >= MAX_DEPTH) return null;
  if (QUOTE.test(line)) return quoteAt(lines, at, depth);
  const [, , marker] = ITEM.exec(line) ?? [];
  // Within a sentence, a line may begin with the number that ends it.
  return marker && !(isInParagraph && /\d/.test(marker) && Number.parseInt(marker, 10) !== 1)
    ? listAt(lines, at, marker, depth)
    : null;
}

/** Code ends at a fence of the same kind, or with the text. */
function codeAt(lines: readonly string[], at: number, fence: string, language: string): Found {
  let end = at + 1;
  const isEnd = (line: string) => {
    const bare = line.trim();
    return bare.length >= fence.length && bare === fence[0]!.repeat(bare.length);
  };
  while (end < lines.length && !isEnd(lines[end]!)) end += 1;
  const text = lines.slice(at + 1, end).join("\n");
  return { block: { type: "code", language: language.toLowerCase(), text }, end: end + 1 };
}

function quoteAt(lines: readonly string[], at: number, depth: number): Found {
  const inner: string[] = [];
  let end = at;
  for (; end < lines.length && QUOTE.test(lines[end]!); end += 1) inner.push(lines[end]!.replace(QUOTE, ""));
  return { block: { type: "quote", children: parseBlocks(inner, depth + 1) }, end };
}

/** Items of one kind. What is indented below an item is a part of it. */
function listAt(lines: readonly string[], at: number, marker: string, depth: number): Found {
  const kind = marker.at(-1)!;
  const items: string[][] = [];
  let [end, isAfterBlank] = [at, false];
  for (; end < lines.length; end += 1) {
    const line = lines[end]!;
    const item = ITEM.exec(line);
    const isIndented = /^(?: {2,}|\t)/.test(line);
    if (item && (end === at || (item[1]!.length < 2 && item[2]!.endsWith(kind))))
      items.push([line.slice(item[0].length)]);
    else if (!line.trim()) {
      // An empty line ends the list, unless more of it follows.
      if (isAfterBlank || end + 1 >= lines.length) break;
      items.at(-1)!.push("");
    } else if (isIndented) items.at(-1)!.push(line.replace(/^(?: {2,4}|\t)/, ""));
    else break;
    isAfterBlank = !line.trim();
  }
  const start = /\d/.test(marker) ? Number.parseInt(marker, 10) : null;
  return { block: { type: "list", start, items: items.map((each) => parseBlocks(each, depth + 1)) }, end };
}
