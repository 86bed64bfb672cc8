import type { Chat, User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { block, unblock } from "./blocking";
import { client, useLive } from "./client";
import { has, useFeatures } from "./features";
import { nameOf } from "./format";
import { Report } from "./message-dialogs";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { showError } from "./ui/toast";

type Person = Pick<User, "id" | "username" | "displayName" | "isDeleted">;

/** The buttons that protect from another user: to block and to report them. */
export function Protection({ user }: { user: Person }) {
  useFeatures();
  const isBlocked = useLive(() => client.blocked.has(user.id));
  const name = nameOf(user);
  const toggle = () => void (isBlocked ? unblock(user) : block(user)).catch(showError);
  return (
    <>
      {has("blocking") && !user.isDeleted && (
        <button type="button" class={`deed ${isBlocked ? "" : "danger"}`} onClick={toggle}>
          {icons.block} {isBlocked ? t.blocking.unblock(name) : t.blocking.block(name)}
        </button>
      )}
      <ReportButton title={t.report.ofUser(name)} target={{ userId: user.id }} />
    </>
  );
}

export const ReportGroup = ({ chat }: { chat: Chat }) => (
  <ReportButton title={t.report.ofGroup} target={{ chatId: chat.id }} />
);

interface ReportButtonProps {
  title: string;
  target: { userId: string } | { chatId: string };
}

function ReportButton({ title, target }: ReportButtonProps) {
  const [isOpen, setOpen] = useState(false);
  if (!has("reports")) return null;
  return (
    <>
      <button type="button" class="deed danger" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {icons.flag} {title}
      </button>
      {isOpen && <Report title={title} target={target} onClose={() => setOpen(false)} />}
    </>
  );
}
