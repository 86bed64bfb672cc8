import type { Chat, Member } from "@chatapp/client";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { AddPeople } from "./add-people";
import { ChatAvatar } from "./chat-list";
import { client, useLive, useMe } from "./client";
import { EditGroup } from "./edit-group";
import { ChatFiles } from "./message-dialogs";
import { has, useFeatures } from "./features";
import { chatName, dateOf, nameOf, presenceText } from "./format";
import { LeaveGroup, heirsOf } from "./leave-group";
import { showProfile } from "./profile-popup";
import { Protection, ReportGroup } from "./protection";
import { HOME, chatPath, go } from "./route";
import { t } from "./texts";
import { useAction } from "./ui/action";
import { confirmed } from "./ui/dialog";
import { icons } from "./ui/icons";
import { Menu, type MenuItem } from "./ui/menu";
import { Identity, Person } from "./ui/person";
import { showNotice } from "./ui/toast";

/** The other person of a chat, or a group with its members and the actions of its admins. */
export function Details({ chat }: { chat: Chat }) {
  const close = useRef<HTMLAnchorElement>(null);
  useFeatures();
  useLayoutEffect(() => close.current?.focus({ preventScroll: true }), []);
  return (
    <section
      class="details"
      aria-label={t.details.details}
      onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && go(chatPath(chat.id))}
    >
      <header>
        <h2>{chat.type === "GROUP" ? t.details.group : t.details.person}</h2>
        <a ref={close} class="icon-button" href={chatPath(chat.id)} aria-label={t.details.close}>
          {icons.close}
        </a>
      </header>
      <div class="about">
        <ChatAvatar chat={chat} size="large" />
        <h3 dir="auto">{chatName(chat)}</h3>
        {chat.peer && <Identity user={chat.peer} />}
        {chat.type === "GROUP" ? <Group chat={chat} /> : <Peer chat={chat} />}
      </div>
    </section>
  );
}

/** The button that shows the pictures and files of the chat. */
function Files({ chat }: { chat: Chat }) {
  const [isOpen, setOpen] = useState(false);
  if (!has("files")) return null;
  return (
    <>
      <button type="button" class="button files" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {icons.image} {t.chatFiles.title}
      </button>
      {isOpen && <ChatFiles chat={chat} onClose={() => setOpen(false)} />}
    </>
  );
}

function Peer({ chat }: { chat: Chat }) {
  const { peer } = chat;
  const presence = useLive(() => peer && client.presence(peer.id));
  if (!peer || peer.isDeleted) {
    return (
      <>
        <p class="quiet">{t.details.deleted}</p>
        <Files chat={chat} />
      </>
    );
  }
  return (
    <>
      <p class="quiet">{presenceText(presence ?? undefined)}</p>
      <Files chat={chat} />
      <dl>
        <dt>{t.profile.joined}</dt>
        <dd>{dateOf(peer.createdAt)}</dd>
        <dt>{t.details.chatSince}</dt>
        <dd>{dateOf(chat.createdAt)}</dd>
      </dl>
      <div class="ends">
        <Protection user={peer} />
      </div>
    </>
  );
}

function Group({ chat }: { chat: Chat }) {
  const me = useMe();
  const members = useLive(() => client.members(chat.id));
  const hasMore = useLive(() => client.hasMoreMembers(chat.id)) && members.length > 0;
  const isAdmin = members.some((member) => member.userId === me.id && member.role === "ADMIN");
  const [dialog, setDialog] = useState<"edit" | "add" | null>(null);
  const [heirs, setHeirs] = useState<readonly Member[] | null>(null);
  const { run, busy } = useAction();
  const leave = () => run(async () => setHeirs(await heirsOf(chat.id, me.id)));
  const remove = () =>
    run(async () => {
      const name = chatName(chat);
      const { deleteTitle, deleteText, deleteGroup, groupDeleted } = t.details;
      if (!(await confirmed({ title: deleteTitle(name), text: deleteText, action: deleteGroup }))) return;
      await client.deleteGroup(chat.id);
      go(HOME);
      showNotice(groupDeleted(name));
    });
  return (
    <>
      {chat.description && (
        <p class="description" dir="auto">
          {chat.description}
        </p>
      )}
      <p class="quiet">{t.details.created(dateOf(chat.createdAt))}</p>
      {isAdmin && (
        <div class="deeds">
          <button type="button" class="button" onClick={() => setDialog("edit")}>
            {icons.edit} {t.details.editGroup}
          </button>
          <button type="button" class="button" onClick={() => setDialog("add")}>
            {icons.add} {t.details.addPeople}
          </button>
        </div>
      )}
      <Files chat={chat} />
      <section aria-label={t.groups.members}>
        <h4>{t.details.memberCount(chat.memberCount)}</h4>
        <ul class="people">
          {members.map((member) => (
            <li key={member.userId}>
              <button type="button" class="entry" onClick={(event) => showProfile(member.user, event.currentTarget)}>
                <Person user={member.user}>
                  {member.role === "ADMIN" && <span class="role">{t.details.admin}</span>}
                </Person>
              </button>
              {isAdmin && member.userId !== me.id && <MemberMenu chat={chat} member={member} />}
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
            {t.details.moreMembers}
          </button>
        )}
      </section>
      <div class="ends">
        <ReportGroup chat={chat} />
        <button type="button" class="deed danger" disabled={busy} onClick={() => void leave()}>
          {icons.leave} {t.details.leaveGroup}
        </button>
        {isAdmin && (
          <button type="button" class="deed danger" disabled={busy} onClick={() => void remove()}>
            {icons.trash} {t.details.deleteGroup}
          </button>
        )}
      </div>
      {dialog === "edit" && <EditGroup chat={chat} onClose={() => setDialog(null)} />}
      {dialog === "add" && <AddPeople chat={chat} onClose={() => setDialog(null)} />}
      {heirs && <LeaveGroup chat={chat} heirs={heirs} onClose={() => setHeirs(null)} />}
    </>
  );
}

function MemberMenu({ chat, member }: { chat: Chat; member: Member }) {
  const { run } = useAction();
  const name = nameOf(member.user);
  const change = () =>
    run(() => client.setMemberRole(chat.id, member.userId, member.role === "ADMIN" ? "MEMBER" : "ADMIN"));
  const remove = () =>
    run(async () => {
      const { removeTitle, removeText, removeAction } = t.details;
      if (await confirmed({ title: removeTitle(name), text: removeText, action: removeAction })) {
        await client.removeMember(chat.id, member.userId);
      }
    });
  const items: MenuItem[] = [
    {
      label: member.role === "ADMIN" ? t.details.makeMember : t.details.makeAdmin,
      icon: icons.shield,
      onSelect: () => void change(),
    },
    { label: t.details.remove, icon: icons.trash, danger: true, separate: true, onSelect: () => void remove() },
  ];
  return (
    <Menu label={t.details.manage(name)} items={items}>
      {icons.more}
    </Menu>
  );
}
