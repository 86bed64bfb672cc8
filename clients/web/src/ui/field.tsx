import type { PartialInputHTMLAttributes } from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../texts";

interface Labels {
  label: string;
  name: string;
  hint?: string;
  /** The error of its value. */
  error?: string | undefined;
}
type Input = Omit<PartialInputHTMLAttributes<HTMLInputElement>, "type" | "role">;
type FieldProps = Labels & Input & { type?: "text" | "email" | "password" | "url" };

/** An input with its label, and a hint or error below it. */
export function Field({ label, hint, error, type = "text", ...input }: FieldProps) {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const about = error ?? hint;
  return (
    <div class={`field ${error ? "wrong" : ""}`}>
      <label for={id}>{label}</label>
      <div class="input">
        <input
          // Addresses and passwords have one direction in every language.
          dir={type === "text" ? "auto" : "ltr"}
          {...input}
          id={id}
          type={(isShown ? "text" : type) as "text"}
          aria-invalid={error ? true : undefined}
          aria-describedby={about ? `${id}-about` : undefined}
        />
        {type === "password" && (
          <button
            type="button"
            class="reveal"
            aria-label={isShown ? t.forms.hidePassword : t.forms.showPassword}
            onClick={() => setShown(!isShown)}
          >
            {isShown ? t.forms.hide : t.forms.show}
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
