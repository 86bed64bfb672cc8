import type { Changes } from "./changes.js";
import type { Draft } from "./model.js";
import type { QueueRecord } from "./storage.js";
import type { UnsentRecords } from "./unsent.js";

export const EMPTY_DRAFT: Draft = Object.freeze({ content: "", files: Object.freeze([]), editing: null });

/** What a user has written or chosen for each chat and not sent. */
export class Drafts {
  private readonly drafts = new Map<string, Draft>();
  /** What was set here: newer than what is stored. */
  private readonly touched = new Set<string>();

  constructor(
    private readonly records: UnsentRecords,
    private readonly changes: Changes,
  ) {}

  /** Take up drafts of an earlier page; what was written since is newer. */
  restore(records: readonly QueueRecord[]): void {
    for (const record of records) {
      if (record.kind !== "draft" && record.kind !== "files") continue;
      if (this.touched.has(record.id)) continue;
      const part =
        record.kind === "files" ? { files: record.files } : { content: record.content, editing: record.editing };
      this.put(record.id, { ...this.get(record.id), ...part });
    }
  }

  get(chatId: string): Draft {
    return this.drafts.get(chatId) ?? EMPTY_DRAFT;
  }

  set(chatId: string, changes: Partial<Draft>): void {
    const draft = { ...this.get(chatId), ...changes };
    this.put(chatId, draft);
    this.touched.add(chatId);
    const { content, editing, files } = draft;
    // Apart from each other: files are not written again with each key.
    if (!content && !editing) this.records.remove("draft", chatId);
    else if (changes.content !== undefined || changes.editing !== undefined) {
      this.records.put({ kind: "draft", id: chatId, content, editing });
    }
    if (changes.files?.length) this.records.put({ kind: "files", id: chatId, files });
    else if (changes.files) this.records.remove("files", chatId);
  }

  /** The user is no longer in that chat. */
  drop(chatId: string): void {
    this.set(chatId, EMPTY_DRAFT);
  }

  private put(chatId: string, draft: Draft): void {
    if (draft.content || draft.files.length || draft.editing) this.drafts.set(chatId, draft);
    else this.drafts.delete(chatId);
    this.changes.noteOf("drafts", chatId);
  }
}
