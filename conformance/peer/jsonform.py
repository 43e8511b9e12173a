"""Messages as the JSON of conformance/README.md: fields by name, bytes as hex, enums by name
without prefix."""
from __future__ import annotations

import re

from google.protobuf.descriptor import FieldDescriptor


def _prefix(enum) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"


def enum_name(enum, number: int):
    known = enum.values_by_number.get(number)
    if known is None:
        return number
    return known.name[len(_prefix(enum)):] if known.name.startswith(_prefix(enum)) else known.name


def _enum_number(enum, value) -> int:
    if isinstance(value, int):
        return value
    for name in (_prefix(enum) + value, value):
        if name in enum.values_by_name:
            return enum.values_by_name[name].number
    raise ValueError("%s has no value %r" % (enum.name, value))


def _scalar(field, value):
    if isinstance(value, dict) and set(value) == {"repeat", "times"}:
        value = value["repeat"] * value["times"]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.fromhex(value)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_number(field.enum_type, value)
    return value


def fill(message, value: dict):
    """Sets the fields that `value` names."""
    for name, inner in value.items():
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise ValueError("%s has no field %r" % (message.DESCRIPTOR.name, name))
        repeated = field.label == FieldDescriptor.LABEL_REPEATED
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for one in inner if repeated else [inner]:
                target = getattr(message, name).add() if repeated else getattr(message, name)
                target.SetInParent()
                if isinstance(one, str) and one.startswith("raw:"):
                    target.ParseFromString(bytes.fromhex(one[4:]))
                else:
                    fill(target, one)
        elif repeated:
            getattr(message, name).extend(_scalar(field, one) for one in inner)
        else:
            setattr(message, name, _scalar(field, inner))
    return message


def _said(field, value):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return told(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.hex()
    if field.type == FieldDescriptor.TYPE_ENUM:
        return enum_name(field.enum_type, value)
    return value


def told(message) -> dict:
    """Every field outside of a oneof, absent ones as their default, so that a pattern may ask for
    what was not said; messages only when they are there."""
    out = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.label == FieldDescriptor.LABEL_REPEATED:
            out[field.name] = [_said(field, one) for one in value]
        elif field.type == FieldDescriptor.TYPE_MESSAGE or field.containing_oneof:
            if message.HasField(field.name):
                out[field.name] = _said(field, value)
        else:
            out[field.name] = _said(field, value)
    return out
