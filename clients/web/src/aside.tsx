import type { Item } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { isClosed } from "./blocking";
import { has } from "./features";
import type { Open } from "./overlay";
import { startReply } from "./reply";
import { IconButton } from "./row-parts";
import { t } from "./texts";
import { icons } from "./ui/icons";

interface AsideProps {
  item: Item;
  open: Open;
  /** Whether the row is hovered or has the focus. */
  isActive: boolean;
  /** Without the actions that need its text: those of the menu remain. */
  isCollapsed?: boolean;
  /** The time, where it is not in the bubble. */
  children?: ComponentChildren;
}

/** Beside the bubble, while the row is hovered or has the focus: the most frequent actions, and the menu of all. */
export function Aside({ item, isActive, isCollapsed = false, open, children }: AsideProps) {
  const onClick = (event: MouseEvent) => {
    const anchor = event.currentTarget as HTMLElement;
    open({ kind: "menu", key: item.key, anchor: isActive ? anchor : (anchor.parentElement ?? anchor) });
  };
  const { actions } = t.messages;
  if (!isActive) {
    return (
      <button type="button" class="hidden" tabIndex={-1} aria-haspopup="menu" onClick={onClick}>
        {actions}
      </button>
    );
  }
  const isThere = item.state === "sent" && !item.isDeleting && !item.message.isDeleted && !isCollapsed;
  const message = isThere && !isClosed(item.message.chatId) ? item.message : null;
  return (
    <div class="aside" dir="ltr">
      {children}
      {message && has("reactions") && (
        <IconButton
          label={t.reactions.react}
          icon={icons.react}
          popup="menu"
          onClick={(event) => open({ kind: "react", key: item.key, anchor: event.currentTarget as HTMLElement })}
        />
      )}
      {message && has("replies") && (
        <IconButton label={t.messages.reply} icon={icons.reply} onClick={() => startReply(message)} />
      )}
      <IconButton label={actions} icon={icons.more} popup="menu" onClick={onClick} />
    </div>
  );
}
