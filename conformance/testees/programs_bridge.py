"""What passes between a program and the runner, read along the way: the programs say some things
only on the wire, such as the ids that they make."""
import json

from runner import frames, messages, wire


def shown(value):
    """As told: without what is absent or default."""
    if isinstance(value, dict):
        return {k: shown(v) for k, v in value.items()
                if v not in (None, "", 0, False) and v != []}
    if isinstance(value, list):
        return [shown(v) for v in value]
    return value


def to_json(message) -> dict:
    """Plain JSON of a message: names of enums as strings."""
    return json.loads(json.dumps(shown(messages.to_json(message))))


class Frame:
    """A frame that passed, and the log of its channel."""

    def __init__(self, view: frames.FrameView) -> None:
        self.view = view
        self.type = str(view.type)
        self.channel = view.frame.channel


class Watch:
    """One carrier, both directions. `seen` is called with (outward, Frame) for each whole frame."""

    def __init__(self, seen) -> None:
        self.seen = seen
        self.streams = {True: wire.FrameStream(), False: wire.FrameStream()}
        self.logs: dict[int, str] = {}
        self.epochs: dict[int, str] = {}
        self.blind = {True: False, False: False}  # raw bytes that are no frames went by

    def pass_on(self, outward: bool, data: bytes) -> bytes:
        if not self.blind[outward]:
            try:
                for raw in self.streams[outward].feed(data):
                    self._frame(outward, raw)
            except wire.WireFault:
                self.blind[outward] = True
        return data

    def _frame(self, outward: bool, raw: bytes) -> None:
        frame = messages.decode("Frame", raw)
        if frame is None:
            self.blind[outward] = True
            return
        view = frames.FrameView(raw, frame, self.logs.get(frame.channel))
        payload = view.payload_message() if view.type in ("OPEN", "OPENED") else None
        if payload is not None and view.type == "OPEN":
            self.logs[frame.channel] = str(messages.to_json(payload)["log"])
        if payload is not None:
            self.epochs[frame.channel] = payload.epoch.hex()
        self.seen(outward, Frame(view))


def events_of(frame: Frame) -> list[tuple[int, dict]]:
    """(offset, event) of each message of an EVENTS block; of a snapshot: none."""
    view = frame.view
    if frame.type != "BLOCK" or view.log != "EVENTS" or view.frame.flags & frames.FLAGS["SNAPSHOT"]:
        return []
    out = []
    try:
        items = view.items()
    except wire.WireFault:
        return []
    for i, data in enumerate(items):
        event = messages.decode("Event", data)
        if event is not None:
            out.append((view.frame.offset + i, to_json(event)))
    return out


def commands_of(frame: Frame) -> list[tuple[str, dict]]:
    """(command_id, command) of each envelope of a COMMANDS block."""
    out = []
    if frame.type != "BLOCK" or frame.view.log != "COMMANDS":
        return []
    try:
        items = frame.view.items()
    except wire.WireFault:
        return []
    for data in items:
        envelope = messages.decode("CommandEnvelope", data)
        command = messages.decode("Command", envelope.command) if envelope is not None else None
        if command is not None:
            out.append((envelope.command_id.hex(), to_json(command)))
    return out
