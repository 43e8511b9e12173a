"""Batch streams: varints, frames out of bytes, frames into bytes. Payloads and headers are
decoded by protobuf's own runtime; only the outermost lengths are read here."""
import zlib

PAYLOAD_BYTES_MAX = 256 * 1024
FRAME_BYTES_MAX = PAYLOAD_BYTES_MAX + 32 * 1024


class WireFault(Exception):
    """Bytes that are no Batch stream."""


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int] | None:
    """(value, position behind it); None: cut off."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise WireFault("a varint of more than 10 bytes")
    return None


def batch(frame: bytes) -> bytes:
    return b"\x0a" + varint(len(frame)) + frame


def delimited(messages: list[bytes]) -> bytes:
    return b"".join(varint(len(m)) + m for m in messages)


def undelimited(data: bytes) -> list[bytes]:
    """The messages of a block; WireFault: it is none."""
    out, at = [], 0
    while at < len(data):
        head = read_varint(data, at)
        if head is None or head[1] + head[0] > len(data):
            raise WireFault("a message reaches beyond the block")
        out.append(data[head[1]:head[1] + head[0]])
        at = head[1] + head[0]
    return out


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def inflate(data: bytes, size: int) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        out = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise WireFault("a block that does not inflate: %s" % error) from None
    if len(out) != size or not unpacker.eof or unpacker.unused_data:
        raise WireFault("a block that does not inflate into exactly %d bytes" % size)
    return out


class FrameStream:
    """Cuts a stream of bytes into encoded Frames."""

    def __init__(self) -> None:
        self.rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self.rest += data
        out: list[bytes] = []
        while self.rest:
            if self.rest[0] != 0x0A:
                raise WireFault("byte 0x%02x where a Batch's field 1 must be" % self.rest[0])
            head = read_varint(self.rest, 1)
            if head is None:
                break
            length, at = head
            if length > FRAME_BYTES_MAX:
                raise WireFault("a frame of %d bytes" % length)
            if len(self.rest) < at + length:
                break
            out.append(bytes(self.rest[at:at + length]))
            del self.rest[:at + length]
        return out
