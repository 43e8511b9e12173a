"""Roles ACCEPTING and CONNECTING: a link alone, with an owner that does what acts say
(conformance/README.md, "Roles")."""
import collections

import protos
from carrier import EVENTS, WINDOW_BYTES, Carrier, Channel, Told
from clock import Clock
from link import Connecting, Output, make_block, make_tail
from wire import SNAPSHOT

OUTCOMES = {"CONTINUED": 1, "SNAPSHOT": 2, "RESET": 3, "EMPTY": 4}
SHOWN = {"CONNECTED", "LOST", "DEAD"}  # not told: words of link.py only
EPOCH = b"\x33" * 16
SESSION = b"\x11" * 16


class Unsupported(Exception):
    """An act that this role cannot do."""


def line(told: Told) -> str:
    """A thing told, in the one-line form of README.md."""
    out = [told.kind]
    if told.channel is not None:
        out.append("ch=%d" % told.channel.number)
    if told.kind in ("REFUSED", "GOAWAY", "GOAWAY_SENT", "CLOSED"):
        out.append("code=%d" % told.code)
        for name in ("retry_after_ms", "stored_generation"):
            if getattr(told.message, name, 0):
                out.append("%s=%d" % (name, getattr(told.message, name)))
    elif told.kind == "OPENED":
        out += ["%s=%d" % (n, getattr(told.message, n)) for n in ("next", "watermark", "outcome")]
    elif told.kind in ("BLOCK", "TAIL", "ACKED", "SYNCED", "RECEIPT"):
        out.append("offset=%d" % told.offset if told.kind != "BLOCK"
                   else "offset=%d count=%d" % (told.frame.offset, told.frame.count))
        if told.kind == "TAIL":
            out.append("index=%d" % told.frame.count)
        if told.skip:
            out.append("skip=%d" % told.skip)
    return " ".join(out)


def number(value, names: dict[str, int]) -> int:
    return names[value] if isinstance(value, str) else int(value)


LOGS = {"EVENTS": 1, "COMMANDS": 2}
DIRECTIONS = {"PUBLISH": 1, "SUBSCRIBE": 2}
STARTS = {"RESUME": 1, "SNAPSHOT": 2, "BEGINNING": 3, "LIVE": 4}


