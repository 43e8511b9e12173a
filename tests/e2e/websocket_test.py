#!/usr/bin/python3
"""WebSocket as it can be spoken, right and wrong, against the real relay: RFC 6455 case by case, by a
client that makes each frame as the case wants it. An honest session goes on beside.

    websocket_test.py --build DIR [--table FILE] [WORD...]

Each case says what the relay may do: the code of its CLOSE, the HTTP status, or how it ends."""
from __future__ import annotations

import argparse
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from beside import Beside, resident_kib  # noqa: E402
from harness import SLOW, NotBuilt  # noqa: E402
from raw import hello  # noqa: E402
from runner import frames, messages, wire  # noqa: E402
from testees import dialled, websocket  # noqa: E402
from testees.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame  # noqa: E402

WAIT = 60 * SLOW
PING_FRAME = {"type": "PING", "payload": "0102030405060708"}


class Line:
    """One connection of a case, upgraded and welcomed unless the case says otherwise."""

    def __init__(self, world, signed_in=True):
        self.world = world
        at = world.url.split("://", 1)[1]
        self.host = at
        self.sock = dialled.connected(f"tcp://{at}", seconds=WAIT)
        self.web = websocket.WebSocket(self.sock)
        self.frames: list[str] = []
        if signed_in:
            self.web.upgrade(self.host)
            self.web.send(BINARY, self.batch(hello(world.token, "CLIENT")))
            assert "WELCOME" in self.types(), "no WELCOME"

    @staticmethod
    def batch(*parts) -> bytes:
        return b"".join(frames.encode(p) for p in parts)

    def types(self) -> list[str]:
        """Types of the frames of the next message."""
        data = self.web.receive()
        if data is None:
            return []
        stream = wire.FrameStream()
        found = [messages.decode("Frame", raw) for raw in stream.feed(data)]
        return [str(frames.FrameView(b"", f, None).type) for f in found]

    def put(self, *pieces: bytes) -> None:
        for piece in pieces:
            try:
                self.sock.sendall(piece)
            except OSError:
                return  # it has ended: the end says how

    def alive(self) -> str:
        """Says a PING of ours; "PONG" when the link goes on."""
        self.web.send(BINARY, self.batch(PING_FRAME))
        while True:
            types = self.types()
            if "PONG" in types:
                return "goes on"
            if not types:
                return self.end()

    def end(self) -> str:
        """How the relay ends this: its CLOSE's code."""
        try:
            while self.web.receive() is not None:
                pass
        except TimeoutError:
            return "waits"
        except OSError:
            self.web.close_code = self.web.close_code or 1006
        if self.web.close_code == 1006:
            return "drops it"
        return f"close {self.web.close_code}"

    def status(self, data: bytes) -> str:
        """What an HTTP request is answered with."""
        self.put(data)
        try:
            head = self.web.read_head()
        except websocket.Refused as refused:
            return f"HTTP {refused.status}" if refused.status else "drops it"
        except OSError:
            return "drops it"
        return f"HTTP {int(head.split(b' ', 2)[1])}"


def message(line):
    return line.batch(PING_FRAME)


def pong(line):
    while True:
        types = line.types()
        if "PONG" in types:
            return "goes on"
        if not types:
            return line.end()


def pieces(*sizes):
    """The message in fragments of these sizes; the rest is the last one."""
    def case(line):
        data, at = message(line), 0
        if not sizes:
            line.put(frame(BINARY, data))
            return pong(line)
        for i, size in enumerate(sizes):
            line.put(frame(BINARY if i == 0 else CONTINUATION, data[at:at + size], fin=False))
            at += size
        line.put(frame(CONTINUATION, data[at:]))
        return pong(line)
    return case


def sent(*what):
    """These bytes, then how it ends."""
    def case(line):
        line.put(*what)
        return line.end()
    return case


def pinged(payload):
    def case(line):
        line.put(frame(PING, payload))
        while True:
            got = line.web.receive_frame()
            if got is None:
                return "drops it"
            if got[0] == PONG:
                return "pong" if got[2] == payload else "a wrong pong"
    return case


def inside(*middle):
    """Control frames between the fragments of a message."""
    def case(line):
        data = message(line)
        line.put(frame(BINARY, data[:3], fin=False), *middle, frame(CONTINUATION, data[3:]))
        return pong(line)
    return case


def byte_by_byte(line):
    for byte in frame(BINARY, message(line)):
        line.put(bytes([byte]))
        time.sleep(0.002)
    return pong(line)


def in_one_segment(line):
    line.put(frame(BINARY, message(line)) * 3 + frame(PING, b"x"))
    return pong(line)


def closed(payload):
    return sent(frame(CLOSE, payload))


def code(number, reason=b""):
    return closed(struct.pack(">H", number) + reason)


