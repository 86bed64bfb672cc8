// How changes of a message are merged into its copy, and into the quotes of it. Everything here is a pure function.
import type { MessageChangedEvent, NewMentions, Quote, Reaction, ReactionActor } from "./generated/schemas.js";
import { messageTombstone } from "./generated/tombstones.js";
import type { Message, MessageEdit } from "./model.js";

// As much of a quoted text as the server shows.
const MAX_QUOTED = 300;
// As many users as the server lists of a reaction.
const MAX_LISTED = 10;
const VARIATION_SELECTOR = /\uFE0F/g;

/** An object with new values of some fields; null removes a field. */
export function withFields<T extends object>(known: T, fields: object): T {
  const cleared = new Set(Object.entries(fields).flatMap(([name, value]) => (value === null ? [name] : [])));
  return Object.fromEntries(Object.entries({ ...known, ...fields }).filter(([name]) => !cleared.has(name))) as T;
}

/** A message, or one that is not stored yet, with an edit of the user. */
export function withEdit<T extends object>(known: T, edit: MessageEdit): T {
  const { mentions } = edit;
  return withFields(known, mentions ? { ...edit, mentions: mentionsOf(mentions) } : edit);
}

/** Who is mentioned, as the server has it; null if that is no user. */
export function mentionsOf({ userIds, all }: NewMentions): NewMentions | null {
  return userIds?.length || all ? { ...(userIds?.length && { userIds }), ...(all && { all }) } : null;
}

/**
 * A message after `message:changed`; `known` if it is as new as the event. It stays as old as it was unless the event
 * `isNext` in its chat: a change in between may be one of this message too.
 */
export function withChanges(known: Message, event: MessageChangedEvent, me: string, isNext: boolean): Message {
  const { rev, changes, actors } = event;
  if (rev <= known.rev || known.isDeleted) return known;
  const { reactions } = changes;
  const own = reactions && { reactions: withMine(reactions, known.reactions, me, actors) };
  return withFields(known, { ...changes, ...own, ...(isNext && { rev }) });
}

/**
 * Reactions as an event has them, with `mine` for the user `me`: from the list of users where it is complete, otherwise
 * from the `actors` of the event, or as it was.
 */
export function withMine(
  reactions: readonly Reaction[],
  known: readonly Reaction[] = [],
  me: string,
  actors: readonly ReactionActor[] = [],
): Reaction[] {
  return reactions.map(({ mine: _mine, ...reaction }) => {
    const { emoji, count, userIds } = reaction;
    const action = actors.find((actor) => actor.userId === me && isSameEmoji(actor.emoji, emoji));
    const before = known.some((other) => other.mine && isSameEmoji(other.emoji, emoji));
    const mine = userIds.includes(me) || (count > userIds.length && (action?.on ?? before));
    return mine ? { ...reaction, mine } : reaction;
  });
}

/** Reactions after the user `me` has given or taken back one. */
export function withReaction(
  known: readonly Reaction[],
  { emoji, on, unique }: { readonly emoji: string; readonly on: boolean; readonly unique: boolean },
  me: string,
): Reaction[] {
  const changed = known.map((reaction) => {
    if (isSameEmoji(reaction.emoji, emoji)) return toggled(reaction, me, on);
    return on && unique ? toggled(reaction, me, false) : reaction;
  });
  const isNew = on && !known.some((reaction) => isSameEmoji(reaction.emoji, emoji));
  if (isNew) changed.push({ emoji, count: 1, userIds: [me], mine: true });
  return changed.filter(({ count }) => count > 0);
}

function toggled({ mine = false, ...reaction }: Reaction, me: string, on: boolean): Reaction {
  const { count, userIds } = reaction;
  if (mine === on) return mine ? { ...reaction, mine } : reaction;
  if (!on) return { ...reaction, count: count - 1, userIds: userIds.filter((id) => id !== me) };
  const isListed = count === userIds.length && count < MAX_LISTED;
  return { ...reaction, count: count + 1, userIds: isListed ? [...userIds, me] : userIds, mine: true };
}

/** Whether `withMine` can tell who reacted, without the actors of each change since `known`. */
export function isMineKnown(reactions: readonly Reaction[], known: readonly Reaction[] = [], me: string): boolean {
  return reactions.every(({ emoji, count, userIds }) => {
    const before = known.find((other) => isSameEmoji(other.emoji, emoji));
    return count <= userIds.length || userIds.includes(me) || before?.count === count;
  });
}

/** Whether two emojis are the same one to the server, which ignores the variation selector. */
export function isSameEmoji(one: string, other: string): boolean {
  return one.replace(VARIATION_SELECTOR, "") === other.replace(VARIATION_SELECTOR, "");
}

/** How a message is quoted. */
export function quoteOf({ id, seq, senderId, sender, type, content, isDeleted }: Message): Quote {
  if (isDeleted) return { id, seq, senderId, isDeleted };
  const characters = [...(content ?? "")];
  const shown = characters.length > MAX_QUOTED ? `${characters.slice(0, MAX_QUOTED).join("")}…` : content;
  return { id, seq, senderId, sender, type, ...(shown && { content: shown }) };
}

/** A message that the user has deleted for themselves. */
export function hiddenTombstone(message: Message): Message {
  return { ...messageTombstone(message), isHidden: true };
}

/** A quote whose message was deleted. */
export function quoteTombstone({ id, seq, senderId }: Quote): Quote {
  return { id, seq, senderId, isDeleted: true };
}

/** A message with a quote of one that the user has cleared, up to `seq`. */
export function withoutCleared(message: Message, seq: number): Message {
  const { replyTo } = message;
  return replyTo && replyTo.seq <= seq ? requoted(message, replyTo.id, quoteTombstone) : message;
}

/** A message with its quote changed, if it quotes that message. The quote of a deleted message stays as it is. */
export function requoted(message: Message, quotedId: string, change: (quote: Quote) => Quote): Message {
  const { replyTo } = message;
  return replyTo?.id === quotedId && !replyTo.isDeleted ? { ...message, replyTo: change(replyTo) } : message;
}

/** Whether a message of another user mentions the user `me`. */
export function mentions({ senderId, isDeleted, mentions }: Message, me: string): boolean {
  return senderId !== me && !isDeleted && Boolean(mentions?.all || mentions?.userIds?.includes(me));
}
