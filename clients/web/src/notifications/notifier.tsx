import type { Chat, Message } from "@chatapp/client";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useAttention } from "../attention";
import { client, useMe } from "../client";
import { has } from "../features";
import { chatName, nameOf, preview } from "../format";
import { chatPath, go, messagePath, useRoute } from "../route";
import { t } from "../texts";
import { isOn, mayNotify } from "./device";
import { hold, isHeld } from "./locks";
import { notifies } from "./rules";
import { play } from "./sound";

/** As much of a text as systems show. */
const MAX_TEXT = 200;

/** Notifies the user of new messages, unless they look at the chat; of several tabs, one does. */
export function Notifier() {
  const me = useMe();
  const { chatId } = useRoute();
  const isThere = useAttention();
  const view = useRef<string | null>(null);
  view.current = isThere ? chatId : null;
  const inView = (id: string) => `chat.view:${me.id}:${id}`;
  // At once: what arrives after the user has looked away notifies.
  useLayoutEffect(() => (chatId && isThere ? hold(inView(chatId), "shared") : undefined), [chatId, isThere]);
  useEffect(() => {
    let isChosen = false;
    const shown = new Shown();
    const arrived = async (message: Message, { id }: Chat) => {
      if (!isChosen || view.current === id) return;
      // The user's own settings of chats are known then. It rejects when they log out.
      await client.whenOnline();
      const chat = client.chat(id);
      if (!chat?.unreadCount || !notifies(message, chat, me.id) || (await isHeld(inView(id)))) return;
      if (mayNotify()) shown.add(message, chat);
      if (isOn("sound")) play();
    };
    const ends = [
      hold(`chat.notifier:${me.id}`, "exclusive", () => (isChosen = true)),
      client.onMessage((message, chat) => void arrived(message, chat).catch(() => {})),
      client.subscribe(({ chats }) => chats && shown.dropRead()),
    ];
    return () => {
      for (const end of ends) end();
      shown.dropAll();
    };
  }, []);
  return null;
}

/** The notifications that are shown: one for each chat. */
class Shown {
  private readonly byChat = new Map<string, Notification>();

  add(message: Message, chat: Chat): void {
    const { type, sender, seq } = message;
    const isNamed = chat.type === "GROUP" && type !== "SYSTEM";
    const text = isNamed ? t.home.incoming(nameOf(sender), null, preview(message)) : preview(message);
    const picture = chat.peer?.avatar ?? chat.avatar;
    // `renotify` is not known to TypeScript: a later message of the chat is shown as a new one.
    const options: NotificationOptions & { renotify: boolean } = {
      body: text.slice(0, MAX_TEXT),
      tag: chat.id,
      renotify: true,
      // The page has a sound of its own.
      silent: true,
      // Pictures on other servers are not loaded: that would tell them the user's address.
      ...(picture?.startsWith("/avatars/") && { icon: client.avatarUrl(picture) }),
    };
    const notification = new Notification(chatName(chat), options);
    notification.onclick = () => {
      window.focus();
      go(has("around") ? messagePath(chat.id, seq) : chatPath(chat.id));
      notification.close();
    };
    notification.onclose = () => {
      if (this.byChat.get(chat.id) === notification) this.byChat.delete(chat.id);
    };
    this.byChat.set(chat.id, notification);
  }

  /** Close those of chats that were read, here or elsewhere, and of chats that are gone. */
  dropRead(): void {
    for (const [chatId, notification] of this.byChat) {
      if (!client.chat(chatId)?.unreadCount) notification.close();
    }
  }

  dropAll(): void {
    for (const notification of this.byChat.values()) notification.close();
  }
}
