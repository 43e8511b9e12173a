#!/usr/bin/python3
"""Long-poll through the real programs: the client of docs/clients/poll.py beside a relay that is
killed, a host that is killed, and requests that are no exchange.

    poll_test.py BUILD_DIR"""
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import World, wait_until  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "docs", "clients", "poll.py")


def modules(w):
    """What protoc makes of the schema."""
    folder = os.path.join(w.root, "gen")
    os.makedirs(folder)
    protos = os.path.join(ROOT, "proto", "remote", "v1")
    names = [f"remote/v1/{name}" for name in os.listdir(protos) if name.endswith(".proto")]
    subprocess.run(["protoc", "-I", os.path.join(ROOT, "proto"), "--python_out", folder, *names], check=True)
    return dict(w.env, PYTHONPATH=folder)


def the_client_of_the_docs(w):
    w.start_relay()
    host = w.start_host()
    env = modules(w)
    token = w.env["REMOTE_TOKEN_FILE"]
    argv = ["/usr/bin/python3", CLIENT, w.listening, token]
    listed = subprocess.run([*argv, "list"], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert host.session in listed.stdout, listed
    follower = w.spawn("poll.py", [*argv, "follow", host.session, "SAY from the docs"], env=env)
    wait_until("its prompt is stored", lambda: "stored" in follower.lines, 60)
    wait_until("the answer", lambda: any(l.endswith("assistant_message from the docs") for l in follower.lines), 60)
    w.relay.kill()
    w.start_relay()
    w.cli("send", host.session, "--wait=idle", "SAY after the relay", timeout=90).expect(0)
    wait_until("what came later", lambda: any(l.endswith("assistant_message after the relay") for l in follower.lines), 60)
    offsets = [int(line.split()[0]) for line in follower.lines if line[:1].isdigit()]
    assert offsets == sorted(set(offsets)), offsets
    assert offsets == list(range(offsets[0], offsets[-1] + 1)), offsets


def a_host_that_is_killed(w):
    w.start_relay()
    host = w.start_host()

    def attached():
        return [s["attached"] for s in w.sessions() if s["session_id"] == host.session]
    host.process.send_signal(signal.SIGKILL)
    wait_until("the relay says that it is away", lambda: attached() == [False], 60, 0.3)
    again = w.start_host("--continue", wait=False)
    wait_until("it is back", lambda: attached() == [True], 60, 0.3)
    w.cli("send", host.session, "--wait=idle", "SAY again", timeout=90).expect(0)
    said = [e for e in w.events(host.session) if "again" in json.dumps(e)]
    assert said and again.alive, said


def what_is_no_exchange(w):
    w.start_relay()
    url = w.listening + "/v1/poll"

    def status(body, kind="application/x-protobuf", method="POST"):
        request = urllib.request.Request(url, body, {"Content-Type": kind} if kind else {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()
    for body, kind, method, expected in ((None, None, "GET", 405), (b"x", "text/plain", "POST", 415), (b"", "application/x-protobuf", "POST", 400),
                                         (b"\xff" * 100, "application/x-protobuf", "POST", 400), (b"\x0a\x05\x08", "application/x-protobuf", "POST", 400),
                                         (b"\x0a\x02\x08\x01", "application/octet-stream", "POST", 400),
                                         (b"\0" * (1 << 20 | 1), "application/x-protobuf", "POST", 413)):
        got, said = status(body, kind, method)
        assert got == expected, f"{method} of {len(body or b'')} bytes of {kind}: {got}, not {expected}: {said[:80]}"
    w.cli("ls").expect(0)


def main(build):
    for test in (the_client_of_the_docs, a_host_that_is_killed, what_is_no_exchange):
        with World(build, test.__name__, carrier="poll") as w:
            test(w)
        print(f"{test.__name__}: ok", flush=True)
    print("3 passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
