"""The outbox of a client: commands, kept until their outcome is known (docs/spec.md, 3.19 to 3.21
and 12.2). Pure: no link, no time."""
from __future__ import annotations

import dataclasses

import protos
from breaks import broken

L, C = protos.link, protos.command
KEPT_MAX = 64  # section 7
QUERY_IDS_MAX = 64  # Annex C
UNKNOWN, REJECTED = C.COMMAND_OUTCOME_KIND_UNKNOWN, C.COMMAND_OUTCOME_KIND_REJECTED

# 12.2: states only go forward.
STATES = ("COMPOSED", "SENT", "STORED", "DELIVERED", "DONE")
VIEW_KINDS = {"query_outcome", "request_snapshot", "probe"}  # 12.4.2


@dataclasses.dataclass
class Entry:
    """One command. `offset` is its place in the outbox; it has one as soon as it is made."""
    envelope: object
    offset: int
    own: bool = False  # a QueryOutcome that the client made by itself
    state: str = "COMPOSED"
    times_sent: int = 0
    stored: tuple[bytes, int] | None = None  # where the relay stored it last
    was_stored: bool = False
    receipted: bool = False  # a RECEIPT has come on the present channel
    refusal: object = None  # Problem that is not believed yet (3.21.3)
    outcome: int = 0
    code: int = 0
    asked_by: bytes = b""  # id of the QueryOutcome that asks what became of it

    @property
    def id(self) -> bytes:
        return self.envelope.command_id


class Outbox:
    """Offsets first .. next. `tell(entry)`: its state changed."""

    def __init__(self, tell) -> None:
        self.tell = tell
        self.first = 0
        self.next = 0
        self.entries: list[Entry] = []  # those at first .. next, in order

    def of(self, command_id: bytes) -> Entry | None:
        return next((e for e in self.entries if e.id == command_id), None)

    def full(self) -> bool:
        return sum(1 for e in self.entries if e.state != "DONE") >= KEPT_MAX

    def add(self, command, command_id: bytes, epoch: bytes, ttl_ms: int, own: bool) -> Entry:
        """12.1.1: the epoch is stamped now, and stays."""
        name = command.WhichOneof("body")
        view = name in VIEW_KINDS
        if broken("12.4.2"):
            view = not own  # broken: a class that passes every ceiling
        envelope = L.CommandEnvelope(
            command_id=command_id, event_epoch=epoch, ttl_ms=ttl_ms,
            command=command.SerializeToString(deterministic=True))
        setattr(envelope, "class", L.COMMAND_CLASS_VIEW if view else L.COMMAND_CLASS_CONTROL)
        entry = Entry(envelope, self.next, own)
        self.entries.append(entry)
        self.next += 1
        return entry

    def forward(self, entry: Entry, state: str) -> None:
        if STATES.index(state) > STATES.index(entry.state):
            entry.state = state
            if not entry.own:
                self.tell(entry)

    def done(self, entry: Entry, outcome: int, code: int) -> None:
        if entry.state == "DONE":
            return
        entry.outcome, entry.code = outcome, code
        self.forward(entry, "DONE")

    def trim(self) -> None:
        """3.21.1: a prefix only, of what is done."""
        while self.entries and (self.entries[0].state == "DONE" or broken("3.21.1")
                                and self.entries[0].state in ("STORED", "DELIVERED")):
            self.entries.pop(0)
            self.first += 1

    # ---- OPENED of the outbox (3.19) ----

    def opened(self, next_offset: int) -> None:
        """When the relay's next is above ours, unsent commands are numbered from there."""
        for entry in self.entries:
            entry.receipted = False
        if next_offset > self.next:
            unsent = [e for e in self.entries if e.times_sent == 0]
            for number, entry in enumerate(unsent):
                entry.offset = next_offset + number
            self.next = next_offset + len(unsent)
            if len(unsent) == len(self.entries):
                self.first = next_offset

    def from_offset(self, offset: int) -> list[Entry]:
        """3.19.2: what is to be sent, in order."""
        return [e for e in self.entries if e.offset >= offset]

    def from_end(self) -> None:
        """3.20.4: all that is kept, on new offsets from the end on."""
        for number, entry in enumerate(self.entries):
            entry.offset = self.next + number
        self.first = self.next
        self.next += len(self.entries)

    def at(self, offset: int) -> Entry | None:
        return next((e for e in self.entries if e.offset == offset), None)

    # ---- what is heard ----

    def receipt(self, receipt) -> Entry | None:
        """Returns a refused command whose refusal has to be checked first (3.21.3)."""
        entry = self.of(receipt.command_id)
        if entry is None:
            return None
        entry.receipted = True
        if entry.state == "DONE":
            return None
        if receipt.WhichOneof("result") == "stored":
            entry.stored = (receipt.stored.epoch, receipt.stored.offset)
            entry.was_stored = True
            self.forward(entry, "STORED")
        elif receipt.WhichOneof("result") == "problem":
            if entry.times_sent > 1 or entry.was_stored:
                entry.refusal = receipt.problem
                return entry
            self.done(entry, REJECTED, receipt.problem.code)
        return None

    def status(self, status) -> None:
        """12.2: delivered, by the same commands_epoch."""
        for entry in list(self.entries):
            if entry.stored is not None and entry.stored[0] == status.commands_epoch \
                    and status.commands_delivered > entry.stored[1]:
                self.forward(entry, "DELIVERED")

    def outcome(self, outcome) -> None:
        entry = self.of(outcome.command_id)
        for known in outcome.known:
            self._known(known, outcome.command_id)
        if entry is not None:
            self.done(entry, outcome.outcome, outcome.code)

    def _known(self, known, query: bytes) -> None:
        """12.5.3: an answer to QueryOutcome."""
        entry = self.of(known.command_id)
        if entry is None or entry.state == "DONE" or known.pending:
            return
        if known.outcome:
            self.done(entry, known.outcome, known.code)
        elif entry.asked_by != query:
            return  # not an answer that was sent after it
        elif entry.refusal is not None:
            self.done(entry, REJECTED, entry.refusal.code)
        elif entry.was_stored:
            self.done(entry, UNKNOWN, 0)

    def epoch_ended(self, epoch: bytes) -> None:
        """12.5.3: what was stamped with another epoch than the present one is UNKNOWN."""
        for entry in list(self.entries):
            if entry.envelope.event_epoch != epoch:
                self.done(entry, UNKNOWN, 0)

    def unanswered(self) -> list[Entry]:
        return [e for e in self.entries if e.state != "DONE"]
