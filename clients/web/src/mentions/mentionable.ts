// Who can be mentioned in a chat, and who is in a text.
import type { Message, User } from "@chatapp/client";
import { client } from "../client";
import { limitOf } from "../features";
import { handleOf } from "../format";
import { EVERYONE, namesIn } from "./names";

const MAX_MENTIONS = 50;
/** Of larger groups only admins may mention all members. */
const MAX_MEMBERS_FOR_ALL = 50;

type Mentions = NonNullable<Message["mentions"]>;

const usersOf = (chatId: string): readonly User[] => client.members(chatId).map(({ user }) => user);
const calledOf = ({ displayName, username }: User) => displayName ?? username;

/** Whether the user may mention all members of a chat. */
export function mayMentionAll(chatId: string): boolean {
  const chat = client.chat(chatId);
  const me = client.session.me?.id;
  if (chat?.type !== "GROUP") return false;
  if (chat.memberCount <= limitOf("mentionAllMembers", MAX_MEMBERS_FOR_ALL)) return true;
  return client.members(chatId).some(({ userId, role }) => userId === me && role === "ADMIN");
}

/** Other members with a name that begins with `query`, or with a word that does. */
export function mentionable(chatId: string, query: string): User[] {
  const me = client.session.me?.id;
  const start = query.toLowerCase();
  const fits = (name: string) => name.toLowerCase().startsWith(start) || name.toLowerCase().includes(` ${start}`);
  return usersOf(chatId).filter(
    (user) => user.id !== me && !user.isDeleted && [calledOf(user), user.username].some(fits),
  );
}

/** What is written for a user: their name, unless another member has the same one. */
export function writtenName(chatId: string, user: User): string {
  const name = calledOf(user);
  const isShared = usersOf(chatId).some((other) => other.id !== user.id && calledOf(other) === name);
  return isShared && handleOf(user) ? user.username : name;
}

/** Who is mentioned in a text. Of users with one name, those who were `picked` from the list come first. */
export function mentionsOf(chatId: string, text: string, picked: readonly string[]): Mentions | null {
  if (!text.includes("@")) return null;
  const isPicked = ({ id }: User) => picked.includes(id);
  const users = usersOf(chatId).toSorted((one, other) => Number(isPicked(other)) - Number(isPicked(one)));
  const names = users.flatMap((user) => [calledOf(user), user.username].map((name) => [name, user.id] as const));
  const all = mayMentionAll(chatId) ? EVERYONE.map((name) => [name, null] as const) : [];
  const found = namesIn<string | null>(text, [...names, ...all]).map(({ value }) => value);
  const userIds = [...new Set(found)].filter((id) => id !== null && id !== client.session.me?.id) as string[];
  return mentions(userIds, found.includes(null));
}

/** Those of an edited message: as in its new text, and those of the old ones whom the old text does not name. */
export function mentionsOfEdit(message: Message, text: string, picked: readonly string[]): Mentions | null {
  const { chatId, content, mentions: old } = message;
  const before = mentionsOf(chatId, content ?? "", old?.userIds ?? []);
  const after = mentionsOf(chatId, text, [...picked, ...(old?.userIds ?? [])]);
  const unnamed = (old?.userIds ?? []).filter((id) => !before?.userIds?.includes(id));
  return mentions(
    [...new Set([...(after?.userIds ?? []), ...unnamed])],
    after?.all === true || (old?.all === true && !before?.all),
  );
}

/** As a message has them: without what is empty. */
export function mentions(userIds: readonly string[], all: boolean): Mentions | null {
  if (!userIds.length && !all) return null;
  return { ...(userIds.length && { userIds: userIds.slice(0, MAX_MENTIONS) }), ...(all && { all }) };
}