def after_close(line):
    line.put(frame(CLOSE, struct.pack(">H", 1000)) + frame(BINARY, b"\xff" * 100) * 20)
    return line.end()


def slow_reader(line):
    """Never reads; the relay's memory does not follow."""
    before = resident_kib(line.world.relay.pid)
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.sock.settimeout(1)
    data = frame(BINARY, line.batch(*[PING_FRAME] * 2000))
    sent_bytes = 0
    try:
        for _ in range(400):
            line.sock.sendall(data)
            sent_bytes += len(data)
    except OSError:
        pass
    line.sock.settimeout(WAIT)
    grown = resident_kib(line.world.relay.pid) - before
    assert grown < 4096, f"the relay grew by {grown} KiB"
    return "memory bounded"


def never_ends(line):
    """A message of fragments without an end, of 8 MiB."""
    before = resident_kib(line.world.relay.pid)
    line.put(frame(BINARY, b"\x0a" + b"\xff" * 99, fin=False))
    for _ in range(128):
        line.put(frame(CONTINUATION, bytes(65536), fin=False))
    grown = resident_kib(line.world.relay.pid) - before
    assert grown < 4096, f"the relay grew by {grown} KiB"
    return line.end()


def empty_fragments(line):
    data = message(line)
    line.put(frame(BINARY, data[:2], fin=False))
    line.put(frame(CONTINUATION, b"", fin=False) * 5000)
    line.put(frame(CONTINUATION, data[2:]))
    return pong(line)


def upgraded(path="/v1/link", headers=(), **replaced):
    return lambda line: line.status(websocket.request(line.host, path, headers=headers, **replaced))


def plain(data):
    return lambda line: line.status(data.replace(b"HOST", line.host.encode()))


def pipelined(line):
    """Frames and garbage right behind the request, before the answer."""
    line.put(websocket.request(line.host) + frame(BINARY, line.batch(hello(line.world.token, "CLIENT"))))
    head = line.web.read_head()
    if b" 101 " not in head.split(b"\r\n")[0] + b" ":
        return f"HTTP {head.split(b' ')[1].decode()}"
    return "taken" if "WELCOME" in line.types() else line.end()


def garbage_behind(line):
    line.put(websocket.request(line.host) + b"GET / HTTP/1.1\r\n\r\n" * 20)
    line.web.read_head()
    return line.end()


def first_fragments(line):
    """HELLO itself in fragments."""
    line.web.upgrade(line.host)
    data = line.batch(hello(line.world.token, "CLIENT"))
    line.put(frame(BINARY, data[:7], fin=False), frame(CONTINUATION, data[7:20], fin=False),
             frame(CONTINUATION, data[20:]))
    return "taken" if "WELCOME" in line.types() else line.end()


def head_by_bytes(line):
    for byte in websocket.request(line.host):
        line.put(bytes([byte]))
    return f"HTTP {int(line.web.read_head().split(b' ', 2)[1])}"


GOES, PROTOCOL = ("goes on",), ("close 1002",)
ENDED = ("close 1002", "drops it")
ENDS = ("close 1000", "close 1005", "drops it")
REFUSED = ("HTTP 400", "HTTP 403", "HTTP 404", "HTTP 405", "HTTP 413", "HTTP 426", "HTTP 431", "HTTP 501", "HTTP 505",
           "drops it")
BIG = ("close 1009", "close 1002", "drops it")
U8 = b"\xce\xba\xe1\xbd\xb9"

