import type { DeliveryStatus } from "@chatapp/client";
import { t } from "../texts";

/** How far a message got: one tick sent, two delivered, two on a filled ground read. */
export function Ticks({ status }: { status: DeliveryStatus }) {
  const { sent, delivered, read } = t.preview;
  const word = { SENT: sent, DELIVERED: delivered, READ: read }[status];
  return (
    <span class={`ticks ${status.toLowerCase()}`} title={word}>
      <svg class="icon" viewBox="0 0 20 14" aria-hidden="true">
        {status === "READ" && <rect width="20" height="14" rx="4" />}
        <path
          d={
            status === "SENT"
              ? "m5 7.5 3.5 3.5L16 3"
              : status === "READ"
                ? "m2.5 7.3 3 3 6-6.6M9.6 9.6l.8.7 6-6.6"
                : "m1.5 7.5L5 11l7.5-8M9 10l1 1 7.5-8"
          }
        />
      </svg>
      <span class="hidden">{word}</span>
    </span>
  );
}
