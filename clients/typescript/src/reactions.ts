import { isSameEmoji, withFields, withReaction } from "./message-changes.js";
import type { Message } from "./model.js";

/** A reaction that the user gives or takes back. */
export interface OwnReaction {
  readonly messageId: string;
  readonly emoji: string;
  readonly on: boolean;
  /** Whether it replaces the user's other reactions to the message. */
  readonly unique: boolean;
}

/** Whether both are of the same emoji, to the same message. */
export function isSameReaction(one: OwnReaction, other: OwnReaction): boolean {
  return one.messageId === other.messageId && isSameEmoji(one.emoji, other.emoji);
}

/** A message as it is once those of the `waiting` reactions that are its own are stored. */
export function withOwnReactions(message: Message, waiting: readonly OwnReaction[], me: string): Message {
  const own = waiting.filter(({ messageId }) => messageId === message.id);
  if (!own.length) return message;
  const reactions = own.reduce((known, reaction) => withReaction(known, reaction, me), message.reactions ?? []);
  return withFields(message, { reactions: reactions.length ? reactions : null });
}
