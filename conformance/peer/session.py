"""The session at its host: what the agent says and what people do, as events (docs/spec.md,
sections 3.24, 11 and 13)."""
from __future__ import annotations

import dataclasses

import asks
import large
import protos
from breaks import broken
from journal import base_of_tails
from store import Store
from view import STREAMS, cut_text, part_end, stream_bytes

E, S, A, L = protos.event, protos.session, protos.ask, protos.link
Event = E.Event
TAIL_BYTES_MAX, TAIL_MS = 32768, 2000  # 3.24.2
ASKS_MAX = 64  # section 7
DELTA_BYTES, OUTPUT_BYTES = 32768, 65536  # Annex C
LOCAL = A.Actor(local=True)
STREAM_BODIES = {"assistant_delta": "assistant", "thought_delta": "thought"}
WHOLES = {"assistant": "assistant_message", "thought": "thought"}


@dataclasses.dataclass
class Prompt:
    """What waits for the agent, or is in its hand."""
    id: str
    command_id: bytes
    text: str
    by: object  # Actor
    at_ms: int
    steer: bool = False
    waited: bool = False  # a QueueChanged has named it
    attachments: tuple = ()

    def queued(self):
        return S.QueuedPrompt(prompt_id=self.id, command_id=self.command_id,
                              text=cut_text(self.text, 1024), by=self.by, at_ms=self.at_ms)


