"""One carrier, seen from one of its ends: frames in, frames out, channels, credit, acknowledgement,
heartbeat (docs/spec.md, sections 2, 3.1, 3.15, 3.18, 3.23 and 4 to 5.2).

Sans-I/O: bytes go in by receive(), come out by take(); time passes by tick(); what the owner must
know is in `told`, in order. The owner decides everything that needs a log or a message's meaning.
link.py has the connecting side's life over many carriers.
"""
import collections
import dataclasses
import random

import messages
import protos
from breaks import broken
from clock import Clock
from frametypes import (GREETING_ONLY, OPEN, OPENING, RULES, SKIPPED_MIN, TAKEN_IN_GREETING,
                        TypeRule)
from protos import FT
from wire import (CLEARS_TAIL, COMPRESSED, LIMIT, NUMBER_MAX, PAYLOAD_BYTES_MAX, PROTOCOL,
                  SNAPSHOT, Frame, FrameReader, WireFault, encode)

GREETING_BYTES_MAX = 16384  # 3.1.1, 3.1.2
GREETING_MS = 10_000  # 3.1.3, 3.1.9
UNSIGNED_MS = 60_000  # 3.2.1
SILENCE_MS, SILENCE_WATCHED_MS = 25_000, 10_000  # 5.1
PING_MS, PING_WATCHED_MS, PING_LEAST_MS = 10_000, 4_000, 1_000  # 5.1
PROBE_MS = 4_000  # 5.2
CLOSE_MS = 1_000  # 2.1.4
WAITING_BYTES_MAX = 131072  # 4.5.2: in the carrier's own buffer
WINDOW_BYTES = 524288  # 4.4
REQUESTS_MAX = 16  # 2.8.1
ACK_BLOCKS, ACK_BYTES, ACK_MS = 32, 65536, 20  # 4.2.1

EVENTS, COMMANDS = protos.link.LOG_EVENTS, protos.link.LOG_COMMANDS
PUBLISH, SUBSCRIBE = protos.link.DIRECTION_PUBLISH, protos.link.DIRECTION_SUBSCRIBE


@dataclasses.dataclass
class Told:
    """One thing the owner is told. `kind` is the word of conformance/README.md (HELLO, WELCOME,
    REFUSED, GOAWAY, GOAWAY_SENT, OPEN, OPENED, CLOSED, BLOCK, TAIL, ACKED, SYNCED, INFO,
    LOG_STATUS, RECEIPT, REQUEST, REPLY, HEARD, SILENT), or CONNECTED, LOST and DEAD of link.py."""
    kind: str
    channel: "Channel | None" = None
    frame: Frame | None = None
    message: object = None  # the decoded payload (not of BLOCK, TAIL and INFO)
    offset: int = 0
    code: int = 0
    skip: int = 0  # BLOCK: so many leading messages were known already
    jump: bool = False  # BLOCK: part 1 of a set behind a hole; what was held is void


class Channel:
    """One log attached to a carrier, seen from one end. `publishes`: this end sends the blocks."""

    def __init__(self, number: int, open_message, publishes: bool) -> None:
        self.number = number
        self.open = open_message  # protos.link.Open
        self.opened = None  # protos.link.Opened, once there is one
        self.log = open_message.log
        self.publishes = publishes
        self.state = "OPENING"  # OPENING, OPEN, CLOSED
        self.owner = None  # for whoever uses the carrier
        self.cursor = 0  # publisher: next offset to send; subscriber: next offset expected
        # Publisher.
        self.queue: collections.deque[Frame] = collections.deque()
        self.sent = 0  # payload bytes of BLOCK and TAIL (4.4)
        self.credit = 0
        self.end = open_message.next  # of the owner's log
        self.acked: int | None = None  # by the last ACK
        self.last: Frame | None = None  # block that was sent
        self.target: int | None = None  # accepting side: where SYNCED is due
        # Subscriber.
        self.window = 0
        self.held = 0  # bytes of earlier channels that count against the window
        self.received = 0
        self.granted = 0
        self.consumed = 0
        self.own = 0  # all below is the owner's own
        self.said = 0  # by the last ACK
        self.ack_always = False
        self.unsaid_blocks = 0  # received since the last ACK
        self.unsaid_bytes = 0
        self.unsaid_since_ms: int | None = None
        self.empty_log = False  # relay: a jump may begin its log (3.15)
        self.base = self.index = 0  # of tails (3.23)
        self.known = self.lost = False

    def sendable(self) -> bool:
        """Nothing waits and there is credit: the owner may offer the next block or tail."""
        credit = self.sent < self.credit or broken("4.4.1")
        return self.state == "OPEN" and not self.queue and credit


