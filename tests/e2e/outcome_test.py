#!/usr/bin/python3
"""Every kind of ask and every way in which a command can end, through the real programs; then the
log itself is read: each command has exactly one outcome, and it is the expected one.

    outcome_test.py BUILD_DIR"""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from steered import follow, run_cases  # noqa: E402

DONE, NOT_ALLOWED, REJECTED, VOID = 0, 4, 6, 7


class Story:
    """What was done, command by command, and what each has to end as."""

    def __init__(self, p):
        self.p, self.expected, self.seen = p, [], set()
        # The host names its session a moment before it is there for others.
        self.wait("the session live", lambda: '"attached":true' in p.remote("ls", "--json").stdout.replace(" ", ""))

    def events(self):
        return logs.decode(logs.read_log(self.p.relay_store(), "events", session=self.p.session)["messages"])

    def wait(self, what, predicate, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            value = predicate()
            if value:
                return value
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.03)

    def run(self, outcome, *argv, code=DONE, commands=1):
        """Runs a command of `remote`, and notes that `commands` new outcomes of this kind follow."""
        r = self.p.remote(*argv)
        assert r.returncode == code, f"remote {' '.join(argv)}: exit {r.returncode}, not {code}: {r.stderr}{r.stdout}"
        self.expected += [outcome] * commands
        return r.stdout

    def ask(self, kind):
        """Waits for an open ask of this kind; its id."""
        def one():
            lines = [json.loads(l) for l in self.p.remote("asks", "--json").stdout.splitlines()]
            return next((l["ask"]["ask_id"] for l in lines if l["kind"] == kind), None)
        return self.wait(f"{kind} ask", one)

    def idle(self):
        def one():
            events = [e for e in self.events() if e.WhichOneof("body") in ("turn_started", "turn_ended")]
            return not events or events[-1].WhichOneof("body") == "turn_ended"
        time.sleep(0.1)
        self.wait("the end of the turn", one)

    def check(self):
        def counts():
            out = {}
            for kinds in logs.outcomes(self.events()).values():
                for k in kinds:
                    out[k] = out.get(k, 0) + 1
            return out
        wanted = {}
        for k in self.expected:
            if k:
                wanted[k] = wanted.get(k, 0) + 1
        self.wait(f"outcomes {wanted}", lambda: counts() == wanted or sum(counts().values()) > sum(wanted.values()), 10)
        assert counts() == wanted, f"outcomes {counts()}, expected {wanted}"
        doubled = [i for i, kinds in logs.outcomes(self.events()).items() if len(kinds) != 1]
        assert not doubled, f"more than one outcome: {doubled}"
        opened, resolved = logs.asks_of(self.events())
        assert all(n == 1 for n in resolved.values()), "an ask was resolved twice"
        assert set(opened) == set(resolved), "an ask stayed open"
        return ", ".join(f"{n} {k}" for k, n in sorted(wanted.items()))


def started(p):
    p.start_relay()
    p.start_host()
    s = Story(p)
    # The agent's modes are events like others: they reach the relay a moment after the session.
    s.wait("modes", lambda: any(e.WhichOneof("body") == "modes_changed" for e in s.events()))
    return s


def every_ask(p):
    s = started(p)
    s.run("APPLIED", "send", "RUN echo allowed > allowed.txt")
    s.ask("permission")
    s.run("APPLIED", "approve", "--comment", "go on")
    s.idle()
    assert os.path.exists(f"{p.root}/work/allowed.txt"), "the allowed command did not run"
    s.run("APPLIED", "send", "RUN touch denied.txt")
    s.ask("permission")
    s.run("APPLIED", "deny")
    s.idle()
    assert not os.path.exists(f"{p.root}/work/denied.txt"), "the denied command ran"
    s.run("APPLIED", "send", "EDIT note.txt =>hello")
    s.ask("permission")
    s.run("APPLIED", "approve")
    s.idle()
    assert open(f"{p.root}/work/note.txt").read() == "hello", "the edit was not made"
    s.run("APPLIED", "send", "ASK Which?|red|blue")
    ask = s.ask("form")
    s.run("APPLIED", "answer", ask, "--json", '{"answer":"blue"}')
    s.idle()
    s.run("APPLIED", "send", "REVIEW First this, then that.")
    ask = s.ask("plan")
    s.run("REJECTED", "answer", ask, "bypassPermissions", code=REJECTED)  # a mode that asks less
    s.run("APPLIED", "answer", ask, "begin")
    s.idle()
    s.run("APPLIED", "send", "OPEN https://example.org/sign-in")
    ask = s.ask("open_url")
    s.run("APPLIED", "deny", p.session, ask)
    s.idle()
    # Not there, not offered: refused, each with its outcome.
    s.run("APPLIED", "send", "RUN true")
    ask = s.ask("permission")
    s.run(None, "answer", ask, "nonesuch", code=5)
    s.run("APPLIED", "approve")
    s.idle()
    return s.check()


