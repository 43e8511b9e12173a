"""A host's journal and what is said when something in it is committed."""
from __future__ import annotations

from typing import Callable

import protos
from breaks import broken
from journal import Block, Disk, Journal, Memory
from wire import CLEARS_TAIL, SNAPSHOT

SET_EVENTS, SET_BYTES = 1000, 1048576  # 3.22.5
BLOCK_BYTES_MAX = 131072

Event = protos.event.Event


class Store:
    """Events become blocks here; blocks are sent once they are committed (3.5.1)."""

    def __init__(self, disk: Disk, clock, bytes_max: int) -> None:
        self.clock = clock
        self.bytes_max = bytes_max
        self.memory = Memory()
        for record in disk.records:
            if record[0] == "block":  # lists on disk are never touched again
                record = record[:4] + (list(record[4]),)
            self.memory.apply(record)
        self.journal = Journal(disk)
        self.committed_epoch, self.committed_end = self.memory.epoch, self.memory.end
        self.committed_first = self.memory.first
        self._last_told: list = []  # events of the last transaction, which others may join
        self.on_commit: Callable[[list], None] = lambda events: None
        self.clears_next = not broken("3.24.2")  # 3.24.2: first block of a process, of an epoch

    # ---- writing ----

    def put(self, events: list, *, clears: bool = False, records: list[tuple] | None = None,
            then: Callable | None = None) -> None:
        """One transaction: a block of events, other records, and what follows from them."""
        # 12.3.3: outcome and events are one transaction.
        written: list[tuple] = []
        told: list = []
        if events:
            flags = CLEARS_TAIL if clears or self.clears_next else 0
            self.clears_next = False
            for event in events:
                event.at_ms = event.at_ms or self.clock.unix_ms
            if not self._joins(events, flags, records, then):
                for chunk in chunks([e.SerializeToString() for e in events]):
                    written.append(("block", flags, 0, 0, chunk))
                    # Only the last chunk ends where all is durable.
                if flags and len(written) > 1:
                    written = [("block", 0, 0, 0, w[4]) for w in written[:-1]] + written[-1:]
                told = events
            elif not records and then is None:
                return
        written += records or []
        for record in written:
            self.memory.apply(record)
        self.write(written, told, then)

    def _joins(self, events: list, flags: int, records, then) -> bool:
        """While commits are held, plain events join the block that waits already: it is one block
        of the journal when it is committed."""
        pending = self.journal.pending
        if flags or records or then is not None or not pending or not self.memory.blocks:
            return False
        block = self.memory.blocks[-1]
        last = pending[-1][0][-1:] if pending[-1][0] else []
        if not last or last[0][0] != "block" or last[0][4] is not block.events or block.part:
            return False
        encoded = [e.SerializeToString() for e in events]
        if block.bytes + sum(len(e) for e in encoded) > BLOCK_BYTES_MAX:
            return False
        if block.flags & CLEARS_TAIL:
            return False
        block.events.extend(encoded)
        self.memory.end = block.end
        self.memory.bytes += sum(len(e) for e in encoded)
        self.memory.fold(encoded)
        self._last_told.extend(events)
        return True

    def write(self, records: list[tuple], told: list, then: Callable | None) -> None:
        epoch, block = self.memory.epoch, self.memory.blocks[-1] if self.memory.blocks else None
        end, first = self.memory.end, self.memory.first
        told = self._last_told = list(told)

        def committed() -> None:
            self.committed_epoch = epoch
            self.committed_end = max(end, block.end) if block is not None else end
            self.committed_first = first
            self.on_commit(told)
            if then is not None:
                then()

        self.journal.write(records, committed)
        if broken("3.5.1"):  # broken: sent when written, not when committed
            self.committed_epoch, self.committed_end = epoch, end
            self.on_commit([])

    def hold(self, on: bool) -> None:
        self.journal.held = on
        self.journal.flush()

    # ---- snapshot sets ----

    def put_set(self, clears: bool = False, records: list[tuple] | None = None) -> None:
        """A complete set of the state as it is (3.22). 3.22.1: its parts follow one another."""
        states = self.memory.view.durable.snapshot()
        parts = len(states)
        written = list(records or [])
        for number, state in enumerate(states, 1):
            event = Event(at_ms=self.clock.unix_ms, session_state=state)
            flags = SNAPSHOT | (CLEARS_TAIL if clears and number == 1 else 0)
            if broken("3.22.1"):  # broken: it learns how many there are only at the end
                written.append(("block", flags, number, number if number < parts else parts,
                                [event.SerializeToString()]))
            else:
                written.append(("block", flags, number, parts, [event.SerializeToString()]))
        if clears:
            self.clears_next = False
        for record in written:
            self.memory.apply(record)
        self.write(written, [], None)

    def maybe_set(self) -> None:
        """3.22.5: now and then; and so that the journal can be trimmed."""
        memory = self.memory
        events, size = memory.since_set
        if events >= SET_EVENTS or size >= min(SET_BYTES, self.bytes_max // 4):
            self.put_set()
        if memory.bytes > self.bytes_max and memory.sets and memory.sets[-1] > memory.first:
            first = memory.sets[-1]
            if broken("3.22.4"):  # broken: just as much as is needed
                first = next(b.offset for b in memory.blocks if b.offset > memory.first)
            record = ("trim", first)  # 3.22.4
            memory.apply(record)
            self.write([record], [], None)

    def sendable(self, offered: int) -> list[Block]:
        """Committed blocks that end above `offered`."""
        if self.committed_epoch != self.memory.epoch:
            return []
        return [b for b in self.memory.blocks if offered < b.end <= self.committed_end]


def chunks(encoded: list[bytes]) -> list[list[bytes]]:
    """Messages in blocks that are not too large."""
    out: list[list[bytes]] = [[]]
    size = 0
    for one in encoded:
        if out[-1] and size + len(one) > BLOCK_BYTES_MAX:
            out.append([])
            size = 0
        out[-1].append(one)
        size += len(one)
    return out
