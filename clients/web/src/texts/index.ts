// Every text of the page, in the language of the browser. Read `t` while rendering, not when a module is loaded:
// before `loadTexts` it is English.
import { en } from "./en";
import { setLocale } from "./language";

export { list, locale, plural, unit } from "./language";

export type Texts = typeof en;

const LANGUAGES: Readonly<Record<string, () => Promise<Texts>>> = {
  en: async () => en,
  de: async () => (await import("./de")).de,
};

export let t: Texts = en;

/** Load the first of these languages (BCP 47 tags) that there are texts in; English if there is none. */
export async function loadTexts(tags: readonly string[] = navigator.languages): Promise<void> {
  const languageOf = (tag: string): string => tag.split("-")[0]!.toLowerCase();
  const tag = tags.find((each) => Object.hasOwn(LANGUAGES, languageOf(each))) ?? "en-GB";
  setLocale(tag);
  t = await LANGUAGES[languageOf(tag)]!();
}
