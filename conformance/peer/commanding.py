"""Commands at their host: received, judged, started, done (docs/spec.md, section 12)."""
from __future__ import annotations

import hashlib

import asks
import messages
import protos
from breaks import broken
from journal import Command
from session import Prompt, Session, kind_of, outcome_of
from wire import WireFault

C, S, A, L = protos.command, protos.session, protos.ask, protos.link
APPLIED, REJECTED = C.COMMAND_OUTCOME_KIND_APPLIED, C.COMMAND_OUTCOME_KIND_REJECTED
SUPERSEDED, EXPIRED = C.COMMAND_OUTCOME_KIND_SUPERSEDED, C.COMMAND_OUTCOME_KIND_EXPIRED
WITHDRAWN, UNKNOWN = C.COMMAND_OUTCOME_KIND_WITHDRAWN, C.COMMAND_OUTCOME_KIND_UNKNOWN
VIEW_ONLY, POLICY, SLASH_NOT_ALLOWED, INVALID = 5001, 5002, 5003, 5004
NO_SUCH_ASK, TOO_MANY, BUSY, SESSION_ENDED = 5005, 5007, 5008, 5009
AGENT_ERROR, ELEVATION, TOO_LATE = 5010, 5011, 5012
VIEW_KINDS = {"query_outcome", "request_snapshot", "probe"}  # 12.4
WAITING_MAX, WAITING_BYTES_MAX = 1024, 8 * 1048576  # 12.3
QUEUE_MAX = 64
# 12.4: White_Space of Unicode, and U+FEFF.
BLANK = "".join(map(chr, [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
                          0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF]))
ATTACHMENT_BYTES_MAX = 10 * 1048576


def decoded(envelope):
    """The Command of an envelope; None: missing, unknown or undecodable."""
    try:
        command = messages.decode(C.Command, envelope.command)
    except WireFault:
        return None
    return command if command.WhichOneof("body") is not None else None


