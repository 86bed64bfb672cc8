import { type ComponentChildren, createPortal } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onSessionEnd } from "../client";
import { t } from "../texts";
import { icons } from "./icons";
import { useWindowEvent } from "./window-event";

interface DialogProps {
  title: string;
  onClose: () => void;
  /** Whether closing would lose input: then the dialog asks first. */
  isDirty?: () => boolean;
  children: ComponentChildren;
  class?: string;
}

/** A modal dialog: it has the focus until it closes, by Escape or a click beside it too. */
export function Dialog({ title, onClose, isDirty, children, class: kind = "" }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    // Closing returns the focus to the element that had it.
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const dismiss = async () => {
    const question = { title: t.forms.discardTitle, text: t.forms.discardText, action: t.forms.discard };
    if (!isDirty?.() || (await confirmed(question))) onClose();
  };
  // Its subject is no longer on the page.
  useWindowEvent("hashchange", () => isDirty?.() || onClose());
  return createPortal(
    <dialog
      ref={element}
      class={kind}
      aria-labelledby={id}
      onCancel={(event) => {
        // A file input in the dialog has a cancel event too.
        if (event.target !== element.current) return;
        event.preventDefault();
        void dismiss();
      }}
      // Browsers may close it without asking when Escape is pressed again.
      onClose={() => element.current && onClose()}
      onMouseDown={(event) => event.target === element.current && void dismiss()}
    >
      <div class="sheet">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label={t.forms.close} onClick={() => void dismiss()}>
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

let asked: Asked | null = null;
let listener = (_asked: Asked | null) => {};

function ask(next: Asked | null): void {
  asked?.answer(false);
  asked = next;
  listener(asked);
}

/** Ask for confirmation of an action that can't be undone. */
export const confirmed = (question: Question) => new Promise<boolean>((answer) => ask({ ...question, answer }));

onSessionEnd(() => ask(null));

/** Where `confirmed` asks. */
export function Questions() {
  const [shown, setShown] = useState(asked);
  listener = setShown;
  if (!shown) return null;
  const answer = (yes: boolean) => {
    shown.answer(yes);
    ask(null);
  };
  return (
    <Dialog key={shown.title} title={shown.title} class="question" onClose={() => answer(false)}>
      <p>{shown.text}</p>
      <footer>
        <button type="button" class="button" onClick={() => answer(false)}>
          {t.forms.cancel}
        </button>
        <button type="button" class="button danger" autofocus onClick={() => answer(true)}>
          {shown.action}
        </button>
      </footer>
    </Dialog>
  );
}
