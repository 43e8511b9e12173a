/** What a prompt's beginning means (docs/spec.md 12.4): slash commands, and what no prompt from afar may begin with. */
import type { SlashCommand } from "@libremote/link/messages";

/** Unicode's White_Space, and U+FEFF: agents take them away before they look at a prompt. */
const BLANKS = /^[\p{White_Space}\ufeff]+/u;
export const isBlank = (text: string): boolean => text.replace(BLANKS, "") === "";

export const PROMPT_BYTES_MAX = 131072;
export const SLASH_ARGUMENT_BYTES_MAX = 16384;

export type Meaning =
  | { kind: "blank" }
  | { kind: "prompt" }
  | { kind: "slash"; name: string; args: string }
  | { kind: "refused"; words: string };

export function meaning(text: string, commands: readonly SlashCommand[], files = 0): Meaning {
  const start = text.replace(BLANKS, "");
  if (start === "") return { kind: "blank" };
  if (start.startsWith("!")) return { kind: "refused",
    words: "A prompt from here cannot begin with “!”: agents run what follows as a command without asking." };
  if (!start.startsWith("/")) return { kind: "prompt" };
  const name = /^\/([^\p{White_Space}\ufeff]*)/u.exec(start)![1]!;
  const command = commands.find((c) => c.name === name);
  if (!command) return { kind: "prompt" };
  if (!command.remoteAllowed) return { kind: "refused", words: `/${name} is not allowed from here; run it at the host.` };
  const args = start.slice(1 + name.length).replace(BLANKS, "");
  if (files > 0 || new TextEncoder().encode(args).length > SLASH_ARGUMENT_BYTES_MAX) return { kind: "prompt" };
  return { kind: "slash", name, args };
}

/** The beginning of a name that is being written; undefined: none is. */
export function slashBeginning(text: string): string | undefined {
  return /^\/([^\p{White_Space}\ufeff]*)$/u.exec(text)?.[1];
}

const SHOWN_MAX = 8;

/** Completions: those that may be run from here first, then by name. */
export function completions(commands: readonly SlashCommand[], beginning: string): SlashCommand[] {
  const wanted = beginning.toLowerCase();
  return commands
    .filter((c) => c.name.toLowerCase().startsWith(wanted))
    .sort((a, b) => Number(b.remoteAllowed) - Number(a.remoteAllowed) || (a.name < b.name ? -1 : 1))
    .slice(0, SHOWN_MAX);
}