# (what, what is done, what the relay may do; from the start: not upgraded)
CASES = [
    ("fragments: whole", pieces(), GOES), ("fragments: 1 byte, rest", pieces(1), GOES),
    ("fragments: one byte each", pieces(*[1] * 11), GOES), ("fragments: empty first", pieces(0, 4), GOES),
    ("fragments: empty last", pieces(12), GOES), ("fragments: 5,000 empty ones", empty_fragments, GOES + ENDED),
    ("fragments: HELLO in three", first_fragments, ("taken",), True),
    ("fragments: continuation of nothing", sent(frame(CONTINUATION, b"abc")), ENDED),
    ("fragments: continuation of nothing, not the last", sent(frame(CONTINUATION, b"abc", fin=False)), ENDED),
    ("fragments: a new message inside", sent(frame(BINARY, b"\x0a", fin=False), frame(BINARY, b"\x00")), ENDED),
    ("fragments: text inside binary", sent(frame(BINARY, b"\x0a", fin=False), frame(TEXT, b"x")),
     ENDED + ("close 1003",)),
    ("fragments: without an end, 8 MiB", never_ends, BIG),
    ("bytes: one at a time", byte_by_byte, GOES), ("bytes: four frames in one segment", in_one_segment, GOES),
    ("control: ping of 0 bytes", pinged(b""), ("pong",)), ("control: ping of 125 bytes", pinged(b"p" * 125), ("pong",)),
    ("control: ping of 126 bytes", sent(frame(PING, b"p" * 126)), ENDED),
    ("control: ping in fragments", sent(frame(PING, b"p", fin=False), frame(CONTINUATION, b"q")), ENDED),
    ("control: pong that nobody asked for", inside(frame(PONG, b"?")), GOES),
    ("control: ping inside fragments", inside(frame(PING, b"!")), GOES),
    ("control: ten pings inside fragments", inside(frame(PING, b"!") * 10), GOES),
    ("control: close inside fragments", sent(frame(BINARY, b"\x0a", fin=False), frame(CLOSE, b"\x03\xe8")), ENDS),
    ("control: close of 126 bytes", closed(b"\x03\xe8" + b"r" * 124), ENDED),
    ("control: close in fragments", sent(frame(CLOSE, b"\x03\xe8", fin=False)), ENDED),
    ("close: empty", closed(b""), ENDS), ("close: 1 byte", closed(b"\x03"), ENDED),
    ("close: 1000", code(1000), ENDS), ("close: 1000 with a reason", code(1000, b"bye"), ENDS),
    ("close: reason of 123 bytes", code(1000, b"r" * 123), ENDS),
    ("close: reason in UTF-8", code(1000, U8), ENDS), ("close: bad UTF-8", code(1000, U8[:-1]), ENDED + ("close 1007",)),
    ("close: surrogate as UTF-8", code(1000, b"\xed\xa0\x80"), ENDED + ("close 1007",)),
    *[(f"close: {n}", code(n), ENDS + (f"close {n}",)) for n in (1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000,
                                                                3999, 4000, 4999)],
    *[(f"close: {n}, which nobody may send", code(n), ENDED) for n in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100,
                                                                       2000, 2999, 5000, 65535)],
    ("close: frames after it", after_close, ENDS),
    ("mask: a frame without", sent(frame(BINARY, b"\x0a\x00", mask=None)), ENDED),
    ("mask: a ping without", sent(frame(PING, b"", mask=None)), ENDED),
    ("mask: of zeros", lambda line: (line.put(frame(BINARY, message(line), mask=b"\0\0\0\0")), pong(line))[1], GOES),
    *[(f"reserved: bit {bit}", sent(frame(BINARY, b"\x0a\x00", reserved=bit)), ENDED) for bit in (1, 2, 4, 7)],
    ("reserved: bit 4 on a ping", sent(frame(PING, b"", reserved=4)), ENDED),
    *[(f"reserved: opcode {op}", sent(frame(op, b"x")), ENDED) for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    ("length: 16 bits for 12 bytes", lambda line: (line.put(frame(BINARY, message(line), form=16)), pong(line))[1],
     GOES + ENDED),
    ("length: 64 bits for 12 bytes", lambda line: (line.put(frame(BINARY, message(line), form=64)), pong(line))[1],
     GOES + ENDED),
    ("length: 2^63", sent(frame(BINARY, b"", length=1 << 63, form=64)), BIG),
    ("length: 2^64 - 1", sent(frame(BINARY, b"", length=(1 << 64) - 1, form=64)), BIG),
    ("length: 1 MiB + 1", sent(frame(BINARY, b"", length=(1 << 20) + 1, form=64)), BIG),
    ("length: 4 GiB", sent(frame(BINARY, b"", length=1 << 32, form=64)), BIG),
    ("message: empty", lambda line: (line.put(frame(BINARY, b"")), line.alive())[1], GOES),
    ("message: text", sent(frame(TEXT, b"hello")), ("close 1003",)),
    ("message: text that is no UTF-8", sent(frame(TEXT, b"\xff")), ("close 1003", "close 1007")),
    ("message: ends inside a frame", sent(frame(BINARY, b"\x0a\x7f\x08")), ("close 1000", "close 1002", "close 1008",
                                                                            "drops it")),
    ("message: no Batch", sent(frame(BINARY, b"\xff" * 40)), ("close 1000", "close 1002", "close 1008", "drops it")),
    ("reads nothing", slow_reader, ("memory bounded",)),
    ("upgrade: as it should be", upgraded(), ("HTTP 101",), True),
    ("upgrade: byte by byte", head_by_bytes, ("HTTP 101",), True),
    ("upgrade: without a key", upgraded(Sec_WebSocket_Key=None), REFUSED, True),
    ("upgrade: a key of 8 bytes", upgraded(Sec_WebSocket_Key="AAAAAAAAAAA="), REFUSED + ("HTTP 101",), True),
    ("upgrade: version 8", upgraded(Sec_WebSocket_Version="8"), REFUSED, True),
    ("upgrade: without a version", upgraded(Sec_WebSocket_Version=None), REFUSED, True),
    ("upgrade: without a subprotocol", upgraded(Sec_WebSocket_Protocol=None), REFUSED, True),
    ("upgrade: another subprotocol", upgraded(Sec_WebSocket_Protocol="chat"), REFUSED, True),
    ("upgrade: ours among others", upgraded(Sec_WebSocket_Protocol="chat, remote.v1"), ("HTTP 101",), True),
    ("upgrade: another path", upgraded("/v1/other"), REFUSED, True),
    ("upgrade: path with a NUL", upgraded("/v1/link\0"), REFUSED, True),
    ("upgrade: path of 9,000 bytes", upgraded("/" + "a" * 9000), REFUSED + ("HTTP 414",), True),
    ("upgrade: no Host", upgraded(Host=None), REFUSED, True),
    ("upgrade: two Hosts", upgraded(headers=(("Host", "evil.example"),)), REFUSED, True),
    ("upgrade: Host of somebody else", upgraded(Host="evil.example"), REFUSED + ("HTTP 421",), True),
    ("upgrade: Origin of somebody else", upgraded(headers=(("Origin", "https://evil.example"),)), ("HTTP 403",), True),
    ("upgrade: Origin null", upgraded(headers=(("Origin", "null"),)), ("HTTP 403",), True),
    ("upgrade: Origin of this host as a prefix", upgraded(headers=(("Origin", "http://127.0.0.1.evil.example"),)),
     ("HTTP 403",), True),
    ("upgrade: permessage-deflate offered", upgraded(headers=(("Sec-WebSocket-Extensions", "permessage-deflate"),)),
     ("HTTP 101",), True),
    ("upgrade: 1,000 headers", upgraded(headers=[(f"X-{i}", "y") for i in range(1000)]), REFUSED, True),
    ("upgrade: a header of 64 KiB", upgraded(headers=(("X-Big", "y" * 65536),)), REFUSED, True),
    ("upgrade: a header that is none", plain(b"GET /v1/link HTTP/1.1\r\nHost: HOST\r\nnonsense\r\n\r\n"), REFUSED, True),
    ("upgrade: POST", plain(b"POST /v1/link HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Content-Length: 0\r\n\r\n"), REFUSED, True),
    ("upgrade: HTTP/1.0", plain(b"GET /v1/link HTTP/1.0\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                b"Sec-WebSocket-Protocol: remote.v1\r\n\r\n"), REFUSED, True),
    ("upgrade: not asked for", plain(b"GET /v1/link HTTP/1.1\r\nHost: HOST\r\n\r\n"), REFUSED, True),
    ("upgrade: garbage instead", plain(os.urandom(0) + b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 30),
     REFUSED, True),
    ("upgrade: HELLO right behind", pipelined, ("taken", *REFUSED), True),
    ("upgrade: requests right behind", garbage_behind, ENDED + ("close 1003", "close 1009"), True),
]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--build", required=True)
    a.add_argument("--table")
    a.add_argument("words", nargs="*")
    o = a.parse_args()
    logs.prepare(o.build)
    world, rows, failed = Beside(o.build, "websocket", "ws"), [], 0
    try:
        world.begin()
    except NotBuilt:
        print("this build has no WebSocket")
        world.clean(keep=False)
        return 0
    try:
        world.token = open(world.token_file).read().strip()
        for what, act, allowed, *fresh in CASES:
            if o.words and not any(w in what for w in o.words):
                continue
            line = Line(world, signed_in=not fresh)
            try:
                got = act(line)
            except Exception as e:  # the others go on
                got = f"{type(e).__name__}: {e}"
            finally:
                line.sock.close()
            good = got in allowed
            failed += not good
            rows.append((what, got))
            print(f"{'ok' if good else 'FAILED':7} {what:44} {got}{'' if good else f', not {allowed}'}", flush=True)
            assert world.relay.alive, "the relay has ended"
        world.finish()
        world.clean(keep=False)
    except Exception:
        world.show_logs()
        world.clean(keep=True)
        raise
    if o.table:
        with open(o.table, "w") as f:
            f.write("# WebSocket, right and wrong\nOne connection a case, made frame by frame by a client of the tests' "
                    "own; an honest host, a reader and a client on the same relay\nwent on beside it, and held what the "
                    "relay stored. \"drops it\": the connection ends without a CLOSE.\n\nRepeat: `/usr/bin/python3 "
                    f"tests/e2e/websocket_test.py --build build/dev --table {o.table}`. {len(rows)} cases.\n\n"
                    "| case | the relay |\n|---|---|\n" + "".join(f"| {w} | {g} |\n" for w, g in rows))
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
