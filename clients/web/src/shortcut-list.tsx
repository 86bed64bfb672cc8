import { Fragment } from "preact";
import { FORMATS, keysOf } from "./compose/formats";
import { t } from "./texts";
import { Dialog } from "./ui/dialog";
import { IS_APPLE } from "./ui/keys";

/** The list of shortcuts. */
export function ShortcutList({ onClose }: { onClose: () => void }) {
  const { keys } = t.shortcuts;
  const command = IS_APPLE ? "⌘" : keys.control;
  const alt = IS_APPLE ? "⌥" : keys.alt;
  const sections: readonly [string, readonly [string, ...(readonly string[])[]][]][] = [
    [
      t.shortcuts.everywhere,
      [
        [t.shortcuts.find, [command, "K"]],
        [t.shortcuts.findInChat, [command, "F"]],
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
        ...FORMATS.map((format): [string, string[]] => [t.format.names[format.name], keysOf(format)]),
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
