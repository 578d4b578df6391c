/** The browser's own store for a person's layer. Where it may not be used, all works until the page is closed. */

const [NAME, VERSION, STORE] = ["fingerspell", 1, "personal"] as const;

/** What is kept under a model's digest; undefined where nothing is. */
export async function kept(digest: string): Promise<unknown> {
  try {
    return await asked("readonly", (store) => store.get(digest));
  } catch {
    return undefined;
  }
}

/** Returns whether it could be kept. */
export async function keepOwn(digest: string, value: unknown): Promise<boolean> {
  try {
    await asked("readwrite", (store) => store.put(value, digest));
    return true;
  } catch {
    return false;
  }
}

export async function forgetOwn(digest: string): Promise<void> {
  try {
    await asked("readwrite", (store) => store.delete(digest));
  } catch {
    return; // where nothing can be kept, nothing is there
  }
}

async function asked(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser’s store refused"));
    });
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser has no store"));
    request.onblocked = () => reject(new Error("the browser’s store is in use by another page"));
  });
}
