import type { Message } from "@chatapp/client";
import { client, useLive, useMe } from "../client";
import { type Profiled, showProfile } from "../profile-popup";
import { EVERYONE, namesIn } from "./names";

interface MentionedProps {
  text: string;
  chatId: string;
  mentions: NonNullable<Message["mentions"]>;
}

/** A part of a message with the names of those whom it mentions: the reader's own stands out, others lead to profiles. */
export function Mentioned({ text, chatId, mentions: { userIds = [], all } }: MentionedProps) {
  const me = useMe();
  const members = useLive(() => client.members(chatId));
  const users: Profiled[] = [me, ...members.map(({ user }) => user)];
  const names = users
    .filter(({ id }) => userIds.includes(id))
    .flatMap((user) => [user.displayName ?? user.username, user.username].map((name) => [name, user] as const));
  const everyone = all ? EVERYONE.map((name) => [name, null] as const) : [];
  const parts = [];
  let end = 0;
  for (const found of namesIn<Profiled | null>(text, [...names, ...everyone])) {
    parts.push(text.slice(end, found.start));
    end = found.end;
    parts.push(<Mention name={text.slice(found.start, end)} user={found.value} isMe={found.value?.id === me.id} />);
  }
  parts.push(text.slice(end));
  return <>{parts}</>;
}

function Mention({ name, user, isMe }: { name: string; user: Profiled | null; isMe: boolean }) {
  if (!user || isMe) {
    return (
      <mark class="mention">
        <bdi>{name}</bdi>
      </mark>
    );
  }
  return (
    <button type="button" class="mention" tabIndex={-1} onClick={(event) => showProfile(user, event.currentTarget)}>
      <bdi>{name}</bdi>
    </button>
  );
}
