import { type About, MessageText } from "./text";
import { t } from "./texts";

const LONG_LINES = 30;
const LONG_CHARACTERS = 1500;

/** The beginning of a text that is too long to be shown whole, or null. */
function beginning(text: string): string | null {
  let end = -1;
  for (let line = 0; line < LONG_LINES; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) break;
  }
  // A bit more is shown whole: "Show more" takes a line too.
  const cut = end >= 0 && text.indexOf("\n", end + 1) >= 0 ? end : text.length;
  const short = text.slice(0, Math.min(cut, text.length > LONG_CHARACTERS * 1.2 ? LONG_CHARACTERS : cut));
  return short.length < text.length ? `${short.trimEnd()}…` : null;
}

export const isLong = (text: string) => beginning(text) !== null;

interface TextProps {
  itemKey: string;
  text: string;
  about: About;
  isExpanded: boolean;
  onExpand: (key: string) => void;
}

/** The text of a message; a long one in part, until its reader wants all of it. */
export function Text({ itemKey, text, about, isExpanded, onExpand }: TextProps) {
  const short = beginning(text);
  if (short === null) return <MessageText text={text} about={about} />;
  return (
    <>
      <MessageText text={isExpanded ? text : short} about={about} />
      <button
        type="button"
        class="link more"
        tabIndex={-1}
        aria-expanded={isExpanded}
        onClick={() => onExpand(itemKey)}
      >
        {isExpanded ? t.messages.showLess : t.messages.showMore}
      </button>
    </>
  );
}
