import type { User } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { client, useLive } from "../client";
import { presenceText } from "../format";
import { Avatar } from "./avatar";

/** A user in a list: picture, name, presence. */
export function Person({ user, children }: { user: User; children?: ComponentChildren }) {
  // The client gets no events about strangers: the search result is all that is known.
  const presence = useLive(() => client.presence(user.id)) ?? user;
  return (
    <>
      <Avatar id={user.id} name={user.username} picture={user.avatar} isOnline={presence.isOnline} />
      <span class="title">{user.username}</span>
      <span class="preview">{presenceText(presence)}</span>
      {children}
    </>
  );
}
