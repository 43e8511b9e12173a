#!/usr/bin/python3
"""A session of 10^5 events, read with `remote watch`: all of it, its end, a part; what that costs in memory,
and that a person is told how far it is.

    long_past_test.py --build DIR [--keep] [--events N]"""
import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/e2e"))
from harness import Failure, run  # noqa: E402

EVENTS = 100_000
# An ACP agent that answers a prompt N with N changes of its plan, as fast as it can.
AGENT = r'''
import json, sys
def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
for line in sys.stdin:
    m = json.loads(line)
    method, answer = m.get("method"), {}
    if method == "initialize":
        answer = {"protocolVersion": 1, "agentCapabilities": {}, "authMethods": []}
    elif method == "session/new":
        answer = {"sessionId": "one"}
    elif method == "session/prompt":
        for i in range(int(m["params"]["prompt"][0]["text"])):
            entry = {"content": "step %d of many, said in some words" % i, "priority": "medium", "status": "pending"}
            say(method="session/update", params={"sessionId": "one", "update": {
                "sessionUpdate": "plan", "entries": [entry]}})
        answer = {"stopReason": "end_turn"}
    if "id" in m and method:
        say(id=m["id"], result=answer)
    sys.stdout.flush()
'''


def check(what, value):
    if not value:
        raise Failure(what)
    return value


def measured(w, *words):
    """Runs a command of remote; its lines, and the most memory that it took, MiB: sampled, because what
    the system says at the end counts this program, too, from which it was made."""
    most = 0
    with open(f"{w.root}/out", "w+") as out:
        process = subprocess.Popen([w.program["remote"], *words], env=w.env, stdout=out, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            with contextlib.suppress(OSError):
                peak = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{process.pid}/status").read())
                most = max(most, int(peak.group(1)) if peak else 0)
            time.sleep(0.005)
        check(f"{words}: exit {process.returncode}", process.returncode == 0)
        out.seek(0)
        return out.read().splitlines(), most / 1024


def offsets_of(lines):
    return [json.loads(line)["offset"] for line in lines if line.startswith('{"offset"')]


def long_past(w):
    w.start_relay()
    agent = f"{w.root}/agent.py"
    with open(agent, "w") as file:
        file.write(AGENT)
    host = w.start_host(agent=["/usr/bin/python3", agent])
    for _ in range(5):
        w.cli("send", "--wait=idle", str(EVENTS // 5), timeout=600).expect(0)
    _, small = measured(w, "watch", "--json", "--durable", "--last", "100", "--until", "idle")
    lines, most = measured(w, "watch", "--json", "--durable", "--from", "start", "--until", "idle")
    offsets = offsets_of(lines)
    check(f"all events: {len(offsets)}", len(offsets) > EVENTS)
    check("each once, in order", offsets == sorted(set(offsets)))
    print(f"    {len(offsets)} events: {most:.1f} MiB at most; the last hundred: {small:.1f} MiB")
    check("memory does not grow with the past", most < small + 16)
    half = EVENTS // 2
    lines, paged = measured(w, "watch", "--json", "--durable", "--last", str(half), "--until", "idle")
    check("the last half, in many pages", offsets_of(lines) == offsets[-half:])
    check("paging neither", paged < small + 16)
    part, _ = measured(w, "watch", "--json", "--from", "10000", "--until", "10100")
    check("a part", offsets_of(part) == [o for o in offsets if 10000 <= o < 10100])
    shown = w.spawn("watch", ["/bin/sh", "-c", f"{w.program['remote']} watch --from start --json --until idle "
                              f">{w.root}/seen"], terminal=(80, 24))
    check("it ends", shown.wait(600) == 0)
    check(f"a person is told: {shown.text!r}", "reading history:" in shown.text)
    check("and the line is taken away", shown.text.endswith("\r"))
    check(host.session, True)


def main():
    global EVENTS
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--events", type=int, default=EVENTS)
    options = parser.parse_args()
    EVENTS = options.events
    sys.exit(run([long_past], options.build, None, options.keep))


if __name__ == "__main__":
    main()
