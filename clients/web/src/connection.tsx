import { ProblemError } from "@chatapp/client";
import { useEffect, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { t } from "./texts";
import { icons } from "./ui/icons";

/** Nobody has to read of a connection that is back by then. */
const PATIENCE_MS = 1200;

/** Says so while there is no connection, and while what was missed comes in. */
export function ConnectionBanner() {
  const { state, error } = useLive(() => client.connection);
  const [isLate, setLate] = useState(false);
  const isOnline = state === "online";
  useEffect(() => {
    if (isOnline) {
      setLate(false);
      return undefined;
    }
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isOnline]);
  const isShown = isLate && !isOnline;
  return (
    <div class={`banner ${isShown ? state : "online"}`} role="status">
      {isShown &&
        (state === "catchingUp" ? (
          <p>{t.connection.catchingUp}</p>
        ) : (
          <>
            {icons.alert}
            <p>
              <b>{t.connection.offline}</b> {error instanceof ProblemError ? error.message : t.connection.sentLater}
            </p>
            <button type="button" class="link" disabled={state === "connecting"} onClick={() => client.reconnect()}>
              {state === "connecting" ? t.connection.connecting : t.connection.tryAgain}
            </button>
          </>
        ))}
    </div>
  );
}
