import { has } from "./features";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { isCovered } from "./ui/keys";
import { useWindowEvent } from "./ui/window-event";

interface SelectionBarProps {
  count: number;
  onForward: () => void;
  /** Delete them for the user. */
  onDelete: () => void;
  onEnd: () => void;
}

/** Above the messages while some are being selected. Escape ends it. */
export function SelectionBar({ count, onForward, onDelete, onEnd }: SelectionBarProps) {
  useWindowEvent(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || isCovered()) return;
      event.preventDefault();
      event.stopPropagation();
      onEnd();
    },
    { capture: true },
  );
  return (
    <div class="selection bar" role="toolbar" aria-label={t.messages.select}>
      <button type="button" class="icon-button" aria-label={t.forms.cancel} title={t.forms.cancel} onClick={onEnd}>
        {icons.close}
      </button>
      <p role="status">{t.messages.selected(count)}</p>
      {has("personal_state") && (
        <button
          type="button"
          class="icon-button"
          aria-label={t.messages.deleteForMe}
          title={t.messages.deleteForMe}
          disabled={count === 0}
          onClick={onDelete}
        >
          {icons.trash}
        </button>
      )}
      {has("forwarding") && (
        <button type="button" class="button primary" disabled={count === 0} onClick={onForward}>
          {icons.forward} {t.forward.action}
        </button>
      )}
    </div>
  );
}
