import type { FileToSend, Item, Message } from "@chatapp/client";
import { useState } from "preact/hooks";
import { Attachment, bubbleWidth, isPicture, QueuedAttachment } from "./attachment";
import { client } from "./client";
import { errorText } from "./error-text";
import { clock, fullTime, preview } from "./format";
import { copyText } from "./message-menu";
import { showProfile } from "./profile-popup";
import { isEmoji, Linked } from "./text";
import { t } from "./texts";
import { Avatar, hue } from "./ui/avatar";
import { icons } from "./ui/icons";
import { memo } from "./ui/memo";
import { Ticks } from "./ui/ticks";
import { showError } from "./ui/toast";

/** The menu, viewer or dialog that is open for one message. */
export type Overlay =
  | { readonly kind: "menu"; readonly key: string; readonly anchor: HTMLElement }
  | { readonly kind: "viewer"; readonly messageId: string }
  | { readonly kind: "receipts"; readonly message: Message };
export type Open = (overlay: Overlay) => void;

interface RowProps {
  item: Item;
  /** The block of messages that begins with this row, if one does. */
  block: number | undefined;
  isOwn: boolean;
  isGroup: boolean;
  /** The first and last message of a run. */
  isFirst: boolean;
  isLast: boolean;
  /** Whether time and status are shown, rather than on hover and focus. */
  hasMeta: boolean;
  /** Whether a long text is shown whole. */
  isExpanded: boolean;
  onExpand: (key: string) => void;
  onEdit: (messageId: string) => void;
  open: Open;
}

/** One message: stored, on its way, or refused. */
export const Row = memo((props: RowProps) => {
  const { item, block, isOwn, isFirst, isLast } = props;
  // The actions are only rendered for the row under the mouse or with the focus.
  const [isHovered, setHovered] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const classes = ["row", isOwn ? "own" : "other", isFirst && "first", isLast && "last", item.state];
  return (
    <li
      class={classes.filter(Boolean).join(" ")}
      data-key={item.key}
      data-block={block}
      tabIndex={-1}
      // A pointer that rests while messages move below it hovers none of them.
      onPointerMove={(event) => event.pointerType === "mouse" && setHovered(true)}
      onPointerLeave={() => setHovered(false)}
      onFocusIn={() => setFocused(true)}
      onFocusOut={() => setFocused(false)}
    >
      {item.state === "sent" ? (
        <Sent {...props} item={item} isActive={isHovered || isFocused} />
      ) : (
        <Queued {...props} item={item} isActive={isHovered || isFocused} />
      )}
    </li>
  );
});

type Part<State> = RowProps & { isActive: boolean; item: Extract<Item, { state: State }> };

function Sent(props: Part<"sent">) {
  const { item, isActive, isOwn, isGroup, isFirst, isLast, hasMeta, onEdit } = props;
  const { message, edit, isDeleting } = item;
  const { sender, content, isDeleted } = message;
  const isBig = !isDeleted && message.type === "TEXT" && isEmoji(content ?? "");
  const profile = (event: MouseEvent) => showProfile(sender, event.currentTarget as HTMLElement);
  const isMarked = edit !== null || isDeleting || (message.isEdited && !isDeleted);
  return (
    <>
      {isGroup && !isOwn && isLast && (
        // The sender's name above the run does the same, and is read out.
        <button type="button" class="face" tabIndex={-1} aria-hidden="true" onClick={profile}>
          <Avatar id={sender.id} name={sender.username} picture={sender.avatar} size="small" />
        </button>
      )}
      <div
        class={`bubble ${isBig ? "big" : ""} ${isDeleted ? "deleted" : message.type.toLowerCase()} ${content ? "" : "bare"}`}
        dir="auto"
        style={{ width: bubbleWidth(message) }}
      >
        {isFirst && isGroup && !isOwn ? (
          <button
            type="button"
            class="sender"
            dir="auto"
            tabIndex={-1}
            style={{ "--hue": hue(sender.id) }}
            onClick={profile}
          >
            {sender.username}
          </button>
        ) : (
          <bdi class="hidden">{isOwn ? t.messages.you : sender.username}: </bdi>
        )}
        {!isDeleted && message.fileUrl && (
          <Attachment message={message} onOpen={() => props.open({ kind: "viewer", messageId: message.id })} />
        )}
        {isDeleted ? <p class="text">{preview(message)}</p> : content && <Text {...props} text={content} />}
        {(hasMeta || isMarked) && (
          <p class="meta" dir="ltr">
            <Marks item={item} />
            {hasMeta && <Time iso={message.createdAt} />}
            {hasMeta && isOwn && !isDeleted && !isDeleting && <Ticks status={message.status} />}
          </p>
        )}
        <Aside {...props} isActive={isActive}>
          {!hasMeta && (
            <span class="when">
              <Time iso={message.createdAt} />
              {isOwn && !isDeleted && <Ticks status={message.status} />}
            </span>
          )}
          {isOwn && !isDeleted && !isDeleting && (
            <IconButton label={t.messages.edit} icon={icons.edit} onClick={() => onEdit(message.id)} />
          )}
          {!isDeleted && content && (
            <IconButton
              label={t.messages.copy}
              icon={icons.copy}
              onClick={() => void copyText(content).catch(showError)}
            />
          )}
        </Aside>
      </div>
      {edit?.error && (
        <Failure text={t.messages.editFailed} error={edit.error}>
          <LinkButton label={t.messages.tryAgain} onClick={() => client.retryEdit(message.id)} />
          <LinkButton label={t.messages.discardEdit} onClick={() => client.discardEdit(message.id)} />
        </Failure>
      )}
    </>
  );
}

