import type { ApiKey, NewApiKey, Scope } from "@chatapp/client";
import { useId, useState } from "preact/hooks";
import { client } from "../client";
import { dateOf } from "../format";
import { t } from "../texts";
import { a } from "../texts/administration";
import { useAction } from "../ui/action";
import { Dialog, confirmed } from "../ui/dialog";
import { Field } from "../ui/field";
import type { Values } from "../ui/form";
import { FormDialog } from "../ui/form-dialog";
import { icons } from "../ui/icons";
import { Menu, type MenuItem } from "../ui/menu";
import { showNotice } from "../ui/toast";
import { Select } from "../ui/select";
import { dateTimeOf } from "./format";
import { List, Tag, useList } from "./parts";

const DAY_MS = 86_400_000;
const MAX_NAME = 100;
/** Each group of scopes, of which a backend usually needs the first. */
const SCOPES: readonly Scope[] = [
  "users",
  "users:read",
  "tokens",
  "chats",
  "chats:read",
  "messages",
  "messages:read",
  "act",
  "admin",
  "moderation",
  "webhooks",
  "audit:read",
  "keys",
];

/** The API keys of backends. */
export function Keys() {
  const list = useList(() => client.list("GET /admin/keys", { query: {} }), []);
  const [isNew, setNew] = useState(false);
  const [rotated, setRotated] = useState<ApiKey | null>(null);
  const [secret, setSecret] = useState<NewApiKey | null>(null);
  const made = (key: NewApiKey) => {
    setNew(false);
    setRotated(null);
    setSecret(key);
    void list.reload();
  };
  return (
    <>
      <header>
        <h2>{a.pages.keys}</h2>
        <button type="button" class="button primary" onClick={() => setNew(true)}>
          {icons.add} {a.keys.new}
        </button>
      </header>
      <p class="lead quiet">{a.keys.about}</p>
      <List label={a.pages.keys} list={list} empty={a.keys.none} class="card">
        {(key) => (
          <li key={key.id} class={`key ${stateOf(key) === "valid" ? "" : "over"}`}>
            <div>
              <h3 dir="auto">
                {key.name} <State apiKey={key} />
              </h3>
              <p class="scopes">
                {key.actsAs && <span class="scope">{a.keys.actsAs}</span>}
                {key.scopes?.map((scope) => (
                  <span key={scope} class="scope code">
                    {scope}
                  </span>
                ))}
              </p>
              <p class="key-facts quiet small">
                {factsOf(key).map((fact) => (
                  <span key={fact}>{fact}</span>
                ))}
              </p>
            </div>
            {!key.revokedAt && <KeyMenu apiKey={key} onRotate={setRotated} onRevoked={list.reload} />}
          </li>
        )}
      </List>
      {isNew && <NewKey onMade={made} onClose={() => setNew(false)} />}
      {rotated && <RotateKey apiKey={rotated} onMade={made} onClose={() => setRotated(null)} />}
      {secret && <Secret apiKey={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

const stateOf = ({ revokedAt, expiresAt }: ApiKey) =>
  revokedAt ? "revoked" : expiresAt && new Date(expiresAt) <= new Date() ? "expired" : "valid";

function State({ apiKey }: { apiKey: ApiKey }) {
  const state = stateOf(apiKey);
  if (state !== "valid") return <Tag kind="danger">{a.keys[state]}</Tag>;
  return apiKey.previousValidUntil ? <Tag kind="warning">{a.keys.twoSecrets}</Tag> : null;
}

function factsOf(key: ApiKey): string[] {
  const facts = [a.keys.created(dateOf(key.createdAt))];
  if (key.revokedAt) return [...facts, a.keys.revokedOn(dateTimeOf(key.revokedAt))];
  facts.push(key.lastUsedAt ? a.keys.lastUsed(dateTimeOf(key.lastUsedAt)) : a.keys.neverUsed);
  if (key.expiresAt) facts.push(a.keys.expires(dateTimeOf(key.expiresAt)));
  if (key.previousValidUntil) facts.push(a.keys.previousUntil(dateTimeOf(key.previousValidUntil)));
  return facts;
}

interface KeyMenuProps {
  apiKey: ApiKey;
  onRotate: (key: ApiKey) => void;
  onRevoked: () => Promise<void>;
}

function KeyMenu({ apiKey, onRotate, onRevoked }: KeyMenuProps) {
  const { run } = useAction();
  const revoke = () =>
    run(async () => {
      const { revokeTitle: title, revokeText: text, revoke: action } = a.keys;
      if (!(await confirmed({ title: title(apiKey.name), text, action }))) return;
      await client.call("DELETE /admin/keys/{keyId}", { path: { keyId: apiKey.id } });
      await onRevoked();
      showNotice(a.keys.wasRevoked(apiKey.name));
    });
  const items: MenuItem[] = [
    { label: a.keys.rotate, icon: icons.retry, onSelect: () => onRotate(apiKey) },
    { label: a.keys.revoke, icon: icons.trash, danger: true, separate: true, onSelect: () => void revoke() },
  ];
  return (
    <Menu label={a.keys.manage(apiKey.name)} items={items}>
      {icons.more}
    </Menu>
  );
}

interface MakeProps {
  onMade: (key: NewApiKey) => void;
  onClose: () => void;
}

const checkName = (value: string) => {
  if (!value) return t.forms.required;
  return [...value].length <= MAX_NAME ? null : t.forms.tooLong(MAX_NAME);
};

function NewKey({ onMade, onClose }: MakeProps) {
  const [scopes, setScopes] = useState<readonly Scope[]>([]);
  const id = useId();
  const toggle = (scope: Scope) =>
    setScopes(scopes.includes(scope) ? scopes.filter((each) => each !== scope) : [...scopes, scope]);
  const create = async ({ name = "", days = "" }: Values) => {
    const expiresAt = days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null;
    const body = { name, scopes: SCOPES.filter((scope) => scopes.includes(scope)), expiresAt };
    onMade((await client.call("POST /admin/keys", { body })).data);
  };
  return (
    <FormDialog
      title={a.keys.new}
      verb={a.keys.create}
      checks={{ name: checkName }}
      disabled={!scopes.length}
      onSubmit={create}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <Field label={a.keys.name} name="name" autocomplete="off" hint={a.keys.nameHint} error={errors["name"]} />
          <fieldset class="choices">
            <legend>{a.keys.scopes}</legend>
            {SCOPES.map((scope) => (
              <div key={scope} class="choice">
                <input
                  type="checkbox"
                  id={`${id}-${scope}`}
                  name="scope"
                  value={scope}
                  checked={scopes.includes(scope)}
                  aria-describedby={`${id}-${scope}-about`}
                  onChange={() => toggle(scope)}
                />
                <label for={`${id}-${scope}`} class="code">
                  {scope}
                </label>
                <span id={`${id}-${scope}-about`} class="quiet">
                  {a.keys.scopeHints[scope]}
                </span>
              </div>
            ))}
          </fieldset>
          <Select
            label={a.keys.expiry}
            name="days"
            options={[
              ["", a.keys.never],
              ["30", a.keys.days(30)],
              ["90", a.keys.days(90)],
              ["365", a.keys.days(365)],
            ]}
          />
        </>
      )}
    </FormDialog>
  );
}

function RotateKey({ apiKey, onMade, onClose }: MakeProps & { apiKey: ApiKey }) {
  const rotate = async ({ overlap = "24h" }: Values) => {
    const given = { path: { keyId: apiKey.id }, body: { overlap } };
    onMade((await client.call("POST /admin/keys/{keyId}/rotate", given)).data);
  };
  // The usual overlap comes first: it is what the form begins with.
  return (
    <FormDialog title={a.keys.rotateTitle(apiKey.name)} verb={a.keys.rotate} onSubmit={rotate} onClose={onClose}>
      {() => (
        <>
          <p class="quiet">{a.keys.rotateText}</p>
          <Select
            label={a.keys.overlap}
            name="overlap"
            options={[
              ["24h", a.keys.hours(24)],
              ["0s", a.keys.atOnce],
              ["1h", a.keys.hours(1)],
              ["7d", a.keys.days(7)],
            ]}
          />
        </>
      )}
    </FormDialog>
  );
}

/** The only time that a key can be read. */
function Secret({ apiKey, onClose }: { apiKey: NewApiKey; onClose: () => void }) {
  const [isCopied, setCopied] = useState(false);
  const { run } = useAction();
  const copy = () =>
    run(async () => {
      await navigator.clipboard.writeText(apiKey.secret);
      setCopied(true);
      showNotice(a.keys.copied);
    });
  const close = async () => {
    const { closeTitle: title, closeText: text, close: action } = a.keys;
    if (isCopied || (await confirmed({ title, text, action }))) onClose();
  };
  return (
    <Dialog title={a.keys.secretTitle(apiKey.name)} class="secret-dialog" onClose={() => void close()}>
      <p class="notice">
        {icons.alert} {a.keys.secretText}
      </p>
      <textarea
        class="code"
        readOnly
        rows={2}
        aria-label={a.keys.secret}
        value={apiKey.secret}
        spellcheck={false}
        onFocus={(event) => event.currentTarget.select()}
        onCopy={() => setCopied(true)}
      />
      <footer>
        <button type="button" class="button" onClick={() => void close()}>
          {a.keys.done}
        </button>
        <button type="button" class="button primary" autofocus onClick={() => void copy()}>
          {isCopied ? icons.check : icons.copy} {a.keys.copy}
        </button>
      </footer>
    </Dialog>
  );
}
