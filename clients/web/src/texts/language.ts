// The language of the page, and its numbers, plurals and lists.

/** The BCP 47 tag that dates, numbers, plurals and lists follow. */
export let locale = "en-GB";
let plurals = new Intl.PluralRules(locale);
let numbers = new Intl.NumberFormat(locale);
let lists = new Intl.ListFormat(locale, { type: "conjunction" });

/** Called once, before anything is rendered. */
export function setLocale(tag: string): void {
  locale = tag;
  plurals = new Intl.PluralRules(tag);
  numbers = new Intl.NumberFormat(tag);
  lists = new Intl.ListFormat(tag, { type: "conjunction" });
  document.documentElement.lang = tag;
}

/** The form for `count`, in which `#` stands for the number. */
export function plural(count: number, forms: { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>): string {
  return (forms[plurals.select(count)] ?? forms.other).replace("#", numbers.format(count));
}

/** A quantity with its unit: "9 s", "10 MB". */
export function unit(value: number, name: string, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "narrow", ...options }).format(value);
}

/** "Alice, Bob and Carol". */
export const list = (names: readonly string[]): string => lists.format(names);

/** A name as a part of a sentence: one that is written from right to left doesn't turn the words around it. */
export const isolate = (name: string): string =>
  /[\u0590-\u08ff\ufb1d-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name;
