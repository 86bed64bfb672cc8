/** What stands for all members, in each language of the page: a text may be read in another one. */
export const EVERYONE: readonly string[] = ["all", "alle"];

/** A part of a text that is the name of something, after an "@". */
export interface Found<T> {
  readonly start: number;
  readonly end: number;
  readonly value: T;
}

const WORD = /[\p{L}\p{N}_]/u;
/** What stands before the "@" of a mail address. */
const BEFORE = /[\p{L}\p{N}_.+-]/u;

/** The names in a text that follow an "@", the longest where several do. Case does not matter. */
export function namesIn<T>(text: string, values: Iterable<readonly [name: string, value: T]>): Found<T>[] {
  const names = [...values].map(([name, value]) => [fold(name), value] as const);
  names.sort(([one], [other]) => other.length - one.length);
  const folded = fold(text);
  const found: Found<T>[] = [];
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (at > 0 && BEFORE.test(text[at - 1]!)) continue;
    const fits = ([name]: readonly [string, T]) =>
      folded.startsWith(name, at + 1) && !WORD.test(text[at + 1 + name.length] ?? " ");
    const [name, value] = names.find(fits) ?? [];
    if (name) found.push({ start: at, end: at + 1 + name.length, value: value as T });
  }
  return found;
}

/** In lower case, with each character where it was. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text;
}
