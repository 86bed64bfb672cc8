import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../texts";
import { FORMATS, keysOf } from "./formats";

/** The marks that a text can have, as buttons: one stop of the Tab key, among which the arrow keys move. */
export function FormattingBar({ id, area }: { id: string; area: RefObject<HTMLTextAreaElement | null> }) {
  const bar = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const buttons = [...bar.current!.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const last = buttons.length - 1;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") {
      event.preventDefault();
      area.current?.focus();
    }
    if (next === undefined) return;
    event.preventDefault();
    const goal = buttons[Math.max(0, Math.min(next, last))]!;
    for (const button of buttons) button.tabIndex = button === goal ? 0 : -1;
    goal.focus();
  };
  return (
    <div ref={bar} id={id} class="formatting" role="toolbar" aria-label={t.format.title} tabIndex={-1} onKeyDown={move}>
      {FORMATS.map((format, at) => (
        <button
          key={format.name}
          type="button"
          class="icon-button"
          tabIndex={at ? -1 : 0}
          aria-label={t.format.names[format.name]}
          title={`${t.format.names[format.name]} (${keysOf(format).join("+")})`}
          // The selection stays, and on a phone the keyboard.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => format.apply(area.current!)}
        >
          {format.icon()}
        </button>
      ))}
    </div>
  );
}
