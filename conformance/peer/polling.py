"""One long-poll exchange at the reference relay (docs/spec.md 3.26): the frames of a POST in, one by
one, and the frames that make its answer out."""
import hashlib

import messages
import protos
from breaks import broken
from protos import FT
from wire import Frame, FrameReader

WAIT_MS, GATHER_MS = 25_000, 20
ANSWER_BYTES_MAX = 1 << 20
QUIET_TYPES = (FT.FRAME_TYPE_PING,)  # not in an answer
CHANNEL_TYPES = (FT.FRAME_TYPE_INFO, FT.FRAME_TYPE_BLOCK, FT.FRAME_TYPE_TAIL, FT.FRAME_TYPE_ACK)


def split(data: bytes) -> list[tuple[bytes, Frame | None]]:
    """Frames as they stand, with what they say; the last one None when it is none."""
    out, at = [], 0
    while at < len(data):
        size, shift, start = 0, 0, at
        at += 1
        while at < len(data):
            byte = data[at]
            at += 1
            size, shift = size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        at += size
        reader = FrameReader()
        reader.feed(data[start:at])
        frame = reader.next()
        out.append((data[start:at], frame))
        if frame is None:
            break
    return out


def fingerprint(frame: Frame) -> bytes:
    """Of LOG_STATUS without its clocks, or of INFO."""
    if frame.type != FT.FRAME_TYPE_LOG_STATUS:
        return hashlib.sha256(frame.payload).digest()
    status = protos.link.LogStatus.FromString(frame.payload)
    status.ClearField("now_ms")
    status.ClearField("host_heard_ms")
    return hashlib.sha256(messages.encode(status)).digest()


class Known:
    """A channel of the exchange."""

    def __init__(self, message) -> None:
        self.open = message
        self.opened = None
        self.foreign = False
        self.first = self.last = None  # of the blocks that were taken: first offset, end
        self.acked = 0
        self.values: dict[int, bytes] = {}  # LOG_STATUS and INFO that the other side has
        self.tail = (-1, 0)
        self.events = message.log == protos.link.LOG_EVENTS
        self.publishes = message.direction == protos.link.DIRECTION_PUBLISH


