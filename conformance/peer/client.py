"""A whole client: reader of events, view, outbox (docs/spec.md, sections 3.15 to 3.23, 5.3, 6.2, 12
and 15)."""
from __future__ import annotations

import random

import blocks
import jsonform
import messages
import protos
from breaks import broken
from link import Connecting, Output, class_of
from outbox import Entry, Outbox
from reopening import Reopening
from view import View
from wire import CLEARS_TAIL, COMPRESSED, SNAPSHOT, Frame, WireFault, delimited

L, C = protos.link, protos.command
FT = protos.FT
NORMAL, EPOCH = 0, 2001
DECODE, INFLATE = 4003, 4004
TTL_MS = 60_000  # 12.5.1
STARTS = {"RESUME": L.START_RESUME, "SNAPSHOT": L.START_SNAPSHOT,
          "BEGINNING": L.START_BEGINNING, "LIVE": L.START_LIVE}


class Reader:
    """What a client holds of a session's events."""

    def __init__(self) -> None:
        self.epoch = b""
        self.next = 0
        self.view = View()
        self.complete = False  # 15.1
        self.former: set[bytes] = set()  # 3.16.1
        self.in_set = 0  # the next part of a set that is being folded; 0: none
        self.began_set = False  # the block folded last begins a set that replaces the view

    def void(self, epoch: bytes, next_offset: int) -> None:
        """3.17.2: what was folded says nothing any more."""
        if self.epoch and epoch != self.epoch:
            self.former.add(self.epoch)
        self.epoch, self.next = epoch, next_offset
        if not broken("3.17.2"):
            self.view = View()
        self.in_set = 0
        self.complete = next_offset == 0

    def fold(self, offset: int, frame: Frame, events: list) -> list[tuple[int, object]]:
        """Folds the messages of a block from `offset` on; returns those that are told."""
        self.began_set = False
        if frame.flags & CLEARS_TAIL:
            self.view.clear()
        if frame.flags & SNAPSHOT:
            self._fold_part(frame, events)
            told = []
        else:
            self.in_set = 0
            for event in events:
                self.view.fold(event)
            told = [(offset + number, event) for number, event in enumerate(events)]
        self.next = frame.offset + frame.count
        return told

    def _fold_part(self, frame: Frame, events: list) -> None:
        """3.22.3: a complete view skips a set that it meets, except one at offset 0."""
        if frame.part == 1:
            takes = not self.complete or frame.offset == 0 or broken("3.22.3")
            self.in_set = 1 if takes else 0
            self.began_set = takes
        if self.in_set != frame.part:
            self.in_set = 0
            return
        for number, event in enumerate(events):
            if frame.part == 1 and number == 0:
                self.view.begin(event)
            else:
                self.view.fold(event)
        self.in_set += 1
        if frame.part == frame.parts:
            self.in_set = 0
            self.complete = True


