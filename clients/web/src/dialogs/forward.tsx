import type { Chat } from "@chatapp/client";
import { useRef, useState } from "preact/hooks";
import { BURST_MS, client, useLive } from "../client";
import { ChatAvatar } from "../chat-list";
import { limitOf } from "../features";
import { chatName } from "../format";
import { t } from "../texts";
import { FormDialog } from "../ui/form-dialog";
import { SearchField } from "../ui/search-field";
import { showNotice } from "../ui/toast";

interface ForwardProps {
  messageIds: readonly string[];
  onDone: () => void;
  onClose: () => void;
}

/** Sends copies of messages to chats that the user picks. */
export function Forward({ messageIds, onDone, onClose }: ForwardProps) {
  const chats = useLive(() => client.chats, BURST_MS);
  const [query, setQuery] = useState("");
  const [picked, setPicked] = useState<readonly Chat[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const limit = limitOf("forwardChats", 5);
  const words = query.trim().toLocaleLowerCase();
  const found = chats.filter((chat) => maySendTo(chat) && chatName(chat).toLocaleLowerCase().includes(words));
  const isPicked = (chat: Chat) => picked.some(({ id }) => id === chat.id);
  const toggle = (chat: Chat) =>
    setPicked(isPicked(chat) ? picked.filter(({ id }) => id !== chat.id) : [...picked, chat]);
  const submit = async () => {
    await client.forward(
      messageIds,
      picked.map(({ id }) => id),
    );
    showNotice(t.forward.done(picked.map(chatName)));
    onDone();
    onClose();
  };
  return (
    <FormDialog
      title={t.forward.title(messageIds.length)}
      verb={t.forward.send}
      disabled={picked.length === 0}
      onSubmit={submit}
      onClose={onClose}
    >
      {() => (
        <div class="picker">
          {/* A field of the form: it knows by it whether anything was picked. */}
          <input type="hidden" name="chats" value={picked.map(({ id }) => id).join()} />
          <div class="search">
            <SearchField
              label={t.forward.find}
              query={query}
              onQuery={setQuery}
              first={() => list.current?.querySelector("input")}
              autofocus
            />
          </div>
          <ul ref={list} class="people">
            {found.map((chat) => (
              <li key={chat.id}>
                <label class="entry">
                  <ChatAvatar chat={chat} />
                  <span class="title" dir="auto">
                    {chatName(chat)}
                  </span>
                  <input
                    type="checkbox"
                    checked={isPicked(chat)}
                    disabled={!isPicked(chat) && picked.length >= limit}
                    onChange={() => toggle(chat)}
                  />
                </label>
              </li>
            ))}
          </ul>
          {found.length === 0 && <p class="quiet none">{t.forward.none(query.trim())}</p>}
          {picked.length >= limit && (
            <p class="quiet" role="status">
              {t.forward.limit(limit)}
            </p>
          )}
        </div>
      )}
    </FormDialog>
  );
}

/** Whether the other user of a direct chat is still there. */
const maySendTo = ({ type, peer }: Chat) => type === "GROUP" || (peer !== null && !peer.isDeleted);