class Exchange:
    def __init__(self, relay, conn, body: bytes) -> None:
        self.relay, self.conn, self.carrier = relay, conn, conn.carrier
        self.began_ms = relay.clock.now_ms
        self.frames = split(body)
        self.answer = b""
        self.channels: dict[int, Known] = {}
        self.worth_ms: int | None = None
        self.hurries = self.complete = self.full = False

    # ---- out ----

    def _news(self) -> None:
        if self.worth_ms is None:
            self.worth_ms = self.relay.clock.now_ms

    def _look(self, frame: Frame) -> bool:
        """Whether the frame is in the answer; what it brings is noted."""
        t, ch = frame.type, self.channels.get(frame.channel)
        if t in (FT.FRAME_TYPE_REPLY, FT.FRAME_TYPE_GOAWAY, FT.FRAME_TYPE_REFUSE,
                 FT.FRAME_TYPE_CLOSE, FT.FRAME_TYPE_BLOCK):
            self._news()
        if ch is None:
            return t not in QUIET_TYPES
        if t == FT.FRAME_TYPE_OPENED:
            ch.opened = protos.link.Opened.FromString(frame.payload)
            ch.foreign = ch.opened.epoch != ch.open.epoch or \
                ch.opened.outcome == protos.link.OPEN_OUTCOME_RESET
            moved = ch.opened.epoch and (ch.foreign or ch.opened.next != ch.open.next)
            if moved and (ch.foreign or not ch.publishes):
                self._news()
        elif t in (FT.FRAME_TYPE_LOG_STATUS, FT.FRAME_TYPE_INFO):
            value = fingerprint(frame)
            if ch.values.get(t, value) != value:
                self._news()
            ch.values[t] = value
        elif t == FT.FRAME_TYPE_TAIL:
            if frame.offset == ch.tail[0] and frame.count < ch.tail[1]:
                return False
            self._news()
        elif t == FT.FRAME_TYPE_ACK:
            ch.acked = max(ch.acked, frame.offset)
            if ch.first is not None and frame.offset > ch.first:
                self._news()
        elif t == FT.FRAME_TYPE_RECEIPT and ch.first is not None and frame.offset >= ch.first:
            self._news()
        return t not in QUIET_TYPES

    def _collect(self) -> bool:
        """Whether the relay has said something."""
        data = self.carrier.take()
        for raw, frame in split(data):
            if self.full or not self._look(frame):
                continue
            if len(self.answer) + len(raw) > ANSWER_BYTES_MAX and not broken("3.26.8"):
                self.full = True
            else:
                self.answer += raw
        return bool(data)

    # ---- in ----

    def _verdict(self, raw: bytes, frame: Frame | None) -> str:
        if frame is None:
            return "take"
        ch, t = self.channels.get(frame.channel), frame.type
        if t == FT.FRAME_TYPE_PING:
            self.hurries = True
        if ch is None:
            return "take"
        if ch.events and t == FT.FRAME_TYPE_LOG_STATUS or \
                ch.events and not ch.publishes and t == FT.FRAME_TYPE_INFO:
            ch.values[t] = fingerprint(frame)
            return "pass"
        if ch.events and not ch.publishes and t == FT.FRAME_TYPE_TAIL:
            ch.tail = (frame.offset, frame.count)
            return "pass"
        if t not in CHANNEL_TYPES or frame.channel not in self.carrier.channels:
            return "take"
        if ch.opened is None:
            return "take" if broken("3.26.3") else "wait"
        if t == FT.FRAME_TYPE_INFO:
            return "take"
        if ch.foreign and not broken("3.26.5"):
            return "pass"
        if t != FT.FRAME_TYPE_BLOCK or not ch.publishes:
            return "take"
        channel = self.carrier.channels[frame.channel]
        end = frame.offset + frame.count
        if frame.offset > channel.cursor or frame.offset < channel.cursor < end:
            return "take" if broken("3.26.4") else "pass"
        if channel.received >= channel.granted:
            return "wait"
        ch.first = frame.offset if ch.first is None else min(ch.first, frame.offset)
        ch.last = max(ch.last or 0, end)
        return "pass" if not ch.events and end <= channel.cursor else "take"

    def step(self) -> bool:
        """Whether something moved."""
        moved = self._collect()
        while self.frames and self.carrier.state in ("GREETING", "LIVE"):
            raw, frame = self.frames[0]
            verdict = self._verdict(raw, frame)
            if verdict == "wait":
                break
            self.frames.pop(0)
            moved = True
            if verdict == "pass":
                continue
            self.carrier.receive(raw)
            if frame is not None and frame.type == FT.FRAME_TYPE_OPEN and \
                    frame.channel in self.carrier.channels:
                self.channels[frame.channel] = Known(self.carrier.channels[frame.channel].open)
            self.relay.tick()
            self._collect()
        if not self.frames and not self.complete:
            self.complete = moved = True
            if self.carrier.state == "GREETING":
                self.carrier.fault(4001)
            else:
                self.relay.exchange_complete(self.conn)
            self._collect()
        if self._settled():
            for ch in self.channels.values():
                if ch.opened and ch.publishes and ch.first is None and not ch.foreign \
                        and ch.opened.next != ch.open.next:
                    self._news()
        return moved

    # ---- when ----

    def _settled(self) -> bool:
        if not self.complete:
            return False
        for number, ch in self.channels.items():
            if number not in self.carrier.channels:
                continue
            if ch.opened is None:
                return False
            stored = not ch.publishes or ch.last is None or ch.acked >= ch.last
            if not stored:
                return False
        return True

    def done(self) -> bool:
        now = self.relay.clock.now_ms
        if self.full or self.conn.superseded or self.carrier.state in ("ENDING", "CLOSED"):
            return True
        if now >= self.began_ms + WAIT_MS or broken("3.26.6") and self.complete:
            return True
        if self.hurries and (self._settled() or broken("3.26.7")):
            return True
        return self.complete and self.worth_ms is not None and now >= self.worth_ms + GATHER_MS

    def due_ms(self) -> int:
        due = self.began_ms + WAIT_MS
        return due if self.worth_ms is None else min(due, self.worth_ms + GATHER_MS)
