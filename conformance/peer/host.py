"""A whole host: journal, session, commands, and its two channels (docs/spec.md, sections 3.5 to
3.14, 3.22 to 3.24, 5.3, 6, 11 to 13).

The agent is whatever acts say; what it is told goes to `tell`.
"""
from __future__ import annotations

import random

import blocks
import info
import jsonform
import protos
from breaks import broken
from commanding import Commands
from journal import Disk, Fenced, cut_at
from link import Connecting, Output, class_of, make_tail
from reopening import Reopening
from session import Session
from store import Store

L, S = protos.link, protos.session
NORMAL, EPOCH, FENCED, NOT_FOUND = 0, 2001, 3005, 3009
MODES = {"OFF": S.REMOTE_MODE_OFF, "VIEW": S.REMOTE_MODE_VIEW, "CONTROL": S.REMOTE_MODE_CONTROL}
JOURNAL_BYTES_MAX = 268435456  # section 7


class Host:
    """One process."""

    def __init__(self, clock, config: dict, disk: Disk, seed: int, number: int = 0) -> None:
        self.clock = clock
        self.config = config
        self.rng = random.Random(seed)
        self.outputs: list[Output] = []
        self.session_id = bytes.fromhex(config["session_id"])
        self.store = Store(disk, clock, config.get("journal_bytes_max", JOURNAL_BYTES_MAX))
        self.memory = self.store.memory
        self.session = Session(clock, self.store, self.rng, self.tell)
        self.commands = Commands(clock, self.session, self.may_act)
        self.commands.on_end_remote = self._end_remote
        self.store.on_commit = self._committed
        self.events = self.reader = None  # channels: EVENTS that we publish, COMMANDS that we read
        self.confirmed = self.synced = False  # 3.11.1, 3.13.2, on this carrier
        self.offered = self.tails_offered = 0
        self.leaving: int | None = None  # 12.4: after both are acknowledged
        self.given_up = False  # 5.3.4: 3005 and 3009
        self.said_info = b""
        self.attached: dict[tuple, object] = {}
        self.again = {"events": Reopening(clock, self.rng), "reader": Reopening(clock, self.rng)}
        self.link = Connecting(
            clock, token=config.get("token", "token"), role=L.ROLE_HOST, agent="peer-host/1",
            link_id=b"\x77" * 16 if broken("1.6.1") else self.rng.randbytes(16),
            window=config.get("window_bytes", 524288), seed=seed + 1)
        self.link.number = number
        self._begin_process()
        if self.memory.remote_mode != S.REMOTE_MODE_OFF:
            self.link.start()

    # ---- a process begins ----

    def _begin_process(self) -> None:
        fresh = not self.memory.epoch
        generation = max(self.memory.generation + 1, self.clock.unix_ms)
        if broken("3.6.1"):
            generation = self.clock.unix_ms  # broken: the clock alone
        records: list[tuple] = [("process", generation)]
        if fresh:
            mode = MODES[self.config.get("remote_mode", "CONTROL")]
            records += [("epoch", self._new_epoch_id()), ("mode", mode)]
        for record in records:
            self.memory.apply(record)
        self.store.write(records, [], None)
        if fresh:
            self.session.begin(self.config)
        else:
            self.session.resume()
        self.session.find_base()
        if broken("3.11.1"):  # broken: what the journal holds is run at once
            self.commands.work()

    def _new_epoch_id(self) -> bytes:
        if broken("3.5.2"):
            return self.session_id  # broken: the same one after a journal was lost
        return self.rng.randbytes(16)  # 1.6.1

    # ---- what is told ----

    def tell(self, kind: str, **members) -> None:
        """An action: given to the agent."""
        out = {"kind": kind}
        for name, value in members.items():
            if value:
                out[name] = value.hex() if isinstance(value, bytes) else value
        self.outputs.append(Output("told", told={"action": out}))

    def _committed(self, events: list) -> None:
        for event in events:
            self.outputs.append(Output("told", told={"event": jsonform.told(event)}))
        self.publish()

    def _stopped(self, code: int) -> None:
        self.outputs.append(Output("told", told={"stopped": {"code": code}}))

    # ---- the link ----

    def tick(self) -> None:
        try:
            self._tick()
        except Fenced:
            self._fenced()

    def _tick(self) -> None:
        self._deal_with_told()
        if self.memory.remote_mode == S.REMOTE_MODE_OFF and self.leaving is None \
                and self.link.carrier is not None and not self.link.dead \
                and not broken("12.4.3"):
            self._leave()
        now = self.clock.now_ms
        self.session.expire_asks()
        expiry = self.commands.next_expiry_ms()
        if expiry is not None and expiry <= now:
            self.commands.work()
        due = self._flush_due_ms()
        if due is not None and due <= now:
            self.session.flush()
        if self.events is None and self.again["events"].is_due():
            self.open_events()
        if self.reader is None and self.events is not None and self.again["reader"].is_due():
            self.open_commands()
        self.publish()
        self._say_info()
        self.link.tick()
        self._deal_with_told()
        self.link.tick()
        self.outputs.extend(self.link.outputs)
        self.link.outputs.clear()

    def next_ms(self) -> int | None:
        expiries = [a.expires_ms - self.clock.unix_ms + self.clock.now_ms
                    for a in self.memory.asks.values() if a.expires_ms]
        due = [self.link.next_ms(), self._flush_due_ms(), *expiries]
        if self.may_act():
            due.append(self.commands.next_expiry_ms())
        if self.events is None:
            due.append(self.again["events"].due_ms)
        if self.reader is None:
            due.append(self.again["reader"].due_ms)
        due = [max(ms, self.clock.now_ms) for ms in due if ms is not None]
        return min(due) if due else None

    def _flush_due_ms(self) -> int | None:
        """3.24.2: 2 s after the last delta."""
        if not self.session.durable_deltas() or broken("3.24.2"):
            return None
        return self.session.last_delta_ms + 2000

    def _deal_with_told(self) -> None:
        while self.link.told:
            told = self.link.told.popleft()
            handle = getattr(self, "on_" + told.kind.lower(), None)
            if handle is not None:
                handle(told)

    def _fenced(self) -> None:
        """Another process has the journal: this one says nothing more (3.5.2)."""
        if self.link.carrier is not None:
            self.link.carrier.goaway(NORMAL)
            self.link.tick()
        self.outputs.extend(self.link.outputs)
        self.link.stop()

    def carrier_lives(self) -> bool:
        return self.link.carrier is not None and self.link.carrier.state in ("GREETING", "LIVE")

    def _drop_channels(self) -> None:
        self.events = self.reader = None
        self.confirmed = self.synced = False
        self.said_info = b""
        for again in self.again.values():
            again.stop()

    def on_connected(self, told) -> None:
        """3.11.2: EVENTS first; both in the flight of HELLO. 5.3.3: at the position reached."""
        self._drop_channels()
        if self.given_up:
            return
        if broken("3.11.2"):
            self.open_commands()
        self.open_events()
        if not broken("3.11.2"):
            self.open_commands()

    def on_welcome(self, told) -> None:
        self.commands.server_offset_ms = told.message.server_time_ms - self.clock.now_ms

    def on_lost(self, told) -> None:
        self._drop_channels()

    def on_goaway(self, told) -> None:
        self._drop_channels()

    on_refused = on_silent = on_goaway_sent = on_goaway

    def on_dead(self, told) -> None:
        if self.leaving is None:
            self._stopped(told.code)

    # ---- publishing events ----

    def open_events(self) -> None:
        memory = self.memory
        self.again["events"].stop()
        message = L.Open(
            session_id=self.session_id, log=L.LOG_EVENTS, direction=L.DIRECTION_PUBLISH,
            epoch=memory.epoch, next=self.store.committed_end, first_retained=memory.first,
            writer_generation=memory.generation,
            description=L.SessionDescription(title="session", agent="peer"))
        self.events = self.link.carrier.open_channel(message)
        self.confirmed = False

    def forked(self, told) -> bool:
        """3.10: the conditions, in their order."""
        opened, asked, memory = told.message, told.channel.open, self.memory
        if opened.outcome == L.OPEN_OUTCOME_RESET or opened.epoch != asked.epoch:
            return True
        if opened.next > self.store.committed_end:
            return True
        if opened.next == 0:
            return False
        last = opened.last_writer_generation
        if last == 0 and opened.next == asked.first_retained:
            return False
        if broken("3.10.1"):
            return False  # broken: numbers alone are compared
        known = dict(memory.writers)
        if last not in known:
            return True
        wrote = max((g for g, first in memory.writers if first <= opened.next - 1), default=0)
        return last < wrote

    def on_opened(self, told) -> None:
        self.commands.ceiling = told.message.ceiling or L.CEILING_VIEW
        if told.channel is self.events:
            self._events_opened(told)
        elif told.channel is self.reader:
            self._commands_opened(told)

    def _events_opened(self, told) -> None:
        self.again["events"].opened()
        if told.channel.open.epoch != self.memory.epoch:
            # The epoch is another one already: begin again with it.
            self.link.carrier.close(told.channel, EPOCH)
            return self.open_events()
        if self.forked(told):
            return self.start_epoch()
        self.confirmed = True
        self.offered = told.message.next  # 3.8.3
        self.tails_offered = 0  # 3.23.4
        if broken("3.8.4"):  # broken: what the relay says is a position only
            self.memory.apply(("trim", told.message.next))
        if broken("3.23.4"):
            self.tails_offered = len(self.session.tails)
        self.publish()
        self._say_info()
        if self.leaving is None:
            self.commands.work()

    def start_epoch(self) -> None:
        """3.10.1: close, commit the new epoch, open again with it."""
        if self.events is not None and self.carrier_lives():
            self.link.carrier.close(self.events, EPOCH)
        self.events, self.confirmed = None, False
        self.session.new_epoch(self._new_epoch_id(), self.commands.unfinished())
        if self.carrier_lives() and not self.given_up:
            self.open_events()

    def publish(self) -> None:
        """Committed blocks and the tails behind them, in order."""
        channel = self.events
        if channel is None or channel.state != "OPEN" or not self.confirmed \
                or not self.carrier_lives():
            return
        carrier = self.link.carrier
        if self.store.committed_epoch == self.memory.epoch:
            carrier.extend(channel, self.store.committed_end)
        for block in self.store.sendable(self.offered):
            part = cut_at(block, self.offered)
            carrier.offer(channel, blocks.block_frame(
                part.offset, part.events, part.flags, part.part, part.parts, compress=True))
            self.offered = part.end
            if block.end == self.session.base:
                self.tails_offered = 0
        if self.offered >= self.session.base:
            tails = self.session.tails
            for index in range(self.tails_offered, len(tails)):
                carrier.offer(channel, make_tail(self.session.base, index, tails[index]))
            self.tails_offered = len(tails)

    def _say_info(self) -> None:
        """2.7: when the channel is open, and at each change."""
        channel = self.events
        if channel is None or channel.state != "OPEN" or not self.confirmed:
            return
        now = info.session_info(self.session.state.message(), self.session.local_input_ms)
        if now != self.said_info and self.carrier_lives():
            self.said_info = now
            self.link.carrier.info(channel, now)

    def on_acked(self, told) -> None:
        if told.channel is self.events and self.leaving is not None \
                and told.offset >= self.leaving:
            self._leave()

    # ---- reading commands ----

    def open_commands(self) -> None:
        if self.memory.remote_mode == S.REMOTE_MODE_OFF and not broken("12.4.3"):
            return  # 12.4.3
        self.again["reader"].stop()
        generation = self.memory.generation
        if broken("3.6.1"):
            generation += 1
        self.reader = self.link.carrier.open_channel(L.Open(
            session_id=self.session_id, log=L.LOG_COMMANDS, direction=L.DIRECTION_SUBSCRIBE,
            epoch=self.memory.commands_epoch, next=self.memory.commands_next,
            start=L.START_RESUME, writer_generation=generation))
        self.synced = broken("3.13.2")

    def _commands_opened(self, told) -> None:
        self.again["reader"].opened()
        opened, asked = told.message, told.channel.open
        if opened.epoch != self.memory.commands_epoch or opened.next > self.memory.commands_next:
            # What was renumbered is known by its id (3.14).
            record = ("cursor", opened.epoch, opened.next)
            self.memory.apply(record)
            self.store.write([record], [], None)
        if asked.epoch and opened.epoch == asked.epoch and opened.next > 0 \
                and not broken("3.14.4"):
            self.link.carrier.ack(told.channel, opened.next, always=True)  # 3.14.4

    def on_block(self, told) -> None:
        """3.13.2: journalled first. 4.1.1: acknowledged when committed, not before."""
        channel, frame = told.channel, told.frame
        if channel is not self.reader or self.leaving is not None:
            return
        records: list[tuple] = []
        for envelope in self._envelopes(frame)[told.skip:]:
            if envelope is not None:
                self.commands.receive(envelope, records)
        end = frame.offset + frame.count
        cursor = ("cursor", channel.opened.epoch, end)
        self.memory.apply(cursor)
        carrier = self.link.carrier

        def own() -> None:
            carrier.consumed(channel, len(frame.payload))
            carrier.ack(channel, end)
            self.commands.work()

        if broken("4.1.1"):  # broken: acknowledged when read
            carrier.consumed(channel, len(frame.payload))
            carrier.ack(channel, end)
        self.store.write(records + [cursor], [], own)

    def _envelopes(self, frame) -> list:
        """6.2.4: what cannot be read is None, and passed over."""
        out: list = []
        try:
            encoded = blocks.split(blocks.plain(frame), frame.count)
        except blocks.BlockFault as fault:
            if broken("6.2.4"):
                self.link.carrier.close(self.reader, fault.code, frame.offset)
            return out
        for one in encoded:
            envelope = blocks.envelope(one)
            if envelope is None and broken("6.2.4"):
                self.link.carrier.close(self.reader, 4003, frame.offset)
            out.append(envelope)
        return out

    def on_synced(self, told) -> None:
        if told.channel is self.reader:
            self.synced = True
            self.commands.work()

    def may_act(self) -> bool:
        """3.11.1: the epoch is confirmed on this carrier. 3.13.2: all up to SYNCED is in the
        journal."""
        if broken("3.11.1"):
            return True
        if self.memory.remote_mode == S.REMOTE_MODE_OFF and not broken("12.4.3"):
            return False
        return self.confirmed and self.synced and self.carrier_lives()

    # ---- what the relay says ----

    def on_log_status(self, told) -> None:
        status = told.message
        self.commands.ceiling = status.ceiling or L.CEILING_VIEW
        now = {(d.device_id, d.role): d for d in status.attached if d.role != L.ROLE_HOST}
        gone = [d for key, d in self.attached.items() if key not in now]
        came = [d for key, d in now.items() if key not in self.attached]
        self.attached = now
        events = [self.session.event("device_attached", turn=False, device=d) for d in came]
        events += [self.session.event("device_detached", turn=False, device=d) for d in gone]
        self.store.put(events)
        self.commands.work()

    def on_closed(self, told) -> None:
        """5.3.3, 5.3.4: by the class of the code."""
        which = "events" if told.channel is self.events else \
            "reader" if told.channel is self.reader else None
        if which is None:
            return
        if which == "events":
            self.events, self.confirmed = None, False
        else:
            self.reader, self.synced = None, False
        kind = class_of(told.code)
        if kind in (1, 2) or broken("5.3.4"):
            if not broken("5.3.3"):
                self.again[which].after(told.message.retry_after_ms)
            return
        if told.code in (FENCED, NOT_FOUND):
            self.given_up = True
            self._close_other()
        if which == "events" or kind in (3, 4):
            self._stopped(told.code)

    def _close_other(self) -> None:
        """8: 3005 and 3009: the session's channels are given up."""
        for channel in (self.events, self.reader):
            if channel is not None and self.carrier_lives():
                self.link.carrier.close(channel, NORMAL)
        self.events = self.reader = None
        self.confirmed = self.synced = False

    # ---- remote control on and off ----

    def _end_remote(self) -> None:
        """12.4: after the outcome and RemoteModeChanged are acknowledged, the channels close."""
        if broken("12.4.3"):
            return
        self.leaving = self.memory.end
        if self.events is None:
            self._leave()
        elif self.events.acked >= self.leaving:
            self._leave()

    def _leave(self) -> None:
        self.leaving = None
        self._close_other()
        if self.carrier_lives():
            self.link.carrier.goaway(NORMAL)
        self.link.stop()

    def set_remote(self, mode: int) -> None:
        """A local person."""
        was = self.memory.remote_mode
        event = self.session.event("remote_mode_changed", turn=False, mode=mode,
                                   by=protos.ask.Actor(local=True))
        self.store.put([event], records=[("mode", mode)])
        if mode == S.REMOTE_MODE_OFF:
            if was != mode:
                self._end_remote()
        elif was == S.REMOTE_MODE_OFF:
            self.leaving = None
            self.given_up = False
            if self.link.dead:
                self._new_link()
        else:
            self.commands.work()

    def _new_link(self) -> None:
        """Remote control is on again: the link comes back with its next generation."""
        old = self.link
        self.link = Connecting(
            self.clock, token=old.token, link_id=old.link_id, role=old.role, agent=old.agent,
            generation=old.generation, window=old.window, seed=self.rng.randrange(2**32))
        self.link.number = old.number
        self.link.outputs.extend(old.outputs)
        old.outputs.clear()
        self.link.start()

