import { useEffect, useState } from "preact/hooks";
import { onSessionEnd } from "../client";
import { errorText } from "../error-text";
import { t } from "../texts";
import { icons } from "./icons";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "error" | "done";
  /** Takes back what was done. */
  readonly undo?: () => void;
}

const SECONDS = { error: 8, done: 4 };
let toasts: readonly Toast[] = [];
let listener = (_toasts: readonly Toast[]) => {};
let last = 0;

function change(next: readonly Toast[]): void {
  toasts = next;
  listener(toasts);
}

function show(toast: Omit<Toast, "id">, seconds: number = SECONDS[toast.kind]): number {
  const id = (last += 1);
  const others = toasts.filter((other) => other.undo || other.text !== toast.text);
  // What can be undone is kept until its time is over.
  const dropped = others.filter((other) => !other.undo).slice(0, -2);
  change([...others.filter((other) => !dropped.includes(other)), { ...toast, id }]);
  setTimeout(() => dismiss(id), seconds * 1000);
  return id;
}

/** Take a toast away before its time. */
export const dismiss = (id: number) => change(toasts.filter((toast) => toast.id !== id));

/** Show that an action succeeded, where that is not visible otherwise. */
export const showNotice = (text: string) => void show({ text, kind: "done" });

/** Show what was done, and a button that takes it back, for so many seconds. Returns the toast, for `dismiss`. */
export const showUndo = (text: string, undo: () => void, seconds?: number) =>
  show({ text, kind: "done", undo }, seconds);

/** Show an error. */
export const showError = (error: unknown) => void show({ text: errorText(error), kind: "error" });

/** Show that an action is not possible. */
export const showWarning = (text: string) => void show({ text, kind: "error" });

onSessionEnd(() => change([]));

export function Toasts() {
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    listener = setShown;
  }, []);
  return (
    <div class="toasts">
      {shown.map(({ id, text, kind, undo }) => (
        <div key={id} class={`toast ${kind}`} role={kind === "error" ? "alert" : "status"}>
          {kind === "error" ? icons.alert : icons.check}
          <p>{text}</p>
          {undo && (
            <button
              type="button"
              class="link"
              onClick={() => {
                dismiss(id);
                undo();
              }}
            >
              {t.common.undo}
            </button>
          )}
          <button type="button" class="icon-button" aria-label={t.common.dismiss} onClick={() => dismiss(id)}>
            {icons.close}
          </button>
        </div>
      ))}
    </div>
  );
}
