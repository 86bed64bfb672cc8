import type { ComponentChildren } from "preact";
import { Dialog } from "./dialog";
import { valuesOf } from "./field";

/** What stands in a form's fields, by their names. */
export type Values = Record<string, string>;

interface FormDialogProps {
  title: string;
  /** What the button says that has it done. */
  verb: string;
  disabled: boolean;
  onSubmit: (values: Values) => void;
  onClose: () => void;
  children: ComponentChildren;
}

/** A dialog that is a form. */
export function FormDialog({ title, verb, disabled, onSubmit, onClose, children }: FormDialogProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onSubmit(valuesOf(event.currentTarget as HTMLFormElement));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        {children}
        <footer>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={disabled}>
            {verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
