import type { Changes } from "./changes.js";
import type { Draft } from "./model.js";
import type { QueueRecord } from "./storage.js";
import type { UnsentRecords } from "./unsent.js";

export const EMPTY_DRAFT: Draft = Object.freeze({ content: "", files: Object.freeze([]), editing: null });

/** The unsent text and files of each chat. */
export class Drafts {
  private readonly drafts = new Map<string, Draft>();
  /** Chats whose draft has changed since the start: newer than the stored one. */
  private readonly changed = new Set<string>();

  constructor(
    private readonly records: UnsentRecords,
    private readonly changes: Changes,
  ) {}

  /** Take up the drafts of an earlier page. */
  restore(records: readonly QueueRecord[]): void {
    for (const record of records) if (!this.changed.has(record.id)) this.put(record.id, partOf(record.kind, record));
  }

  /** Another client has changed a draft. */
  replace(kind: QueueRecord["kind"], chatId: string, record: QueueRecord | null): void {
    this.put(chatId, partOf(kind, record));
  }

  get chatIds(): readonly string[] {
    return [...this.drafts.keys()];
  }

  get(chatId: string): Draft {
    return this.drafts.get(chatId) ?? EMPTY_DRAFT;
  }

  set(chatId: string, changes: Partial<Draft>): void {
    this.put(chatId, changes);
    this.changed.add(chatId);
    const { content, editing, files } = this.get(chatId);
    // Apart from each other: files are not written again with each key.
    if (changes.content !== undefined || changes.editing !== undefined) {
      if (content || editing) this.records.put({ kind: "draft", id: chatId, content, editing });
      else this.records.remove("draft", chatId);
    }
    if (changes.files) {
      if (files.length) this.records.put({ kind: "files", id: chatId, files });
      else this.records.remove("files", chatId);
    }
  }

  /** The user is no longer in that chat. */
  drop(chatId: string): void {
    if (this.drafts.has(chatId)) this.set(chatId, EMPTY_DRAFT);
  }

  private put(chatId: string, part: Partial<Draft> | undefined): void {
    if (!part) return;
    const draft = { ...this.get(chatId), ...part };
    if (draft.content || draft.files.length || draft.editing) this.drafts.set(chatId, draft);
    else if (!this.drafts.delete(chatId)) return;
    this.changes.noteOf("drafts", chatId);
  }
}

/** The part of a draft that is kept in such a record. */
function partOf(kind: QueueRecord["kind"], record: QueueRecord | null): Partial<Draft> | undefined {
  if (kind === "files") return { files: record?.kind === "files" ? record.files : EMPTY_DRAFT.files };
  if (kind !== "draft") return undefined;
  const { content, editing } = record?.kind === "draft" ? record : EMPTY_DRAFT;
  return { content, editing };
}
