"""The reference relay (docs/spec.md): links, channels, and what goes from one to the other. What it
keeps is in relay_state.py, calls are in relay_calls.py, the harness in role_relay.py."""
import collections
import dataclasses
import hashlib
import hmac
import random
from typing import Callable

import messages
import protos
from breaks import broken
from carrier import COMMANDS, EVENTS, PUBLISH, SUBSCRIBE, Carrier, Channel, Told
from clock import Clock
from link import make_block, make_tail
from relay_calls import Calls
from relay_state import (Block, Command, Device, Refused, Session, State, Verdict, clears_tail,
                         judge_command, opened_for_events_publisher, opened_for_outbox,
                         opened_for_reader, pass_fence)
from wire import WireFault

ACCOUNT_LAYER = protos.link.LAYER_ACCOUNT
TAIL_BYTES_MAX = 65536  # section 7
ATTACHED_MAX = 8  # 14.1
STATUS_BYTES_MAX = 1024  # 7.1.1
SESSIONS_MAX = 10_000  # of an account


class Conn:
    """A carrier and who is at its other end."""

    def __init__(self, number: int, carrier: Carrier) -> None:
        self.number = number
        self.carrier = carrier
        self.device: Device | None = None
        self.role = 0
        self.surface = ""
        self.features: list[str] = []  # that HELLO named
        self.link: tuple = ()  # (account, device_id, link_id)
        self.generation = 0
        self.polls = False  # one long-poll exchange
        self.superseded = False  # a later exchange has come
        self.refused_by_policy = False  # was told 3007 for it (10.1.4)

    def writer(self) -> tuple:
        return self.link[1:]


@dataclasses.dataclass
class Attachment:
    """A channel that is open, or about to be."""
    conn: Conn
    channel: Channel
    session: Session
    kind: str  # publisher, host-reader, reader, outbox
    since_ms: int
    generation: int = 0  # of a host's channel
    reset: bool = False  # publisher of a former epoch: its blocks are refused
    tail_base: int = -1  # reader: which tails it was sent
    tail_next: int = 0
    info: bytes = b""  # reader: the INFO it was sent
    missed: set[int] = dataclasses.field(default_factory=set)  # broken("3.18.2")

    absent_until_ms: int = 0  # of a long-poll link, between two exchanges (3.26.9)

    def live(self) -> bool:
        return self.conn.carrier.state == "LIVE" and self.channel.state != "CLOSED"


class Presence:
    """Of a session: what is only in memory."""

    def __init__(self) -> None:
        self.attached: list[Attachment] = []
        self.absent: list[Attachment] = []
        self.info = b""
        self.host_attached = False
        self.host_since_ms = 0
        self.host_heard_ms = 0
        self.tail_base = 0
        self.tails: list[bytes] = []
        self.tail_bytes = 0
        self.tails_lost = False
        self.told = None  # facts of the last LOG_STATUS (14.1.1)

    def of(self, *kinds: str) -> list[Attachment]:
        return [a for a in self.attached if a.kind in kinds and a.live()]

    def clear_tails(self, base: int) -> None:
        self.tail_base, self.tails = base, []
        self.tail_bytes, self.tails_lost = 0, False