class Session:
    """Writes events. `tell(kind, **members)`: the agent is told an action."""

    def __init__(self, clock, store: Store, rng, tell) -> None:
        self.clock = clock
        self.store = store
        self.memory = store.memory
        self.rng = rng
        self.tell = tell
        self.queue: list[Prompt] = []
        self.in_hand: Prompt | None = None  # the agent was told of it and has not taken it yet
        self.ready = True
        self.cancelled_by = None
        self.local_input_ms = 0
        self.asked = 0
        # Tails since the last CLEARS_TAIL block.
        self.tails: list[bytes] = []
        self.deltas: list = []  # the same, as events
        self.tail_bytes = 0
        self.base = self.memory.end
        self.last_delta_ms = 0
        self.ends: dict[tuple, int] = {}  # bytes said of each stream (11.2.1)
        self.streams: dict[tuple, list] = {}  # text of messages that run, by (kind, id)

    @property
    def state(self):
        return self.memory.view.durable

    @property
    def turn_id(self) -> str:
        return self.state.one.turn_id

    def event(self, body: str, message=None, turn: bool = True, **fields):
        out = Event(at_ms=self.clock.unix_ms, turn_id=self.turn_id if turn else "")
        target = getattr(out, body)
        target.SetInParent()
        if message is not None:
            target.CopyFrom(message)
        for name, value in fields.items():
            if isinstance(value, (list, tuple)):
                getattr(target, name).extend(value)
            elif hasattr(value, "DESCRIPTOR"):
                getattr(target, name).CopyFrom(value)
            else:
                setattr(target, name, value)
        return out

    def status(self):
        """StatusChanged, as it is after all that is written."""
        if self.memory.asks:
            now = L.STATUS_NEEDS_INPUT
        else:
            now = L.STATUS_WORKING if self.turn_id else L.STATUS_IDLE
        return self.event("status_changed", status=now)

    # ---- a process begins ----

    def begin(self, config: dict) -> None:
        """A new session."""
        modes = [S.Mode(mode_id=m["id"], name=m["id"], elevating=bool(m.get("elevates")))
                 for m in config.get("modes", [])]
        slash = [S.SlashCommand(name=c["name"], remote_allowed=bool(c.get("remote")))
                 for c in config.get("slash", [])]
        events = [self.event("session_started", interactive=True, agent="peer", title="session",
                             can_steer=bool(config.get("can_steer"))),
                  self.event("remote_mode_changed", mode=self.memory.remote_mode)]
        if modes:
            events.append(self.event("modes_changed", modes=modes,
                                     current_mode_id=modes[0].mode_id))
        if slash:
            events.append(self.event("slash_commands_changed", commands=slash))
        events.append(self.event("status_changed", status=L.STATUS_IDLE))
        self.store.put(events)

    def resume(self) -> None:
        """Another process goes on (11.5, 13.2.1): asks first, then what was started."""
        events, records = [], []
        orphans = [self._resolution(ask, A.ASK_OUTCOME_ORPHANED)
                   for ask in self.memory.asks.values()]
        unknown = []
        for known in self.memory.commands.values():
            if known.state == "started" and not broken("12.3.4"):
                # 12.3.4: it is not run again.
                unknown.append(outcome_of(known, protos.command.COMMAND_OUTCOME_KIND_UNKNOWN))
            elif known.state == "started":
                known.state = "received"
        for resolved in orphans if not broken("13.2.1") else []:
            events.append(self.event("ask_resolved", resolved))
            records.append(("resolved", resolved.SerializeToString()))
        for outcome in unknown:
            events.append(self.event("command_outcome", outcome))
            records.append(("outcome", outcome.SerializeToString()))
        events += self._end_tools()
        if self.turn_id:
            events.append(self.event("turn_ended", turn_id=self.turn_id,
                                     stop_reason="host_restarted"))
        events.append(self.event("session_resumed", turn=False,
                                 writer_generation=self.memory.generation))
        self.store.put(events, clears=not broken("3.24.2"), records=records)
        self.store.put_set()  # 3.22.5
        self.base = self.memory.end
        self.find_base()

    def find_base(self) -> None:
        self.base = base_of_tails(self.memory)

    def _end_tools(self) -> list:
        return [self.event("tool_ended", tool_call_id=tool.tool_call_id,
                           status=S.TOOL_STATUS_CANCELLED) for tool in self.state.tools]

    # ---- durable events ----

    def emit(self, event) -> None:
        """A durable event from the agent."""
        if not event.turn_id:
            event.turn_id = self.turn_id
        event.at_ms = event.at_ms or self.clock.unix_ms
        if event.WhichOneof("body") in STREAM_BODIES:
            return self.delta(event)
        if broken("11.1.1") and event.WhichOneof("body") == "tool_started" and self.deltas:
            # broken: what comes while text runs goes as a tail
            self._say_tail(event)
        self.store.put(large.within_limits(event, self.rng))
        self.store.maybe_set()

    # ---- tails ----

    def stream_of(self, event) -> tuple | None:
        name = event.WhichOneof("body")
        if name in STREAM_BODIES:
            return STREAM_BODIES[name], getattr(event, name).message_id
        if name == "tool_output":
            stream = 0 if broken("11.2.1") else event.tool_output.stream
            return "output", event.tool_output.tool_call_id, stream
        return None

    def end_of(self, key: tuple) -> int:
        """Bytes said of a stream, by this process or before it."""
        if key in self.ends:
            return self.ends[key]
        if key[0] == "output":
            at = self.state.running(key[1])
            return 0 if at is None else stream_bytes(self.state.tools[at], key[2])
        parts = self.state.parts(key[0], key[1])
        return part_end(self.state.history[parts[-1]], key[0]) if parts else 0

    def delta(self, event) -> None:
        """What the agent says while it speaks: tails first."""
        event.at_ms = event.at_ms or self.clock.unix_ms
        event.turn_id = event.turn_id or self.turn_id
        key = self.stream_of(event)
        if key is not None:
            body = getattr(event, event.WhichOneof("body"))
            body.position = self.end_of(key)  # 11.2.1
            data = body.data if key[0] == "output" else body.text.encode()
            self.ends[key] = body.position + len(data)
            if key[0] in STREAMS:
                self.streams.setdefault(key, []).append(body.text)
        self._say_tail(event)
        if self.tail_bytes >= TAIL_BYTES_MAX and not broken("3.24.2"):
            self.flush()  # 3.24.2

    def _say_tail(self, event) -> None:
        encoded = event.SerializeToString()
        self.tails.append(encoded)
        self.deltas.append(event)
        self.tail_bytes += len(encoded)
        self.last_delta_ms = self.clock.now_ms

    def durable_deltas(self) -> list:
        """3.24.1: everything said in tails since the last CLEARS_TAIL block, same bytes and
        positions; neighbours of one stream joined."""
        out: list = []
        said = self.deltas[:-1] if broken("3.24.1") else self.deltas
        for event in said:
            name = event.WhichOneof("body")
            if name not in ("assistant_delta", "thought_delta", "tool_output", "agent_extension"):
                continue
            if out and self._join(out[-1], event, name):
                continue
            one = Event()
            one.CopyFrom(event)
            out.append(one)
        return out

    def _join(self, last, event, name: str) -> bool:
        if last.WhichOneof("body") != name or self.stream_of(last) is None \
                or self.stream_of(last) != self.stream_of(event):
            return False
        into, body = getattr(last, name), getattr(event, name)
        field, most = ("data", OUTPUT_BYTES) if name == "tool_output" else ("text", DELTA_BYTES)
        joined = getattr(into, field) + getattr(body, field)
        if len(joined if field == "data" else joined.encode()) > most:
            return False
        setattr(into, field, joined)
        return True

    def flush(self, behind: list | None = None, **put) -> None:
        """A CLEARS_TAIL block: what tails said, and events behind it."""
        events = self.durable_deltas() + (behind or [])
        if not events:
            return
        self.tails, self.deltas, self.tail_bytes = [], [], 0
        self.store.put(events, clears=True, **put)
        self.base = self.memory.end
        self.store.maybe_set()

    def complete_stream(self, message_id: str) -> None:
        """11.2.2: the durable whole of what was streamed."""
        events = [e for key in list(self.streams) if key[1] == message_id
                  for e in self._wholes(key)]
        if events:
            self.flush(events)

    def _wholes(self, key: tuple) -> list:
        text = "".join(self.streams.pop(key))
        whole = self.event(WHOLES[key[0]], message_id=key[1], text=text)
        return large.within_limits(whole, self.rng)

    # ---- asks ----

    def open_ask(self, ask) -> bytes | None:
        if len(self.memory.asks) >= ASKS_MAX:
            return None
        self.asked += 1
        if broken("1.6.1"):  # broken: counted, in each process from 1
            ask.ask_id = self.asked.to_bytes(16, "big")
        ask.ask_id = ask.ask_id or self.rng.randbytes(16)  # 1.6.1
        ask.opened_ms = self.clock.unix_ms
        ask.turn_id = ask.turn_id or self.turn_id
        asks.without_lasting_options(ask)
        if not broken("3.24.2"):
            self.flush()  # 3.24.2: before an ask opens
        if broken("13.1.4"):  # broken: one ask at a time
            self.end_asks(list(self.memory.asks.values()), A.ASK_OUTCOME_WITHDRAWN)
        opened = large.within_limits(self.event("ask_opened", ask=ask), self.rng)
        status = self.event("status_changed", status=L.STATUS_NEEDS_INPUT)
        self.store.put(opened + [status], records=[("ask", ask.SerializeToString())])
        return ask.ask_id

    def _resolution(self, ask, outcome: int, reason: str = ""):
        return A.AskResolved(ask_id=ask.ask_id, outcome=outcome, at_ms=self.clock.unix_ms,
                             reason=reason)

    def end_asks(self, ended: list, outcome: int, also: list | None = None,
                 records: list | None = None, then=None) -> None:
        """Asks that end without an answer, in one transaction; `also`: events behind them."""
        events, written = [], list(records or [])
        for ask in ended:
            resolved = self._resolution(ask, outcome)
            events.append(self.event("ask_resolved", resolved))
            written.append(("resolved", resolved.SerializeToString()))
        if ended:
            left = set(self.memory.asks) - {ask.ask_id for ask in ended}
            if not left:
                now = L.STATUS_WORKING if self.turn_id else L.STATUS_IDLE
                events.append(self.event("status_changed", status=now))
        self.store.put(events + (also or []), records=written, then=then)

    def resolve(self, ask, answer, by, command_id: bytes, also: list, records: list) -> None:
        """13.1.3: an answer has won. It is committed before the agent is told (12.3.3)."""
        chosen = asks.option(ask, answer.option_id)
        resolved = A.AskResolved(
            ask_id=ask.ask_id, outcome=A.ASK_OUTCOME_ANSWERED, answer=answer, by=by,
            at_ms=self.clock.unix_ms, command_id=command_id,
            option_kind=chosen.kind if chosen is not None else 0)
        if broken("13.1.3"):
            resolved.ClearField("by")
            resolved.ClearField("option_kind")
        left = set(self.memory.asks) - {ask.ask_id}
        now = L.STATUS_NEEDS_INPUT if left else \
            L.STATUS_WORKING if self.turn_id else L.STATUS_IDLE
        events = [self.event("ask_resolved", resolved), *also,
                  self.event("status_changed", status=now)]

        def tell() -> None:
            self.tell("ANSWER", command=command_id, ask=ask.ask_id,
                      text=answer.text or answer.json, option=answer.option_id)

        written = [("resolved", resolved.SerializeToString()), *records]
        if broken("12.3.3"):  # broken: the agent is told at once
            tell()
            self.store.put(events, records=written)
        else:
            self.store.put(events, records=written, then=tell)

    def answer_locally(self, ask_id: bytes, answer) -> None:
        ask = self.memory.asks.get(ask_id)
        if ask is not None and not asks.refusal(ask, answer, set(), False):
            self.resolve(ask, answer, LOCAL, b"", [], [])

    def expire_asks(self) -> None:
        now = self.clock.unix_ms
        for ask in [a for a in self.memory.asks.values() if a.expires_ms and a.expires_ms <= now]:
            self.end_asks([ask], A.ASK_OUTCOME_EXPIRED, then=lambda a=ask: self._tell_expiry(a))

    def _tell_expiry(self, ask) -> None:
        if ask.on_expiry != A.ON_EXPIRY_REJECT:
            return
        reject = next((o for o in ask.options if o.kind == A.ASK_OPTION_KIND_REJECT_ONCE), None)
        self.tell("ANSWER", ask=ask.ask_id, option=reject.option_id if reject else "")

    # ---- prompts and turns ----

    def waiting(self) -> list[Prompt]:
        """What QueueChanged names: prompts that wait, or had waited and are not taken yet."""
        return [p for p in self.queue if p is not self.in_hand or p.waited]

    def queue_event(self, prompts: list[Prompt]):
        return self.event("queue_changed", prompts=[p.queued() for p in prompts], turn=False)

    def sync_queue(self) -> None:
        """QueueChanged when the queue is another one than was said last."""
        waiting = self.waiting()
        said = [q.prompt_id for q in self.state.queue]
        if [p.id for p in waiting][:64] != said:
            for prompt in waiting:
                prompt.waited = True
            self.store.put([self.queue_event(waiting)])

    def free(self) -> bool:
        return self.ready and not self.turn_id and self.in_hand is None

    def taken_events(self, prompt: Prompt, delivery: int, outcome) -> list:
        """11.5: the agent has a prompt. 11.5.2: UserMessage and TurnStarted before the outcome."""
        events = []
        if prompt in self.queue:
            self.queue.remove(prompt)
        if prompt.waited and [q.prompt_id for q in self.state.queue] != \
                [p.id for p in self.waiting() if p is not prompt]:
            events.append(self.queue_event([p for p in self.waiting() if p is not prompt]))
        steered = delivery == S.MESSAGE_DELIVERY_STEERED
        turn_id = self.turn_id if steered else self.rng.randbytes(8).hex()
        message = self.event("user_message", message_id=prompt.id, text=prompt.text, by=prompt.by,
                             command_id=prompt.command_id, delivery=delivery)
        begun = [] if steered else [self.event("turn_started", turn_id=turn_id,
                                               message_id=prompt.id)]
        told = large.within_limits(message, self.rng) + begun
        said = [self.event("command_outcome", outcome)] if outcome is not None else []
        events += said + told if broken("11.5.2") else told + said
        for event in events:
            if event.WhichOneof("body") != "queue_changed":
                event.turn_id = turn_id
        if not self.memory.asks:
            events.append(self.event("status_changed", status=L.STATUS_WORKING))
            events[-1].turn_id = turn_id
        return events

    def end_turn(self, stop_reason: str) -> None:
        """11.5.1: what belongs to the turn ends before it. 11.2.2: streams, too."""
        turn_id = self.turn_id
        if not turn_id:
            return
        wholes = [] if broken("11.2.2") else \
            [e for key in list(self.streams) for e in self._wholes(key)]
        self.flush(wholes)
        open_asks = [a for a in self.memory.asks.values() if a.turn_id == turn_id]
        ended = self._end_tools()
        done = self.event("turn_ended", turn_id=turn_id, stop_reason=stop_reason)
        if self.cancelled_by is not None:
            done.turn_ended.cancelled_by.CopyFrom(self.cancelled_by)
            self.cancelled_by = None
        idle = [self.event("status_changed", turn=False, status=L.STATUS_IDLE)] \
            if len(open_asks) == len(self.memory.asks) else []
        behind = [done] + ended if broken("11.5.1") else ended + [done]
        if broken("11.5.1"):
            self.store.put(behind + idle)
            self.end_asks(open_asks, A.ASK_OUTCOME_WITHDRAWN)
        else:
            self.end_asks(open_asks, A.ASK_OUTCOME_WITHDRAWN, also=behind + idle)

    # ---- the number line ends ----

    def new_epoch(self, epoch: bytes, unfinished: list) -> None:
        """3.10: the state goes on under other numbers. 3.10.2: a complete set at offset 0.
        3.10.3: commands without outcome are UNKNOWN. 3.11.1: none of them is run."""
        self.flush()
        outcomes = [outcome_of(known, protos.command.COMMAND_OUTCOME_KIND_UNKNOWN)
                    for known in unfinished]
        lost = {o.command_id for o in outcomes}
        self.queue = [p for p in self.queue if p.command_id not in lost]
        if self.in_hand is not None and self.in_hand.command_id in lost:
            self.in_hand = None
        begin = [("epoch", epoch)]
        if broken("3.10.2"):  # broken: the events just go on
            for record in begin:
                self.memory.apply(record)
            self.store.write(begin, [], None)
            self.store.clears_next = True
            self.store.put([self.event("notice", text="new epoch")])
        else:
            self.store.put_set(clears=True, records=begin)
        self.find_base()
        if outcomes and not broken("3.10.3"):
            self.store.put([self.event("command_outcome", o) for o in outcomes],
                           records=[("outcome", o.SerializeToString()) for o in outcomes])
        self.sync_queue()


def outcome_of(command, kind: int, code: int = 0, **fields):
    """A CommandOutcome with what 12.2.1 wants of every one."""
    return protos.command.CommandOutcome(
        command_id=command.id, outcome=kind, code=code, kind=kind_of(command.envelope),
        by=A.Actor(origin=command.envelope.origin), **fields)


def kind_of(envelope) -> int:
    """CommandKind, which is the number of the body's field."""
    try:
        command = protos.command.Command.FromString(envelope.command)
    except Exception:  # undecodable: 12.4, row 5
        return 0
    name = command.WhichOneof("body")
    return command.DESCRIPTOR.fields_by_name[name].number if name else 0
