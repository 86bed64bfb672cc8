import type { BlockedUser } from "@chatapp/client";
import { client, useLive } from "../client";
import { PagesEnd, usePages } from "../dialogs/pages";
import { dateOf, handleOf, nameOf } from "../format";
import { s } from "../texts/settings";
import { Avatar } from "../ui/avatar";
import { showError } from "../ui/toast";

/** The users whom the user blocks. Who is unblocked stays in the list while it is open, and can be blocked again. */
export function Blocked() {
  const pages = usePages(() => client.listBlocks(), []);
  return (
    <>
      <ul class="people">
        {pages.items.map((block) => (
          <Entry key={block.user.id} block={block} />
        ))}
      </ul>
      <PagesEnd pages={pages} empty={s.blocked.empty} />
    </>
  );
}

function Entry({ block: { user, createdAt } }: { block: BlockedUser }) {
  const isBlocked = useLive(() => client.blocked.has(user.id));
  const toggle = () => void client[isBlocked ? "unblock" : "block"](user.id).catch(showError);
  const action = isBlocked ? s.blocked.unblock : s.blocked.block;
  return (
    <li class="blocked-user">
      <div class="entry">
        <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} />
        <span class="title">
          <bdi>{nameOf(user)}</bdi>
        </span>
        <span class="preview">
          {[handleOf(user), isBlocked && s.blocked.since(dateOf(createdAt))].filter(Boolean).join(" · ")}
        </span>
      </div>
      <button type="button" class="button" aria-label={`${action}: ${nameOf(user)}`} onClick={toggle}>
        {action}
      </button>
    </li>
  );
}
