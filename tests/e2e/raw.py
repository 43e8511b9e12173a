"""A client of another make, on any carrier: frames as a test wants them, made and read with Python's
protobuf and the carriers of conformance/testees/dialled.py."""
from __future__ import annotations

import os
import sys
import time
from urllib.parse import urlsplit

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from runner import frames, messages, protos, wire  # noqa: E402
from testees import dialled  # noqa: E402

WAIT = 60 * float(os.environ.get("REMOTE_TEST_SLOW", "1"))


class Ended(AssertionError):
    """The carrier is gone; `how`: what it said of that."""


class Peer:
    """One carrier to a relay."""

    def __init__(self, url, ca=None, **more):
        protos.load()
        self.carrier = dialled.dial(url, ca, **more)
        self.stream = wire.FrameStream()
        self.frames: list = []  # that came and were not looked at
        self.logs: dict[int, str] = {}
        self.over = False

    # ---- out ----
    def say(self, *parts) -> None:
        """Frames (dicts as in conformance cases) or bytes, in one message."""
        self.carrier.send(b"".join(p if isinstance(p, bytes) else frames.encode(p) for p in parts))

    # ---- in ----
    def _more(self) -> bool:
        data = self.carrier.receive()
        if data is None:
            self.over = True
            return False
        for raw in self.stream.feed(data):
            frame = messages.decode("Frame", raw)
            self.frames.append(frames.FrameView(raw, frame, self.logs.get(frame.channel)))
        return True

    def take(self, *types):
        """The next frame of one of these types; others are passed over, and a PING is answered. None:
        the carrier ended before."""
        deadline = time.monotonic() + WAIT
        while True:
            while self.frames:
                frame = self.frames.pop(0)
                if str(frame.type) == "PING":
                    self.say({"type": "PONG", "payload": frame.frame.payload.hex()})
                if str(frame.type) in types or not types and not frame.is_ambient():
                    return frame
            if self.over or time.monotonic() > deadline or not self._more():
                return None

    def code(self) -> int:
        """The code with which the relay ends this carrier; 0: it just went."""
        try:
            frame = self.take("REFUSE", "GOAWAY")
        except OSError:
            frame = None
        return frame.payload_message().code if frame is not None else 0

    def abort(self) -> None:
        self.carrier.abort()


def hello(token="", role="HOST", link=None, generation=None, **more):
    """A HELLO like that of an honest client."""
    fields = {"version_min": 1, "version_max": 1, "link_id": (link or os.urandom(16)).hex(),
              "generation": generation or int(time.time() * 1000), "token": token, "role": role,
              "agent": "raw test client",
              "limits": {"frame_bytes": 262144, "message_bytes": 196608, "inflated_bytes": 1048576, "channels": 64}}
    fields.update(more)
    return {"type": "HELLO", "hello": {k: v for k, v in fields.items() if v is not None}}


