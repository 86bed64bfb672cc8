/** A web address, a mailto address or an e-mail address. */
const LINK = /\b(?:https?:\/\/|www\.(?=[^\s.])|mailto:(?=[^\s@]+@))[^\s<>"“”]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/giu;
const TRAILING = /[.,:;!?'’)\]}…]+$/;
const EMAIL = /^[^\s:/@]+@/;

export interface Link {
  readonly text: string;
  readonly href: string;
  readonly index: number;
}

/** The addresses in a text. */
export function linksOf(text: string): Link[] {
  const links: Link[] = [];
  for (const match of text.matchAll(LINK)) {
    const address = trimmed(match[0]);
    const scheme = /^www\./i.test(address) ? "https://" : EMAIL.test(address) ? "mailto:" : "";
    const href = scheme + address;
    if (URL.canParse(href)) links.push({ text: address, href, index: match.index });
  }
  return links;
}

/** A user's text, with addresses as links. It is never interpreted as markup. */
export function Linked({ text }: { text: string }) {
  const parts = [];
  let end = 0;
  for (const { text: address, href, index } of linksOf(text)) {
    parts.push(text.slice(end, index));
    parts.push(
      <a href={href} dir="ltr" tabIndex={-1} target="_blank" rel="noopener noreferrer nofollow">
        {address}
      </a>,
    );
    end = index + address.length;
  }
  parts.push(text.slice(end));
  return <p class="text">{parts}</p>;
}

/** Without the punctuation that belongs to the sentence; a closing bracket stays where one was opened. */
function trimmed(address: string): string {
  const bare = address.replace(TRAILING, "");
  const rest = address.slice(bare.length);
  return bare.includes("(") && rest.startsWith(")") ? `${bare})` : bare;
}

const EMOJI = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;

/** Whether a text consists of one to three emoji, which are shown larger. */
export const isEmoji = (text: string) => text.length < 60 && EMOJI.test(text);
