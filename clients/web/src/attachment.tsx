import type { FileToSend, Message } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client } from "./client";
import { fileSize } from "./format";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";
import { complain } from "./ui/toast";

/** The largest and smallest that a picture is shown among messages, in pixels. */
const LARGEST = 340;
const SMALLEST = 120;
/** What of the bubble is seen around it. */
const EDGE = 4;

/** A stored file: a picture to look at, or something to download. */
export function Attachment({ message }: { message: Message }) {
  return message.type === "IMAGE" ? <Picture message={message} /> : <FileCard message={message} />;
}

function Picture({ message }: { message: Message }) {
  const [isOpen, setOpen] = useState(false);
  const [isRenewed, setRenewed] = useState(false);
  const whole = client.fileUrl(message.fileUrl!);
  const name = message.fileName ?? "Picture";
  const renew = () => {
    if (isRenewed) return;
    setRenewed(true);
    client.renewLinks(message.id).catch(complain);
  };
  return (
    <>
      <button
        type="button"
        class="picture"
        style={{ aspectRatio: message.width && message.height ? `${message.width} / ${message.height}` : "4 / 3" }}
        aria-label={`Open ${name}`}
        onClick={() => setOpen(true)}
      >
        <img src={client.fileUrl(message.thumbnailUrl ?? message.fileUrl!)} alt="" loading="lazy" onError={renew} />
      </button>
      {isOpen && (
        <Dialog title={name} class="viewer" onClose={() => setOpen(false)}>
          <img src={whole} alt={name} />
          <footer>
            <span class="quiet">{fileSize(message.fileSize ?? 0)}</span>
            <a class="button" href={whole} download={name}>
              {icons.download} Download
            </a>
          </footer>
        </Dialog>
      )}
    </>
  );
}

/** How wide the bubble around a message's picture is, known before it is there; undefined where there is none. */
export function bubbleWidth({ type, isDeleted, width, height }: Message): string | undefined {
  if (type !== "IMAGE" || isDeleted) return undefined;
  const scale = width && height ? Math.min(1, LARGEST / width, LARGEST / height) : 1;
  return `${Math.max(SMALLEST, (width ?? LARGEST) * scale) + 2 * EDGE}px`;
}

function FileCard({ message }: { message: Message }) {
  const name = message.fileName ?? "File";
  return (
    <a class="file-card" href={client.fileUrl(message.fileUrl!)} download={name}>
      <span class="kind">{extension(name)}</span>
      <span class="name">{name}</span>
      <span class="size">
        {fileSize(message.fileSize ?? 0)}
        <span class="hidden">, download</span>
      </span>
      {icons.download}
    </a>
  );
}

/** A file on its way; `progress` is how much of it, 0–1, or null while it waits. */
export function QueuedAttachment({ file, progress }: { file: FileToSend; progress: number | null }) {
  const preview = usePreview(file.data);
  const percent = Math.round((progress ?? 0) * 100);
  const bar = progress !== null && <progress max={100} value={percent} aria-label={`Sending ${file.name}`} />;
  if (preview) {
    return (
      <div class="picture queued">
        <img src={preview} alt={file.name} />
        {bar}
      </div>
    );
  }
  return (
    <div class="file-card queued">
      <span class="kind">{extension(file.name)}</span>
      <span class="name">{file.name}</span>
      <span class="size">
        {progress === null ? fileSize(file.data.size) : `${percent} % of ${fileSize(file.data.size)}`}
      </span>
      {bar}
    </div>
  );
}

/** A URL to show a picture by that is not stored yet; null for what is no picture. */
export function usePreview(data: Blob): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!/^image\/(png|jpeg|gif|webp)$/.test(data.type)) return undefined;
    const made = URL.createObjectURL(data);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return url;
}

export const extension = (name: string) => (/\.(\w{1,4})$/.exec(name)?.[1] ?? "file").toUpperCase();
