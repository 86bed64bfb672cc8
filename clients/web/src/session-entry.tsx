import type { ComponentChildren } from "preact";
import { icons } from "./ui/icons";

interface SessionEntryProps {
  /** The device. */
  name: string;
  /** What is known of the session, such as its address. */
  facts: readonly (string | false | undefined)[];
  /** The text of the button that ends the session. */
  end: string;
  busy: boolean;
  /** Ends the session; without it there is no button. */
  onEnd: (() => void) | undefined;
  /** Words about its state, after the name. */
  children?: ComponentChildren;
}

/** An entry of a list of sessions. */
export function SessionEntry({ name, facts, end, busy, onEnd, children }: SessionEntryProps) {
  return (
    <li class="session">
      <p>
        <b dir="auto">{name}</b>
        {children}
        <span class="quiet">{facts.filter(Boolean).join(" · ")}</span>
      </p>
      {onEnd && (
        <button type="button" class="icon-button" aria-label={end} title={end} disabled={busy} onClick={onEnd}>
          {icons.leave}
        </button>
      )}
    </li>
  );
}
