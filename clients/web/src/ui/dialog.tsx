import { type ComponentChildren, createPortal } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { icons } from "./icons";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
}

/** A window over the page: it has the focus until it closes, by Escape or a click beside it too. */
export function Dialog({ title, onClose, children, class: kind = "" }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    // Closing gives the focus back to what had it.
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    onClose();
  };
  return createPortal(
    <dialog
      ref={element}
      class={kind}
      aria-labelledby={id}
      onCancel={cancel}
      onMouseDown={(event) => event.target === element.current && onClose()}
    >
      <div class="sheet">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            {icons.close}
          </button>
        </header>
        {children}
      </div>
    </dialog>,
    document.body,
  );
}

interface Question {
  readonly title: string;
  readonly text: string;
  readonly action: string;
}
interface Asked extends Question {
  readonly answer: (yes: boolean) => void;
}

let ask = (_asked: Asked | null) => {};

/** Ask whether something that can't be undone shall be done. */
export const confirmed = (question: Question) => new Promise<boolean>((answer) => ask({ ...question, answer }));

/** Where `confirmed` asks. */
export function Questions() {
  const [asked, setAsked] = useState<Asked | null>(null);
  ask = setAsked;
  if (!asked) return null;
  const answer = (yes: boolean) => {
    setAsked(null);
    asked.answer(yes);
  };
  return (
    <Dialog title={asked.title} class="question" onClose={() => answer(false)}>
      <p>{asked.text}</p>
      <footer>
        <button type="button" class="button" onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class="button danger" autofocus onClick={() => answer(true)}>
          {asked.action}
        </button>
      </footer>
    </Dialog>
  );
}
