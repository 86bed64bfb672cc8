import type { Item, Message } from "@chatapp/client";
import { client } from "./client";
import { showProfile } from "./profile-popup";
import { isLong, type Open } from "./row";
import { linksOf } from "./text";
import { t } from "./texts";
import { confirmed } from "./ui/dialog";
import { icons } from "./ui/icons";
import { type MenuItem, MenuList } from "./ui/menu";
import { showError, showNotice } from "./ui/toast";

interface MessageMenuProps {
  item: Item;
  anchor: HTMLElement;
  isOwn: boolean;
  /** The user may delete the messages of others too. */
  mayDelete: boolean;
  isExpanded: boolean;
  onExpand: (key: string) => void;
  onEdit: (messageId: string) => void;
  open: Open;
  onClose: () => void;
}

/** Everything that can be done with a message, by keys too. */
export function MessageMenu(props: MessageMenuProps) {
  const items = props.item.state === "sent" ? ofSent(props, props.item) : ofQueued(props, props.item);
  return <MenuList label={t.messages.actions} items={items} anchor={props.anchor} onClose={props.onClose} />;
}

export async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  showNotice(t.messages.copied);
}

async function remove(messageId: string): Promise<void> {
  const { deleteTitle: title, deleteText: text, delete: action } = t.messages;
  if (await confirmed({ title, text, action })) await client.delete(messageId);
}

function ofSent(
  { isOwn, mayDelete, isExpanded, onExpand, onEdit, open }: MessageMenuProps,
  { key, message, edit, isDeleting }: Extract<Item, { state: "sent" }>,
): MenuItem[] {
  const { content, isDeleted } = message;
  const isThere = !isDeleted && !isDeleting;
  const items: (MenuItem | false)[] = [
    !!edit?.error && { label: t.messages.tryAgain, icon: icons.retry, onSelect: () => client.retryEdit(message.id) },
    !!edit?.error && {
      label: t.messages.discardEdit,
      icon: icons.close,
      onSelect: () => client.discardEdit(message.id),
    },
    isThere && isOwn && { label: t.messages.edit, icon: icons.edit, onSelect: () => onEdit(message.id) },
    ...(isThere ? fileItems(message, open) : []),
    isThere &&
      isLong(content ?? "") && {
        label: isExpanded ? t.messages.showLess : t.messages.showMore,
        icon: icons.down,
        onSelect: () => onExpand(key),
      },
    isThere &&
      !!content && {
        label: t.messages.copy,
        icon: icons.copy,
        onSelect: () => void copyText(content).catch(showError),
      },
    ...(isThere ? linksOf(content ?? "") : []).map(({ text, href }) => ({
      label: t.messages.openLink(text),
      icon: icons.send,
      href,
    })),
    isThere &&
      isOwn && { label: t.messages.seenBy, icon: icons.check, onSelect: () => open({ kind: "receipts", message }) },
    !isOwn && {
      label: t.messages.profileOf(message.sender.username),
      icon: icons.user,
      onSelect: () => showProfile(message.sender),
    },
    isThere &&
      (isOwn || mayDelete) && {
        label: t.messages.delete,
        icon: icons.trash,
        danger: true,
        separate: true,
        onSelect: () => void remove(message.id).catch(showError),
      },
  ];
  return items.filter((each) => each !== false);
}

function fileItems(message: Message, open: Open): MenuItem[] {
  if (!message.fileUrl) return [];
  if (message.type === "IMAGE") {
    const onSelect = () => open({ kind: "viewer", messageId: message.id });
    return [{ label: t.messages.openPicture, icon: icons.image, onSelect }];
  }
  return [{ label: t.viewer.download, icon: icons.download, href: client.fileUrl(message.fileUrl) }];
}

function ofQueued({ onEdit }: MessageMenuProps, item: Exclude<Item, { state: "sent" }>): MenuItem[] {
  const { clientId, content } = item.queued;
  const items: (MenuItem | false)[] = [
    item.state === "failed" &&
      item.canRetry && { label: t.messages.tryAgain, icon: icons.retry, onSelect: () => client.retry(clientId) },
    item.state === "pending" && { label: t.messages.edit, icon: icons.edit, onSelect: () => onEdit(item.key) },
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
