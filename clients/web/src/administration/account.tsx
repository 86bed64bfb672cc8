import type { Account, PatchAccount, Role } from "@chatapp/client";
import { client, useMe } from "../client";
import { dateOf, nameOf, presenceText } from "../format";
import { SessionEntry } from "../session-entry";
import { a } from "../texts/administration";
import { useAction } from "../ui/action";
import { Avatar } from "../ui/avatar";
import { Dialog, confirmed } from "../ui/dialog";
import { showNotice } from "../ui/toast";
import { agentOf } from "../user-agent";
import { Select } from "../ui/select";
import { dateTimeOf } from "./format";
import { List, Tag, useList } from "./parts";
import { AccountTags } from "./users";

interface AccountProps {
  account: Account;
  onChange: (account: Account) => void;
  onClose: () => void;
}

/** An account: its role, whether it is active, and its sessions. */
export function AccountDialog({ account, onChange, onClose }: AccountProps) {
  const me = useMe();
  const { run, busy } = useAction();
  const name = nameOf(account);
  const isMe = account.id === me.id;
  const update = (changes: PatchAccount, notice: string) =>
    run(async () => {
      onChange(await client.updateAccount(account.id, changes));
      showNotice(notice);
    });
  const setRole = async (role: Role) => {
    const question = { title: a.users.roleTitle(name), text: a.users.roleText[role], action: a.users.roleAction };
    if (await confirmed(question)) await update({ role }, a.users.roleChanged(name, a.roles[role]));
    // The choice shows the role that the account has.
    else onChange({ ...account });
  };
  const setActive = async (isActive: boolean) => {
    const { deactivateTitle: title, deactivateText: text, deactivate: action } = a.users;
    if (isActive || (await confirmed({ title: title(name), text, action }))) {
      await update({ isActive }, isActive ? a.users.reactivated(name) : a.users.wasDeactivated(name));
    }
  };
  return (
    <Dialog title={a.users.account} class="account-dialog" onClose={onClose}>
      <div class="self">
        <Avatar id={account.id} name={name} picture={account.avatar} size="large" isOnline={account.isOnline} />
        <p>
          <b dir="auto">{name}</b>
          <span class="quiet">@{account.username}</span>
          <AccountTags account={account} />
        </p>
      </div>
      <dl class="facts">
        <dt>{a.users.email}</dt>
        <dd>{account.email ?? a.users.noEmail}</dd>
        <dt>{a.users.joined}</dt>
        <dd>{dateOf(account.createdAt)}</dd>
        <dt>{a.users.presence}</dt>
        <dd>{presenceText(account)}</dd>
        {account.externalId && (
          <>
            <dt>{a.users.externalId}</dt>
            <dd class="code">{account.externalId}</dd>
          </>
        )}
        <dt>{a.id}</dt>
        <dd class="code">{account.id}</dd>
      </dl>
      {!account.isDeleted && (
        <>
          <Select
            label={a.users.role}
            value={account.role}
            disabled={busy}
            onChange={(role) => void setRole(role as Role)}
            options={(["USER", "MODERATOR", "ADMIN"] as const).map((role) => [role, a.roles[role]])}
          />
          {account.isActive && <Sessions account={account} />}
          <footer>
            {account.isActive ? (
              <button
                type="button"
                class="button danger"
                disabled={busy || isMe}
                title={isMe ? a.users.notYourself : undefined}
                onClick={() => void setActive(false)}
              >
                {a.users.deactivate}
              </button>
            ) : (
              <button type="button" class="button primary" disabled={busy} onClick={() => void setActive(true)}>
                {a.users.reactivate}
              </button>
            )}
          </footer>
        </>
      )}
    </Dialog>
  );
}

function Sessions({ account }: { account: Account }) {
  const { run, busy } = useAction();
  const path = { user: account.id };
  const list = useList(
    () => client.list("GET /server/users/{user}/sessions", { path, query: { limit: 100 } }),
    [account.id],
  );
  const end = (sessionId: string) =>
    run(async () => {
      await client.call("DELETE /server/users/{user}/sessions/{sessionId}", { path: { ...path, sessionId } });
      await list.reload();
    });
  const endAll = () =>
    run(async () => {
      const { endAllTitle: title, endAllText: text, endAll: action } = a.sessions;
      if (!(await confirmed({ title: title(nameOf(account)), text, action }))) return;
      await client.call("DELETE /server/users/{user}/sessions", { path });
      await list.reload();
      showNotice(a.sessions.ended);
    });
  return (
    <section class="sessions" aria-label={a.sessions.title}>
      <header>
        <h3>{a.sessions.title}</h3>
        {list.items && list.items.length > 1 && (
          <button type="button" class="link" disabled={busy} onClick={() => void endAll()}>
            {a.sessions.endAll}
          </button>
        )}
      </header>
      <List label={a.sessions.title} list={list} empty={a.sessions.none}>
        {(session) => {
          const name =
            session.device?.name ?? agentOf(session.userAgent) ?? a.sessions.kinds[session.kind] ?? session.kind;
          return (
            <SessionEntry
              key={session.id}
              name={name}
              facts={[session.address, session.lastUsedAt && a.sessions.lastUsed(dateTimeOf(session.lastUsedAt))]}
              end={a.sessions.end(name)}
              busy={busy}
              onEnd={() => void end(session.id)}
            >
              {session.isOnline && <Tag kind="good">{a.sessions.online}</Tag>}
            </SessionEntry>
          );
        }}
      </List>
    </section>
  );
}
