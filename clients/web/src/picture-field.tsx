import { t } from "./texts";
import { Field } from "./ui/field";

interface PictureFieldProps {
  picture: string | null | undefined;
  error: string | undefined;
  onChange?: (picture: string | null) => void;
}

/** The field for the URL of a user's or group's picture, named "avatar". */
export function PictureField({ picture, error, onChange }: PictureFieldProps) {
  return (
    <Field
      label={t.forms.picture}
      name="avatar"
      type="url"
      placeholder="https://…"
      hint={t.forms.pictureHint}
      defaultValue={picture ?? ""}
      error={error}
      onChange={(event) => onChange?.(event.currentTarget.value.trim() || null)}
    />
  );
}
