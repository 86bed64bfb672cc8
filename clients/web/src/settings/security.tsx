import type { LoginSession } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { checkPassword, checkRequired } from "../checks";
import { client, useMe } from "../client";
import { errorText } from "../error-text";
import { pastText } from "../format";
import { SessionEntry } from "../session-entry";
import { t } from "../texts";
import { s } from "../texts/settings";
import { useAction } from "../ui/action";
import { confirmed } from "../ui/dialog";
import { Field } from "../ui/field";
import { useForm } from "../ui/form";
import { showNotice } from "../ui/toast";
import { agentOf } from "../user-agent";

const CHECKS = { currentPassword: checkRequired, newPassword: checkPassword };

/** The password of the user's account, and where they are logged in. */
export function Security() {
  const me = useMe();
  return (
    <>
      {me.passwordLogin && <Password />}
      <Sessions />
    </>
  );
}

function Password() {
  // A new form is empty.
  const [version, setVersion] = useState(0);
  return <PasswordForm key={version} onChanged={() => setVersion(version + 1)} />;
}

function PasswordForm({ onChanged }: { onChanged: () => void }) {
  const { props, busy, errors } = useForm(CHECKS, async ({ currentPassword = "", newPassword = "" }) => {
    await client.changePassword(currentPassword, newPassword);
    onChanged();
    showNotice(s.security.passwordChanged);
  });
  return (
    <form {...props}>
      {/* For password managers. */}
      <input type="text" name="username" autocomplete="username" value={client.session.me?.username} hidden readOnly />
      <Field
        label={s.security.currentPassword}
        name="currentPassword"
        type="password"
        autocomplete="current-password"
        error={errors["currentPassword"]}
      />
      <Field
        label={s.security.newPassword}
        name="newPassword"
        type="password"
        autocomplete="new-password"
        hint={t.forms.passwordHint}
        error={errors["newPassword"]}
      />
      <p class="quiet">{s.security.passwordEndsSessions}</p>
      <button type="submit" class="button primary" disabled={busy}>
        {s.security.changePassword}
      </button>
    </form>
  );
}

function Sessions() {
  const { run, busy } = useAction();
  const [sessions, setSessions] = useState<readonly LoginSession[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = async () => {
    try {
      setSessions(await client.sessions());
      setError(null);
    } catch (failure) {
      setError(failure);
    }
  };
  useEffect(() => void load(), []);
  const end = (session: LoginSession) =>
    run(async () => {
      await client.endSession(session.id);
      await load();
    });
  const endOthers = () =>
    run(async () => {
      const { endOthersTitle: title, endOthersText: text, endOthers: action } = s.security;
      if (!(await confirmed({ title, text, action }))) return;
      await client.endOtherSessions();
      await load();
      showNotice(s.security.othersEnded);
    });
  return (
    <section class="sessions">
      <h3>{s.security.sessions}</h3>
      {error ? (
        <p role="alert">
          {errorText(error)}{" "}
          <button type="button" class="link" onClick={() => void load()}>
            {t.connection.tryAgain}
          </button>
        </p>
      ) : sessions ? (
        <ul aria-label={s.security.sessions}>
          {sessions.map((session) => (
            <Entry key={session.id} session={session} busy={busy} onEnd={() => void end(session)} />
          ))}
        </ul>
      ) : (
        <p role="status" class="quiet">
          {t.common.loading}
        </p>
      )}
      {sessions && sessions.length > 1 && (
        <button type="button" class="button" disabled={busy} onClick={() => void endOthers()}>
          {s.security.endOthers}
        </button>
      )}
    </section>
  );
}

function Entry({ session, busy, onEnd }: { session: LoginSession; busy: boolean; onEnd: () => void }) {
  const name = session.device?.name ?? agentOf(session.userAgent) ?? s.security.unknownDevice;
  const used = session.isOnline ? t.times.online : s.security.lastUsed(pastText(session.lastUsedAt));
  return (
    <SessionEntry
      name={name}
      facts={[session.isCurrent && s.security.thisDevice, session.address, used]}
      end={s.security.end(name)}
      busy={busy}
      onEnd={session.isCurrent ? undefined : onEnd}
    />
  );
}
