"""Keeping the machine awake, by the real host against a fake system bus: what is held and when, what is
told, and every way in which it does not work."""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "tests", "e2e"))
from fake_logind import FakeLogind  # noqa: E402
from harness import Failure, bodies, run, wait_until  # noqa: E402


def check(what, value):
    if not value:
        raise Failure(what)


def logind(w):
    bus = FakeLogind(f"{w.root}/bus")
    w.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={w.root}/bus"
    return bus


def start(w, *flags, env=None):
    argv = [w.program["remote"], "host", *flags, "--", w.program["remote-demo-agent"]]
    host = w.spawn("host", argv, env=dict(w.env, **(env or {})), stdin=subprocess.PIPE)
    host.wait_text("is ready", 60)
    return host


def held(bus, *what):
    wait_until(f"{what} held; it is {bus.locks()}", lambda: bus.locks() == list(what), 60)


def modes(w, session):
    return [e["mode"] for e in bodies(w.events(session), "keep_alive_changed")]


def on_and_off(w):
    bus = logind(w)
    host = start(w)
    host.type("/keep-alive\n")
    host.wait_text("keep-alive: off")
    host.type("/keep-alive on\n")
    held(bus, "sleep:idle")
    what, who, why, mode = bus.asked[0]
    check("in the name of remote, as a block", (what, who, mode) == ("sleep:idle", "remote", "block") and why)
    at = host.wait_text("keep-alive")
    host.type("/keep-alive\n")
    host.wait_text("keep-alive: on; this machine is kept awake now", after=at)
    host.type("/keep-alive sometimes\n")
    host.wait_text("/keep-alive takes off, on, busy")
    host.type("/remote\n")
    host.wait_text("remote control is off")
    host.type("/keep-alive 90\n")
    at = host.wait_text("90m")
    host.type("/keep-alive\n")
    host.wait_text("keep-alive: 90m, 1 h 29 min left; this machine is kept awake now", after=at)
    check("the same lock", len(bus.asked) == 1 and bus.locks() == ["sleep:idle"])
    host.type("/keep-alive off\n")
    held(bus)
    host.type("/keep-alive on\n")
    held(bus, "sleep:idle")
    host.type("/quit\n")
    check("quit", host.wait(60) == 0)
    held(bus)


def it_ends_with_the_process(w):
    bus = logind(w)
    host = start(w, "--keep-alive", "on")
    held(bus, "sleep:idle")
    host.kill()
    held(bus)


def only_while_busy(w):
    bus = logind(w)
    w.start_relay()
    argv = ["--relay", w.url, "--token-file", f"{w.data}/token", "--remote", "--keep-alive=busy"]
    host = start(w, *argv)
    session = wait_until("listed", w.sessions)[0]["session_id"]
    check("not yet", bus.locks() == [] and bus.asked == [])
    host.type("SLOW 3 50\nASK Which?|red|blue\n")
    held(bus, "sleep:idle")
    wait_until("its ask", lambda: w.asks(session), 60)
    check("held while somebody is asked", bus.locks() == ["sleep:idle"])
    check("all the time", len(bus.asked) == 1)
    host.type("2\n")
    host.wait_text("You answered: blue", 60)
    held(bus)  # a little later
    host.type("SAY again\n")
    held(bus, "sleep:idle")
    held(bus)
    check("two turns, two locks", len(bus.asked) == 2)
    check("told once", modes(w, session) == ["busy"])
    watched = w.cli("watch", session, "--from", "start", "--until", "idle", "--timeout", "60").expect(0)
    check("and shown by watch", "busy" in watched.out)
    host.type("/keep-alive off\n/quit\n")
    check("quit", host.wait(60) == 0)
    check("both told", modes(w, session) == ["busy", "off"])


def a_duration_ends(w):
    bus = logind(w)
    w.start_relay()
    host = start(w, "--relay", w.url, "--token-file", f"{w.data}/token", "--remote", "--keep-alive", "2s")
    session = wait_until("listed", w.sessions)[0]["session_id"]
    wait_until("told", lambda: "2s" in modes(w, session), 60)
    event = bodies(w.events(session), "keep_alive_changed")[0]
    check("until when", abs(int(event["until_ms"]) - time.time() * 1000) < 600_000)
    wait_until("over", lambda: modes(w, session) == ["2s", "off"], 60)
    held(bus)
    host.type("/quit\n")
    check("quit", host.wait(60) == 0)


