import { useRef, useState } from "preact/hooks";
import { EmojiPicker } from "./emoji-picker";
import { t } from "./texts";
import { icons } from "./ui/icons";

/** A button that opens the emoji picker. */
export function EmojiButton({ onPick }: { onPick: (emoji: string) => void }) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  // The browser closes the picker as the pointer comes down on its button: that click does not open it again.
  const wasOpen = useRef(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label={t.emoji.title}
        title={t.emoji.title}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onPointerDown={() => (wasOpen.current = isOpen)}
        onClick={() => {
          setOpen(!wasOpen.current);
          wasOpen.current = false;
        }}
      >
        {icons.smile}
      </button>
      {isOpen && <EmojiPicker anchor={button.current} onPick={onPick} onClose={() => setOpen(false)} />}
    </>
  );
}
