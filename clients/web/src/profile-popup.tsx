import type { User } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client, onSessionEnd, useLive, useMe } from "./client";
import { dateOf, presenceText } from "./format";
import { Profile } from "./profile";
import { chatPath, go } from "./route";
import { t } from "./texts";
import { useAction } from "./ui/action";
import { Avatar } from "./ui/avatar";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";

/** The parts of a user that names and avatars have. */
export type Profiled = Pick<User, "id" | "username" | "avatar">;

interface Shown {
  readonly user: Profiled;
  readonly anchor: HTMLElement | undefined;
}

let shown: Shown | null = null;
let listener = (_shown: Shown | null) => {};

function show(next: Shown | null): void {
  shown = next;
  listener(shown);
}

/** Show a user's profile and the actions for it. Closing returns the focus to `anchor`. */
export const showProfile = (user: Profiled, anchor?: HTMLElement) => show({ user, anchor });

onSessionEnd(() => show(null));

/** Where `showProfile` shows. */
export function ProfilePopup() {
  const [current, setCurrent] = useState(shown);
  listener = setCurrent;
  return current && <Popup key={current.user.id} {...current} />;
}

function Popup({ user, anchor }: Shown) {
  const me = useMe();
  const { run, busy } = useAction();
  const [isEditing, setEditing] = useState(false);
  const details = useDetails(user.username);
  const isMe = user.id === me.id;
  const presence = useLive(() => client.presence(user.id)) ?? details ?? undefined;
  const close = () => {
    show(null);
    if (anchor?.isConnected) anchor.focus();
  };
  const message = () =>
    run(async () => {
      const chat = await client.createDirectChat(user.id);
      show(null);
      go(chatPath(chat.id));
    });
  if (isEditing) return <Profile onClose={close} />;
  return (
    <Dialog title={t.profile.title} class="profile" onClose={close}>
      <Avatar id={user.id} name={user.username} picture={user.avatar} isOnline={presence?.isOnline} size="large" />
      <h3 dir="auto">{user.username}</h3>
      <p class="quiet">{isMe ? t.profile.you : presenceText(presence)}</p>
      <p class="quiet">{details && t.profile.joinedOn(dateOf(details.createdAt))}</p>
      {isMe ? (
        <button type="button" class="button wide" autofocus onClick={() => setEditing(true)}>
          {icons.edit} {t.profile.edit}
        </button>
      ) : (
        <button type="button" class="button primary wide" autofocus disabled={busy} onClick={() => void message()}>
          {icons.send} {t.profile.message}
        </button>
      )}
    </Dialog>
  );
}

/** The rest of a user's profile; null until it has arrived, and where it can't be read. */
function useDetails(username: string): User | null {
  const [details, setDetails] = useState<User | null>(null);
  useEffect(() => {
    client.user(username).then(setDetails, () => {});
  }, []);
  return details;
}
