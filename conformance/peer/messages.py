"""Messages: what a decoder of protobuf would take or repair is refused first (section 1.8), then
protobuf's runtime decodes, then what a link message must hold to be understood is looked at."""
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

import protos
from breaks import broken
from wire import (BYTES, FIXED32, FIXED64, LIMIT, NUMBER_MAX, PROTOCOL, U32, VARINT, WireFault,
                  varint)

UNKNOWN_BYTES_MAX = 16384  # section 7
NESTING_MAX = 16  # section 7
MESSAGE_BYTES_MAX = 196608  # section 7

TYPE_WIRE = {
    FieldDescriptor.TYPE_STRING: BYTES, FieldDescriptor.TYPE_BYTES: BYTES,
    FieldDescriptor.TYPE_MESSAGE: BYTES, FieldDescriptor.TYPE_FIXED64: FIXED64,
    FieldDescriptor.TYPE_SFIXED64: FIXED64, FieldDescriptor.TYPE_DOUBLE: FIXED64,
    FieldDescriptor.TYPE_FIXED32: FIXED32, FieldDescriptor.TYPE_SFIXED32: FIXED32,
    FieldDescriptor.TYPE_FLOAT: FIXED32,
}


class _Scanner:
    """Walks one message with all that is in it, and raises WireFault."""

    def __init__(self) -> None:
        self.unknown_bytes = 0

    def varint(self, data: bytes, at: int, end: int, bytes_max: int, bits: int) -> tuple[int, int]:
        value = shift = 0
        for _ in range(bytes_max):
            if at >= end:
                raise WireFault(PROTOCOL, "a varint is cut off")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if value >> bits:
                    raise WireFault(PROTOCOL, "a varint of more than %d bits" % bits)
                return value, at
        raise WireFault(PROTOCOL, "a varint of more than %d bytes" % bytes_max)

    def skip(self, data: bytes, at: int, end: int, wire_type: int) -> tuple[int, int]:
        """Returns (where the value's content begins, where it ends)."""
        begin = at
        if wire_type == VARINT:
            _, at = self.varint(data, at, end, 10, 64)
        elif wire_type == BYTES:
            size, begin = self.varint(data, at, end, 5, 32)
            at = begin + size
        elif wire_type in (FIXED32, FIXED64):
            at += 4 if wire_type == FIXED32 else 8
        else:
            raise WireFault(PROTOCOL, "wire type %d" % wire_type)  # 1.4.3
        if at > end:
            raise WireFault(PROTOCOL, "a field reaches beyond its message")
        return begin, at

    def message(self, kind: Descriptor, data: bytes, at: int, end: int, depth: int) -> None:
        if depth > NESTING_MAX:
            raise WireFault(LIMIT, "nested too deep")  # 1.8.3
        seen: set[str] = set()
        counts: dict[int, int] = {}
        while at < end:
            begin = at
            key, at = self.varint(data, at, end, 5, 32)
            number, wire_type = key >> 3, key & 7
            if number == 0:
                raise WireFault(PROTOCOL, "field number 0")  # 1.4.3
            value, at = self.skip(data, at, end, wire_type)
            field = kind.fields_by_number.get(number)
            if field is None:
                self.unknown_bytes += at - begin
                if self.unknown_bytes > UNKNOWN_BYTES_MAX and not broken("1.8.3"):
                    raise WireFault(LIMIT, "unknown fields")  # 1.8.3
                if broken("1.8.4"):  # broken: a strict decoder
                    raise WireFault(PROTOCOL, "an unknown field")
                continue
            self.once(field, seen)
            if wire_type != TYPE_WIRE.get(field.type, VARINT):
                raise WireFault(PROTOCOL, "%s of wire type %d" % (field.name, wire_type))  # 1.8.1
            counts[number] = counts.get(number, 0) + 1
            self.limits(field, at - value if wire_type == BYTES else 0, counts[number])
            self.value(field, data, value, at, depth)

    def once(self, field: FieldDescriptor, seen: set[str]) -> None:
        if field.label == FieldDescriptor.LABEL_REPEATED:
            return
        name = field.containing_oneof.name if field.containing_oneof else field.name
        if name in seen and not broken("1.8.1"):  # broken: the last one wins
            raise WireFault(PROTOCOL, "%s twice" % name)  # 1.8.1
        seen.add(name)

    def limits(self, field: FieldDescriptor, size: int, count: int) -> None:
        size_max, count_max = protos.LIMITS.get(field.full_name, (None, None))
        too_long = size_max is not None and size > size_max
        too_many = count_max is not None and count > count_max
        if (too_long or too_many) and not broken("1.8.3"):
            raise WireFault(LIMIT, "%s is over its limit" % field.full_name)  # 1.8.3

    def value(self, field: FieldDescriptor, data: bytes, at: int, end: int, depth: int) -> None:
        kind = field.type
        if kind == FieldDescriptor.TYPE_MESSAGE:
            self.message(field.message_type, data, at, end, depth + 1)
        elif kind == FieldDescriptor.TYPE_STRING:
            self.text(field, data[at:end])
        elif TYPE_WIRE.get(kind, VARINT) == VARINT and not broken("1.8.1"):
            self.number(field, self.varint(data, at, end, 10, 64)[0])

    def text(self, field: FieldDescriptor, text: bytes) -> None:
        if broken("1.8.2"):  # broken: leaves it to protobuf, which takes a NUL
            return
        try:
            text.decode("utf-8")  # Python's is strict: no surrogates, no over-long forms
        except UnicodeDecodeError:
            raise WireFault(PROTOCOL, "%s is not UTF-8" % field.name) from None  # 1.8.2
        if b"\0" in text:
            raise WireFault(PROTOCOL, "%s holds a NUL" % field.name)  # 1.8.2

    def number(self, field: FieldDescriptor, value: int) -> None:
        kind = field.type
        bad = False
        if kind == FieldDescriptor.TYPE_BOOL:
            bad = value > 1
        elif kind == FieldDescriptor.TYPE_ENUM:
            bad = value > 2**31 - 1
        elif kind == FieldDescriptor.TYPE_UINT32:
            bad = value > U32
        elif kind == FieldDescriptor.TYPE_INT32:
            bad = 2**31 <= value < 2**64 - 2**31
        if bad:
            raise WireFault(PROTOCOL, "%s is %d" % (field.name, value))  # 1.8.1


