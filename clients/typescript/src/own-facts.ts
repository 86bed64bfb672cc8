import type { ChatState } from "./generated/schemas.js";

const NO_BLOCKED: ReadonlySet<string> = new Set();

/** Which messages the user has deleted for themselves, whom they block, and states of chats that are not loaded. */
export class OwnFacts {
  blocked = NO_BLOCKED;
  /** By chat: a response that was read before the state changed may bring the chat later. */
  readonly states = new Map<string, ChatState>();
  private readonly hidden = new Map<string, Set<string>>();

  isHidden(chatId: string, messageId: string): boolean {
    return this.hidden.get(chatId)?.has(messageId) ?? false;
  }

  hide(chatId: string, messageIds: readonly string[]): void {
    let hidden = this.hidden.get(chatId);
    if (!hidden) this.hidden.set(chatId, (hidden = new Set()));
    for (const id of messageIds) hidden.add(id);
  }

  /** The user has left the chat; whether something was known of it. */
  forget(chatId: string): boolean {
    this.states.delete(chatId);
    return this.hidden.delete(chatId);
  }
}
