// What a text that was written is sent with: how it is shown, and who is mentioned.
import type { Item, Message, MessageEdit, SendOptions } from "@chatapp/client";
import { client } from "../client";
import { hasMarks } from "../markdown/plain";
import { mentions, mentionsOf, mentionsOfEdit } from "../mentions/mentionable";

/** The options of a new message. A reply mentions the author of the message that it is for. */
export function aboutNew(
  chatId: string,
  text: string,
  picked: readonly string[],
  replyTo: Message | null,
): Pick<SendOptions, "format" | "mentions"> {
  const named = mentionsOf(chatId, text, picked);
  const author = replyTo?.type === "SYSTEM" ? undefined : replyTo?.senderId;
  const others = author === undefined || author === client.session.me?.id ? [] : [author];
  const found = mentions([...new Set([...(named?.userIds ?? []), ...others])], named?.all === true);
  return { ...(hasMarks(text) && { format: "markdown" }), ...(found && { mentions: found }) };
}

/** What is to be changed of a message, whose text becomes `text`. */
export function editOf(item: Item, text: string, picked: readonly string[]): MessageEdit {
  const old = item.state === "sent" ? item.message : item.queued;
  // A plain text with stars in it stays one.
  const isPlain = old.format !== "markdown" && hasMarks(old.content ?? "");
  const format = hasMarks(text) && !isPlain ? "markdown" : null;
  const found =
    item.state === "sent" ? mentionsOfEdit(item.message, text, picked) : mentionsOf(old.chatId, text, picked);
  return {
    content: text,
    ...(format !== (old.format ?? null) && { format }),
    ...(!isSame(found, old.mentions ?? null) && { mentions: found }),
  };
}

type Mentions = Message["mentions"] | null;

const isSame = (one: Mentions, other: Mentions) =>
  one?.all === other?.all && String(one?.userIds?.toSorted()) === String(other?.userIds?.toSorted());
