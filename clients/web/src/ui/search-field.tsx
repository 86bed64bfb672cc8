import type { ComponentChildren, RefObject } from "preact";
import { icons } from "./icons";
import { isComposing } from "./keys";

interface SearchFieldProps {
  label: string;
  query: string;
  onQuery: (query: string) => void;
  /** The first entry below the field: ↓ goes to it, and Enter opens it if there is a query. */
  first: () => HTMLElement | null | undefined;
  input?: RefObject<HTMLInputElement | null>;
  autofocus?: boolean;
  onEscape?: () => void;
  children?: ComponentChildren;
}

/** The inside of a `.search` element: an icon, the field, and what follows it. */
export function SearchField({ label, query, onQuery, first, input, autofocus, onEscape, children }: SearchFieldProps) {
  return (
    <>
      {icons.search}
      <input
        ref={input}
        type="search"
        dir="auto"
        aria-label={label}
        placeholder={label}
        maxLength={50}
        autocomplete="off"
        spellcheck={false}
        autofocus={autofocus}
        value={query}
        onInput={(event) => onQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onEscape?.();
          else if (event.key === "ArrowDown" && !event.altKey) {
            event.preventDefault();
            first()?.focus();
          } else if (event.key === "Enter" && query.trim() && !isComposing(event)) first()?.click();
        }}
      />
      {children}
    </>
  );
}
