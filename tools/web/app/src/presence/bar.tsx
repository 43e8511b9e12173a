/** The facts about the way from here to the agent, in one line; more of them below it when they are asked for. */
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { announce, Button, clockTime, fullTime, Icon, IconButton, now, useEscape } from "../parts/index.ts";
import { connection } from "../state/link.ts";
import type { SessionModel } from "../state/session.ts";
import { listKeptAt } from "../state/sessions.ts";
import { PresenceDetails } from "./details.tsx";
import { hostOf, link, viewOnlyOf } from "./facts.ts";
import { watching, watchingWords } from "./host_words.ts";
import type { LinkWords } from "./link_words.ts";
import { Prober } from "./probe.ts";
import { problemWords } from "./problems.ts";

export function PresenceBar({ model }: { model?: SessionModel }) {
  const [open, setOpen] = useState(false);
  const details = useId();
  const root = useRef<HTMLDivElement>(null);
  useEscape(open, root, () => setOpen(false));
  const prober = useMemo(() => new Prober(), [model]);
  useEffect(() => () => prober.stop(), [prober]);
  const words = link.value;
  const host = model && hostOf(model);
  const only = model && viewOnlyOf(model);
  const others = watchingWords(watching(model?.status.value));
  useSaid(words);
  const probe = () => {
    if (connection.value) prober.run(connection.value, model);
    setOpen(true);
  };
  const shown = words.state === "live" ? [host?.line, only && "view only", others].filter(Boolean) : [asOf(model)].filter(Boolean);
  return (
    <div ref={root} class={`presence ${tone(words, host?.state)}`} data-testid="presence" data-state={words.state} data-host={host?.state}>
      <div class="presence-line">
        <button type="button" class="presence-words" aria-expanded={open} aria-controls={details} onClick={() => setOpen(!open)}>
          <Icon name={pictures[words.state]} />
          <span class="presence-text">
            <span>{words.line}</span>
            {shown.map((text) => <span key={text}> · <bdi>{text}</bdi></span>)}
            {words.countdown !== undefined && <> · next try in <span data-testid="countdown" class="countdown" dir="auto">{words.countdown} s</span></>}
          </span>
        </button>
        {words.state === "lost" && <Button kind="quiet" class="presence-act" onClick={() => connection.value?.probe()}>Try now</Button>}
        {words.problem?.action === "sign-in" && <a class="button primary" href="#/sign-in">Sign in</a>}
        {words.problem?.action === "reload" && <Button kind="primary" onClick={() => location.reload()}>Reload</Button>}
        {model && <IconButton icon="pulse" label="Probe: does a command get through right now?" data-testid="probe" onClick={probe} />}
      </div>
      {words.problem?.todo && <p class="presence-todo">{words.problem.todo}</p>}
      {model && <SessionClosed model={model} />}
      <div id={details} hidden={!open}>{open && <PresenceDetails words={words} result={prober.result.value} {...(model ? { model } : {})} />}</div>
    </div>
  );
}

/** What is shown while there is no connection is of that time. */
function asOf(model: SessionModel | undefined): string {
  const at = (model ? model.keptAt.value : listKeptAt.value) ?? connection.value?.facts.lastHeard;
  if (at === undefined) return "";
  return now.value - at < 12 * 3600_000 ? `as of ${clockTime(at)}` : `as of ${fullTime(at)}`;
}

const pictures = {
  loading: "clock", live: "link", checking: "pulse", connecting: "clock", lost: "cut", dead: "warning",
} as const;

function tone(words: LinkWords, host: string | undefined): string {
  if (words.state === "dead") return "bad";
  if (words.state === "lost" || words.state === "checking") return "warn";
  return words.state === "live" && (host === "away" || host === "off") ? "away" : "calm";
}

/** A screen reader hears of the changes that count, not of each second. */
function useSaid(words: LinkWords): void {
  const [said, setSaid] = useState<LinkWords["state"]>("loading");
  useEffect(() => {
    if (words.state === said || words.state === "checking" || words.state === "connecting") return;
    if (said !== "loading") announce(words.state === "live" ? "connected again" : words.line);
    setSaid(words.state);
  }, [words.state]);
}

/** The relay has closed this one session, while the link is there. */
function SessionClosed({ model }: { model: SessionModel }) {
  const closed = model.closed.value;
  if (!closed) return null;
  const words = problemWords(closed.problem);
  return (
    <p class="presence-todo" role="status">
      The relay closed the session: {words.what}. {closed.final ? words.todo : "It is opened again by itself."}
    </p>
  );
}
