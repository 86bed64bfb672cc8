import { setPlainText } from "../format";
import { type Block, type Inline, parse } from "./markdown";

/** A text in Markdown without its marks. */
export const plainText = (text: string): string => parse(text).map(ofBlock).join("\n");

setPlainText(plainText);

function ofBlock(block: Block): string {
  if (block.type === "code") return block.text;
  if (block.type === "paragraph") return block.children.map(ofInline).join("");
  if (block.type === "quote") return block.children.map(ofBlock).join("\n");
  const { start, items } = block;
  const number = (at: number) => (start === null ? "" : `${start + at}. `);
  return items.map((item, at) => number(at) + item.map(ofBlock).join("\n")).join("\n");
}

const ofInline = (node: Inline): string => ("text" in node ? node.text : node.children.map(ofInline).join(""));

const isMarked = (blocks: readonly Block[]) =>
  blocks.some(
    (block) =>
      block.type !== "paragraph" ||
      block.children.some((node) => node.type !== "text" && !("isBare" in node && node.isBare)),
  );

/** Whether a text has marks, so that it is sent as Markdown. Escaped ones count: they are shown without backslashes. */
export function hasMarks(text: string): boolean {
  if (isMarked(parse(text))) return true;
  return text.includes("\\") && isMarked(parse(text.replace(/\\(?=[\\*~`[\]()>#+.-])/g, "")));
}
