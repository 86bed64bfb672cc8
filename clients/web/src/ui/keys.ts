/** Move the focus among `entries` by the arrow keys, Home and End; whether the key was one of them. */
export function moveFocus(event: KeyboardEvent, entries: readonly HTMLElement[]): boolean {
  const at = entries.findIndex((entry) => entry.contains(document.activeElement));
  const last = entries.length - 1;
  const goals: Record<string, number> = {
    ArrowDown: Math.min(at + 1, last),
    ArrowUp: at < 0 ? last : Math.max(at - 1, 0),
    Home: 0,
    End: last,
  };
  const goal = goals[event.key];
  if (goal === undefined || last < 0) return false;
  event.preventDefault();
  entries[goal]?.focus();
  return true;
}
