import type { FileToSend, Item } from "@chatapp/client";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { extension, usePreview } from "./attachment";
import { client, useLive, useMe } from "./client";
import { formatOf } from "./compose/formats";
import { continueList, pasteLink } from "./compose/formatting";
import { FormattingBar } from "./compose/formatting-bar";
import { optionId, SuggestionList, useSuggestions } from "./compose/suggestions";
import { aboutNew, editOf } from "./compose/written";
import { saveNow, takeReply, writeDraft } from "./draft-sync";
import { addFiles, contentOf, findItem, startEdit } from "./drafts";
import { EmojiButton } from "./emoji-button";
import { ACCEPTED_FILES } from "./files";
import { fileSize } from "./format";
import { ReplyBar, endReply } from "./reply";
import { HOME, go } from "./route";
import { focusOpened } from "./shortcuts";
import { locale, t } from "./texts";
import { icons } from "./ui/icons";
import { insertText } from "./ui/insert";
import { isComposing, isForPage } from "./ui/keys";
import { memo } from "./ui/memo";
import { useWindowEvent } from "./ui/window-event";

const MAX_LENGTH = 4000;
/** From how many characters left on they are counted. */
const FEW_LEFT = 400;
/** Where it is kept that the formatting bar is shown. */
const FORMATTING = "chat.formatting";

interface ComposerProps {
  chatId: string;
  name: string;
  onSend: () => void;
}

/** The field to write in. Enter sends, Shift+Enter begins a line, Escape leaves, ↑ in an empty one edits the last. */
export const Composer = memo(({ chatId, name, onSend }: ComposerProps) => {
  const me = useMe();
  const { content, files, editing, replyTo, mentions } = useLive(() => client.draft(chatId));
  const edited = useLive(() => (editing ? findItem(chatId, editing.messageId) : undefined));
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const text = editing?.content ?? content;
  const words = text.trim();
  const length = [...words].length;
  const isTooLong = length > MAX_LENGTH;
  const about = useId();
  const bar = useId();
  const list = useId();
  const [isFormatting, setFormatting] = useState(() => localStorage.getItem(FORMATTING) !== null);
  const picked = mentions?.userIds ?? [];
  const suggestions = useSuggestions(chatId, area, text, (userId) =>
    client.setDraft(chatId, { mentions: { userIds: [...new Set([...picked, userId])] } }),
  );
  const maySend = !isTooLong && (words !== "" || (editing ? hasFile(edited) : files.length > 0));

  useEffect(() => {
    // On touch screens the keyboard would cover the messages.
    if (matchMedia("(pointer: fine)").matches) area.current?.focus();
    void takeReply(chatId);
    return () => saveNow(chatId);
  }, []);
  useTypingAnywhere(area);
  useLayoutEffect(() => {
    const field = area.current;
    if (!editing || !field) return;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }, [editing?.messageId]);
  useFollowedEdit(chatId, editing, edited);
  useHeight(area, text);

  const endEdit = () => client.setDraft(chatId, { editing: null });
  const write = (value: string) => {
    if (editing) {
      client.setDraft(chatId, { editing: { ...editing, content: value } });
      return;
    }
    writeDraft(chatId, { content: value });
    if (value) client.typing(chatId);
    else client.stopTyping(chatId);
  };
  const submit = () => {
    if (!maySend) return;
    if (editing) {
      if (!edited) void client.edit(editing.messageId, words);
      else if (words !== contentOf(edited)) void client.edit(editing.messageId, editOf(edited, words, picked));
      endEdit();
      return;
    }
    const [first, ...others] = files;
    client.send(chatId, words, {
      ...aboutNew(chatId, words, picked, replyTo),
      ...(replyTo && { replyTo }),
      ...(first && { file: first }),
    });
    for (const file of others) client.send(chatId, "", { file });
    writeDraft(chatId, { content: "", files: [], replyTo: null, mentions: null });
    saveNow(chatId);
    onSend();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event) || suggestions.onKeyDown(event)) return;
    const format = formatOf(event);
    if (format) {
      event.preventDefault();
      format.apply(area.current!);
    } else if (event.key === "Enter" && event.shiftKey) {
      if (continueList(area.current!)) event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (editing) endEdit();
      else if (replyTo) endReply(chatId);
      else leave();
    } else if (event.key === "ArrowUp" && !text && !editing) {
      const last = client.messages(chatId).findLast((item) => isEditable(item, me.id));
      if (!last) return;
      event.preventDefault();
      startEdit(chatId, last.state === "sent" ? last.message.id : last.key);
    }
  };
  const toggleFormatting = () => {
    if (isFormatting) localStorage.removeItem(FORMATTING);
    else localStorage.setItem(FORMATTING, "shown");
    setFormatting(!isFormatting);
  };
  const onPaste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData?.files;
    if (pasted?.length) {
      event.preventDefault();
      addFiles(chatId, pasted);
    } else if (pasteLink(area.current!, event.clipboardData?.getData("text/plain") ?? "")) event.preventDefault();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {editing && (
        <div class="editing">
          {icons.edit}
          <p>
            <b>{t.composer.edit}</b>
            <span dir="auto">{edited && contentOf(edited)}</span>
          </p>
          <button type="button" class="icon-button" aria-label={t.composer.cancelEdit} onClick={endEdit}>
            {icons.close}
          </button>
        </div>
      )}
      {replyTo && !editing && <ReplyBar message={replyTo} />}
      {files.length > 0 && (
        <ul class="tray" aria-label={t.composer.filesToSend}>
          {files.map((file, at) => (
            <Attached
              key={`${file.name}${at}`}
              file={file}
              onRemove={() => client.setDraft(chatId, { files: files.filter((other) => other !== file) })}
            />
          ))}
        </ul>
      )}
      {isTooLong && (
        <p id={about} class="too-long">
          <span role="alert">{t.composer.tooLong(MAX_LENGTH.toLocaleString(locale))}</span>{" "}
          {t.composer.length(length.toLocaleString(locale))}
        </p>
      )}
      {suggestions.items.length > 0 && <SuggestionList id={list} {...suggestions} onPick={suggestions.pick} />}
      {isFormatting && <FormattingBar id={bar} area={area} />}
      <div class="line">
        <button
          type="button"
          class="icon-button"
          aria-label={t.composer.attach}
          title={t.composer.attach}
          disabled={editing !== null}
          onClick={() => picker.current?.click()}
        >
          {icons.clip}
        </button>
        <input
          ref={picker}
          class="hidden"
          type="file"
          multiple
          accept={ACCEPTED_FILES}
          tabIndex={-1}
          aria-label={t.composer.files}
          onChange={(event) => {
            addFiles(chatId, event.currentTarget.files ?? []);
            event.currentTarget.value = "";
            area.current?.focus();
          }}
        />
        <textarea
          ref={area}
          rows={1}
          dir="auto"
          aria-label={editing ? t.composer.edit : t.composer.messageTo(name)}
          placeholder={files.length ? t.composer.caption : t.composer.placeholder}
          enterkeyhint="send"
          aria-invalid={isTooLong || undefined}
          aria-describedby={isTooLong ? about : undefined}
          aria-autocomplete="list"
          aria-controls={suggestions.items.length ? list : undefined}
          aria-activedescendant={suggestions.items.length ? optionId(list, suggestions.active) : undefined}
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onSelect={suggestions.update}
          onBlur={suggestions.update}
          onPaste={onPaste}
        />
        {!isTooLong && length > MAX_LENGTH - FEW_LEFT && (
          <span class="left" role="status">
            {t.composer.left(MAX_LENGTH - length)}
          </span>
        )}
        <button
          type="button"
          class={`icon-button formats ${text ? "" : "unneeded"}`}
          aria-label={t.format.title}
          title={t.format.title}
          aria-expanded={isFormatting}
          aria-controls={isFormatting ? bar : undefined}
          onMouseDown={(event) => event.preventDefault()}
          onClick={toggleFormatting}
        >
          {icons.format}
        </button>
        <EmojiButton onPick={(emoji) => insertText(area.current!, emoji)} />
        <button
          type="submit"
          class="send"
          aria-label={editing ? t.composer.save : t.composer.send}
          disabled={!maySend}
          // On a phone, the keyboard stays.
          onMouseDown={(event) => event.preventDefault()}
        >
          {editing ? icons.check : icons.send}
        </button>
      </div>
    </form>
  );
});

