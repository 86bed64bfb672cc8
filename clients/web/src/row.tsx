import { type Item, type Message, ProblemError } from "@chatapp/client";
import { useState } from "preact/hooks";
import { Attachment, QueuedAttachment, bubbleWidth } from "./attachment";
import { client } from "./client";
import { clock, fullTime, gist } from "./format";
import { Receipts } from "./receipts";
import { isEmoji, Linked } from "./text";
import { Avatar, hue } from "./ui/avatar";
import { confirmed } from "./ui/dialog";
import { icons } from "./ui/icons";
import { memo } from "./ui/memo";
import { Menu, type MenuItem } from "./ui/menu";
import { Ticks } from "./ui/ticks";
import { complain, tell } from "./ui/toast";

interface RowProps {
  item: Item;
  isOwn: boolean;
  isGroup: boolean;
  /** The first and last of what one person says in a row. */
  isFirst: boolean;
  isLast: boolean;
  /** The newest of all: where the Tab key enters. */
  isNewest: boolean;
  /** Others' messages too. */
  mayDelete: boolean;
  onEdit: (messageId: string) => void;
}

/** One message: stored, on its way, or refused. */
export const Row = memo((props: RowProps) => {
  const { item, isOwn, isFirst, isLast, isNewest } = props;
  const classes = ["row", isOwn ? "own" : "other", isFirst && "first", isLast && "last", item.state];
  return (
    <li
      class={classes.filter(Boolean).join(" ")}
      data-key={item.key}
      tabIndex={isNewest ? 0 : -1}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.target !== event.currentTarget) return;
        event.preventDefault();
        event.currentTarget.querySelector<HTMLElement>(".actions")?.click();
      }}
    >
      {item.state === "sent" ? <Stored {...props} message={item.message} /> : <Queued item={item} />}
    </li>
  );
});

function Stored({ message, isOwn, isGroup, isFirst, isLast, mayDelete, onEdit }: RowProps & { message: Message }) {
  const [isInfoOpen, setInfoOpen] = useState(false);
  const { sender, content, isDeleted } = message;
  const isBig = !isDeleted && message.type === "TEXT" && isEmoji(content ?? "");
  return (
    <>
      {isGroup && !isOwn && isLast && (
        <Avatar id={sender.id} name={sender.username} picture={sender.avatar} size="small" />
      )}
      <div
        class={`bubble ${isBig ? "big" : ""} ${isDeleted ? "deleted" : message.type.toLowerCase()}`}
        style={{ width: bubbleWidth(message) }}
      >
        {isFirst && isGroup && !isOwn ? (
          <p class="sender" style={{ "--hue": hue(sender.id) }}>
            {sender.username}
          </p>
        ) : (
          <span class="hidden">{isOwn ? "You" : sender.username}: </span>
        )}
        {!isDeleted && message.fileUrl && <Attachment message={message} />}
        {isDeleted ? <p class="text">{gist(message)}</p> : content && <Linked text={content} />}
        <p class="meta">
          {message.isEdited && !isDeleted && (
            <span title={fullTime(message.editedAt ?? message.createdAt)}>edited</span>
          )}
          <time dateTime={message.createdAt} title={fullTime(message.createdAt)}>
            {clock(message.createdAt)}
          </time>
          {isOwn && !isDeleted && <Ticks status={message.status} />}
        </p>
        {!isDeleted && (
          <Menu
            label="Message actions"
            class="icon-button actions"
            items={actions(message, isOwn, mayDelete, onEdit, () => setInfoOpen(true))}
          >
            {icons.more}
          </Menu>
        )}
      </div>
      {isInfoOpen && <Receipts message={message} onClose={() => setInfoOpen(false)} />}
    </>
  );
}

function actions(
  message: Message,
  isOwn: boolean,
  mayDelete: boolean,
  onEdit: (messageId: string) => void,
  onInfo: () => void,
): MenuItem[] {
  const copy = async () => {
    await navigator.clipboard.writeText(message.content ?? "");
    tell("Copied.");
  };
  const remove = async () => {
    const question = { title: "Delete this message?", text: "It disappears for everybody.", action: "Delete" };
    if (await confirmed(question)) await client.delete(message.id);
  };
  const items: (MenuItem | false)[] = [
    isOwn && { label: "Edit", icon: icons.edit, onSelect: () => onEdit(message.id) },
    !!message.content && { label: "Copy text", icon: icons.copy, onSelect: () => void copy().catch(complain) },
    isOwn && { label: "Seen by", icon: icons.check, onSelect: onInfo },
    (isOwn || mayDelete) && {
      label: "Delete",
      icon: icons.trash,
      danger: true,
      separate: true,
      onSelect: () => void remove().catch(complain),
    },
  ];
  return items.filter((item) => item !== false);
}

function Queued({ item }: { item: Exclude<Item, { state: "sent" }> }) {
  const { queued } = item;
  return (
    <>
      <div class={`bubble ${queued.file ? "file" : "text"}`}>
        <span class="hidden">You: </span>
        {queued.file && (
          <QueuedAttachment file={queued.file} progress={item.state === "pending" ? item.progress : null} />
        )}
        {queued.content && <Linked text={queued.content} />}
        <p class="meta">
          {item.state === "pending" ? (
            <span class="clock" title="Being sent">
              <span class="hidden">Being sent</span>
            </span>
          ) : (
            <span class="failed-mark">{icons.alert} Not sent</span>
          )}
          {item.state === "pending" && queued.file && (
            <button type="button" class="link" onClick={() => client.discard(queued.clientId)}>
              Cancel
            </button>
          )}
        </p>
      </div>
      {item.state === "failed" && (
        <p class="failure" role="alert">
          {item.error instanceof ProblemError ? item.error.message : "The server could not be reached."}{" "}
          <button type="button" class="link" onClick={() => client.retry(queued.clientId)}>
            Try again
          </button>{" "}
          <button type="button" class="link" onClick={() => client.discard(queued.clientId)}>
            Discard
          </button>
        </p>
      )}
    </>
  );
}
