"""What a host keeps: a list of records that survives its process, and the state that they make.

A `Disk` outlives processes; a `Journal` is one process' way to it. Records are written in
transactions; what follows from one (a frame, an ACK, a word to the agent) is done when it is
committed, never before. `Memory` is the state after all records, live and after a restart alike.
"""
from __future__ import annotations

import collections
import dataclasses
from typing import Callable

import protos
import view
from breaks import broken
from wire import CLEARS_TAIL, SNAPSHOT

IDS_MAX, IDS_MS = 4096, 24 * 3600 * 1000  # 12.6.1
RESOLUTIONS_MAX = 4096  # 13.1.2

Kind = protos.command.CommandOutcome


class Fenced(Exception):
    """Another process has claimed the journal."""


class Disk:
    """What kill -9 leaves."""

    def __init__(self) -> None:
        self.records: list[tuple] = []
        self.owner = 0  # the process that may write

    def copy(self) -> Disk:
        out = Disk()
        out.records = list(self.records)
        return out


class Journal:
    """Transactions, in order. While `held`, nothing becomes durable."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        disk.owner += 1
        self.me = disk.owner
        self.held = False
        self.pending: collections.deque[tuple[list, Callable | None]] = collections.deque()
        self._flushing = False

    def write(self, records: list[tuple], then: Callable | None = None) -> None:
        self.pending.append((records, then))
        self.flush()

    def flush(self) -> None:
        """Commits what waits, then does what follows from it."""
        if self.held or self._flushing:
            return
        self._flushing = True
        try:
            while self.pending and not self.held:
                if self.disk.owner != self.me and not broken("3.5.2"):
                    # 3.5.2: two processes never number the same log.
                    self.pending.clear()
                    raise Fenced()
                records, then = self.pending.popleft()
                self.disk.records.extend(records)
                if then is not None:
                    then()
        finally:
            self._flushing = False


@dataclasses.dataclass
class Block:
    """Consecutive events, stored and sent as one."""
    offset: int
    flags: int
    part: int
    parts: int
    events: list[bytes]

    @property
    def end(self) -> int:
        return self.offset + len(self.events)

    @property
    def bytes(self) -> int:
        return sum(len(e) for e in self.events)


@dataclasses.dataclass
class Command:
    """12.3: one command at the host."""
    envelope: object  # CommandEnvelope
    at_ms: int
    state: str = "received"  # received, started, done
    outcome: object = None  # CommandOutcome

    @property
    def id(self) -> bytes:
        return self.envelope.command_id


class Memory:
    """The state after all records."""

    def __init__(self) -> None:
        self.generation = 0
        self.epoch = b""
        self.writers: list[tuple[int, int]] = []  # 3.6: (generation, first offset), for ever
        self.first = self.end = 0
        self.blocks: collections.deque[Block] = collections.deque()
        self.sets: list[int] = []  # starts of complete sets
        self.bytes = 0
        self.since_set = [0, 0]  # events, bytes
        self.view = view.View()
        self.commands: dict[bytes, Command] = {}
        self.commands_epoch = b""
        self.commands_next = 0
        self.asks: dict[bytes, object] = {}  # open ones, the oldest first
        self.resolved: dict[bytes, object] = {}  # AskResolved, the last 4096
        self.remote_mode = 0
        self.attachments: dict[bytes, list] = {}

    def apply(self, record: tuple) -> None:
        getattr(self, "_" + record[0])(*record[1:])

    def _process(self, generation: int) -> None:
        self.generation = generation
        self.writers.append((generation, self.end))

    def _epoch(self, epoch: bytes) -> None:
        """A new number line. The state goes on; the numbers do not."""
        self.epoch = epoch
        self.first = self.end = self.bytes = 0
        self.blocks.clear()
        self.sets.clear()
        self.writers = [(self.generation, 0)]

    def _block(self, flags: int, part: int, parts: int, events: list[bytes]) -> None:
        block = Block(self.end, flags, part, parts, events)
        self.blocks.append(block)
        self.end = block.end
        self.bytes += block.bytes
        if flags & SNAPSHOT:
            if part == parts:
                self.sets.append(block.offset - parts + 1)
                self.since_set = [0, 0]
            return
        self.fold(events)

    def fold(self, events: list[bytes]) -> None:
        for encoded in events:
            self.view.fold(protos.event.Event.FromString(encoded))
        self.since_set[0] += len(events)
        self.since_set[1] += sum(len(e) for e in events)

    def _trim(self, first: int) -> None:
        self.first = first
        while self.blocks and self.blocks[0].end <= first:
            self.bytes -= self.blocks.popleft().bytes
        self.sets = [start for start in self.sets if start >= first]

    def _command(self, encoded: bytes, at_ms: int) -> None:
        envelope = protos.link.CommandEnvelope.FromString(encoded)
        self.commands[envelope.command_id] = Command(envelope, at_ms)
        self._forget(at_ms)

    def _forget(self, now_ms: int) -> None:
        """12.6.1: 24 h or 4096 commands, whichever is more; those without an outcome for ever."""
        if broken("12.6.1"):  # broken: an id is forgotten with its outcome
            for known in [c for c in self.commands.values() if c.state == "done"]:
                del self.commands[known.id]
            return
        extra = len(self.commands) - IDS_MAX
        for known in list(self.commands.values()):
            if extra <= 0 or known.at_ms + IDS_MS > now_ms:
                break
            if known.state == "done":
                del self.commands[known.id]
                extra -= 1

    def _started(self, command_id: bytes) -> None:
        self.commands[command_id].state = "started"

    def _outcome(self, encoded: bytes) -> None:
        outcome = Kind.FromString(encoded)
        known = self.commands.get(outcome.command_id)
        if known is not None:
            known.state, known.outcome = "done", outcome

    def _ask(self, encoded: bytes) -> None:
        ask = protos.ask.Ask.FromString(encoded)
        self.asks[ask.ask_id] = ask

    def _resolved(self, encoded: bytes) -> None:
        resolved = protos.ask.AskResolved.FromString(encoded)
        self.asks.pop(resolved.ask_id, None)
        self.resolved[resolved.ask_id] = resolved
        while len(self.resolved) > RESOLUTIONS_MAX:
            del self.resolved[next(iter(self.resolved))]

    def _cursor(self, epoch: bytes, next_offset: int) -> None:
        self.commands_epoch, self.commands_next = epoch, next_offset

    def _mode(self, mode: int) -> None:
        self.remote_mode = mode

    def _attachment(self, encoded: bytes) -> None:
        chunk = protos.command.AttachmentChunk.FromString(encoded)
        self.attachments.setdefault(chunk.attachment_id, []).append(chunk)

    def _attachment_gone(self, attachment_id: bytes) -> None:
        self.attachments.pop(attachment_id, None)


def cut_at(block: Block, offset: int) -> Block:
    """What of a block lies at or above `offset` (3.8.3)."""
    if block.offset >= offset or broken("3.8.3"):
        return block
    return Block(offset, block.flags, block.part, block.parts, block.events[offset - block.offset:])


def base_of_tails(memory: Memory) -> int:
    """End of the last CLEARS_TAIL block."""
    for block in reversed(memory.blocks):
        if block.flags & CLEARS_TAIL:
            return block.end
    return memory.first
