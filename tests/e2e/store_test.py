#!/usr/bin/python3
"""Nothing is acknowledged before it is stored; late, slow and stopped readers. Fault points inside
the stores hold every commit for a while; each acknowledgement that a client sees is held against
the files at that moment.

    store_test.py BUILD_DIR"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from steered import Steered, follow, run_cases  # noqa: E402


def stored_means_committed(p):
    p.start_relay()
    p.start_host()
    r = p.read()
    assert r.reaches(lambda x: x.count("ready"), 30), "no reader"
    p.relay.end()
    p.start_relay("before_commit:*:hold=120")
    p.start_steer(0, 8, "SAY held-%u")
    seen, early = set(), []
    deadline = time.monotonic() + 60
    ended = False
    while not ended:  # and then what came before the end is looked at once more
        ended = any("end" in l for l in p.steer.json)
        assert ended or time.monotonic() < deadline, "no end"
        for line in list(p.steer.json):
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
    ended = False
    while not ended:  # and then what came before the end is looked at once more
        ended = any("end" in l for l in p.steer.json)
        assert ended or time.monotonic() < deadline, "no end"
        for line in list(p.steer.json):
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
    assert p.steer.reaches(lambda x: any("end" in l for l in x.json), 60), "no end"
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
    assert r.reaches(lambda x: x.count("ready"), 20), "no reader"
    w = p.remote("watch", p.session, "--json", "--from", "snapshot", "--until", "idle")
    assert any('"tail": true' in l or '"tail":true' in l for l in w.stdout.splitlines()), "no running text"
    return f"open ask seen {took * 1000:.0f} ms after the start of the command"


def peak_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def pour(p, stopped):
    """About 50 MB of text that cannot be compressed away, while a reader stands still, or while none does.
    By how many KiB the relay's peak grew, and the bytes of events meanwhile."""
    p.env["REMOTE_DEBUGGABLE"] = "1"  # its peak is set back from outside
    p.start_relay()
    p.start_host()
    r, slow = p.read(), p.read() if stopped else None
    for reader in (r, slow):
        assert reader is None or reader.reaches(lambda x: x.count("ready"), 30), "no reader"
    if slow:
        slow.send_signal(signal.SIGSTOP)
    with open(f"/proc/{p.relay.process.pid}/clear_refs", "w") as f:
        f.write("5")  # the peak counts from here
    before = peak_kib(p.relay.process.pid)
    p.start_steer(0, 120, "SAY text-%u ", more=("--fill", "60000", "--window", "8"))
    assert p.steer.reaches(lambda x: any("end" in l for l in x.json), 180), "no end"
    grown = peak_kib(p.relay.process.pid) - before
    log = logs.read_log(p.relay_store(), "events", session=p.session)
    if slow:
        slow.send_signal(signal.SIGCONT)
    ends = []
    for reader in [x for x in (r, slow) if x]:
        deadline = time.monotonic() + 60
        while not any(l.get("event", 0) >= log["end"] - 1 for l in reader.json) and time.monotonic() < deadline:
            reader.send_signal(signal.SIGUSR1)  # it says how far it is
            time.sleep(0.2)
        reader.end()
        ends.append(next(l for l in reader.json if "end" in l))
        assert ends[-1]["next"] >= log["end"] and not reader.count("jump"), f"{ends[-1]} of {log['end']}"
        assert ends[-1]["digest"] == ends[0]["digest"], "the reader that stood still holds something else"
    return grown, sum(len(m) for m in log["messages"])


def stopped_reader(p):
    """A client that stops reading costs the relay no memory, and then catches up. Its peak is held against
    that of the same traffic without such a client: caches and commits in flight cost the same in both."""
    alone = Steered(p.build, "no-stopped-reader")
    try:
        without, _ = pour(alone, False)
    finally:
        alone.clean(keep=False)
    grown, poured = pour(p, True)
    assert poured > 45_000_000, f"only {poured} bytes of events"
    # What the limits allow for one reader: 128 KiB in the carrier and one frame of 256 KiB; the rest is
    # the noise of two runs. Keeping what it did not read would be ten times as much.
    assert grown - without < 5 * 1024, f"the relay grew by {grown} KiB, without a stopped reader by {without} KiB"
    return f"relay grew by {grown} KiB while {poured / 1e6:.0f} MB passed, by {without} KiB without a stopped reader"


def idle_costs_nothing(p):
    """Nobody does anything: nobody uses the processor. (CPU time, not wall time: load does not matter.)"""
    p.start_relay()
    p.start_host()
    p.start_steer(0, 3, "SAY before the pause %u")
    assert p.steer.reaches(lambda x: any("end" in l for l in x.json), 30), "no end"
    env = dict(p.env, REMOTE_RELAY=p.url, REMOTE_TOKEN_FILE=f"{p.root}/relay/token")
    watch = follow([p.program["remote"], "watch", p.session, "--json"], env, f"{p.root}/watch.log")
    p.others.append(watch)
    assert watch.reaches(lambda x: x.count("synced"), 20), "watch does not follow"
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
         "a late reader": late_reader, "a reader that stops": stopped_reader}

if __name__ == "__main__":
    logs.prepare(sys.argv[1])
    names = sys.argv[2:]
    sys.exit(run_cases(sys.argv[1], {n: c for n, c in CASES.items() if not names or any(x in n for x in names)}))
