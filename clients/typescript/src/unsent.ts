import { newId } from "./ids.js";
import type { QueueRecord, QueueStorage, QueueWatcher } from "./storage.js";
import { deferred } from "./waiting.js";

type Write = () => void | Promise<void>;

/** A user's unsent work in the storage: written when it changes, and adopted from closed clients. */
export class UnsentRecords {
  /** Under this name the records of this client are stored. */
  readonly owner = newId();
  private readonly over = new AbortController();
  private readonly ended = deferred<void>();
  private readonly waiting = new Map<string, Write>();
  private readonly writing = new Map<string, Promise<void>>();
  private readonly unsaved = new Set<string>();
  private isCalling = false;
  private readonly awaited = new Set<string>();

  constructor(
    private readonly userId: string,
    private readonly storage: QueueStorage,
  ) {}

  /** Whether something is not in the storage, or not yet. */
  get hasUnsaved(): boolean {
    return this.unsaved.size > 0;
  }

  put(record: QueueRecord): void {
    if (this.over.signal.aborted) return;
    const name = nameOf(record);
    this.unsaved.add(name);
    this.write(name, async () => {
      await this.storage.put(this.userId, record);
      if (!this.waiting.has(name)) this.unsaved.delete(name);
    });
  }

  remove(kind: QueueRecord["kind"], id: string): void {
    const name = nameOf({ kind, id });
    this.unsaved.delete(name);
    this.write(name, () => this.storage.remove(this.userId, kind, id));
  }

  /**
   * Call `take` with what other clients have left: now, and whenever one is gone; and `changed` when one of them changes
   * a record that has no owner.
   */
  async start(take: (records: readonly QueueRecord[]) => void, changed: QueueWatcher): Promise<void> {
    const { signal } = this.over;
    // Other clients take over what this one leaves once it no longer runs this.
    if (this.storage.exclusively) this.exclusively(this.owner, () => this.ended.promise).catch(() => {});
    const unwatch = this.storage.watch?.(this.userId, (kind, id, record) => {
      if (this.isCalling) return;
      if (!record || !("owner" in record)) changed(kind, id, record);
      else if (this.storage.exclusively) void this.inherit(record.owner, take);
    });
    signal.addEventListener("abort", () => unwatch?.());
    const records = await this.list();
    if (signal.aborted) return;
    take(records.filter((record) => !("owner" in record)));
    const owners = new Set(records.flatMap((record) => ("owner" in record ? [record.owner] : [])));
    await Promise.all([...owners].map((owner) => this.inherit(owner, take, records)));
  }

  /** Leave the records to other clients, or `forget` them. */
  async end({ forgotten }: { forgotten: boolean }): Promise<void> {
    this.over.abort();
    await Promise.all(this.writing.values());
    try {
      if (forgotten) await this.storage.clear(this.userId);
    } catch {
      // A storage that does not work has nothing to delete.
    }
    this.ended.resolve();
  }

  private async inherit(
    owner: string,
    take: (records: readonly QueueRecord[]) => void,
    known?: readonly QueueRecord[],
  ): Promise<void> {
    if (owner === this.owner || this.awaited.has(owner)) return;
    this.awaited.add(owner);
    const adopt = async (): Promise<void> => {
      // Where tabs can't exclude each other, what was read before is as good.
      const records = known && !this.storage.exclusively ? known : await this.list();
      if (this.over.signal.aborted) return;
      const left = records.filter((record) => "owner" in record && record.owner === owner);
      take(left);
      // They are this client's from now on; the next one that waits for this owner finds nothing.
      await Promise.all(this.writing.values());
    };
    await this.exclusively(owner, adopt).catch(() => {});
    this.awaited.delete(owner);
  }

  private exclusively(name: string, task: () => Promise<void>): Promise<void> {
    return this.storage.exclusively ? this.storage.exclusively(name, task, this.over.signal) : task();
  }

  private async list(): Promise<readonly QueueRecord[]> {
    try {
      return await this.storage.list(this.userId);
    } catch {
      // Without a storage, unsent work lives as long as the page.
      return [];
    }
  }

  /** A storage in memory notifies of a change while it is made: the client that makes it needs no notice. */
  private called(task: Write): void | Promise<void> {
    this.isCalling = true;
    try {
      return task();
    } finally {
      this.isCalling = false;
    }
  }

  /** Writes of one record follow one another; of those that wait, the last one counts. */
  private write(name: string, task: Write): void {
    this.waiting.set(name, task);
    if (this.writing.has(name)) return;
    const run = async (): Promise<void> => {
      for (let next: Write | undefined; (next = this.waiting.get(name)); ) {
        this.waiting.delete(name);
        try {
          await this.called(next);
        } catch {
          // A full or forbidden storage does not prevent sending: `hasUnsaved` reports it.
        }
      }
      this.writing.delete(name);
    };
    this.writing.set(name, run());
  }
}

function nameOf({ kind, id }: { kind: QueueRecord["kind"]; id: string }): string {
  return `${kind} ${id}`;
}
