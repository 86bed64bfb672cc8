import type { Chat, Member } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { AddPeople } from "./add-people";
import { ChatAvatar } from "./chat-list";
import { client, useLive, useMe } from "./client";
import { EditGroup } from "./edit-group";
import { chatName, count, dateOf, presenceText } from "./format";
import { chatPath, go } from "./route";
import { useAction } from "./ui/action";
import { confirmed } from "./ui/dialog";
import { icons } from "./ui/icons";
import { Menu, type MenuItem } from "./ui/menu";
import { Person } from "./ui/person";

/** Who or what a chat is: a person, or a group with its members and, for its admins, what they can do. */
export function Details({ chat }: { chat: Chat }) {
  const close = useRef<HTMLAnchorElement>(null);
  useEffect(() => close.current?.focus({ preventScroll: true }), []);
  return (
    <section
      class="details"
      aria-label="Details"
      onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && go(chatPath(chat.id))}
    >
      <header>
        <h2>{chat.type === "GROUP" ? "Group" : "Person"}</h2>
        <a ref={close} class="icon-button" href={chatPath(chat.id)} aria-label="Close details">
          {icons.close}
        </a>
      </header>
      <div class="about">
        <ChatAvatar chat={chat} size="large" />
        <h3>{chatName(chat)}</h3>
        {chat.type === "GROUP" ? <Group chat={chat} /> : <Peer chat={chat} />}
      </div>
    </section>
  );
}

function Peer({ chat }: { chat: Chat }) {
  const { peer } = chat;
  const presence = useLive(() => peer && client.presence(peer.id));
  if (!peer) return <p class="quiet">This account no longer exists.</p>;
  return (
    <>
      <p class="quiet">{presenceText(presence ?? undefined)}</p>
      <dl>
        <dt>Here since</dt>
        <dd>{dateOf(peer.createdAt)}</dd>
        <dt>Talking since</dt>
        <dd>{dateOf(chat.createdAt)}</dd>
      </dl>
    </>
  );
}

function Group({ chat }: { chat: Chat }) {
  const me = useMe();
  const members = useLive(() => client.members(chat.id));
  const hasMore = useLive(() => client.hasMoreMembers(chat.id)) && members.length > 0;
  const isAdmin = members.some((member) => member.userId === me.id && member.role === "ADMIN");
  const [dialog, setDialog] = useState<"edit" | "add" | null>(null);
  const { run, busy } = useAction();
  const leave = () =>
    run(async () => {
      const text = "You get nothing more of it, and can come back only if an admin adds you.";
      if (await confirmed({ title: `Leave ${chatName(chat)}?`, text, action: "Leave" }))
        await client.leaveGroup(chat.id);
    });
  const remove = () =>
    run(async () => {
      const text = "The group and all its messages are gone, for everybody.";
      if (await confirmed({ title: `Delete ${chatName(chat)}?`, text, action: "Delete group" })) {
        await client.deleteGroup(chat.id);
      }
    });
  return (
    <>
      {chat.description && <p class="description">{chat.description}</p>}
      <p class="quiet">Since {dateOf(chat.createdAt)}</p>
      {isAdmin && (
        <div class="deeds">
          <button type="button" class="button" onClick={() => setDialog("edit")}>
            {icons.edit} Edit
          </button>
          <button type="button" class="button" onClick={() => setDialog("add")}>
            {icons.add} Add people
          </button>
        </div>
      )}
      <section aria-label="Members">
        <h4>{count(chat.memberCount, "member")}</h4>
        <ul class="people">
          {members.map((member) => (
            <li key={member.userId} class="entry">
              <Person user={member.user}>
                {member.role === "ADMIN" && <span class="role">Admin</span>}
                {isAdmin && member.userId !== me.id && <MemberMenu chat={chat} member={member} />}
              </Person>
            </li>
          ))}
        </ul>
        {hasMore && (
          <button
            type="button"
            class="deed"
            disabled={busy}
            onClick={() => void run(() => client.loadMembers(chat.id))}
          >
            Show more members
          </button>
        )}
      </section>
      <div class="ends">
        <button type="button" class="deed danger" disabled={busy} onClick={() => void leave()}>
          {icons.leave} Leave group
        </button>
        {isAdmin && (
          <button type="button" class="deed danger" disabled={busy} onClick={() => void remove()}>
            {icons.trash} Delete group
          </button>
        )}
      </div>
      {dialog === "edit" && <EditGroup chat={chat} onClose={() => setDialog(null)} />}
      {dialog === "add" && <AddPeople chat={chat} onClose={() => setDialog(null)} />}
    </>
  );
}

function MemberMenu({ chat, member }: { chat: Chat; member: Member }) {
  const { run } = useAction();
  const name = member.user.username;
  const talk = () =>
    run(async () => {
      go(chatPath((await client.createDirectChat(member.userId)).id));
    });
  const change = () =>
    run(() => client.setMemberRole(chat.id, member.userId, member.role === "ADMIN" ? "MEMBER" : "ADMIN"));
  const remove = () =>
    run(async () => {
      const question = { title: `Remove ${name}?`, text: "They get nothing more of this group.", action: "Remove" };
      if (await confirmed(question)) await client.removeMember(chat.id, member.userId);
    });
  const items: MenuItem[] = [
    { label: "Message", icon: icons.send, onSelect: () => void talk() },
    {
      label: member.role === "ADMIN" ? "Make member" : "Make admin",
      icon: icons.shield,
      onSelect: () => void change(),
    },
    { label: "Remove", icon: icons.trash, danger: true, separate: true, onSelect: () => void remove() },
  ];
  return (
    <Menu label={`Manage ${name}`} items={items}>
      {icons.more}
    </Menu>
  );
}
