import type { PartialInputHTMLAttributes } from "preact";
import { useId, useState } from "preact/hooks";

interface Labels {
  label: string;
  name: string;
  hint?: string;
  /** What is wrong with it. */
  errors?: readonly string[] | undefined;
}
type Input = Omit<PartialInputHTMLAttributes<HTMLInputElement>, "type" | "role">;
type FieldProps = Labels & Input & { type?: "text" | "email" | "password" | "url" };

/** An input with its label, and below it what belongs into it or what is wrong with it. */
export function Field({ label, hint, errors, type = "text", ...input }: FieldProps) {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const about = errors?.join(" ") ?? hint;
  return (
    <div class={`field ${errors ? "wrong" : ""}`}>
      <label for={id}>{label}</label>
      <div class="input">
        <input
          {...input}
          id={id}
          type={(isShown ? "text" : type) as "text"}
          aria-invalid={errors ? true : undefined}
          aria-describedby={about ? `${id}-about` : undefined}
        />
        {type === "password" && (
          <button type="button" class="reveal" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? "Hide" : "Show"}
            <span class="hidden"> password</span>
          </button>
        )}
      </div>
      {about && (
        <p id={`${id}-about`} class="about">
          {about}
        </p>
      )}
    </div>
  );
}

/** What a form's fields hold, by name, without white space at the ends of any but passwords. */
export function valuesOf(form: HTMLFormElement): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") values[name] = name === "password" ? value : value.trim();
  }
  return values;
}