class Relay:
    """`held`: nothing becomes durable; what needs it waits in `jobs`, in order."""

    def __init__(self, clock: Clock, state: State, *, log_bytes_max: int, channels_max: int,
                 rng: random.Random) -> None:
        self.clock = clock
        self.state = state
        self.log_bytes_max = log_bytes_max
        self.channels_max = channels_max
        self.rng = rng
        self.held = False
        self.draining = False
        self.jobs: collections.deque[Callable[[], None]] = collections.deque()
        self.conns: dict[int, Conn] = {}
        self.presence: dict[tuple, Presence] = {}
        self.generations: dict[tuple, int] = {}  # 3.3: newest accepted, by link
        self.newest_exchange: dict[tuple, int] = {}  # 3.26.1
        self.watched: set[int] = set()  # carriers of hosts whose events somebody reads
        self.calls = Calls(self)
        for session in state.sessions.values():
            session.reopen(rng.randbytes(16))  # 3.14.1, 1.6.1

    # ---- durability ----

    def do(self, job: Callable[[], None], early: bool = False) -> None:
        """A job judges, changes what is durable, and tells whom it concerns: all at once, when it
        can be committed, and in order. So nobody learns of anything that is not committed.
        `early`: the mistake of not waiting."""
        if early or not (self.held or self.jobs):
            job()
        else:
            self.jobs.append(job)

    def hold(self, on: bool) -> None:
        self.held = on
        while self.jobs and not self.held:
            self.jobs.popleft()()

    # ---- carriers ----

    def connect(self, number: int) -> None:
        self.conns[number] = Conn(number, Carrier(
            "A", self.clock, channels_max=self.channels_max, rng=self.rng))

    # ---- long-poll (3.26; polling.py) ----

    def _resumes(self, conn: Conn, hello) -> bool:
        newest = self.newest_exchange.get(conn.link, 0)
        return conn.polls and hello.generation == self.generations.get(conn.link) and newest > 0 \
            and (hello.exchange > newest or broken("3.26.1"))

    def _leave_absent(self, conn: Conn, until_ms: int) -> None:
        for presence in self.presence.values():
            for a in presence.attached:
                if a.conn is conn and a.live() and not a.reset and a.channel.state == "OPEN" \
                        and a.kind in ("publisher", "reader") and not broken("3.26.9"):
                    a.absent_until_ms = until_ms
                    presence.absent.append(a)
            presence.attached = [a for a in presence.attached if a.conn is not conn]

    def exchange_complete(self, conn: Conn) -> None:
        """Every OPEN has been heard: what was not opened again is away."""
        for presence in self.presence.values():
            presence.absent = [a for a in presence.absent if a.conn.link != conn.link]

    def exchange_over(self, conn: Conn, answered: bool) -> None:
        if conn.carrier.state == "LIVE" and not conn.superseded:
            wait_ms = 25_000 if answered else 10_000
            self._leave_absent(conn, self.clock.now_ms + wait_ms)
        conn.carrier.cut()
        self.conns.pop(conn.number, None)

    def present(self, session: Session) -> Presence:
        key = (session.account, session.session_id)
        return self.presence.setdefault(key, Presence())

    def tick(self) -> None:
        """Everything that is due now."""
        for conn in list(self.conns.values()):
            while conn.carrier.told:
                self._told(conn, conn.carrier.told.popleft())
            conn.carrier.tick()
        self._look_after_sessions()

    def next_ms(self) -> int | None:
        due = [c.carrier.next_ms() for c in self.conns.values()]
        due += [a.absent_until_ms for p in self.presence.values() for a in p.absent]
        return min((ms for ms in due if ms is not None), default=None)

    def _look_after_sessions(self) -> None:
        self.watched.clear()
        for key, session in list(self.state.sessions.items()):
            presence = self.present(session)
            presence.attached = [a for a in presence.attached if a.live()]
            presence.absent = [a for a in presence.absent
                               if a.absent_until_ms > self.clock.now_ms]
            if not presence.attached:
                presence.clear_tails(presence.tail_base)  # 3.23.3: the host sends them again
            self._host_presence(session, presence)
            for reader in presence.of("reader"):
                self._pump_events(session, presence, reader)
            for reader in presence.of("host-reader"):
                self._pump_commands(session, reader)
            self._tell_status(session, presence)
        for conn in self.conns.values():
            conn.carrier.watch(conn.number in self.watched)  # 5.1.4
        self.calls.tell_watchers()

    def _told(self, conn: Conn, told: Told) -> None:
        handle = getattr(self, "_on_" + told.kind.lower(), None)
        if handle is not None:
            handle(conn, told)

    # ---- the greeting (3.1 to 3.3) ----

    def device_of(self, token: str) -> Device | None:
        """A.2: tokens are kept hashed, and compared in constant time."""
        wanted = hashlib.sha256(token.encode()).digest()
        found = None
        for device in self.state.devices.values():
            if hmac.compare_digest(device.token_hash, wanted):
                found = device
        return found

    def _on_hello(self, conn: Conn, told: Told) -> None:
        """Order of the checks: form (the link did it), token, generation, versions (the link)."""
        hello = told.message
        welcome = protos.link.Welcome(
            limits=protos.link.Limits(frame_bytes=262144, channels=self.channels_max),
            heartbeat_ms=10_000, agent="peer-relay/1")
        if self.draining:
            return conn.carrier.fault(1001)
        if not hello.token:
            return conn.carrier.accept(welcome)  # 3.2.1
        device = self.device_of(hello.token)
        if device is None or (device.revoked and broken("3.1.6")):
            return conn.carrier.refuse(3001, reason="sign in again")  # 3.1.6
        if device.revoked:
            return conn.carrier.refuse(3003, reason="this device was revoked")  # 3.1.6
        conn.link = (device.account, device.device_id, hello.link_id)
        newest = self.generations.get(conn.link, 0)
        if conn.polls and not hello.exchange:
            return conn.carrier.refuse(4001, reason="a long-poll needs an exchange")  # 3.26.1
        resumes = self._resumes(conn, hello)
        if resumes:
            pass
        elif hello.generation < newest or (hello.generation == newest and not broken("3.3.1")):
            return conn.carrier.fault(3004, stored_generation=newest)  # 3.3.1
        conn.device, conn.role = device, hello.role
        conn.features = list(hello.features)
        conn.surface = hello.agent.split("/", 1)[0][:23]
        conn.generation = hello.generation
        conn.carrier.accept(welcome, protos.link.Principal(
            account=device.account, device_id=device.device_id, device=device.name))
        if conn.carrier.state != "LIVE":
            return
        self.generations[conn.link] = hello.generation
        self.newest_exchange[conn.link] = hello.exchange if conn.polls else 0
        device.used_ms = self.clock.unix_ms
        for other in self.conns.values():
            if other is conn or other.link != conn.link:
                continue
            if resumes:
                if not broken("3.26.2"):
                    self._leave_absent(other, self.clock.now_ms + 25_000)
                    other.superseded = True  # 3.26.2
            elif not broken("3.3.2"):
                other.carrier.fault(3004, stored_generation=hello.generation)  # 3.3.2

    # ---- OPEN (3.4) ----

    def _on_open(self, conn: Conn, told: Told) -> None:
        channel, message = told.channel, told.message
        job = lambda: self._open(conn, channel, message)  # noqa: E731
        if channel.log == EVENTS and channel.publishes:
            return job()  # a reader of events changes nothing, and sees what is committed
        self.do(job, early=broken("3.8.2"))

    def _open(self, conn: Conn, channel: Channel, message) -> None:
        if channel.state == "CLOSED" or conn.carrier.state != "LIVE":
            return
        try:
            session = self._admit(conn, channel, message)
            self._attach(conn, channel, message, session)
        except Refused as refused:
            conn.carrier.close(channel, refused.code, **refused.problem)

    def session_key(self, conn: Conn, session_id: bytes) -> tuple:
        if broken("9.3.1"):  # broken: an id is an id
            for key in self.state.sessions:
                if key[1] == session_id:
                    return key
        return (conn.device.account, session_id)  # 9.3.1

    def _admit(self, conn: Conn, channel: Channel, message) -> Session:
        """The table of 3.4 from "session_id not all 0" to `first_retained`."""
        key = self.session_key(conn, message.session_id)
        host = channel.publishes == (channel.log == COMMANDS)  # seen from the relay
        creates = host and channel.log == EVENTS
        if not any(message.session_id):
            raise Refused(4001)
        value, layer = self.state.decide(conn.device.account)
        if value == "disabled":
            conn.refused_by_policy = True
            raise Refused(3007, layer=layer)  # 10.1.1
        if key in self.state.deleted and not broken("3.25.1"):
            raise Refused(3009)  # 3.25.1
        if creates and not messages.is_id(message.epoch):
            raise Refused(4001)
        session = self.state.sessions.get(key)
        if session is None:
            if not creates:
                raise Refused(3009)
            session = self._create(conn, key, message)
        if not host and channel.log == COMMANDS and message.epoch != conn.link[2]:
            raise Refused(4001)
        if not host and channel.log == EVENTS and not set(session.needs) <= set(conn.features):
            raise Refused(3006)
        if host:
            if session.device_id != conn.device.device_id and not broken("3.4.1"):
                raise Refused(3002)
            if message.writer_generation == 0:
                raise Refused(4001)
            if pass_fence(session, message.writer_generation, conn.writer()):
                self._fence_out(session)
        if not channel.publishes and message.first_retained > message.next:
            raise Refused(2003)
        return session

    def _create(self, conn: Conn, key: tuple, message) -> Session:
        mine = sum(k[0] == key[0] for k in self.state.sessions)
        if mine >= SESSIONS_MAX:
            raise Refused(3007, layer=ACCOUNT_LAYER)
        now = self.clock.unix_ms
        session = Session(key[0], key[1], conn.device.device_id, message.description, now, now)
        session.reopen(self.rng.randbytes(16))
        self.state.sessions[key] = session
        return session

    def _fence_out(self, session: Session) -> None:
        """3.7: the older writer's channels."""
        for old in self.present(session).of("publisher", "host-reader"):
            old.conn.carrier.close(old.channel, 3005, stored_generation=session.generation)

    def _attach(self, conn: Conn, channel: Channel, message, session: Session) -> None:
        kind = {(EVENTS, PUBLISH): "publisher", (COMMANDS, SUBSCRIBE): "host-reader",
                (EVENTS, SUBSCRIBE): "reader", (COMMANDS, PUBLISH): "outbox"}[
                    (channel.log, message.direction)]
        attachment = Attachment(conn, channel, session, kind, self.clock.unix_ms,
                                message.writer_generation)
        presence = self.present(session)
        if kind in ("publisher", "host-reader") and not broken("3.4.2"):
            for old in presence.of(kind):
                old.conn.carrier.close(old.channel, 0)  # 3.4.2
        channel.owner = attachment
        getattr(self, "_attach_" + kind.replace("-", "_"))(attachment, message, presence)
        if channel.state == "OPEN":
            for a in [a for a in presence.absent if a.conn.link == conn.link and a.kind == kind]:
                presence.absent.remove(a)
                attachment.since_ms = a.since_ms
            presence.attached.append(attachment)
            self._host_presence(session, presence)
            if channel.log == EVENTS:
                self._tell_status(session, presence, attachment)

    def _ceiling(self, session: Session) -> int:
        """10.1.2."""
        return (protos.link.CEILING_VIEW if self.state.ceiling(session.account) == "view"
                else protos.link.CEILING_CONTROL)

    def _say_opened(self, a: Attachment, opened, empty_log: bool = False) -> None:
        opened.ceiling = self._ceiling(a.session)
        opened.ceiling_layer = self.state.decide(a.session.account)[1]
        a.conn.carrier.opened(a.channel, opened, empty_log=empty_log)

    def _attach_publisher(self, a: Attachment, message, presence: Presence) -> None:
        """3.8. The job was committed before this is called (3.8.2)."""
        log = a.session.events
        before = log.epoch
        opened, restarted = opened_for_events_publisher(log, message)
        a.session.needs = list(message.needs)
        a.reset = opened.outcome == protos.link.OPEN_OUTCOME_RESET
        if restarted:
            presence.clear_tails(0)
            code = 2001 if before != log.epoch else 2002
            for reader in presence.of("reader"):
                if not broken("3.12.2"):
                    reader.conn.carrier.close(reader.channel, code)  # 3.8, 3.12.2
        self._say_opened(a, opened, empty_log=log.first == log.end)
        if log.end > 0 and not a.reset and not broken("3.8.5"):
            a.conn.carrier.ack(a.channel, log.end, always=True)  # 3.8.5

    def _attach_host_reader(self, a: Attachment, message, presence: Presence) -> None:
        """3.14: no sets; what the host has is not there any more."""
        s = a.session
        self._say_opened(a, opened_for_reader(s.commands_epoch, s.delivered(), s.stored(), None,
                                              message))

    def _attach_reader(self, a: Attachment, message, presence: Presence) -> None:
        """3.17."""
        log = a.session.events
        sets = [start for start in log.sets() if start >= log.first]
        self._say_opened(a, opened_for_reader(log.epoch, log.first, log.end,
                                              sets[-1] if sets else None, message))

    def _attach_outbox(self, a: Attachment, message, presence: Presence) -> None:
        """3.19, 3.20.3."""
        s, key = a.session, a.conn.link
        opened = opened_for_outbox(s, key, message)
        self._say_opened(a, opened)
        if broken("3.20.3"):
            return
        said = False
        receipts = s.outboxes[key].receipts
        for offset in range(message.first_retained, opened.next):
            verdict = s.verdicts.get(receipts.get(offset, b""))
            if verdict is not None:
                a.conn.carrier.receipt(a.channel, offset, s.receipt(verdict))
                said = True
        if said:
            a.conn.carrier.ack(a.channel, opened.next, always=True)

    # ---- events, from the host to its readers ----

    def _on_block(self, conn: Conn, told: Told) -> None:
        a = told.channel.owner
        if a is None:
            return
        conn.carrier.consumed(a.channel, len(told.frame.payload))
        if a.kind == "publisher":
            self._events_block(a, told)
        elif a.kind == "outbox":
            self._command_block(a, told)

    def _events_block(self, a: Attachment, told: Told) -> None:
        f = told.frame
        if a.reset and not broken("3.12.1"):
            return a.conn.carrier.close(a.channel, 2003)  # 3.12.1
        end = f.offset + f.count
        if broken("4.1.1"):  # broken: what has come is acknowledged
            a.conn.carrier.ack(a.channel, end)

        def job() -> None:
            session, log = a.session, a.session.events
            if session.generation != a.generation or f.offset < log.end \
                    or log.epoch != a.channel.open.epoch:
                return  # fenced out, or sent again meanwhile
            if f.offset > log.end:
                log.restart(log.epoch, f.offset)  # 3.15: a jump into an empty log
            log.blocks.append(Block(f.offset, f.count, f.flags, f.inflated_bytes, f.part,
                                    f.parts, f.payload, a.generation))
            log.end = end
            session.activity_ms = self.clock.unix_ms
            log.trim(self.log_bytes_max)
            presence = self.present(session)
            if clears_tail(log.blocks[-1]):
                presence.clear_tails(end)
            if a.live():
                a.conn.carrier.ack(a.channel, end)  # 4.1.1
            for reader in presence.of("reader"):
                if broken("3.18.2") and reader.channel.target is not None:
                    reader.missed.add(f.offset)  # broken: came between OPENED and SYNCED
                self._pump_events(session, presence, reader)

        self.do(job)

    def _pump_events(self, session: Session, presence: Presence, a: Attachment) -> None:
        """Blocks from the reader's cursor on, then tails (3.15.2, 3.23.2)."""
        channel, log = a.channel, session.events
        if channel.state != "OPEN":
            return
        a.conn.carrier.extend(channel, log.end)
        if broken("3.23.2"):
            self._pump_tails(presence, a, log.end)
        if channel.cursor < log.first:
            if not broken("3.17.3"):
                return a.conn.carrier.close(channel, 2002)  # 3.17.3
            channel.cursor = log.first
        for block in list(log.blocks):
            if block.end <= channel.cursor:
                continue
            if channel.state != "OPEN" or not channel.sendable():
                return
            if channel.open.until and block.offset >= channel.open.until:
                return
            if block.offset in a.missed:  # broken: 3.18.2
                channel.cursor = block.end
                continue
            if broken("3.15.2") and block.offset < channel.cursor:
                channel.cursor = block.end  # broken: goes on with the next whole block
                continue
            if not a.conn.carrier.fits_peer(len(block.payload)):
                return a.conn.carrier.close(channel, 1003)  # 3.1.10
            flags = block.flags & 1 if broken("3.15.3") else block.flags
            a.conn.carrier.offer(channel, make_block(
                block.offset, block.payload, block.count, flags=flags,
                inflated_bytes=block.inflated_bytes, part=block.part, parts=block.parts))
        self._pump_tails(presence, a, log.end)

    def _pump_tails(self, presence: Presence, a: Attachment, end: int) -> None:
        channel = a.channel
        base = presence.tail_base
        synced = channel.target is None
        if channel.cursor > end and not broken("3.23.2"):
            return  # a reader ahead of the relay (3.16) may have what clears them
        if channel.open.until or (not (synced and base <= channel.cursor)
                                  and not broken("3.23.2")):
            return
        if a.tail_base != base:
            a.tail_base, a.tail_next = base, 0
            if broken("3.23.3"):
                a.tail_next = len(presence.tails) - 1 if presence.tails else 0
        while channel.state == "OPEN" and a.tail_next < len(presence.tails) \
                and channel.sendable():
            payload = presence.tails[a.tail_next]
            a.conn.carrier.offer(channel, make_tail(base, a.tail_next, payload))
            a.tail_next += 1

    def _on_tail(self, conn: Conn, told: Told) -> None:
        """3.23.3: kept up to 64 KiB; after one that does not fit, none until the next
        CLEARS_TAIL."""
        a, f = told.channel.owner, told.frame
        conn.carrier.consumed(told.channel, len(f.payload))
        if a is None or a.kind != "publisher" or a.reset:
            return
        presence = self.present(a.session)

        def job() -> None:  # behind the blocks that came before it
            if f.offset > presence.tail_base or (f.count == 0 and not presence.tails):
                if f.count != 0:
                    return
                presence.clear_tails(f.offset)
            if f.offset != presence.tail_base or f.count != len(presence.tails) \
                    or presence.tails_lost:
                return  # sent again: the readers have it
            if presence.tail_bytes + len(f.payload) > TAIL_BYTES_MAX:
                presence.tails_lost = True
                return
            presence.tails.append(f.payload)
            presence.tail_bytes += len(f.payload)

        self.do(job)

    # ---- INFO and LOG_STATUS ----

    def _on_info(self, conn: Conn, told: Told) -> None:
        a = told.channel.owner
        if a is None or a.kind != "publisher":
            return
        try:
            messages.decode(protos.link.SessionInfo, told.frame.payload)
        except WireFault:
            if not broken("2.7.3"):
                return conn.carrier.close(told.channel, 4003)  # 2.7.3
        presence = self.present(a.session)
        presence.info = told.frame.payload
        for reader in presence.of("reader"):
            self._tell_info(presence, reader)

    def _tell_info(self, presence: Presence, a: Attachment) -> None:
        if presence.info and presence.info != a.info and a.channel.state == "OPEN":
            a.info = presence.info
            a.conn.carrier.info(a.channel, presence.info)  # 2.7.1

    def _host_presence(self, session: Session, presence: Presence) -> None:
        """14.1, 14.2.1, 5.1.4."""
        publishers = [a for a in presence.of("publisher") if not a.reset]
        now = self.clock.unix_ms
        attached = bool(publishers) or any(a.kind == "publisher" for a in presence.absent)
        if broken("14.2.1") and presence.host_attached and not attached:
            attached = now < presence.host_heard_ms + 20_000  # broken: waits for it to come back
        if publishers:
            carrier = publishers[0].conn.carrier
            presence.host_heard_ms = now - (self.clock.now_ms - carrier.heard_ms)
        if attached != presence.host_attached:
            presence.host_attached = attached
            presence.host_since_ms = now
            if not attached:
                presence.host_heard_ms = now
        if presence.of("reader") and not broken("5.1.4"):
            for host in presence.of("publisher", "host-reader"):
                self.watched.add(host.conn.number)

    def status_of(self, session: Session, with_attached: bool = True):
        """The facts of 14.1."""
        presence = self.present(session)
        log = session.events
        status = protos.link.LogStatus(
            host_attached=presence.host_attached, host_since_ms=presence.host_since_ms,
            host_heard_ms=presence.host_heard_ms, now_ms=self.clock.unix_ms,
            events_epoch=log.epoch, events_next=log.end, events_first=log.first,
            commands_epoch=session.commands_epoch, commands_stored=session.stored(),
            commands_delivered=session.delivered(), ceiling=self._ceiling(session),
            ceiling_layer=self.state.decide(session.account)[1])
        if broken("14.1.2"):  # broken: stored is taken for delivered
            status.commands_delivered = session.stored()
        devices: dict[tuple, int] = {}
        for a in presence.of("publisher", "reader") + presence.absent:
            if a.reset:
                continue  # it publishes nothing
            role = protos.link.ROLE_HOST if a.kind == "publisher" else protos.link.ROLE_CLIENT
            devices.setdefault((a.conn.device.device_id, a.conn.device.name, role), a.since_ms)
        if with_attached or broken("9.5.1"):
            for (device_id, name, role), since_ms in list(devices.items()):
                if len(status.attached) < ATTACHED_MAX or broken("7.1.1"):
                    status.attached.add(device_id=device_id, name=name, role=role,
                                        since_ms=since_ms)
            while len(messages.encode(status)) > STATUS_BYTES_MAX and not broken("7.1.1"):
                del status.attached[-1]  # 7.1.1
        status.attached_total = len(devices)
        return status

    def _tell_status(self, session: Session, presence: Presence,
                     newcomer: Attachment | None = None) -> None:
        """14.1.1: after OPENED (then there is INFO, too: 2.7) and after each change of what
        counts."""
        status = self.status_of(session)
        facts = (status.host_attached, status.commands_epoch, status.commands_stored,
                 status.commands_delivered,
                 0 if broken("10.1.2") else (status.ceiling, status.ceiling_layer),
                 0 if broken("14.1.1") else [a.SerializeToString() for a in status.attached],
                 0 if broken("14.1.1") else status.attached_total, status.events_first)
        for a in presence.of("publisher", "reader"):
            if a is newcomer or facts != presence.told:
                a.conn.carrier.log_status(a.channel, status)
        presence.told = facts
        if newcomer is not None and newcomer.kind == "reader" and not broken("2.7.1"):
            self._tell_info(presence, newcomer)

    # ---- commands, from a client to the host ----

    def _command_block(self, a: Attachment, told: Told) -> None:
        f = told.frame
        try:
            envelope = self._envelope_of(f)
        except WireFault:
            if not broken("3.19.3"):
                return a.conn.carrier.close(a.channel, 4003, f.offset)  # 3.19.3
            return a.conn.carrier.ack(a.channel, f.offset + 1)

        def tell(verdict: Verdict) -> None:
            if not a.live():
                return
            if broken("3.20.2"):
                a.conn.carrier.ack(a.channel, f.offset + 1)
            if verdict.problem is None or not broken("3.20.1"):
                a.conn.carrier.receipt(a.channel, f.offset, a.session.receipt(verdict))  # 3.20.2
            a.conn.carrier.ack(a.channel, f.offset + 1)

        def job() -> None:
            if f.offset < a.session.outboxes[a.conn.link].next:  # another channel was there first
                return a.conn.carrier.close(a.channel, 2003)  # 3.19
            verdict = self._take_command(a, f.offset, envelope)
            self.do(lambda: tell(verdict))
            for host in self.present(a.session).of("host-reader"):
                self._pump_commands(a.session, host)

        self.do(job, early=broken("3.13.1"))

    def _envelope_of(self, frame):
        """3.19.3: exactly one command, plain."""
        if frame.count != 1 or frame.flags:
            raise WireFault(4003, "not one plain command")
        size, at = messages.read_length(frame.payload, 0)
        if at + size != len(frame.payload) or size > messages.MESSAGE_BYTES_MAX:
            raise WireFault(4003, "not exactly one message")
        envelope = messages.decode(protos.link.CommandEnvelope, frame.payload[at:])
        messages.understood(envelope)
        if not messages.is_id(envelope.command_id):
            raise WireFault(4003, "no command_id")
        return envelope

    def _take_command(self, a: Attachment, offset: int, envelope) -> Verdict:
        """12.1.2, 12.1.3, 3.14.3, 3.20.1."""
        session = a.session
        outbox = session.outboxes[a.conn.link]
        outbox.next = max(outbox.next, offset + 1)
        outbox.receipts[offset] = envelope.command_id
        known = session.verdicts.get(envelope.command_id)
        if known is not None and not broken("3.14.3"):
            return known  # 3.14.3
        if not (broken("12.1.3") and envelope.HasField("origin")):
            device = a.conn.device
            envelope.ClearField("origin")
            envelope.origin.CopyFrom(protos.link.Origin(
                account=device.account, device_id=device.device_id, device=device.name,
                surface=a.conn.surface))  # 12.1.3
            envelope.received_ms = self.clock.unix_ms
        problem = judge_command(self.state, session, envelope, a.conn.link)
        verdict = Verdict(envelope.command_id, problem=problem)
        if problem is None:
            envelope.DiscardUnknownFields()
            verdict.number = len(session.commands)
            expires = envelope.received_ms + envelope.ttl_ms if envelope.ttl_ms else 0
            session.commands.append(Command(envelope.command_id, messages.encode(envelope),
                                            a.conn.link, expires))
        session.verdicts[envelope.command_id] = verdict
        self.state.note(device.account, "command.refused" if problem else "command.stored",
                        session_id=session.session_id, command_id=envelope.command_id,
                        code=problem.code if problem else 0)
        session.activity_ms = self.clock.unix_ms
        return verdict

    def _pump_commands(self, session: Session, a: Attachment) -> None:
        """Each in a block of its own, at its place in COMMANDS."""
        channel = a.channel
        a.conn.carrier.extend(channel, session.stored())
        while channel.state == "OPEN" and channel.sendable():
            at = channel.cursor + session.base
            if at >= len(session.commands):
                return
            command = session.commands[at]
            if broken("12.5.2") and 0 < command.expires_ms < self.clock.unix_ms:
                channel.cursor += 1  # broken: what has expired is not worth sending
                continue
            payload = messages.delimited_one(command.envelope)
            if not a.conn.carrier.fits_peer(len(payload)):
                return a.conn.carrier.close(channel, 1003)
            a.conn.carrier.offer(channel, make_block(channel.cursor, payload))

    def _on_acked(self, conn: Conn, told: Told) -> None:
        """What a host has acknowledged is delivered, for ever (3.14.2)."""
        a = told.channel.owner
        if a is None or a.kind != "host-reader":
            return

        def job() -> None:
            number = a.session.base + told.offset
            a.session.acked = min(max(a.session.acked, number), len(a.session.commands))

        self.do(job)

    def _on_request(self, conn: Conn, told: Told) -> None:
        self.calls.request(conn, told.message)

    # ---- the operator ----

    def set_ceiling(self, account: str, value: str) -> None:
        self.state.ceilings[account] = value
        self.policy_changed()

    def policy_changed(self) -> None:
        """10.1.1; what is less than that is told with LOG_STATUS."""
        for key, session in self.state.sessions.items():
            value, layer = self.state.decide(key[0])
            if value != "disabled" or broken("10.1.1"):
                continue
            for a in self.present(session).of("publisher", "host-reader", "reader", "outbox"):
                a.conn.refused_by_policy = True
                a.conn.carrier.close(a.channel, 3007, layer=layer)  # 10.1.1
        for conn in self.conns.values():
            if conn.refused_by_policy and not broken("10.1.4") \
                    and self.state.decide(conn.device.account)[0] != "disabled":
                conn.carrier.goaway(0)  # 10.1.4

    def set_policy(self, organization: str = "", value: str | None = None, member: str = "",
                   enterprise: str | None = None, administrator: str = "") -> None:
        state = self.state
        if organization:
            state.organizations.setdefault(organization, "")
            if value is not None:
                state.organizations[organization] = value
        if enterprise is not None:
            state.enterprise = enterprise
        if member:
            state.members[member] = organization
        if administrator:
            state.administrators.add((administrator, organization))
        self.policy_changed()

    def revoke(self, device: Device) -> None:
        """9.2.1."""
        device.revoked = True
        for conn in self.conns.values():
            if conn.device is device and not broken("9.2.1"):
                conn.carrier.fault(3003)

    def delete(self, key: tuple) -> None:
        """3.25.1."""
        session = self.state.sessions.pop(key)
        self.state.deleted.add(key)
        for a in self.present(session).of("publisher", "host-reader", "reader", "outbox"):
            a.conn.carrier.close(a.channel, 3009)
        self.presence.pop(key, None)

    def drain(self) -> None:
        """5.4.1: what was taken is committed and acknowledged first; 5.4.2: spread out."""
        self.draining = True

        def job() -> None:
            for conn in self.conns.values():
                conn.carrier.goaway(1001, retry_after_ms=self.rng.randint(100, 2000))

        self.do(job, early=broken("5.4.1"))
