import type { Crop } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CroppedPicture, type Picture } from "./picture-field";
import { t } from "./texts";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";
import { showWarning } from "./ui/toast";

/** The smallest part that can be chosen, in pixels, and how much smaller than the whole it may be. */
const MIN_SIZE = 64;
const MAX_ZOOM = 8;
/** A key moves by this share of the part, and zooms by this factor. */
const KEY_STEP = 0.04;
const KEY_ZOOM = 1.1;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface CropDialogProps {
  file: File;
  kind: "person" | "group";
  onCropped: (picture: Picture) => void;
  onClose: () => void;
}

/** Chooses the part of a picture that an avatar shows: by dragging and zooming it, with keys too. */
export function CropDialog({ file, kind, onCropped, onClose }: CropDialogProps) {
  const [url] = useState(() => URL.createObjectURL(file));
  const isUsed = useRef(false);
  const [whole, setWhole] = useState<{ width: number; height: number } | null>(null);
  const [crop, setCrop] = useState<Crop>({ x: 0, y: 0, size: 1 });
  useEffect(() => {
    const image = new Image();
    image.onload = () => {
      const { naturalWidth: width, naturalHeight: height } = image;
      const size = Math.min(width, height);
      setWhole({ width, height });
      setCrop({ x: (width - size) / 2, y: (height - size) / 2, size });
    };
    image.onerror = () => {
      showWarning(t.picture.unreadable);
      onClose();
    };
    image.src = url;
    return () => void (isUsed.current || URL.revokeObjectURL(url));
  }, []);
  const use = () => {
    if (!whole) return;
    isUsed.current = true;
    onCropped({ file, url, crop: inPixels(crop, whole), width: whole.width });
  };
  return (
    <Dialog title={t.picture.crop} class="crop" onClose={onClose}>
      {whole ? (
        <Stage url={url} kind={kind} whole={whole} crop={crop} onCrop={setCrop} />
      ) : (
        <div class="crop-stage" role="status" aria-label={t.common.loading} />
      )}
      <footer>
        <button type="button" class="button" onClick={onClose}>
          {t.forms.cancel}
        </button>
        <button type="button" class="button primary" disabled={!whole} onClick={use}>
          {t.picture.use}
        </button>
      </footer>
    </Dialog>
  );
}

interface StageProps {
  url: string;
  kind: "person" | "group";
  whole: { width: number; height: number };
  crop: Crop;
  onCrop: (change: (crop: Crop) => Crop) => void;
}

function Stage({ url, kind, whole, crop, onCrop }: StageProps) {
  const frame = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => frame.current?.focus({ preventScroll: true }), []);
  const largest = Math.min(whole.width, whole.height);
  const smallest = Math.min(largest, Math.max(MIN_SIZE, largest / MAX_ZOOM));
  /** Zooms at `point` and moves the picture, both in shares of the frame. */
  const change = (factor: number, moved: Point, point: Point = { x: 0.5, y: 0.5 }) =>
    onCrop((known) => {
      const size = Math.min(largest, Math.max(smallest, known.size / factor));
      const keep = (at: number, share: number, by: number, side: number) =>
        Math.min(side - size, Math.max(0, at + share * (known.size - size) - by * known.size));
      return {
        size,
        x: keep(known.x, point.x, moved.x, whole.width),
        y: keep(known.y, point.y, moved.y, whole.height),
      };
    });
  const zoomed = Math.log(largest / crop.size) / Math.log(largest / smallest || 1) || 0;
  const step = (x: number, y: number) => () => change(1, { x: x * KEY_STEP, y: y * KEY_STEP });
  const keys: Record<string, () => void> = {
    ArrowLeft: step(-1, 0),
    ArrowRight: step(1, 0),
    ArrowUp: step(0, -1),
    ArrowDown: step(0, 1),
    "+": () => change(KEY_ZOOM, NOWHERE),
    "=": () => change(KEY_ZOOM, NOWHERE),
    "-": () => change(1 / KEY_ZOOM, NOWHERE),
  };
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: it groups no fields of a form */}
      <div
        ref={frame}
        class={`crop-stage ${kind}`}
        role="group"
        aria-label={t.picture.move}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move and zoom the picture
        tabIndex={0}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          act();
        }}
        {...useFingers(frame, change)}
      >
        <CroppedPicture picture={{ url, crop, width: whole.width }} />
      </div>
      <label class="crop-zoom">
        {icons.image}
        <input
          type="range"
          aria-label={t.picture.zoom}
          min={0}
          max={1}
          step={0.01}
          value={zoomed}
          disabled={smallest === largest}
          onInput={(event) => {
            const size = largest * (smallest / largest) ** event.currentTarget.valueAsNumber;
            change(crop.size / size, NOWHERE);
          }}
        />
        {icons.image}
      </label>
      <p class="quiet">{t.picture.hint}</p>
    </>
  );
}

const NOWHERE: Point = { x: 0, y: 0 };

/** Dragging moves, the wheel and two fingers zoom. */
function useFingers(
  frame: { readonly current: HTMLElement | null },
  change: (factor: number, moved: Point, point?: Point) => void,
) {
  const pointers = useRef(new Map<number, Point>()).current;
  const shareOf = ({ clientX, clientY }: { clientX: number; clientY: number }): Point => {
    const { left, top, width, height } = frame.current!.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  };
  const grip = () => {
    const [one, other = one] = [...pointers.values()];
    if (!one || !other) return { middle: NOWHERE, spread: 0 };
    const middle = { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
    return { middle, spread: Math.hypot(one.x - other.x, one.y - other.y) };
  };
  const lift = (event: PointerEvent) => void pointers.delete(event.pointerId);
  return {
    onWheel: (event: WheelEvent) => {
      event.preventDefault();
      change(Math.exp(-event.deltaY / 400), NOWHERE, shareOf(event));
    },
    onPointerDown: (event: PointerEvent) => {
      frame.current!.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, shareOf(event));
    },
    onPointerMove: (event: PointerEvent) => {
      if (!pointers.has(event.pointerId)) return;
      const before = grip();
      pointers.set(event.pointerId, shareOf(event));
      const { middle, spread } = grip();
      const moved = { x: middle.x - before.middle.x, y: middle.y - before.middle.y };
      change(before.spread && spread ? spread / before.spread : 1, moved, middle);
    },
    onPointerUp: lift,
    onPointerCancel: lift,
  };
}

/** Whole pixels inside the picture. */
function inPixels({ x, y, size }: Crop, { width, height }: { width: number; height: number }): Crop {
  const side = Math.max(1, Math.min(Math.round(size), width, height));
  const at = (value: number, whole: number) => Math.min(whole - side, Math.max(0, Math.round(value)));
  return { x: at(x, width), y: at(y, height), size: side };
}
