import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { FieldErrors } from "../error-text";
import { t } from "../texts";
import { Dialog } from "./dialog";
import { type Checks, type Values, useForm } from "./form";

interface FormDialogProps {
  title: string;
  /** The text of the button that submits. */
  verb: string;
  checks?: Checks;
  disabled?: boolean;
  danger?: boolean;
  onSubmit: (values: Values) => Promise<unknown>;
  onClose: () => void;
  children: (errors: FieldErrors) => ComponentChildren;
}

const NO_CHECKS: Checks = {};

/** A dialog with a form. It asks before it discards input. */
export function FormDialog(props: FormDialogProps) {
  const { title, verb, checks = NO_CHECKS, disabled = false, danger = false, onSubmit, onClose, children } = props;
  const { props: form, busy, errors } = useForm(checks, onSubmit);
  const before = useRef("");
  const contents = () => JSON.stringify([...new FormData(form.ref.current!)]);
  // Before the first key: an effect runs a frame later.
  useLayoutEffect(() => {
    before.current = contents();
  }, []);
  return (
    <Dialog title={title} onClose={onClose} isDirty={() => form.ref.current !== null && contents() !== before.current}>
      <form {...form}>
        {children(errors)}
        <footer>
          <button type="button" class="button" onClick={onClose}>
            {t.forms.cancel}
          </button>
          <button type="submit" class={`button ${danger ? "danger" : "primary"}`} disabled={disabled || busy}>
            {verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
