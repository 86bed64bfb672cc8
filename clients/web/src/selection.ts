import type { Item } from "@chatapp/client";
import { useState } from "preact/hooks";
import { limitOf } from "./features";
import { t } from "./texts";
import { showWarning } from "./ui/toast";

/** Whether a message can be selected: what is done with several is to forward them, or to delete them for the user. */
export const isSelectable = (item: Item) =>
  item.state === "sent" && !item.message.isDeleted && !item.isDeleting && item.message.type !== "SYSTEM";

/** The messages that the reader selects, by id, the oldest first as a forward copies them; null while they do not. */
export function useSelection(items: readonly Item[]) {
  const [selected, setSelected] = useState<readonly string[] | null>(null);
  // Without those that were deleted meanwhile.
  const ids =
    selected &&
    items.flatMap((item) =>
      item.state === "sent" && selected.includes(item.message.id) && isSelectable(item) ? [item.message.id] : [],
    );
  const toggle = (id: string) => {
    const limit = limitOf("forwardMessages", 20);
    const others = (ids ?? []).filter((other) => other !== id);
    if (others.length < (ids?.length ?? 0)) setSelected(others);
    else if (others.length < limit) setSelected([...others, id]);
    else showWarning(t.messages.selectionFull(limit));
  };
  return { ids, toggle, end: () => setSelected(null) };
}
