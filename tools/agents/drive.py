#!/usr/bin/python3
"""Drives one real ACP agent through relay, host and terminal client, as a person elsewhere would.

    drive.py BUILD NAME START_SCRIPT VERSION

Each step is done with `remote` commands only, and checked on the files that the agent touched and
on the events. Prints a table; writes BUILD/agents/NAME.json."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def find(build, name):
    for d, _, files in os.walk(os.path.join(build, "tools")):
        if name in files and os.access(os.path.join(d, name), os.X_OK):
            return os.path.join(d, name)
    raise SystemExit(f"{name} is not built in {build}")


class Bench:
    def __init__(self, build, script):
        self.root = tempfile.mkdtemp(prefix="remote-agents-")
        self.work = f"{self.root}/project"
        os.makedirs(self.work)
        subprocess.run(["git", "init", "-q", self.work], check=True)
        self.remote, self.relay_program, self.script = find(build, "remote"), find(build, "remote-relay"), script
        self.env = dict(os.environ, XDG_STATE_HOME=f"{self.root}/state", XDG_CONFIG_HOME=f"{self.root}/config",
                        NO_COLOR="1", AGENT_HOME=f"{self.root}/agent-home")
        os.makedirs(self.env["AGENT_HOME"])
        self.processes, self.session = [], None

    def spawn(self, argv, log, **kw):
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=open(f"{self.root}/{log}", "ab"), env=self.env,
                             start_new_session=True, **kw)
        self.processes.append(p)
        return p

    def start(self):
        model = self.spawn(["node", f"{HERE}/scripted-model.mjs", "0"], "model.log", stdout=subprocess.PIPE)
        port = json.loads(model.stdout.readline())["port"]
        self.env["FAKE_URL"] = f"http://127.0.0.1:{port}"
        self.spawn([self.relay_program, "serve", "--data", f"{self.root}/relay", "--listen", "tcp://127.0.0.1:0"],
                   "relay.log", stdout=subprocess.DEVNULL)
        self.until(lambda: os.path.exists(f"{self.root}/relay/address") and
                   open(f"{self.root}/relay/address").read().strip(), 10, "relay")
        self.env["REMOTE_RELAY"] = open(f"{self.root}/relay/address").read().split()[0]
        self.env["REMOTE_TOKEN_FILE"] = f"{self.root}/relay/token"
        self.start_host()

    def start_host(self, *more):
        self.host = self.spawn([self.remote, "host", "--remote=control", "--headless", *more, "--", self.script],
                               "host.log", stdout=open(f"{self.root}/host.out", "ab"), cwd=self.work)
        self.until(lambda: any(s["attached"] and s["status"] == "idle" for s in self.ls()), 90, "host")
        self.session = next(s["session_id"] for s in self.ls() if s["attached"])

    def until(self, what, seconds, name):
        deadline = time.monotonic() + seconds
        while True:
            value = what()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{name}: not within {seconds} s")
            time.sleep(0.1)

    def cli(self, *argv, ok=(0,)):
        r = subprocess.run([self.remote, *argv], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=150)
        assert r.returncode in ok, f"remote {' '.join(argv)}: exit {r.returncode}: {r.stderr.strip()}"
        return r.stdout

    def lines(self, *argv, **kw):
        return [json.loads(l) for l in self.cli(*argv, **kw).splitlines() if l.startswith("{")]

    def ls(self):
        return self.lines("ls", "--json")

    def asks(self):
        return self.lines("asks", "--json")

    def idle(self, seconds=60):
        self.until(lambda: any(s["session_id"] == self.session and s["status"] == "idle" for s in self.ls()), seconds,
                   "idle")

    def events(self):
        return [l["event"] for l in
                self.lines("watch", self.session, "--json", "--from", "start", "--until", "idle") if "offset" in l]

    def bodies(self, name):
        return [e[name] for e in self.events() if name in e]

    def stop(self):
        for p in reversed(self.processes):
            if p.poll() is None:
                os.kill(p.pid, signal.SIGTERM)
                try:
                    p.wait(8)
                except subprocess.TimeoutExpired:
                    os.kill(p.pid, signal.SIGKILL)


def prompt_with_ask(b, text, verb):
    b.cli("send", "--session", b.session, text)
    b.until(b.asks, 60, "an ask")
    b.cli(verb, b.session)
    b.idle()


def text(b):
    b.cli("send", "--session", b.session, "--wait=idle", "SAY Hello from the scripted model, in several chunks.")
    said = "".join(m.get("text", "") for m in b.bodies("assistant_message"))
    assert "Hello from the scripted model, in several chunks." in said, f"said {said!r}"


def approve(b):
    prompt_with_ask(b, "RUN touch approved.txt && expr 40 + 2", "approve")
    assert os.path.exists(f"{b.work}/approved.txt"), "the command did not run"


def reject(b):
    prompt_with_ask(b, "RUN touch rejected.txt", "deny")
    assert not os.path.exists(f"{b.work}/rejected.txt"), "the command ran"


def edit(b):
    prompt_with_ask(b, f"WRITE {b.work}/note.txt first line", "approve")
    assert open(f"{b.work}/note.txt").read().strip() == "first line", "the file is not as written"
    diffs = [d for a in b.bodies("ask_opened") for d in a["ask"].get("permission", {}).get("diffs", [])]
    diffs += [c["diff"] for t in b.bodies("tool_ended") for c in t.get("content", []) if "diff" in c]
    diffs += [c["diff"] for t in b.bodies("tool_updated") for c in t["tool"].get("content", []) if "diff" in c]
    assert diffs, "no diff was seen"


def cancel_ask(b):
    b.cli("send", "--session", b.session, "RUN touch cancelled.txt")
    b.until(b.asks, 60, "an ask")
    b.cli("cancel", b.session)
    b.idle()
    assert not b.asks(), "the ask stays open"
    assert not os.path.exists(f"{b.work}/cancelled.txt"), "the command ran"


def cancel_text(b):
    b.cli("send", "--session", b.session, "SLOW 60 200")
    b.until(lambda: any(s["status"] == "working" for s in b.ls()), 30, "working")
    time.sleep(2)
    b.cli("cancel", b.session)
    b.idle()
    b.cli("send", "--session", b.session, "--wait=idle", "SAY after the cancel")
    assert "after the cancel" in "".join(m.get("text", "") for m in b.bodies("assistant_message"))


def mode(b):
    modes = b.lines("mode", "--session", b.session, "--json")
    flat = [m for line in modes for m in (line.get("modes") or [line]) if "mode_id" in m]
    other = [m for m in flat if not m.get("current") and not m.get("elevating")]
    assert other, f"no other mode: {modes}"
    b.cli("mode", "--session", b.session, other[0]["mode_id"])
    changed = [m.get("current_mode_id") for m in b.bodies("modes_changed")]
    options = [o.get("current_value") for c in b.bodies("config_options_changed") for o in c.get("options", [])]
    assert other[0]["mode_id"] in changed + options, f"announced: {changed}"


def second_prompt(b):
    b.cli("send", "--session", b.session, "SLOW 10 200")
    b.cli("send", "--session", b.session, "SAY the queued one")
    b.until(lambda: any("the queued one" in m.get("text", "") for m in b.bodies("assistant_message")), 60, "queued prompt")


def resume(b):
    before = len(b.events())
    os.kill(b.host.pid, signal.SIGTERM)
    b.host.wait(15)
    b.start_host("--resume", b.session)
    b.cli("send", "--session", b.session, "--wait=idle", "SAY back again")
    events = b.events()
    assert len(events) > before, "the history is gone"
    assert sum("Hello from the scripted model" in e.get("user_message", {}).get("text", "") for e in events) == 1, \
        "history was appended twice"
    assert any("session_resumed" in e for e in events), "no SessionResumed"


def killed(b):
    """The agent is killed: a clear end, not a hang."""
    pids = subprocess.run(["pgrep", "-f", f"{b.env['INST']}"], stdout=subprocess.PIPE, text=True).stdout.split()
    mine = [int(p) for p in pids if b.env["AGENT_HOME"] in open(f"/proc/{p}/environ", "rb").read().decode(errors="replace")]
    assert mine, "the agent's process is not found"
    for p in mine:
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass
    b.until(lambda: b.host.poll() is not None or any(s["status"] in ("ended", "error") for s in b.ls()), 20, "the end")


STEPS = [("text", text), ("permission approve", approve), ("permission reject", reject), ("file edit", edit),
         ("cancel with an ask open", cancel_ask), ("cancel while streaming", cancel_text), ("mode switch", mode),
         ("second prompt during a turn", second_prompt), ("resume", resume), ("agent killed", killed)]


def main(build, name, script, version):
    bench = Bench(build, script)
    rows = []
    try:
        bench.start()
        for step, run in STEPS:
            began = time.monotonic()
            try:
                run(bench)
                rows.append({"step": step, "result": "ok", "seconds": round(time.monotonic() - began, 1)})
            except (AssertionError, subprocess.TimeoutExpired, StopIteration, KeyError) as e:
                rows.append({"step": step, "result": f"FAILED: {e}", "seconds": round(time.monotonic() - began, 1)})
            print(f"{version:24} {step:28} {rows[-1]['seconds']:6} s  {rows[-1]['result']}", flush=True)
    finally:
        bench.stop()
    os.makedirs(f"{build}/agents", exist_ok=True)
    with open(f"{build}/agents/{name}.json", "w") as f:
        json.dump({"agent": version, "steps": rows}, f, indent=1)
    bad = sum(r["result"] != "ok" for r in rows)
    print(f"{name}: {len(rows) - bad} passed, {bad} failed")
    if bad:
        print(f"kept: {bench.root}")
    else:
        shutil.rmtree(bench.root, ignore_errors=True)
    return 1 if bad or len(rows) != len(STEPS) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
