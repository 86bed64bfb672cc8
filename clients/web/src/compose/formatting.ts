// Marks that are written for the user: each changes the text of the field as typing does.
import { insertText, replaceText } from "../ui/insert";

type Field = HTMLTextAreaElement;

/** Marks around the selection, or around what is written next. Where they are already, they are removed. */
export function toggleMark(field: Field, mark: string): void {
  const { value } = field;
  let [start, end] = [field.selectionStart, field.selectionEnd];
  // A mark stands beside a letter, not beside a space.
  while (start < end && /\s/.test(value[start]!)) start += 1;
  while (end > start && /\s/.test(value[end - 1]!)) end -= 1;
  const { length } = mark;
  const selected = value.slice(start, end);
  if (isMarked(value.slice(0, start), value.slice(end), mark)) {
    replaceText(field, [start - length, end + length], selected, [0, selected.length]);
  } else if (selected.length > 2 * length && isInside(selected, mark)) {
    const bare = selected.slice(length, -length);
    replaceText(field, [start, end], bare, [0, bare.length]);
  } else replaceText(field, [start, end], mark + selected + mark, [length, length + selected.length]);
}

/** Whether a selection stands between marks, which are no part of longer ones: "**" is not twice "*". */
function isMarked(before: string, after: string, mark: string): boolean {
  const row = (text: string | undefined) => text?.length ?? 0;
  const character = mark[0]!;
  const pattern = character === "*" ? "\\*" : character;
  const [left, right] = [
    row(new RegExp(`${pattern}*$`).exec(before)?.[0]),
    row(new RegExp(`^${pattern}*`).exec(after)?.[0]),
  ];
  const has = (count: number) => count === mark.length || (character === "*" && count === 3);
  return has(left) && has(right);
}

const isInside = (selected: string, mark: string) =>
  selected.startsWith(mark) &&
  selected.endsWith(mark) &&
  (mark !== "*" || !(selected.startsWith("**") && !selected.startsWith("***")));

/** The begin of the first selected line, and the end of the last one. */
function linesOf({ value, selectionStart, selectionEnd }: Field): readonly [start: number, end: number] {
  const end = value.indexOf("\n", selectionEnd);
  return [value.lastIndexOf("\n", selectionStart - 1) + 1, end < 0 ? value.length : end];
}

/** Put a prefix before each of the selected lines, or remove it where all of them have it. */
export function toggleLines(field: Field, prefix: string): void {
  const [start, end] = linesOf(field);
  const lines = field.value.slice(start, end).split("\n");
  const isOn = lines.every((line) => line.startsWith(prefix));
  const changed = lines.map((line) => (isOn ? line.slice(prefix.length) : prefix + line)).join("\n");
  replaceText(field, [start, end], changed);
}

const FENCE = "```";

/** Make the selected lines a block of code. */
export function codeBlock(field: Field): void {
  const [start, end] = linesOf(field);
  const code = field.value.slice(start, end);
  const at = FENCE.length + 1;
  replaceText(field, [start, end], `${FENCE}\n${code}\n${FENCE}`, [at, at + code.length]);
}

const ADDRESS = /^(?:https?:\/\/|mailto:|www\.)\S+$/i;
const SCHEME = "https://";

/** Make the selection a link; what is missing of it is selected then. */
export function link(field: Field): void {
  const range = [field.selectionStart, field.selectionEnd] as const;
  const selected = field.value.slice(...range);
  if (ADDRESS.test(selected)) replaceText(field, range, `[](${selected})`, [1, 1]);
  else {
    const at = selected.length + 3;
    replaceText(field, range, `[${selected}](${SCHEME})`, selected ? [at, at + SCHEME.length] : [1, 1]);
  }
}

/** An address that is pasted over a selected text becomes its link; returns whether it does. */
export function pasteLink(field: Field, pasted: string): boolean {
  const selected = field.value.slice(field.selectionStart, field.selectionEnd);
  if (!selected.trim() || /[\n[\]]/.test(selected) || !ADDRESS.test(pasted.trim()) || ADDRESS.test(selected))
    return false;
  insertText(field, `[${selected}](${pasted.trim()})`);
  return true;
}

const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})([.)])) (.*)$/;

/** A new line below an item of a list is the next item; below an empty item the list ends. Returns whether it is. */
export function continueList(field: Field): boolean {
  const { value, selectionStart: at, selectionEnd } = field;
  const start = value.lastIndexOf("\n", at - 1) + 1;
  const found = at === selectionEnd && ITEM.exec(value.slice(start, at));
  if (!found) return false;
  const [, indent, bullet, number, dot, text] = found;
  if (!text) replaceText(field, [start, at], "");
  else insertText(field, `\n${indent}${bullet ?? `${Number(number) + 1}${dot}`} `);
  return true;
}
