import type { Message } from "@chatapp/client";
import { useMemo } from "preact/hooks";
import { linksOf } from "./links";
import { ExternalLink, Markdown, type ShowText } from "./markdown/view";
import { Mentioned } from "./mentions/mentioned";

/** What the text of a message is besides its characters. */
export interface About {
  readonly chatId: string;
  readonly format?: Message["format"];
  readonly mentions?: Message["mentions"];
}

const asItIs: ShowText = (text) => text;

/** The text of a message, with its marks, its mentions and addresses. It is never interpreted as HTML. */
export function MessageText({ text, about }: { text: string; about: About }) {
  const { chatId, mentions, format } = about;
  const show = useMemo<ShowText>(
    () =>
      mentions
        ? (part) => (part.includes("@") ? <Mentioned text={part} chatId={chatId} mentions={mentions} /> : part)
        : asItIs,
    [mentions],
  );
  return format === "markdown" ? <Markdown text={text} show={show} /> : <Linked text={text} show={show} />;
}

/** A user's text, with addresses as links. */
export function Linked({ text, show = asItIs }: { text: string; show?: ShowText }) {
  const parts = [];
  let end = 0;
  for (const { text: address, href, index } of linksOf(text)) {
    parts.push(show(text.slice(end, index)));
    parts.push(
      <ExternalLink href={href} isAddress>
        {address}
      </ExternalLink>,
    );
    end = index + address.length;
  }
  parts.push(show(text.slice(end)));
  return <p class="text">{parts}</p>;
}

const EMOJI = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;

/** Whether a text consists of one to three emoji, which are shown larger. */
export const isEmoji = (text: string) => text.length < 60 && EMOJI.test(text);
