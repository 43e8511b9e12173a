/** What this browser keeps of an account goes with its sign-in. */
import { clearKeys, keepAccount } from "../offline/keys.ts";

export async function clearKept(): Promise<void> {
  clearKeys();
  keepAccount(undefined);
}
