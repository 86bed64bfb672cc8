/** A web address: all that has no white space or quotes, less punctuation at its end. */
const LINK = /https?:\/\/[^\s<>"“”]+/gi;
const TRAILING = /[.,:;!?'’)\]}…]+$/;

/** What somebody wrote, with its web addresses as links. Everything is text to the page; nothing is markup. */
export function Linked({ text }: { text: string }) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = trimmed(match[0]);
    if (!URL.canParse(address)) continue;
    parts.push(text.slice(end, match.index));
    parts.push(
      <a href={address} target="_blank" rel="noopener noreferrer nofollow">
        {address}
      </a>,
    );
    end = match.index + address.length;
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

/** Whether it is nothing but one to three emoji, which are shown larger. */
export const isEmoji = (text: string) => EMOJI.test(text);
