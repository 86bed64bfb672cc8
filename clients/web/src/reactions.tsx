import type { Message } from "@chatapp/client";
import { client } from "./client";
import { nameOf } from "./format";
import type { Acts } from "./overlay";
import { t } from "./texts";
import { icons } from "./ui/icons";
import type { MenuItem } from "./ui/menu";
import { showError } from "./ui/toast";

/** What most people react with. */
const QUICK: readonly string[] = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

type Reaction = NonNullable<Message["reactions"]>[number];

/** The server takes emoji for the same whatever their variation selectors are. */
const plain = (emoji: string) => emoji.replaceAll("\uFE0F", "");

/** The quick reactions and the others that a message has, as a row of a menu; the last entry shows all emoji. */
export function quickRow(message: Message, onMore: () => void): { label: string; items: MenuItem[] } {
  const given = new Map((message.reactions ?? []).map((reaction) => [plain(reaction.emoji), reaction]));
  const emojis = new Map(QUICK.map((emoji) => [plain(emoji), emoji]));
  for (const [key, { emoji }] of given) emojis.set(key, emoji);
  const items: MenuItem[] = [...emojis].map(([key, emoji]) => {
    const mine = given.get(key)?.mine ?? false;
    return { label: emoji, icon: emoji, checked: mine, onSelect: () => toggle(message.id, emoji, !mine) };
  });
  return {
    label: t.reactions.react,
    items: [...items, { label: t.reactions.more, icon: icons.add, onSelect: onMore }],
  };
}

/** React to a message, or take the reaction back. */
export function toggle(messageId: string, emoji: string, isOn: boolean): void {
  client.react(messageId, emoji, { on: isOn }).catch(showError);
}

/** React with an emoji that may be one of the user's reactions already. */
export function reactWith(message: Message, emoji: string): void {
  const known = message.reactions?.find((one) => plain(one.emoji) === plain(emoji));
  if (!known?.mine) toggle(message.id, known?.emoji ?? emoji, true);
}

/** Below a message: its reactions, with how many users gave each. A click gives one too, or takes it back. */
export function Reactions({ message, acts }: { message: Message; acts: Acts }) {
  return (
    <fieldset class="reactions" aria-label={t.reactions.list}>
      {message.reactions?.map((reaction) => (
        <Chip key={reaction.emoji} message={message} reaction={reaction} />
      ))}
      <button
        type="button"
        class="who"
        tabIndex={-1}
        aria-haspopup="dialog"
        onClick={() => acts.open({ kind: "reactors", message })}
      >
        {t.reactions.who}
      </button>
    </fieldset>
  );
}

function Chip({
  message,
  reaction: { emoji, count, mine = false, userIds },
}: {
  message: Message;
  reaction: Reaction;
}) {
  return (
    <button
      type="button"
      class="chip"
      tabIndex={-1}
      aria-pressed={mine}
      // Looked up once the pointer is there.
      onPointerEnter={(event) => (event.currentTarget.title = namesOf(message.chatId, userIds, count))}
      onClick={() => toggle(message.id, emoji, !mine)}
    >
      <Count emoji={emoji} count={count} />
    </button>
  );
}

/** An emoji and how many users reacted with it. */
export const Count = ({ emoji, count }: { emoji: string; count: number }) => (
  <>
    <span>{emoji}</span> {count}
    <bdi class="hidden"> {t.reactions.noun(count)}</bdi>
  </>
);

/** Who gave a reaction, as far as it is known here. */
function namesOf(chatId: string, userIds: readonly string[], count: number): string {
  const members = client.members(chatId);
  const names = userIds.flatMap((id) => members.find(({ userId }) => userId === id)?.user ?? []).map(nameOf);
  return names.length ? t.reactions.names(names, count - names.length) : "";
}
