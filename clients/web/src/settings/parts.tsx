// The controls of settings, and what they change.
import type { PatchSettings } from "@chatapp/client";
import { useId } from "preact/hooks";
import { client, useLive } from "../client";
import { t } from "../texts";
import { showError } from "../ui/toast";

/** The user's settings, undefined until they are known, and what changes them: a change shows and is saved at once. */
export function useSettings() {
  const settings = useLive(() => client.settings);
  const change = (changes: PatchSettings) => void client.updateSettings(changes).catch(showError);
  return { settings, change };
}

export const Loading = () => (
  <p role="status" class="quiet">
    {t.common.loading}
  </p>
);

interface SwitchProps {
  label: string;
  hint?: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

export function Switch({ label, hint, isOn, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div class="setting">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="checkbox"
        // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox says itself whether it is checked
        role="switch"
        checked={isOn}
        aria-describedby={hint && `${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {hint && (
        <p id={`${id}-hint`} class="quiet">
          {hint}
        </p>
      )}
    </div>
  );
}
