import { chatsOf } from "./chat-order";
import { client } from "./client";
import { has } from "./features";
import { chatName } from "./format";
import { chatPath, go } from "./route";
import { openSearch } from "./search/state";
import { isCovered, isForPage } from "./ui/keys";
import { useWindowEvent } from "./ui/window-event";

/** Give the focus to the field that messages are written in, if a chat is open. */
export const focusComposer = () => document.querySelector<HTMLElement>(".composer textarea")?.focus();

/** Give the focus back to the message that was opened from the results of a search, if they are visible. */
export function focusOpened(): boolean {
  const opened = document.querySelector<HTMLElement>(".found [aria-current]");
  if (!opened?.offsetParent) return false;
  opened.focus();
  return true;
}

interface Handlers {
  openId: string | null;
  /** List the shortcuts. */
  onHelp: () => void;
}

/** The keys that work everywhere on the page. */
export function useShortcuts({ openId, onHelp }: Handlers): void {
  useWindowEvent("keydown", (event) => {
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (event.defaultPrevented || isCovered()) return;
    const isCommand = (ctrlKey || metaKey) && !altKey;
    const chat = openId !== null && has("search") ? client.chat(openId) : undefined;
    if (isCommand && key.toLowerCase() === "k") {
      event.preventDefault();
      openSearch();
    } else if (isCommand && !shiftKey && key.toLowerCase() === "f" && chat && !isSearchField(event.target)) {
      event.preventDefault();
      openSearch({ id: chat.id, name: chatName(chat) });
    } else if (altKey && !ctrlKey && !metaKey && (key === "ArrowUp" || key === "ArrowDown")) {
      event.preventDefault();
      openNeighbour(openId, key === "ArrowUp" ? -1 : 1);
    } else if (isForPage(event) && !altKey && !ctrlKey && !metaKey) {
      if (key === "?") {
        event.preventDefault();
        onHelp();
      } else if (isText(event)) focusComposer();
    }
  });
}

/** In it, the keys of the browser's own search are those of the browser. */
const isSearchField = (target: EventTarget | null) => (target as Element).closest?.("search") !== null;

/** Whether a key writes something: Space does not, which presses buttons and scrolls. */
const isText = ({ key }: KeyboardEvent) => [...key].length === 1 && key !== " ";

/** Open the chat above or below the open one in the list. */
function openNeighbour(openId: string | null, step: 1 | -1): void {
  const isArchived = openId !== null && client.chat(openId)?.isArchived === true;
  const chats = chatsOf(isArchived ? "archive" : "main");
  const at = chats.findIndex((chat) => chat.id === openId);
  const chat = at < 0 ? chats.at(step > 0 ? 0 : -1) : chats[at + step];
  if (chat) go(chatPath(chat.id));
}