/** Marks of a message: edited, or a change that waits to be stored. */
function Marks({ item: { message, edit, isDeleting } }: { item: Extract<Item, { state: "sent" }> }) {
  if (isDeleting) return <Clock label={t.messages.deleting} />;
  if (edit) return edit.error ? <span>{t.messages.notSaved}</span> : <Clock label={t.messages.saving} />;
  if (!message.isEdited || message.isDeleted) return null;
  return <span title={fullTime(message.editedAt ?? message.createdAt)}>{t.messages.edited}</span>;
}

const Clock = ({ label }: { label: string }) => (
  <span class="clock" title={label}>
    <span class="hidden">{label}</span>
  </span>
);

const Time = ({ iso }: { iso: string }) => (
  <time dateTime={iso} title={fullTime(iso)}>
    {clock(iso)}
  </time>
);

const IconButton = ({ label, icon, onClick }: { label: string; icon: preact.ComponentChild; onClick: () => void }) => (
  <button type="button" class="icon-button" tabIndex={-1} aria-label={label} title={label} onClick={onClick}>
    {icon}
  </button>
);

const LinkButton = ({ label, onClick }: { label: string; onClick: () => void }) => (
  <button type="button" class="link" tabIndex={-1} onClick={onClick}>
    {label}
  </button>
);

/** Beside the bubble, while the row is hovered or has the focus: the time if it is not in the bubble, and actions. */
function Aside({
  item,
  isActive,
  open,
  children,
}: Pick<RowProps, "item" | "open"> & { isActive: boolean; children?: preact.ComponentChildren }) {
  const onClick = (event: MouseEvent) => {
    const anchor = event.currentTarget as HTMLElement;
    open({ kind: "menu", key: item.key, anchor: isActive ? anchor : (anchor.parentElement ?? anchor) });
  };
  const { actions } = t.messages;
  if (!isActive) {
    return (
      <button type="button" class="hidden" tabIndex={-1} aria-haspopup="menu" onClick={onClick}>
        {actions}
      </button>
    );
  }
  return (
    <div class="aside" dir="ltr">
      {children}
      <button
        type="button"
        class="icon-button"
        tabIndex={-1}
        aria-label={actions}
        title={actions}
        aria-haspopup="menu"
        onClick={onClick}
      >
        {icons.more}
      </button>
    </div>
  );
}

const LONG_LINES = 30;
const LONG_CHARACTERS = 1500;

/** The beginning of a text that is too long to be shown whole, or null. */
function beginning(text: string): string | null {
  let end = -1;
  for (let line = 0; line < LONG_LINES; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) break;
  }
  // A bit more is shown whole: "Show more" takes a line too.
  const cut = end >= 0 && text.indexOf("\n", end + 1) >= 0 ? end : text.length;
  const short = text.slice(0, Math.min(cut, text.length > LONG_CHARACTERS * 1.2 ? LONG_CHARACTERS : cut));
  return short.length < text.length ? `${short.trimEnd()}…` : null;
}

export const isLong = (text: string) => beginning(text) !== null;

function Text({ item, text, isExpanded, onExpand }: RowProps & { text: string }) {
  const short = beginning(text);
  if (short === null) return <Linked text={text} />;
  return (
    <>
      <Linked text={isExpanded ? text : short} />
      <button
        type="button"
        class="link more"
        tabIndex={-1}
        aria-expanded={isExpanded}
        onClick={() => onExpand(item.key)}
      >
        {isExpanded ? t.messages.showLess : t.messages.showMore}
      </button>
    </>
  );
}

const kindOf = ({ data }: FileToSend) => (isPicture(data) ? "image" : "file");

function Queued(props: Part<"pending" | "failed">) {
  const { item, isActive } = props;
  const { queued } = item;
  const { file, content, clientId } = queued;
  return (
    <>
      <div class={`bubble ${file ? kindOf(file) : "text"} ${content ? "" : "bare"}`} dir="auto">
        <bdi class="hidden">{t.messages.you}: </bdi>
        {file && <QueuedAttachment file={file} progress={item.state === "pending" ? item.progress : null} />}
        {content && <Text {...props} text={content} />}
        {item.state === "pending" && (
          <p class="meta" dir="ltr">
            <Clock label={t.messages.sending} />
            {file && <LinkButton label={t.messages.cancel} onClick={() => client.discard(clientId)} />}
          </p>
        )}
        <Aside {...props} isActive={isActive} />
      </div>
      {item.state === "failed" && (
        <Failure text={t.messages.notSent} error={item.error}>
          {item.canRetry && <LinkButton label={t.messages.tryAgain} onClick={() => client.retry(clientId)} />}
          <LinkButton label={t.messages.discard} onClick={() => client.discard(clientId)} />
        </Failure>
      )}
    </>
  );
}

const Failure = ({ text, error, children }: { text: string; error: Error; children: preact.ComponentChildren }) => (
  <p class="failure" role="alert">
    <span>
      {icons.alert} {text} {errorText(error)}
    </span>
    {children}
  </p>
);
