import type { Changes } from "./changes.js";
import type { Draft } from "./model.js";

export const EMPTY_DRAFT: Draft = Object.freeze({ content: "", files: Object.freeze([]), editing: null });

/** What a user has written or chosen for each chat and not sent. */
export class Drafts {
  private readonly drafts = new Map<string, Draft>();

  constructor(private readonly changes: Changes) {}

  get(chatId: string): Draft {
    return this.drafts.get(chatId) ?? EMPTY_DRAFT;
  }

  set(chatId: string, changes: Partial<Draft>): void {
    const draft = { ...this.get(chatId), ...changes };
    if (draft.content || draft.files.length || draft.editing) this.drafts.set(chatId, draft);
    else if (!this.drafts.delete(chatId)) return;
    this.changes.noteOf("drafts", chatId);
  }
}
