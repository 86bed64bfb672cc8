import type { Item, Message } from "@chatapp/client";
import { block, isClosed, unblock } from "./blocking";
import { client } from "./client";
import { copyText } from "./copy";
import { deleteSoon, undoOf } from "./deletions";
import { has } from "./features";
import { nameOf } from "./format";
import { isLong } from "./long-text";
import type { Acts, Open } from "./overlay";
import { showProfile } from "./profile-popup";
import { linksOf } from "./links";
import { quickRow } from "./reactions";
import { startReply } from "./reply";
import { messagePath } from "./route";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { type MenuItem, MenuList } from "./ui/menu";
import { showError } from "./ui/toast";

interface MessageMenuProps {
  item: Item;
  anchor: HTMLElement;
  isOwn: boolean;
  /** The user may delete the messages of others too. */
  mayDelete: boolean;
  mayPin: boolean;
  isExpanded: boolean;
  /** It is of a user whom the reader blocks, and not shown. */
  isCollapsed: boolean;
  acts: Acts;
  onClose: () => void;
}

/** Everything that can be done with a message, by keys too. */
export function MessageMenu(props: MessageMenuProps) {
  const { item, anchor, isCollapsed, acts, onClose } = props;
  const items = item.state === "sent" ? ofSent(props, item) : ofQueued(props, item);
  const mayReact =
    item.state === "sent" && isThere(item) && !isCollapsed && has("reactions") && !isClosed(item.message.chatId);
  const onMore = () => acts.open({ kind: "emoji", key: item.key, anchor });
  return (
    <MenuList
      label={t.messages.actions}
      items={items}
      {...(mayReact && { row: quickRow(item.message, onMore) })}
      anchor={anchor}
      onClose={onClose}
    />
  );
}

type Sent = Extract<Item, { state: "sent" }>;

const isThere = ({ message, isDeleting }: Sent) => !message.isDeleted && !isDeleting;

function ofSent(props: MessageMenuProps, item: Sent): MenuItem[] {
  const { isOwn, isCollapsed, acts } = props;
  const { message, edit } = item;
  const undo = undoOf(message.id);
  const items: (MenuItem | false)[] = [
    undo !== undefined && { label: t.messages.undoDelete, icon: icons.retry, onSelect: undo },
    !!edit?.error && { label: t.messages.tryAgain, icon: icons.retry, onSelect: () => client.retryEdit(message.id) },
    !!edit?.error && {
      label: t.messages.discardEdit,
      icon: icons.close,
      onSelect: () => client.discardEdit(message.id),
    },
    isCollapsed && { label: t.messages.reveal, icon: icons.down, onSelect: () => acts.reveal(item.key) },
    ...(isThere(item) && !isCollapsed
      ? [...changes(props, message), ...contents(props, item), ...facts(props, message)]
      : []),
    ...(isOwn || message.type === "SYSTEM" ? [] : aboutSender(props, message)),
    ...(isThere(item) ? deletions(props, message.id) : []),
  ];
  return items.filter((each) => each !== false);
}

/** Each can be undone for a while. */
function deletions({ isOwn, mayDelete }: MessageMenuProps, messageId: string): MenuItem[] {
  const mayHide = has("personal_state");
  const remove = (isForAll: boolean, label: string, separate: boolean): MenuItem => ({
    label,
    icon: icons.trash,
    danger: true,
    separate,
    onSelect: () => deleteSoon([messageId], { isForAll }),
  });
  return [
    ...(mayHide ? [remove(false, t.messages.deleteForMe, true)] : []),
    ...(isOwn || mayDelete ? [remove(true, t.messages.deleteForEveryone, !mayHide)] : []),
  ];
}

/** Another user, and what protects from them. */
function aboutSender({ acts }: MessageMenuProps, message: Message): (MenuItem | false)[] {
  const { sender } = message;
  const name = nameOf(sender);
  const isBlocked = client.blocked.has(sender.id);
  return [
    { label: t.messages.profileOf(name), icon: icons.user, onSelect: () => showProfile(sender) },
    has("blocking") &&
      !sender.isDeleted && {
        label: isBlocked ? t.blocking.unblock(name) : t.blocking.block(name),
        icon: icons.block,
        onSelect: () => void (isBlocked ? unblock(sender) : block(sender)).catch(showError),
      },
    has("reports") && {
      label: t.report.action,
      icon: icons.flag,
      onSelect: () => acts.open({ kind: "report", message }),
    },
  ];
}

