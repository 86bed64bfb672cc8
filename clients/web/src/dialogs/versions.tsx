import type { Message } from "@chatapp/client";
import { client } from "../client";
import { fullTime } from "../format";
import { t } from "../texts";
import { Dialog } from "../ui/dialog";
import { PagesEnd, usePages } from "./pages";

/** What a message said before its edits, the first version first. */
export function Versions({ message, onClose }: { message: Message; onClose: () => void }) {
  const pages = usePages(() => client.versions(message.id), []);
  return (
    <Dialog title={t.versions.title} class="versions" onClose={onClose}>
      <ol>
        {pages.items.map(({ version, content, at, isCurrent }) => (
          <li key={version}>
            <p class="quiet">
              <time dateTime={at}>{fullTime(at)}</time>
              {isCurrent ? ` · ${t.versions.current}` : version === 1 && ` · ${t.versions.first}`}
            </p>
            <p class="content" dir="auto">
              {content}
            </p>
          </li>
        ))}
      </ol>
      <PagesEnd pages={pages} empty={t.versions.empty} />
    </Dialog>
  );
}
