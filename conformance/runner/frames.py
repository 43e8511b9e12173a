"""Frames: from the JSON of case files to bytes, from bytes to something that patterns and people
can look at, and the one-line form of vectors (README.md, "Vectors")."""
import json

from . import messages, protos, wire
from .faults import BadCase

# Frame type to the payload's name in cases and its message.
PAYLOADS = {
    "HELLO": ("hello", "Hello"), "WELCOME": ("welcome", "Welcome"),
    "REFUSE": ("problem", "Problem"), "GOAWAY": ("problem", "Problem"),
    "OPEN": ("open", "Open"), "OPENED": ("opened", "Opened"), "CLOSE": ("problem", "Problem"),
    "INFO": ("info", "SessionInfo"), "LOG_STATUS": ("status", "LogStatus"),
    "RECEIPT": ("receipt", "Receipt"), "REQUEST": ("request", "Request"),
    "REPLY": ("reply", "Reply"),
}
FLAGS = {"COMPRESSED": 1, "SEALED": 2, "SNAPSHOT": 4, "CLEARS_TAIL": 8}
HEADER = ("channel", "offset", "count", "flags", "inflated_bytes", "dictionary", "credit", "part",
          "parts")
MEMBERS = set(HEADER) | {"type", "payload", "bytes", "messages", "message", "compress", "size"} | {
    name for name, _ in PAYLOADS.values()}
AMBIENT = {"PING", "PONG", "ACK", "INFO", "LOG_STATUS"}
SKIPPED_MIN = 64
SHOWN_BYTES_MAX = 2048  # of a block's payload, message by message


def type_enum():
    return protos.message_class("Frame").DESCRIPTOR.fields_by_name["type"].enum_type


def type_number(value) -> int:
    return messages.enum_number(type_enum(), value)


def flags_number(value) -> int:
    if isinstance(value, int):
        return value
    try:
        return sum(FLAGS[name] for name in value)
    except (KeyError, TypeError):
        raise BadCase("flags %r: names of %s" % (value, ", ".join(FLAGS))) from None


# ---- out ----


def encode_item(item, log: str | None) -> bytes:
    """A message of a BLOCK or a TAIL."""
    if not isinstance(item, dict):
        raise BadCase("a message is an object, not %r" % (item,))
    keys = set(item)
    if keys == {"hex"}:
        return messages.bytes_of(item["hex"], "hex")
    if keys == {"event"}:
        return messages.encode("Event", item["event"])
    if keys in ({"envelope"}, {"envelope", "command"}):
        envelope = item["envelope"]
        if "command" in item:
            envelope = dict(envelope, command=messages.encode("Command", item["command"]).hex())
        return messages.encode("CommandEnvelope", envelope)
    raise BadCase("a message has event, envelope (and command), or hex, not %s" % sorted(keys))


def encode(frame: dict) -> bytes:
    """A frame of a case, canonically, as a piece of a Batch stream."""
    unknown = set(frame) - MEMBERS | set(frame) & {"size"}
    if unknown:
        raise BadCase("a frame has no %s" % ", ".join(sorted(unknown)))
    if "type" not in frame:
        raise BadCase("a frame without type")
    number = type_number(frame["type"])
    name = str(messages.enum_named(type_enum(), number))
    out = protos.message_class("Frame")(type=number)
    payload = b""
    if "payload" in frame:
        payload = messages.bytes_of(frame["payload"], "payload")
    elif "bytes" in frame:
        payload = messages.bytes_of(frame["bytes"], "bytes")
    elif "messages" in frame:
        packed = [encode_item(m, None) for m in frame["messages"]]
        payload = wire.delimited(packed)
        out.count = len(packed)
    elif "message" in frame:
        payload = encode_item(frame["message"], None)
    elif name in PAYLOADS and PAYLOADS[name][0] in frame:
        payload = messages.encode(PAYLOADS[name][1], frame[PAYLOADS[name][0]])
    else:
        named = set(frame) & {n for n, _ in PAYLOADS.values()}
        if named:
            raise BadCase("a %s has no payload %s" % (name, ", ".join(sorted(named))))
    if frame.get("compress"):
        out.inflated_bytes = len(payload)
        out.flags = FLAGS["COMPRESSED"]
        payload = wire.deflate(payload)
    for field in HEADER:
        if field not in frame:
            continue
        value = frame[field]
        if field == "flags":
            value = flags_number(value) | (out.flags if frame.get("compress") else 0)
        try:
            setattr(out, field, value)
        except (TypeError, ValueError) as error:
            raise BadCase("%s: %s" % (field, error)) from None
    out.payload = payload
    return wire.batch(out.SerializeToString())


# ---- in ----


