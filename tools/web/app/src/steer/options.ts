/** What an ask offers, told apart by kind and never by place (docs/spec.md section 13.3). */
import { AskOptionKind, type Ask, type AskOption } from "@libremote/link/messages";

export type Tone = "yes" | "no" | "other";

interface KindFacts {
  /** As the command line names it. */
  name: string;
  tone: Tone;
  lasting: boolean;
  once: boolean;
  /** What it does, beside the agent's own label. */
  words: string;
}

const OTHER: KindFacts = { name: "other", tone: "other", lasting: false, once: false, words: "" };
const kinds: Record<AskOptionKind, KindFacts> = {
  [AskOptionKind.UNSPECIFIED]: OTHER,
  [AskOptionKind.ALLOW_ONCE]: { name: "allow_once", tone: "yes", lasting: false, once: true, words: "yes, this time" },
  [AskOptionKind.ALLOW_SESSION]: { name: "allow_session", tone: "yes", lasting: true, once: false, words: "yes, for this session" },
  [AskOptionKind.ALLOW_LOCATION]: { name: "allow_location", tone: "yes", lasting: true, once: false, words: "yes, for this place" },
  [AskOptionKind.ALLOW_ALWAYS]: { name: "allow_always", tone: "yes", lasting: true, once: false, words: "yes, without asking again" },
  [AskOptionKind.REJECT_ONCE]: { name: "reject_once", tone: "no", lasting: false, once: true, words: "no, this time" },
  [AskOptionKind.REJECT_ALWAYS]: { name: "reject_always", tone: "no", lasting: true, once: false, words: "no, without asking again" },
  [AskOptionKind.OTHER]: OTHER,
};

/** Also of a kind that a later version has: it is then neither yes nor no. */
export function kindFacts(kind: AskOptionKind): KindFacts {
  return kinds[kind] ?? OTHER;
}

/** What may be chosen. Where policy allows one-time answers only, lasting options are not offered on any surface. */
export function offered(ask: Ask): AskOption[] {
  const once = ask.kind.case === "permission" && ask.kind.value.oneTimeOnly;
  return ask.options.filter((option) => !once || !kindFacts(option.kind).lasting);
}

export function label(option: AskOption): string {
  return option.label || option.optionId;
}

/** The option that says yes or no once; undefined when none or several do. */
export function onceOption(ask: Ask, yes: boolean): AskOption | undefined {
  const kind = yes ? AskOptionKind.ALLOW_ONCE : AskOptionKind.REJECT_ONCE;
  const found = offered(ask).filter((option) => option.kind === kind);
  return found.length === 1 ? found[0] : undefined;
}

/** What a plain "no" takes: the option that rejects once, else the one that always does. */
export function rejection(ask: Ask): AskOption | undefined {
  const options = offered(ask);
  return options.find((o) => o.kind === AskOptionKind.REJECT_ONCE) ?? options.find((o) => o.kind === AskOptionKind.REJECT_ALWAYS);
}

/** The kinds that get the large buttons. */
export function isBig(option: AskOption): boolean {
  return kindFacts(option.kind).once;
}
