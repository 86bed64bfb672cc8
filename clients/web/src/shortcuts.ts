import { client } from "./client";
import { chatPath, go } from "./route";
import { isCovered, isForPage } from "./ui/keys";
import { useWindowEvent } from "./ui/window-event";

/** Give the focus to the field that messages are written in, if a chat is open. */
export const focusComposer = () => document.querySelector<HTMLElement>(".composer textarea")?.focus();

interface Handlers {
  openId: string | null;
  /** Go to the search field. */
  onFind: () => void;
  /** List the shortcuts. */
  onHelp: () => void;
}

/** The keys that work everywhere on the page. */
export function useShortcuts({ openId, onFind, onHelp }: Handlers): void {
  useWindowEvent("keydown", (event) => {
    const { key, altKey, ctrlKey, metaKey } = event;
    if (event.defaultPrevented || isCovered()) return;
    if (key.toLowerCase() === "k" && (ctrlKey || metaKey)) {
      event.preventDefault();
      onFind();
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

/** Whether a key writes something: Space does not, which presses buttons and scrolls. */
const isText = ({ key }: KeyboardEvent) => [...key].length === 1 && key !== " ";

/** Open the chat above or below the open one in the list. */
function openNeighbour(openId: string | null, step: 1 | -1): void {
  const { chats } = client;
  const at = chats.findIndex((chat) => chat.id === openId);
  const chat = at < 0 ? chats.at(step > 0 ? 0 : -1) : chats[at + step];
  if (chat) go(chatPath(chat.id));
}
