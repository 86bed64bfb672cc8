import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

interface PopupButtonProps {
  /** The name of the button. */
  label: string;
  popup: "menu" | "dialog";
  title?: string;
  class?: string;
  children: ComponentChildren;
  /** What the button opens, beside itself. */
  open: (anchor: HTMLElement | null, close: () => void) => ComponentChildren;
}

/** A button that opens a popover, and closes it again. */
export function PopupButton({ label, popup, title, class: kind = "icon-button", children, open }: PopupButtonProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  // The browser closes the popover as the pointer comes down on its button: that click does not open it again.
  const wasOpen = useRef(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        class={kind}
        aria-label={label}
        title={title}
        aria-haspopup={popup}
        aria-expanded={isOpen}
        onPointerDown={() => (wasOpen.current = isOpen)}
        onClick={() => {
          setOpen(!wasOpen.current);
          wasOpen.current = false;
        }}
      >
        {children}
      </button>
      {isOpen && open(button.current, () => setOpen(false))}
    </>
  );
}