def decode(kind, data: bytes) -> Message:
    """A message of class `kind`, or WireFault."""
    _Scanner().message(kind.DESCRIPTOR, data, 0, len(data), 1)
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise WireFault(PROTOCOL, str(error)) from None
    return message


def encode(message: Message) -> bytes:
    """Canonically: ascending field numbers, no defaults (1.3.1)."""
    return message.SerializeToString(deterministic=True)


def known_part(message: Message) -> bytes:
    """Encoded again without unknown fields."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return encode(copy)


def enum_value(message: Message, field: str) -> int:
    """An enum's value, 0 when it is one that the schema does not know (1.8.4)."""
    value = getattr(message, field)
    known = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return value if value in known else 0


def read_length(payload: bytes, at: int) -> tuple[int, int]:
    """The length before a message of a block, and where that begins (6.2.2: shortest, at most 5
    bytes)."""
    size, begin = _Scanner().varint(payload, at, len(payload), 5, 32)
    if begin - at > 1 and payload[begin - 1] == 0:
        raise WireFault(PROTOCOL, "a length that is not the shortest varint")
    return size, begin


def delimited_one(message: bytes) -> bytes:
    """The payload of a block of one message."""
    return varint(len(message)) + message


# ---- link messages ----

NUMBERS = ("next", "until", "first_retained", "writer_generation", "watermark", "generation",
           "exchange")  # 1.5
IDS = ("session_id", "epoch", "link_id", "device_id", "command_id", "events_epoch",
       "commands_epoch", "attachment_id", "ask_id")  # 1.6


def understood(message: Message) -> None:
    """WireFault when a link message is decodable but cannot be understood (1.5, 1.6)."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            parts = value if field.label == FieldDescriptor.LABEL_REPEATED else [value]
            for part in parts:
                understood(part)
        elif field.name in NUMBERS and value > NUMBER_MAX:
            raise WireFault(PROTOCOL, "%s is %d" % (field.name, value))
        elif field.name in IDS and field.type == FieldDescriptor.TYPE_BYTES:
            if len(value) not in (0, 16):
                raise WireFault(PROTOCOL, "%s has %d bytes" % (field.name, len(value)))


def is_id(value: bytes) -> bool:
    """16 bytes that are not all 0 (1.6)."""
    return len(value) == 16 and any(value)
