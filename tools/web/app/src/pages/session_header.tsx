/** What the session is called and what the agent does; its mode and its menu at the end of the line. */
import type { ComponentChildren } from "preact";
import { Status } from "@libremote/link/messages";
import { Badge, Icon, RelativeTime } from "../parts/index.ts";
import { isLive } from "../presence/facts.ts";
import { statusWords, titleOf } from "../presence/status.ts";
import type { SessionModel } from "../state/session.ts";
import { entryOf } from "../state/sessions.ts";

/** `children`: the mode button and the menu. */
export function SessionHeader({ model, children }: { model: SessionModel; children?: ComponentChildren }) {
  const view = model.view.value;
  const info = model.info.value;
  const entry = entryOf(model.id);
  const away = !isLive.value || model.status.value?.hostAttached === false;
  const status = statusWords(view?.status || info?.status || entry?.info?.status || Status.UNSPECIFIED, away);
  const title = view?.title || info?.title || titleOf(entry);
  const activity = view ? view.activity : info?.activity;
  const since = view?.statusSinceMs || info?.statusSinceMs;
  return (
    <div class="session-title">
      <a class="button quiet icon-only" href="#/" aria-label="All sessions" title="All sessions"><Icon name="back" /></a>
      <div class="session-title-words">
        <h1 class="one-line" title={title}>{title}</h1>
        <p class="session-activity small">
          <Badge tone={status.tone} icon={status.icon}>{status.words}</Badge>
          <span class="one-line muted">{activity}</span>
          {since ? <RelativeTime at={since} since class="muted session-since" /> : null}
        </p>
      </div>
      <div class="session-actions">{children}</div>
    </div>
  );
}