class Owner:
    """What both sides' owners do; `carrier` is the present one."""

    def __init__(self, clock: Clock, config: dict) -> None:
        self.clock = clock
        self.window = config.get("credit_window_bytes", WINDOW_BYTES)
        self.outputs: collections.deque[Output] = collections.deque()
        self.waiting: dict[int, list] = {}  # blocks and tails of the owner's log, by channel
        self.known: dict[int, Channel] = {}

    def carrier(self) -> Carrier | None:
        raise NotImplementedError

    def tell(self, told_queue) -> None:
        while told_queue:
            told = told_queue.popleft()
            if told.channel is not None:
                self.known[told.channel.number] = told.channel
            if told.kind not in SHOWN:
                self.outputs.append(Output("told", told={"event": line(told)}))

    def act(self, name: str, a: dict) -> None:
        act = getattr(self, "act_" + name, None)
        if act is None:
            raise Unsupported("no act %s" % name)
        if self.carrier() is not None or name == "watch":
            act(a)

    def channel(self, a: dict) -> Channel | None:
        return self.carrier().channels.get(a.get("channel", 1))

    # ---- acts of both sides ----

    def act_block(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is None:
            return
        flags = a.get("flags", 0)
        if isinstance(flags, list):
            flags = sum({"COMPRESSED": 1, "SEALED": 2, "SNAPSHOT": 4, "CLEARS_TAIL": 8}[f]
                        for f in flags)
        offset, count = a["offset"], a.get("count", 1)
        channel.end = max(channel.end, offset + count)
        self.waiting.setdefault(channel.number, []).append(make_block(
            offset, b"b" * a.get("bytes", 4), count, flags=flags, part=a.get("part", 0),
            parts=a.get("parts", 0)))
        self.pump()

    def act_tail(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.waiting.setdefault(channel.number, []).append(make_tail(
                a["offset"], a["index"], b"t" * a.get("bytes", 4)))
            self.pump()

    def pump(self) -> None:
        """The log's blocks and tails, in order, each when the cursor is there (3.8.3, 3.23.4)."""
        carrier = self.carrier()
        if carrier is None:
            return
        for channel in list(carrier.channels.values()):
            waiting = self.waiting.get(channel.number, [])
            while waiting and channel.sendable():
                frame = self._next(channel, waiting)
                if frame is None:
                    break
                carrier.offer(channel, frame)

    def _next(self, channel: Channel, waiting: list):
        blocks = [f for f in waiting if f.type == protos.FT.FRAME_TYPE_BLOCK]
        block = min(blocks, key=lambda f: f.offset, default=None)
        for frame in list(waiting):
            if frame.type == protos.FT.FRAME_TYPE_TAIL:
                if frame.offset <= channel.cursor and not channel.open.until \
                        and channel.target is None:
                    waiting.remove(frame)
                    return frame
                continue
            if frame is not block:
                continue
            if frame.offset + frame.count <= channel.cursor:
                waiting.remove(frame)  # 4.3.1
                return self._next(channel, waiting)
            if frame.offset < channel.cursor:  # 3.8.3: cut
                frame.count -= channel.cursor - frame.offset
                frame.offset = channel.cursor
            if frame.offset == channel.cursor or frame.flags & SNAPSHOT and frame.part == 1:
                waiting.remove(frame)
                return frame
            return None
        return None

    def act_extend(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.carrier().extend(channel, a["end"])

    def act_ack(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.carrier().ack(channel, a["next"])

    def act_consumed(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.carrier().consumed(channel, a["bytes"])

    def act_close(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.carrier().close(channel, a.get("code", 0), a.get("offset", 0))

    def act_goaway(self, a: dict) -> None:
        self.carrier().goaway(a.get("code", 0), retry_after_ms=a.get("retry_after_ms", 0))

    def act_info(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None and channel.log == EVENTS:  # 2.7
            self.carrier().info(channel, b"i" * a.get("bytes", 4))

    def act_watch(self, a: dict) -> None:
        if self.carrier() is not None:
            self.carrier().watch(bool(a.get("on", True)))


class ConnectingRole(Owner):
    def __init__(self, clock: Clock, config: dict) -> None:
        super().__init__(clock, config)
        roles = {"HOST": 1, "CLIENT": 2}
        self.link = Connecting(
            clock, token=config.get("token", "token"),
            link_id=bytes.fromhex(config["link_id"]) if "link_id" in config else b"",
            role=number(config.get("role", "CLIENT"), roles), window=self.window,
            generation=config.get("generation", 0),
            channels_max=config.get("channels_max", 64), grease=config.get("grease", False))
        self.link.start()

    def carrier(self) -> Carrier | None:
        return self.link.carrier

    def connected(self, carrier: int, refused: bool) -> None:
        self.waiting.clear()
        self.link.refused(carrier) if refused else self.link.connected(carrier)

    def receive(self, carrier: int, data: bytes) -> None:
        self.link.receive(carrier, data)

    def cut(self, carrier: int) -> None:
        self.link.cut(carrier)

    def room(self, carrier: int, size: int) -> None:
        self.link.room(carrier, size)

    def tick(self) -> None:
        self.pump()
        self.link.tick()
        self.tell(self.link.told)
        self.outputs.extend(self.link.outputs)
        self.link.outputs.clear()

    def next_ms(self) -> int | None:
        return self.link.next_ms()

    # ---- acts ----

    def act_open(self, a: dict) -> None:
        message = protos.link.Open(
            session_id=bytes.fromhex(a["session_id"]) if "session_id" in a else SESSION,
            log=number(a["log"], LOGS), direction=number(a["direction"], DIRECTIONS),
            epoch=bytes.fromhex(a.get("epoch", "")), next=a.get("next", 0),
            until=a.get("until", 0), first_retained=a.get("first_retained", 0),
            writer_generation=a.get("writer_generation", 0),
            start=number(a.get("start", 0), STARTS))
        self.link.carrier.open_channel(message, a.get("held", 0))

    def act_request(self, a: dict) -> None:
        self.link.carrier.request(protos.relay.Request(
            id=a.get("id", 1), list_sessions=protos.relay.ListSessions()))

    def act_probe(self, a: dict) -> None:
        self.link.carrier.probe()

    def act_watch(self, a: dict) -> None:
        self.link.watched = bool(a.get("on", True))


class AcceptingRole(Owner):
    def __init__(self, clock: Clock, config: dict) -> None:
        super().__init__(clock, config)
        self.config = config
        self.number = 0
        self.present: Carrier | None = None
        self.room_left: int | None = None

    def carrier(self) -> Carrier | None:
        return self.present

    def connected(self, carrier: int, refused: bool) -> None:
        self.number = carrier
        self.waiting.clear()
        self.room_left = None
        self.present = Carrier("A", self.clock, window=self.window,
                               channels_max=self.config.get("channels_max", 256),
                               grease=self.config.get("grease", False))

    def receive(self, carrier: int, data: bytes) -> None:
        if carrier == self.number and self.present is not None:
            self.present.receive(data)

    def cut(self, carrier: int) -> None:
        if carrier == self.number and self.present is not None:
            self.present.cut()
            self.present = None

    def room(self, carrier: int, size: int) -> None:
        self.room_left = size

    def tick(self) -> None:
        if self.present is None:
            return
        self.pump()
        self.present.tick()
        self.tell(self.present.told)
        data = self.present.take(self.room_left)
        if self.room_left is not None:
            self.room_left -= len(data)
        if data:
            self.outputs.append(Output("bytes", self.number, data))
        if self.present.state == "CLOSED":
            self.tell(self.present.told)
            self.outputs.append(Output("closed", self.number))
            self.present = None

    def next_ms(self) -> int | None:
        return self.present.next_ms() if self.present is not None else None

    # ---- acts ----

    def act_accept(self, a: dict) -> None:
        principal = None
        if a.get("principal", True):
            principal = protos.link.Principal(account="home", device_id=b"\x55" * 16,
                                              device="device")
        self.present.accept(protos.link.Welcome(
            limits=protos.link.Limits(frame_bytes=262144, channels=self.present.channels_max),
            heartbeat_ms=10_000, agent="peer/1"), principal)

    def act_refuse(self, a: dict) -> None:
        self.present.refuse(a["code"])

    def act_opened(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is None or channel.state != "OPENING":
            return
        self.present.opened(channel, protos.link.Opened(
            epoch=bytes.fromhex(a["epoch"]) if "epoch" in a else EPOCH, next=a.get("next", 0),
            watermark=a.get("watermark", a.get("next", 0)),
            outcome=number(a.get("outcome", "CONTINUED"), OUTCOMES)), a.get("held", 0))

    def act_reply(self, a: dict) -> None:
        self.present.reply(protos.relay.Reply(id=a.get("id", 1), more=a.get("more", False),
                                              done=protos.relay.Done()))

    def act_status(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.present.log_status(channel, protos.link.LogStatus(
                events_next=a.get("events_next", 0)))

    def act_receipt(self, a: dict) -> None:
        channel = self.channel(a)
        if channel is not None:
            self.present.receipt(channel, a.get("offset", 0), protos.link.Receipt(
                command_id=b"\x66" * 16, stored=protos.link.Stored(epoch=EPOCH)))
