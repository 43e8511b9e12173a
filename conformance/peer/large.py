"""Values over their limits: cut at a character, and whole as an Asset before the event that names
it (docs/spec.md, 7.1.2, 11.4)."""
from __future__ import annotations

import hashlib

from google.protobuf.descriptor import FieldDescriptor

import protos
from breaks import broken
from view import cut_at_character

Event = protos.event.Event
ASSET_BYTES = 131072
# The field beside a text that names the asset which holds all of it.
NAMES_ASSET = {"text": "asset_id", "old_text": "old_asset_id", "new_text": "new_asset_id"}
STREAMED = {"assistant_message", "thought"}  # these go on in further messages of the same id
PART_BYTES = 65536


class Cutter:
    def __init__(self, rng) -> None:
        self.rng = rng
        self.assets: list = []

    def asset(self, data: bytes, media_type: str) -> str:
        asset_id = self.rng.randbytes(8).hex()
        digest = hashlib.sha256(data).digest()
        for at in range(0, len(data), ASSET_BYTES):
            chunk = data[at:at + ASSET_BYTES]
            if broken("11.4.2"):
                digest = hashlib.sha256(chunk).digest()
            self.assets.append(Event(asset=protos.event.Asset(
                asset_id=asset_id, position=at, total=len(data), media_type=media_type,
                data=chunk, sha256=digest)))  # 11.4.2
        return asset_id

    def message(self, message) -> None:
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                nested = value if field.label == FieldDescriptor.LABEL_REPEATED else [value]
                for one in nested:
                    self.message(one)
            elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
                self.field(message, field, value)

    def field(self, message, field, value) -> None:
        size_max = protos.LIMITS.get(field.full_name, (None, None))[0]
        if size_max is None or field.label == FieldDescriptor.LABEL_REPEATED:
            return
        data = value.encode() if isinstance(value, str) else value
        if len(data) <= size_max:
            return
        if field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, field.name, data[:size_max])
            return
        names = NAMES_ASSET.get(field.name, "")
        fields = message.DESCRIPTOR.fields_by_name
        if names in fields and not getattr(message, names) and not broken("11.4.1"):
            setattr(message, names, self.asset(data, "text/plain"))  # 11.4.1
        if field.name == "text" and "total_bytes" in fields and not message.total_bytes:
            message.total_bytes = len(data)
        if not broken("7.1.2"):
            setattr(message, field.name, cut_at_character(data, size_max).decode())  # 7.1.2


def within_limits(event, rng) -> list:
    """The event, or several, with every value within its limit; assets first."""
    name = event.WhichOneof("body")
    if name in STREAMED:
        return parts_of(event, name)
    cutter = Cutter(rng)
    cutter.message(event)
    return cutter.assets + [event]


def parts_of(event, name: str) -> list:
    """A long message as several of the same id (15.5)."""
    body = getattr(event, name)
    data, at = body.text.encode(), 0
    if len(data) <= PART_BYTES:
        return [event]
    out = []
    while at < len(data):
        piece = cut_at_character(data[at:], PART_BYTES)
        one = Event()
        one.CopyFrom(event)
        part = getattr(one, name)
        part.text = piece.decode()
        part.position = body.position + at
        at += len(piece)
        part.more = at < len(data) or body.more
        if at < len(data) and name == "assistant_message":
            del part.attachments[:]
        out.append(one)
    return out
