"""What a relay keeps: sessions with their logs, outboxes, devices; and the tables of docs/spec.md
that look at nothing else (3.7, 3.8, 3.17, 3.19, 12.1.2). All of it is durable: kill -9 loses only
what was not committed, and that never gets here (relay.py, Relay.do)."""
import dataclasses

import messages
import protos
from breaks import broken
from wire import CLEARS_TAIL, SNAPSHOT

MESSAGE_BYTES_MAX = 196608  # section 7
OUTBOX_WAITING_MAX = 64  # section 7: then 5007
RECEIPTS_KEPT = 4096  # 3.20.3: at least 256
LOG_BYTES_MAX = 1 << 30  # section 7

EMPTY = protos.link.OPEN_OUTCOME_EMPTY
CONTINUED = protos.link.OPEN_OUTCOME_CONTINUED
TO_SNAPSHOT = protos.link.OPEN_OUTCOME_SNAPSHOT
RESET = protos.link.OPEN_OUTCOME_RESET


class Refused(Exception):
    """An OPEN that is answered with CLOSE."""

    def __init__(self, code: int, **problem) -> None:
        super().__init__("CLOSE %d" % code)
        self.code = code
        self.problem = problem


@dataclasses.dataclass
class Block:
    """A block of EVENTS, kept and forwarded as it came (3.15.3)."""
    offset: int
    count: int
    flags: int
    inflated_bytes: int
    part: int
    parts: int
    payload: bytes
    generation: int  # of the writer

    @property
    def end(self) -> int:
        return self.offset + self.count


@dataclasses.dataclass
class EventLog:
    epoch: bytes = b""
    former: set[bytes] = dataclasses.field(default_factory=set)  # 3.12
    first: int = 0
    end: int = 0
    blocks: list[Block] = dataclasses.field(default_factory=list)

    def last_generation(self) -> int:
        return self.blocks[-1].generation if self.blocks else 0

    def sets(self) -> list[int]:
        """Starts of the complete snapshot sets, ascending (3.22)."""
        out: list[int] = []
        start, wanted = 0, 0  # wanted: the part that must come next; 0: no set is begun
        for block in self.blocks:
            if not block.flags & SNAPSHOT:
                wanted = 0  # 3.22.2: any other block voids it
                continue
            if block.part == 1:
                start, wanted = block.offset, 1
            if block.part != wanted:
                wanted = 0
                continue
            if block.part == block.parts or broken("3.22.2"):
                out.append(start)
                wanted = 0
            else:
                wanted += 1
        return out

    def restart(self, epoch: bytes, first: int) -> None:
        """3.8: nothing is left, and it goes on at `first`."""
        if self.epoch and self.epoch != epoch:
            self.former.add(self.epoch)  # 3.12.1
        self.epoch, self.first, self.end = epoch, first, first
        self.blocks.clear()

    def trim(self, bytes_max: int) -> None:
        """3.22.4: only up to the start of a complete set."""
        size = sum(len(b.payload) for b in self.blocks)
        if size <= bytes_max:
            return
        starts = [b.offset for b in self.blocks[1:]] if broken("3.22.4") else self.sets()
        for start in starts:
            if start <= self.first:
                continue
            kept = [b for b in self.blocks if b.offset >= start]
            if sum(len(b.payload) for b in kept) <= bytes_max or start == starts[-1]:
                self.blocks, self.first = kept, start
                return


@dataclasses.dataclass
class Verdict:
    """What became of a command: stored (its number in Session.commands), or a problem."""
    command_id: bytes
    number: int = -1
    problem: object = None
    stored_epoch: bytes = b""  # when it had been acknowledged before the store was opened
    stored_offset: int = 0


@dataclasses.dataclass
class Command:
    command_id: bytes
    envelope: bytes
    outbox: tuple
    expires_ms: int = 0


@dataclasses.dataclass
class Outbox:
    next: int = 0
    receipts: dict[int, bytes] = dataclasses.field(default_factory=dict)  # offset to command id


