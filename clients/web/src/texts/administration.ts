// The texts of the administration, which are fetched with it. Read `a` while rendering.
import { en } from "./administration-en";
import { locale } from "./language";

export type AdministrationTexts = typeof en;

export let a: AdministrationTexts = en;

/** Load the texts in the language of the page. */
export async function loadAdministrationTexts(): Promise<void> {
  if (locale.toLowerCase().startsWith("de")) a = (await import("./administration-de")).de;
}
