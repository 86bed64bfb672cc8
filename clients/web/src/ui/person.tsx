import type { User } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { client, useLive } from "../client";
import { presenceText } from "../format";
import { Avatar } from "./avatar";

/** Somebody in a list: picture, name, whether they are here. */
export function Person({ user, children }: { user: User; children?: ComponentChildren }) {
  // Of strangers the client is told nothing as it happens: what was found is what is known.
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
