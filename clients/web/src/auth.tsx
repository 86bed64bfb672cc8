import type { Capabilities } from "@chatapp/client";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { checkEmail, checkPassword, checkRequired, checkUsername } from "./checks";
import { client } from "./client";
import { DeveloperLinks } from "./developer-links";
import { t } from "./texts";
import { Field } from "./ui/field";
import { useForm } from "./ui/form";
import { Logo } from "./ui/icons";

/** Log in or register. `reason` is why the session ended, if there was one. */
export function AuthPage({ reason }: { reason: string | null }) {
  const [isNew, setNew] = useState(false);
  const [isAdministrator, setAdministrator] = useState(false);
  const { registration, passwordLogin } = useCapabilities();
  if (!passwordLogin && !isAdministrator) {
    return (
      <AuthCard title={t.auth.welcome}>
        <p class="quiet">{t.auth.throughApp}</p>
        <p class="switch">
          <button type="button" class="link" onClick={() => setAdministrator(true)}>
            {t.auth.logInAsAdministrator}
          </button>
        </p>
      </AuthCard>
    );
  }
  return (
    <AuthCard title={isNew ? t.auth.createYourAccount : t.auth.welcome}>
      {reason && !isNew ? (
        <p class="notice" role="status">
          {t.auth.sessionEnded}
        </p>
      ) : (
        <p class="quiet">{isNew ? t.auth.pickAName : t.auth.logInToContinue}</p>
      )}
      {isNew ? <Register /> : <Login />}
      {registration === "open" && (
        <p class="switch">
          {isNew ? t.auth.haveAccount : t.auth.newHere}{" "}
          <button type="button" class="link" onClick={() => setNew(!isNew)}>
            {isNew ? t.auth.logIn : t.auth.createAnAccount}
          </button>
        </p>
      )}
    </AuthCard>
  );
}

/** The page around a form of a user who is not logged in. */
export function AuthCard({ title, children }: { title: string; children: ComponentChildren }) {
  const [question, answer, delight] = t.auth.demo;
  return (
    <main class="auth">
      <section class="welcome" aria-hidden="true">
        <div class="talk">
          <p class="bubble">{question}</p>
          <p class="bubble own">{answer}</p>
          <p class="bubble">{delight}</p>
          <p class="bubble own typing">
            <i />
            <i />
            <i />
          </p>
        </div>
      </section>
      <section class="content">
        <div class="card">
          <Logo />
          <h1>{title}</h1>
          {children}
        </div>
        <DeveloperLinks />
      </section>
    </main>
  );
}

type LoginOptions = Pick<Capabilities, "registration" | "passwordLogin">;

/** What this server allows; everything until its response arrives, or if it does not. */
function useCapabilities(): LoginOptions {
  const [options, setOptions] = useState<LoginOptions>({ registration: "open", passwordLogin: true });
  useEffect(() => {
    client.capabilities().then(setOptions, () => {});
  }, []);
  return options;
}

function Login() {
  const checks = { name: checkRequired, password: checkRequired };
  const { props, busy, errors } = useForm(checks, ({ name = "", password = "" }) =>
    client.login(name.includes("@") ? { email: name, password } : { username: name, password }),
  );
  useFirstField(props.ref);
  return (
    <form {...props}>
      <Field
        label={t.auth.nameOrEmail}
        name="name"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        error={errors["name"]}
      />
      <Field
        label={t.forms.password}
        name="password"
        type="password"
        autocomplete="current-password"
        error={errors["password"]}
      />
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? t.auth.loggingIn : t.auth.logIn}
      </button>
    </form>
  );
}

function Register() {
  const checks = { username: checkUsername, email: checkEmail, password: checkPassword };
  const { props, busy, errors } = useForm(checks, ({ username = "", email = "", password = "" }) =>
    client.register({ username, email, password }),
  );
  useFirstField(props.ref);
  return (
    <form {...props}>
      <Field
        label={t.forms.username}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        hint={t.forms.usernameHint}
        error={errors["username"]}
      />
      <Field label={t.forms.email} name="email" type="email" autocomplete="email" error={errors["email"]} />
      <Field
        label={t.forms.password}
        name="password"
        type="password"
        autocomplete="new-password"
        hint={t.forms.passwordHint}
        error={errors["password"]}
      />
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? t.auth.creating : t.auth.createAccount}
      </button>
    </form>
  );
}

function useFirstField(form: { readonly current: HTMLFormElement | null }): void {
  // With the form: later the user may be writing in another field.
  useLayoutEffect(() => form.current?.querySelector("input")?.focus(), []);
}
