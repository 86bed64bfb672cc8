import type { Message } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client, useLive } from "../client";
import { findItem } from "../drafts";
import { nameOf, pastText } from "../format";
import { Count } from "../reactions";
import { t } from "../texts";
import { Avatar } from "../ui/avatar";
import { Dialog } from "../ui/dialog";
import { PagesEnd, usePages } from "./pages";

/** Who reacted to a message: with anything, or with one emoji. */
export function Reactors({ message, onClose }: { message: Message; onClose: () => void }) {
  const item = useLive(() => findItem(message.chatId, message.id));
  const { reactions = [] } = item?.state === "sent" ? item.message : message;
  const [emoji, setEmoji] = useState<string>();
  const counts = reactions.map((reaction) => reaction.emoji + reaction.count).join();
  const pages = usePages(() => client.reactions(message.id, emoji), [emoji, counts]);
  const total = reactions.reduce((sum, { count }) => sum + count, 0);
  return (
    <Dialog title={t.reactions.who} class="reactors" onClose={onClose}>
      {reactions.length > 1 && (
        <fieldset class="chips" aria-label={t.reactions.list}>
          <button type="button" class="chip" aria-pressed={emoji === undefined} onClick={() => setEmoji(undefined)}>
            {t.reactions.all(total)}
          </button>
          {reactions.map((reaction) => (
            <button
              key={reaction.emoji}
              type="button"
              class="chip"
              aria-pressed={emoji === reaction.emoji}
              onClick={() => setEmoji(reaction.emoji)}
            >
              <Count emoji={reaction.emoji} count={reaction.count} />
            </button>
          ))}
        </fieldset>
      )}
      <ul class="people">
        {pages.items.map(({ emoji: given, user, createdAt }) => (
          <li key={`${user.id} ${given}`} class="entry">
            <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} />
            <span class="title" dir="auto">
              {nameOf(user)}
            </span>
            <span class="preview">{pastText(createdAt)}</span>
            <span class="given">{given}</span>
          </li>
        ))}
      </ul>
      <PagesEnd pages={pages} empty={t.reactions.empty} />
    </Dialog>
  );
}
