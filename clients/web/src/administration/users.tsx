import type { Account, Role } from "@chatapp/client";
import { useRef, useState } from "preact/hooks";
import { client } from "../client";
import { handleOf, nameOf } from "../format";
import { a } from "../texts/administration";
import { Avatar } from "../ui/avatar";
import { useRovingFocus } from "../ui/keys";
import { SearchField } from "../ui/search-field";
import { Select } from "../ui/select";
import { AccountDialog } from "./account";
import { List, Tag, useList, useSettled } from "./parts";

/** The accounts of this server. */
export function Users() {
  const [query, setQuery] = useState("");
  const [role, setRole] = useState("");
  const [open, setOpen] = useState<Account | null>(null);
  const q = useSettled(query.trim());
  const list = useList(() => client.accounts({ ...(q && { q }), ...(role && { role: role as Role }) }), [q, role]);
  const results = useRef<HTMLDivElement>(null);
  const roving = useRovingFocus(results);
  return (
    <>
      <h2>{a.pages.users}</h2>
      <search class="filters">
        <div class="search">
          <SearchField
            label={a.users.find}
            query={query}
            onQuery={setQuery}
            first={() => results.current?.querySelector("button")}
            onEscape={() => setQuery("")}
          />
        </div>
        <Select
          label={a.users.role}
          value={role}
          onChange={setRole}
          options={[
            ["", a.users.allRoles],
            ["USER", a.roles.USER],
            ["MODERATOR", a.roles.MODERATOR],
            ["ADMIN", a.roles.ADMIN],
          ]}
        />
      </search>
      <div ref={results} {...roving}>
        <List label={a.pages.users} list={list} empty={a.users.none} class="card people">
          {(account) => (
            <li key={account.id}>
              <button type="button" class="entry" onClick={() => setOpen(account)}>
                <Avatar id={account.id} name={nameOf(account)} picture={account.avatar} isOnline={account.isOnline} />
                <span class="title">{nameOf(account)}</span>
                <span class="preview">
                  {[handleOf(account), account.email ?? a.users.noEmail].filter(Boolean).join(" · ")}
                </span>
                <AccountTags account={account} />
              </button>
            </li>
          )}
        </List>
      </div>
      {open && (
        <AccountDialog
          account={open}
          onChange={(account) => {
            setOpen(account);
            void list.reload();
          }}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}

/** What is unusual about an account. */
export function AccountTags({ account }: { account: Account }) {
  return (
    <span class="tags">
      {account.role !== "USER" && <Tag>{a.roles[account.role]}</Tag>}
      {account.isBot && <Tag>{a.users.bot}</Tag>}
      {account.isDeleted ? (
        <Tag kind="danger">{a.users.erased}</Tag>
      ) : (
        !account.isActive && <Tag kind="danger">{a.users.deactivated}</Tag>
      )}
    </span>
  );
}
