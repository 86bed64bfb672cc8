import type { FileToSend, Message } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client } from "./client";
import { fileSize } from "./format";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { showError } from "./ui/toast";

/** The largest and smallest that a picture is shown among messages, in pixels. */
const MAX_SIZE = 340;
const MIN_SIZE = 120;
/** The visible edge of the bubble around a picture. */
const EDGE = 4;

/** A stored file: a picture to look at, or something to download. */
export function Attachment({ message, onOpen }: { message: Message; onOpen: () => void }) {
  return message.type === "IMAGE" ? <Picture message={message} onOpen={onOpen} /> : <FileCard message={message} />;
}

export const pictureName = (message: Message) => message.fileName ?? t.viewer.picture;

/** Returns a handler for files that fail to load: it renews the message's links once, since they may have expired. */
export function useRenewal(messageId: string): () => void {
  const [renewed, setRenewed] = useState<string | null>(null);
  return () => {
    if (renewed === messageId) return;
    setRenewed(messageId);
    client.renewLinks(messageId).catch(showError);
  };
}

function Picture({ message, onOpen }: { message: Message; onOpen: () => void }) {
  const renew = useRenewal(message.id);
  return (
    <button
      type="button"
      class="picture"
      tabIndex={-1}
      style={{ aspectRatio: message.width && message.height ? `${message.width} / ${message.height}` : "4 / 3" }}
      aria-label={t.viewer.open(pictureName(message))}
      onClick={onOpen}
    >
      <img src={client.fileUrl(message.thumbnailUrl ?? message.fileUrl!)} alt="" loading="lazy" onError={renew} />
    </button>
  );
}

/** How wide the bubble around a message's picture is, known before it is there; undefined where there is none. */
export function bubbleWidth({ type, isDeleted, width, height }: Message): string | undefined {
  if (type !== "IMAGE" || isDeleted) return undefined;
  const scale = width && height ? Math.min(1, MAX_SIZE / width, MAX_SIZE / height) : 1;
  return `${Math.max(MIN_SIZE, (width ?? MAX_SIZE) * scale) + 2 * EDGE}px`;
}

export function FileCard({ message }: { message: Message }) {
  const name = message.fileName ?? t.preview.file;
  return (
    <a class="file-card" dir="ltr" tabIndex={-1} href={client.fileUrl(message.fileUrl!)} download={name}>
      <span class="kind">{extension(name)}</span>
      <span class="name" dir="auto">
        {name}
      </span>
      <span class="size">
        {fileSize(message.fileSize ?? 0)}
        <span class="hidden">, {t.viewer.download}</span>
      </span>
      {icons.download}
    </a>
  );
}

/** A file on its way; `progress` is how much of it, 0–1, or null while it waits. */
export function QueuedAttachment({ file, progress }: { file: FileToSend; progress: number | null }) {
  const preview = usePreview(file.data);
  const percent = Math.round((progress ?? 0) * 100);
  const bar = progress !== null && (
    <progress max={100} value={percent} aria-label={t.messages.sendingFile(file.name)} />
  );
  if (preview) {
    return (
      <div class="picture queued" dir="ltr">
        <img src={preview} alt={file.name} />
        {bar}
      </div>
    );
  }
  const size = fileSize(file.data.size);
  return (
    <div class="file-card queued" dir="ltr">
      <span class="kind">{extension(file.name)}</span>
      <span class="name" dir="auto">
        {file.name}
      </span>
      <span class="size">{progress === null ? size : t.messages.progress(percent, size)}</span>
      {bar}
    </div>
  );
}

/** Whether browsers show it. */
export const isPicture = ({ type }: Blob) => /^image\/(png|jpeg|gif|webp)$/.test(type);

/** An object URL for a picture that is not stored yet; null for other files. */
export function usePreview(data: Blob): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!isPicture(data)) return undefined;
    const made = URL.createObjectURL(data);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return url;
}

export const extension = (name: string) => (/\.(\w{1,4})$/.exec(name)?.[1] ?? "file").toUpperCase();
