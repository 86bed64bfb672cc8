import type { ChatStore } from "./chat-store.js";
import { ProblemError } from "./errors.js";
import { type Http, isPassing } from "./http.js";
import { newId } from "./ids.js";
import type { GivenReaction, Message, MessageHit, MessageSearch, MessageVersion, Page } from "./model.js";
import type { People } from "./people.js";

/** Operations on messages that are neither queued nor a part of the timeline. */
export class Conversation {
  /** The clientId of each forwarding whose outcome is not known, by what is forwarded where. */
  private readonly forwarding = new Map<string, string>();

  constructor(
    private readonly chatStore: ChatStore,
    private readonly people: People,
    private readonly http: Http,
  ) {}

  /** The users who reacted to a message. */
  reactions(messageId: string, emoji: string | undefined): Promise<Page<GivenReaction>> {
    const given = { path: { messageId }, query: emoji === undefined ? {} : { emoji } };
    return this.http.page("GET /messages/{messageId}/reactions", given, (reaction) => ({
      ...reaction,
      user: this.people.add(reaction.user),
    }));
  }

  async pin(messageId: string): Promise<Message> {
    const { data } = await this.http.call("PUT /messages/{messageId}/pin", { path: { messageId } });
    this.chatStore.putPinned(data);
    return data;
  }

  async unpin(messageId: string): Promise<Message> {
    const { data } = await this.http.call("DELETE /messages/{messageId}/pin", { path: { messageId } });
    this.chatStore.putPinned(data);
    return data;
  }

  pins(chatId: string): Promise<Page<Message>> {
    return this.http.page("GET /chats/{chatId}/pins", { path: { chatId }, query: {} }, (message) => message);
  }

  versions(messageId: string): Promise<Page<MessageVersion>> {
    const given = { path: { messageId }, query: {} };
    return this.http.page("GET /messages/{messageId}/versions", given, (version) => version);
  }

  /** Forward messages; after a lost response, the same call forwards nothing twice. */
  async forward(messageIds: string[], chatIds: string[]): Promise<Message[]> {
    const key = JSON.stringify([messageIds, chatIds]);
    const clientId = this.forwarding.get(key) ?? newId();
    this.forwarding.set(key, clientId);
    try {
      const body = { messageIds, chatIds, clientId };
      const { data } = await this.http.call("POST /messages/forward", { body }, { isRepeatable: true });
      this.forwarding.delete(key);
      for (const message of data) this.chatStore.putMessage(message);
      return data;
    } catch (error) {
      if (error instanceof ProblemError && !isPassing(error)) this.forwarding.delete(key);
      throw error;
    }
  }

  files(chatId: string, type: "IMAGE" | "FILE" | undefined): Promise<Page<Message>> {
    const given = { path: { chatId }, query: type ? { type } : {} };
    return this.http.page("GET /chats/{chatId}/files", given, (message) => message);
  }

  mentions(): Promise<Page<Message>> {
    return this.http.page("GET /users/me/mentions", { query: {} }, (message) => message);
  }

  search(query: Omit<MessageSearch, "signal"> & { q: string }, signal?: AbortSignal): Promise<Page<MessageHit>> {
    return this.http.page("GET /search/messages", { query }, (hit) => hit, signal);
  }

  async message(chatId: string, messageId: string): Promise<Message> {
    const given = { path: { chatId, messageId } };
    const { data } = await this.http.call("GET /chats/{chatId}/messages/{messageId}", given);
    this.chatStore.putMessage(data);
    return data;
  }
}
