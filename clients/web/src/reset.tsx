import { useState } from "preact/hooks";
import { AuthCard } from "./auth";
import { checkPassword } from "./checks";
import { client } from "./client";
import { HOME } from "./route";
import { t } from "./texts";
import { Field } from "./ui/field";
import { useForm } from "./ui/form";

const CHECKS = { newPassword: checkPassword };

/** The page of a link that sets a new password. Opening it changes nothing until the form is sent. */
export function Reset({ code }: { code: string }) {
  const [isDone, setDone] = useState(false);
  const { props, busy, errors } = useForm(CHECKS, async ({ newPassword = "" }) => {
    await client.resetPassword(code, newPassword);
    setDone(true);
  });
  return (
    <AuthCard title={t.reset.title}>
      {isDone ? (
        <p role="status">{t.reset.done}</p>
      ) : (
        <>
          <p class="quiet">{t.reset.hint}</p>
          <form {...props}>
            <Field
              label={t.reset.newPassword}
              name="newPassword"
              type="password"
              autocomplete="new-password"
              hint={t.forms.passwordHint}
              error={errors["newPassword"]}
            />
            <button type="submit" class="button primary wide" disabled={busy}>
              {t.reset.submit}
            </button>
          </form>
        </>
      )}
      <p class="switch">
        <a href={HOME}>{isDone ? t.auth.logIn : t.reset.cancel}</a>
      </p>
    </AuthCard>
  );
}
