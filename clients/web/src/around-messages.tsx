// What stands above and below the messages of a chat.
import type { Chat } from "@chatapp/client";
import { ChatAvatar } from "./chat-list";
import { client, useLive } from "./client";
import { chatName, nameOf } from "./format";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";

export function Beginning({ chat }: { chat: Chat }) {
  return (
    <div class="beginning">
      <ChatAvatar chat={chat} size="large" />
      <h3 dir="auto">{chatName(chat)}</h3>
      {chat.type === "GROUP" && chat.description ? (
        <p dir="auto">{chat.description}</p>
      ) : (
        <p>{chat.type === "GROUP" ? t.messages.groupBeginning : t.messages.beginning(chatName(chat))}</p>
      )}
    </div>
  );
}

/** Above the loaded messages while there are older ones. */
export const Older = ({ chatId, hasFailed = false }: { chatId: string; hasFailed?: boolean }) =>
  hasFailed ? (
    <Failed text={t.messages.olderFailed} onRetry={() => client.loadOlder(chatId)} />
  ) : (
    <p class="quiet" role="status">
      {t.messages.loadingOlder}
    </p>
  );

/** Below a part of the messages that is apart from the newest ones. */
export const Newer = ({ chatId, hasFailed }: { chatId: string; hasFailed: boolean }) => (
  <div class="bottom">
    {hasFailed ? (
      <Failed text={t.messages.newerFailed} onRetry={() => client.loadNewer(chatId)} />
    ) : (
      <p class="quiet" role="status">
        {t.messages.loadingNewer}
      </p>
    )}
  </div>
);

const Failed = ({ text, onRetry }: { text: string; onRetry: () => Promise<unknown> }) => (
  <p class="quiet">
    {text}{" "}
    <button type="button" class="link" onClick={() => void onRetry().catch(() => {})}>
      {t.messages.tryAgain}
    </button>
  </p>
);

export function Typing({ chat }: { chat: Chat }) {
  const typers = useLive(() => client.typers(chat.id));
  const members = useLive(() => client.members(chat.id));
  const first = typers[0];
  if (!first) return null;
  const user = members.find((member) => member.userId === first.userId)?.user;
  return (
    <div class="typers" aria-hidden="true">
      <Avatar id={first.userId} name={nameOf(first)} picture={user?.avatar ?? null} size="small" />
      <p class="bubble typing">
        <i />
        <i />
        <i />
      </p>
    </div>
  );
}

export const Waiting = () => (
  <div class="waiting" role="status" aria-label={t.messages.loading}>
    {[46, 30, 58, 38, 50, 26].map((width, at) => (
      <span key={at} class={`bone ${at % 3 === 1 ? "own" : ""}`} style={{ width: `${width}%` }} />
    ))}
  </div>
);