/** What is done with a message. */
function changes({ isOwn, mayPin, acts }: MessageMenuProps, message: Message): (MenuItem | false)[] {
  const { id, chatId, pinnedAt, type } = message;
  const isOpen = !isClosed(chatId);
  const mayForward = has("forwarding") && type !== "SYSTEM";
  const maySelect = mayForward || (has("personal_state") && type !== "SYSTEM");
  const pin = () => void (pinnedAt ? client.unpin(id) : client.pin(id)).catch(showError);
  return [
    isOpen && has("replies") && { label: t.messages.reply, icon: icons.reply, onSelect: () => startReply(message) },
    isOpen && isOwn && { label: t.messages.edit, icon: icons.edit, onSelect: () => acts.edit(id) },
    mayForward && {
      label: t.forward.action,
      icon: icons.forward,
      onSelect: () => acts.open({ kind: "forward", messageIds: [id] }),
    },
    maySelect && { label: t.messages.select, icon: icons.select, onSelect: () => acts.select(id) },
    isOpen && has("pins") && mayPin && { label: pinnedAt ? t.pins.unpin : t.pins.pin, icon: icons.pin, onSelect: pin },
  ];
}

/** What is in a message. */
function contents({ isExpanded, acts }: MessageMenuProps, { key, message }: Sent): (MenuItem | false)[] {
  const { content, chatId, seq } = message;
  const copy = (text: string) => () => void copyText(text).catch(showError);
  return [
    ...fileItems(message, acts.open),
    isLong(content ?? "") && {
      label: isExpanded ? t.messages.showLess : t.messages.showMore,
      icon: icons.down,
      onSelect: () => acts.expand(key),
    },
    !!content && { label: t.messages.copy, icon: icons.copy, onSelect: copy(content) },
    has("around") && { label: t.messages.copyLink, icon: icons.link, onSelect: copy(linkTo(chatId, seq)) },
    ...linksOf(content ?? "").map(({ text, href }) => ({ label: t.messages.openLink(text), icon: icons.send, href })),
  ];
}

/** The address of a message in this client. */
const linkTo = (chatId: string, seq: number) => new URL(messagePath(chatId, seq), location.href).href;

/** What is known about a message. */
function facts({ isOwn, acts }: MessageMenuProps, message: Message): (MenuItem | false)[] {
  const show = (kind: "receipts" | "reactors" | "versions") => () => acts.open({ kind, message });
  const { reactions, isEdited } = message;
  return [
    isOwn && { label: t.messages.seenBy, icon: icons.check, onSelect: show("receipts") },
    !!reactions && has("reactions") && { label: t.reactions.who, icon: icons.react, onSelect: show("reactors") },
    isEdited && has("edit_history") && { label: t.versions.action, icon: icons.history, onSelect: show("versions") },
  ];
}

function fileItems(message: Message, open: Open): MenuItem[] {
  if (!message.fileUrl) return [];
  if (message.type === "IMAGE") {
    const onSelect = () => open({ kind: "viewer", messageId: message.id });
    return [{ label: t.messages.openPicture, icon: icons.image, onSelect }];
  }
  return [{ label: t.viewer.download, icon: icons.download, href: client.fileUrl(message.fileUrl) }];
}

function ofQueued({ acts }: MessageMenuProps, item: Exclude<Item, { state: "sent" }>): MenuItem[] {
  const { clientId, content } = item.queued;
  const items: (MenuItem | false)[] = [
    item.state === "failed" &&
      item.canRetry && { label: t.messages.tryAgain, icon: icons.retry, onSelect: () => client.retry(clientId) },
    item.state === "pending" && { label: t.messages.edit, icon: icons.edit, onSelect: () => acts.edit(item.key) },
    !!content && { label: t.messages.copy, icon: icons.copy, onSelect: () => void copyText(content).catch(showError) },
    {
      label: item.state === "failed" ? t.messages.discard : t.messages.cancel,
      icon: icons.trash,
      danger: true,
      onSelect: () => client.discard(clientId),
    },
  ];
  return items.filter((each) => each !== false);
}
