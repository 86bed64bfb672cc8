// Which part of a long list is rendered. Messages are grouped into blocks by their `seq`, so that older pages, new messages
// and dropped pages leave the other blocks as they are. Heights are kept by block.
import type { Item } from "@chatapp/client";

const BLOCK_BITS = 4;
/** Height of a row that has not been measured, while none has. */
const ROW_GUESS = 44;
/** How many blocks are rendered before anything was measured. */
const FIRST_BLOCKS = 3;

export interface Block {
  readonly id: number;
  /** The indexes of its first item, and of the first one after it. */
  readonly start: number;
  readonly end: number;
}

/** The ids of the first and last rendered block; `to` is Infinity where the newest messages are rendered. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The part to render, and the heights of what is left out. */
export interface Slice {
  readonly start: number;
  readonly end: number;
  readonly above: number;
  readonly below: number;
}

export const NEWEST: Range = { from: Infinity, to: Infinity };

/** A list, and its blocks. */
export interface Blocks {
  readonly items: readonly Item[];
  readonly blocks: readonly Block[];
}

/**
 * The blocks of a list. A queued message belongs to the block of the message before it. The first ones are `known` where
 * the list begins as it did: a new message costs no look at all others.
 */
export function blocksOf(items: readonly Item[], known: Blocks): readonly Block[] {
  const changed = known.blocks.findIndex(
    ({ start, end }) => items[start] !== known.items[start] || items[end - 1] !== known.items[end - 1],
  );
  const blocks = known.blocks.slice(0, changed < 0 ? undefined : changed);
  // What follows may belong to the last of them.
  let { id, start } = blocks.pop() ?? { id: -1, start: 0 };
  for (let at = start; at < items.length; at += 1) {
    const item = items[at]!;
    const own = item.state === "sent" ? item.message.seq >> BLOCK_BITS : Math.max(id, 0);
    if (own <= id) continue;
    if (at > start) blocks.push({ id, start, end: at });
    [id, start] = [own, at];
  }
  if (items.length) blocks.push({ id, start, end: items.length });
  return blocks;
}

export class Heights {
  private readonly byBlock = new Map<number, number>();
  private readonly measured = new Set<number>();
  private total = 0;
  private rows = 0;

  /** The height of a block. One that was never rendered is guessed once, so that the guess stays the same. */
  of({ id, start, end }: Block): number {
    const known = this.byBlock.get(id);
    if (known !== undefined) return known;
    if (!this.rows) return (end - start) * ROW_GUESS;
    const guess = ((end - start) * this.total) / this.rows;
    this.byBlock.set(id, guess);
    return guess;
  }

  measure({ id, start, end }: Block, height: number): void {
    if (!this.measured.has(id)) {
      this.measured.add(id);
      this.total += height;
      this.rows += end - start;
    }
    this.byBlock.set(id, height);
  }

  private sum(blocks: readonly Block[]): number {
    return blocks.reduce((sum, block) => sum + this.of(block), 0);
  }

  slice(blocks: readonly Block[], { from, to }: Range): Slice {
    let first = blocks.findIndex((block) => block.id >= from);
    let last = blocks.findLastIndex((block) => block.id <= to);
    if (first < 0) first = Math.max(0, blocks.length - FIRST_BLOCKS);
    if (last < first) last = Math.min(blocks.length, first + FIRST_BLOCKS) - 1;
    return {
      start: blocks[first]?.start ?? 0,
      end: blocks[last]?.end ?? 0,
      above: this.sum(blocks.slice(0, first)),
      below: this.sum(blocks.slice(last + 1)),
    };
  }

  /** The blocks that touch a part of the list, in pixels from its top. */
  rangeOf(blocks: readonly Block[], top: number, bottom: number): Range {
    let at = 0;
    let [from, to] = [Infinity, -Infinity];
    for (const block of blocks) {
      if (at < bottom) to = block.id;
      at += this.of(block);
      if (at > top) from = Math.min(from, block.id);
    }
    return { from: Math.min(from, blocks.at(-1)?.id ?? Infinity), to: to === blocks.at(-1)?.id ? Infinity : to };
  }
}
