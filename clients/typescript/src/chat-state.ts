// What positions say of a chat that only its user sees. Everything here is a pure function.
import type { ChatState } from "./generated/schemas.js";
import { withFields } from "./message-changes.js";
import type { ChatFlags, PatchChatState } from "./model.js";

/** How far a chat goes, and where the user's own last message is, as far as they are known. */
export interface Extent {
  readonly lastSeq: number;
  readonly sentSeq: number;
}

/** The state of a chat, computed: nothing is sent when a message arrives or a mute ends. */
export function flagsOf(state: ChatState | undefined, extent: Extent, now: number): ChatFlags {
  const isMuted = Date.parse(state?.mutedUntil ?? "") > now;
  // A position above the last message that is known here comes from a message whose event is still to come.
  const isLast = (seq: number | undefined): boolean => seq !== undefined && seq >= extent.lastSeq;
  return {
    isMuted,
    isArchived: state?.archivedSeq !== undefined && (isMuted || isLast(state.archivedSeq)),
    isHidden: isLast(state?.hiddenSeq),
    isPinned: state?.pinnedAt !== undefined,
    isMarkedUnread: hasMark(state, extent),
  };
}

/** The position up to which messages count as read. */
export function readPosition(state: ChatState | undefined, readSeq: number, extent: Extent): number {
  return hasMark(state, extent) ? Math.min(readSeq, (state?.unreadFrom ?? Infinity) - 1) : readSeq;
}

/** Whether messages are marked as unread. */
export function hasMark(state: ChatState | undefined, { sentSeq }: Extent): boolean {
  return state?.unreadFrom !== undefined && sentSeq <= (state.markedSeq ?? Infinity);
}

/** Of a state that was cached, which may have ended since: any response is newer, also one without a state. */
export const CACHED_REV = -1;

/** The newer of two states. A message of the user removes a mark without a new number. */
export function newerState(known: ChatState | undefined, received: ChatState | undefined): ChatState | undefined {
  const [before, after] = [known?.meRev ?? CACHED_REV, received?.meRev ?? 0];
  if (before !== after) return before > after ? known : received;
  return known?.unreadFrom === undefined ? (known ?? received) : received;
}

/** A state as the server will have it after a change. */
export function withChatChanges(
  state: ChatState,
  { isArchived, isHidden, pinned, isMarkedUnread, unreadFrom, ...changes }: PatchChatState,
  lastSeq: number,
  now: string,
): ChatState {
  const marked = isMarkedUnread === undefined ? undefined : isMarkedUnread ? lastSeq : null;
  const from = unreadFrom === undefined ? marked : unreadFrom;
  return withFields(state, {
    ...changes,
    ...(isArchived !== undefined && { archivedSeq: isArchived ? lastSeq : null }),
    ...(isHidden !== undefined && { hiddenSeq: isHidden ? lastSeq : null }),
    ...(pinned !== undefined && { pinnedAt: pinned ? (state.pinnedAt ?? now) : null }),
    ...(from !== undefined && { unreadFrom: from, markedSeq: from === null ? null : lastSeq }),
  });
}
