import { ChatView } from "./chat";
import { BURST_MS, client, useLive } from "./client";
import { Details } from "./details";
import type { Target } from "./route";

interface OpenChatProps {
  chatId: string;
  details: boolean;
  target: Target | null;
}

/** A component of its own: each message changes the chat, and must not render the rest of the page. */
export function OpenChat({ chatId, details, target }: OpenChatProps) {
  const chat = useLive(() => client.chat(chatId), BURST_MS);
  if (!chat) return null;
  return (
    <>
      <ChatView chat={chat} details={details} target={target} />
      {details && <Details chat={chat} />}
    </>
  );
}
