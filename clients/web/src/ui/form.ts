import { useEffect, useRef, useState } from "preact/hooks";
import { type FieldErrors, fieldErrors } from "../error-text";
import { useAction } from "./action";

/** The contents of a form's fields, by their names. */
export type Values = Readonly<Record<string, string>>;
/** By field: the error of a value, or null. */
export type Checks = Readonly<Record<string, (value: string) => string | null>>;

/**
 * A form that is checked before it is sent. Errors of the server about a field are shown at the field too; input
 * clears them. The first wrong field gets the focus.
 */
export function useForm(checks: Checks, submit: (values: Values) => Promise<unknown>) {
  const { run, busy } = useAction();
  const [errors, setErrors] = useState<FieldErrors>({});
  const form = useRef<HTMLFormElement>(null);
  const mayFocus = useRef(false);
  const show = (wrong: FieldErrors) => {
    mayFocus.current = true;
    setErrors(wrong);
  };
  useEffect(() => {
    if (mayFocus.current) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
    mayFocus.current = false;
  }, [errors]);
  const send = async (values: Values) => {
    try {
      await submit(values);
    } catch (error) {
      const wrong = fieldErrors(error, Object.keys(checks));
      if (!wrong) throw error;
      show(wrong);
    }
  };
  const props = {
    ref: form,
    noValidate: true,
    onInput: (event: Event) => {
      const { name } = event.target as HTMLInputElement;
      if (name in errors) setErrors(({ [name]: _cleared, ...others }) => others);
    },
    onSubmit: (event: SubmitEvent) => {
      event.preventDefault();
      if (busy) return;
      const values = valuesOf(form.current!);
      const wrong: Record<string, string> = {};
      for (const [name, check] of Object.entries(checks)) {
        const text = check(values[name] ?? "");
        if (text) wrong[name] = text;
      }
      show(wrong);
      if (!Object.keys(wrong).length) void run(() => send(values));
    },
  };
  return { props, busy, errors };
}

/** Trimmed, except passwords. */
function valuesOf(form: HTMLFormElement): Values {
  const values: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") values[name] = /password$/i.test(name) ? value : value.trim();
  }
  return values;
}
