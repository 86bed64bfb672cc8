// The texts of the settings, which are fetched with them. Read `s` while rendering.
import { locale } from "./language";
import { en } from "./settings-en";

export type SettingsTexts = typeof en;

export let s: SettingsTexts = en;

/** Load the texts in the language of the page. */
export async function loadSettingsTexts(): Promise<void> {
  if (locale.toLowerCase().startsWith("de")) s = (await import("./settings-de")).de;
}
