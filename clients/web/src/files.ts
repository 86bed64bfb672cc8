// Which files can be sent: the limits of the server, checked before an upload begins.
import { t } from "./texts";

export const MAX_FILE_BYTES = 10 * 1024 * 1024;
const EXTENSIONS = ["jpg", "jpeg", "png", "gif", "webp", "pdf", "doc", "docx", "zip"];

/** For the `accept` attribute of an input. */
export const ACCEPTED_FILES = EXTENSIONS.map((extension) => `.${extension}`).join(",");

/** The pictures that can be an avatar, by media type: the server asks for a name that says the same. */
const PICTURES: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
};

export const ACCEPTED_PICTURES = Object.keys(PICTURES).join(",");

/** The name under which a picture is sent: that of the file stays on the device. */
export const pictureFileName = ({ type }: File) => `picture.${PICTURES[type]}`;

/** Why a file can't be an avatar, or null. */
export function pictureProblem({ name, type, size }: File): string | null {
  if (!PICTURES[type]) return t.picture.wrongType;
  return size > MAX_FILE_BYTES ? t.files.tooLarge(name) : null;
}

/** Why a file can't be sent, or null. */
export function fileProblem({ name, size }: { name: string; size: number }): string | null {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (!EXTENSIONS.includes(extension)) return t.files.wrongType(name);
  if (size > MAX_FILE_BYTES) return t.files.tooLarge(name);
  return size === 0 ? t.files.empty(name) : null;
}