@dataclasses.dataclass
class Session:
    account: str
    session_id: bytes
    device_id: bytes  # which created it
    description: object
    created_ms: int
    activity_ms: int
    events: EventLog = dataclasses.field(default_factory=EventLog)
    needs: list[str] = dataclasses.field(default_factory=list)  # features that readers must have (3.4)
    # The fence (3.7).
    generation: int = 0
    writer: tuple = ()
    # Commands are numbered for ever; on the wire they begin at `base` in each epoch (3.14).
    commands: list[Command] = dataclasses.field(default_factory=list)
    commands_epoch: bytes = b""
    base: int = 0
    acked: int = 0  # the host has all before this number
    outboxes: dict[tuple, Outbox] = dataclasses.field(default_factory=dict)
    verdicts: dict[bytes, Verdict] = dataclasses.field(default_factory=dict)  # by command id

    def reopen(self, epoch: bytes) -> None:
        """3.14.1: the store was opened; what the host has not acknowledged is renumbered from 0."""
        if broken("3.14.1") and self.commands_epoch:
            epoch = self.commands_epoch
        for verdict in self.verdicts.values():
            if self.base <= verdict.number < self.acked:
                verdict.stored_epoch = self.commands_epoch
                verdict.stored_offset = verdict.number - self.base
        self.base = 0 if broken("3.14.2") else self.acked
        self.acked = self.base
        self.commands_epoch = epoch
        if broken("3.12.1"):
            self.events.former.clear()
        if broken("12.6.1"):
            self.verdicts.clear()

    def stored(self) -> int:
        """Committed end of COMMANDS, on the wire."""
        return len(self.commands) - self.base

    def delivered(self) -> int:
        return self.acked - self.base

    def receipt(self, verdict: Verdict):
        """3.14.3: the first verdict, and the place where the command is stored now."""
        out = protos.link.Receipt(command_id=verdict.command_id)
        if verdict.problem is not None:
            out.problem.CopyFrom(verdict.problem)
        elif verdict.number >= self.base:
            out.stored.epoch = self.commands_epoch
            out.stored.offset = verdict.number - self.base
        else:
            out.stored.epoch = verdict.stored_epoch
            out.stored.offset = verdict.stored_offset
        return out


@dataclasses.dataclass
class Device:
    account: str
    device_id: bytes
    name: str
    token_hash: bytes  # A.2
    created_ms: int
    used_ms: int = 0
    revoked: bool = False


CEILINGS = ("disabled", "view", "control")


@dataclasses.dataclass
class State:
    devices: dict[bytes, Device] = dataclasses.field(default_factory=dict)  # by device_id
    ceilings: dict[str, str] = dataclasses.field(default_factory=dict)  # account: disabled, ...
    sessions: dict[tuple, Session] = dataclasses.field(default_factory=dict)
    deleted: set[tuple] = dataclasses.field(default_factory=set)  # 3.25
    organizations: dict[str, str] = dataclasses.field(default_factory=dict)  # "": unconfigured
    members: dict[str, str] = dataclasses.field(default_factory=dict)  # account: organization
    enterprise: str | None = None  # None: there is none; "": organizations decide
    administrators: set[tuple] = dataclasses.field(default_factory=set)  # account, organization or ""
    audit: list[dict] = dataclasses.field(default_factory=list)

    def decide(self, account: str) -> tuple[str, int]:
        """10.1.3: the ceiling, and the layer that decided it, 0 when nothing is limited."""
        L = protos.link
        layers = [(self.ceilings.get(account, "control"), L.LAYER_ACCOUNT)]
        organization = self.members.get(account)
        if organization is not None and self.enterprise:
            layers.insert(0, (self.enterprise, L.LAYER_ENTERPRISE))
        elif organization is not None:
            unconfigured = "control" if broken("10.1.3") else "disabled"
            layers.insert(0, (self.organizations[organization] or unconfigured,
                              L.LAYER_ORGANIZATION))
        least = min(layers, key=lambda layer: CEILINGS.index(layer[0]))
        return least if least[0] != "control" else ("control", 0)

    def ceiling(self, account: str) -> str:
        return self.decide(account)[0]

    def note(self, account: str, what: str, **more) -> None:
        """9.5: one record of the audit log."""
        self.audit.append(dict(number=len(self.audit) + 1, account=account, what=what,
                               organization=self.members.get(account, ""), **more))


# ---- tables ----


