import type { User } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client, useLive, useMe } from "./client";
import { dateOf, nameOf, presenceText } from "./format";
import { Profile } from "./profile";
import type { Profiled, ShownProfile } from "./profile-popup";
import { Protection } from "./protection";
import { chatPath, go } from "./route";
import { t } from "./texts";
import { useAction } from "./ui/action";
import { Avatar } from "./ui/avatar";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";
import { Identity } from "./ui/person";

/** The profile of a user, and the actions for it. */
export function UserProfile({ user: given, anchor, onClose }: ShownProfile & { onClose: () => void }) {
  const me = useMe();
  const { run, busy } = useAction();
  const [isEditing, setEditing] = useState(false);
  const details = useDetails(given);
  const user = details ?? given;
  const isMe = user.id === me.id;
  const isBlocked = useLive(() => client.blocked.has(user.id));
  const presence = useLive(() => client.presence(user.id)) ?? details ?? undefined;
  const close = () => {
    onClose();
    if (anchor?.isConnected) anchor.focus();
  };
  const message = () =>
    run(async () => {
      const chat = await client.createDirectChat(user.id);
      onClose();
      go(chatPath(chat.id));
    });
  if (isEditing) return <Profile onClose={close} />;
  return (
    <Dialog title={t.profile.title} class="profile" onClose={close}>
      <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} isOnline={presence?.isOnline} size="large" />
      <h3 dir="auto">{nameOf(user)}</h3>
      <Identity user={user} />
      <p class="quiet">{isMe ? t.profile.you : user.isDeleted ? t.details.deleted : presenceText(presence)}</p>
      {!user.isDeleted && <p class="quiet">{details && t.profile.joinedOn(dateOf(details.createdAt))}</p>}
      {isMe ? (
        <button type="button" class="button wide" autofocus onClick={() => setEditing(true)}>
          {icons.edit} {t.profile.edit}
        </button>
      ) : (
        !user.isDeleted &&
        !isBlocked && (
          <button type="button" class="button primary wide" autofocus disabled={busy} onClick={() => void message()}>
            {icons.send} {t.profile.message}
          </button>
        )
      )}
      {!isMe && (
        <div class="deeds">
          <Protection user={user} />
        </div>
      )}
    </Dialog>
  );
}

/** The rest of a user's profile; null until it has arrived, and where it can't be read. */
function useDetails({ username, isDeleted }: Profiled): User | null {
  const [details, setDetails] = useState<User | null>(null);
  useEffect(() => {
    if (!isDeleted) client.user(username).then(setDetails, () => {});
  }, []);
  return details;
}
