import type { Account, Report } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { client, useLive, useMe } from "../client";
import { type Named, fileSize, handleOf, nameOf } from "../format";
import { chatPath, messagePath } from "../route";
import { a } from "../texts/administration";
import { useAction } from "../ui/action";
import { confirmed } from "../ui/dialog";
import { FormDialog } from "../ui/form-dialog";
import { icons } from "../ui/icons";
import { showNotice } from "../ui/toast";
import { Select } from "../ui/select";
import { AccountDialog } from "./account";
import { dateTimeOf } from "./format";
import { List, Tag, useList } from "./parts";

const MAX_NOTE = 1000;
const STATUSES = ["open", "done", "dismissed"] as const;

type Status = Report["status"];

/** What a dialog does with a report: it sets this status, or changes the note only. */
interface Handling {
  readonly report: Report;
  readonly status: Status | null;
}

/** The reports of users, and what moderators do about them. */
export function Reports() {
  const me = useMe();
  const [status, setStatus] = useState<Status | "">("open");
  const [handling, setHandling] = useState<Handling | null>(null);
  const [account, setAccount] = useState<Account | null>(null);
  const list = useList(
    () => client.list("GET /admin/reports", { query: { expand: "target", ...(status && { status }) } }),
    [status],
  );
  const heading = useRef<HTMLHeadingElement>(null);
  const reload = async () => {
    await list.reload();
    // The button that had the focus may be gone.
    if (document.activeElement === document.body) heading.current?.focus();
  };
  const { run } = useAction();
  const openAccount = (userId: string) =>
    run(async () => {
      const { data } = await client.call("GET /server/users/{user}", { path: { user: userId } });
      setAccount(data);
    });
  return (
    <>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {a.pages.reports}
        </h2>
        <button type="button" class="button" onClick={() => void reload()}>
          {icons.retry} {a.refresh}
        </button>
      </header>
      <search class="filters">
        <Select
          label={a.reports.status}
          value={status}
          onChange={(value) => setStatus(value as Status | "")}
          options={[["", a.reports.allStatuses], ...STATUSES.map((each) => [each, a.reports.statuses[each]] as const)]}
        />
      </search>
      <List label={a.pages.reports} list={list} empty={a.reports.none} class="reports">
        {(report) => (
          <li key={report.id} class="card report">
            <Entry
              report={report}
              onHandle={(next) => setHandling({ report, status: next })}
              onDeleted={reload}
              onAccount={me.role === "ADMIN" ? openAccount : null}
            />
          </li>
        )}
      </List>
      {handling && (
        <HandlingDialog
          {...handling}
          onDone={() => {
            setHandling(null);
            void reload();
          }}
          onClose={() => setHandling(null)}
        />
      )}
      {account && (
        <AccountDialog
          account={account}
          onChange={(changed) => {
            setAccount(changed);
            void list.reload();
          }}
          onClose={() => setAccount(null)}
        />
      )}
    </>
  );
}

interface EntryProps {
  report: Report;
  onHandle: (status: Status | null) => void;
  onDeleted: () => Promise<void>;
  /** For users who manage accounts: opens the one of a user. */
  onAccount: ((userId: string) => Promise<void>) | null;
}

