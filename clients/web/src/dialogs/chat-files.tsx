import type { Chat, Message } from "@chatapp/client";
import { useState } from "preact/hooks";
import { FileCard, pictureName, useRenewal } from "../attachment";
import { client } from "../client";
import { dateOf, nameOf } from "../format";
import { go, messagePath } from "../route";
import { t } from "../texts";
import { Dialog } from "../ui/dialog";
import { Viewer } from "../viewer";
import { PagesEnd, usePages } from "./pages";

/** The pictures and files of a chat, the newest first. */
export function ChatFiles({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const [type, setType] = useState<"IMAGE" | "FILE">("IMAGE");
  const [shown, setShown] = useState<string | null>(null);
  const pages = usePages(() => client.chatFiles(chat.id, type), [type]);
  const isPictures = type === "IMAGE";
  const tab = (each: typeof type, label: string) => (
    <button type="button" class="chip" aria-pressed={type === each} onClick={() => setType(each)}>
      {label}
    </button>
  );
  return (
    <Dialog title={t.chatFiles.title} class="chat-files" onClose={onClose}>
      <fieldset class="chips" aria-label={t.chatFiles.title}>
        {tab("IMAGE", t.chatFiles.photos)}
        {tab("FILE", t.chatFiles.files)}
      </fieldset>
      <ul class={isPictures ? "grid" : "list"}>
        {pages.items.map((message) => (
          <li key={message.id}>
            {isPictures ? (
              <Thumbnail message={message} onOpen={() => setShown(message.id)} />
            ) : (
              <FileEntry message={message} />
            )}
          </li>
        ))}
      </ul>
      <PagesEnd pages={pages} empty={isPictures ? t.chatFiles.noPhotos : t.chatFiles.noFiles} />
      {shown && (
        <Viewer
          pictures={[...pages.items].reverse()}
          messageId={shown}
          onShow={setShown}
          onClose={() => setShown(null)}
          inChat
        />
      )}
    </Dialog>
  );
}

function Thumbnail({ message, onOpen }: { message: Message; onOpen: () => void }) {
  const renew = useRenewal(message.id);
  const about = t.chatFiles.from(nameOf(message.sender), dateOf(message.createdAt));
  return (
    <button
      type="button"
      aria-label={`${t.viewer.open(pictureName(message))}, ${about}`}
      title={about}
      onClick={onOpen}
    >
      <img src={client.fileUrl(message.thumbnailUrl ?? message.fileUrl!)} alt="" loading="lazy" onError={renew} />
    </button>
  );
}

function FileEntry({ message }: { message: Message }) {
  const { chatId, seq, sender, createdAt } = message;
  return (
    <>
      <FileCard message={message} />
      <p class="quiet">{t.chatFiles.from(nameOf(sender), dateOf(createdAt))}</p>
      <button type="button" class="link" onClick={() => go(messagePath(chatId, seq))}>
        {t.chatFiles.showInChat}
      </button>
    </>
  );
}
