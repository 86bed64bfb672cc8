import { useEffect, useState } from "preact/hooks";
import { client } from "./client";
import { chatName, preview } from "./format";
import { t } from "./texts";

/** Announces new messages to screen readers. */
export function Announcer() {
  const [text, setText] = useState("");
  useEffect(
    () =>
      client.onMessage((message, chat) => {
        const group = chat.type === "GROUP" ? chatName(chat) : null;
        setText(t.home.incoming(message.sender.username, group, preview(message)));
      }),
    [],
  );
  return (
    <div class="hidden" aria-live="polite" role="status" data-announcer>
      {text}
    </div>
  );
}
