"""Role CODEC: frames and messages alone."""
import messages
import protos
import wire
from breaks import broken
from frametypes import RULES

pb = protos.harness


def frame_line(frame: wire.Frame) -> str:
    """The one-line form of conformance/README.md, "Vectors"."""
    rule = RULES.get(frame.type)
    kind = rule.name if rule else "UNKNOWN"
    out = [kind]

    def number(label: str, value: int, always: bool = False) -> None:
        if value or always:
            out.append("%s=%d" % (label, value))

    number("ch", frame.channel)
    number("offset", frame.offset, kind in ("BLOCK", "ACK", "TAIL", "SYNCED", "RECEIPT"))
    number("index" if kind == "TAIL" else "count", frame.count, kind == "TAIL")
    number("credit", frame.credit)
    message = None
    if rule is not None and rule.message is not None:
        try:
            message = messages.decode(rule.message, frame.payload)
        except wire.WireFault:
            return " ".join(out)
    if kind in ("REFUSE", "GOAWAY", "CLOSE"):
        number("code", message.code, True)
        number("retry_after_ms", message.retry_after_ms)
        number("stored_generation", message.stored_generation)
    elif kind in ("OPENED", "HELLO", "OPEN"):
        names = {"OPENED": ("next", "watermark", "outcome"), "HELLO": ("generation",),
                 "OPEN": ("next",)}[kind]
        for name in names:
            number(name, getattr(message, name), True)
    elif kind == "WELCOME":
        number("version", message.version, True)
        number("principal", int(message.HasField("principal")), True)
    elif kind == "PONG":
        out.append("payload=" + frame.payload.hex())
    elif kind != "PING":
        number("bytes", len(frame.payload))
    return " ".join(out)


def decode(ask):
    """A stream in pieces: lines of its frames, and the fault if there is one."""
    reader = wire.FrameReader(ask.payload_max or wire.PAYLOAD_BYTES_MAX)
    out = pb.Decoded()
    at = 0
    for size in [*ask.pieces, len(ask.stream)]:
        piece = ask.stream[at:at + size]
        at += len(piece)
        reader.feed(piece)
        while (frame := reader.next()) is not None:
            out.frames.append(frame_line(frame))
        if reader.fault is not None:
            out.code = reader.fault.code
            out.at = at
            break
    return out


def judge(ask):
    """Whether a message is taken, and how it is encoded again."""
    kind = protos.message_class(ask.type) if ask.type.startswith("remote.v1.") else None
    if kind is None:
        return None
    try:
        message = messages.decode(kind, ask.message)
    except wire.WireFault:
        return pb.Judged(code=4003)
    if broken("7.1.2"):
        message = kind.FromString(ask.message[:0])
    return pb.Judged(code=0, encoded=messages.known_part(message))
