"""The connecting side over all its carriers: dialling, HELLO with a growing generation, and coming
back after a loss (docs/spec.md, sections 3.1, 3.3 and 5.3). The accepting side has one Carrier("A")
for each carrier and nothing beyond it.

For a host or a client:

    link = Connecting(clock, token=..., role=protos.link.ROLE_HOST)
    link.start()                      # asks for a carrier: Output("dial", 1)
    link.connected(1)                 # told CONNECTED: HELLO was written, OPENs may follow it
    channel = link.carrier.open_channel(protos.link.Open(...))
    link.receive(1, data); link.tick()
    link.carrier.offer / ack / consumed / close / request ...   (carrier.py)
    link.told, link.outputs           # what the owner must know; what goes out
"""
import collections
import dataclasses
import random

import protos
from breaks import broken
from carrier import (COMMANDS, EVENTS, PUBLISH, SUBSCRIBE, WINDOW_BYTES, Carrier, Channel, Told)
from clock import Clock
from protos import FT
from wire import (CLEARS_TAIL, COMPRESSED, PAYLOAD_BYTES_MAX, SEALED, SNAPSHOT, Frame, WireFault,
                  delimited, varint)

__all__ = ["Carrier", "Channel", "Clock", "Connecting", "Frame", "Output", "Told", "WireFault",
           "CLEARS_TAIL", "COMPRESSED", "SEALED", "SNAPSHOT", "COMMANDS", "EVENTS", "PUBLISH",
           "SUBSCRIBE", "WINDOW_BYTES", "class_of", "delimited", "varint", "make_block",
           "make_tail"]

BACKOFF_FIRST_MS, BACKOFF_MAX_MS = 250, 30_000  # 5.3
LIVE_LONG_MS = 60_000  # 5.3.1
LIVE_ENOUGH_MS = 2_000  # 5.3: what was LIVE for so long is tried again at once
SLOW_DOWN = 1004


@dataclasses.dataclass
class Output:
    """What goes out of a role: "dial", "bytes" or "closed" of a carrier, or "told" (a JSON
    object)."""
    kind: str
    carrier: int = 0
    data: bytes = b""
    told: object = None


def class_of(code: int) -> int:
    """What a code asks of its receiver (section 8): its thousand; from 6000 on, 4 (8.1.1)."""
    if broken("8.1.1") and code not in KNOWN_CODES:
        return 4 if code < 4000 else 1  # broken: an unknown code is what it happens to be
    return code // 1000 if code < 6000 else 4


KNOWN_CODES = ({0} | set(range(1001, 1005)) | set(range(2001, 2004)) | set(range(3001, 3010))
               | set(range(4001, 4005)) | set(range(5001, 5013)))


def make_block(offset: int, payload: bytes, count: int = 1, *, flags: int = 0,
               inflated_bytes: int = 0, part: int = 0, parts: int = 0) -> Frame:
    return Frame(type=FT.FRAME_TYPE_BLOCK, offset=offset, count=count, flags=flags,
                 inflated_bytes=inflated_bytes, part=part, parts=parts, payload=payload)


def make_tail(base: int, index: int, payload: bytes) -> Frame:
    """3.23: `base` is the end of the last CLEARS_TAIL block."""
    return Frame(type=FT.FRAME_TYPE_TAIL, offset=base, count=index, payload=payload)


