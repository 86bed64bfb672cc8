/** Any key of IndexedDB: arrays compare element by element, so that a prefix selects a range. */
type Key = readonly string[];

/** One object store of IndexedDB, with promises. Each call rejects where there is none, or where it is full. */
export class ObjectStore {
  private opening: Promise<IDBDatabase> | null = null;

  constructor(private readonly name: string) {}

  /** The values whose keys begin with `prefix`, in the order of the keys. */
  list<T>(prefix: Key): Promise<T[]> {
    return this.run("readonly", (store) => store.getAll(range(prefix)) as IDBRequest<T[]>);
  }

  get<T>(key: Key): Promise<T | undefined> {
    return this.run("readonly", (store) => store.get([...key]) as IDBRequest<T | undefined>);
  }

  async put(key: Key, value: unknown): Promise<void> {
    await this.run("readwrite", (store) => store.put(value, [...key]));
  }

  /** Delete the values whose keys begin with `prefix`. */
  async delete(prefix: Key): Promise<void> {
    await this.run("readwrite", (store) => store.delete(range(prefix)));
  }

  private async run<T>(mode: IDBTransactionMode, request: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    this.opening ??= this.open();
    const database = await this.opening;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("values", mode);
      const { result, error } = outcome(request(transaction.objectStore("values")));
      // A write counts once its transaction is complete.
      transaction.oncomplete = () => resolve(result());
      transaction.onabort = () => reject(transaction.error ?? error());
    });
  }

  private open(): Promise<IDBDatabase> {
    const opened = new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => void request.result.createObjectStore("values");
      request.onerror = () => reject(request.error);
      request.onsuccess = () => resolve(request.result);
    });
    const forget = (): void => {
      this.opening = null;
    };
    opened.then((database) => {
      // Browsers close a database when its data are deleted: the next call opens another.
      database.onclose = forget;
      database.onversionchange = () => {
        database.close();
        forget();
      };
    }, forget);
    return opened;
  }
}

function outcome<T>(request: IDBRequest<T>): { result: () => T; error: () => DOMException | null } {
  return { result: () => request.result, error: () => request.error };
}

/** Arrays come after all strings: the range ends behind everything that begins with `prefix`. */
function range(prefix: Key): IDBKeyRange {
  return IDBKeyRange.bound([...prefix], [...prefix, []]);
}
