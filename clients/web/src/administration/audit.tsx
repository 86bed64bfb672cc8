import type { AuditEntry } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client } from "../client";
import { nameOf } from "../format";
import { a } from "../texts/administration";
import { icons } from "../ui/icons";
import { Select } from "../ui/select";
import { dateTimeOf, exactTimeOf } from "./format";
import { List, useList } from "./parts";

/** What the list can be reduced to: the kinds of actions. */
const KINDS = [
  "user.*",
  "role.*",
  "session.*",
  "password.*",
  "key.*",
  "chat.*",
  "member.*",
  "message.*",
  "report.*",
] as const;

interface Subject {
  readonly id: string;
  readonly name: string;
}

/** The audit log, with filters. */
export function Audit() {
  const [action, setAction] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [actor, setActor] = useState<Subject | null>(null);
  const [target, setTarget] = useState<Subject | null>(null);
  const list = useList(() => {
    const query = {
      ...(action && { action }),
      ...(actor && { actor: actor.id }),
      ...(target && { target: target.id }),
      ...(from && { from: new Date(`${from}T00:00`).toISOString() }),
      ...(to && { to: new Date(`${to}T23:59:59.999`).toISOString() }),
    };
    return client.list("GET /admin/audit", { query });
  }, [action, from, to, actor, target]);
  return (
    <>
      <header>
        <h2>{a.pages.audit}</h2>
        <button type="button" class="button" onClick={() => void list.reload()}>
          {icons.retry} {a.refresh}
        </button>
      </header>
      <search class="filters audit-filters">
        <Select
          label={a.audit.action}
          value={action}
          onChange={setAction}
          options={[["", a.audit.allActions], ...KINDS.map((kind) => [kind, a.audit.kinds[kind]] as const)]}
        />
        <Day label={a.audit.from} value={from} onChange={setFrom} />
        <Day label={a.audit.to} value={to} onChange={setTo} />
      </search>
      {(actor || target) && (
        <div class="picked">
          {actor && <Filter text={a.audit.byActor(actor.name)} onRemove={() => setActor(null)} />}
          {target && <Filter text={a.audit.onTarget(target.name)} onRemove={() => setTarget(null)} />}
        </div>
      )}
      <List label={a.pages.audit} list={list} empty={a.audit.none} class="card">
        {(entry) => (
          <li key={entry.id} class="audit">
            <Entry entry={entry} onActor={setActor} onTarget={setTarget} />
          </li>
        )}
      </List>
    </>
  );
}

function Day({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="date" value={value} onChange={(event) => onChange(event.currentTarget.value)} />
    </label>
  );
}

function Filter({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <button type="button" aria-label={a.audit.removeFilter(text)} onClick={onRemove}>
      <span class="name">{text}</span>
      {icons.close}
    </button>
  );
}

interface EntryProps {
  entry: AuditEntry;
  onActor: (actor: Subject) => void;
  onTarget: (target: Subject) => void;
}

function Entry({ entry, onActor, onTarget }: EntryProps) {
  const [isOpen, setOpen] = useState(false);
  const { actor, target } = entry;
  const actions: Readonly<Record<string, string>> = a.audit.actions;
  const types: Readonly<Record<string, string>> = a.audit.types;
  const actorName = actor.type === "cli" ? a.audit.types.cli : actor.name;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="who">
          <b dir="auto">{actorName}</b>
          {actor.type === "key" && <span class="scope">{a.audit.types.key}</span>}
        </span>
        <span class="what">
          {actions[entry.action] ?? entry.action}
          {target && target.type !== entry.action.split(".")[0] && <span class="quiet"> · {types[target.type]}</span>}
        </span>
        <time class="quiet" dateTime={entry.at}>
          {dateTimeOf(entry.at)}
        </time>
      </summary>
      <dl class="facts">
        <dt>{a.audit.action}</dt>
        <dd class="code">{entry.action}</dd>
        <dt>{a.audit.time}</dt>
        <dd>{exactTimeOf(entry.at)}</dd>
        <dt>{a.audit.actor}</dt>
        <dd>
          {types[actor.type] ?? actor.type} {actor.id && <Subject id={actor.id} name={actorName} onPick={onActor} />}
        </dd>
        {entry.actingAs && (
          <>
            <dt>{a.audit.actingAs}</dt>
            <dd>
              {isOpen && <UserName id={entry.actingAs} />} <span class="code">{entry.actingAs}</span>
            </dd>
          </>
        )}
        {target && (
          <>
            <dt>{a.audit.target}</dt>
            <dd>
              {types[target.type] ?? target.type} {isOpen && target.type === "user" && <UserName id={target.id} />}{" "}
              <Subject
                id={target.id}
                name={`${types[target.type] ?? target.type} ${target.id.slice(-6)}`}
                onPick={onTarget}
              />
            </dd>
          </>
        )}
        {entry.address && (
          <>
            <dt>{a.audit.address}</dt>
            <dd class="code">{entry.address}</dd>
          </>
        )}
        {Object.entries(entry.details ?? {}).map(([name, value]) => (
          <>
            <dt class="code">{name}</dt>
            <dd class="code">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </>
        ))}
      </dl>
    </details>
  );
}

/** An id, and the button that reduces the list to it. */
function Subject({ id, name, onPick }: Subject & { onPick: (subject: Subject) => void }) {
  return (
    <>
      <span class="code">{id}</span>{" "}
      <button type="button" class="link" aria-label={a.audit.only(name)} onClick={() => onPick({ id, name })}>
        {a.audit.filter}
      </button>
    </>
  );
}

/** The name of a user, once it is known; nothing for an erased one. */
function UserName({ id }: { id: string }) {
  const [name, setName] = useState("");
  useEffect(() => {
    let isShown = true;
    client
      .call("GET /server/users/{user}", { path: { user: id } })
      .then(({ data }) => isShown && setName(nameOf(data)))
      .catch(() => {});
    return () => void (isShown = false);
  }, [id]);
  return <b dir="auto">{name}</b>;
}
