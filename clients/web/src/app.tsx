import { useEffect } from "preact/hooks";
import { client, useLive } from "./client";
import { AuthPage } from "./auth";
import { Home } from "./home";
import { HOME, go } from "./route";
import { t } from "./texts";
import { Questions } from "./ui/dialog";
import { Logo } from "./ui/icons";
import { Toasts, complain } from "./ui/toast";

export function App() {
  const session = useLive(() => client.session);
  useEffect(() => {
    client.restore().catch(complain);
  }, []);
  useEffect(() => {
    // Whoever logs in next begins at the beginning.
    if (session.state === "loggedOut") go(HOME);
  }, [session.state]);
  return (
    <>
      {session.state === "loggedIn" ? (
        <Home key={session.me.id} />
      ) : session.state === "loggedOut" ? (
        <AuthPage reason={session.reason} />
      ) : (
        <div class="splash" role="status" aria-label={t.common.loading}>
          <Logo />
        </div>
      )}
      <Questions />
      <Toasts />
    </>
  );
}
