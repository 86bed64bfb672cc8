export type { CacheStorage } from "./cache.js";
export { ChatClient, type ClientOptions, MUTED_FOREVER, type PendingMessage } from "./client.js";
export * from "./errors.js";
export type * from "./model.js";
export { browserQueue, browserSession, memoryQueue, memorySession } from "./storage.js";
export type { QueueRecord, QueueStorage, QueueWatcher, SessionStorage, StoredSession } from "./storage.js";
