"""Batch and Frame, read and written by hand (docs/spec.md, sections 1.1 to 1.5).

The reader is a generator that asks for bytes and is given them as they arrive: so a verdict cannot
depend on how a stream is split (1.1.1), and a fault is known with the byte that proves it (1.1.2).
"""
import dataclasses
from typing import Generator

from breaks import broken

PAYLOAD_BYTES_MAX = 262144  # section 7
UNKNOWN_BYTES_MAX = 16384  # section 7
HEADER_BYTES_MAX = 96  # 4.5.1
NUMBER_MAX = 2**53 - 1  # 1.5

PROTOCOL, LIMIT = 4001, 4002  # section 8

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4 are groups, 6 and 7 are none

COMPRESSED, SEALED, SNAPSHOT, CLEARS_TAIL = 1, 2, 4, 8  # Frame.flags


class WireFault(Exception):
    """What a stream or a message is refused for; `code` is 4001 or 4002."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclasses.dataclass
class Frame:
    """One unit of the wire. The order of the fields is the order of their numbers."""
    type: int = 0
    channel: int = 0
    offset: int = 0
    count: int = 0
    flags: int = 0
    inflated_bytes: int = 0
    dictionary: int = 0
    credit: int = 0
    part: int = 0
    parts: int = 0
    payload: bytes = b""


@dataclasses.dataclass(frozen=True)
class FieldRule:
    name: str
    wire_type: int
    maximum: int  # of a number
    too_large: str  # clause


U32 = 2**32 - 1
FIELDS = {
    1: FieldRule("type", VARINT, 2**31 - 1, "1.4.2"),
    2: FieldRule("channel", VARINT, U32, "1.4.2"),
    3: FieldRule("offset", VARINT, NUMBER_MAX, "1.5.1"),
    4: FieldRule("count", VARINT, U32, "1.4.2"),
    5: FieldRule("flags", VARINT, U32, "1.4.2"),
    6: FieldRule("inflated_bytes", VARINT, U32, "1.4.2"),
    7: FieldRule("dictionary", VARINT, U32, "1.4.2"),
    8: FieldRule("credit", VARINT, NUMBER_MAX, "1.5.1"),
    9: FieldRule("part", VARINT, U32, "1.4.2"),
    10: FieldRule("parts", VARINT, U32, "1.4.2"),
    15: FieldRule("payload", BYTES, 0, ""),
}


# ---- writing ----


def varint(value: int) -> bytes:
    """The shortest encoding."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(frame: Frame, named: tuple[str, ...]) -> bytes:
    """A frame as it stands on a byte stream, Batch key and length included. `named`: the header
    fields that section 2.1 names for its type; others are left out. 1.3.1"""
    body = bytearray()
    for number, rule in FIELDS.items():
        value = getattr(frame, rule.name)
        if rule.name not in ("type", "payload") and rule.name not in named:
            continue
        if rule.name == "payload":
            if value:
                body += varint(number << 3 | BYTES) + varint(len(value)) + value
        elif value or broken("1.3.1"):  # broken: writes defaults, too
            body += varint(number << 3) + varint(value)
    return b"\x0a" + varint(len(body)) + bytes(body)


def delimited(messages: list[bytes]) -> bytes:
    """The payload of a block (1.7)."""
    return b"".join(varint(len(m)) + m for m in messages)


# ---- reading ----

# Yields how many bytes it needs next, is sent exactly those, returns a Frame.
Parser = Generator[int, bytes, Frame]
ReadsVarint = Generator[int, bytes, int]


