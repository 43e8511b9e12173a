#!/usr/bin/python3
"""Captures and `remote inspect`: what is kept, what is not, and each clause that it knows, broken.

    wire_test.py --build DIR [--keep] [NAME...]"""
import argparse
import os
import random
import stat
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/e2e"))
from harness import Failure, run, wait_until  # noqa: E402

C, A = 4, 5  # kinds of records: bytes of the connecting and of the accepting side
HELLO, WELCOME, REFUSE, GOAWAY, PING, PONG, OPEN, OPENED, CLOSE, INFO, BLOCK, TAIL, ACK, SYNCED = \
    1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15
LOG_STATUS, RECEIPT, REQUEST, REPLY = 16, 17, 20, 21


def check(what, value):
    if not value:
        raise Failure(what)
    return value


# ---- bytes ----

def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def msg(*fields):
    """(number, int or bytes) each."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def frame(kind, payload=b"", channel=0, offset=0, count=0, flags=0, inflated=0, credit=0, part=0, parts=0):
    numbers = [(1, kind), (2, channel), (3, offset), (4, count), (5, flags), (6, inflated), (8, credit), (9, part),
               (10, parts)]
    body = msg(*[(n, v) for n, v in numbers if v]) + (msg((15, payload)) if payload else b"")
    return b"\x0a" + varint(len(body)) + body


def record(kind, data, carrier=7, at_us=1_700_000_000_000_000):
    return struct.pack("<IB3xQI4x", len(data), kind, at_us, carrier) + data


def capture(*sides):
    return b"RMTCAP1\n" + record(2, b"127.0.0.1:1") + b"".join(record(kind, data) for kind, data in sides)


SID, EPOCH = b"s" * 16, b"e" * 16
hello = (C, frame(HELLO, msg((1, 1), (2, 1), (3, b"l" * 16), (4, 1))))
welcome = (A, frame(WELCOME, msg((1, 1))))
event = msg((1, 5))  # an Event with a time and nothing else


def open_events(channel=1, credit=1000, direction=2, log=1):
    return C, frame(OPEN, msg((1, SID), (2, log), (3, direction)), channel=channel, credit=credit)


def opened(channel=1, next_offset=0):
    return A, frame(OPENED, msg((1, EPOCH), (2, next_offset), (4, 1)), channel=channel)


def block(channel=1, offset=0, messages=(event,), side=A, **more):
    body = b"".join(varint(len(m)) + m for m in messages)
    more = {"count": len(messages), **more}
    return side, frame(BLOCK, more.pop("payload", body), channel=channel, offset=offset, **more)


live = [hello, welcome]
reading = [*live, open_events(), opened()]
deflated = zlib.compressobj(wbits=-15)
deflated = deflated.compress(varint(len(event)) + event) + deflated.flush()

# What each stream breaks; None: nothing.
CASES = [
    ("a good life", None, [*reading, block(), (A, frame(SYNCED, channel=1, offset=1)),
                           (C, frame(ACK, channel=1, offset=1)), (C, frame(PING, b"12345678")),
                           (A, frame(PONG, b"12345678")), (A, frame(99, b"grease")),
                           (C, frame(CLOSE, channel=1)), (A, frame(BLOCK, b"late", channel=1, count=1)),
                           (C, frame(GOAWAY))]),
    ("good blocks", None, [*reading, block(flags=1, inflated=3, payload=deflated),
                           block(offset=5, flags=4, part=1, parts=1), block(offset=6)]),
    ("not HELLO first", "3.1.1", [(C, frame(PING, b"12345678"))]),
    ("the wrong side", "2.1.1", [*live, (A, frame(OPEN, msg((1, SID)), channel=1))]),
    ("before WELCOME", "2.1.1", [hello, (A, frame(PING, b"12345678"))]),
    ("a channel where none is", "2.1.1", [*live, (C, frame(PING, b"12345678", channel=1))]),
    ("never opened", "2.1.1", [*live, block()]),
    ("before OPENED", "2.1.1", [*live, open_events(), block()]),
    ("against the direction", "2.1.1", [*reading, block(side=C)]),
    ("RECEIPT on events", "2.1.1", [*reading, (A, frame(RECEIPT, channel=1))]),
    ("a payload that is none", "2.1.2", [*live, open_events(), (A, frame(OPENED, b"\xff\xff", channel=1))]),
    ("a bad HELLO", "3.1.4", [(C, frame(HELLO, b"\x07"))]),
    ("no messages", "2.1.3", [*reading, block(count=0)]),
    ("a part of nothing", "2.1.3", [*reading, block(flags=4, part=3, parts=2)]),
    ("after GOAWAY", "2.1.4", [*live, (C, frame(GOAWAY)), (C, frame(PING, b"12345678"))]),
    ("an unknown type", "2.2.2", [*live, (A, frame(30))]),
    ("numbers that fall", "2.4.2", [*live, open_events(5), open_events(4)]),
    ("a short PING", "2.6.2", [*live, (C, frame(PING, b"1234"))]),
    ("a long INFO", "2.7.3", [*reading, (A, frame(INFO, msg((1, b"x" * 2000)), channel=1))]),
    ("a call twice", "2.8.1", [*live, *[(C, frame(REQUEST, msg((1, 9), (2, b""))))] * 2]),
    ("an answer to nothing", "2.8.2", [*live, (A, frame(REPLY, msg((1, 9), (10, b""))))]),
    ("a gap", "3.15.1", [*reading, block(offset=3)]),
    ("two commands a block", "3.19.3", [*live, open_events(direction=1, log=2), opened(),
                                        (A, frame(ACK, channel=1, credit=1000)),
                                        block(side=C, messages=(msg((1, SID)), msg((1, SID))))]),
    ("no credit", "4.4.1", [*live, open_events(credit=0), opened(), block()]),
    ("too large", "4.5.1", [*live, (A, b"\x0a" + varint(1 << 24))]),
    ("a field twice", "1.4", [*live, (A, b"\x0a\x04\x08\x05\x08\x05")]),
    ("no frame", "1.4", [*live, (A, b"\x12\x00")]),
    ("inflates to less", "6.2.1", [*reading, block(flags=1, inflated=9, payload=deflated)]),
    ("inflates to nothing", "6.2.1", [*reading, block(flags=1, inflated=3, payload=b"\xff\xff\xff")]),
    ("fewer messages", "6.2.2", [*reading, block(count=2)]),
    ("a NUL", "6.2.2", [*reading, block(messages=(msg((2, b"a\0b")),))]),
    ("a tail that is none", "3.23.1", [*reading, (A, frame(TAIL, b"\xff", channel=1))]),
]


def inspect(w, data, *flags):
    path = f"{w.root}/bytes"
    with open(path, "wb") as file:
        file.write(data)
    return w.cli("inspect", path, *flags)


def clauses(w):
    for name, clause, sides in CASES:
        done = inspect(w, capture(*sides), "--json", "--check").expect(0 if clause is None else 1)
        found = [p["clause"] for line in done.json for p in line.get("problems", [])]
        check(f"{name}: {found}, expected {clause}", set(found) == ({clause} if clause else set()))
        people = inspect(w, capture(*sides), "--problems").expect(0)
        check(f"{name}: for people", (f"!! clause {clause} " in people.out.replace(":", " ")) == bool(clause))


def streams_and_filters(w):
    raw = b"".join(data for kind, data in [*reading, block()] if kind == A)
    done = inspect(w, raw, "--json")
    check("a raw stream of the relay", all(line["from"] == "accepting" for line in done.json if "from" in line))
    raw = b"".join(data for kind, data in live if kind == C)
    check("of a client", inspect(w, raw, "--json", "--check").expect(0).json[0]["type"] == "HELLO")
    whole = capture(*reading, block())
    types = [line["type"] for line in inspect(w, whole, "--json", "--type", "open,block").json if "type" in line]
    check(f"by type: {types}", types == ["OPEN", "BLOCK"])
    ones = [line for line in inspect(w, whole, "--json", "--channel", "1").json if "type" in line]
    check("by channel", len(ones) == 3 and all(line["channel"] == 1 for line in ones))
    check("by session", len(inspect(w, whole, "--json", "--session", SID.hex()[:4]).out.splitlines()) >= 3)
    check("by another", "BLOCK" not in inspect(w, whole, "--session", "00").out)
    w.cli("inspect", "-", stdin="\n\x00").expect(0)
    for wrong in (["--type", "nonesuch"], ["--channel", "x"], ["--session", "nonesuch"], ["a", "b"]):
        w.cli("inspect", *wrong).expect(2)
    w.cli("inspect", "/nonexistent").expect(1).says("cannot read")


def hostile(w):
    """Cut anywhere, changed anywhere: it ends, says so, and never with a crash."""
    whole = capture(*reading, block(), block(offset=1, flags=1, inflated=3, payload=deflated),
                    (C, frame(GOAWAY, msg((1, 1001)))))
    draw = random.Random(1)
    for at in range(0, len(whole), 9):
        done = inspect(w, whole[:at], "--full").expect(0, 1)
        check(f"no crash: {done.err}", "Sanitizer" not in done.err)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(draw.randrange(1, 6)):
            data[draw.randrange(8, len(data))] = draw.randrange(256)
        done = inspect(w, bytes(data), "--full").expect(0, 1)
        check(f"no crash: {done.err}", "Sanitizer" not in done.err)
        check("nothing but text", all(c == "\n" or c >= " " for c in done.out))
    inspect(w, b"RMTCAP1\n" + struct.pack("<IB3xQI4x", 1 << 30, 4, 0, 0)).expect(1).says("damaged")
    inspect(w, b"RMTCAP1\n" + record(9, b"x")).expect(1).says("damaged")
    inspect(w, draw.randbytes(200_000)).expect(0)
    inspect(w, b"").expect(0)
    inspect(w, capture(*[(C, frame(HELLO, msg((8, b"\x1b]0;x\x07 \x1b[2J"))))])).expect(0)
    many = b"RMTCAP1\n" + b"".join(record(2, b"", carrier=i) + record(4, b"\x0a\xff\x01x", carrier=i)
                                   for i in range(500))
    inspect(w, many).expect(0)


# ---- captures of the real programs ----

def captures(w):
    w.start_relay()
    token = open(w.token_file).read().strip()
    host_file, file = f"{w.root}/host.cap", f"{w.root}/wire.cap"
    w.env["REMOTE_CAPTURE"] = host_file
    host = w.start_host()
    del w.env["REMOTE_CAPTURE"]
    many = [w.start_cli("send", "--capture", file, "--wait", f"SAY {i} {token}") for i in range(4)]
    check("all sent", all(p.wait() == 0 for p in many))
    w.cli("--capture", file, "ls").expect(0)
    host.end()
    for path in (file, host_file):
        check("for its user only", stat.S_IMODE(os.stat(path).st_mode) == 0o600)
        check("no token in it", token[4:].encode() not in open(path, "rb").read())
        done = w.cli("inspect", path, "--json", "--check").expect(0)
        check("a whole life", {"HELLO", "WELCOME", "OPEN", "BLOCK"} <= {line.get("type") for line in done.json})
    carriers = {line["carrier"] for line in w.cli("inspect", file, "--json").json if "type" in line}
    check(f"five programs: {carriers}", len(carriers) == 5)
    w.cli("inspect", file).expect(0).says("submit_prompt", "SAY 0", "assistant_message")


def refused_files(w):
    w.start_relay()
    for name, content, mode in (("open", b"", 0o644), ("other", b"something else", 0o600), ("short", b"RMT", 0o600)):
        with open(f"{w.root}/{name}", "wb") as file:
            file.write(content)
        os.chmod(f"{w.root}/{name}", mode)
        w.cli("ls", "--capture", f"{w.root}/{name}").expect(1).says("cannot capture into")
        check("untouched", open(f"{w.root}/{name}", "rb").read() == content)
    os.symlink(f"{w.root}/elsewhere", f"{w.root}/link")
    w.cli("ls", "--capture", f"{w.root}/link").expect(1)
    w.cli("ls", "--capture", f"{w.root}/no/such/folder").expect(1)
    w.cli("ls", "--capture", "/dev/full").expect(1).says("regular")
    check("nothing through the link", not os.path.exists(f"{w.root}/elsewhere"))


def tap(w):
    w.start_relay()
    host = w.start_host()
    watch = w.start_cli("inspect", "--tap", host.session[:8], "--json", "--check")
    watch.wait_for("in sync", lambda p: any(line.get("type") == "SYNCED" for line in p.json), 60)
    w.cli("send", "--wait=idle", "SAY seen on the wire").expect(0)
    watch.wait_for("the words", lambda p: "seen on the wire" in p.text, 60)
    check("read-only", not [line for line in watch.json if line.get("log") == "commands"])
    check("no token", open(w.token_file).read().strip()[4:] not in watch.text)
    check("ends in order, nothing broken", watch.end() == 0)
    w.cli("inspect", "--tap", "nonesuch").expect(5)
    w.cli("inspect", "--tap", "a", "--session", "b").expect(2)


def long_pasts(w):
    """The last events of a long log, in pages; --until OFFSET; live events go on."""
    w.start_relay()
    host = w.start_host()
    w.cli("send", "--wait=idle", "\n".join(f"PLAN step {i}" for i in range(120)), timeout=120).expect(0)
    lines = w.cli("watch", "--json", "--from", "start", "--durable", "--until", "idle", timeout=120).expect(0).json
    events = [line["offset"] for line in lines if "event" in line]
    check(f"a long log: {len(events)}", len(events) > 240)
    for count in (1, 7, 100, 200, 99999):
        got = w.cli("watch", "--json", "--last", str(count), "--durable", "--until", "idle", timeout=120).expect(0)
        offsets = [line["offset"] for line in got.json if "event" in line]
        check(f"the last {count}: {len(offsets)}", offsets == events[-count:])
    part = w.cli("watch", "--json", "--from", "100", "--until", "200").expect(0)
    offsets = [line["offset"] for line in part.json if "event" in line]
    check(f"a part: {offsets}", offsets == [o for o in events if 100 <= o < 200])
    w.cli("watch", "--last", "0").expect(2)
    w.cli("watch", "--last", "x").expect(2)
    w.cli("watch", "--last", "5", "--from", "start").expect(2)
    w.cli("watch", "--until", "5x").expect(2)
    w.cli("watch", "--from", "live", "--until", "idle", "--timeout", "30").expect(0)
    shown = w.spawn("watch", ["/bin/sh", "-c", f"{w.program['remote']} watch --from start --json --until idle "
                              ">/dev/null"], terminal=(80, 24))
    check("with a terminal for messages only", shown.wait() == 0)
    check(host.session, True)


TESTS = [clauses, streams_and_filters, hostile, captures, refused_files, tap, long_pasts]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    sys.exit(run(TESTS, options.build, options.names, options.keep))


if __name__ == "__main__":
    main()
