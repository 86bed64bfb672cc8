// Marks within a line of text: bold, italic, strike, code and links. One pass, in linear time.
import { linksOf } from "../links";

export type Inline =
  | { readonly type: "text" | "code"; readonly text: string }
  | { readonly type: "strong" | "emphasis" | "strike"; readonly children: readonly Inline[] }
  /** `isBare`: an address in the text, without marks. */
  | { readonly type: "link"; readonly href: string; readonly children: readonly Inline[]; readonly isBare: boolean };

/** A mark that is open, with what follows it so far. The first one is the text itself; a closed bracket is inert. */
interface Frame {
  mark: "" | "*" | "~" | "[" | "inert";
  length: number;
  nodes: Inline[];
}

/** More marks than this are not open at once, and longer rows of stars are no mark: it bounds the depth of the tree. */
const MAX_OPEN = 24;
const MAX_STARS = 3;
const ESCAPED = /[\\*~`[\]()>#+.-]/;
const BACKTICKS = /`+/g;
const SAFE = /^(?:https?|mailto):/i;
/** What follows a bracket: an address, which may have some pairs of brackets, and a title, which is not shown. */
const TARGET = /\(<?((?:[^\s<>()\\]|\\.|\((?:[^\s<>()\\]|\\.|\([^\s<>()]*\))*\))*)>?(?:\s+"[^"]*")?\s*\)/y;
const MAX_ADDRESS = 2000;

/** The address of a link, or null for one that is not shown as a link. */
export function safeAddress(target: string): string | null {
  const address = /^www\./i.test(target) ? `https://${target}` : target;
  return SAFE.test(address) && URL.canParse(address) ? address : null;
}

export function parseInline(text: string): readonly Inline[] {
  return new InlineParser(text).parse();
}

class InlineParser {
  private readonly stack: Frame[] = [{ mark: "", length: 0, nodes: [] }];
  private plain = "";
  private at = 0;
  private readonly addresses: ReturnType<typeof linksOf>;
  private nextAddress = 0;
  /** Where rows of so many backticks begin, in reverse. */
  private readonly backticks = new Map<number, number[]>();

  constructor(private readonly text: string) {
    this.addresses = linksOf(text, true);
    for (const {
      0: { length },
      index,
    } of [...text.matchAll(BACKTICKS)].reverse()) {
      const known = this.backticks.get(length);
      if (known) known.push(index);
      else this.backticks.set(length, [index]);
    }
  }

  parse(): readonly Inline[] {
    while (this.at < this.text.length) this.step();
    this.flush();
    while (this.stack.length > 1) this.dissolve();
    return this.stack[0]!.nodes;
  }

  private get top(): Frame {
    return this.stack[this.stack.length - 1]!;
  }

  private step(): void {
    const { text, at } = this;
    const address = this.addressHere();
    if (address) {
      this.put({ type: "link", href: address.href, children: [{ type: "text", text: address.text }], isBare: true });
      this.at += address.text.length;
      return;
    }
    const character = text[at]!;
    if (character === "\\" && ESCAPED.test(text[at + 1] ?? "")) {
      this.plain += text[at + 1];
      this.at += 2;
    } else if (character === "`") this.code();
    else if (character === "*" || character === "~") this.mark(character);
    else if (character === "[") this.open("[", 1);
    else if (character === "]") this.closeBracket();
    else {
      this.plain += character;
      this.at += 1;
    }
  }

  /** The address that begins here, unless it is the text of a link. */
  private addressHere() {
    const { addresses, at } = this;
    while (addresses[this.nextAddress] && addresses[this.nextAddress]!.index < at) this.nextAddress += 1;
    const next = addresses[this.nextAddress];
    return next?.index === at ? next : undefined;
  }

  private flush(): void {
    if (this.plain) append(this.top.nodes, { type: "text", text: this.plain });
    this.plain = "";
  }

  private put(node: Inline): void {
    this.flush();
    append(this.top.nodes, node);
  }

  private code(): void {
    const { text, at } = this;
    const length = rowLength(text, at);
    // An escaped backtick before these makes another row of them.
    const ends = this.backticks.get(length) ?? [];
    while (ends.length && ends[ends.length - 1]! <= at) ends.pop();
    const end = ends[ends.length - 1];
    if (end === undefined) {
      this.plain += text.slice(at, at + length);
      this.at += length;
      return;
    }
    const code = text.slice(at + length, end);
    // Spaces keep backticks apart from those around them.
    this.put({ type: "code", text: /^ .*\S.* $/s.test(code) ? code.slice(1, -1) : code });
    this.at = end + length;
  }

  private open(mark: "*" | "~" | "[", length: number): void {
    this.flush();
    const isFull = this.stack.length > MAX_OPEN;
    if (isFull) this.plain += mark.repeat(length);
    else this.stack.push({ mark, length, nodes: [] });
    this.at += length;
  }

  private mark(character: "*" | "~"): void {
    const { text, at } = this;
    const length = rowLength(text, at);
    const [before, after] = [text[at - 1] ?? " ", text[at + length] ?? " "];
    const isMark = character === "*" ? length <= MAX_STARS : length === 2;
    // "2*3*4" is arithmetic.
    const isProduct = /\d/.test(before) && /\d/.test(after);
    if (!isMark || isProduct) {
      this.plain += text.slice(at, at + length);
      this.at += length;
      return;
    }
    const left = /\s/.test(before) ? length : this.close(character, length);
    if (!left) this.at += length;
    else if (/\s/.test(after)) {
      this.plain += character.repeat(left);
      this.at += length;
    } else {
      this.at += length - left;
      this.open(character, left);
    }
  }

  /** Close marks of this kind, the innermost first; returns how many characters close none. */
  private close(mark: "*" | "~", length: number): number {
    let left = length;
    while (left) {
      const at = this.stack.findLastIndex((frame) => frame.mark === mark);
      if (at < 0 || (at === this.stack.length - 1 && !this.plain && !this.top.nodes.length)) return left;
      this.flush();
      while (this.stack.length - 1 > at) this.dissolve();
      const frame = this.top;
      const used = Math.min(frame.length, left, 2);
      const type = mark === "~" ? "strike" : used === 2 ? "strong" : "emphasis";
      const node: Inline = { type, children: frame.nodes };
      frame.length -= used;
      left -= used;
      if (frame.length) frame.nodes = [node];
      else {
        this.stack.pop();
        append(this.top.nodes, node);
      }
    }
    return 0;
  }

  /** Take the innermost mark as text. */
  private dissolve(): void {
    const { mark, length, nodes } = this.stack.pop()!;
    const below = this.top.nodes;
    append(below, { type: "text", text: mark === "inert" ? "[" : mark.repeat(length) });
    for (const node of nodes) append(below, node);
  }

  private closeBracket(): void {
    this.flush();
    const at = this.stack.findLastIndex((frame) => frame.mark === "[");
    const target = at < 0 ? null : this.target();
    if (target) {
      while (this.stack.length - 1 > at) this.dissolve();
      const { nodes } = this.stack.pop()!;
      const children = nodes.length ? nodes.flatMap(withoutLinks) : [{ type: "text" as const, text: target.href }];
      this.put({ type: "link", href: target.href, children, isBare: false });
      // A link has no links in it.
      for (const frame of this.stack) if (frame.mark === "[") frame.mark = "inert";
      this.at += target.length;
      return;
    }
    this.plain += "]";
    this.at += 1;
    if (at >= 0) this.stack[at]!.mark = "inert";
  }

  /** The address behind a closing bracket, and how long both are. */
  private target(): { href: string; length: number } | null {
    if (this.text[this.at + 1] !== "(") return null;
    TARGET.lastIndex = this.at + 1;
    const found = TARGET.exec(this.text.slice(0, this.at + MAX_ADDRESS));
    const href = found && safeAddress(found[1]!.replace(/\\(.)/g, "$1"));
    return href ? { href, length: found[0].length + 1 } : null;
  }
}

function append(nodes: Inline[], node: Inline): void {
  const last = nodes[nodes.length - 1];
  if (node.type !== "text" || last?.type !== "text") nodes.push(node);
  else nodes[nodes.length - 1] = { type: "text", text: last.text + node.text };
}

function withoutLinks(node: Inline): readonly Inline[] {
  if ("text" in node) return [node];
  const children = node.children.flatMap(withoutLinks);
  return node.type === "link" ? children : [{ ...node, children }];
}

/** How often the character at this place is repeated. */
function rowLength(text: string, at: number): number {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end - at;
}
