"""What must hold after a chaos run. The logs are read with sqlite3, zlib and Python's protobuf,
none of them code of libremote, and held against what every client said that it was given."""
from __future__ import annotations

import glob
import hashlib
import struct
import time
from collections import Counter

import rig as rig_module
from rig import Broken, Rig, Session, Steer
import logs  # tests/e2e, found through rig

UNKNOWN = "UNKNOWN"


def digests_at(log: dict, ends: set[int]) -> dict[int, str]:
    """The digest of a reader that is at each of these ends, in one pass (logs.digest says how)."""
    messages, snapshots = log["messages"], log["snapshots"]
    sha, offset, out = hashlib.sha256(), 0, {}
    while True:
        if offset in ends:
            out[offset] = sha.hexdigest()
        if offset >= len(messages):
            return out
        sha.update(struct.pack("<Q", offset))
        if offset in snapshots:
            sha.update(struct.pack("<Q", snapshots[offset]))
            offset += snapshots[offset]
        else:
            sha.update(messages[offset])
            offset += 1


def digest_of_all(log: dict, end: int) -> str:
    """As `remote watch --digest` makes it: snapshots with their bytes."""
    sha = hashlib.sha256()
    for offset in range(end):
        sha.update(struct.pack("<Q", offset))
        sha.update(log["messages"][offset])
    return sha.hexdigest()


def settle(rig: Rig, seconds: float = 60) -> None:
    """No more prompts; everything that was begun comes to its end, and everybody has read it."""
    for s in rig.sessions:
        s.quiet(True)
    deadline = time.monotonic() + seconds * rig_module.SLOW
    waiting: list[str] = ["not looked yet"]
    while waiting:
        if time.monotonic() > deadline:
            raise Broken(f"no rest {seconds:.0f} s after the last fault: {', '.join(waiting)}")
        time.sleep(0.3)
        waiting = [why for s in rig.sessions for why in restless(s)]
    rest = [None] * len(rig.sessions)
    for _ in range(100):  # the logs do not grow any more
        ends = [logs.read_end(rig.data + "/relay.db", s.id) for s in rig.sessions]
        if ends == rest:
            return
        rest = ends
        time.sleep(0.5)
    raise Broken("the logs grow for ever")


def restless(s: Session) -> list[str]:
    out = [f"{c.name} waits for {c.pending}" for c in s.steers if c.pending]
    out += [f"{c.name} waits for {len(c.probes)} probes" for c in s.steers if c.probes]
    out += [f"{s.talker.name} sees {s.talker.asks} asks"] if s.talker.asks else []
    out += [f"session {s.number} is in a turn"] if s.talker.turn else []
    return out


class Sums:
    """What a run adds up to, and what was wrong."""

    def __init__(self) -> None:
        self.sent = self.delivered = self.lost = self.duplicated = 0
        self.stored = self.done = self.done_twice = self.without_outcome = self.refused = 0
        self.given_up = 0
        self.unknown: Counter = Counter()
        self.outcomes: Counter = Counter()
        self.asks = self.probes = 0
        self.broken: list[str] = []

    def wrong(self, text: str) -> None:
        self.broken.append(text)


def check_reader(sums: Sums, steer: Steer, log: dict, digests: dict[int, str]) -> None:
    sums.lost += len(steer.jumps)
    if steer.jumps:
        sums.wrong(f"{steer.name} jumped to {steer.jumps[:5]}")
    if steer.end_line:
        end, messages = steer.end_line["next"], steer.end_line["messages"]
        sums.delivered += messages
        sums.lost += max(0, end - messages)
        sums.duplicated += max(0, messages - end)
        if end != messages:
            sums.wrong(f"{steer.name} is at {end} and has seen {messages} events")
        if steer in (steer.session.talker, steer.session.asker) and end != len(log["messages"]):
            sums.wrong(f"{steer.name} ended at {end} of {len(log['messages'])}")
        if digests.get(end) != steer.end_line["digest"]:
            sums.wrong(f"{steer.name} holds something else than the log at {end}")
    elif steer.killed:
        sums.delivered += steer.events
    else:
        sums.wrong(
            f"{steer.name} said nothing at its end (exit {steer.program.process.returncode})"
        )
    if steer.check and digests.get(steer.check[0]) != steer.check[1]:
        sums.wrong(f"{steer.name} held something else than the log at {steer.check[0]}")


def check_watch(sums: Sums, s: Session, log: dict) -> None:
    w = s.watch
    sums.delivered += w.events
    sums.lost += w.lost
    sums.duplicated += w.doubled
    if w.lost or w.doubled:
        sums.wrong(f"{w.name}: {w.lost} offsets missing, {w.doubled} twice")
    if not w.digest:
        sums.wrong(f"{w.name} printed no digest (exit {w.program.process.returncode})")
        return
    end = w.digest["first"] + w.digest["count"]
    if w.digest["first"] != 0 or end != len(log["messages"]):
        sums.wrong(f"{w.name} holds {w.digest['first']} to {end} of {len(log['messages'])}")
    elif w.digest["sha256"] != digest_of_all(log, end):
        sums.wrong(f"{w.name} holds something else than the log")


