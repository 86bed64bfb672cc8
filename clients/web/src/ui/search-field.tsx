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
  maxLength?: number;
  onEscape?: () => void;
  /** Instead of what Enter does otherwise. */
  onEnter?: () => void;
  onClick?: () => void;
  /** Instead of the icon. */
  before?: ComponentChildren;
  children?: ComponentChildren;
}

/** The inside of a `.search` element: an icon, the field, and what follows it. */
export function SearchField(props: SearchFieldProps) {
  const { label, query, onQuery, first, input, autofocus, maxLength = 50, onEscape, onEnter, onClick } = props;
  const open = onEnter ?? (() => first()?.click());
  return (
    <>
      {props.before || icons.search}
      <input
        ref={input}
        type="search"
        dir="auto"
        aria-label={label}
        placeholder={label}
        maxLength={maxLength}
        autocomplete="off"
        spellcheck={false}
        autofocus={autofocus}
        value={query}
        onClick={onClick}
        onInput={(event) => onQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onEscape?.();
          else if (event.key === "ArrowDown" && !event.altKey) {
            event.preventDefault();
            first()?.focus();
          } else if (event.key === "Enter" && query.trim() && !isComposing(event)) {
            // The key is not for the field that the entry gives the focus to.
            event.preventDefault();
            open();
          }
        }}
      />
      {props.children}
    </>
  );
}
