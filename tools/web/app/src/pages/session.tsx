/** One session: facts above, the conversation, what is asked, and the prompt box below. */
import { useEffect, useMemo } from "preact/hooks";
import { connection } from "../state/link.ts";
import { SessionModel } from "../state/session.ts";

export function SessionPage({ id }: { id: string }) {
  const link = connection.value;
  const model = useMemo(() => (link ? new SessionModel(link, id) : undefined), [link, id]);
  useEffect(() => () => model?.close(), [model]);
  if (!model) return null;
  const view = model.view.value;
  return (
    <main class="session">
      <h1>{view?.title || "Session"}</h1>
      <ol>
        {view?.history.map((item, index) => (
          <li key={index}>{item.item.case}</li>
        ))}
      </ol>
    </main>
  );
}
