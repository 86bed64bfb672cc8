export { ChatClient, type ClientOptions, type Sending } from "./client.js";
export * from "./errors.js";
export type * from "./model.js";
export { browserOutbox, browserSession, memoryOutbox, memorySession } from "./storage.js";
export type { OutboxStorage, SessionStorage, StoredDraft, StoredSession } from "./storage.js";
