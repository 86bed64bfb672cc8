import { useRef, useState } from "preact/hooks";
import { client, useLive } from "./client";
import { People, usePeople } from "./search/people";
import { t } from "./texts";
import { Dialog } from "./ui/dialog";
import { icons } from "./ui/icons";
import { useRovingFocus } from "./ui/keys";
import { SearchField } from "./ui/search-field";

interface NewChatProps {
  onClose: () => void;
  onNewGroup: () => void;
}

/** Find someone to write to, or go on to a new group. Without a query, it lists the users of existing direct chats. */
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
        <SearchField
          label={t.newChat.find}
          query={query}
          onQuery={setQuery}
          first={() => list.current?.querySelector<HTMLElement>(query.trim() ? ".people button" : "button")}
          autofocus
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