def a_resumed_session_goes_on(w):
    bus = logind(w)
    host = start(w)
    host.type("/keep-alive 8h\n")
    held(bus, "sleep:idle")
    host.type("SAY x\n")
    host.wait_text("\nx", 60)
    host.type("/quit\n")
    host.wait(60)
    folder = f"{w.root}/state/remote/sessions"
    session = os.listdir(folder)[0]
    facts = json.load(open(f"{folder}/{session}/session.json"))
    check("it is kept", facts["keep_alive"] == "8h" and facts["keep_alive_until_ms"] > time.time() * 1000)
    host = start(w, "--resume")
    held(bus, "sleep:idle")
    host.type("/keep-alive\n")
    host.wait_text("keep-alive: 8h, 7 h 59 min left")
    host.type("/quit\n")
    host.wait(60)
    facts["keep_alive_until_ms"] = int(time.time() * 1000) - 1000
    json.dump(facts, open(f"{folder}/{session}/session.json", "w"))
    host = start(w, "--resume")
    host.type("/keep-alive\n")
    host.wait_text("keep-alive: off")
    check("over meanwhile", bus.locks() == [])
    host.type("/quit\n")
    host.wait(60)
    host = start(w, "--resume", "--keep-alive", "on")
    held(bus, "sleep:idle")
    host.end(signal.SIGTERM)


def configured(w):
    bus = logind(w)
    os.makedirs(f"{w.root}/config/remote", exist_ok=True)
    with open(f"{w.root}/config/remote/config.ini", "w") as f:
        f.write("keep_alive = on\n")
    host = start(w)
    held(bus, "sleep:idle")
    host.end(signal.SIGTERM)
    host = start(w, "--keep-alive=off")
    host.type("/keep-alive\n")
    host.wait_text("keep-alive: off")
    check("the flag decides", bus.locks() == [])
    host.end(signal.SIGTERM)
    w.cli("host", "--keep-alive=tomorrow", "--", "true").expect(2).says("--keep-alive is off, on, busy")


def refused(w):
    bus = logind(w)
    bus.answer = "deny"
    host = start(w)
    host.type("/keep-alive on\n")
    host.wait_text("This machine is not kept awake")
    host.wait_text("inhibit-block-idle")
    check("asked for less as well", [a[0] for a in bus.asked] == ["sleep:idle", "idle"])
    at = len(host.text)
    host.type("/keep-alive\nSAY goes-on\n")
    host.wait_text("keep-alive: off", after=at)
    host.wait_text("goes-on", after=at)
    host.type("/quit\n")
    check("quit", host.wait(60) == 0)


def sleep_is_refused(w):
    bus = logind(w)
    bus.answer = "deny-sleep"
    host = start(w, "--keep-alive", "on")
    held(bus, "idle")
    host.wait_text("Keeping this machine awake works in part")
    host.end(signal.SIGTERM)


def no_bus(w):
    w.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={w.root}/nothing"
    host = start(w, "--keep-alive", "on")
    host.wait_text("This machine is not kept awake: there is no system bus here")
    host.type("SAY all-the-same\n")
    host.wait_text("all-the-same")
    host.end(signal.SIGTERM)


def no_logind(w):
    bus = logind(w)
    bus.answer = "unknown"
    host = start(w, "--keep-alive", "on")
    host.wait_text("This machine is not kept awake: systemd-logind cannot be asked")
    host.end(signal.SIGTERM)


def logind_restarts(w):
    bus = logind(w)
    host = start(w, "--keep-alive", "on")
    held(bus, "sleep:idle")
    bus.drop_locks()
    at = host.wait_text("This machine is not kept awake at the moment: systemd-logind has let the lock go", 60)
    held(bus, "sleep:idle")
    at = host.wait_text("This machine is kept awake again", 60, after=at)
    bus.stop()
    at = host.wait_text("This machine is not kept awake at the moment", 60, after=at)
    host.type("SAY meanwhile\n")
    host.wait_text("meanwhile", after=at)
    bus.listen()
    held(bus, "sleep:idle")
    host.wait_text("This machine is kept awake again", 60, after=at)
    host.end(signal.SIGTERM)


def nobody_answers(w):
    """The loop goes on while logind is silent, and ends without it."""
    bus = logind(w)
    bus.answer = "silent"
    host = start(w, "--keep-alive", "on")
    wait_until("asked", lambda: bus.asked, 60)
    host.type("SAY hello-there\n")
    host.wait_text("hello-there")
    host.type("/keep-alive\n")
    host.wait_text("not kept awake yet")
    host.type("/quit\n")
    check("quit", host.wait(60) == 0)


TESTS = [on_and_off, it_ends_with_the_process, only_while_busy, a_duration_ends, a_resumed_session_goes_on, configured,
         refused, sleep_is_refused, no_bus, no_logind, logind_restarts, nobody_answers]


def built_with_logind(build):
    text = open(os.path.join(build, "CMakeCache.txt")).read()
    return re.search(r"^SYSTEMD_FOUND:INTERNAL=1$", text, re.M) is not None


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if not built_with_logind(args.build):
        print("skipped: this build has no libsystemd")
        sys.exit(77)
    sys.exit(run(TESTS, args.build, args.names, args.keep))