class Client:
    """One process."""

    def __init__(self, clock, config: dict, seed: int = 1) -> None:
        self.clock = clock
        self.config = config
        self.rng = random.Random(seed)
        self.outputs: list[Output] = []
        self.session_id = bytes.fromhex(config["session_id"])
        self.start = STARTS[config.get("start", "RESUME")]
        self.until = config.get("until", 0)
        self.publishes = bool(config.get("publish", True)) and not self.until
        self.reader = Reader()
        self.outbox = Outbox(self._tell_command)
        self.events = self.publisher = None  # channels
        self.offered = 0  # of the outbox, on this channel
        self.commands_epoch = b""
        self.opened_once = False
        self.synced = False
        self.jumped = False  # 12.5.4: outcomes may have been missed
        self.bad_block: tuple[bytes, int] | None = None  # 6.2.3
        self.jumped_to: int | None = None  # the last one that was told
        self.next_start = self.start
        self.doubted = None  # OPENED with an epoch that was left (3.16.1)
        self.over = False
        self.again = {"events": Reopening(clock, self.rng), "publisher": Reopening(clock, self.rng)}
        self.link = Connecting(
            clock, token=config.get("token", "token"), role=L.ROLE_CLIENT, agent="peer-client/1",
            link_id=b"\x66" * 16 if broken("1.6.1") else self.rng.randbytes(16), seed=seed + 1)
        self.link.start()

    # ---- what is told ----

    def tell(self, kind: str, **members) -> None:
        self.outputs.append(Output("told", told={kind: members}))

    def _tell_command(self, entry: Entry) -> None:
        said = {"command": entry.id.hex(), "state": entry.state}
        if entry.state == "DONE":
            field = C.CommandOutcome.DESCRIPTOR.fields_by_name["outcome"]
            said["outcome"] = jsonform.enum_name(field.enum_type, entry.outcome)
            said["code"] = entry.code
        self.tell("command", **said)

    def _tell_jump(self, offset: int, reset: bool) -> None:
        self.jumped_to = offset
        if not broken("3.17.2"):
            self.tell("snapshot", offset=offset, reset=reset)  # 3.17.2

    # ---- the link ----

    def tick(self) -> None:
        self._deal_with_told()
        if self.events is None and self.again["events"].is_due():
            self.open_events()
        if self.publisher is None and self.again["publisher"].is_due():
            self.open_outbox()
        self.link.tick()
        self._deal_with_told()
        self.link.tick()
        self.outputs.extend(self.link.outputs)
        self.link.outputs.clear()

    def next_ms(self) -> int | None:
        due = [self.link.next_ms()]
        if self.events is None:
            due.append(self.again["events"].due_ms)
        if self.publisher is None:
            due.append(self.again["publisher"].due_ms)
        due = [max(ms, self.clock.now_ms) for ms in due if ms is not None]
        return min(due) if due else None

    def _deal_with_told(self) -> None:
        while self.link.told:
            told = self.link.told.popleft()
            handle = getattr(self, "on_" + told.kind.lower(), None)
            if handle is not None:
                handle(told)

    def carrier_lives(self) -> bool:
        return self.link.carrier is not None and self.link.carrier.state in ("GREETING", "LIVE")

    def _drop_channels(self) -> None:
        self.events = self.publisher = None
        self.synced = False
        self.doubted = None
        for again in self.again.values():
            again.stop()

    def on_connected(self, told) -> None:
        """5.3.3: every channel again, at the position reached; in the flight of HELLO."""
        self._drop_channels()
        if self.over:
            return
        self.open_events()
        if self.publishes:
            self.open_outbox()

    def on_lost(self, told) -> None:
        self._drop_channels()

    on_goaway = on_refused = on_silent = on_goaway_sent = on_lost

    def on_dead(self, told) -> None:
        if not self.over:
            self.tell("closed", code=told.code)

    # ---- reading events ----

    def open_events(self) -> None:
        self.again["events"].stop()
        reader = self.reader
        self.events = self.link.carrier.open_channel(L.Open(
            session_id=self.session_id, log=L.LOG_EVENTS, direction=L.DIRECTION_SUBSCRIBE,
            epoch=reader.epoch, next=reader.next, until=self.until, start=self.next_start))
        self.synced = False

    def on_opened(self, told) -> None:
        if told.channel is self.publisher:
            return self._outbox_opened(told)
        if told.channel is not self.events:
            return
        self.again["events"].opened()
        opened, reader = told.message, self.reader
        reader.view.clear()  # 3.23: tails of the channel before say nothing on this one
        if not opened.epoch:
            return  # 3.17.2: an OPENED without an epoch changes nothing
        if opened.epoch in reader.former and not broken("3.16.1"):
            self.doubted = opened  # 3.16.1: LOG_STATUS decides
            return
        self._take_opened(opened)

    def _take_opened(self, opened) -> None:
        reader = self.reader
        reader.former.discard(opened.epoch)
        self.next_start = L.START_RESUME
        reset = opened.epoch != reader.epoch
        if reset or opened.next != reader.next:
            self._jump(opened.epoch, opened.next, reset)

    def _doubt(self, status=None) -> bool:
        """3.16.1: not back to an epoch that was left, unless its host publishes it. True: the
        channel was given up; it is asked for again later."""
        opened, self.doubted = self.doubted, None
        if opened is None:
            return False
        if status is not None and status.host_attached and status.events_epoch == opened.epoch:
            self._take_opened(opened)
            return False
        self.link.carrier.close(self.events, EPOCH)
        self.events = None
        self.again["events"].after(0)
        return True

    def _jump(self, epoch: bytes, next_offset: int, reset: bool) -> None:
        first = not self.opened_once
        self.opened_once = True
        self.reader.void(epoch, next_offset)
        self.jumped = self.jumped or not first
        self._tell_jump(next_offset, reset)

    def on_block(self, told) -> None:
        channel, frame, reader = told.channel, told.frame, self.reader
        if channel is not self.events or self._doubt():
            return
        try:
            events = blocks.read(frame, protos.event.Event)
        except blocks.BlockFault as fault:
            return self._bad_block(channel, frame, fault.code)
        if told.jump and not broken("3.15.1"):
            # 3.15: a jump to a set; what is held is void.
            self.jumped = True
            reader.void(reader.epoch, frame.offset)
            self._tell_jump(frame.offset, False)
        skip = told.skip
        for offset, event in reader.fold(frame.offset + skip, frame, events[skip:]):
            self.tell("event", offset=offset, event=jsonform.told(event))
            if event.WhichOneof("body") == "command_outcome":
                self.outbox.outcome(event.command_outcome)
        if frame.flags & SNAPSHOT:
            self._outcomes_of_view()
            if reader.began_set and self.jumped_to != frame.offset:
                self._tell_jump(frame.offset, False)  # what is shown begins anew here
        self._trim()
        carrier = self.link.carrier
        carrier.consumed(channel, len(frame.payload))
        carrier.ack(channel, frame.offset + frame.count)

    def _outcomes_of_view(self) -> None:
        """12.5: outcomes of a snapshot set."""
        for known in self.reader.view.durable.outcomes.values():
            entry = self.outbox.of(known.command_id)
            if entry is not None and known.outcome:
                self.outbox.done(entry, known.outcome, known.code)

    def _bad_block(self, channel, frame, code: int) -> None:
        """6.2.2, 6.2.1: CLOSE with the block's offset. 6.2.3: again from a set; the second time
        behind it."""
        carrier = self.link.carrier
        carrier.close(channel, code, frame.offset)
        self.events = None
        met = (self.reader.epoch, frame.offset)
        if met == self.bad_block and not broken("6.2.3"):
            self.reader.next = frame.offset + frame.count
            self.reader.complete = False
            self.next_start = L.START_RESUME
            self.bad_block = None
        elif not broken("6.2.3"):
            self.bad_block = met
            self.next_start = L.START_SNAPSHOT
        self.again["events"].after(0)

    def on_tail(self, told) -> None:
        channel, frame = told.channel, told.frame
        if channel is not self.events or self._doubt():
            return
        try:
            event = messages.decode(protos.event.Event, frame.payload)
        except WireFault:
            event = None  # 3.23.1: it changes and closes nothing
        if event is not None:
            self.reader.view.tail(event)
            self.tell("tail", **jsonform.told(event))
        self.link.carrier.consumed(channel, len(frame.payload))

    def on_synced(self, told) -> None:
        if told.channel is not self.events or self._doubt():
            return
        self.synced = True
        self.tell("synced", offset=told.offset)
        self._find_out()

    def on_log_status(self, told) -> None:
        status = told.message
        self.tell("status", **jsonform.told(status))
        if self._doubt(status):
            return
        self.outbox.status(status)
        changed = bool(self.commands_epoch) and status.commands_epoch != self.commands_epoch
        self.commands_epoch = status.commands_epoch
        if changed and broken("12.5.3"):
            # broken: what the relay forgot is lost
            self.outbox.epoch_ended(b"")
        if changed and self.outbox.unanswered() and self.publishes and not broken("3.21.2"):
            # 3.21.2: the relay's store is another one.
            if self.publisher is not None:
                self.link.carrier.close(self.publisher, NORMAL)
            self.open_outbox()

    # ---- publishing commands ----

    def open_outbox(self) -> None:
        self.again["publisher"].stop()
        self.publisher = self.link.carrier.open_channel(L.Open(
            session_id=self.session_id, log=L.LOG_COMMANDS, direction=L.DIRECTION_PUBLISH,
            epoch=self.link.link_id, next=self.outbox.next, first_retained=self.outbox.first))

    def _outbox_opened(self, told) -> None:
        self.again["publisher"].opened()
        self.outbox.opened(told.message.next)
        self.offered = told.message.next
        self.send()

    def send(self) -> None:
        """3.19.2: from OPENED.next on, in order, each in a block of its own."""
        channel = self.publisher
        if channel is None or channel.state != "OPEN" or not self.carrier_lives():
            return
        self.link.carrier.extend(channel, self.outbox.next)
        waiting = self.outbox.from_offset(self.offered)
        if broken("3.19.2") and len(waiting) > 1:  # broken: all in one block
            together = [e.envelope.SerializeToString() for e in waiting]
            self.link.carrier.offer(channel, blocks.block_frame(waiting[0].offset, together))
        for entry in waiting:
            if broken("12.1.1"):
                entry.envelope.event_epoch = self.reader.epoch
            self.link.carrier.offer(channel, self._block(entry))
            entry.times_sent += 1
            self.offered = entry.offset + 1
            self.outbox.forward(entry, "SENT")

    @staticmethod
    def _block(entry: Entry) -> Frame:
        frame = blocks.block_frame(entry.offset, [entry.envelope.SerializeToString()])
        if broken("6.1.1") and len(frame.payload) >= 512:
            payload = delimited([entry.envelope.SerializeToString()])
            frame = Frame(type=FT.FRAME_TYPE_BLOCK, offset=entry.offset, count=1, flags=COMPRESSED,
                          inflated_bytes=len(payload), payload=blocks.deflate(payload))
        return frame  # 6.1.1: never compressed

    def submit(self, command, ttl_ms: int | None) -> bytes | str:
        """The command's id, or why it is not taken."""
        if not self.publishes or self.over:
            return "it only watches"
        if not self.reader.epoch:
            return "nothing has been read yet"
        if self.outbox.full():
            return "too many commands wait"
        try:
            messages.decode(C.Command, command.SerializeToString())
        except WireFault as fault:
            return str(fault)  # 7.1.2
        if ttl_ms is None:
            name = command.WhichOneof("body")
            steer = name == "submit_prompt" and command.submit_prompt.delivery == C.DELIVERY_STEER
            ttl_ms = TTL_MS if name == "cancel_turn" or steer else 0  # 12.5.1
        entry = self._add(command, ttl_ms, False)
        return entry.id

    def _add(self, command, ttl_ms: int, own: bool) -> Entry:
        return self.outbox.add(command, self.rng.randbytes(16), self.reader.epoch, ttl_ms, own)

    def on_receipt(self, told) -> None:
        if told.channel is not self.publisher:
            return
        there = self.outbox.at(told.offset)
        if there is not None and there.id != told.message.command_id:
            return self._outbox_was_used()
        doubtful = self.outbox.receipt(told.message)
        if doubtful is not None:
            self._ask([doubtful])  # 3.21.3
        self._trim()

    def on_acked(self, told) -> None:
        if told.channel is self.publisher and any(
                e.offset < told.offset and not e.receipted for e in self.outbox.entries):
            self._outbox_was_used()

    def _outbox_was_used(self) -> None:
        """3.20.4: by another process with this link id; the relay never saw our command."""
        self.link.carrier.close(self.publisher, NORMAL)
        self.outbox.from_end()
        self.open_outbox()

    def _trim(self) -> None:
        """3.21.1: not between OPEN and OPENED, which may go on at any offset that OPEN named."""
        if self.publisher is None or self.publisher.state == "OPEN":
            self.outbox.trim()

    def _ask(self, entries: list[Entry]) -> None:
        command = C.Command()
        command.query_outcome.command_ids.extend(e.id for e in entries)
        query = self._add(command, 0, True)
        for entry in entries:
            entry.asked_by = query.id
        self.send()

    def _find_out(self) -> None:
        """12.5.4: after a jump and SYNCED, what became of every command that is kept."""
        if not self.jumped or broken("12.5.4"):
            return
        self.jumped = False
        self._outcomes_of_view()
        self.outbox.epoch_ended(self.reader.epoch)
        asked = [e for e in self.outbox.unanswered() if e.times_sent and not e.own]
        self._trim()
        for at in range(0, len(asked), 64):
            self._ask(asked[at:at + 64])

    # ---- the end of channels ----

    def on_closed(self, told) -> None:
        """5.3.3, 5.3.4."""
        which = "events" if told.channel is self.events else \
            "publisher" if told.channel is self.publisher else None
        if which is None:
            return
        setattr(self, which, None)
        kind = class_of(told.code)
        if which == "events" and kind == 0 and self.until:
            self.over = True
            self.tell("done")
            self.link.carrier.goaway(NORMAL)
            self.link.stop()
        elif kind in (1, 2) or broken("5.3.4"):
            if not broken("5.3.3"):
                self.again[which].after(told.message.retry_after_ms)
        elif which == "events":
            self.tell("closed", code=told.code)

    def detach(self) -> None:
        self.over = True
        if self.carrier_lives():
            self.link.carrier.goaway(NORMAL)
        self.link.stop()
