// Which files can be sent: the limits of the server, checked before an upload begins.
import { t } from "./texts";

export const MAX_FILE_BYTES = 10 * 1024 * 1024;
const EXTENSIONS = ["jpg", "jpeg", "png", "gif", "webp", "pdf", "doc", "docx", "zip"];

/** For the `accept` attribute of an input. */
export const ACCEPTED_FILES = EXTENSIONS.map((extension) => `.${extension}`).join(",");

/** Why a file can't be sent, or null. */
export function fileProblem({ name, size }: { name: string; size: number }): string | null {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (!EXTENSIONS.includes(extension)) return t.files.wrongType(name);
  if (size > MAX_FILE_BYTES) return t.files.tooLarge(name);
  return size === 0 ? t.files.empty(name) : null;
}
