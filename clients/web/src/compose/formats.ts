import type { ComponentChildren } from "preact";
import { t } from "../texts";
import { icons } from "../ui/icons";
import { IS_APPLE } from "../ui/keys";
import { codeBlock, link, toggleLines, toggleMark } from "./formatting";

type Name = keyof typeof t.format.names;

export interface Format {
  readonly name: Name;
  /** The key that is pressed with Ctrl or ⌘, as `KeyboardEvent.code` names it. */
  readonly code: string;
  readonly shift?: boolean;
  readonly icon: () => ComponentChildren;
  readonly apply: (field: HTMLTextAreaElement) => void;
}

export const FORMATS: readonly Format[] = [
  { name: "bold", code: "KeyB", icon: () => icons.bold, apply: (field) => toggleMark(field, "**") },
  { name: "italic", code: "KeyI", icon: () => icons.italic, apply: (field) => toggleMark(field, "*") },
  { name: "strike", code: "KeyX", shift: true, icon: () => icons.strike, apply: (field) => toggleMark(field, "~~") },
  { name: "code", code: "KeyE", icon: () => icons.code, apply: (field) => toggleMark(field, "`") },
  { name: "codeBlock", code: "KeyE", shift: true, icon: () => icons.codeBlock, apply: codeBlock },
  { name: "quote", code: "Digit9", shift: true, icon: () => icons.quote, apply: (field) => toggleLines(field, "> ") },
  { name: "list", code: "Digit8", shift: true, icon: () => icons.list, apply: (field) => toggleLines(field, "- ") },
  { name: "link", code: "KeyL", shift: true, icon: () => icons.link, apply: link },
];

/** The keys of a format, as they are shown. */
export function keysOf({ code, shift }: Format): string[] {
  const { control, shift: shiftKey } = t.shortcuts.keys;
  return [IS_APPLE ? "⌘" : control, ...(shift ? [IS_APPLE ? "⇧" : shiftKey] : []), code.replace(/Key|Digit/, "")];
}

/** The format that a key applies. */
export const formatOf = ({ code, key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): Format | undefined =>
  (IS_APPLE ? metaKey && !ctrlKey : ctrlKey && !metaKey) && !altKey
    ? FORMATS.find((format) => shiftKey === (format.shift ?? false) && isKey(format, code, key))
    : undefined;

/** Letters are where the keyboard has them, digits in their row. */
const isKey = ({ code: wanted }: Format, code: string, key: string) =>
  wanted.startsWith("Key") ? key.toUpperCase() === wanted.slice(3) : code === wanted;
