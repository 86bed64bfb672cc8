// A store without chats, for tests that need no server.
import type { ChatStoreHooks } from "../src/chat-entry.js";
import { ChatStore } from "../src/chat-store.js";
import { Changes } from "../src/changes.js";
import type { Message } from "../src/generated/schemas.js";
import type { Http } from "../src/http.js";
import type { Item } from "../src/model.js";
import { OwnState, type OwnStateHooks } from "../src/own-state.js";

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
    onCountsStale: nothing,
    onReset: nothing,
    onUser: (user) => user,
    toItem,
    toState: ({ me }) => me,
    ...hooks,
  });
}

/** Own state beside a store, of a server that has it. */
export function ownState(chatStore: ChatStore, hooks: Partial<OwnStateHooks> = {}, http: Partial<Http> = {}): OwnState {
  return new OwnState(chatStore, http as Http, new Changes(), {
    isConnected: () => true,
    isOffered: async () => true,
    onGap: () => {},
    onCountsStale: () => {},
    receiptsSent: async () => {},
    ...hooks,
  });
}

function toItem(message: Message): Item {
  return { state: "sent", key: message.id, message, edit: null, isDeleting: false };
}

/** Numbers from 0 to 1 that are the same in each run. */
export function dice(seed: number): () => number {
  let state = seed * 7919;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}
