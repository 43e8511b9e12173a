#!/usr/bin/python3
"""Nothing is acknowledged before it is stored; late, slow and stopped readers. Fault points inside
the stores hold every commit for a while; each acknowledgement that a client sees is held against
the files at that moment.

    store_test.py BUILD_DIR"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from programs import run_cases  # noqa: E402


def rss_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def stored_means_committed(p):
    p.start_relay()
    p.start_host()
    r = p.read()
    assert r.wait_for(lambda x: x.count("ready"), 30), "no reader"
    p.relay.end()
    p.start_relay("before_commit:*:hold=120")
    p.start_steer(0, 8, "SAY held-%u")
    seen, early = set(), []
    deadline = time.monotonic() + 60
    while not any("end" in l for l in p.steer.lines):
        assert time.monotonic() < deadline, "no end"
        for line in list(p.steer.lines):
            if "stored" in line and line["stored"] not in seen:
                seen.add(line["stored"])
                if not logs.holds_command(p.relay_store(), bytes.fromhex(line["stored"])):
                    early.append(line["stored"])
        time.sleep(0.002)
    assert len(seen) == 8 and not early, f"{len(seen)} stored, acknowledged early: {early}"
    return "8 receipts, each after the commit that was held for 120 ms"


def delivered_means_journalled(p):
    p.start_relay()
    p.start_host("before_commit:*:hold=60")
    p.start_steer(0, 6, "SAY held-%u")
    seen, early = set(), []
    deadline = time.monotonic() + 90
    while not any("end" in l for l in p.steer.lines):
        assert time.monotonic() < deadline, "no end"
        for line in list(p.steer.lines):
            for key in ("delivered", "outcome"):
                if key in line and (key, line[key]) not in seen:
                    seen.add((key, line[key]))
                    if not logs.mentions(p.journal(), bytes.fromhex(line[key])):
                        early.append((key, line[key]))
        time.sleep(0.002)
    assert len(seen) >= 6 and not early, f"{len(seen)} seen, early: {early}"
    return f"{len(seen)} facts, each after the commit that was held for 60 ms"


def late_reader(p):
    """A client that attaches late sees the snapshot, the open ask and the running text at once."""
    p.start_relay()
    p.start_host()
    p.start_steer(0, 60, "SAY early-%u")
    assert p.steer.wait_for(lambda x: any("end" in l for l in x.lines), 60), "no end"
    p.steer.end()
    sent = p.remote("send", "--session", p.session, "SAY before the ask\nRUN echo late")
    assert sent.returncode == 0, sent.stderr
    deadline = time.monotonic() + 30
    while not p.remote("asks", "--json").stdout.strip():
        assert time.monotonic() < deadline, "no ask"
        time.sleep(0.05)
    began = time.monotonic()
    w = p.remote("watch", p.session, "--json", "--from", "snapshot", "--until", "ask")
    took = time.monotonic() - began
    assert w.returncode == 0, w.stderr
    import json
    lines = [json.loads(l) for l in w.stdout.splitlines()]
    snapshot = next((l["snapshot"] for l in lines if "snapshot" in l), None)
    assert snapshot, "no snapshot"
    assert "late" in w.stdout, "the open ask is not there"
    events = [l for l in lines if "offset" in l]
    assert len(events) < 400, f"{len(events)} events: the whole past was read"
    assert p.remote("approve", p.session).returncode == 0
    p.remote("send", "--session", p.session, "SLOW 40 100")
    time.sleep(1.5)
    r = p.read()
    assert r.wait_for(lambda x: x.count("ready"), 20), "no reader"
    w = p.remote("watch", p.session, "--json", "--from", "snapshot", "--until", "idle")
    assert any('"tail": true' in l or '"tail":true' in l for l in w.stdout.splitlines()), "no running text"
    return f"open ask seen {took * 1000:.0f} ms after the start of the command"


def stopped_reader(p):
    """A client that stops reading for 10 s costs the relay no memory, and then catches up."""
    p.start_relay()
    p.start_host()
    slow = p.read("--pause-ms", "10000")
    r = p.read()
    assert r.wait_for(lambda x: x.count("ready"), 30), "no reader"
    before = rss_kib(p.relay.process.pid)
    big = "SAY " + "x" * 3000 + "-%u"
    p.start_steer(0, 300, big)
    assert p.steer.wait_for(lambda x: any("end" in l for l in x.lines), 90), "no end"
    grown = rss_kib(p.relay.process.pid) - before
    end = logs.read_log(p.relay_store(), "events", session=p.session)["end"]
    assert slow.wait_for(lambda x: x.count("ready"), 30), "the slow reader never came back"
    time.sleep(1.5)
    for reader in (r, slow):
        reader.end()
        last = next(l for l in reader.lines if "end" in l)
        assert last["next"] >= end and not reader.count("jump"), f"{last} of {end}"
    assert next(l for l in r.lines if "end" in l)["digest"] == next(l for l in slow.lines if "end" in l)["digest"]
    # What the limits allow for one reader: 128 KiB in the carrier, one frame, and the shared caches
    # of store and SQLite, which are there without a slow reader too.
    assert grown < 24 * 1024, f"the relay grew by {grown} KiB"
    return f"relay grew by {grown} KiB in all while {end} events passed"


def idle_costs_nothing(p):
    """Nobody does anything: nobody uses the processor. (CPU time, not wall time: load does not matter.)"""
    p.start_relay()
    p.start_host()
    p.start_steer(0, 3, "SAY before the pause %u")
    assert p.steer.wait_for(lambda x: any("end" in l for l in x.lines), 30), "no end"
    from programs import Lines, find
    env = dict(p.env, REMOTE_RELAY=p.url, REMOTE_TOKEN_FILE=f"{p.root}/relay/token")
    watch = Lines([find(p.build, "remote"), "watch", p.session, "--json"], env, f"{p.root}/watch.log")
    p.others.append(watch)
    assert watch.wait_for(lambda x: x.count("synced"), 20), "watch does not follow"
    who = {"relay": p.relay, "host": p.host, "watch": watch}

    def ticks(process):
        fields = open(f"/proc/{process.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(1)
    before = {name: ticks(process) for name, process in who.items()}
    time.sleep(4)
    used = {name: (ticks(process) - before[name]) / os.sysconf("SC_CLK_TCK") for name, process in who.items()}
    busy = {name: seconds for name, seconds in used.items() if seconds > 0.4}
    assert not busy, f"CPU seconds in 4 idle ones: {busy}"
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in used.items()) + " CPU s in 4 s"


CASES = {"idle costs nothing": idle_costs_nothing, "stored means committed": stored_means_committed, "delivered means journalled": delivered_means_journalled,
         "a late reader": late_reader, "a reader that stops for 10 s": stopped_reader}

if __name__ == "__main__":
    logs.prepare(sys.argv[1])
    names = sys.argv[2:]
    sys.exit(run_cases(sys.argv[1], {n: c for n, c in CASES.items() if not names or any(x in n for x in names)}))
