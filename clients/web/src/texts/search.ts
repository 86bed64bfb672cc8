// The texts of the search, which are fetched with it. Read `s` while rendering.
import { locale } from "./language";
import { en } from "./search-en";

export type SearchTexts = typeof en;

export let s: SearchTexts = en;

/** Load the texts in the language of the page. */
export async function loadSearchTexts(): Promise<void> {
  if (locale.toLowerCase().startsWith("de")) s = (await import("./search-de")).de;
}