def check_commands(sums: Sums, rig: Rig, s: Session, events: list) -> None:
    outcomes = logs.outcomes(events)
    clients = [*s.steers, *s.gone]
    prompts: Counter = Counter()
    for path in glob.glob(f"{rig.root}/logs/agent{s.number}-*.log"):
        prompts.update(logs.agent_prompts(path))
    twice = {text for text, n in prompts.items() if n > 1}
    doubled = {i for i, kinds in outcomes.items() if len(kinds) > 1}
    for i in sorted(doubled)[:3]:
        sums.wrong(f"command {i} of session {s.number} has outcomes {outcomes[i]}")
    for text in sorted(twice)[:3]:
        sums.wrong(f"session {s.number}: the agent was given {text!r} {prompts[text]} times")
    sums.done_twice += len(doubled) + len(twice)
    for kinds in outcomes.values():
        sums.outcomes.update(kinds)
    for c in clients:
        sums.probes += c.probes_done
        stored = {
            i for i in {*c.submitted, *c.answered, *c.outcomes} if i in c.stored or i in c.outcomes
        }
        sums.given_up += len({*c.submitted, *c.answered} - stored)
        sums.stored += len(stored)
        for i in stored:
            if i in outcomes:
                sums.done += 1
            elif i in c.outcomes and c.outcomes[i][0] == 2 and c.outcomes[i][1] >= 5001:
                sums.refused += 1  # by the relay: its receipt is the outcome
            else:
                sums.without_outcome += 1
                sums.wrong(f"command {i} of {c.name} was stored and has no outcome in the log")
        if not c.killed and {*c.submitted} - stored:
            sums.wrong(
                f"{c.name} still waits for {len({*c.submitted} - stored)} prompts to be stored"
            )


def check_unknown(sums: Sums, s: Session, events: list) -> None:
    count = 0
    for e in events:
        if e.WhichOneof("body") == "command_outcome" and logs.outcome_name(e) == UNKNOWN:
            sums.unknown[e.command_outcome.reason] += 1
            count += 1
    if count > s.deaths:
        sums.wrong(
            f"session {s.number}: {count} commands UNKNOWN, its host was killed {s.deaths} times"
        )


def check_asks(sums: Sums, s: Session, events: list) -> None:
    opened, resolved = logs.asks_of(events)
    sums.asks += len(opened)
    if set(opened) != set(resolved):
        sums.wrong(f"session {s.number}: {len(set(opened) - set(resolved))} asks stayed open")
    if any(n > 1 for n in resolved.values()):
        sums.wrong(f"session {s.number}: an ask was resolved twice")


def check_session(sums: Sums, rig: Rig, s: Session) -> None:
    journal = logs.read_log(s.journal, "events")
    relay = logs.read_log(f"{rig.data}/relay.db", "events", session=s.id)
    sums.sent += journal["end"]
    if journal["epoch"] != relay["epoch"]:
        sums.wrong(f"session {s.number}: the history has forked")
        return
    if relay["end"] != journal["end"]:
        sums.lost += abs(journal["end"] - relay["end"])
        sums.wrong(
            f"session {s.number}: the host journalled {journal['end']} events, "
            f"the relay has {relay['end']}"
        )
    if relay["first"] or journal["first"]:
        sums.wrong(f"session {s.number}: trimmed, which a run of this size must not be")
        return
    if relay["messages"] != journal["messages"]:
        sums.wrong(f"session {s.number}: journal and relay hold different events")
    readers = [*s.steers, *s.gone, *s.readers]
    ends = {r.end_line["next"] for r in readers if r.end_line} | {
        r.check[0] for r in readers if r.check
    }
    digests = digests_at(relay, ends)
    for r in readers:
        check_reader(sums, r, relay, digests)
    check_watch(sums, s, relay)
    events = logs.decode(journal["messages"])
    check_commands(sums, rig, s, events)
    check_unknown(sums, s, events)
    check_asks(sums, s, events)


def end_clients(rig: Rig) -> None:
    """Everybody reads what there is, then says what it holds."""
    for s in rig.sessions:
        end = logs.read_end(f"{rig.data}/relay.db", s.id)
        rig_module.wait_until(
            f"{s.watch.name} has read everything", lambda: s.watch.next >= end, 30
        )
        time.sleep(0.2)
        for c in [*s.steers, *s.readers]:
            if c.program.alive:
                c.program.end()
        s.watch.program.end()


def judge(rig: Rig) -> Sums:
    """Ends everything and reads the stores."""
    sums = Sums()
    for s in rig.sessions:
        code = s.host.end()
        if code != 0:
            sums.wrong(f"host {s.number} ended with {code}")
    end_clients(rig)
    if rig.relay.end() != 0:
        sums.wrong(f"the relay ended with {rig.relay.process.returncode}")
    checked = rig.relay_command("check")
    if checked.returncode != 0:
        sums.wrong(f"remote-relay check: {checked.stdout.strip()} {checked.stderr.strip()}")
    for s in rig.sessions:
        check_session(sums, rig, s)
    return sums
