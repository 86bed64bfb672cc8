import { useId } from "preact/hooks";

interface SelectProps<Value extends string> {
  label: string;
  /** The values with their texts, in this order. */
  options: readonly (readonly [value: Value, text: string])[];
  hint?: string;
  name?: string;
  value?: Value;
  disabled?: boolean;
  onChange?: (value: Value) => void;
}

/** Options in the order in which their texts stand. */
export const optionsOf = <Value extends string>(texts: Readonly<Record<Value, string>>) =>
  Object.entries(texts) as [Value, string][];

/** A choice of one of several values, with its label. */
export function Select<Value extends string>({
  label,
  options,
  hint,
  name,
  value,
  disabled,
  onChange,
}: SelectProps<Value>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        name={name}
        value={value}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        onChange={(event) => onChange?.(event.currentTarget.value as Value)}
      >
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
      {hint && (
        <p id={`${id}-hint`} class="about">
          {hint}
        </p>
      )}
    </div>
  );
}
