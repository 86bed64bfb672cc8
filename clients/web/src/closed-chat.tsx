import type { Chat } from "@chatapp/client";
import { unblock } from "./blocking";
import { nameOf } from "./format";
import { t } from "./texts";
import { showError } from "./ui/toast";

/** In place of the field to write in, where nothing can be sent. */
export function ClosedChat({ chat: { peer }, reason }: { chat: Chat; reason: "you_blocked" | "cannot_send" }) {
  return (
    <div class="composer closed">
      {reason === "you_blocked" && peer ? (
        <>
          <p>{t.blocking.done(nameOf(peer))}</p>
          <button type="button" class="button" onClick={() => void unblock(peer).catch(showError)}>
            {t.blocking.end}
          </button>
        </>
      ) : (
        <p>{t.errors.byCode.cannot_send}</p>
      )}
    </div>
  );
}