class Connecting:
    """A link. `carrier` is the present one, None between two of them.

    Besides what carrier.py says, it tells CONNECTED (a carrier is there and HELLO was written: the
    owner opens its channels now, all former ones are gone), LOST (the carrier was cut) and DEAD
    (`code`: it will not connect again by itself)."""

    def __init__(self, clock: Clock, *, token: str, link_id: bytes = b"", role: int = 0,
                 agent: str = "peer/1", generation: int = 0, window: int = WINDOW_BYTES,
                 channels_max: int = 64, grease: bool = False, seed: int = 1) -> None:
        self.clock = clock
        self.rng = random.Random(seed)
        self.token = token
        self.link_id = link_id or self.rng.randbytes(16)  # 1.6.1
        self.role = role
        self.agent = agent
        self.generation = generation
        self.window = window
        self.channels_max = channels_max
        self.grease = grease
        self.carrier: Carrier | None = None
        self.number = 0  # of the present carrier, or of the one that was asked for
        self.watched = False
        self.told: collections.deque[Told] = collections.deque()
        self.outputs: collections.deque[Output] = collections.deque()
        self.dead = False
        self._dialling = False
        self._dial_ms: int | None = None  # when the next attempt is due
        self._attempts = 0  # k of 5.3
        self._first = True  # the first carrier that is lost is replaced at once
        self._room: int | None = None

    # ---- dialling ----

    def start(self) -> None:
        """The first attempt, at once."""
        self._dial()

    def stop(self) -> None:
        """The link ends for good; nothing is told any more."""
        self.dead = True
        self._dial_ms = None

    def _dial(self) -> None:
        self.number += 1
        self._dial_ms = None
        self._dialling = True
        self.outputs.append(Output("dial", self.number))

    def connected(self, number: int) -> None:
        """The carrier that was asked for is there."""
        if number != self.number or self.dead:
            self.outputs.append(Output("closed", number))
            return
        self._dialling = False
        self.generation += 1
        self.carrier = Carrier("C", self.clock, window=self.window,
                               channels_max=self.channels_max, rng=self.rng, grease=self.grease)
        self.carrier.watch(self.watched)
        self.carrier.token = self.token
        self.carrier.told = self.told  # one order for everything
        self._room = None
        self.carrier.say_hello(self._hello())
        self.told.append(Told("CONNECTED"))

    def _hello(self):
        """3.1. The token travels here only (9.1.1)."""
        hello = protos.link.Hello(
            version_min=1, version_max=1, link_id=self.link_id, generation=self.generation,
            token=self.token, role=self.role, agent=self.agent,
            limits=protos.link.Limits(frame_bytes=PAYLOAD_BYTES_MAX, channels=self.channels_max))
        if self.grease:
            hello.features.append("grease.%04x" % self.rng.randrange(65536))  # 2.3.1
        return hello

    def refused(self, number: int) -> None:
        """The relay could not be reached."""
        if number == self.number:
            self._dialling = False
            self._come_back(None)

    # ---- the present carrier ----

    def receive(self, number: int, data: bytes) -> None:
        """Bytes for a carrier that was given up are dropped (3.3.3)."""
        if self.carrier is not None and number == self.number:
            self.carrier.receive(data)
            self._after()

    def room(self, number: int, size: int) -> None:
        """The carrier takes so many bytes more."""
        if number == self.number:
            self._room = size
            self._after()

    def cut(self, number: int) -> None:
        """The carrier is gone."""
        if self.carrier is not None and number == self.number:
            carrier, self.carrier = self.carrier, None
            carrier.cut()
            self.told.append(Told("LOST"))
            self._lost(carrier)

    def tick(self) -> None:
        """Time has passed, or the owner has acted."""
        if self.carrier is not None:
            self.carrier.watch(self.watched)
            self.carrier.tick()
        self._after()
        if self._dial_ms is not None and self.clock.now_ms >= self._dial_ms and not self.dead:
            self._dial()

    def next_ms(self) -> int | None:
        """When tick() is to be called again."""
        due = [] if self._dial_ms is None else [self._dial_ms]
        if self.carrier is not None:
            due.append(self.carrier.next_ms())
        due = [ms for ms in due if ms is not None]
        return min(due) if due else None

    def _after(self) -> None:
        """What was written goes out; a carrier that is over is given up."""
        carrier = self.carrier
        if carrier is None:
            return
        data = carrier.take(self._room)
        if self._room is not None:
            self._room -= len(data)
        if data:
            self.outputs.append(Output("bytes", self.number, data))
        if carrier.state == "CLOSED":
            self.carrier = None
            self.outputs.append(Output("closed", self.number))
            self._lost(carrier)

    def _lost(self, carrier: Carrier) -> None:
        """5.3.1: the time between attempts is reset only by a long life."""
        lived_ms = 0 if carrier.live_ms is None else self.clock.now_ms - carrier.live_ms
        if lived_ms >= LIVE_LONG_MS:
            self._attempts = 0
            self._first = True
        self._come_back(carrier.problem, at_once=self._first or lived_ms >= LIVE_ENOUGH_MS)
        self._first = False

    def _come_back(self, problem, at_once: bool = False) -> None:
        """5.3.2: whether and when the next attempt comes. `problem`: of REFUSE or GOAWAY, said or
        heard; None: the carrier was lost without one, or never was."""
        if self.dead:
            return
        code = problem.code if problem is not None else 0
        if self._stays_away(code):
            self.dead = True
            self.told.append(Told("DEAD", message=problem, code=code))
            return
        now = self.clock.now_ms
        wait = 0
        if at_once and code != SLOW_DOWN:
            pass  # leaves k as it is
        elif broken("5.3.1"):
            wait = 1  # broken: again and again without waiting
        else:
            self._attempts += 1
            most = min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS << min(self._attempts - 1, 16))
            wait = self.rng.randint(0, most)
        if problem is not None and not broken("5.3.1"):
            wait = max(wait, problem.retry_after_ms)
        self._dial_ms = now + wait

    def _stays_away(self, code: int) -> bool:
        if code == 3004 and broken("3.3.3"):
            return False
        if broken("5.3.2"):
            return class_of(code) == 4  # broken: a person need not act
        return class_of(code) in (3, 4, 5)
