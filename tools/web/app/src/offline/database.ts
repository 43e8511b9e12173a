/** IndexedDB as promises. Without it (private windows of some browsers) nothing is kept, and nothing else breaks. */
import { notKept } from "./keeping.ts";

export type StoreName = "lists" | "sessions" | "chunks";
const NAME = "remote";
const VERSION = 1;

let opening: Promise<IDBDatabase | undefined> | undefined;

function open(): Promise<IDBDatabase | undefined> {
  opening ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, VERSION);
      request.onupgradeneeded = () => {
        for (const store of ["lists", "sessions", "chunks"] satisfies StoreName[])
          if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store);
      };
      request.onsuccess = () => {
        const database = request.result;
        if (database.objectStoreNames.length === 0) { // somebody else made it: ours from the next time on
          database.close();
          opening = undefined;
          indexedDB.deleteDatabase(NAME);
          resolve(undefined);
          return;
        }
        database.onversionchange = () => {
          database.close(); // a newer page wants another layout, or everything is cleared
          opening = undefined;
        };
        database.onclose = () => (opening = undefined);
        resolve(database);
      };
      request.onblocked = () => resolve(undefined);
      request.onerror = () => {
        notKept(request.error);
        resolve(undefined);
      };
    } catch (error) {
      notKept(error);
      resolve(undefined);
    }
  });
  return opening;
}

/** One transaction over some stores; undefined when there is no database or it failed. */
async function within<T>(stores: StoreName[], mode: IDBTransactionMode, use: (tx: IDBTransaction) => IDBRequest<T> | undefined): Promise<T | undefined> {
  const database = await open();
  if (!database) return undefined;
  return new Promise((resolve) => {
    try {
      const tx = database.transaction(stores, mode);
      const request = use(tx);
      tx.oncomplete = () => resolve(request?.result);
      tx.onabort = tx.onerror = () => {
        if (mode === "readwrite") notKept(tx.error);
        resolve(undefined);
      };
    } catch {
      opening = undefined; // closed under our hands: opened anew the next time
      resolve(undefined);
    }
  });
}

export const get = (store: StoreName, key: IDBValidKey): Promise<unknown> =>
  within([store], "readonly", (tx) => tx.objectStore(store).get(key) as IDBRequest<unknown>);

/** All that lies under keys that begin with these parts, in the order of their keys. */
export async function all(store: StoreName, prefix: readonly string[]): Promise<{ key: IDBValidKey; value: unknown }[]> {
  const range = IDBKeyRange.bound([...prefix], [...prefix, []]);
  const keys = await within([store], "readonly", (tx) => tx.objectStore(store).getAllKeys(range));
  const values = await within([store], "readonly", (tx) => tx.objectStore(store).getAll(range) as IDBRequest<unknown[]>);
  if (!keys || !values || keys.length !== values.length) return []; // changed in between: the next time
  return keys.map((key, index) => ({ key, value: values[index] }));
}

/** Writes and removes in one transaction. */
export async function change(changes: { store: StoreName; key: IDBValidKey; value?: unknown }[]): Promise<void> {
  if (changes.length === 0) return;
  await within([...new Set(changes.map((one) => one.store))], "readwrite", (tx) => {
    for (const { store, key, value } of changes) {
      if (value === undefined) tx.objectStore(store).delete(key);
      else tx.objectStore(store).put(value, key);
    }
    return undefined;
  });
}

/** Everything of every account. */
export async function clearDatabase(): Promise<void> {
  await within(["lists", "sessions", "chunks"], "readwrite", (tx) => {
    for (const store of ["lists", "sessions", "chunks"] satisfies StoreName[]) tx.objectStore(store).clear();
    return undefined;
  });
}
