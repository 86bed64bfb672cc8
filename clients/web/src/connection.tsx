import type { Connection } from "@chatapp/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { errorText } from "./error-text";
import { t } from "./texts";
import { icons } from "./ui/icons";

/** A connection that comes back within this time is not mentioned. */
const BANNER_DELAY_MS = 1200;

/** Shown while there is no connection, and while missed messages are fetched. */
export function ConnectionBanner() {
  const connection = useLive(() => client.connection);
  const [isLate, setLate] = useState(false);
  const isOnline = connection.state === "online";
  useEffect(() => {
    if (isOnline) {
      setLate(false);
      return undefined;
    }
    const timer = setTimeout(() => setLate(true), BANNER_DELAY_MS);
    return () => clearTimeout(timer);
  }, [isOnline]);
  // The first connection is part of loading the page, unless something is in the way: nothing moves for it.
  const wasOnline = useRef(false);
  wasOnline.current ||= isOnline;
  const isLoading = !wasOnline.current && !connection.cause && !connection.error;
  const isShown = isLate && !isOnline && !isLoading;
  return (
    <div class={`banner ${isShown ? connection.state : "online"}`} role="status" data-state={connection.state}>
      {isShown &&
        (connection.state === "catchingUp" ? (
          <p>{t.connection.catchingUp}</p>
        ) : (
          <>
            {icons.alert}
            <Reason connection={connection} />
            <button
              type="button"
              class="link"
              disabled={connection.state === "connecting"}
              onClick={() => client.reconnect()}
            >
              {t.connection.tryAgain}
            </button>
          </>
        ))}
    </div>
  );
}

function Reason({ connection: { cause, error, retryAt } }: { connection: Connection }) {
  if (cause === "offline") {
    return (
      <p>
        <b>{t.connection.offline}</b> {t.connection.sentLater}
      </p>
    );
  }
  if (!cause && !error) return <p>{t.connection.connecting}</p>;
  return (
    <p>
      <b>{cause ? t.connection.unreachable : errorText(error)}</b>{" "}
      {retryAt ? <Countdown until={retryAt} /> : t.connection.tryingAgain}
    </p>
  );
}

function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  // A screen reader is not to read out every second.
  return <span aria-hidden="true">{t.connection.tryingAgainIn(Math.max(1, Math.ceil((until - now) / 1000)))}</span>;
}
