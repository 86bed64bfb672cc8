// The emoji that the user chose last, and their skin tone: kept in this browser, for that user alone.
import { client } from "../client";
import { TONES } from "./data";

const KEY = "chat.emoji";
const MAX_RECENT = 24;

export interface Choices {
  readonly recent: readonly string[];
  /** 0 for none, 1–5 from light to dark. */
  readonly tone: number;
}

export function choices(): Choices {
  let kept: Partial<Choices> & { userId?: string } = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    // Not as it was written: as if nothing were kept.
  }
  if (kept.userId !== client.session.me?.id) kept = {};
  const recent = Array.isArray(kept.recent) ? kept.recent.filter((each) => typeof each === "string") : [];
  return { recent, tone: TONES[Number(kept.tone)] === undefined ? 0 : Number(kept.tone) };
}

function keep(changes: Partial<Choices>): void {
  const kept = { userId: client.session.me?.id, ...choices(), ...changes };
  localStorage.setItem(KEY, JSON.stringify(kept));
}

/** Note that an emoji was chosen: it comes first in the list of recent ones. */
export function noteChosen(emoji: string): void {
  const { recent } = choices();
  keep({ recent: [emoji, ...recent.filter((each) => each !== emoji)].slice(0, MAX_RECENT) });
}

export const chooseTone = (tone: number) => keep({ tone });
