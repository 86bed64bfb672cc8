import { ConflictError, RateLimitedError, UnauthenticatedError } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { client } from "./client";
import { DeveloperLinks } from "./developer-links";
import { useAction, type FieldErrors } from "./ui/action";
import { Field, valuesOf } from "./ui/field";
import { Logo } from "./ui/icons";

const USERNAME = /^\w{3,20}$/;
const PASSWORD = /^(?=.*[A-Z])(?=.*[a-z])(?=.*\d).{8,64}$/s;
const USERNAME_HINT = "3–20 letters, digits or underscores.";
const PASSWORD_HINT = "8–64 characters with an upper-case letter, a lower-case letter and a digit.";

/** Why somebody who was logged in no longer is. */
const ENDED = "Your session has ended. Log in to go on.";

export function AuthPage({ reason }: { reason: string | null }) {
  const [isNew, setNew] = useState(false);
  return (
    <main class="entrance">
      <section class="welcome" aria-hidden="true">
        <div class="talk">
          <p class="bubble">Did the venue confirm? 🎉</p>
          <p class="bubble own">Just now. Saturday, 8 pm.</p>
          <p class="bubble">Perfect, I'll tell the others</p>
          <p class="bubble own typing">
            <i />
            <i />
            <i />
          </p>
        </div>
      </section>
      <section class="door">
        <div class="card">
          <Logo />
          <h1>{isNew ? "Create your account" : "Welcome back"}</h1>
          <p class="quiet">{isNew ? "Pick a name that others will find you by." : "Log in to go on talking."}</p>
          {reason && !isNew && (
            <p class="notice" role="status">
              {ENDED}
            </p>
          )}
          {isNew ? <Register /> : <Login />}
          <p class="switch">
            {isNew ? "Already have an account?" : "New here?"}{" "}
            <button type="button" class="link" onClick={() => setNew(!isNew)}>
              {isNew ? "Log in" : "Create an account"}
            </button>
          </p>
        </div>
        <DeveloperLinks />
      </section>
    </main>
  );
}

function Login() {
  const { run, busy, errors, setErrors } = useAction();
  const form = useFirstField();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const { name = "", password = "" } = valuesOf(form.current!);
    if (!name || !password) {
      setErrors({ ...missing("name", name), ...missing("password", password) });
      return;
    }
    void run(async () => {
      try {
        await client.login(name.includes("@") ? { email: name, password } : { username: name, password });
      } catch (error) {
        if (!(error instanceof UnauthenticatedError || error instanceof RateLimitedError)) throw error;
        setErrors({ password: [error.message] });
      }
    });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Field
        label="Username or e-mail"
        name="name"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        errors={errors["name"] ?? errors["username"] ?? errors["email"]}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="current-password"
        errors={errors["password"]}
      />
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? "Logging in …" : "Log in"}
      </button>
    </form>
  );
}

function Register() {
  const { run, busy, errors, setErrors } = useAction();
  const form = useFirstField();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const { username = "", email = "", password = "" } = valuesOf(form.current!);
    const wrong: FieldErrors = {
      ...(USERNAME.test(username) ? {} : { username: [USERNAME_HINT] }),
      ...(/^\S+@\S+$/.test(email) ? {} : { email: ["An e-mail address, such as you@example.org."] }),
      ...(PASSWORD.test(password) ? {} : { password: [PASSWORD_HINT] }),
    };
    setErrors(wrong);
    if (Object.keys(wrong).length) return;
    void run(async () => {
      try {
        await client.register({ username, email, password });
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        setErrors({ [error.code === "email_taken" ? "email" : "username"]: [error.message] });
      }
    });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Field
        label="Username"
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        hint={USERNAME_HINT}
        errors={errors["username"]}
      />
      <Field label="E-mail" name="email" type="email" autocomplete="email" errors={errors["email"]} />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="new-password"
        hint={PASSWORD_HINT}
        errors={errors["password"]}
      />
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? "Creating …" : "Create account"}
      </button>
    </form>
  );
}

const missing = (field: string, value: string): FieldErrors => (value ? {} : { [field]: ["Fill this in."] });

/** A form whose first field has the focus, and later the first that is wrong. */
function useFirstField() {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);
  useEffect(() => form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus());
  return form;
}
