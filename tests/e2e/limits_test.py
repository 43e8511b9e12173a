#!/usr/bin/python3
"""Hostile clients beside honest ones, on the real relay: what they do ends, is counted, and costs a
bounded amount of memory; who is honest is answered meanwhile.

    limits_test.py BUILD_DIR [--long]"""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import raw  # noqa: E402
import steered  # noqa: E402
from harness import NotBuilt  # noqa: E402
from operation_test import metrics, start_relay, wait  # noqa: E402

MEMORY_GROWTH_MAX = 96 << 20


def resident(p):
    for line in open(f"/proc/{p.relay.pid}/status", encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def reached(p, limit):
    return metrics(p)[("remote_relay_limit_reached_total", (("limit", limit),))]


def honest(p):
    """A person far away asks the host something, and is answered."""
    r = p.remote("probe", "--timeout", "60")
    assert r.returncode == 0, f"an honest probe: exit {r.returncode}: {r.stderr}"


def begin(p, *flags):
    start_relay(p, *flags)
    p.start_host()
    wait("the session", lambda: '"attached":true' in p.remote("ls", "--json").stdout.replace(" ", ""))
    honest(p)
    return resident(p)


def bounded(p, before):
    grown = resident(p) - before
    assert grown < MEMORY_GROWTH_MAX, f"{grown >> 20} MiB more"
    return f"{max(grown, 0) >> 10} KiB more"


def connect(p):
    if p.carrier.name == "unix":
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(p.url.removeprefix("unix://"))
        return s
    return socket.create_connection(("127.0.0.1", int(p.url.rsplit(":", 1)[1])), timeout=60)


def ended_by_relay(s, seconds=90):
    s.settimeout(seconds)
    try:
        while s.recv(4096):
            pass
    except ConnectionError:
        pass
    s.close()


def byte_by_byte(s):
    """A HELLO that never ends is cut off, however often a byte of it comes."""
    deadline = time.monotonic() + 90
    s.settimeout(0.25)
    while True:
        try:
            s.sendall(b"\x7a")
            if not s.recv(4096):
                return
        except TimeoutError:
            pass
        except ConnectionError:
            return
        assert time.monotonic() < deadline, "it is still listened to"


def who_never_speaks(p):
    """More carriers than there are places: an honest one gets in, the silent ones are ended; so is one
    that always has a byte more to say."""
    before = begin(p, "--unsigned-connections-max", "100")
    held = []
    for _ in range(400):
        try:
            held.append(connect(p))
        except OSError:
            pass
    wait("an honest answer", lambda: p.remote("probe").returncode == 0)
    if p.carrier.name == "tcp":  # others wait for their own handshakes before they are connections
        assert reached(p, "connections_unsigned") > 0
    note = bounded(p, before)
    slow = connect(p)
    slow.sendall(b"\x0a\xff\x03")  # a frame of 511 bytes, or what TLS refuses at once
    byte_by_byte(slow)
    for s in held:
        ended_by_relay(s)
    honest(p)
    return note


def who_sends_rubbish(p):
    before = begin(p)
    for i in range(200):
        with connect(p) as s:
            try:
                s.sendall((bytes([i]) + b"\x0a\x02\x08\x63" * 10) * 500)
                while s.recv(65536):
                    pass
            except ConnectionError:
                pass
    honest(p)
    return bounded(p, before)


def one_too_many_is_told_when_to_come_back(p):
    start_relay(p, "--connections-max", "1")
    first = raw.Peer(p.url)
    token = open(p.token_file, encoding="ascii").read().strip()
    first.say(raw.hello(token))
    assert first.take("WELCOME") is not None
    second = raw.Peer(p.url)
    said = second.take("GOAWAY").payload_message()
    assert said.code == 1004 and said.retry_after_ms == 5000 and said.retry_helps, said
    second.abort()
    first.abort()
    wait("a place", lambda: p.remote("ls").returncode == 0)


FLOODS = {
    "PING": {"type": "PING", "payload": "0102030405060708"},
    "unknown": {"type": 99},
    "late CLOSE": {"type": "CLOSE", "channel": 1},
    "INFO": {"type": "INFO", "channel": 2, "payload": ""},
}


def flood(p, frames, most):
    """A peer of the account that signs in and then says the same again and again. Its code."""
    account = raw.Raw(p)
    peer, _ = account.publishing()
    peer.say({"type": "CLOSE", "channel": 1, "problem": {}})
    peer.say({"type": "OPEN", "channel": 2, "open": {
        "session_id": account.session.hex(), "log": "EVENTS", "direction": "PUBLISH", "epoch": account.epoch.hex(),
        "writer_generation": int(time.time() * 1000) + 60000, "description": {"agent": "raw", "title": "raw"}}})
    assert str(peer.take("OPENED", "CLOSE").type) == "OPENED"
    sent, batch = 0, b"".join(raw.frames.encode(f) for f in frames)
    while sent < most:
        try:
            peer.say(batch * 200)
        except OSError:
            break
        sent += 200 * len(frames)
    code = peer.code()
    peer.abort()
    return code


def floods_of_frames(p):
    before = begin(p)
    for n, (name, frame) in enumerate(FLOODS.items(), 1):
        code = flood(p, [frame], 400000)
        # It may be gone before its last word is read.
        assert code in (1004, 0), f"{name}: {code}"
        wait(f"{name} counted", lambda n=n: reached(p, "frames") >= n)
        honest(p)
    return bounded(p, before)


def floods_of_calls(p):
    """REQUESTs and OPENs beyond their rates are answered, with a time; the connection stays."""
    before = begin(p, "--account-opens-rate", "2", "--account-requests-rate", "2")
    account = raw.Raw(p)
    # Honest use of the same account draws from the same rates: another account is not touched.
    peer = account.peer()
    for i in range(1, 40):
        peer.say({"type": "REQUEST", "request": {"id": i, "list_devices": {}}})
        reply = peer.take("REPLY").payload_message()
        while reply.more:
            reply = peer.take("REPLY").payload_message()
    assert reply.problem.code == 1004 and 0 < reply.problem.retry_after_ms <= 1000, reply
    assert reached(p, "requests") > 0
    for i in range(1, 60):
        peer.say({"type": "OPEN", "channel": i, "open": {"session_id": os.urandom(16).hex(), "log": "EVENTS",
                                                         "direction": "SUBSCRIBE"}})
        closed = peer.take("CLOSE").payload_message()
    assert closed.code == 1004 and 0 < closed.retry_after_ms <= 1000 and closed.layer == 3, closed
    assert reached(p, "opens") > 0
    peer.abort()
    # The rate has come back by itself.
    wait("an honest answer", lambda: p.remote("probe").returncode == 0)
    return bounded(p, before)


CASES = {"tcp": (who_never_speaks, who_sends_rubbish, one_too_many_is_told_when_to_come_back, floods_of_frames,
                 floods_of_calls),
         "wss": (who_sends_rubbish, floods_of_frames)}
LONG = {name: (who_never_speaks, who_sends_rubbish, floods_of_frames) for name in ("unix", "tls", "ws", "wss", "grpc")}


def on(carrier, case):
    def run(p):
        try:
            return case(p)
        except NotBuilt as why:
            return f"left out: {why}"
    return f"{case.__name__} ({carrier})", run


if __name__ == "__main__":
    failed = 0
    for carrier, cases in (LONG if "--long" in sys.argv else CASES).items():
        failed += steered.run_cases(sys.argv[1], dict(on(carrier, case) for case in cases), carrier)
    sys.exit(1 if failed else 0)
