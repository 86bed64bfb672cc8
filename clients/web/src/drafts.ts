// Changes of a chat's draft: text, files, an edit.
import type { Item } from "@chatapp/client";
import { client } from "./client";
import { fileProblem } from "./files";
import { showWarning } from "./ui/toast";

/** Attach files that were chosen, pasted or dropped. Those that can't be sent are refused with the reason. */
export function addFiles(chatId: string, files: Iterable<File>): void {
  const accepted = [];
  for (const file of files) {
    const problem = fileProblem(file);
    if (problem) showWarning(problem);
    else accepted.push({ data: file, name: file.name });
  }
  if (accepted.length) client.setDraft(chatId, { files: [...client.draft(chatId).files, ...accepted] });
}

/** Begin to edit a message, by its id, or by its key while it is still pending. */
export function startEdit(chatId: string, messageId: string): void {
  const item = findItem(chatId, messageId);
  if (item) client.setDraft(chatId, { editing: { messageId, content: contentOf(item) } });
}

export function findItem(chatId: string, messageId: string): Item | undefined {
  const isIt = (item: Item) => item.key === messageId || (item.state === "sent" && item.message.id === messageId);
  return client.messages(chatId).find(isIt);
}

export const contentOf = (item: Item): string =>
  (item.state === "sent" ? item.message.content : item.queued.content) ?? "";

/** Whether something has not reached the server, which a logout gives up. */
export function hasUnsent(): boolean {
  return client.chats.some(({ id }) => {
    const { content, files, editing } = client.draft(id);
    const isSaved = client.savedDraft(id)?.content === content;
    const isWaiting = (item: Item) => item.state !== "sent" || item.edit !== null || item.isDeleting;
    return (
      (content.trim() !== "" && !isSaved) || files.length > 0 || editing !== null || client.messages(id).some(isWaiting)
    );
  });
}