def ways_to_end(p):
    s = started(p)
    s.run("APPLIED", "mode", "plan")
    s.run("APPLIED", "mode", "default")
    s.run("REJECTED", "mode", "bypassPermissions", code=REJECTED)
    s.run("REJECTED", "send", "--wait", "/compact", code=REJECTED)
    s.run("REJECTED", "send", "--wait", "!ls", code=REJECTED)
    s.run("REJECTED", "cancel", code=REJECTED)
    # Queue, steer (this agent cannot: it is queued), withdraw, cancel.
    s.run("APPLIED", "send", "SLOW 100 100")
    s.wait("a turn", lambda: any(e.WhichOneof("body") == "turn_started" for e in s.events()))
    queued = s.run("WITHDRAWN", "send", "SAY never said").split()[0]
    s.run("APPLIED", "send", "--steer", "SAY steered")
    s.run("APPLIED", "withdraw", queued)
    s.run("REJECTED", "withdraw", queued, code=REJECTED)
    s.run("APPLIED", "cancel")
    s.wait("the steered prompt", lambda: any("steered" in e.user_message.text for e in s.events()))
    s.idle()
    s.run("APPLIED", "probe")
    said = [e.user_message.text for e in s.events() if e.WhichOneof("body") == "user_message"]
    assert "SAY never said" not in said, "a withdrawn prompt was given to the agent"
    # Expiry: stored while the host cannot take it, and too old when it can.
    os.kill(p.host.process.pid, signal.SIGSTOP)
    steer = follow(p.steer_argv("--count", "2", "--prompt", "SAY too late %u", "--ttl-ms", "300", "--timeout", "20"), p.env,
                  f"{p.root}/steer-ttl.log")
    p.others.append(steer)
    assert steer.reaches(lambda x: x.count("stored") == 2, 15), "not stored"
    time.sleep(0.6)
    os.kill(p.host.process.pid, signal.SIGCONT)
    assert steer.reaches(lambda x: any("end" in l for l in x.json), 20), "no outcome"
    s.expected += ["EXPIRED", "EXPIRED"]
    return s.check()


def superseded(p):
    """Two answers at once: one wins, the other one gets the winner's resolution."""
    s = started(p)
    for n in range(5):
        s.run("APPLIED", "send", f"RUN echo {n}")
        ask = s.ask("permission")
        racers = [follow(p.steer_argv("--count", "0", "--answer", a, "--timeout", "3"), p.env, f"{p.root}/race-{n}-{a}.log")
                  for a in ("allow", "reject")]
        p.others += racers
        for r in racers:
            assert r.reaches(lambda x: x.count("outcome") + any("end" in l for l in x.json), 20), "no outcome"
            r.end()
        won = [l["kind"] for r in racers for l in r.json if "outcome" in l]
        sent = sum(r.count("answered") for r in racers)
        assert sent >= 1 and won.count(1) == 1, f"{won} of {sent}"
        s.expected += ["APPLIED"] + ["SUPERSEDED"] * (sent - 1)
        assert ask
        s.idle()
    return s.check()


def view_only(p):
    p.start_relay()
    p.remote_mode = "view"
    p.start_host()
    s = Story(p)
    s.run(None, "send", "--wait", "SAY no", code=NOT_ALLOWED)
    s.run("APPLIED", "probe")
    events = s.events()
    refused = [k for k in logs.outcomes(events).values() if k == ["REJECTED"]]
    assert not any(e.WhichOneof("body") == "user_message" for e in events), "a prompt got through"
    s.expected += ["REJECTED"] * len(refused)
    assert len(refused) <= 1
    return s.check() + f" (refused by the {'host' if refused else 'relay'})"


CASES = {"every kind of ask": every_ask, "every way to end": ways_to_end, "two answers at once": superseded,
         "view only": view_only}

if __name__ == "__main__":
    logs.prepare(sys.argv[1])
    names = sys.argv[2:]
    sys.exit(run_cases(sys.argv[1], {n: c for n, c in CASES.items() if not names or any(x in n for x in names)}))
