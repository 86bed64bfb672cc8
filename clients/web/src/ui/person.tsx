import type { User } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { client, useLive } from "../client";
import { handleOf, nameOf, presenceText } from "../format";
import { t } from "../texts";
import { Avatar } from "./avatar";

/** A user in a list: picture, names, presence. */
export function Person({ user, children }: { user: User; children?: ComponentChildren }) {
  // The client gets no events about strangers: the search result is all that is known.
  const presence = useLive(() => client.presence(user.id)) ?? user;
  const about = user.isDeleted ? "" : presenceText(presence);
  return (
    <>
      <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} isOnline={presence.isOnline} />
      <span class="title">
        <bdi>{nameOf(user)}</bdi>
        {user.isBot && <BotMark />}
      </span>
      <span class="preview">{[handleOf(user), about].filter(Boolean).join(" · ")}</span>
      {children}
    </>
  );
}

export const BotMark = () => (
  <>
    {" "}
    <span class="mark">{t.common.bot}</span>
  </>
);

/** Below the name of a user: who they are apart from it. */
export function Identity({ user }: { user: Pick<User, "username" | "displayName" | "isDeleted" | "isBot"> }) {
  const handle = handleOf(user);
  if (!handle && !user.isBot) return null;
  return (
    <p class="identity">
      {handle && <bdi>{handle}</bdi>}
      {user.isBot && <BotMark />}
    </p>
  );
}
