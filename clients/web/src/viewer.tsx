import type { Item, Message } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { pictureName, useRenewal } from "./attachment";
import { client } from "./client";
import { fileSize } from "./format";
import { messagePath } from "./route";
import { t } from "./texts";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";
import { useWindowEvent } from "./ui/window-event";

const MAX_SCALE = 8;
const STEP = 1.5;
const DOUBLE_CLICK_SCALE = 2.5;
/** A finger that moves this far sideways goes to the next picture. */
const SWIPE = 60;

interface Zoom {
  readonly scale: number;
  /** How far the picture is moved from the middle, in pixels. */
  readonly x: number;
  readonly y: number;
}

const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };

/** The messages with a picture. */
export const picturesOf = (items: readonly Item[]) =>
  items.flatMap((item) =>
    item.state === "sent" && item.message.type === "IMAGE" && item.message.fileUrl ? [item.message] : [],
  );

interface ViewerProps {
  /** The messages with a picture that can be shown, the oldest first. */
  pictures: readonly Message[];
  messageId: string;
  /** Another one shall be shown. */
  onShow: (messageId: string) => void;
  onClose: () => void;
  /** Whether it leads to the message of the picture. */
  inChat?: boolean;
}

/** One picture at full size, and the way to the others. */
export function Viewer({ pictures, messageId, onShow, onClose, inChat = false }: ViewerProps) {
  const at = pictures.findIndex(({ id }) => id === messageId);
  const message = pictures[at];
  useEffect(() => {
    // Deleted meanwhile.
    if (!message) onClose();
  }, [message === undefined]);
  if (!message) return null;
  const go = (step: number) => {
    const next = pictures[at + step];
    if (next) onShow(next.id);
  };
  const whole = client.fileUrl(message.fileUrl!);
  const name = pictureName(message);
  return (
    <Dialog title={name} class="viewer" onClose={onClose}>
      <Stage key={message.id} message={message} onStep={go} />
      <footer>
        <span class="quiet">
          {pictures.length > 1 && <span role="status">{t.viewer.position(at + 1, pictures.length)} · </span>}
          {fileSize(message.fileSize ?? 0)}
        </span>
        {pictures.length > 1 && (
          <span class="steps">
            <Step label={t.viewer.previous} isThere={at > 0} onClick={() => go(-1)} />
            <Step label={t.viewer.next} isThere={at < pictures.length - 1} onClick={() => go(1)} />
          </span>
        )}
        {inChat && (
          <a class="button" href={messagePath(message.chatId, message.seq)}>
            {t.chatFiles.showInChat}
          </a>
        )}
        <a class="button" href={whole} download={name}>
          {icons.download} {t.viewer.download}
        </a>
      </footer>
    </Dialog>
  );
}

// Not `disabled`, which would take the focus out of the dialog.
const Step = ({ label, isThere, onClick }: { label: string; isThere: boolean; onClick: () => void }) => (
  <button type="button" class="icon-button" aria-label={label} title={label} aria-disabled={!isThere} onClick={onClick}>
    {icons.back}
  </button>
);

