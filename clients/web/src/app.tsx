import { useEffect } from "preact/hooks";
import { client, useLive } from "./client";
import { AuthPage } from "./auth";
import { Home } from "./home";
import { script } from "./lazy";
import { HOME, go, keepPlaceFor, takePlace, useResetCode } from "./route";
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

const Splash = (
  <div class="splash" role="status" aria-label={t.common.loading}>
    <Logo />
  </div>
);
const Reset = script(() => import("./reset")).lazy((parts) => parts.Reset, Splash);

export function App() {
  const resetCode = useResetCode();
  const session = useLive(() => client.session);
  useEffect(() => {
    client.restore().catch(showError);
  }, []);
  return (
    <>
      {resetCode !== null ? (
        <Reset code={resetCode} />
      ) : session.state === "loggedIn" ? (
        <Home key={session.me.id} />
      ) : session.state === "loggedOut" ? (
        <AuthPage reason={session.reason} />
      ) : (
        Splash
      )}
      <Questions />
      <Toasts />
    </>
  );
}
