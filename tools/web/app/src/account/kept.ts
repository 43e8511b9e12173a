/** What this browser keeps of an account goes with its sign-in. */
import { clear } from "../offline/store.ts";

export async function clearKept(): Promise<void> {
  await clear();
}