def pass_fence(session: Session, generation: int, writer: tuple) -> bool:
    """3.7. True: it was raised, and the older writer's channels end."""
    same = writer == session.writer or broken("3.7.1")  # broken: the generation says it all
    if generation < session.generation or (generation == session.generation and not same):
        raise Refused(3005, stored_generation=session.generation)
    raised = generation > session.generation
    session.generation, session.writer = generation, writer
    return raised


def opened_for_events_publisher(log: EventLog, message) -> tuple[object, bool]:
    """3.8. Returns (Opened, whether the log was restarted or emptied)."""
    def opened(next_offset: int, outcome: int, generation: int):
        return protos.link.Opened(epoch=log.epoch, next=next_offset, watermark=next_offset,
                                  outcome=outcome, last_writer_generation=generation)

    if message.epoch in log.former:
        return opened(log.end, RESET, log.last_generation()), False
    if message.epoch == log.epoch and message.first_retained <= log.end:
        generation = log.last_generation()
        if broken("3.8.1"):  # broken: names the writer that asks
            generation = message.writer_generation
        return opened(log.end, CONTINUED if log.end else EMPTY, generation), False
    first = message.first_retained
    outcome = EMPTY if first == 0 else TO_SNAPSHOT
    log.restart(message.epoch, first)
    return opened(first, outcome, 0), True


def opened_for_reader(epoch: bytes, first: int, end: int, newest_set: int | None, message):
    """3.17: the first row that fits. COMMANDS have no sets (3.14)."""
    newest = first if newest_set is None else newest_set
    until, start = message.until, messages.enum_value(message, "start")
    n = message.next if message.epoch else 0

    def opened(next_offset: int, outcome: int):
        return protos.link.Opened(epoch=epoch, next=next_offset, watermark=end, outcome=outcome)

    if not epoch:
        return opened(0, EMPTY)  # 1
    if not message.epoch and first == end:
        return opened(end, EMPTY)  # 2
    if message.epoch and message.epoch != epoch:
        if until:
            raise Refused(2001)  # 3
        return opened(newest, RESET)  # 4
    if start == protos.link.START_SNAPSHOT:  # 5
        if broken("3.17.1"):
            return opened(first, CONTINUED)
        return opened(newest, CONTINUED if newest_set is None else TO_SNAPSHOT)
    if start == protos.link.START_BEGINNING:
        return opened(first, CONTINUED)  # 6
    if start == protos.link.START_LIVE:
        return opened(end, CONTINUED)  # 7
    if n >= first:
        return opened(n, CONTINUED)  # 8
    if 0 < until <= first:
        raise Refused(2002)  # 9
    return opened(first if until else newest, TO_SNAPSHOT)  # 10, 11


def opened_for_outbox(session: Session, key: tuple, message):
    """3.19."""
    outbox = session.outboxes.get(key)
    known = outbox is not None
    if outbox is None:
        outbox = session.outboxes[key] = Outbox()
    at = max(outbox.next if known else 0, message.first_retained)
    if broken("3.19.1"):
        at = message.first_retained
    outbox.next = at
    return protos.link.Opened(epoch=message.epoch, next=at, watermark=at,
                              outcome=CONTINUED if known else EMPTY)


def judge_command(state: State, session: Session, envelope, outbox_key: tuple) -> object | None:
    """12.1.2, but for the first row. A Problem, or None: to be stored. `envelope` has its origin."""
    problem = protos.link.Problem
    view_only = state.ceiling(session.account) == "view"
    if view_only and envelope.DESCRIPTOR and \
            getattr(envelope, "class") != protos.link.COMMAND_CLASS_VIEW:
        return problem(code=5002, layer=state.decide(session.account)[1])
    if not messages.is_id(envelope.event_epoch) and not broken("12.1.2"):
        return problem(code=5004, reason="event_epoch is missing")
    waiting = sum(c.outbox == outbox_key for c in session.commands[session.acked:])
    if waiting >= OUTBOX_WAITING_MAX:
        return problem(code=5007, retry_helps=True)
    if len(messages.encode(envelope)) > MESSAGE_BYTES_MAX:
        return problem(code=5004, reason="too long")
    return None


def clears_tail(block: Block) -> bool:
    return bool(block.flags & CLEARS_TAIL)