class FrameView:
    """A frame that came, with members as in a pattern; made when looked at."""

    def __init__(self, raw: bytes, frame, log: str | None) -> None:
        self.raw = raw
        self.frame = frame
        self.log = log  # of its channel: EVENTS, COMMANDS; None: not known
        self.type = messages.enum_named(type_enum(), frame.type)
        self._made: dict = {}

    def is_ambient(self) -> bool:
        return self.type in AMBIENT or self.frame.type >= SKIPPED_MIN

    def payload_message(self):
        """The link message; None: it has none or cannot be decoded."""
        if self.type not in PAYLOADS:
            return None
        return messages.decode(PAYLOADS[self.type][1], self.frame.payload)

    def items(self) -> list[bytes]:
        data = self.frame.payload
        if self.frame.flags & FLAGS["COMPRESSED"]:
            data = wire.inflate(data, self.frame.inflated_bytes)
        return wire.undelimited(data) if self.type == "BLOCK" else [data]

    def _item(self, data: bytes) -> dict:
        if self.log == "COMMANDS":
            envelope = messages.decode("CommandEnvelope", data)
            if envelope is None:
                return {"hex": data.hex()}
            command = messages.decode("Command", envelope.command)
            return {"hex": data.hex(), "envelope": messages.to_json(envelope),
                    "command": None if command is None else messages.to_json(command)}
        event = messages.decode("Event", data)
        return {"hex": data.hex(), "event": None if event is None else messages.to_json(event)}

    def _make(self, name: str):
        if name == "type":
            return self.type
        if name == "flags":
            flags = messages.Flags(n for n, bit in FLAGS.items() if self.frame.flags & bit)
            flags.number = self.frame.flags
            return flags
        if name == "size":
            return len(self.frame.payload)
        if name in HEADER:
            return getattr(self.frame, name)
        if name in ("payload", "bytes"):
            return self.frame.payload.hex()
        if name in ("messages", "message"):
            if self.type not in ("BLOCK", "TAIL"):
                return None
            try:
                items = [self._item(d) for d in self.items()]
            except wire.WireFault:
                return None
            return items if name == "messages" else items[0]
        if self.type in PAYLOADS and PAYLOADS[self.type][0] == name:
            message = self.payload_message()
            return None if message is None else messages.to_json(message)
        return None

    def get(self, name: str):
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: str) -> bool:
        return name in MEMBERS

    def line(self) -> str:
        return frame_line(self.type, self.frame)

    def __str__(self) -> str:
        """For people: the line, and the payload."""
        head = " ".join([str(self.type)] + ["%s=%s" % (f, getattr(self.frame, f)) for f in HEADER
                                           if getattr(self.frame, f)])
        if self.type in PAYLOADS:
            message = self.payload_message()
            body = "?" + self.frame.payload.hex() if message is None else json.dumps(
                messages.brief(messages.to_json(message)))
        elif self.type in ("BLOCK", "TAIL") and max(
                len(self.frame.payload), self.frame.inflated_bytes) > SHOWN_BYTES_MAX:
            body = self.frame.payload[:64].hex() + "..."
        elif self.type in ("BLOCK", "TAIL"):
            try:
                parts = [self._item(d) for d in self.items()]
                body = json.dumps([messages.brief({k: v for k, v in p.items() if k != "hex"})
                                   if p.get("event") or p.get("envelope") else p for p in parts])
            except wire.WireFault as fault:
                body = "(%s)" % fault
        else:
            body = self.frame.payload.hex()
        if len(body) > 400:
            body = body[:380] + "... (%d bytes)" % len(self.frame.payload)
        return "%s %s" % (head, body) if body else head


def frame_line(name: str, frame) -> str:
    """The one-line form of vectors."""
    kind = str(name) if frame.type < SKIPPED_MIN and not str(name).isdigit() else "UNKNOWN"
    out = [kind]

    def number(label: str, value: int, always: bool = False) -> None:
        if value or always:
            out.append("%s=%d" % (label, value))

    number("ch", frame.channel)
    number("offset", frame.offset, kind in ("BLOCK", "ACK", "TAIL", "SYNCED", "RECEIPT"))
    number("index" if kind == "TAIL" else "count", frame.count, kind == "TAIL")
    number("credit", frame.credit)
    payload = messages.decode(PAYLOADS[kind][1], frame.payload) if kind in PAYLOADS else None
    if kind in ("REFUSE", "GOAWAY", "CLOSE"):
        if payload is not None:
            number("code", payload.code, True)
            number("retry_after_ms", payload.retry_after_ms)
            number("stored_generation", payload.stored_generation)
    elif kind == "OPENED":
        if payload is not None:
            number("next", payload.next, True)
            number("watermark", payload.watermark, True)
            number("outcome", payload.outcome, True)
    elif kind == "HELLO":
        if payload is not None:
            number("generation", payload.generation, True)
    elif kind == "WELCOME":
        if payload is not None:
            number("version", payload.version, True)
            number("principal", int(payload.HasField("principal")), True)
    elif kind == "OPEN":
        if payload is not None:
            number("next", payload.next, True)
    elif kind == "PONG":
        out.append("payload=" + frame.payload.hex())
    elif kind != "PING":
        number("bytes", len(frame.payload))
    return " ".join(out)
