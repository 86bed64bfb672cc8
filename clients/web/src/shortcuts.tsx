import { Fragment } from "preact";
import { client } from "./client";
import { chatPath, go } from "./route";
import { t } from "./texts";
import { Dialog } from "./ui/dialog";
import { isCovered, isForPage } from "./ui/keys";
import { useWindowEvent } from "./ui/window-event";

const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

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

/** The list of shortcuts. */
export function Shortcuts({ onClose }: { onClose: () => void }) {
  const { keys } = t.shortcuts;
  const command = IS_APPLE ? "⌘" : keys.control;
  const alt = IS_APPLE ? "⌥" : keys.alt;
  const sections: readonly [string, readonly [string, ...(readonly string[])[]][]][] = [
    [
      t.shortcuts.everywhere,
      [
        [t.shortcuts.find, [command, "K"]],
        [t.shortcuts.nextChat, [alt, "↓"]],
        [t.shortcuts.previousChat, [alt, "↑"]],
        [t.shortcuts.help, ["?"]],
      ],
    ],
    [
      t.shortcuts.writing,
      [
        [t.shortcuts.send, [keys.enter]],
        [t.shortcuts.newLine, [keys.shift, keys.enter]],
        [t.shortcuts.editLast, ["↑"]],
        [t.shortcuts.leave, [keys.escape]],
      ],
    ],
    [
      t.shortcuts.lists,
      [
        [t.shortcuts.move, ["↑"], ["↓"]],
        [t.shortcuts.ends, [keys.home], [keys.end]],
        [t.shortcuts.open, [keys.enter]],
      ],
    ],
  ];
  return (
    <Dialog title={t.shortcuts.title} onClose={onClose} class="shortcuts">
      {sections.map(([heading, shortcuts]) => (
        <section key={heading}>
          <h3>{heading}</h3>
          <dl>
            {shortcuts.map(([text, ...combinations]) => (
              <div key={text}>
                <dt>{text}</dt>
                <dd>
                  {combinations.map((combination, index) => (
                    <Fragment key={combination.join()}>
                      {index > 0 && " / "}
                      {combination.map((key) => (
                        <kbd key={key}>{key}</kbd>
                      ))}
                    </Fragment>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
