import { render } from "preact";
import { SessionPage } from "./pages/session.tsx";
import { SessionsPage } from "./pages/sessions.tsx";
import { connect } from "./state/link.ts";
import { route } from "./state/route.ts";
import { watchSessions } from "./state/sessions.ts";

function App() {
  const at = route.value;
  switch (at.page) {
    case "session":
      return <SessionPage id={at.id} key={at.id} />;
    default:
      return <SessionsPage />;
  }
}

render(<App />, document.getElementById("app")!);
watchSessions(await connect());
