type Field = HTMLTextAreaElement | HTMLInputElement;

/**
 * Replace a part of a field's text as if it were typed, so that the browser can undo it. Then the part of the new text
 * from `selection[0]` to `selection[1]` is selected, by default its end.
 */
export function replaceText(
  field: Field,
  [start, end]: readonly [start: number, end: number],
  text: string,
  selection: readonly [start: number, end: number] = [text.length, text.length],
): void {
  field.focus();
  field.setSelectionRange(start, end);
  // Deprecated, and without a successor that can be undone.
  const isDone = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (!isDone && (text || end > start)) {
    field.setRangeText(text, start, end, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  field.setSelectionRange(start + selection[0], start + selection[1]);
}

/** Write a text where the cursor is, in place of what is selected. */
export const insertText = (field: Field, text: string) =>
  replaceText(field, [field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length], text);
