"""Blocks: messages into a payload and back (docs/spec.md, sections 1.7 and 6)."""
from __future__ import annotations

import zlib

import messages
import protos
from breaks import broken
from protos import FT
from wire import COMPRESSED, SEALED, SNAPSHOT, Frame, WireFault, delimited

INFLATED_BYTES_MAX = 1048576  # section 7
MESSAGE_BYTES_MAX = 196608  # section 7
DECODE, INFLATE = 4003, 4004  # section 8
COMPRESS_BYTES_MIN = 512  # 6.1.2


class BlockFault(Exception):
    """A block that cannot be read: CLOSE with `code` and the block's offset."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def deflate(data: bytes) -> bytes:
    """Raw deflate, one stream a block (6.1)."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def block_frame(offset: int, encoded: list[bytes], flags: int = 0, part: int = 0, parts: int = 0,
                compress: bool = False) -> Frame:
    """A BLOCK of these messages. 1.7.1: exactly `count` messages and nothing behind them."""
    payload = delimited(encoded)
    count = len(encoded)
    inflated_bytes = 0
    if compress and len(payload) >= COMPRESS_BYTES_MIN:
        packed = deflate(payload)
        if len(packed) * 10 <= len(payload) * 9:  # 6.1.2
            inflated_bytes, payload, flags = len(payload), packed, flags | COMPRESSED
    if broken("1.7.1"):  # broken: a block of two messages says that it has one
        count = max(1, count - 1)
    return Frame(type=FT.FRAME_TYPE_BLOCK, offset=offset, count=count, flags=flags, part=part,
                 parts=parts, inflated_bytes=inflated_bytes, payload=payload)


def inflate(frame: Frame) -> bytes:
    """6.2.1: to exactly `inflated_bytes`, with the stream's end reached and no input left."""
    size = frame.inflated_bytes
    if not 1 <= size <= INFLATED_BYTES_MAX and not broken("6.2.1"):
        raise BlockFault(INFLATE, "%d bytes when inflated" % size)
    unpacker = zlib.decompressobj(-15)
    try:
        data = unpacker.decompress(frame.payload, min(size, INFLATED_BYTES_MAX) + 1)
    except zlib.error as error:
        raise BlockFault(INFLATE, str(error)) from None
    whole = len(data) == size and unpacker.eof and not unpacker.unused_data
    if not whole and not broken("6.2.1"):  # broken: takes what comes out
        raise BlockFault(INFLATE, "does not inflate to %d bytes" % size)
    return data


def split(data: bytes, count: int) -> list[bytes]:
    """The messages of an inflated payload (1.7, 6.2.2)."""
    out, at = [], 0
    while at < len(data):
        size = shift = 0
        for _ in range(5):
            if at >= len(data):
                raise BlockFault(DECODE, "a length is cut off")
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            raise BlockFault(DECODE, "a length of more than 5 bytes")
        if byte == 0 and shift > 7 and not broken("6.2.2"):
            raise BlockFault(DECODE, "a length that is not the shortest")
        if size > MESSAGE_BYTES_MAX or at + size > len(data):
            raise BlockFault(DECODE, "a message of %d bytes" % size)
        out.append(data[at:at + size])
        at += size
    if len(out) != count and not broken("6.2.2"):  # broken: takes as many as there are
        raise BlockFault(DECODE, "%d messages, not %d" % (len(out), count))
    return out


def plain(frame: Frame) -> bytes:
    """The payload, inflated, or BlockFault."""
    if frame.flags & SEALED and not broken("6.2.2"):
        raise BlockFault(DECODE, "sealed")
    return inflate(frame) if frame.flags & COMPRESSED else frame.payload


def envelope(encoded: bytes):
    """A CommandEnvelope with an id; None: it cannot be read."""
    try:
        out = messages.decode(protos.link.CommandEnvelope, encoded)
    except WireFault:
        return None
    return out if messages.is_id(out.command_id) else None


def read(frame: Frame, kind) -> list:
    """The decoded messages of a BLOCK, or BlockFault (6.2)."""
    out = []
    for encoded in split(plain(frame), frame.count):
        try:
            out.append(messages.decode(kind, encoded))
        except WireFault as fault:
            if broken("6.2.2"):
                continue  # broken: leaves out what it cannot read
            raise BlockFault(DECODE, str(fault)) from None
    return out


def begins_set(frame: Frame) -> bool:
    return bool(frame.flags & SNAPSHOT) and frame.part == 1
