import type { Chat, Item, Message } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { extension, usePreview } from "./attachment";
import { client, useMe } from "./client";
import { chatName, fileSize, gist } from "./format";
import { HOME, go } from "./route";
import { useAction } from "./ui/action";
import { icons } from "./ui/icons";

const LONGEST = 4000;
const ACCEPTED = ".jpg,.jpeg,.png,.gif,.webp,.pdf,.doc,.docx,.zip";
/** What was written into each chat's field and not sent. */
const unsent = new Map<string, string>();

interface ComposerProps {
  chat: Chat;
  files: readonly File[];
  onFiles: (files: readonly File[]) => void;
  /** The message that is being edited. */
  editing: string | null;
  onEdit: (messageId: string | null) => void;
}

/** The field to write in. Enter sends, Shift+Enter begins a line, Escape leaves, ↑ in an empty one edits the last. */
export function Composer({ chat, files, onFiles, editing, onEdit }: ComposerProps) {
  const me = useMe();
  const [text, setText] = useState(unsent.get(chat.id) ?? "");
  const { run, busy } = useAction();
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const edited = stored(client.messages(chat.id), editing);
  const words = text.trim();
  const length = [...words].length;
  const maySend = length <= LONGEST && (words !== "" || files.length > 0 || (!!edited && edited.type !== "TEXT"));

  useEffect(() => {
    // A keyboard on the screen comes up when it is wanted.
    if (matchMedia("(pointer: fine)").matches) area.current?.focus();
  }, []);
  useLayoutEffect(() => {
    if (edited) {
      setText(edited.content ?? "");
      area.current?.focus();
    } else setText(unsent.get(chat.id) ?? "");
  }, [editing]);
  useLayoutEffect(() => {
    const field = area.current;
    if (!field) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }, [text]);

  const write = (value: string) => {
    setText(value);
    if (editing) return;
    unsent.set(chat.id, value);
    if (value) client.typing(chat.id);
    else client.stopTyping(chat.id);
  };
  const submit = () => {
    if (!maySend || busy) return;
    if (edited) {
      void run(async () => {
        if (words !== edited.content) await client.edit(edited.id, words);
        onEdit(null);
      });
      return;
    }
    const [first, ...others] = files;
    client.send(chat.id, words, first ? { file: first } : {});
    for (const file of others) client.send(chat.id, "", { file });
    onFiles([]);
    write("");
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      if (editing) onEdit(null);
      else if (files.length) onFiles([]);
      else leave();
    } else if (event.key === "ArrowUp" && !text && !editing) {
      const last = client.messages(chat.id).findLast((item) => isEditable(item, me.id));
      if (last?.state !== "sent") return;
      event.preventDefault();
      onEdit(last.message.id);
    }
  };
  const paste = (event: ClipboardEvent) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (!pasted.length || editing) return;
    event.preventDefault();
    onFiles([...files, ...pasted]);
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {edited && (
        <div class="editing">
          {icons.edit}
          <p>
            <b>Edit message</b>
            <span>{gist(edited)}</span>
          </p>
          <button type="button" class="icon-button" aria-label="Cancel editing" onClick={() => onEdit(null)}>
            {icons.close}
          </button>
        </div>
      )}
      {files.length > 0 && (
        <ul class="tray" aria-label="Files to send">
          {files.map((file, at) => (
            <Waiting
              key={`${file.name}${at}`}
              file={file}
              onRemove={() => onFiles(files.filter((other) => other !== file))}
            />
          ))}
        </ul>
      )}
      <div class="line">
        <button
          type="button"
          class="icon-button"
          aria-label="Attach files"
          title="Attach files"
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
          accept={ACCEPTED}
          tabIndex={-1}
          aria-label="Files"
          onChange={(event) => {
            onFiles([...files, ...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
            area.current?.focus();
          }}
        />
        <textarea
          ref={area}
          rows={1}
          aria-label={edited ? "Edit message" : `Message to ${chatName(chat)}`}
          placeholder={files.length ? "Add a caption" : "Write a message"}
          enterkeyhint="send"
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={pressed}
          onPaste={paste}
        />
        {length > LONGEST - 400 && (
          <span class={`left ${length > LONGEST ? "over" : ""}`} role="status">
            {LONGEST - length}
          </span>
        )}
        <button
          type="submit"
          class="send"
          aria-label={edited ? "Save" : "Send"}
          disabled={!maySend || busy}
          // On a phone, the keyboard stays.
          onMouseDown={(event) => event.preventDefault()}
        >
          {edited ? icons.check : icons.send}
        </button>
      </div>
    </form>
  );
}

const isEditable = (item: Item, me: string) =>
  item.state === "sent" && item.message.senderId === me && !item.message.isDeleted;

function stored(items: readonly Item[], id: string | null): Message | null {
  const found = id && items.find((item) => item.state === "sent" && item.message.id === id);
  return found && found.state === "sent" ? found.message : null;
}

/** Back to the list of chats, where one was. */
function leave(): void {
  const entry = document.querySelector<HTMLElement>(".chats [aria-current]");
  if (entry?.offsetParent) entry.focus();
  else go(HOME);
}

function Waiting({ file, onRemove }: { file: File; onRemove: () => void }) {
  const preview = usePreview(file);
  return (
    <li>
      {preview ? <img src={preview} alt="" /> : <span class="kind">{extension(file.name)}</span>}
      <span class="name">{file.name}</span>
      <span class="size">{fileSize(file.size)}</span>
      <button type="button" class="icon-button" aria-label={`Remove ${file.name}`} onClick={onRemove}>
        {icons.close}
      </button>
    </li>
  );
}
