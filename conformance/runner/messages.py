"""Messages as the JSON of case files, both ways. Fields by their names, bytes as hex, enums by
name without prefix; an encoded message in place of one is "raw:HEX"."""
import re
import warnings

from . import protos
from .faults import BadCase

_scalar_cache: dict = {}


class Named(str):
    """An enum's value: its short name, which also equals its number."""
    number: int

    def __new__(cls, name: str, number: int):
        self = super().__new__(cls, name)
        self.number = number
        return self


class Flags(list):
    """Bits by name, which also equal their number."""
    number: int


def enum_prefix(enum) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"


def enum_number(enum, value) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise BadCase("%r is no value of %s" % (value, enum.name))
    if isinstance(value, int):
        return value
    for name in (enum_prefix(enum) + value, value):
        if name in enum.values_by_name:
            return enum.values_by_name[name].number
    raise BadCase("%s has no value %r" % (enum.name, value))


def enum_named(enum, number: int) -> Named:
    known = enum.values_by_number.get(number)
    if known is None:
        return Named(str(number), number)
    prefix = enum_prefix(enum)
    name = known.name[len(prefix):] if known.name.startswith(prefix) else known.name
    return Named(name, number)


def text_of(value, where: str) -> str:
    """A string, or {"repeat": "x", "times": n} for long ones."""
    if isinstance(value, dict) and set(value) == {"repeat", "times"}:
        return str(value["repeat"]) * int(value["times"])
    if not isinstance(value, str):
        raise BadCase("%s: a string is needed, not %r" % (where, value))
    return value


def bytes_of(value, where: str) -> bytes:
    text = text_of(value, where)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadCase("%s: %r is not hex" % (where, text[:40])) from None


# ---- JSON to bytes ----


def _scalar(field, value, where: str):
    kinds = type(field)
    if field.type == kinds.TYPE_BYTES:
        return bytes_of(value, where)
    if field.type == kinds.TYPE_STRING:
        return text_of(value, where)
    if field.type == kinds.TYPE_ENUM:
        return enum_number(field.enum_type, value)
    if field.type == kinds.TYPE_BOOL:
        if not isinstance(value, bool):
            raise BadCase("%s: true or false is needed, not %r" % (where, value))
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadCase("%s: a number is needed, not %r" % (where, value))
    return value


def _one_field(descriptor, field, value, where: str) -> bytes:
    message = protos.message_class(descriptor.name)()
    try:
        if field.label == field.LABEL_REPEATED:
            getattr(message, field.name).extend(_scalar(field, v, where) for v in value)
        else:
            setattr(message, field.name, _scalar(field, value, where))
    except (TypeError, ValueError) as error:
        raise BadCase("%s: %s" % (where, error)) from None
    return message.SerializeToString()


def encode(type_name: str, value, where: str = "") -> bytes:
    """The canonical encoding. "raw:HEX" stands for itself, wherever a message may stand."""
    where = where or type_name
    if isinstance(value, str) and value.startswith("raw:"):
        return bytes_of(value[4:], where)
    if not isinstance(value, dict):
        raise BadCase("%s: an object is needed, not %r" % (where, value))
    made = protos.message_class(type_name)
    if made is None:
        raise BadCase("there is no message %s" % type_name)
    descriptor = made.DESCRIPTOR
    for name in value:
        if name not in descriptor.fields_by_name:
            raise BadCase("%s: %s has no field %r" % (where, descriptor.name, name))
    out = b""
    for field in sorted(descriptor.fields, key=lambda f: f.number):
        if field.name not in value:
            continue
        inner, there = value[field.name], "%s.%s" % (where, field.name)
        if field.message_type is None:
            out += _one_field(descriptor, field, inner, there)
            continue
        from .wire import varint
        for item in inner if field.label == field.LABEL_REPEATED else [inner]:
            body = encode(field.message_type.name, item, there)
            out += varint(field.number << 3 | 2) + varint(len(body)) + body
    return out


# ---- bytes to JSON ----


def _shown(field, value):
    if field.message_type is not None:
        return to_json(value)
    if field.type == field.TYPE_BYTES:
        return value.hex()
    if field.type == field.TYPE_ENUM:
        return enum_named(field.enum_type, value)
    return value


def to_json(message) -> dict:
    """All fields; a message that is absent is None, other absent fields have their default."""
    out = {}
    for field in message.DESCRIPTOR.fields:
        if field.label == field.LABEL_REPEATED:
            out[field.name] = [_shown(field, v) for v in getattr(message, field.name)]
        elif field.message_type is not None or field.containing_oneof is not None:
            present = message.HasField(field.name)
            out[field.name] = _shown(field, getattr(message, field.name)) if present else None
        else:
            out[field.name] = _shown(field, getattr(message, field.name))
    return out


def brief(value):
    """What a person wants to see of a message: without what is absent or default."""
    if isinstance(value, dict):
        return {k: brief(v) for k, v in value.items() if v not in (None, "", 0, False) and v != []}
    if isinstance(value, Named):
        return str(value)
    if isinstance(value, list):
        return [brief(v) for v in value]
    if isinstance(value, str) and len(value) > 120:
        return value[:100] + "...(%d)" % len(value)
    return value


def decode(type_name: str, data: bytes):
    """The message, or None when protobuf does not take it."""
    message = protos.message_class(type_name)()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "Not all data was converted"
            message.ParseFromString(data)
    except Exception:  # protobuf's DecodeError has moved between its versions
        return None
    return message


def canonical(message, data: bytes) -> bool:
    """Whether `data` is what a canonical writer makes of it."""
    return message.SerializeToString(deterministic=True) == data
