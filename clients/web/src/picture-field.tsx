import type { Crop } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { ACCEPTED_PICTURES, pictureProblem } from "./files";
import { lazy } from "./lazy";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { icons } from "./ui/icons";
import { showWarning } from "./ui/toast";

const CropDialog = lazy((parts) => parts.CropDialog);

/** A file, the part of it to show, and its whole size in pixels. */
export interface Picture {
  readonly file: File;
  readonly url: string;
  readonly crop: Crop;
  readonly width: number;
}

/** What becomes of a picture when the form is saved: null removes it, undefined leaves it. */
export type PictureChange = Picture | null | undefined;

interface PictureFieldProps {
  id: string;
  name: string;
  picture: string | null;
  kind?: "person" | "group";
  change: PictureChange;
  onChange: (change: PictureChange) => void;
}

/** The picture of a user or group in a form: chosen from the files of the device and cropped, or removed. */
export function PictureField({ id, name, picture, kind = "person", change, onChange }: PictureFieldProps) {
  const [chosen, setChosen] = useState<File | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => () => void (change && URL.revokeObjectURL(change.url)), [change]);
  const choose = (file: File | undefined) => {
    const problem = file && pictureProblem(file);
    if (problem) showWarning(problem);
    else if (file) setChosen(file);
  };
  const hasPicture = change === undefined ? picture !== null : change !== null;
  return (
    <div class="picture-field">
      {/* A field of the form: a dialog that has it knows whether the picture was changed. */}
      <input type="hidden" name="picture" value={change ? change.url : String(change)} />
      {change ? (
        <span class={`avatar large ${kind}`}>
          <CroppedPicture picture={change} />
        </span>
      ) : (
        <Avatar id={id} name={name} picture={change === null ? null : picture} kind={kind} size="large" />
      )}
      <div>
        <button ref={button} type="button" class="button" onClick={() => input.current?.click()}>
          {icons.image} {hasPicture ? t.picture.change : t.picture.choose}
        </button>
        {hasPicture && (
          <button
            type="button"
            class="button"
            onClick={() => {
              onChange(picture === null ? undefined : null);
              button.current?.focus();
            }}
          >
            {icons.trash} {t.picture.remove}
          </button>
        )}
      </div>
      <input
        ref={input}
        class="hidden"
        type="file"
        accept={ACCEPTED_PICTURES}
        tabIndex={-1}
        aria-label={t.picture.file}
        onChange={(event) => {
          choose(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
      {chosen && (
        <CropDialog
          file={chosen}
          kind={kind}
          onCropped={(cropped) => {
            setChosen(null);
            onChange(cropped);
          }}
          onClose={() => setChosen(null)}
        />
      )}
    </div>
  );
}

/** The part of a picture that its crop shows, in a square. */
export function CroppedPicture({
  picture: { url, crop, width },
}: {
  picture: Pick<Picture, "url" | "crop" | "width">;
}) {
  const percent = (pixels: number) => `${(100 * pixels) / crop.size}%`;
  return (
    <span class="cropped">
      <img
        src={url}
        alt=""
        draggable={false}
        style={{ width: percent(width), left: percent(-crop.x), top: percent(-crop.y) }}
      />
    </span>
  );
}
