import { useEffect, useState } from "preact/hooks";
import { client } from "./client";
import { chatName, gist } from "./format";

/** Reads new messages out to who uses a screen reader. */
export function Announcer() {
  const [said, say] = useState("");
  useEffect(
    () =>
      client.onMessage((message, chat) => {
        const place = chat.type === "GROUP" ? ` in ${chatName(chat)}` : "";
        say(`${message.sender.username}${place}: ${gist(message)}`);
      }),
    [],
  );
  return (
    <div class="hidden" aria-live="polite" role="status" data-announcer>
      {said}
    </div>
  );
}
