import { useEffect, useState } from "preact/hooks";
import { onSessionEnd } from "../client";
import { errorText } from "../error-text";
import { t } from "../texts";
import { icons } from "./icons";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "error" | "done";
}

const SECONDS = { error: 8, done: 4 };
let toasts: readonly Toast[] = [];
let listener = (_toasts: readonly Toast[]) => {};
let last = 0;

function change(next: readonly Toast[]): void {
  toasts = next;
  listener(toasts);
}

function show(text: string, kind: Toast["kind"]): void {
  const toast = { id: (last += 1), text, kind };
  change([...toasts.filter((other) => other.text !== text), toast].slice(-3));
  setTimeout(() => dismiss(toast.id), SECONDS[kind] * 1000);
}

const dismiss = (id: number) => change(toasts.filter((toast) => toast.id !== id));

/** Show that an action succeeded, where that is not visible otherwise. */
export const showNotice = (text: string) => show(text, "done");

/** Show an error. */
export const showError = (error: unknown) => show(errorText(error), "error");

/** Show that an action is not possible. */
export const showWarning = (text: string) => show(text, "error");

onSessionEnd(() => change([]));

export function Toasts() {
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    listener = setShown;
  }, []);
  return (
    <div class="toasts">
      {shown.map(({ id, text, kind }) => (
        <div key={id} class={`toast ${kind}`} role={kind === "error" ? "alert" : "status"}>
          {kind === "error" ? icons.alert : icons.check}
          <p>{text}</p>
          <button type="button" class="icon-button" aria-label={t.common.dismiss} onClick={() => dismiss(id)}>
            {icons.close}
          </button>
        </div>
      ))}
    </div>
  );
}
