/** One session: facts above, the conversation, what is asked, and the prompt box below. */
import { useEffect, useMemo } from "preact/hooks";
import { NotifyHint } from "../notify/hint.tsx";
import { EarlierList } from "../offline/earlier_list.tsx";
import { KeepsNothing } from "../offline/keeps_nothing.tsx";
import { PresenceBar } from "../presence/bar.tsx";
import { signedOut } from "../presence/facts.ts";
import { connection } from "../state/link.ts";
import { releaseModel, takeModel } from "../state/models.ts";
import { AskCards } from "../steer/cards.tsx";
import { CommandStates } from "../steer/commands.tsx";
import { SessionMenu } from "../steer/menu.tsx";
import { ModeButton } from "../steer/modes.tsx";
import { PromptBox } from "../steer/prompt.tsx";
import { SidePanel } from "../timeline/panel.tsx";
import { Timeline } from "../timeline/timeline.tsx";
import { SessionGone } from "./session_gone.tsx";
import { SessionHeader } from "./session_header.tsx";

export function SessionPage({ id }: { id: string }) {
  const link = connection.value;
  const model = useMemo(() => (link ? takeModel(link, id) : undefined), [link, id]);
  useEffect(() => () => releaseModel(model), [model]);
  if (!model) return null;
  if (signedOut.value) return <div class="session"><header class="session-head"><PresenceBar model={model} /></header></div>;
  const closed = model.closed.value;
  if (closed?.final && !model.view.value) return <SessionGone problem={closed.problem} />;
  return (
    <div class="session">
      <header class="session-head">
        <PresenceBar model={model} />
        <SessionHeader model={model}>
          <ModeButton model={model} />
          <SessionMenu model={model} />
        </SessionHeader>
      </header>
      <div class="session-columns">
        <main class="session-main">
          <div class="session-conversation">
            <Timeline model={model} />
          </div>
          <div class="session-asks">
            <NotifyHint asks={Math.max(model.info.value?.asksTotal ?? 0, model.view.value?.asks.length ?? 0)} />
            <AskCards model={model} />
          </div>
          <div class="session-write">
            <KeepsNothing />
            <EarlierList earlier={model.earlier} />
            <CommandStates model={model} />
            <PromptBox model={model} />
          </div>
        </main>
        <aside class="session-side" aria-label="Plan, usage and facts">
          <SidePanel model={model} />
        </aside>
      </div>
    </div>
  );
}
