import type { ChatStore } from "./chat-store.js";
import type { Changes } from "./changes.js";
import type { Http } from "./http.js";
import type { Message } from "./model.js";
import type { Reader } from "./reader.js";

const PAGE = 50;

/** Shows the messages around an older one, and returns from there to the newest ones. */
export class WindowReader {
  /** The last jump in each chat: an earlier one that is answered later is dropped. */
  private readonly jumps = new Map<string, object>();
  private readonly fetching = new Map<string, Promise<void>>();

  constructor(
    private readonly chatStore: ChatStore,
    private readonly reader: Reader,
    private readonly http: Http,
    private readonly changes: Changes,
  ) {}

  /** Show the messages around one, by its id or `seq`; resolves to it, or to the nearest one. */
  async around(chatId: string, target: string | number): Promise<Message | undefined> {
    const jump = {};
    this.jumps.set(chatId, jump);
    const loaded = this.loaded(chatId, target);
    if (loaded) return loaded;
    const rev = this.chatStore.revOf(chatId);
    const query = { around: String(target), limit: PAGE };
    const [{ data, meta }] = await Promise.all([
      this.http.call("GET /messages/{id}", { path: { id: chatId }, query }),
      // With them the chat is kept up to date.
      this.reader.newest(chatId),
    ]);
    if (this.jumps.get(chatId) !== jump) return undefined;
    this.chatStore.showWindow(chatId, data, meta);
    // Changes made while the page was being fetched may be missing from it.
    this.chatStore.setBack(chatId, rev);
    return nearest(data, target);
  }

  /** Fetch the page after the shown messages; resolves to whether there are newer ones. */
  async newer(chatId: string): Promise<boolean> {
    let running = this.fetching.get(chatId);
    if (!running) {
      running = this.fetchNewer(chatId).finally(() => this.fetching.delete(chatId));
      this.fetching.set(chatId, running);
    }
    await running;
    return this.chatStore.shownTimeline(chatId)?.history.hasNewer ?? false;
  }

  /** Show the newest messages again. */
  async newest(chatId: string): Promise<void> {
    this.jumps.delete(chatId);
    this.chatStore.closeWindow(chatId);
    await this.reader.newest(chatId);
  }

  /** A message that is loaded, shown. */
  private loaded(chatId: string, target: string | number): Message | undefined {
    const [shown, live] = [this.chatStore.shownTimeline(chatId), this.chatStore.timeline(chatId)];
    const found = shown?.get(target);
    if (found) return found;
    const newer = live?.get(target);
    if (newer) this.chatStore.closeWindow(chatId);
    return newer;
  }

  private async fetchNewer(chatId: string): Promise<void> {
    const window = this.chatStore.shownTimeline(chatId);
    if (!window?.history.hasNewer) return;
    const { newerCursor } = window;
    // There was none after it: the newest messages are others by now.
    if (newerCursor === null) return this.newest(chatId);
    const rev = this.chatStore.revOf(chatId);
    window.show({ loading: true, error: null });
    this.changes.noteOf("messages", chatId);
    try {
      const query = { cursor: newerCursor, limit: PAGE };
      const { data, meta } = await this.http.call("GET /messages/{id}", { path: { id: chatId }, query });
      this.chatStore.putNewer(chatId, window, data, meta);
      this.chatStore.setBack(chatId, rev);
    } catch (error) {
      window.show({ loading: false, error: error as Error });
      throw error;
    } finally {
      this.changes.noteOf("messages", chatId);
    }
  }
}

function nearest(messages: readonly Message[], target: string | number): Message | undefined {
  if (typeof target === "string") return messages.find(({ id }) => id === target);
  const distance = ({ seq }: Message): number => Math.abs(seq - target);
  return [...messages].sort((one, other) => distance(one) - distance(other))[0];
}
