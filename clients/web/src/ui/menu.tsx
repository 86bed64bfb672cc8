import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { moveFocus } from "./keys";
import { PopupButton } from "./popup-button";

export interface MenuItem {
  readonly label: string;
  readonly icon?: ComponentChildren;
  readonly onSelect?: () => void;
  /** A link rather than an action. */
  readonly href?: string;
  readonly danger?: boolean;
  /** One of several of which one is chosen. */
  readonly checked?: boolean;
  /** A line above. */
  readonly separate?: boolean;
  /** A heading for this and the neighbours with the same one. */
  readonly group?: string;
}

interface MenuProps {
  /** The name of the button. */
  label: string;
  items: readonly MenuItem[];
  children: ComponentChildren;
  class?: string;
}

/** A button that opens a list of actions. */
export const Menu = ({ label, items, children, class: kind }: MenuProps) => (
  <PopupButton
    label={label}
    popup="menu"
    {...(kind && { class: kind })}
    open={(anchor, close) => <MenuList label={label} items={items} anchor={anchor} onClose={close} />}
  >
    {children}
  </PopupButton>
);

interface ListProps {
  label: string;
  items: readonly MenuItem[];
  /** Side by side above the others: each shows its icon only. */
  row?: { readonly label: string; readonly items: readonly MenuItem[] };
  anchor: HTMLElement | null;
  onClose: () => void;
}

const BESIDE = ".beside [role^=menuitem]";
const BELOW = ".item";

/** A list of actions, beside the element that opened it. */
export function MenuList({ label, items, row, anchor, onClose }: ListProps) {
  const element = useRef<HTMLDivElement>(null);
  const entries = (kind: string) => [...element.current!.querySelectorAll<HTMLElement>(kind)];
  useLayoutEffect(() => {
    const list = element.current;
    if (!list || !anchor) return;
    // The browser closes it on Escape and on a click elsewhere.
    list.showPopover();
    place(list, anchor.getBoundingClientRect());
    (entries(BELOW)[0] ?? entries(BESIDE)[0])?.focus();
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
        } else move(event, entries(BESIDE), entries(BELOW));
      }}
    >
      {row && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset can't be part of a menu
        <div role="group" aria-label={row.label} class="beside">
          {row.items.map((item) => (
            // biome-ignore lint/a11y/useAriaPropsSupportedByRole: aria-checked is set for check boxes alone
            <button
              key={item.label}
              type="button"
              role={item.checked === undefined ? "menuitem" : "menuitemcheckbox"}
              aria-checked={item.checked}
              aria-label={item.label}
              title={item.label}
              tabIndex={-1}
              onClick={() => {
                close();
                item.onSelect?.();
              }}
            >
              {item.icon}
            </button>
          ))}
        </div>
      )}
      {groupsOf(items).map(([group, members]) => {
        const entries = members.map((item) => <Entry key={item.label} item={item} onClose={close} />);
        if (!group) return entries;
        return (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset can't be part of a menu
          <div key={group} role="group" aria-label={group} class="group">
            <p aria-hidden="true">{group}</p>
            {entries}
          </div>
        );
      })}
    </div>
  );
}

/** Move the focus by the arrow keys, in the row above and in the list below it. */
function move(event: KeyboardEvent, row: readonly HTMLElement[], list: readonly HTMLElement[]): void {
  const at = row.indexOf(document.activeElement as HTMLElement);
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const goal =
    at >= 0
      ? step
        ? row[Math.max(0, Math.min(at + step, row.length - 1))]
        : { ArrowDown: list[0], ArrowUp: list.at(-1) }[event.key]
      : event.key === "ArrowUp" && list[0] === document.activeElement
        ? row[0]
        : undefined;
  if (!goal) moveFocus(event, at >= 0 ? row : list);
  else {
    event.preventDefault();
    goal.focus();
  }
}

/** Neighbours with the same group together. */
function groupsOf(items: readonly MenuItem[]): [string | undefined, MenuItem[]][] {
  const groups: [string | undefined, MenuItem[]][] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last && last[0] === item.group) last[1].push(item);
    else groups.push([item.group, [item]]);
  }
  return groups;
}

function Entry({ item, onClose }: { item: MenuItem; onClose: () => void }) {
  const content = (
    <>
      {item.icon}
      <span>{item.label}</span>
    </>
  );
  const kind = `item ${item.danger ? "danger" : ""} ${item.separate ? "separate" : ""}`;
  if (item.href) {
    return (
      <a class={kind} role="menuitem" tabIndex={-1} href={item.href} target="_blank" rel="noopener" onClick={onClose}>
        {content}
      </a>
    );
  }
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: aria-checked is set for radio items alone
    <button
      type="button"
      class={kind}
      role={item.checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={item.checked}
      tabIndex={-1}
      onClick={() => {
        onClose();
        item.onSelect?.();
      }}
    >
      {content}
    </button>
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