/** Whether ↑ may edit a message: the user's own, also while it is pending. */
const isEditable = (item: Item, me: string) =>
  item.state === "sent" ? item.message.senderId === me && !item.message.isDeleted : item.state === "pending";

const hasFile = (item: Item | undefined) =>
  item !== undefined && (item.state === "sent" ? item.message.type !== "TEXT" : item.queued.file !== null);

/** Moves an edit from the key of a pending message to its id once it is stored; ends it when the message is deleted. */
function useFollowedEdit(
  chatId: string,
  editing: { readonly messageId: string; readonly content: string } | null,
  edited: Item | undefined,
): void {
  const message = edited?.state === "sent" ? edited.message : null;
  useEffect(() => {
    if (!editing || !message) return;
    if (message.isDeleted) client.setDraft(chatId, { editing: null });
    else if (message.id !== editing.messageId) {
      client.setDraft(chatId, { editing: { ...editing, messageId: message.id } });
    }
  }, [message]);
}

/** Fits the height of the field to its text where browsers lack `field-sizing`. */
function useHeight(area: { readonly current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const field = area.current;
    if (!field || CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }, [text]);
}

/** Typing while the focus is on no other field goes to this one, and Escape returns to it. */
function useTypingAnywhere(area: { readonly current: HTMLTextAreaElement | null }): void {
  useWindowEvent("keydown", (event) => {
    const field = area.current;
    if (!field?.offsetParent || event.altKey || !isForPage(event)) return;
    const isPaste = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "v";
    const isText = !event.ctrlKey && !event.metaKey && event.key.length === 1 && !/[\s?]/.test(event.key);
    if (isPaste || isText || event.key === "Escape") field.focus();
  });
}

/** Back to the results of a search or to the list of chats, where one was. */
function leave(): void {
  if (focusOpened()) return;
  const entry = document.querySelector<HTMLElement>(".chats [aria-current]");
  if (entry?.offsetParent) entry.focus();
  else go(HOME);
}

function Attached({ file, onRemove }: { file: FileToSend; onRemove: () => void }) {
  const preview = usePreview(file.data);
  return (
    <li>
      {preview ? <img src={preview} alt="" /> : <span class="kind">{extension(file.name)}</span>}
      <span class="name" dir="auto">
        {file.name}
      </span>
      <span class="size">{fileSize(file.data.size)}</span>
      <button type="button" class="icon-button" aria-label={t.composer.remove(file.name)} onClick={onRemove}>
        {icons.close}
      </button>
    </li>
  );
}