class Carrier:
    """One end of a carrier. `side` is "C" or "A"."""

    def __init__(self, side: str, clock: Clock, *, window: int = WINDOW_BYTES,
                 channels_max: int = 0, rng: random.Random | None = None,
                 grease: bool = False) -> None:
        self.side = side
        self.clock = clock
        self.window = window
        self.channels_max = channels_max or (256 if side == "A" else 64)
        self.rng = rng or random.Random(1)
        self.grease = grease
        self.state = "GREETING"  # GREETING, LIVE, ENDING (what is written goes out), CLOSED
        self.told: collections.deque[Told] = collections.deque()
        self.hello = None  # accepting: the Hello; nothing is read until accept() or refuse()
        self.welcome = None  # connecting: the Welcome
        self.token = ""  # connecting
        self.principal = None  # accepting: who it is; None: not signed in
        self.channels: dict[int, Channel] = {}  # those not closed
        self.last_channel = 0
        self.calls: set[int] = set()  # ids of open calls
        self.problem = None  # of GOAWAY or REFUSE, said or heard
        self.watched = False  # set by watch()
        self._watched_ms = 0  # since when
        self.heard_ms = self.sent_ms = self.began_ms = clock.now_ms
        self.live_ms: int | None = None  # when it became LIVE
        self._reader = FrameReader()
        self._out = bytearray()
        self._greeting_bytes = 0
        self._heartbeat_ms = PING_MS
        self._ping_in_ms = 0
        self._pinged_ms = 0
        self._probed_ms: int | None = None
        self._ended_ms = 0
        self._peer_frame_bytes = PAYLOAD_BYTES_MAX
        self._held_calls: list = []

    # ---- bytes and time ----

    def receive(self, data: bytes) -> None:
        """Bytes arrived, in pieces of any size (1.1.1)."""
        if self.state in ("ENDING", "CLOSED") or not data:
            return
        if not broken("5.1.1"):
            self._heard()  # 5.1.1: any byte, part of a frame or not
        if self.state == "GREETING":
            self._greeting_bytes += len(data)
        self._reader.feed(data)
        self._read()

    def _heard(self) -> None:
        self.heard_ms = self.clock.now_ms
        if self._probed_ms is not None:
            self._probed_ms = None
            self.told.append(Told("HEARD"))

    def _waits_for_owner(self) -> bool:
        """Between HELLO and the answer nothing is read (3.1)."""
        return self.side == "A" and self.state == "GREETING" and self.hello is not None

    def _read(self) -> None:
        while self.state in ("GREETING", "LIVE") and not self._waits_for_owner():
            frame = self._reader.next()
            before_welcome = self.state == "GREETING"
            if before_welcome and self._reader.bytes_read > GREETING_BYTES_MAX \
                    and not broken("3.1.2"):
                return self.fault(LIMIT)  # 3.1.2
            if frame is None:
                if self._reader.fault is not None:
                    return self.fault(self._reader.fault.code)
                if before_welcome and self._greeting_bytes > GREETING_BYTES_MAX \
                        and not broken("3.1.2"):
                    return self.fault(LIMIT)  # 3.1.2: known before the frame is whole
                break
            if broken("5.1.1"):  # broken: only whole frames count
                self._heard()
            try:
                self._frame(frame)
            except WireFault as fault:
                self.fault(fault.code)
        self._flush()

    def take(self, room: int | None = None) -> bytes:
        """What is to be written to the carrier, at most `room` bytes."""
        data = b""
        self._flush()
        while self._out and (room is None or len(data) < room):
            size = len(self._out) if room is None else min(room - len(data), len(self._out))
            data += bytes(self._out[:size])
            del self._out[:size]
            self._flush()  # what had waited for the buffer
        if self.state == "ENDING" and not self._out:
            self.state = "CLOSED"  # 2.1.4
        return data

    def tick(self) -> None:
        """Timers that are due. Also to be called when the owner has dealt with what it was told."""
        now = self.clock.now_ms
        if self.state == "GREETING":
            self._tick_greeting(now)
        elif self.state == "LIVE":
            self._tick_live(now)
        elif self.state == "ENDING" and now >= self._ended_ms + CLOSE_MS:
            self.state = "CLOSED"  # 2.1.4

    def _tick_greeting(self, now: int) -> None:
        if self._waits_for_owner():
            if self._greeting_bytes > GREETING_BYTES_MAX and not broken("3.1.2"):
                self.fault(LIMIT)  # 3.1.2
        elif now >= self.began_ms + GREETING_MS:
            if self.side == "A" and not broken("3.1.3"):
                self.fault(1002)  # 3.1.3
            elif self.side == "C" and not broken("3.1.9"):
                self._silent()  # 3.1.9

    def watch(self, on: bool) -> None:
        """Somebody watches: the shorter times of 5.1, and silence counts from here on."""
        if on and not self.watched:
            self._watched_ms = self.clock.now_ms
        self.watched = on

    def _silent_at_ms(self) -> int:
        dead = self.heard_ms + SILENCE_MS
        if self.watched:
            dead = min(dead, max(self.heard_ms, self._watched_ms) + SILENCE_WATCHED_MS)
        return dead

    def _ping_due_ms(self) -> int:
        due = self.sent_ms + self._ping_in_ms
        if self.watched:
            due = min(due, max(self.heard_ms, self._pinged_ms) + PING_WATCHED_MS)
        return due

    def _tick_live(self, now: int) -> None:
        if now >= self._silent_at_ms() and not broken("5.1.3"):
            return self._silent()  # 5.1.3
        if self._probed_ms is not None and now >= self._probed_ms + PROBE_MS:
            return self._silent()  # 5.2.1
        if self.side == "A" and self.principal is None \
                and now >= self.live_ms + UNSIGNED_MS and not broken("3.2.1"):
            return self.fault(3001)  # 3.2.1
        if now >= self._ping_due_ms() and not broken("5.1.2"):
            self._ping()  # 5.1.2
        for channel in list(self.channels.values()):
            self._maybe_ack(channel)
        self._flush()

    def next_ms(self) -> int | None:
        """When tick() is to be called again."""
        now = self.clock.now_ms
        if self.state == "GREETING":
            due = [self.began_ms + GREETING_MS]
        elif self.state == "ENDING":
            due = [self._ended_ms + CLOSE_MS]
        elif self.state == "LIVE":
            due = [self._silent_at_ms(), self._ping_due_ms()]
            if self._probed_ms is not None:
                due.append(self._probed_ms + PROBE_MS)
            if self.side == "A" and self.principal is None:
                due.append(self.live_ms + UNSIGNED_MS)
            for channel in self.channels.values():
                if channel.own > channel.said and channel.unsaid_since_ms is not None:
                    due.append(channel.unsaid_since_ms + ACK_MS)
        else:
            return None
        later = [ms for ms in due if ms > now]
        return min(later) if later else None

    def _silent(self) -> None:
        """Given up without a word."""
        self.told.append(Told("SILENT"))
        self.cut()

    def cut(self) -> None:
        """The carrier is gone."""
        self.state = "CLOSED"
        self._out.clear()

    # ---- writing ----

    def _write(self, type_: int, *, payload: bytes = b"", **fields) -> None:
        if self.state not in ("GREETING", "LIVE"):
            return
        rule = RULES.get(type_)
        named = rule.fields if rule else ()
        self._out += encode(Frame(type=type_, payload=payload, **fields), named)
        self.sent_ms = self.clock.now_ms

    def _control(self, type_: int, message, **fields) -> None:
        self._write(type_, payload=messages.encode(message), **fields)

    def _ping(self) -> None:
        self._write(FT.FRAME_TYPE_PING, payload=self.rng.randbytes(8))
        self._pinged_ms = self.clock.now_ms
        self._choose_ping()

    def _choose_ping(self) -> None:
        """10 s, or heartbeat_ms if that is shorter, but no less than 1 s; +- 10 %, though never so
        late that 5.1.2 is missed."""
        self._ping_in_ms = int(self._heartbeat_ms * self.rng.uniform(0.9, 1.09))

    def probe(self) -> None:
        """5.2.1: a person acts."""
        if self.state == "LIVE":
            self._ping()
            self._probed_ms = self.clock.now_ms

    def fault(self, code: int, **problem) -> None:
        """GOAWAY as the last frame; nothing is read after it (2.1.4)."""
        self._end(FT.FRAME_TYPE_GOAWAY, protos.link.Problem(code=code, **problem))

    def goaway(self, code: int, **problem) -> None:
        """The owner says goodbye: what is due goes first."""
        for channel in list(self.channels.values()):
            if channel.own > channel.said:
                self._ack(channel)
        self._flush()
        self.fault(code, **problem)

    def _end(self, type_: int, problem) -> None:
        if self.state in ("ENDING", "CLOSED"):
            return
        self._control(type_, problem)
        self.problem = problem
        self.told.append(Told("GOAWAY_SENT", message=problem, code=problem.code))
        if broken("2.1.4") and self.state == "LIVE":
            return  # broken: goes on as if nothing had been said
        self.state = "ENDING"
        self._ended_ms = self.clock.now_ms

    # ---- the greeting ----

    def say_hello(self, hello) -> None:
        """C: the first frame (3.1.1)."""
        if broken("3.1.1"):  # broken: something stands before HELLO
            self._write(FT.FRAME_TYPE_PING, payload=bytes(8))
        self._control(FT.FRAME_TYPE_HELLO, hello)
        self._say_grease()

    def _say_grease(self) -> None:
        """2.3.1."""
        if self.grease:
            self._out += encode(Frame(type=SKIPPED_MIN + self.rng.randrange(1000),
                                      payload=b"grease"), ())

    def accept(self, welcome, principal=None) -> None:
        """A: the HELLO is good. `welcome` is filled in; `principal` None: not signed in."""
        if not self._waits_for_owner():
            return
        if self._greeting_bytes > GREETING_BYTES_MAX and not broken("3.1.2"):
            return self.fault(LIMIT)  # 3.1.2: what waits behind HELLO counts, too
        if not self.hello.version_min <= 1 <= self.hello.version_max and not broken("3.1.5"):
            return self.refuse(3006)  # 3.1.5
        welcome.version = 1
        if not broken("3.1.7"):
            welcome.server_time_ms = self.clock.unix_ms  # 3.1.7
        if principal is not None:
            welcome.principal.CopyFrom(principal)
        self.principal = principal
        self._peer_frame_bytes = self.hello.limits.frame_bytes or PAYLOAD_BYTES_MAX
        self._control(FT.FRAME_TYPE_WELCOME, welcome)
        self._heartbeat_ms = welcome.heartbeat_ms or PING_MS
        self._go_live()
        self._say_grease()
        self._read()

    def refuse(self, code: int, **problem) -> None:
        """A: REFUSE ends the carrier."""
        self._end(FT.FRAME_TYPE_REFUSE, protos.link.Problem(code=code, **problem))

    def _go_live(self) -> None:
        self.state = "LIVE"
        self.live_ms = self.heard_ms = self.clock.now_ms
        self._heartbeat_ms = max(PING_LEAST_MS, min(PING_MS, self._heartbeat_ms))
        self._choose_ping()

    # ---- a frame came ----

    def _frame(self, frame: Frame) -> None:
        if frame.type not in RULES:
            if frame.type >= SKIPPED_MIN:
                if broken("2.2.1"):
                    raise WireFault(PROTOCOL, "type %d" % frame.type)
                return  # 2.2.1: whatever its fields and payload, also before WELCOME
            if broken("2.2.2"):
                return
            raise WireFault(PROTOCOL, "type %d" % frame.type)  # 2.2.2
        rule = RULES[frame.type]
        if not self._is_expected(rule, frame) and not broken("2.1.1"):
            raise WireFault(PROTOCOL, "%s is not expected" % rule.name)  # 2.1.1
        handle = getattr(self, "_on_" + rule.name.lower())
        if not rule.on_channel:
            return handle(rule, frame)
        if rule.name == "OPEN":
            return self._on_open(rule, frame)
        channel = self._channel_of(rule, frame)
        if channel is not None:
            handle(rule, frame, channel)

    def _is_expected(self, rule: TypeRule, frame: Frame) -> bool:
        """First table of 2.1, and whether there is a channel number where there must be one."""
        if (frame.channel != 0) != rule.on_channel:
            return False
        sender = "A" if self.side == "C" else "C"
        if sender not in rule.side:
            return False
        if self.state == "GREETING":
            return rule.name in TAKEN_IN_GREETING[self.side]
        return rule.name not in GREETING_ONLY

    def _channel_of(self, rule: TypeRule, frame: Frame) -> Channel | None:
        """Second table of 2.1. None: the frame is ignored."""
        channel = self.channels.get(frame.channel)
        if channel is None:
            if frame.channel > self.last_channel or broken("2.4.3"):
                if broken("2.1.1"):
                    return None
                raise WireFault(PROTOCOL, "channel %d was never opened" % frame.channel)
            return None  # 2.4.3: late, whatever it holds
        what = (OPENING.get(rule.name, "fault") if channel.state == "OPENING"
                else OPEN.get(rule.name, "taken"))
        sender_publishes = not channel.publishes
        fits = (not rule.role or (rule.role == "P") == sender_publishes) and \
            (not rule.log or channel.log == getattr(protos.link, "LOG_" + rule.log))
        if what == "fault" or not fits:
            if broken("2.1.1"):
                return None
            raise WireFault(PROTOCOL, "%s on channel %d" % (rule.name, frame.channel))  # 2.1.1
        return channel if what == "taken" else None

    def _payload(self, rule: TypeRule, frame: Frame):
        """The decoded payload of a control frame, or WireFault (2.1.2)."""
        try:
            message = messages.decode(rule.message, frame.payload)
            messages.understood(message)
        except WireFault as fault:
            if broken("2.1.2"):
                return rule.message()  # broken: takes it for an empty one
            raise WireFault(PROTOCOL, str(fault)) from None  # 2.1.2
        return message

    # ---- frames of the link ----

    def _on_hello(self, rule: TypeRule, frame: Frame) -> None:
        try:
            hello = messages.decode(protos.link.Hello, frame.payload)
            messages.understood(hello)
            bad = not messages.is_id(hello.link_id) or (hello.token and hello.generation == 0)
        except WireFault:
            hello, bad = protos.link.Hello(), True
        if bad and not broken("3.1.4"):
            return self.refuse(PROTOCOL)  # 3.1.4
        self.hello = hello
        self.told.append(Told("HELLO", message=hello))

    def _on_welcome(self, rule: TypeRule, frame: Frame) -> None:
        welcome = self._payload(rule, frame)
        if welcome.version != 1 and not broken("3.1.8"):
            raise WireFault(PROTOCOL, "version %d" % welcome.version)  # 3.1.8
        self.welcome = welcome
        self._heartbeat_ms = welcome.heartbeat_ms or PING_MS
        self._peer_frame_bytes = welcome.limits.frame_bytes or PAYLOAD_BYTES_MAX
        self._go_live()
        self.told.append(Told("WELCOME", message=welcome))
        while self._held_calls:
            self.request(self._held_calls.pop(0))

    def _over(self, kind: str, problem) -> None:
        """2.1.4: said by the peer."""
        self.told.append(Told(kind, message=problem, code=problem.code))
        self.problem = problem
        if not broken("2.1.4"):
            self.state = "ENDING"
            self._out.clear()
            self._ended_ms = self.clock.now_ms

    def _on_refuse(self, rule: TypeRule, frame: Frame) -> None:
        self._over("REFUSED", self._payload(rule, frame))

    def _on_goaway(self, rule: TypeRule, frame: Frame) -> None:
        self._over("GOAWAY", self._payload(rule, frame))

    def _on_ping(self, rule: TypeRule, frame: Frame) -> None:
        if len(frame.payload) != 8 and not broken("2.6.2"):
            raise WireFault(PROTOCOL, "a PING of %d bytes" % len(frame.payload))  # 2.6.2
        if broken("2.6.1"):
            self._write(FT.FRAME_TYPE_PONG, payload=bytes(8))
        else:
            self._write(FT.FRAME_TYPE_PONG, payload=frame.payload)  # 2.6.1

    def _on_pong(self, rule: TypeRule, frame: Frame) -> None:
        if len(frame.payload) != 8 and not broken("2.6.2"):
            raise WireFault(PROTOCOL, "a PONG of %d bytes" % len(frame.payload))  # 2.6.2

    def _on_request(self, rule: TypeRule, frame: Frame) -> None:
        request = self._payload(rule, frame)
        if not broken("2.8.1"):
            if request.id in self.calls:
                raise WireFault(PROTOCOL, "call %d is open" % request.id)  # 2.8.1
            if len(self.calls) >= REQUESTS_MAX:
                raise WireFault(LIMIT, "a 17th call")  # 2.8.1
        self.calls.add(request.id)
        self.told.append(Told("REQUEST", frame=frame, message=request))

    def _on_reply(self, rule: TypeRule, frame: Frame) -> None:
        reply = self._payload(rule, frame)
        if reply.id not in self.calls:
            if broken("2.8.2"):
                return
            raise WireFault(PROTOCOL, "no call %d is open" % reply.id)  # 2.8.2
        if not reply.more:
            self.calls.discard(reply.id)
        self.told.append(Told("REPLY", frame=frame, message=reply))

    def request(self, request) -> None:
        """C: a call; before WELCOME it waits (3.1.1)."""
        if self.state == "GREETING" and not broken("3.1.1"):
            self._held_calls.append(request)
            return
        self.calls.add(request.id)
        self._control(FT.FRAME_TYPE_REQUEST, request)

    def reply(self, reply) -> None:
        """Nothing is said to a call that is over (2.8.3)."""
        if reply.id not in self.calls:
            return
        if not reply.more:
            self.calls.discard(reply.id)
        self._control(FT.FRAME_TYPE_REPLY, reply)

    # ---- channels ----

    def open_channel(self, open_message, held: int = 0) -> Channel:
        """C: attaches a log, on the next number (2.4.1). It may go in the first flight."""
        if not broken("2.4.1") or self.last_channel == 0:
            self.last_channel += 1
        else:  # broken: a number is used again once its channel is closed
            self.last_channel = max(self.channels, default=0) + 1
        publishes = open_message.direction == PUBLISH
        channel = Channel(self.last_channel, open_message, publishes)
        self.channels[channel.number] = channel
        if broken("9.1.1"):  # broken: each channel shows the token again
            open_message.description.title = self.token
        credit = 0
        if not publishes:
            credit = self._first_credit(channel, held)
        self._control(FT.FRAME_TYPE_OPEN, open_message, channel=channel.number, credit=credit)
        return channel

    def _first_credit(self, channel: Channel, held: int) -> int:
        """4.4: the window less what is still held from earlier channels of the same log."""
        channel.window, channel.held = self.window, held
        channel.granted = max(0, self.window - held)
        return channel.granted

    def _on_open(self, rule: TypeRule, frame: Frame) -> None:
        """The link's part of the table in 3.4; the rest is the owner's."""
        message = self._payload(rule, frame)
        log, direction = (messages.enum_value(message, f) for f in ("log", "direction"))
        if (len(message.session_id) != 16 or not log or not direction) and not broken("2.1.2"):
            raise WireFault(PROTOCOL, "an OPEN that cannot be understood")  # 3.4
        if frame.channel <= self.last_channel and not broken("2.4.2"):
            raise WireFault(PROTOCOL, "channel %d again" % frame.channel)  # 2.4.2
        if len(self.channels) >= self.channels_max and not broken("2.4.4"):
            raise WireFault(LIMIT, "too many channels")  # 2.4.4
        self.last_channel = max(self.last_channel, frame.channel)
        channel = Channel(frame.channel, message, direction == SUBSCRIBE)
        channel.credit = frame.credit if channel.publishes else 0
        self.channels[channel.number] = channel
        if self.principal is None and not broken("3.2.1"):
            return self.close(channel, 3001)  # 3.2.1
        self.told.append(Told("OPEN", channel, frame, message))

    def opened(self, channel: Channel, opened, held: int = 0, empty_log: bool = False) -> None:
        """A: the OPEN is good. A subscriber gets SYNCED from here on by itself (3.18)."""
        channel.state = "OPEN"
        channel.opened = opened
        channel.cursor = channel.own = channel.said = opened.next
        channel.empty_log = empty_log
        channel.end = max(channel.end, opened.watermark) if not channel.publishes \
            else opened.watermark
        credit = 0 if channel.publishes else self._first_credit(channel, held)
        self._control(FT.FRAME_TYPE_OPENED, opened, channel=channel.number, credit=credit)
        if channel.publishes:
            until = channel.open.until
            channel.target = min(until, opened.watermark) if until else opened.watermark

    def _on_opened(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        opened = self._payload(rule, frame)
        channel.state = "OPEN"
        channel.opened = opened
        channel.cursor = channel.own = channel.said = opened.next
        if channel.publishes:
            channel.credit = frame.credit
        self.told.append(Told("OPENED", channel, frame, opened))

    def close(self, channel: Channel, code: int, offset: int = 0, tell: bool = False,
              **problem) -> None:
        """CLOSE; the carrier and its other channels live on (2.5.1)."""
        if self.channels.pop(channel.number, None) is None:
            return
        channel.state = "CLOSED"
        channel.queue.clear()
        message = protos.link.Problem(code=code, **problem)
        if broken("2.5.1") and code:
            return self.fault(code)  # broken: one channel takes the carrier with it
        self._control(FT.FRAME_TYPE_CLOSE, message, channel=channel.number, offset=offset)
        if tell:
            self.told.append(Told("CLOSED", channel, None, message, code=code))

    def _on_close(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        problem = self._payload(rule, frame)
        self.channels.pop(channel.number, None)
        channel.state = "CLOSED"
        channel.queue.clear()
        self.told.append(Told("CLOSED", channel, frame, problem, frame.offset, problem.code))

    # ---- publishing ----

    def offer(self, channel: Channel, frame: Frame) -> None:
        """A BLOCK or TAIL to be sent as soon as credit allows, once (4.3.1, 4.4.1)."""
        frame.channel = channel.number
        channel.queue.append(frame)
        self._flush()

    def extend(self, channel: Channel, end: int) -> None:
        """The owner's log reaches to `end`."""
        channel.end = max(channel.end, end)

    def _flush(self) -> None:
        if self.state != "LIVE":
            return
        for channel in list(self.channels.values()):
            self._maybe_synced(channel)  # at once, when there is nothing to send before it
            while channel.state == "OPEN" and channel.queue and self._may_send(channel):
                self._send_next(channel)

    def fits_peer(self, size: int) -> bool:
        """3.1.10: the peer takes a payload of so many bytes."""
        return size <= self._peer_frame_bytes or broken("3.1.10")

    def _may_send(self, channel: Channel) -> bool:
        if not self.fits_peer(len(channel.queue[0].payload)):
            return False  # 3.1.10: the owner sees that it waits, and closes the channel
        if len(self._out) >= WAITING_BYTES_MAX:
            return False  # 4.5.2
        return channel.sent < channel.credit or broken("4.4.1")  # 4.4.1: one may overshoot

    def _send_next(self, channel: Channel) -> None:
        frame = channel.queue.popleft()
        block = frame.type == FT.FRAME_TYPE_BLOCK
        until = channel.open.until
        if block and frame.offset + frame.count <= channel.cursor:
            return  # 4.3.1
        if until and (not block or frame.offset >= until):
            return  # 3.18.1, 3.23: no tails on a channel with `until`
        self._send(channel, frame)
        if block:
            channel.last = frame
            channel.cursor = frame.offset + frame.count
            self._maybe_synced(channel)

    def _send(self, channel: Channel, frame: Frame) -> None:
        channel.sent += len(frame.payload)
        self._write(frame.type, **{f.name: getattr(frame, f.name) for f in
                                   dataclasses.fields(Frame) if f.name != "type"})

    def _maybe_synced(self, channel: Channel) -> None:
        """3.18.1: once, when the watermark has been reached."""
        if channel.target is None or channel.cursor < channel.target:
            return
        target, channel.target = channel.target, None
        self._write(FT.FRAME_TYPE_SYNCED, channel=channel.number, offset=target)
        if channel.open.until and not broken("3.18.1"):  # broken: the channel stays open
            self.close(channel, 0, tell=True)

    def _on_ack(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        if frame.credit > channel.credit or (broken("4.2.3") and frame.credit):
            channel.credit = frame.credit  # 4.2.3: a lower one, or 0, changes nothing
        limit = max(channel.end, channel.open.next, channel.cursor)
        if frame.offset > limit and not broken("4.2.4"):
            return self.close(channel, 2003, tell=True)  # 4.2.4
        if broken("4.3.1") and frame.offset < channel.cursor and channel.last is not None:
            self._send(channel, channel.last)  # broken: the ACK did not name it, so it is lost
        before = channel.acked
        if before is None or frame.offset > before or frame.offset < before and broken("4.2.3"):
            channel.acked = frame.offset
            self.told.append(Told("ACKED", channel, frame, offset=frame.offset))

    def info(self, channel: Channel, payload: bytes) -> None:
        """INFO, encoded by the owner (2.7)."""
        self._write(FT.FRAME_TYPE_INFO, channel=channel.number, payload=payload)

    def log_status(self, channel: Channel, status) -> None:
        self._control(FT.FRAME_TYPE_LOG_STATUS, status, channel=channel.number)

    def receipt(self, channel: Channel, offset: int, receipt) -> None:
        self._control(FT.FRAME_TYPE_RECEIPT, receipt, channel=channel.number, offset=offset)

    # ---- subscribing ----

    def _on_info(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        if len(frame.payload) > rule.payload_max and not broken("2.7.3"):
            raise WireFault(LIMIT, "INFO of %d bytes" % len(frame.payload))  # 2.7.3
        self.told.append(Told("INFO", channel, frame))

    def _on_log_status(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        self.told.append(Told("LOG_STATUS", channel, frame, self._payload(rule, frame)))

    def _on_receipt(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        self.told.append(Told("RECEIPT", channel, frame, self._payload(rule, frame),
                              frame.offset))

    def _on_synced(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        self.told.append(Told("SYNCED", channel, frame, offset=frame.offset))

    def _count(self, channel: Channel, frame: Frame) -> None:
        """4.4.2."""
        if channel.received >= channel.granted and not broken("4.4.2"):
            raise WireFault(LIMIT, "more than the credit")  # 4.4.2
        channel.received += len(frame.payload)

    def _on_block(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        bad_set = frame.flags & SNAPSHOT and not 1 <= frame.part <= frame.parts
        if (frame.count == 0 or not frame.payload or frame.dictionary or bad_set
                or frame.offset + frame.count > NUMBER_MAX) and not broken("2.1.3"):
            raise WireFault(PROTOCOL, "a BLOCK that cannot be")  # 2.1.3
        self._count(channel, frame)
        begin, end, cursor = frame.offset, frame.offset + frame.count, channel.cursor
        relay = self.side == "A"
        if end <= cursor:
            return self._duplicate(channel, frame)
        if begin < cursor and relay:
            return self.close(channel, 2003, tell=True)  # 3.15, 3.8.3
        jump = begin > cursor
        if jump:
            if not (frame.flags & SNAPSHOT and frame.part == 1):
                if not broken("3.15.1"):  # broken: takes what comes
                    raise WireFault(PROTOCOL, "a hole before %d" % begin)  # 3.15
            elif relay and not channel.empty_log:
                return self.close(channel, 2003, tell=True)  # 3.15
            channel.known = False  # 3.23: a jump over blocks
        channel.cursor = end
        channel.empty_log = False
        channel.unsaid_blocks += 1
        channel.unsaid_bytes += len(frame.payload)
        if channel.unsaid_since_ms is None:
            channel.unsaid_since_ms = self.clock.now_ms
        if frame.flags & CLEARS_TAIL:  # 3.23
            channel.known, channel.base, channel.index, channel.lost = True, end, 0, False
        self.told.append(Told("BLOCK", channel, frame, offset=begin, jump=jump,
                              skip=0 if jump else cursor - begin))

    def _duplicate(self, channel: Channel, frame: Frame) -> None:
        """3.15: dropped, and acknowledged again, with what is the owner's own already (4.1.1)."""
        if broken("3.15.1"):  # broken: given to the application again
            self.told.append(Told("BLOCK", channel, frame, offset=frame.offset))
            return
        self._consume(channel, len(frame.payload))
        self._ack(channel)

    def _on_tail(self, rule: TypeRule, frame: Frame, channel: Channel) -> None:
        if frame.flags & COMPRESSED and not broken("2.1.3"):
            raise WireFault(PROTOCOL, "a compressed TAIL")  # 2.1.3
        self._count(channel, frame)
        if self._tail_is_next(channel, frame):
            self.told.append(Told("TAIL", channel, frame, offset=frame.offset))
        else:
            self._consume(channel, len(frame.payload))  # 3.23: counts for credit all the same

    def _tail_is_next(self, channel: Channel, frame: Frame) -> bool:
        """The table of 3.23."""
        if broken("3.23.1"):
            return True  # broken: whatever comes is shown
        if not channel.known:
            if frame.count != 0 or frame.offset > channel.cursor:
                return False
            channel.known, channel.base = True, frame.offset
            channel.index, channel.lost = 0, False
        if frame.offset != channel.base or channel.lost or frame.count < channel.index:
            return False
        if frame.count > channel.index:
            channel.lost = True
            return False
        channel.index += 1
        return True

    def ack(self, channel: Channel, next_offset: int, always: bool = False) -> None:
        """All below `next_offset` is the owner's own now. `always`: say it even if it was said
        before (3.8.5, 3.14.4)."""
        channel.own = max(channel.own, next_offset)
        if always:
            self._ack(channel)
        else:
            self._maybe_ack(channel)

    def consumed(self, channel: Channel, size: int) -> None:
        """Payload bytes that the application does not hold any more (4.4)."""
        self._consume(channel, size)

    def _consume(self, channel: Channel, size: int) -> None:
        channel.consumed += size
        if channel.state == "OPEN" and self._credit_is_due(channel):
            self._ack(channel)

    def _can_grant(self, channel: Channel) -> int:
        consumed = channel.received if broken("4.4.3") else channel.consumed
        return consumed + channel.window - channel.held

    def _credit_is_due(self, channel: Channel) -> bool:
        """4.4.3: at half a window more than was said."""
        return self._can_grant(channel) >= channel.granted + (channel.window + 1) // 2

    def _maybe_ack(self, channel: Channel) -> None:
        """4.2.1, 4.2.2: soon, and at once when everything received is the owner's own."""
        if channel.publishes or channel.state != "OPEN":
            return
        if broken("4.4.3") and self._credit_is_due(channel):
            return self._ack(channel)
        if channel.own <= channel.said or broken("4.2.2"):
            return
        late = channel.unsaid_since_ms is not None and \
            self.clock.now_ms >= channel.unsaid_since_ms + ACK_MS
        if channel.own >= channel.cursor or late or channel.unsaid_blocks >= ACK_BLOCKS \
                or channel.unsaid_bytes >= ACK_BYTES:
            self._ack(channel)

    def _ack(self, channel: Channel) -> None:
        credit = 0
        if self._credit_is_due(channel):
            credit = channel.granted = self._can_grant(channel)
        channel.said = channel.own
        channel.unsaid_blocks = channel.unsaid_bytes = 0
        channel.unsaid_since_ms = None if channel.own >= channel.cursor else self.clock.now_ms
        self._write(FT.FRAME_TYPE_ACK, channel=channel.number, offset=channel.own, credit=credit)
