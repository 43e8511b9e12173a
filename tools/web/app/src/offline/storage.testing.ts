/** A localStorage for tests: as the browser's, with an end. */
export class FakeStorage {
  [name: string]: unknown;
  readonly #bytesMax: number;
  constructor(bytesMax = 5_000_000) {
    this.#bytesMax = bytesMax;
  }
  getItem(key: string): string | null {
    return Object.hasOwn(this, key) ? String(this[key]) : null;
  }
  setItem(key: string, value: string): void {
    const used = Object.entries(this).reduce((sum, [name, text]) => sum + name.length + String(text).length, 0);
    if (used + key.length + value.length > this.#bytesMax) throw new Error("QuotaExceededError");
    this[key] = value;
  }
  removeItem(key: string): void {
    delete this[key];
  }
}

export function useFakeStorage(bytesMax?: number): FakeStorage {
  const storage = new FakeStorage(bytesMax);
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true, writable: true });
  return storage;
}