class Commands:
    """12.3, as a table of what each kind does. `may_act()`: 3.11.1 and 3.13.2 hold."""

    def __init__(self, clock, session: Session, may_act) -> None:
        self.clock = clock
        self.session = session
        self.store = session.store
        self.memory = session.memory
        self.may_act = may_act
        self.server_offset_ms = 0  # 12.5: server_time_ms of the last WELCOME less monotonic time
        self.ceiling = L.CEILING_CONTROL
        self.auto_finish = True
        self.on_end_remote = lambda: None
        self.finishes: dict[bytes, object] = {}  # what `finish` does, by command
        self._working = False

    # ---- received ----

    def receive(self, envelope, records: list[tuple]) -> bool:
        """A command arrived: what is to be written of it. False: nothing, its id is known."""
        if envelope.command_id in self.memory.commands and not broken("12.2.1"):
            return False
        waiting = [c for c in self.memory.commands.values() if c.state == "received"]
        size = sum(len(c.envelope.command) for c in waiting) + len(envelope.command)
        record = ("command", envelope.SerializeToString(), self.clock.unix_ms)
        self.memory.apply(record)
        records.append(record)
        if (len(waiting) >= WAITING_MAX or size > WAITING_BYTES_MAX) and not broken("12.3.1"):
            self.memory.commands[envelope.command_id].state = "full"
        return True

    # ---- outcomes ----

    def done(self, command: Command, kind: int, code: int = 0, *, before: list | None = None,
             behind: list | None = None, then=None, **fields) -> None:
        """12.2.1: exactly one outcome; 12.3.3: in one transaction with the events it causes."""
        outcome = outcome_of(command, kind, code, **fields)
        if broken("12.2.1"):
            outcome.ClearField("kind")
            outcome.ClearField("by")
        events = list(before or []) + [self.session.event("command_outcome", outcome)]
        if broken("12.3.3") and before:
            # broken: the event first, its outcome in a second transaction
            self.store.put(events[:-1])
            events = events[-1:]
        self.store.put(events + list(behind or []), then=then,
                       records=[("outcome", outcome.SerializeToString())])
        self.store.maybe_set()

    def reject(self, known: Command, code: int) -> None:
        self.done(known, REJECTED, code)

    # ---- the loop ----

    def work(self) -> None:
        """Deals with all that waits."""
        if self._working or not self.may_act():
            return
        self._working = True
        try:
            waiting = [c for c in self.memory.commands.values() if c.state in ("received", "full")]
            if not broken("12.3.2"):
                # 12.3.2: withdrawals and expired ones before the others.
                waiting.sort(key=lambda c: not (self.is_withdrawal(c) or self.expired(c)))
            for known in waiting:
                if known.state == "full":
                    known.state = "received"
                    self.reject(known, TOO_MANY)
                elif known.state == "received":
                    self.judge(known)
        finally:
            self._working = False
        self.start_next()

    def is_withdrawal(self, known: Command) -> bool:
        return kind_of(known.envelope) == C.COMMAND_KIND_WITHDRAW_COMMAND

    def expired(self, known: Command) -> bool:
        """12.5: by the relay's time at WELCOME and what has passed since, not by a clock that
        somebody sets."""
        envelope = known.envelope
        now = self.clock.now_ms + self.server_offset_ms
        return envelope.ttl_ms != 0 and now > envelope.received_ms + envelope.ttl_ms

    def next_expiry_ms(self) -> int | None:
        """On the monotonic clock, when a waiting command expires."""
        due = [c.envelope.received_ms + c.envelope.ttl_ms + 1 for c in self.memory.commands.values()
               if c.state == "received" and c.envelope.ttl_ms]
        return min(due) - self.server_offset_ms if due else None

    # ---- judging (12.4.1) ----

    def judge(self, known: Command) -> None:
        """12.4.1: the first row that fits decides."""
        envelope = known.envelope
        command = decoded(envelope)
        name = command.WhichOneof("body") if command is not None else None
        view = messages.enum_value(envelope, "class") == L.COMMAND_CLASS_VIEW
        if envelope.event_epoch != self.memory.epoch and not broken("12.4.1"):
            self.drop_prompt(known)
            return self.done(known, UNKNOWN)
        if name is not None and view != (name in VIEW_KINDS):
            return self.reject(known, INVALID)
        if not view and not broken("10.2.1"):
            # 10.2.1: as they are now, also for what was stored before.
            if self.memory.remote_mode != S.REMOTE_MODE_CONTROL:
                self.drop_prompt(known)
                return self.reject(known, VIEW_ONLY)
            if self.ceiling != L.CEILING_CONTROL:
                self.drop_prompt(known)
                return self.reject(known, POLICY)
        if name is None:
            return self.reject(known, INVALID)
        if not view and self.session.state.one.ended:
            self.drop_prompt(known)
            return self.reject(known, SESSION_ENDED)
        if self.expired(known) and name != "answer_ask":
            self.drop_prompt(known)
            return self.done(known, EXPIRED, behind=self.queue_after(known))
        getattr(self, "do_" + name)(known, getattr(command, name))

    def prompt_of(self, command_id: bytes) -> Prompt | None:
        return next((p for p in self.session.queue if p.command_id == command_id), None)

    def drop_prompt(self, known: Command) -> None:
        prompt = self.prompt_of(known.id)
        if prompt is not None:
            self.session.queue.remove(prompt)

    def queue_after(self, known: Command) -> list:
        """QueueChanged, when the queue had named this command."""
        if any(q.command_id == known.id for q in self.session.state.queue):
            return [self.session.queue_event(self.session.waiting())]
        return []

    def by(self, known: Command):
        return A.Actor(origin=known.envelope.origin)

    # ---- what the host does itself ----

    def do_set_title(self, known, body) -> None:
        title = self.session.event("title_changed", title=body.title, by=self.by(known))
        self.done(known, APPLIED, before=[title])

    def do_probe(self, known, body) -> None:
        self.done(known, APPLIED, nonce=body.nonce)

    def do_request_snapshot(self, known, body) -> None:
        self.done(known, APPLIED)
        self.store.put_set()

    def do_query_outcome(self, known, body) -> None:
        entries = []
        for command_id in body.command_ids:
            entry = C.KnownOutcome(command_id=command_id)
            other = self.memory.commands.get(command_id)
            if other is not None and other.state == "done":
                entry.outcome, entry.code = other.outcome.outcome, other.outcome.code
            elif other is not None:
                entry.pending = True
            entries.append(entry)
        self.done(known, APPLIED, known=entries)

    def do_withdraw_command(self, known, body) -> None:
        target = self.memory.commands.get(body.command_id)
        if target is None or target.state != "received" or target is known:
            return self.reject(known, TOO_LATE)
        self.drop_prompt(target)
        outcome = outcome_of(target, WITHDRAWN)
        applied = outcome_of(known, APPLIED)
        events = [self.session.event("command_outcome", o) for o in (outcome, applied)]
        self.store.put(events + self.queue_after(target),
                       records=[("outcome", o.SerializeToString()) for o in (outcome, applied)])

    def do_end_remote(self, known, body) -> None:
        mode = S.REMOTE_MODE_OFF
        off = self.session.event("remote_mode_changed", mode=mode, by=self.by(known))

        def then() -> None:
            self.session.tell("END_REMOTE", command=known.id)
            self.on_end_remote()

        outcome = outcome_of(known, APPLIED)
        self.memory.apply(("mode", mode))
        self.store.put([self.session.event("command_outcome", outcome), off], then=then,
                       records=[("outcome", outcome.SerializeToString()), ("mode", mode)])

    def do_attachment_chunk(self, known, body) -> None:
        chunks = self.memory.attachments.get(body.attachment_id, [])
        have = sum(len(c.data) for c in chunks)
        end = have + len(body.data)
        good = (len(body.attachment_id) == 16 and body.position == have and body.data
                and 0 < body.total <= ATTACHMENT_BYTES_MAX and end <= body.total
                and len(body.sha256) == 32
                and (not chunks or (chunks[0].total, chunks[0].sha256) == (body.total, body.sha256)))
        if not good:
            return self.reject(known, INVALID)
        whole = b"".join(c.data for c in chunks) + body.data
        if end == body.total and body.sha256 != hashlib.sha256(whole).digest():
            self.store.put([], records=[("attachment_gone", body.attachment_id)])
            return self.reject(known, INVALID)
        outcome = outcome_of(known, APPLIED)
        record = ("attachment", body.SerializeToString())
        self.store.put([self.session.event("command_outcome", outcome)],
                       records=[("outcome", outcome.SerializeToString()), record])

    def complete(self, attachment_id: bytes) -> bool:
        chunks = self.memory.attachments.get(attachment_id, [])
        return bool(chunks) and sum(len(c.data) for c in chunks) == chunks[0].total

    # ---- answers (13.1) ----

    def do_answer_ask(self, known, body) -> None:
        resolved = self.memory.resolved.get(body.ask_id)
        ask = self.memory.asks.get(body.ask_id)
        if ask is None:
            if resolved is None:
                return self.reject(known, NO_SUCH_ASK)
            if broken("13.1.2"):
                return self.done(known, SUPERSEDED)
            return self.done(known, SUPERSEDED, resolution=resolved)  # 13.1.2
        if self.expired(known):
            return self.done(known, EXPIRED)
        elevating = {m.mode_id for m in self.session.state.modes if m.elevating}
        code = asks.refusal(ask, body.answer, elevating, True)
        if code:
            return self.reject(known, code)
        outcome = outcome_of(known, APPLIED)
        self.session.resolve(ask, body.answer, self.by(known), known.id,
                             [self.session.event("command_outcome", outcome)],
                             [("outcome", outcome.SerializeToString())])

    # ---- what the agent does ----

    def start(self, known: Command, kind: str, finish, also: list | None = None,
              records: list | None = None, **action) -> None:
        """12.3.1: "started" is committed, then the agent is told. `finish(code)`: it has taken (0)
        or refused what it was told."""
        self.finishes[known.id] = finish

        def tell() -> None:
            self.session.tell(kind, command=known.id, **action)
            if self.auto_finish:
                self.finish(known.id, 0)

        if broken("12.3.1"):  # broken: told first, written afterwards
            self.memory.apply(("started", known.id))
            self.session.tell(kind, command=known.id, **action)
            self.store.put(also or [], records=records or [("started", known.id)],
                           then=lambda: self.auto_finish and self.finish(known.id, 0))
            return
        self.store.put(also or [], records=[*(records or []), ("started", known.id)], then=tell)

    def finish(self, command_id: bytes, code: int) -> None:
        finish = self.finishes.pop(command_id, None)
        known = self.memory.commands.get(command_id)
        if finish is not None and known is not None and known.state == "started":
            finish(code)
        self.start_next()

    def finished(self, known: Command, applied) -> object:
        """The usual end: APPLIED with its events, or REJECTED."""
        def finish(code: int) -> None:
            if code:
                self.reject(known, code)
            else:
                self.done(known, APPLIED, before=applied())
        return finish

    def do_set_mode(self, known, body) -> None:
        mode = next((m for m in self.session.state.modes if m.mode_id == body.mode_id), None)
        if mode is None:
            return self.reject(known, INVALID)
        if mode.elevating and not broken("12.7.1"):
            return self.reject(known, ELEVATION)  # 12.7.1
        self.start(known, "SET_MODE", self.finished(known, lambda: [self.session.event(
            "modes_changed", current_mode_id=body.mode_id, by=self.by(known))]), text=body.mode_id)

    def do_set_config_option(self, known, body) -> None:
        found = next((o for o in self.session.state.options if o.option_id == body.option_id), None)
        if found is None:
            return self.reject(known, INVALID)
        value = next((v for v in found.values if v.value == body.value), None)
        if value is None and not (found.boolean and body.value in ("true", "false")):
            return self.reject(known, INVALID)
        if value is not None and value.elevating and not broken("12.7.1"):
            return self.reject(known, ELEVATION)  # 12.7.1

        def applied() -> list:
            event = self.session.event("config_options_changed", options=self.session.state.options,
                                       by=self.by(known))
            for option in event.config_options_changed.options:
                if option.option_id == body.option_id:
                    option.current_value = body.value
            return [event]

        self.start(known, "SET_OPTION", self.finished(known, applied), option=body.option_id,
                   text=body.value)

    def do_run_slash_command(self, known, body) -> None:
        found = next((c for c in self.session.state.slash_commands if c.name == body.name), None)
        if (found is None or not found.remote_allowed) and not broken("12.7.1"):
            return self.reject(known, SLASH_NOT_ALLOWED)  # 12.7.1
        text = body.name + (" " + body.arguments if body.arguments else "")
        self.start(known, "SLASH", self.finished(known, lambda: []), text=text)

    def do_cancel_turn(self, known, body) -> None:
        turn_id = self.session.turn_id
        if not turn_id:
            return self.reject(known, TOO_LATE)
        if body.turn_id and body.turn_id != turn_id:
            return self.done(known, SUPERSEDED, turn_id=turn_id)
        self.session.cancelled_by = self.by(known)
        cancelled = [a for a in self.memory.asks.values() if a.turn_id == turn_id]
        self.session.end_asks(cancelled, A.ASK_OUTCOME_CANCELLED)
        self.start(known, "CANCEL", self.finished(known, lambda: []))

    # ---- prompts ----

    def prompt_refusal(self, body) -> int:
        text = body.text.strip(BLANK)
        if not text or text.startswith("!"):
            return INVALID
        if text.startswith("/") and not broken("12.7.1"):
            end = next((at for at, char in enumerate(text) if char in BLANK), len(text))
            name = text[1:end]
            found = next((c for c in self.session.state.slash_commands if c.name == name), None)
            if found is not None and not found.remote_allowed:
                return SLASH_NOT_ALLOWED  # 12.7.1
        if not all(self.complete(attachment) for attachment in body.attachment_ids):
            return INVALID
        return 0

    def do_submit_prompt(self, known, body) -> None:
        if self.prompt_of(known.id) is not None:
            return  # it waits in the queue
        code = self.prompt_refusal(body)
        if code:
            return self.reject(known, code)
        if len(self.session.queue) >= QUEUE_MAX:
            return self.reject(known, TOO_MANY)
        steer = body.delivery == C.DELIVERY_STEER
        prompt = Prompt(known.id.hex(), known.id, body.text, self.by(known), self.clock.unix_ms,
                        steer, attachments=tuple(body.attachment_ids))
        prompt.waited = any(q.command_id == known.id for q in self.session.state.queue)
        if steer and self.session.turn_id and self.session.ready \
                and self.session.state.one.session.can_steer:
            return self.hand(prompt, known, "STEER")
        self.session.queue.append(prompt)
        self.start_next()

    def start_next(self) -> None:
        """The next prompt goes to the agent when it is free; then what waits is told."""
        while self.session.free() and self.session.queue:
            prompt = self.session.queue[0]
            known = self.memory.commands.get(prompt.command_id)
            if prompt.command_id and (known is None or known.state != "received"):
                self.session.queue.pop(0)
                continue
            if known is not None and not self.may_act():
                break  # 3.11.1
            self.hand(prompt, known, "PROMPT")
            if self.session.in_hand is prompt:
                break
        self.session.sync_queue()

    def hand(self, prompt: Prompt, known: Command | None, kind: str) -> None:
        session = self.session
        if kind == "PROMPT":
            session.in_hand = prompt

        def finish(code: int) -> None:
            if session.in_hand is prompt:
                session.in_hand = None
            if code:
                if prompt in session.queue:
                    session.queue.remove(prompt)
                return self.done(known, REJECTED, code, behind=self.queue_after(known))
            delivery = (S.MESSAGE_DELIVERY_STEERED if kind == "STEER" else
                        S.MESSAGE_DELIVERY_QUEUED if prompt.waited else S.MESSAGE_DELIVERY_STARTED)
            outcome = outcome_of(known, APPLIED) if known is not None else None
            events = session.taken_events(prompt, delivery, outcome)
            records = [("outcome", outcome.SerializeToString())] if outcome is not None else []
            wanted = {a for q in session.queue if q is not prompt for a in q.attachments}
            records += [("attachment_gone", a) for a in set(prompt.attachments) - wanted]
            self.store.put(events, records=records)

        if known is not None:
            return self.start(known, kind, finish, text=prompt.text)
        session.tell(kind, text=prompt.text)
        finish(0)

    # ---- what a local person does ----

    def prompt_locally(self, text: str) -> None:
        self.session.local_input_ms = self.clock.unix_ms
        prompt = Prompt(self.session.rng.randbytes(8).hex(), b"", text, A.Actor(local=True),
                        self.clock.unix_ms)
        self.session.queue.append(prompt)
        self.start_next()

    def cancel_locally(self) -> None:
        turn_id = self.session.turn_id
        if turn_id:
            self.session.cancelled_by = A.Actor(local=True)
            cancelled = [a for a in self.memory.asks.values() if a.turn_id == turn_id]
            self.session.end_asks(cancelled, A.ASK_OUTCOME_CANCELLED)
            self.session.tell("CANCEL")

    def withdraw_locally(self, prompt_id: str) -> None:
        prompt = next((p for p in self.session.queue if p.id == prompt_id), None)
        if prompt is None or prompt is self.session.in_hand:
            return
        self.session.queue.remove(prompt)
        known = self.memory.commands.get(prompt.command_id)
        if known is not None and known.state == "received":
            self.done(known, WITHDRAWN, behind=self.queue_after(known))
        self.session.sync_queue()

    def mode_locally(self, mode_id: str) -> None:
        self.session.tell("SET_MODE", text=mode_id)
        self.store.put([self.session.event("modes_changed", current_mode_id=mode_id,
                                           by=A.Actor(local=True))])

    def unfinished(self) -> list[Command]:
        """3.10.3: remote commands without outcome."""
        return [c for c in self.memory.commands.values() if c.state != "done"]
