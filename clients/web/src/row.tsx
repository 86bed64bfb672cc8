import type { Item, Message } from "@chatapp/client";
import { useState } from "preact/hooks";
import { Aside } from "./aside";
import { Attachment, bubbleWidth } from "./attachment";
import { client } from "./client";
import { has } from "./features";
import { fullTime, nameOf, preview } from "./format";
import { Text } from "./long-text";
import type { Acts } from "./overlay";
import { showProfile } from "./profile-popup";
import { Queued } from "./queued";
import { Forwarded, Quote } from "./quote";
import { Reactions } from "./reactions";
import { Clock, Failure, LinkButton, Time } from "./row-parts";
import { isSelectable } from "./selection";
import { isEmoji } from "./text";
import { t } from "./texts";
import { Avatar, hue } from "./ui/avatar";
import { icons } from "./ui/icons";
import { memo } from "./ui/memo";
import { BotMark } from "./ui/person";
import { Ticks } from "./ui/ticks";

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
  /** Whether it is of a user whom the reader blocks, and not shown. */
  isCollapsed: boolean;
  /** Whether it is selected; null while messages are not being selected. */
  selected: boolean | null;
  /** Whether the reader just went to it. */
  isFlashed: boolean;
  acts: Acts;
}

/** One message: stored, on its way, or refused. */
export const Row = memo((props: RowProps) => {
  const { item, block, isOwn, isFirst, isLast, isCollapsed, selected, isFlashed } = props;
  // The actions are only rendered for the row under the mouse or with the focus.
  const [isHovered, setHovered] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const isActive = selected === null && (isHovered || isFocused);
  const isNote = item.state === "sent" && item.message.type === "SYSTEM";
  const classes = ["row", isNote ? "note" : isOwn ? "own" : "other", isFirst && "first", isLast && "last", item.state];
  if (selected !== null) classes.push("selectable");
  if (isFlashed) classes.push("flash");
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
      {selected !== null && <Selector item={item} isSelected={selected} isCollapsed={isCollapsed} />}
      {isNote ? (
        <Note {...props} item={item} isActive={isActive} />
      ) : item.state === "sent" && isCollapsed ? (
        <Collapsed {...props} item={item} isActive={isActive} />
      ) : item.state === "sent" ? (
        <Sent {...props} item={item} isActive={isActive} />
      ) : (
        <Queued {...props} item={item} isActive={isActive} />
      )}
    </li>
  );
});

/** While messages are being selected: a click anywhere on the row is one on this box. */
const Selector = ({ item, isSelected, isCollapsed }: { item: Item; isSelected: boolean; isCollapsed: boolean }) => (
  <input
    type="checkbox"
    tabIndex={-1}
    aria-label={t.messages.selectThis(
      isCollapsed ? t.preview.blocked : item.state === "sent" ? preview(item.message) : item.queued.content,
    )}
    disabled={isCollapsed || !isSelectable(item)}
    checked={isSelected}
  />
);

/** The properties of the inside of a row, for messages in some of the states. */
export type Part<State> = RowProps & { isActive: boolean; item: Extract<Item, { state: State }> };