class _Extent:
    """The bytes that a frame has left."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> None:
        if size > self.left:
            raise WireFault(PROTOCOL, "a field reaches beyond its frame")  # 1.4.3
        self.left -= size


def _read_varint(extent: _Extent, bytes_max: int, bits: int) -> ReadsVarint:
    """One that has more bytes or bits than allowed is refused at the byte that shows it (1.4.3);
    one that is longer than needed is taken (1.4.1)."""
    value = shift = 0
    for _ in range(bytes_max):
        extent.take(1)
        byte = (yield 1)[0]
        if broken("1.4.1") and byte == 0 and shift:  # refuses what is longer than needed
            raise WireFault(PROTOCOL, "a varint that is not the shortest")
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if value >> bits:
                raise WireFault(PROTOCOL, "a varint of more than %d bits" % bits)
            return value
        if extent.left == 0:
            raise WireFault(PROTOCOL, "a varint reaches beyond its frame")
    raise WireFault(PROTOCOL, "a varint of more than %d bytes" % bytes_max)


def _read_known(frame: Frame, rule: FieldRule, extent: _Extent, payload_max: int) -> Generator:
    if rule.wire_type == BYTES:
        size = yield from _read_varint(extent, 5, 32)
        if size > payload_max and not broken("4.5.1"):
            raise WireFault(LIMIT, "a payload of %d bytes" % size)  # 4.5.1
        extent.take(size)
        frame.payload = (yield size) if size else b""
        return
    value = yield from _read_varint(extent, 10, 64)
    if value > rule.maximum:
        if not broken(rule.too_large):
            raise WireFault(PROTOCOL, "%s is %d" % (rule.name, value))  # 1.4.2, 1.5.1
        value &= U32 if rule.maximum == U32 else NUMBER_MAX  # broken: what is too large is cut
    if rule.name == "type" and value == 0 and not broken("1.4.3"):
        raise WireFault(PROTOCOL, "type is 0")  # 1.4.3
    setattr(frame, rule.name, value)


def _skip_unknown(wire_type: int, extent: _Extent) -> Generator:
    """Returns how many bytes the value has. The caller counts them before they have come."""
    before = extent.left
    if wire_type == VARINT:
        yield from _read_varint(extent, 10, 64)
        return before - extent.left, 0
    if wire_type == BYTES:
        size = yield from _read_varint(extent, 5, 32)
        head = before - extent.left
    else:
        size, head = (8 if wire_type == FIXED64 else 4), 0
    return head + size, size


def _read_frame(length: int, payload_max: int) -> Parser:
    """The fields of a Frame of `length` bytes, in any order (1.4)."""
    frame = Frame()
    extent = _Extent(length)
    seen: set[int] = set()
    unknown_bytes = 0
    while extent.left:
        before = extent.left
        key = yield from _read_varint(extent, 5, 32)
        key_bytes = before - extent.left
        number, wire_type = key >> 3, key & 7
        if number == 0 or wire_type in (3, 4, 6, 7):
            raise WireFault(PROTOCOL, "field %d of wire type %d" % (number, wire_type))  # 1.4.3
        rule = FIELDS.get(number)
        if rule is not None:
            if wire_type != rule.wire_type:
                raise WireFault(PROTOCOL, "%s of wire type %d" % (rule.name, wire_type))  # 1.4.2
            if number in seen and not broken("1.4.2"):  # broken: the last one wins
                raise WireFault(PROTOCOL, "%s twice" % rule.name)  # 1.4.2
            seen.add(number)
            yield from _read_known(frame, rule, extent, payload_max)
            continue
        total, left = yield from _skip_unknown(wire_type, extent)
        unknown_bytes += key_bytes + total
        if unknown_bytes > UNKNOWN_BYTES_MAX and not broken("1.4.4"):
            raise WireFault(LIMIT, "%d bytes of unknown fields" % unknown_bytes)  # 1.4.4
        extent.take(left)
        if left:
            yield left
    if 1 not in seen and not broken("1.4.3"):
        raise WireFault(PROTOCOL, "a frame without type")  # 1.4.3
    return frame


def _read_batch_field(payload_max: int) -> Parser:
    """Key, length, Frame (1.1)."""
    key = yield from _read_varint(_Extent(10), 5, 32)
    if key != 1 << 3 | BYTES:
        if broken("1.2.1") and key & 7 == BYTES:  # skips it, as a protobuf decoder does
            yield (yield from _read_varint(_Extent(10), 5, 32)) or 1
            return (yield from _read_batch_field(payload_max))
        raise WireFault(PROTOCOL, "key %d where Batch.frame must begin" % key)  # 1.2.1
    length = yield from _read_varint(_Extent(10), 5, 35)
    if length > payload_max + HEADER_BYTES_MAX + UNKNOWN_BYTES_MAX and not broken("4.5.1"):
        raise WireFault(LIMIT, "a frame of %d bytes" % length)  # 4.5.1
    return (yield from _read_frame(length, payload_max))


class FrameReader:
    """Bytes in, frames out. After a fault it reads no more; frames before it are good."""

    def __init__(self, payload_max: int = PAYLOAD_BYTES_MAX) -> None:
        self.payload_max = payload_max
        self.fault: WireFault | None = None
        self.bytes_read = 0  # by the parser; with a fault: the bytes that prove it
        self._waiting = bytearray()  # not given to the parser yet
        self._begin()

    def _begin(self) -> None:
        self._parser = _read_batch_field(self.payload_max)
        self._needs = next(self._parser)

    def feed(self, data: bytes) -> None:
        self._waiting += data

    def next(self) -> Frame | None:
        """The next whole frame; None: more bytes are needed, or there was a fault."""
        if broken("1.1.1") and self._needs > 1 and len(self._waiting) < self._needs:
            self._waiting.clear()  # broken: takes what is there for the whole field
        while self.fault is None and len(self._waiting) >= self._needs:
            piece = bytes(self._waiting[:self._needs])
            del self._waiting[:self._needs]
            self.bytes_read += len(piece)
            try:
                self._needs = self._parser.send(piece)
            except StopIteration as whole:
                self._begin()
                return whole.value
            except WireFault as fault:
                self.fault = fault
        return None
