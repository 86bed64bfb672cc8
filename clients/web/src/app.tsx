import { useEffect } from "preact/hooks";
import { client, useLive } from "./client";
import { AuthPage } from "./auth";
import { Home } from "./home";
import { HOME, go, keepPlaceFor, takePlace } from "./route";
import { t } from "./texts";
import { Questions } from "./ui/dialog";
import { Logo } from "./ui/icons";
import { Toasts, showError } from "./ui/toast";

let userId: string | undefined;
client.subscribe(() => {
  const { me, reason } = client.session;
  if (me) takePlace(me.id);
  else if (userId && reason) keepPlaceFor(userId);
  else if (userId) go(HOME);
  userId = me?.id;
});

// The browser asks before it leaves the page, only while that would lose something.
addEventListener("beforeunload", (event) => client.hasUnsaved && event.preventDefault());

export function App() {
  const session = useLive(() => client.session);
  useEffect(() => {
    client.restore().catch(showError);
  }, []);
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