function Sent(props: Part<"sent">) {
  const { item, isActive, isOwn, isGroup, isFirst, isLast, hasMeta, isExpanded, acts } = props;
  const { message, edit, isDeleting } = item;
  const { sender, content, isDeleted, replyTo, forwardedFrom, reactions } = message;
  const isAlone = !isDeleted && !replyTo && !forwardedFrom;
  const isBig = isAlone && message.type === "TEXT" && isEmoji(content ?? "");
  const profile = (event: MouseEvent) => showProfile(sender, event.currentTarget as HTMLElement);
  const isMarked = edit !== null || isDeleting || (!isDeleted && (message.isEdited || !!message.pinnedAt));
  return (
    <>
      {isGroup && !isOwn && isLast && (
        // The sender's name above the run does the same, and is read out.
        <button type="button" class="face" tabIndex={-1} aria-hidden="true" onClick={profile}>
          <Avatar id={sender.id} name={nameOf(sender)} picture={sender.avatar} size="small" />
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
            {nameOf(sender)}
            {sender.isBot && <BotMark />}
          </button>
        ) : (
          <bdi class="hidden">{isOwn ? t.messages.you : nameOf(sender)}: </bdi>
        )}
        {forwardedFrom && <Forwarded from={forwardedFrom} />}
        {replyTo && <Quote chatId={message.chatId} quote={replyTo} onJump={acts.jump} />}
        {!isDeleted && message.fileUrl && (
          <Attachment message={message} onOpen={() => acts.open({ kind: "viewer", messageId: message.id })} />
        )}
        {isDeleted ? (
          <p class="text">{preview(message)}</p>
        ) : (
          content && (
            <Text itemKey={item.key} text={content} about={message} isExpanded={isExpanded} onExpand={acts.expand} />
          )
        )}
        {(hasMeta || isMarked) && (
          <p class="meta" dir="ltr">
            <Marks item={item} acts={acts} />
            {hasMeta && <Time iso={message.createdAt} />}
            {hasMeta && isOwn && !isDeleted && !isDeleting && <Ticks status={message.status} />}
          </p>
        )}
        <Aside item={item} open={acts.open} isActive={isActive}>
          {!hasMeta && (
            <span class="when">
              <Time iso={message.createdAt} />
              {isOwn && !isDeleted && <Ticks status={message.status} />}
            </span>
          )}
        </Aside>
      </div>
      {reactions && <Reactions message={message} acts={acts} />}
      {edit?.error && (
        <Failure text={t.messages.editFailed} error={edit.error}>
          <LinkButton label={t.messages.tryAgain} onClick={() => client.retryEdit(message.id)} />
          <LinkButton label={t.messages.discardEdit} onClick={() => client.discardEdit(message.id)} />
        </Failure>
      )}
    </>
  );
}

/** A message of a user whom the reader blocks, until they want to see it. */
function Collapsed({ item, acts, isActive }: Part<"sent">) {
  return (
    <div class="bubble deleted collapsed">
      <p class="text">{t.preview.blocked}</p>
      <LinkButton label={t.messages.show} onClick={() => acts.reveal(item.key)} />
      <Aside item={item} open={acts.open} isActive={isActive} isCollapsed>
        <Time iso={item.message.createdAt} />
      </Aside>
    </div>
  );
}

/** A message of the server itself: a line between the messages of users. */
function Note({ item, acts, isActive }: Part<"sent">) {
  const { message, isDeleting } = item;
  return (
    <>
      <div class="bubble" dir="auto">
        <p class="text">{preview(message)}</p>
        {isDeleting && <Clock label={t.messages.deleting} />}
        {!message.isDeleted && message.pinnedAt && <PinMark />}
        <Aside item={item} open={acts.open} isActive={isActive}>
          <Time iso={message.createdAt} />
        </Aside>
      </div>
      {message.reactions && <Reactions message={message} acts={acts} />}
    </>
  );
}

/** Marks of a message: pinned, edited, or a change that waits to be stored. */
function Marks({ item: { message, edit, isDeleting }, acts }: Pick<Part<"sent">, "item" | "acts">) {
  if (isDeleting) return <Clock label={t.messages.deleting} />;
  if (message.isDeleted) return null;
  return (
    <>
      {message.pinnedAt && <PinMark />}
      {edit ? (
        edit.error ? (
          <span>{t.messages.notSaved}</span>
        ) : (
          <Clock label={t.messages.saving} />
        )
      ) : (
        message.isEdited && <Edited message={message} acts={acts} />
      )}
    </>
  );
}

/** When it was edited; where earlier versions are kept, a click lists them. */
function Edited({ message, acts }: { message: Message; acts: Acts }) {
  const title = fullTime(message.editedAt ?? message.createdAt);
  if (!has("edit_history")) return <span title={title}>{t.messages.edited}</span>;
  return (
    <button
      type="button"
      class="link edited"
      tabIndex={-1}
      title={title}
      aria-label={t.versions.show}
      aria-haspopup="dialog"
      onClick={() => acts.open({ kind: "versions", message })}
    >
      {t.messages.edited}
    </button>
  );
}

const PinMark = () => (
  <span class="pin-mark" title={t.pins.pinnedMark}>
    {icons.pin}
    <span class="hidden">{t.pins.pinnedMark}</span>
  </span>
);
