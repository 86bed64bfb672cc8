/** A web address, a mailto address or an e-mail address. The bounds keep the search linear. */
const LINK =
  /\b(?:https?:\/\/|www\.(?=[^\s.])|mailto:(?=[^\s@]{1,320}@))[^\s<>"“”]+|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+/giu;
const TRAILING = ".,:;!?'’)]}…";
const MARKS = "*~`";
const EMAIL = /^[^\s:/@]+@/;

export interface Link {
  readonly text: string;
  readonly href: string;
  readonly index: number;
}

/** The addresses in a text. In Markdown they end before marks. */
export function linksOf(text: string, isMarkdown = false): Link[] {
  const links: Link[] = [];
  for (const match of text.matchAll(LINK)) {
    const found = isMarkdown ? match[0].split("](", 1)[0]! : match[0];
    const address = trimmed(found, isMarkdown ? TRAILING + MARKS : TRAILING);
    const scheme = /^www\./i.test(address) ? "https://" : EMAIL.test(address) ? "mailto:" : "";
    const href = scheme + address;
    if (URL.canParse(href)) links.push({ text: address, href, index: match.index });
  }
  return links;
}

/** Without the punctuation that belongs to the sentence; a closing bracket stays where one was opened. */
function trimmed(address: string, trailing: string): string {
  let end = address.length;
  while (end && trailing.includes(address[end - 1]!)) end -= 1;
  const bare = address.slice(0, end);
  return bare.includes("(") && address[end] === ")" ? `${bare})` : bare;
}
