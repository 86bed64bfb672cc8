import type { Changes } from "./changes.js";
import type { Draft } from "./model.js";
import type { QueueRecord } from "./storage.js";
import type { UnsentRecords } from "./unsent.js";

const NOTHING_WRITTEN = Object.freeze({ content: "", editing: null, replyTo: null, mentions: null });
export const EMPTY_DRAFT: Draft = Object.freeze({ ...NOTHING_WRITTEN, files: Object.freeze([]) });

/** The unsent input of each chat. */
export class Drafts {
  private readonly drafts = new Map<string, Draft>();
  /** Records that have changed since the start, by kind and chat: they are newer than the ones that were read then. */
  private readonly changed = new Set<string>();

  constructor(
    private readonly records: UnsentRecords,
    private readonly changes: Changes,
  ) {}

  /** Take up the drafts of an earlier page. */
  restore(records: readonly QueueRecord[]): void {
    for (const record of records) {
      if (!this.changed.has(nameOf(record.kind, record.id))) this.put(record.id, partOf(record.kind, record));
    }
  }

  /** Another client has changed a draft. */
  replace(kind: QueueRecord["kind"], chatId: string, record: QueueRecord | null): void {
    this.changed.add(nameOf(kind, chatId));
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
    for (const kind of ["draft", "files"] as const) this.changed.add(nameOf(kind, chatId));
    const { files, ...written } = this.get(chatId);
    // Apart from each other: files are not written again with each key.
    if (Object.keys(changes).some((name) => name !== "files")) {
      if (isEmpty(written)) this.records.remove("draft", chatId);
      else this.records.put({ kind: "draft", id: chatId, ...written });
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
    if (draft.files.length || !isEmpty(draft)) this.drafts.set(chatId, draft);
    else if (!this.drafts.delete(chatId)) return;
    this.changes.noteOf("drafts", chatId);
  }
}

function nameOf(kind: QueueRecord["kind"], chatId: string): string {
  return `${kind} ${chatId}`;
}

/** Whether there is nothing in a draft besides files. Mentions belong to a text. */
function isEmpty({ content, editing, replyTo }: Omit<Draft, "files">): boolean {
  return !content && !editing && !replyTo;
}

/** The part of a draft that is kept in such a record. */
function partOf(kind: QueueRecord["kind"], record: QueueRecord | null): Partial<Draft> | undefined {
  if (kind === "files") return { files: record?.kind === "files" ? record.files : EMPTY_DRAFT.files };
  if (kind !== "draft") return undefined;
  if (record?.kind !== "draft") return NOTHING_WRITTEN;
  const { content, editing, replyTo = null, mentions = null } = record;
  return { content, editing, replyTo, mentions };
}
