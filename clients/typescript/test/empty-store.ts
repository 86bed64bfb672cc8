// A store without chats, for tests that need no server.
import { ChatStore, type ChatStoreHooks } from "../src/chat-store.js";
import { Changes } from "../src/changes.js";
import type { Message } from "../src/generated/schemas.js";
import type { Item } from "../src/model.js";

export const ME = "me";

/** The store of the user `ME`; hooks that are not given do nothing. */
export function emptyStore(hooks: Partial<ChatStoreHooks> = {}): ChatStore {
  const nothing = (): void => {};
  return new ChatStore(ME, new Changes(), {
    onGap: nothing,
    onMissed: nothing,
    onStored: nothing,
    onRemoved: nothing,
    onReceiptsStale: nothing,
    onMembersStale: nothing,
    onReset: nothing,
    onUser: (user) => user,
    toItem,
    ...hooks,
  });
}

function toItem(message: Message): Item {
  return { state: "sent", key: message.id, message, edit: null, isDeleting: false };
}