def exchange(url: str, ca: str | None, *parts) -> tuple[int, list]:
    """One POST to /v1/poll: (HTTP status, frames of the answer)."""
    protos.load()
    at = urlsplit(url)
    sock = dialled.connected(url, ca)
    try:
        body = b"".join(p if isinstance(p, bytes) else frames.encode(p) for p in parts)
        head = (f"POST /v1/poll HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/x-protobuf\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
        try:
            sock.sendall(head + body)
        except OSError:
            pass  # an answer may come before all is read
        data = b""
        try:
            while more := sock.recv(65536):
                data += more
        except OSError:
            pass
    finally:
        sock.close()
    if not data:
        return 0, []
    head, _, body = data.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        body, rest = b"", body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    status = int(head.split(b" ", 2)[1])
    stream, out, logs_of = wire.FrameStream(), [], {}
    if status != 200 and b"protobuf" not in head.lower():
        return status, []
    for raw in stream.feed(body):
        frame = messages.decode("Frame", raw)
        out.append(frames.FrameView(raw, frame, logs_of.get(frame.channel)))
    return status, out


class Raw:
    """A host and a reader of another make, for blocks of exact sizes."""

    def __init__(self, world):
        self.world = world
        self.polls = world.carrier.client in ("poll", "polls")
        self.session = os.urandom(16)
        self.epoch = os.urandom(16)
        self.token = open(world.token_file).read().strip()

    def peer(self, role="HOST") -> Peer:
        peer = Peer(self.world.url, self.world.certificates.ca if self.world.certificates else None)
        peer.say(hello(self.token, role))
        welcome = peer.take("WELCOME")
        assert welcome is not None and welcome.payload_message().HasField("principal"), "no WELCOME"
        return peer

    def publishing(self) -> tuple[Peer, int]:
        peer = self.peer()
        peer.say(self.open_events())
        opened = peer.take("OPENED", "CLOSE")
        assert opened is not None and str(opened.type) == "OPENED", f"not opened: {opened}"
        return peer, opened.payload_message().next

    def block(self, size: int, offset: int) -> dict:
        """One message that fills the payload; nobody but its readers looks into it."""
        body = os.urandom(size - len(wire.varint(size)) - 1)
        payload = wire.delimited([body])
        while len(payload) < size:
            payload = wire.delimited([body := body + b"x"])
        assert len(payload) == size
        return {"type": "BLOCK", "channel": 1, "offset": offset, "count": 1, "payload": payload.hex()}

    def post(self, *parts) -> tuple[int, list]:
        return exchange(self.world.url, self.world.certificates.ca if self.world.certificates else None, *parts)

    def open_events(self) -> dict:
        return {"type": "OPEN", "channel": 1, "open": {
            "session_id": self.session.hex(), "log": "EVENTS", "direction": "PUBLISH", "epoch": self.epoch.hex(),
            "writer_generation": int(time.time() * 1000), "description": {"agent": "raw", "title": "raw"}}}

    def publish(self, size: int) -> int:
        if self.polls:
            self.sent = self.block(size, 0)
            _, answer = self.post(hello(self.token, exchange=1), self.open_events(), self.sent)
            return size if any(str(f.type) == "ACK" and f.frame.offset == 1 for f in answer) else 0
        peer, offset = self.publishing()
        self.sent = self.block(size, offset)
        peer.say(self.sent)
        ack = peer.take("ACK", "GOAWAY", "CLOSE")
        while ack is not None and str(ack.type) == "ACK" and ack.frame.offset <= offset:
            ack = peer.take("ACK", "GOAWAY", "CLOSE")
        peer.abort()
        return size if ack is not None and str(ack.type) == "ACK" else 0

    def publish_fails(self, size: int) -> int:
        if self.polls:
            _, answer = self.post(hello(self.token, exchange=1), self.open_events(), self.block(size, 1))
            return next((f.payload_message().code for f in answer if str(f.type) in ("GOAWAY", "REFUSE")), 0)
        peer, offset = self.publishing()
        try:
            peer.say(self.block(size, offset))
        except OSError:
            pass  # the relay does not have to read what it has refused
        code = peer.code()
        peer.abort()
        return code

    def read_back(self) -> int:
        if self.polls:
            _, answer = self.post(hello(self.token, "CLIENT", exchange=1), {
                "type": "OPEN", "channel": 1, "credit": 1 << 22, "open": {
                    "session_id": self.session.hex(), "log": "EVENTS", "direction": "SUBSCRIBE", "start": "BEGINNING"}})
            return next((len(f.frame.payload) for f in answer if str(f.type) == "BLOCK" and
                         f.frame.payload.hex() == self.sent["payload"]), 0)
        peer = self.peer("CLIENT")
        peer.say({"type": "OPEN", "channel": 1, "credit": 1 << 22, "open": {
            "session_id": self.session.hex(), "log": "EVENTS", "direction": "SUBSCRIBE", "start": "BEGINNING"}})
        block = peer.take("BLOCK", "CLOSE")
        peer.abort()
        assert block is not None and str(block.type) == "BLOCK", f"no block: {block}"
        return len(block.frame.payload) if block.frame.payload.hex() == self.sent["payload"] else 0

    def batch(self, size: int) -> bool:
        """A message of exactly this size, of frames that nobody has to know, then a PING."""
        if self.polls:
            first = frames.encode(hello(self.token, exchange=1))
            status, answer = self.post(first, filling(size - len(first)))
            return status == 200 and any(str(f.type) == "WELCOME" for f in answer)
        peer = self.peer()
        peer.say(filling(size))
        peer.say({"type": "PING", "payload": "0102030405060708"})
        pong = peer.take("PONG")
        peer.abort()
        return pong is not None

    def batch_fails(self, size: int) -> str:
        if self.polls:
            first = frames.encode(hello(self.token, exchange=1))
            status, _ = self.post(first, filling(size - len(first)))
            assert status in (400, 413), f"a body beyond the limit is answered with {status}"
            return f"HTTP {status}"
        peer = self.peer()
        try:
            peer.say(filling(size))
        except OSError:
            pass
        code = peer.code()
        how = f"{code}" if code else peer.carrier.ended
        peer.abort()
        assert how, "a message beyond the limit is taken"
        return how


def filling(size: int) -> bytes:
    """A Batch of exactly `size` bytes: frames of a type that is skipped."""
    head = 10  # what a frame costs beside its payload, when that is between 16 KiB and 2 MiB
    out = b""
    while len(out) < size:
        left = min(size - len(out), 200_000)
        out += frames.encode({"type": 64, "payload": "00" * (left - head)})
    assert len(out) == size, f"{len(out)} bytes, not {size}"
    return out