function Stage({ message, onStep }: { message: Message; onStep: (step: number) => void }) {
  const [zoom, setZoom] = useState(WHOLE);
  const [isLoaded, setLoaded] = useState(false);
  const stage = useRef<HTMLDivElement>(null);
  const renew = useRenewal(message.id);
  const { zoomBy, events } = useZoom(stage, zoom, setZoom, onStep);

  // Captured: the dialog has keys of its own.
  useWindowEvent(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const acts: Record<string, () => void> = {
        ArrowLeft: () => onStep(-1),
        ArrowRight: () => onStep(1),
        "+": () => zoomBy(STEP),
        "=": () => zoomBy(STEP),
        "-": () => zoomBy(1 / STEP),
        "0": () => setZoom(WHOLE),
      };
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
    { capture: true },
  );

  const { width, height, thumbnailUrl } = message;
  const { scale, x, y } = zoom;
  return (
    <div ref={stage} class={`stage ${scale > 1 ? "zoomed" : ""}`} {...events}>
      <div
        class="frame"
        style={{
          "--width": width ?? 1200,
          "--height": height ?? 900,
          transform: scale > 1 ? `translate(${x}px, ${y}px) scale(${scale})` : undefined,
        }}
      >
        {thumbnailUrl && !isLoaded && <img class="thumbnail" src={client.fileUrl(thumbnailUrl)} alt="" />}
        <img
          src={client.fileUrl(message.fileUrl!)}
          alt={pictureName(message)}
          draggable={false}
          onLoad={() => setLoaded(true)}
          onError={renew}
        />
      </div>
      <div class="zoom">
        <button
          type="button"
          class="icon-button"
          aria-label={t.viewer.zoomOut}
          title={t.viewer.zoomOut}
          onClick={() => zoomBy(1 / STEP)}
        >
          {icons.remove}
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label={t.viewer.zoomIn}
          title={t.viewer.zoomIn}
          onClick={() => zoomBy(STEP)}
        >
          {icons.add}
        </button>
      </div>
    </div>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Wheel, pinch and double click zoom; dragging moves a zoomed picture, and swipes to the next one otherwise. */
function useZoom(
  stage: { readonly current: HTMLElement | null },
  zoom: Zoom,
  setZoom: (change: (zoom: Zoom) => Zoom) => void,
  onStep: (step: number) => void,
) {
  const pointers = useRef(new Map<number, Point>()).current;
  const swipe = useRef(0);

  /** From the middle of the stage. */
  const pointOf = ({ clientX, clientY }: { clientX: number; clientY: number }): Point => {
    const { left, top, width, height } = stage.current!.getBoundingClientRect();
    return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
  };
  /** Keeps what is at `point` there; the picture never leaves the stage. */
  const zoomBy = (factor: number, point: Point = { x: 0, y: 0 }, moved: Point = { x: 0, y: 0 }) =>
    setZoom((known) => {
      const scale = Math.min(MAX_SCALE, Math.max(1, known.scale * factor));
      if (scale === 1) return WHOLE;
      const by = scale / known.scale;
      const { clientWidth, clientHeight } = stage.current!;
      const keep = (value: number, size: number) => {
        const max = ((scale - 1) * size) / 2;
        return Math.min(max, Math.max(-max, value));
      };
      return {
        scale,
        x: keep(point.x - (point.x - known.x) * by + moved.x, clientWidth),
        y: keep(point.y - (point.y - known.y) * by + moved.y, clientHeight),
      };
    });
  const spread = () => {
    const [one, other] = [...pointers.values()];
    return one && other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
  };
  const middle = (): Point => {
    const all = [...pointers.values()];
    return { x: sum(all.map(({ x }) => x)) / all.length, y: sum(all.map(({ y }) => y)) / all.length };
  };

  const lift = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size === 0 && Math.abs(swipe.current) > SWIPE) onStep(swipe.current > 0 ? -1 : 1);
    if (pointers.size === 0) swipe.current = 0;
  };
  const events = {
    onWheel: (event: WheelEvent) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 400), pointOf(event));
    },
    onDblClick: (event: MouseEvent) => {
      if ((event.target as Element).closest("button")) return;
      if (zoom.scale > 1) setZoom(() => WHOLE);
      else zoomBy(DOUBLE_CLICK_SCALE, pointOf(event));
    },
    onPointerDown: (event: PointerEvent) => {
      if ((event.target as Element).closest("button")) return;
      stage.current!.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, pointOf(event));
      swipe.current = 0;
    },
    onPointerMove: (event: PointerEvent) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const [oldSpread, oldMiddle] = [spread(), middle()];
      pointers.set(event.pointerId, pointOf(event));
      const now = middle();
      const moved = { x: now.x - oldMiddle.x, y: now.y - oldMiddle.y };
      if (pointers.size === 2 && oldSpread) zoomBy(spread() / oldSpread, now, moved);
      else if (zoom.scale > 1) zoomBy(1, now, moved);
      else swipe.current += moved.x;
    },
    onPointerUp: lift,
    onPointerCancel: lift,
  };
  return { zoomBy, events };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
