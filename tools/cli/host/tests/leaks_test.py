"""Secrets of every kind, in every place an agent and a person have words for, whole and cut anywhere: none
of them may be found in the relay's store, the host's journal, any log or the output of any program. The
agent and its answers have them all the same."""
import argparse
import json
import os
import sqlite3
import subprocess
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "tests", "e2e"))
from harness import Failure, bodies, run, wait_until  # noqa: E402
from secret_kinds import Maker  # noqa: E402

PIECE = 12  # bytes of a secret that may not be seen together


def check(what, value):
    if not value:
        raise Failure(what)


def store_bytes(path):
    """Everything in a store, blocks inflated, as one text for each place."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        for flags, payload in db.execute("SELECT flags, payload FROM block"):
            yield "block", zlib.decompress(payload, -15) if flags & 1 else bytes(payload)
        for key, value in db.execute("SELECT key, value FROM record"):
            yield "record", bytes(key) + bytes(value)
    finally:
        db.close()


def windows(secret):
    """What of a secret to look for: its beginning behind the prefix, its middle and its end."""
    lines = [x for x in secret.split("\n") if "-----" not in x] if "\n" in secret else [secret]
    for line in lines:
        tail = line[-PIECE:]
        yield tail
        if len(line) > 2 * PIECE + 12:
            yield line[len(line) // 2:len(line) // 2 + PIECE]
            yield line[12:12 + PIECE]


def find(places, secrets):
    """Fails with every secret that is somewhere."""
    found = []
    for place, data in places:
        for name, _, secret, _ in secrets:
            if any(w.encode() in data for w in windows(secret)):
                at = next(data.find(w.encode()) for w in windows(secret) if w.encode() in data)
                found.append(f"{name} in {place}: …{data[max(0, at - 90):at + 60]!r}")
    if found:
        raise Failure(f"{len(found)} leaks\n" + "\n".join(found[:25]))


def everywhere(w, session, until="idle"):
    folder = f"{w.root}/state/remote/sessions/{session}"
    for name, path in (("relay's store", f"{w.data}/relay.db"), ("journal", f"{folder}/journal.db")):
        for kind, data in store_bytes(path):
            yield f"{name} ({kind})", data
    for process in w.processes:
        yield f"output of {process.name}", open(process.log_path, "rb").read()
    for words in (("watch", session, "--json", "--from", "start", "--until", until),
                  ("watch", session, "--json", "--from", "snapshot", "--until", until),
                  ("watch", session, "--from", "start", "--until", until), ("ls", "--json"), ("ls",), ("asks", "--json")):
        out = w.cli(*words, *(("--timeout", "60") if words[0] == "watch" else ()))
        yield " ".join(words[:3]), (out.out + out.err).encode()


def start(w, seed, headless=False):
    os.makedirs(f"{w.root}/config/remote", exist_ok=True)
    with open(f"{w.root}/config/remote/config.ini", "w") as f:
        f.write("redact = CORP-[0-9a-f]{8,}\n")
    w.start_relay()
    agent = [sys.executable, f"{HERE}/leaky_agent.py", str(seed), f"{w.root}/answers"]
    host = w.start_host(agent=agent, headless=headless)
    return host, Maker(seed).all()


def what_the_agent_says(w):
    host, secrets = start(w, 7)
    host.type("say\n")
    wait_until("the turn's end", lambda: bodies(w.events(host.session), "turn_ended"), 120)
    find(everywhere(w, host.session), secrets)
    events = w.events(host.session)
    said = [n["text"] for n in bodies(events, "notice") if n["topic"] == "redaction"]
    check(f"said once: {said}", len(said) == 1)
    marks = json.dumps(events).count("[redacted: ")
    check(f"marks are there ({marks})", marks > 20 * len(secrets))
    at = len(host.text)
    host.type("/remote\n")
    host.wait_text("removed from what leaves this machine so far", after=at)
    host.type("/quit\n")
    check("quit", host.wait(60) == 0)
    find(everywhere(w, host.session, "end"), secrets)


def what_is_asked_and_answered(w):
    host, secrets = start(w, 8)
    host.type("ask\n")
    ask = wait_until("its ask", lambda: w.asks(host.session), 60)[0]
    check("its option's id is what it was", [o["option_id"] for o in ask["options"]] == ["yes", "no"])
    w.cli("approve", host.session).expect(0)
    answers = f"{w.root}/answers"
    wait_until("the answer", lambda: os.path.exists(answers) and open(answers).read().endswith("\n"), 60)
    check("the agent has it", "yes" in open(answers).read())
    wait_until("idle", lambda: w.sessions()[0]["status"] == "idle", 60)
    host.type("form\n")
    wait_until("its form", lambda: w.asks(host.session), 60)
    typed = "Tr0ub4dor" + "Zw8Qx3"
    host.type(f"#2 {typed}\n")
    wait_until("the answer", lambda: typed in open(answers).read(), 60)
    wait_until("resolved", lambda: len(bodies(w.events(host.session), "ask_resolved")) == 2, 60)
    more = [("typed into a form", "", typed, "")]
    find([(place, data) for place, data in everywhere(w, host.session)
          if "record" not in place], secrets + more)
    host.type("/quit\n")
    host.wait(60)


def what_a_person_types(w):
    """The agent gets it; what is published does not have it, of a long prompt and a queued one either."""
    host, secrets = start(w, 9)
    lines = [f"{b}{s}{a}".replace("\n", " ") for _, b, s, a in Maker(10).all() if "\n" not in s]
    for line in lines:
        host.type(f"look at {line}\n")
    long_one = " ".join(("x" * 300 + " ") * 6 + line for line in lines)  # over the 64 KiB of one message
    check("long", 65536 < len(long_one) < 131072)
    host.type(f"a long one {long_one}\n")
    wait_until("all are done", lambda: len(bodies(w.events(host.session), "turn_ended")) == len(lines) + 1, 120)
    find(everywhere(w, host.session), secrets + [x for x in Maker(10).all() if "\n" not in x[2]])
    host.type("/quit\n")
    host.wait(60)


def what_goes_wrong(w):
    host, secrets = start(w, 11, headless=True)
    w.cli("send", host.session, "--wait=idle", "fail").expect(0, 1, 6)
    find(everywhere(w, host.session), secrets)
    w.cli("send", host.session, "say").expect(0)
    wait_until("said", lambda: len(bodies(w.events(host.session), "turn_ended")) == 2, 120)
    w.cli("send", host.session, "die").expect(0)  # the last words are of its standard error
    check("failed", host.wait(60) != 0)
    find(everywhere(w, host.session, "end"), secrets)


TESTS = [what_the_agent_says, what_is_asked_and_answered, what_a_person_types, what_goes_wrong]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    sys.exit(run(TESTS, args.build, args.names, args.keep))
