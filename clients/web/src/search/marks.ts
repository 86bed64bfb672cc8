// The parts of a found text that match.

export interface Part {
  readonly text: string;
  readonly isMatch: boolean;
}

/** Around a match while marks of Markdown are left out: characters that are none, which no text keeps. */
const [BEGIN, END] = ["\ufdd0", "\ufdd1"];
const SIGNS = /[\ufdd0\ufdd1]/g;
/** How much of a text precedes its first match, in UTF-16 units. */
const LEAD = 30;
/** How far a text is looked back for the beginning of a word. */
const LOOK_BACK = 12;
/** What fits in an entry of the list, whatever its letters. */
const MAX_LENGTH = 240;

/**
 * A text in parts. `highlights` are ranges of it: pairs of a start and a length in code points, ascending. `plain` leaves out
 * marks of Markdown.
 */
export function partsOf(
  content: string,
  highlights: readonly (readonly [start: number, length: number])[],
  plain: (text: string) => string = (text) => text,
): Part[] {
  const clean = content.replace(SIGNS, "\ufffd");
  let signed = "";
  let at = 0;
  let points = 0;
  const advance = (to: number) => {
    const from = at;
    for (; points < to && at < clean.length; points += 1) at += clean.codePointAt(at)! > 0xffff ? 2 : 1;
    return clean.slice(from, at);
  };
  for (const [start, length] of highlights) {
    signed += advance(start);
    const match = advance(start + length);
    if (match) signed += BEGIN + match + END;
  }
  return plain(signed + clean.slice(at))
    .split(BEGIN!)
    .flatMap((piece, number) => {
      const [text, after] = number ? piece.split(END!) : ["", piece];
      return [
        { text: text!, isMatch: true },
        { text: after ?? "", isMatch: false },
      ];
    })
    .map(({ text, isMatch }) => ({ text: text.replace(SIGNS, ""), isMatch }))
    .filter(({ text }) => text !== "");
}

/** The beginning of a long text if it has the first match, else the text around the first match. */
export function excerpt(parts: readonly Part[]): Part[] {
  const first = parts.findIndex(({ isMatch }) => isMatch);
  const before = parts[first === 1 ? 0 : -1]?.text ?? "";
  const start = before.length > LEAD + LOOK_BACK ? beginning(before) : 0;
  const shortened = start ? [{ text: `…${before.slice(start)}`, isMatch: false }, ...parts.slice(1)] : [...parts];
  let room = MAX_LENGTH;
  const shown: Part[] = [];
  for (const part of shortened) {
    if (part.text.length > room) {
      shown.push({ ...part, text: `${part.text.slice(0, cut(part.text, room))}…` });
      break;
    }
    room -= part.text.length;
    shown.push(part);
  }
  return shown;
}

/** Where to begin so that about `LEAD` units are left: at a word if there is one near. */
function beginning(text: string): number {
  const at = text.length - LEAD;
  const space = text.slice(at - LOOK_BACK, at).search(/\s\S*$/);
  return space < 0 ? cut(text, at) : at - LOOK_BACK + space + 1;
}

/** The end of the last whole character (grapheme cluster) at or before an index. */
function cut(text: string, at: number): number {
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text);
  return at >= text.length ? text.length : segments.containing(at)!.index;
}
