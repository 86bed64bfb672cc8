import { useEffect } from "preact/hooks";
import { client, useLive } from "./client";
import { AuthPage } from "./auth";
import { Home } from "./home";
import { HOME, go, keepPlaceFor, takePlace } from "./route";
import { t } from "./texts";
import { Questions } from "./ui/dialog";
import { Logo } from "./ui/icons";
import { Toasts, complain } from "./ui/toast";

let userId: string | undefined;
client.subscribe(() => {
  const { me, reason } = client.session;
  if (me) takePlace(me.id);
  else if (userId && reason) keepPlaceFor(userId);
  else if (userId) go(HOME);
  userId = me?.id;
});

export function App() {
  const session = useLive(() => client.session);
  useEffect(() => {
    client.restore().catch(complain);
  }, []);
  useWarningBeforeLoss();
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

/** Makes the browser ask before it leaves the page, while that would lose something unsent. */
function useWarningBeforeLoss(): void {
  const hasUnsaved = useLive(() => client.hasUnsaved);
  useEffect(() => {
    if (!hasUnsaved) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [hasUnsaved]);
}
