"""What every implementation owes on every carrier, whatever a case is about: held against each
frame that a testee writes. One Monitor watches one carrier; it also sees what the runner writes.
Each finding begins with its clause."""
from . import frames, limits, messages, wire

C, A = "connecting", "accepting"
# docs/spec.md 2.1: from, header fields, largest payload. BLOCK, TAIL, ACK: by the channel.
TYPES = {
    "HELLO": (C, (), 16384), "WELCOME": (A, (), 1024), "REFUSE": (A, (), 1024),
    "GOAWAY": (None, (), 1024), "PING": (None, (), 8), "PONG": (None, (), 8),
    "OPEN": (C, ("channel", "credit"), 4096), "OPENED": (A, ("channel", "credit"), 1024),
    "CLOSE": (None, ("channel", "offset"), 1024), "INFO": (None, ("channel",), 1024),
    "BLOCK": (None, ("channel", "offset", "count", "flags", "inflated_bytes", "part", "parts"),
              wire.PAYLOAD_BYTES_MAX),
    "TAIL": (None, ("channel", "offset", "count"), 196608),
    "ACK": (None, ("channel", "offset", "credit"), 0), "SYNCED": (A, ("channel", "offset"), 0),
    "LOG_STATUS": (A, ("channel",), 1024), "RECEIPT": (A, ("channel", "offset"), 1024),
    "REQUEST": (C, (), 9216), "REPLY": (A, (), 4096),
}
LINK_TYPES = ("HELLO", "WELCOME", "REFUSE", "GOAWAY", "PING", "PONG", "REQUEST", "REPLY")
BEFORE_WELCOME_BYTES = 16384
NUMBER_MAX = (1 << 53) - 1
MESSAGE_BYTES_MAX = 196608
REQUESTS_MAX = 16


class Channel:
    """A channel as both sides have spoken of it."""

    def __init__(self, log: str, publisher: str, next_offset: int, credit: int) -> None:
        self.log = log
        self.publisher = publisher  # C or A
        self.opened = False
        self.closed_by = ""  # testee, runner
        self.next = next_offset  # OPEN's
        self.end = None  # offset after the last message that was sent; None: none was
        self.base = next_offset  # OPENED's next
        self.sent = 0  # payload bytes
        self.credit = credit
        self.acked = 0
        self.granted = 0  # highest credit that the subscriber has said


