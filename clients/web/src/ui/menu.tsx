import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { moveFocus } from "./keys";

export interface MenuItem {
  readonly label: string;
  readonly icon?: ComponentChildren;
  readonly onSelect?: () => void;
  /** A link rather than something to do. */
  readonly href?: string;
  readonly danger?: boolean;
  /** One of several of which one is chosen. */
  readonly checked?: boolean;
  /** A line above. */
  readonly separate?: boolean;
}

interface MenuProps {
  /** What the button is called. */
  label: string;
  items: readonly MenuItem[];
  children: ComponentChildren;
  class?: string;
}

/** A button that opens a list of things to do. */
export function Menu({ label, items, children, class: kind = "icon-button" }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  // The browser closes the list as the pointer comes down on its button: that click does not open it again.
  const wasOpen = useRef(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        class={kind}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onPointerDown={() => (wasOpen.current = isOpen)}
        onClick={() => {
          setOpen(!wasOpen.current);
          wasOpen.current = false;
        }}
      >
        {children}
      </button>
      {isOpen && <List label={label} items={items} anchor={button.current} onClose={() => setOpen(false)} />}
    </>
  );
}

interface ListProps {
  label: string;
  items: readonly MenuItem[];
  anchor: HTMLElement | null;
  onClose: () => void;
}

function List({ label, items, anchor, onClose }: ListProps) {
  const element = useRef<HTMLDivElement>(null);
  const entries = () => [...(element.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
  useLayoutEffect(() => {
    const list = element.current;
    if (!list || !anchor) return;
    // The browser closes it on Escape and on a click elsewhere.
    list.showPopover();
    place(list, anchor.getBoundingClientRect());
    entries()[0]?.focus();
  }, []);
  const close = () => {
    onClose();
    anchor?.focus();
  };
  return (
    <div
      ref={element}
      class="menu"
      role="menu"
      aria-label={label}
      popover="auto"
      onToggle={(event) => event.newState === "closed" && onClose()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Tab" || event.key === "Escape") {
          event.preventDefault();
          close();
        } else moveFocus(event, entries());
      }}
    >
      {items.map((item) => {
        const content = (
          <>
            {item.icon}
            <span>{item.label}</span>
          </>
        );
        const kind = `${item.danger ? "danger" : ""} ${item.separate ? "separate" : ""}`;
        if (item.href) {
          return (
            <a
              key={item.label}
              class={kind}
              role="menuitem"
              tabIndex={-1}
              href={item.href}
              target="_blank"
              rel="noopener"
              onClick={close}
            >
              {content}
            </a>
          );
        }
        return (
          // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it is absent where the role does not support it
          <button
            key={item.label}
            type="button"
            class={kind}
            role={item.checked === undefined ? "menuitem" : "menuitemradio"}
            aria-checked={item.checked}
            tabIndex={-1}
            onClick={() => {
              close();
              item.onSelect?.();
            }}
          >
            {content}
          </button>
        );
      })}
    </div>
  );
}

/** Below the anchor, its end at that of the anchor, wherever there is room. */
function place(list: HTMLElement, anchor: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = list;
  const gap = 6;
  const below = anchor.bottom + gap + height <= innerHeight;
  const left = anchor.right - width >= gap ? anchor.right - width : anchor.left;
  list.style.left = `${Math.max(gap, Math.min(left, innerWidth - width - gap))}px`;
  list.style.top = `${below ? anchor.bottom + gap : Math.max(gap, anchor.top - gap - height)}px`;
}
