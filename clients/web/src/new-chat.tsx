import { useRef, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { People, usePeople } from "./search";
import { t } from "./texts";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";
import { isComposing, useRovingFocus } from "./ui/keys";

interface NewChatProps {
  onClose: () => void;
  onNewGroup: () => void;
}

/** Find someone to write to, or go on to a new group. Without a query, it lists those with whom there is a chat. */
export function NewChat({ onClose, onNewGroup }: NewChatProps) {
  const [query, setQuery] = useState("");
  const chats = useLive(() => client.chats);
  const found = usePeople(query.trim());
  const people = query.trim() ? found : chats.flatMap(({ peer }) => peer ?? []);
  const list = useRef<HTMLDivElement>(null);
  const roving = useRovingFocus(list);
  return (
    <Dialog title={t.newChat.title} onClose={onClose} class="new-chat">
      <div class="search">
        {icons.search}
        <input
          type="search"
          dir="auto"
          aria-label={t.newChat.find}
          placeholder={t.newChat.find}
          maxLength={50}
          autocomplete="off"
          spellcheck={false}
          autofocus
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            const first = list.current?.querySelector<HTMLElement>(query.trim() ? ".people button" : "button");
            if (event.key === "ArrowDown") {
              event.preventDefault();
              first?.focus();
            } else if (event.key === "Enter" && query.trim() && !isComposing(event)) first?.click();
          }}
        />
      </div>
      <div ref={list} class="found" {...roving}>
        <button type="button" class="entry to-group" onClick={onNewGroup}>
          <span class="emblem">{icons.group}</span>
          <span class="title">{t.sidebar.newGroup}</span>
        </button>
        <People query={query.trim()} people={people} onChosen={onClose} />
      </div>
    </Dialog>
  );
}