function Entry({ report, onHandle, onDeleted, onAccount }: EntryProps) {
  const { target, reporter, text, excerpt, note, status } = report;
  const { run, busy } = useAction();
  const id = useId();
  const chatId = target.chat?.id;
  const isMember = useLive(() => chatId !== undefined && client.chat(chatId) !== undefined);
  const isMessage = target.type === "message";
  // The message is gone with its group: the excerpt still names its sender.
  const user = target.user ?? excerpt?.sender;
  const remove = () =>
    run(async () => {
      const { deleteTitle: title, deleteText, deleteMessage: action } = a.reports;
      if (!(await confirmed({ title, text: deleteText, action }))) return;
      await client.call("DELETE /messages/{id}", { path: { id: target.id } });
      showNotice(a.reports.deletedNotice);
      await onDeleted();
    });
  return (
    <article aria-labelledby={id}>
      <header>
        <h3 id={id}>
          {a.reports.reasons[report.reason] ?? report.reason}{" "}
          <Tag kind={TAGS[status]}>{a.reports.statuses[status]}</Tag>
          {target.isDeleted && <Tag kind="danger">{a.reports.deleted}</Tag>}
        </h3>
        <time class="quiet small" dateTime={report.createdAt}>
          {dateTimeOf(report.createdAt)}
        </time>
      </header>
      {isMessage && <Excerpt excerpt={excerpt} />}
      <dl class="facts">
        {user && (
          <Fact name={isMessage ? a.reports.sender : a.reports.user}>
            <UserName user={user} />
          </Fact>
        )}
        {target.chat && <Fact name={a.reports.chat}>{target.chat.name ?? a.reports.directChat}</Fact>}
        {!user && !target.chat && (
          <Fact name={a.reports[target.type]}>
            <span class="code">{target.id}</span>
          </Fact>
        )}
        <Fact name={a.reports.by}>{reporter ? <UserName user={reporter} /> : a.reports.unknown}</Fact>
        {text && <Fact name={a.reports.text}>{text}</Fact>}
        {note && <Fact name={a.reports.note}>{note}</Fact>}
        {report.closedAt && <Fact name={a.reports.closed}>{dateTimeOf(report.closedAt)}</Fact>}
      </dl>
      <footer>
        {status === "open" ? (
          <>
            <button type="button" class="button primary" onClick={() => onHandle("done")}>
              {a.reports.done}
            </button>
            <button type="button" class="button" onClick={() => onHandle("dismissed")}>
              {a.reports.dismiss}
            </button>
          </>
        ) : (
          <button type="button" class="button" onClick={() => onHandle("open")}>
            {a.reports.reopen}
          </button>
        )}
        <button type="button" class="button" onClick={() => onHandle(null)}>
          {a.reports.editNote}
        </button>
        {chatId && isMember && (
          <a class="button" href={excerpt ? messagePath(chatId, excerpt.seq) : chatPath(chatId)}>
            {a.reports.openChat}
          </a>
        )}
        {onAccount && user && !user.isDeleted && (
          <button type="button" class="button" onClick={() => void onAccount(user.id)}>
            {a.reports.account}
          </button>
        )}
        {isMessage && !target.isDeleted && (
          <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>
            {a.reports.deleteMessage}
          </button>
        )}
      </footer>
    </article>
  );
}

const TAGS = { open: "warning", done: "good", dismissed: "" } as const satisfies Record<Status, string>;

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd dir="auto">{children}</dd>
    </>
  );
}

function UserName({ user }: { user: Named }) {
  return (
    <>
      <bdi>{nameOf(user)}</bdi>
      {handleOf(user) && <span class="quiet"> {handleOf(user)}</span>}
    </>
  );
}

/** What the message said when it was reported: as plain text, and its file only on request. */
function Excerpt({ excerpt }: { excerpt: Report["excerpt"] }) {
  if (!excerpt) return <p class="quiet">{a.reports.noExcerpt}</p>;
  const { content, fileName, fileUrl, fileSize: size } = excerpt;
  return (
    <blockquote>
      {content && (
        <p class="text" dir="auto">
          {content}
        </p>
      )}
      {fileName && !fileUrl && <p class="quiet">{a.reports.fileGone(fileName)}</p>}
      {fileName && fileUrl && (
        <p>
          <a href={client.fileUrl(fileUrl)} target="_blank" rel="noreferrer">
            {a.reports.openFile(fileName)}
          </a>{" "}
          <span class="quiet">{fileSize(size ?? 0)}</span>
        </p>
      )}
    </blockquote>
  );
}

interface HandlingProps extends Handling {
  onDone: () => void;
  onClose: () => void;
}

function HandlingDialog({ report, status, onDone, onClose }: HandlingProps) {
  const id = useId();
  const [title, verb, notice] = textsOf(status);
  const submit = async ({ note = "" }: Readonly<Record<string, string>>) => {
    const body = { note: note || null, ...(status && { status }) };
    await client.call("PATCH /admin/reports/{reportId}", { path: { reportId: report.id }, body });
    showNotice(notice);
    onDone();
  };
  return (
    <FormDialog title={title} verb={verb} onSubmit={submit} onClose={onClose}>
      {() => (
        <div class="field">
          <label for={id}>{a.reports.note}</label>
          <textarea
            id={id}
            name="note"
            rows={4}
            maxLength={MAX_NOTE}
            dir="auto"
            defaultValue={report.note ?? ""}
            aria-describedby={`${id}-about`}
          />
          <p id={`${id}-about`} class="about">
            {a.reports.noteHint}
          </p>
        </div>
      )}
    </FormDialog>
  );
}

/** Of the dialog: its title, its button, and what is shown afterwards. */
function textsOf(status: Status | null): readonly [title: string, verb: string, notice: string] {
  const r = a.reports;
  switch (status) {
    case "done":
      return [r.doneTitle, r.done, r.closedNotice];
    case "dismissed":
      return [r.dismissTitle, r.dismiss, r.closedNotice];
    case "open":
      return [r.reopenTitle, r.reopen, r.reopenedNotice];
    default:
      return [r.editNote, r.save, r.savedNotice];
  }
}
