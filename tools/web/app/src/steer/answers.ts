/** What answers an ask: the same rules as the host's arbiter (docs/spec.md section 13.1). */
import type { Ask, AnswerContent } from "@libremote/link/messages";
import { offered } from "./options.ts";

/** The fields of an answer that are set. */
export type Answer = Partial<Pick<AnswerContent, "optionId" | "moreOptionIds" | "text" | "json" | "comment" | "declined">>;

export const ANSWER_TEXT_BYTES_MAX = 16384;
export const ANSWER_JSON_BYTES_MAX = 32768;
export const COMMENT_BYTES_MAX = 4096;

const encoder = new TextEncoder();
export const utf8Bytes = (text: string): number => encoder.encode(text).length;

export function takesWords(ask: Ask): boolean {
  return (ask.kind.case === "question" || ask.kind.case === "limit") && ask.kind.value.freeText;
}

export function takesSeveral(ask: Ask): boolean {
  return ask.kind.case === "question" && ask.kind.value.multiple;
}

export function canDecline(ask: Ask): boolean {
  return ask.kind.case === "question" || ask.kind.case === "form" || ask.kind.case === "openUrl";
}

/** What was written on the card goes along with whichever answer is given, by a tap or by a key. */
export function withWritten(ask: Ask, given: Answer, written: { comment: string; words: string }): Answer {
  const words = takesWords(ask) && !given.declined && given.text === undefined ? written.words.trim() : "";
  return { ...given, comment: written.comment.trim(), ...(words ? { text: words } : {}) };
}

/** Nothing that could be given here answers it: there is no option, and no words are taken. */
export function cannotBeAnswered(ask: Ask): boolean {
  return offered(ask).length === 0 && !takesWords(ask) && ask.kind.case !== "form" && ask.kind.case !== "openUrl";
}

/** An open URL without options is answered with nothing: it was opened. */
export function takesNothing(ask: Ask): boolean {
  return ask.kind.case === "openUrl" && offered(ask).length === 0;
}

/** Why the host would not take it; undefined: it would. */
export function answerProblem(ask: Ask, answer: Answer): string | undefined {
  const option = answer.optionId ?? "";
  const more = answer.moreOptionIds ?? [];
  const text = answer.text ?? "";
  const json = answer.json ?? "";
  if (utf8Bytes(answer.comment ?? "") > COMMENT_BYTES_MAX) return "A comment may have 4 KiB; this one has more.";
  if (utf8Bytes(text) > ANSWER_TEXT_BYTES_MAX) return "An answer may have 16 KiB; this one has more.";
  if (utf8Bytes(json) > ANSWER_JSON_BYTES_MAX) return "A form's content may have 32 KiB; this one has more.";
  if (answer.declined) {
    if (!canDecline(ask)) return "This cannot be declined; choose an option.";
    return option || more.length > 0 || text || json ? "Declining stands alone." : undefined;
  }
  if (text && !takesWords(ask)) return "This is answered by an option, not in words.";
  const form = ask.kind.case === "form";
  if (json && !form) return "This is no form.";
  if (form) return option || more.length > 0 ? "A form is answered by its fields." : json ? undefined : "The form has no content.";
  const offers = new Set(offered(ask).map((o) => o.optionId));
  for (const id of [option, ...more]) if (id && !offers.has(id)) return "This option is not offered.";
  if (more.length > 0) {
    if (!takesSeveral(ask) || !option) return "Only one option may be chosen.";
    if (new Set([option, ...more]).size !== more.length + 1) return "An option is chosen twice.";
  }
  switch (ask.kind.case) {
    case "question":
    case "limit":
      return option || text ? undefined : takesWords(ask) ? "Choose an option or write an answer." : "Choose an option.";
    case "openUrl":
      return undefined;
    default:
      return option ? undefined : "Choose an option.";
  }
}
