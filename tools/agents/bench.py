"""One real agent behind relay and host: what the steps need to drive it, and to see what became of it."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "e2e"))
from harness import Failure, World, bodies, wait_until  # noqa: E402

PATIENCE_S = float(os.environ.get("PATIENCE_S", "90"))  # agents of 200 MB on a loaded machine


class NotOffered(Exception):
    """The agent does not have what a step is about; the text says how that was seen."""


def check(what, value):
    if not value:
        raise Failure(what)
    return value


class Bench(World):
    def __init__(self, build, agent, installed, keep=False):
        super().__init__(build, f"agent-{agent.name}", keep)
        self.agent, self.host, self.model = agent, None, None
        self.script = os.path.join(HERE, f"{agent.name}.sh")
        self.work = f"{self.root}/work"
        self.record = f"{self.root}/record.ndjson"
        subprocess.run(["git", "init", "-q", self.work], check=True)
        self.env.update(AGENT_HOME=f"{self.root}/agent-home", INST=installed, HOME=f"{self.root}/agent-home",
                        PATH=os.environ["PATH"])
        os.makedirs(self.env["AGENT_HOME"])

    def start(self):
        self.model = self.spawn("model", ["node", f"{HERE}/scripted-model.mjs", "0"])
        self.env["FAKE_URL"] = self.model.wait_for("the model's port", lambda p: p.json and
                                                   f"http://127.0.0.1:{p.json[0]['port']}")
        self.start_relay()
        self.open()

    # ---- the host ----
    def open(self, *flags, tap=True, terminal=None):
        argv = [sys.executable, f"{HERE}/tap.py", self.record, self.script] if tap else [self.script]
        resume = self.host.session if self.host and "--new" not in flags else None
        self.host = self.start_host(*[f for f in flags if f != "--new"], agent=argv, terminal=terminal, wait=False,
                                    resume=resume)
        self.host.session = self.until("the session is listed and idle", self._listed)
        if self.agent.mode and not resume:  # the agent itself would begin in one that asks nobody
            self.until("the agent's modes", lambda: self.agent.mode in self.act("mode", "--session", self.session).out)
            self.act("mode", "--session", self.session, self.agent.mode)

    def _listed(self):
        check(f"the host has ended: {self.host.text[-2000:]}", self.host.alive)
        return next((s["session_id"] for s in self.sessions() if s["attached"] and s["status"] == "idle"), None)

    def close(self):
        """Ends the host as a person who closes it; how long it took."""
        began = time.monotonic()
        self.host.send_signal(signal.SIGTERM)
        self.host.wait(PATIENCE_S)
        return time.monotonic() - began

    def agent_processes(self):
        """Processes of this agent: they have its home in their environment."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = open(f"/proc/{entry}/environ", "rb").read().split(b"\0")
                command = open(f"/proc/{entry}/cmdline", "rb").read().decode(errors="replace")
                if f"AGENT_HOME={self.env['AGENT_HOME']}".encode() in words and self.env["INST"] + "/" in command:
                    found.append(int(entry))
        return found

    # ---- what a person does ----
    @property
    def session(self):
        return self.host.session

    def until(self, what, ready, seconds=PATIENCE_S):
        return wait_until(what, ready, seconds, 0.1)

    def status(self):
        return next((s["status"] for s in self.sessions() if s["session_id"] == self.session), "?")

    def idle(self):
        """By the session's own state; the list of sessions is a moment behind."""
        self.act("watch", self.session, "--json", "--until", "idle")

    def act(self, *words, code=0):
        return self.cli(*words, timeout=PATIENCE_S).expect(*(code if isinstance(code, tuple) else (code,)))

    def send(self, text, *flags, code=0):
        return self.act("send", "--session", self.session, *flags, text, code=code)

    def turn(self, text):
        """A prompt and its whole turn; the events it brought."""
        mark = len(self.all())
        self.send(text, "--wait=idle")
        self.idle()
        return self.all()[mark:]

    def ask(self, text):
        """A prompt up to its ask."""
        self.send(text)
        return self.until("an ask", self.open_asks)[0]

    def ask_or_end(self):
        """What is asked, or [] when the turn has ended without."""
        watch = self.start_cli("watch", self.session, "--until", "idle")
        asks = self.until("an ask, or the turn's end", lambda: self.open_asks() or not watch.alive)
        watch.end()
        return asks if asks is not True else []

    def open_asks(self):
        return self.asks(self.session)

    def answered(self, text, verb, *more):
        """A prompt, its ask answered with a verb, and the rest of its turn: the ask and the events."""
        mark = len(self.all())
        ask = self.ask(text)
        self.act(verb, "--session", self.session, ask["ask_id"], *more)
        self.idle()
        return ask, self.all()[mark:]

    def all(self, until="idle"):
        """Every durable event of the session, as a reader from afar has them."""
        out = self.cli("watch", self.session, "--json", "--durable", "--from", "start", "--until", until,
                       timeout=PATIENCE_S).expect(0)
        return [line["event"] for line in out.json if "event" in line]

    def bodies(self, name):
        return bodies(self.all(), name)

    def last(self, name):
        found = self.bodies(name)
        return found[-1] if found else {}

    def git(self, *words):
        return subprocess.run(["git", "-C", self.work, *words], stdout=subprocess.PIPE, text=True).stdout.strip()

    def exists(self, name):
        return os.path.exists(f"{self.work}/{name}")

    def read(self, name):
        with open(f"{self.work}/{name}") as f:
            return f.read()

    # ---- what was said between host and agent ----
    def said(self):
        with open(self.record) as f:
            return [json.loads(line) for line in f]

    def updates(self, kind):
        return [u for e in self.said() if e["dir"] == "a2c" and "msg" in e
                for u in [e["msg"].get("params", {}).get("update") or {}] if u.get("sessionUpdate") == kind]

    def result_of(self, *methods):
        """The agent's first reply to one of these requests."""
        ids = set()
        for e in self.said():
            m = e.get("msg", {})
            if e["dir"] == "c2a" and m.get("method") in methods:
                ids.add((e["p"], m["id"]))
            elif e["dir"] == "a2c" and (e["p"], m.get("id")) in ids and "method" not in m:
                return m.get("result", {})
        return {}

    @property
    def capabilities(self):
        return self.result_of("initialize").get("agentCapabilities", {})
