import { useEffect, useState } from "preact/hooks";
import { client } from "./client";
import { chatName, nameOf, preview } from "./format";
import { t } from "./texts";

/** Announces new messages to screen readers. */
export function Announcer() {
  const [text, setText] = useState("");
  useEffect(
    () =>
      client.onMessage((message, chat) => {
        if (client.blocked.has(message.senderId)) return;
        const group = chat.type === "GROUP" ? chatName(chat) : null;
        const sender = message.type === "SYSTEM" ? chatName(chat) : nameOf(message.sender);
        setText(t.home.incoming(sender, message.type === "SYSTEM" ? null : group, preview(message)));
      }),
    [],
  );
  return (
    <div class="hidden" aria-live="polite" role="status" data-announcer>
      {text}
    </div>
  );
}