class Monitor:
    def __init__(self, testee_side: str, whole: bool) -> None:
        self.side = testee_side
        self.whole = whole  # a relay, host or client: payloads of blocks are real
        self.over = False  # GOAWAY or REFUSE came
        self.welcomed = False
        self.greeted = False
        self.before_welcome = 0
        self.channels: dict[int, Channel] = {}
        self.highest = 0
        self.pings: list[bytes] = []  # of the runner, not answered
        self.calls: set[int] = set()  # open ones
        self.frame_bytes = wire.PAYLOAD_BYTES_MAX  # that the runner takes
        self.token = b""
        self.blind = False  # the runner wrote what is not understood here

    # ---- what the runner writes ----

    def sent_view(self, view) -> None:
        frame, name = view.frame, str(view.type)
        if name == "PING":
            self.pings.append(frame.payload)
        elif name == "WELCOME":
            self.welcomed = True
        if name in ("HELLO", "WELCOME"):
            self._take_limits(view)
        elif name == "OPEN":
            self._opens(view)
        elif name == "REQUEST":
            self._calls(view)
        elif name == "REPLY":
            payload = view.payload_message()
            if payload is not None and not payload.more:
                self.calls.discard(payload.id)
        channel = self.channels.get(frame.channel)
        if channel is None:
            return
        if name == "OPENED" and not channel.closed_by:
            self._is_opened(channel, view)
        elif name == "CLOSE":
            channel.closed_by = channel.closed_by or "runner"
        elif name == "ACK":
            channel.credit = max(channel.credit, frame.credit)
        elif name == "BLOCK":
            channel.end = max(channel.end or 0, frame.offset + frame.count)

    def sent(self, frame: dict) -> None:
        """The runner wrote an ACK of its own."""
        channel = self.channels.get(frame.get("channel", 0))
        if channel is not None and frame["type"] == "ACK":
            channel.credit = max(channel.credit, frame.get("credit", 0))

    def _take_limits(self, view) -> None:
        payload = view.payload_message()
        if payload is not None and payload.limits.frame_bytes:
            self.frame_bytes = min(self.frame_bytes, payload.limits.frame_bytes)
        if payload is not None and len(getattr(payload, "token", "")) >= 8:
            self.token = payload.token.encode()

    def _opens(self, view) -> None:
        payload = view.payload_message()
        number = view.frame.channel
        if payload is None or number in self.channels or number == 0:
            return
        direction = messages.to_json(payload)["direction"]
        log = str(messages.to_json(payload)["log"])
        publisher = C if direction == "PUBLISH" else A
        credit = view.frame.credit if publisher == A else 0
        self.channels[number] = Channel(log, publisher, payload.next, credit)
        self.highest = max(self.highest, number)

    def _is_opened(self, channel: Channel, view) -> None:
        payload = view.payload_message()
        channel.opened = True
        if channel.publisher == C:
            channel.credit = max(channel.credit, view.frame.credit)
        if payload is not None:
            channel.base = payload.next

    def _calls(self, view) -> None:
        payload = view.payload_message()
        if payload is not None:
            self.calls.add(payload.id)

    # ---- what the testee writes ----

    def judge(self, view, conversation) -> str:
        """What is wrong with it, or nothing."""
        if self.over:
            return "2.1.4: something follows GOAWAY or REFUSE"
        for check in (self._form, self._form_of_payload, self._state, self._channel, self._flow):
            fault = check(view)
            if fault:
                return fault
        return ""

    def _form(self, view) -> str:
        frame, name = view.frame, str(view.type)
        if not messages.canonical(frame, view.raw):
            return "1.3.1: a frame that is not in canonical encoding (%s)" % view.raw[:48].hex()
        if frame.type >= frames.SKIPPED_MIN:
            return ""
        if name not in TYPES:
            return "2.1: a frame of a type that does not exist"
        _, fields, payload_max = TYPES[name]
        for field in frames.HEADER:
            if getattr(frame, field) and field not in fields:
                return "1.3.1: %s has no header field %s" % (name, field)
        if len(frame.payload) > payload_max:
            return "7.1.1: a %s of %d bytes" % (name, len(frame.payload))
        if name in ("BLOCK", "TAIL") and len(frame.payload) > self.frame_bytes:
            return "3.1.10: a %s of %d bytes" % (name, len(frame.payload))
        if frame.offset > NUMBER_MAX or frame.credit > NUMBER_MAX:
            return "1.5.1: a number of 2^53 or more"
        return ""

    def _form_of_payload(self, view) -> str:
        frame, name = view.frame, str(view.type)
        if name in ("PING", "PONG") and len(frame.payload) != 8:
            return "2.6.2: a %s of %d bytes" % (name, len(frame.payload))
        if name == "PONG":
            if frame.payload not in self.pings and not self.blind:
                return "2.6.1: a PONG that answers no PING"
            del self.pings[:self.pings.index(frame.payload) + 1 if frame.payload in self.pings
                           else 0]
        if self.token and name != "HELLO" and self.token in view.raw:
            return "9.1.1: the device token, outside of HELLO"
        if name not in frames.PAYLOADS or name == "INFO" and not self.whole:
            return ""
        payload = view.payload_message()
        if payload is None:
            return "1.8: a %s that protobuf does not take" % name
        if not messages.canonical(payload, frame.payload):
            return "1.3.1: a %s that is not in canonical encoding" % name
        fault = limits.fault_of(payload)
        return "7.1.2: " + fault if fault else ""

    def _state(self, view) -> str:
        name = str(view.type)
        known = view.frame.type < frames.SKIPPED_MIN
        if known and TYPES[name][0] not in (None, self.side):
            return "2.1.1: %s is not for the %s side to say" % (name, self.side)
        if name in ("GOAWAY", "REFUSE"):
            self.over = True
        if self.side == C:
            if not self.greeted and name != "HELLO" and known:
                return "3.1.1: %s before HELLO" % name
            if name == "HELLO":
                if self.greeted:
                    return "2.1.1: HELLO twice"
                self.greeted = True
                self._take_token(view)
            elif not self.welcomed and not self.blind and known and name not in ("OPEN", "GOAWAY"):
                return "3.1.1: %s before WELCOME" % name
            if not self.welcomed and not self.blind:
                self.before_welcome += len(wire.batch(view.raw))
                if self.before_welcome > BEFORE_WELCOME_BYTES:
                    return "3.1.1: more than 16 KiB before WELCOME"
        elif known:
            if name == "WELCOME":
                if self.welcomed:
                    return "2.1.1: WELCOME twice"
                self.welcomed = True
            elif not self.welcomed and name not in ("REFUSE", "GOAWAY"):
                return "2.1.1: %s before WELCOME" % name
            elif self.welcomed and name == "REFUSE":
                return "2.1.1: REFUSE after WELCOME"
        return ""

    def _take_token(self, view) -> None:
        payload = view.payload_message()
        if payload is not None and len(payload.token) >= 8:
            self.token = payload.token.encode()

    def _channel(self, view) -> str:
        frame, name = view.frame, str(view.type)
        if frame.type >= frames.SKIPPED_MIN:
            return ""
        if (name in LINK_TYPES) != (frame.channel == 0):
            return "2.1.1: %s on channel %d" % (name, frame.channel)
        if name in LINK_TYPES:
            return self._call(view)
        if name == "OPEN":
            if frame.channel <= self.highest:
                return "2.4.1: OPEN of channel %d after %d" % (frame.channel, self.highest)
            self._opens(view)
            if frame.credit and self.channels[frame.channel].publisher == C:
                return "1.3.1: credit in an OPEN that publishes"
            return ""
        channel = self.channels.get(frame.channel)
        if channel is None:
            return "" if self.blind else "2.1.1: %s on a channel that was never opened" % name
        if channel.closed_by == "testee":
            return "2.1.1: %s on a channel that it has closed" % name
        if channel.closed_by:
            return ""
        if name == "OPENED":
            if channel.opened:
                return "2.1.1: OPENED twice"
            if frame.credit and channel.publisher == A:
                return "1.3.1: credit in an OPENED of a subscriber"
            self._is_opened(channel, view)
            channel.granted = max(channel.granted, frame.credit)
        elif name == "CLOSE":
            channel.closed_by = "testee"
            code = view.payload_message().code
            if frame.offset and code not in (4003, 4004):
                return "1.3.1: offset in a CLOSE %d" % code
        elif not channel.opened and not self.blind:
            return "2.1.1: %s before OPENED" % name
        return ""

    def _call(self, view) -> str:
        name = str(view.type)
        if name not in ("REQUEST", "REPLY"):
            return ""
        payload = view.payload_message()
        if name == "REQUEST":
            if payload.id in self.calls:
                return "2.8.1: REQUEST %d while it is open" % payload.id
            if len(self.calls) >= REQUESTS_MAX:
                return "2.8.1: a REQUEST while 16 calls are open"
            self.calls.add(payload.id)
        elif not self.blind:
            if payload.id not in self.calls:
                return "2.8.2: REPLY %d to no open call" % payload.id
            if not payload.more:
                self.calls.discard(payload.id)
        return ""

    # ---- blocks, tails, acks ----

    def _flow(self, view) -> str:
        frame, name = view.frame, str(view.type)
        channel = self.channels.get(frame.channel)
        if channel is None or channel.closed_by or frame.type >= frames.SKIPPED_MIN:
            return ""
        publishes = channel.publisher == self.side
        if name in ("BLOCK", "TAIL", "INFO", "SYNCED", "LOG_STATUS", "RECEIPT", "ACK"):
            fault = self._role(name, channel, publishes)
            if fault:
                return fault
        if name == "BLOCK":
            return self._block(view, channel)
        if name == "TAIL":
            return self._sent(view, channel)
        if name == "ACK":
            return self._ack(view, channel)
        return ""

    def _role(self, name: str, channel: Channel, publishes: bool) -> str:
        events = channel.log == "EVENTS"
        wrong = {
            "BLOCK": not publishes, "TAIL": not publishes or not events,
            "INFO": not publishes or not events, "SYNCED": not publishes,
            "LOG_STATUS": not events, "RECEIPT": publishes or events, "ACK": publishes,
        }[name]
        return "2.1.1: %s against the channel's direction or log" % name if wrong else ""

    def _sent(self, view, channel: Channel) -> str:
        if channel.sent >= channel.credit and not self.blind:
            return "4.4.1: a %s at sent %d with credit %d" % (view.type, channel.sent,
                                                             channel.credit)
        channel.sent += len(view.frame.payload)
        return ""

    def _block(self, view, channel: Channel) -> str:
        frame = view.frame
        snapshot = frame.flags & frames.FLAGS["SNAPSHOT"]
        compressed = frame.flags & frames.FLAGS["COMPRESSED"]
        if frame.count == 0 or not frame.payload:
            return "2.1.3: a BLOCK of nothing"
        if snapshot and not 1 <= frame.part <= frame.parts or not snapshot and frame.parts:
            return "2.1.3: part %d of %d" % (frame.part, frame.parts)
        if bool(compressed) != bool(frame.inflated_bytes):
            return "1.3.1: inflated_bytes and COMPRESSED belong together"
        if channel.end is not None and frame.offset < channel.end:
            return "4.3.1: offset %d again on a living channel" % frame.offset
        expected = channel.base if channel.end is None else channel.end
        if frame.offset > expected and frame.part != 1 and not self.blind:
            return "3.17: a gap from %d to %d" % (expected, frame.offset)
        channel.end = frame.offset + frame.count
        return self._sent(view, channel) or self._content(view, channel)

    def _content(self, view, channel: Channel) -> str:
        if not self.whole:
            return ""
        if channel.log == "COMMANDS" and view.frame.flags & frames.FLAGS["COMPRESSED"]:
            return "6.1.1: a compressed command"
        if self.side == A and channel.log == "EVENTS":
            return ""  # a relay forwards what it was given
        try:
            items = view.items()
        except wire.WireFault as fault:
            return "1.7.1: %s" % fault
        if len(items) != view.frame.count or any(len(i) > MESSAGE_BYTES_MAX for i in items):
            return "1.7.1: a BLOCK of %d messages says that it has %d" % (len(items),
                                                                       view.frame.count)
        kind = "CommandEnvelope" if channel.log == "COMMANDS" else "Event"
        for item in items:
            message = messages.decode(kind, item)
            if message is None:
                return "1.8: a message that protobuf does not take"
            fault = limits.fault_of(message)
            if fault:
                return "7.1.2: " + fault
        return ""

    def _ack(self, view, channel: Channel) -> str:
        most = max(channel.end or 0, channel.base, channel.next)
        if view.frame.offset > most and not self.blind:
            return "4.1.1: ACK %d of what ends at %d" % (view.frame.offset, most)
        channel.acked = max(channel.acked, view.frame.offset)
        channel.granted = max(channel.granted, view.frame.credit)
        return ""
