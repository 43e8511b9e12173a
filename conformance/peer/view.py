"""The reducer of section 15: events in, SessionState out.

A `View` holds the durable state, which blocks make, and the tails since the last CLEARS_TAIL
block. What is shown is the durable state with the tails folded over a copy of it, so that a tail
can never change what blocks say (15.1.2). Messages in a state are never changed in place: a state
is copied by copying its lists.
"""
from __future__ import annotations

from breaks import broken
from protos import command as command_pb2, event as event_pb2, link as link_pb2
from protos import session as session_pb2

HISTORY_ITEMS_MAX = 64
HISTORY_BYTES_MAX = 262144
PART_BYTES_MAX = 65536
RUNNING_OUTPUT_BYTES = 16384
ENDED_OUTPUT_BYTES = 4096
NUMBER_MAX = 2 ** 53 - 1
# 15.2.3. History has bounds of its own.
LIST_MAX = {"modes": 32, "options": 32, "slash_commands": 256, "plan": 128, "queue": 64, "asks": 64,
            "tools": 64, "subagents": 64, "outcomes": 256}
LISTS = ("modes", "options", "slash_commands", "plan", "queue", "asks", "tools", "history",
         "outcomes", "subagents")
# 11.1: what travels as a tail.
TAIL_BODIES = ("assistant_delta", "thought_delta", "tool_output", "usage_updated",
               "agent_extension")
# 15.6: texts up to this size are not cut and not counted.
SHORT_TEXT_BYTES = 127
RUNNING_BUDGETS = {"input": 32768, "locations": 16384, "content": 65536}
ENDED_BUDGETS = {"input": 1024, "locations": 1024, "content": 4096}
OTHER_BUDGET = 2048

HistoryItem = session_pb2.HistoryItem
ToolState = session_pb2.ToolState


# ---- text ----


def inside_character(data: bytes, at: int) -> bool:
    """`at` is neither the beginning of a character of `data` nor its end."""
    return at < len(data) and data[at] & 0xC0 == 0x80


def cut_at_character(data: bytes, size: int) -> bytes:
    """The first `size` bytes, or up to three less so that no character is torn."""
    if len(data) <= size:
        return data
    while size > 0 and inside_character(data, size):
        size -= 1
    return data[:size]


def cut_text(text: str, size: int) -> str:
    return cut_at_character(text.encode(), size).decode()


def last_bytes(data: bytes, size: int) -> bytes:
    """The last `size` bytes of output, which may be no text at all: at most the three bytes that
    can be the rest of a torn character are left out."""
    if len(data) <= size:
        return data
    at = len(data) - size
    if not broken("15.2.2"):
        for _ in range(3):
            if not inside_character(data, at):
                break
            at += 1
    return data[at:]


def copy(message):
    out = type(message)()
    out.CopyFrom(message)
    return out


def present(message, name: str) -> bool:
    """A field that says something: not the default, not an empty list."""
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.label == field.LABEL_REPEATED:
        return len(getattr(message, name)) > 0
    if field.message_type is not None:
        return message.HasField(name)
    return bool(getattr(message, name))


# ---- budgets of tools (15.6) ----


class Budget:
    """Cuts long texts of a message, in the order of its fields, to so many bytes in all."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, value):
        data = value.encode() if isinstance(value, str) else value
        if len(data) <= SHORT_TEXT_BYTES:
            return value
        kept = cut_at_character(data, self.left)
        self.left -= len(kept)
        return kept.decode() if isinstance(value, str) else kept

    def cut(self, message) -> None:
        for field, value in message.ListFields():
            if field.message_type is not None:
                nested = value if field.label == field.LABEL_REPEATED else (value,)
                for one in nested:
                    self.cut(one)
            elif isinstance(value, (str, bytes)):
                setattr(message, field.name, self.take(value))


def cut_tool(tool, budgets: dict[str, int]) -> None:
    """Cuts the texts of a call; `output` has a bound of its own."""
    for name in ("input", "locations", "content"):
        budget = Budget(budgets[name])
        if name == "input":
            if tool.HasField("input"):
                budget.cut(tool.input)
        else:
            for one in getattr(tool, name):
                budget.cut(one)
    others = Budget(OTHER_BUDGET)
    for name in ("title", "parent_id", "name"):
        setattr(tool, name, others.take(getattr(tool, name)))


# ---- messages and thoughts as items ----

# Bodies that stream, by the item they become: the delta's body and the whole's.
STREAMS = {"assistant": session_pb2.AssistantMessage, "thought": session_pb2.Thought}


def part_of(item, kind: str):
    return getattr(item, kind)


def part_end(item, kind: str) -> int:
    part = part_of(item, kind)
    return part.position + len(part.text.encode())


def with_part(item, kind: str, text: str, is_open: bool, more: bool):
    out = copy(item)
    part = part_of(out, kind)
    part.text = text
    part.more = more
    out.open = is_open
    return out


class State:
    """A folded SessionState: single values in `one`, lists as lists."""

    def __init__(self) -> None:
        self.one = session_pb2.SessionState()
        for name in LISTS:
            setattr(self, name, [])
        self.outcomes = {}  # by id, in order

    def copy(self) -> State:
        out = State()
        out.one.CopyFrom(self.one)
        for name in LISTS:
            setattr(out, name, getattr(self, name).copy())
        return out

    def elements(self, name: str) -> list:
        return list(self.outcomes.values()) if name == "outcomes" else getattr(self, name)

    def message(self):
        out = copy(self.one)
        for name in LISTS:
            getattr(out, name).extend(self.elements(name))
        return out

    # -- snapshot sets --

    def snapshot(self, size: int = 131072) -> list:
        """The messages of a set that states all of this: single values in the first one, lists
        in order over all of them, each of at most about `size` bytes."""
        parts, filled = [copy(self.one)], self.one.ByteSize()
        for name in LISTS:
            for element in self.elements(name):
                more = len(element) if isinstance(element, str) else element.ByteSize()
                if filled + more > size:
                    parts.append(session_pb2.SessionState())
                    filled = 0
                filled += more
                getattr(parts[-1], name).append(element)
        if broken("15.1.1"):
            # Streams of a running tool are told apart only while one looks on.
            for part in parts:
                for tool in part.tools:
                    tool.stdout_bytes = tool.stderr_bytes = 0
        return parts

    def restore(self, part, first: bool) -> None:
        """Takes one message of a set; the state is empty when it is the first one."""
        if first or broken("15.1.3"):
            # 15.1.3: single values come from the first message only.
            singles = copy(part)
            for name in LISTS:
                singles.ClearField(name)
            singles.DiscardUnknownFields()
            self.one.MergeFrom(singles)
        # What cannot be is made to fit (15.1), as if it had been folded.
        for name in ("modes", "options", "slash_commands", "plan", "queue"):
            for element in getattr(part, name):
                self.add_bounded(name, copy(element))
        for ask in part.asks:
            self.put_ask(ask)
        for item in part.history:
            if item.WhichOneof("item") is not None:
                self.history.append(copy(item))
                self.history[-1].open = item.open and item.WhichOneof("item") in STREAMS
        self.bound_history()
        for outcome in part.outcomes:
            self.put_outcome(outcome)
        for agent_id in part.subagents:
            self.put_subagent(agent_id)
        for tool in part.tools:
            self.restore_tool(tool)

    def restore_tool(self, tool) -> None:
        if not tool.tool_call_id:
            return
        tool = copy(tool)
        tool.output_position = min(tool.output_position, NUMBER_MAX)
        total = tool.output_position + len(tool.output)
        tool.stdout_bytes = min(tool.stdout_bytes, total)
        tool.stderr_bytes = min(tool.stderr_bytes, total - tool.stdout_bytes)
        self.put_tool(tool, 0, "", "")

    # -- lists --

    def add_bounded(self, name: str, element) -> None:
        """15.2.3: what is over is left out."""
        if len(getattr(self, name)) < LIST_MAX[name] or broken("15.2.3"):
            getattr(self, name).append(element)

    def replace_list(self, name: str, elements) -> None:
        setattr(self, name, [])
        for element in elements:
            self.add_bounded(name, copy(element))

    def put_ask(self, ask) -> None:
        if len(ask.ask_id) != 16:
            return
        for at, other in enumerate(self.asks):
            if other.ask_id == ask.ask_id:
                self.asks[at] = copy(ask)
                return
        self.add_bounded("asks", copy(ask))

    def put_outcome(self, known) -> None:
        if len(known.command_id) != 16:
            return
        self.outcomes[known.command_id] = copy(known)
        if len(self.outcomes) > LIST_MAX["outcomes"]:
            # 15.2.3: a further outcome drops the oldest one.
            del self.outcomes[next(iter(self.outcomes))]

    def put_subagent(self, agent_id: str) -> None:
        if agent_id and agent_id not in self.subagents:
            self.add_bounded("subagents", agent_id)

    # -- history --

    def bound_history(self) -> None:
        """15.2.1"""
        sizes = [item.ByteSize() for item in self.history]
        total = sum(sizes)
        drop = max(0, len(sizes) - HISTORY_ITEMS_MAX)
        total -= sum(sizes[:drop])
        while total > HISTORY_BYTES_MAX and not broken("15.2.1"):
            total -= sizes[drop]
            drop += 1
        if drop > 0:
            del self.history[:drop]
            self.one.history_cut = True

    def add_item(self, item, at: int | None = None) -> None:
        self.history.insert(len(self.history) if at is None else at, item)
        self.bound_history()

    def find_item(self, kind: str, field: str, value) -> int | None:
        for at, item in enumerate(self.history):
            if item.WhichOneof("item") == kind and getattr(part_of(item, kind), field) == value:
                return at
        return None

    def close_items(self, turn_id: str | None) -> None:
        """Closes the open items of a turn, or all (None)."""
        for at, item in enumerate(self.history):
            if item.open and (turn_id is None or item.turn_id == turn_id):
                self.history[at] = copy(item)
                self.history[at].open = False

    def parts(self, kind: str, message_id: str) -> list[int]:
        return [at for at, item in enumerate(self.history) if item.WhichOneof("item") == kind
                and part_of(item, kind).message_id == message_id]

    # -- running tools --

    def running(self, call: str) -> int | None:
        for at, tool in enumerate(self.tools):
            if tool.tool_call_id == call:
                return at
        return None

    def put_tool(self, tool, at_ms: int, turn_id: str, agent_id: str) -> None:
        """Replaces or adds a running call. 15.2.3: a 65th moves the oldest one to history."""
        at = self.running(tool.tool_call_id)
        if at is not None:
            self.tools[at] = tool
            return
        if len(self.tools) >= LIST_MAX["tools"]:
            oldest = ended_tool(self.tools.pop(0))
            self.put_ended_tool(oldest, at_ms, turn_id, agent_id)
        self.tools.append(tool)

    def put_ended_tool(self, tool, at_ms: int, turn_id: str, agent_id: str) -> None:
        item = HistoryItem(at_ms=at_ms, turn_id=turn_id, agent_id=agent_id, tool=tool)
        at = self.find_item("tool", "tool_call_id", tool.tool_call_id)
        if at is None:
            self.add_item(item)
        else:
            item.at_ms = self.history[at].at_ms
            self.history[at] = item
            self.bound_history()


class View:
    """What a client shows of a session."""

    def __init__(self) -> None:
        self.durable = State()
        self.tails: list = []

    def begin(self, event) -> None:
        """The first message of part 1 of a snapshot set. 15.1.3: it resets the state."""
        if not broken("15.1.3"):
            self.durable = State()
            self.tails = []
        self.durable.restore(event.session_state, True)

    def fold(self, event) -> None:
        """An event that came in a block."""
        if event.WhichOneof("body") == "session_state":
            self.durable.restore(event.session_state, False)
        else:
            fold(self.durable, event)

    def tail(self, event) -> None:
        """An event that came as a tail. 15.1.2: it never changes what blocks say."""
        if event.WhichOneof("body") not in TAIL_BODIES:
            return
        if broken("15.1.2"):
            fold(self.durable, event)
        else:
            self.tails.append(event)

    def clear(self) -> None:
        """A CLEARS_TAIL block begins, or the reader jumped."""
        self.tails = []

    def shown(self):
        """The SessionState that people see."""
        state = self.durable.copy()
        for event in self.tails:
            fold(state, event)
        return state.message()

    def jump(self) -> None:
        """Goes on as a fresh view would, from a snapshot of the durable state (15.1.1)."""
        parts = self.durable.snapshot()
        self.durable = State()
        self.tails = []
        for number, part in enumerate(parts):
            self.durable.restore(part, number == 0)


# ---- 15.3: what each event does ----


def item_of(event) -> HistoryItem:
    return HistoryItem(at_ms=event.at_ms, turn_id=event.turn_id, agent_id=event.agent_id)


def set_status(state: State, event, status: int) -> None:
    """`since` moves only when the status changes."""
    if state.one.status != status:
        state.one.status = status
        state.one.status_since_ms = event.at_ms


def merge_usage(state: State, usage) -> None:
    for name, into in (("context_tokens", "context_tokens"), ("context_size", "context_size"),
                       ("cost_micros", "cost_micros"), ("currency", "cost_currency")):
        value = getattr(usage, name)
        if value:
            setattr(state.one, into, value)


def session_started(state: State, event, body) -> None:
    state.one.session.CopyFrom(body)
    state.one.session.DiscardUnknownFields()
    state.one.title = body.title
    state.one.ended = False
    set_status(state, event, link_pb2.STATUS_IDLE)


def session_resumed(state: State, event, body) -> None:
    state.one.ended = False
    state.close_items(None)
    set_status(state, event, link_pb2.STATUS_IDLE)
    state.one.activity = state.one.turn_id = ""


def session_ended(state: State, event, body) -> None:
    state.one.ended = True
    state.close_items(None)
    set_status(state, event, link_pb2.STATUS_ENDED)
    state.one.activity = state.one.turn_id = ""


def status_changed(state: State, event, body) -> None:
    set_status(state, event, body.status)
    state.one.activity = body.activity


def history_rewound(state: State, event, body) -> None:
    if not body.message_id:
        state.history = []
        return
    for at in range(len(state.history) - 1, -1, -1):
        kind = state.history[at].WhichOneof("item")
        if kind in ("user", "assistant", "thought"):
            if part_of(state.history[at], kind).message_id == body.message_id:
                del state.history[at + 1:]
                return
    if state.one.history_cut:
        state.history = []


def notice(state: State, event, body) -> None:
    item = item_of(event)
    item.notice.CopyFrom(body)
    state.add_item(item)


def user_message(state: State, event, body) -> None:
    item = item_of(event)
    item.user.CopyFrom(body)
    at = state.find_item("user", "message_id", body.message_id) if body.message_id else None
    if at is None or broken("15.3.1"):
        state.add_item(item)
        return
    item.at_ms = state.history[at].at_ms
    state.history[at] = item
    state.bound_history()


def turn_started(state: State, event, body) -> None:
    state.one.turn_id = body.turn_id or event.turn_id


def turn_ended(state: State, event, body) -> None:
    turn_id = body.turn_id or event.turn_id
    if turn_id:
        state.close_items(turn_id)
    if not turn_id or turn_id == state.one.turn_id:
        state.one.turn_id = ""
    merge_usage(state, body.usage)


def command_outcome(state: State, event, body) -> None:
    state.put_outcome(command_pb2.KnownOutcome(command_id=body.command_id, outcome=body.outcome,
                                               code=body.code))


def ask_resolved(state: State, event, body) -> None:
    state.asks = [ask for ask in state.asks if ask.ask_id != body.ask_id]


def modes_changed(state: State, event, body) -> None:
    if body.modes:
        state.replace_list("modes", body.modes)
    if body.current_mode_id:
        state.one.current_mode_id = body.current_mode_id


# ---- 15.4: deltas ----


def delta(state: State, event, body, kind: str) -> None:
    data = body.text.encode()
    if not data or not body.message_id:
        return
    parts = state.parts(kind, body.message_id)
    if not parts:
        if body.position != 0:
            return
        item = item_of(event)
        part_of(item, kind).message_id = body.message_id
        item.open = True
        state.history.append(item)
        at, end = len(state.history) - 1, 0
    else:
        at = parts[-1]
        end = part_end(state.history[at], kind)
        if not state.history[at].open:
            return
    if broken("15.4.1"):
        fresh = data  # appended as it comes, whatever its position
    else:
        if body.position > end or end - body.position >= len(data):
            return
        if inside_character(data, end - body.position):
            return
        fresh = data[end - body.position:]
    append_text(state, kind, at, fresh)


def append_text(state: State, kind: str, at: int, fresh: bytes) -> None:
    """15.4, step 5: what does not fit goes, at a character, into further parts."""
    while True:
        item = state.history[at]
        have = part_of(item, kind).text.encode()
        fits = cut_at_character(fresh, PART_BYTES_MAX - len(have))
        fresh = fresh[len(fits):]
        more = bool(fresh) or part_of(item, kind).more
        state.history[at] = with_part(item, kind, (have + fits).decode(), not fresh, more)
        if not fresh:
            break
        further = HistoryItem(at_ms=item.at_ms, turn_id=item.turn_id, agent_id=item.agent_id,
                              open=True)
        part_of(further, kind).message_id = part_of(item, kind).message_id
        part_of(further, kind).position = part_end(state.history[at], kind)
        at += 1
        state.history.insert(at, further)
    state.bound_history()


# ---- 15.5: whole messages ----


def whole(state: State, event, body, kind: str) -> None:
    if not body.message_id or broken("15.5.1"):
        insert_whole(state, event, body, kind, len(state.history), None)
        return
    position = body.position
    parts = state.parts(kind, body.message_id)
    before = [at for at in parts if part_of(state.history[at], kind).position < position]
    removed = [at for at in parts if at not in before]
    first = removed[0] if removed else None
    kept_at_ms = state.history[first].at_ms if first is not None else None
    last = before[-1] if before else None
    if last is not None:
        item = state.history[last]
        text = part_of(item, kind).text.encode()
        text = cut_at_character(text, position - part_of(item, kind).position)
        state.history[last] = with_part(item, kind, text.decode(), False, True)
    for at in reversed(removed):
        del state.history[at]
    attachments = len(body.attachments) if kind == "assistant" else 0
    if not body.text and not attachments and position > 0 and last is not None:
        item = state.history[last]
        state.history[last] = with_part(item, kind, part_of(item, kind).text, body.more, body.more)
        return
    if first is not None:
        where = first
    elif last is not None:
        where = last + 1
    else:
        where = len(state.history)
    insert_whole(state, event, body, kind, where, kept_at_ms)


def insert_whole(state: State, event, body, kind: str, where: int, at_ms: int | None) -> None:
    item = item_of(event)
    if at_ms is not None:
        item.at_ms = at_ms
    part_of(item, kind).CopyFrom(body)
    item.open = body.more
    state.history.insert(where, item)
    text = body.text.encode()
    if len(text) > PART_BYTES_MAX:
        state.history[where] = with_part(item, kind, "", True, False)
        append_text(state, kind, where, text)
    state.bound_history()


# ---- 15.6: tools ----


def tool_changed(state: State, event, body, update: bool) -> None:
    change = body.tool
    if not change.tool_call_id:
        return
    at = state.running(change.tool_call_id)
    if at is None and update:
        if state.find_item("tool", "tool_call_id", change.tool_call_id) is not None:
            return
    tool = copy(state.tools[at]) if at is not None else ToolState(tool_call_id=change.tool_call_id)
    for name in ("title", "kind", "status", "input", "locations", "parent_id", "content", "name"):
        if present(change, name):
            tool.ClearField(name)
            value = getattr(change, name)
            if name in ("locations", "content"):
                getattr(tool, name).extend(value)
            elif name == "input":
                tool.input.CopyFrom(value)
            else:
                setattr(tool, name, value)
    cut_tool(tool, RUNNING_BUDGETS)
    state.put_tool(tool, event.at_ms, event.turn_id, event.agent_id)


def stream_bytes(tool, stream: int) -> int:
    if stream == session_pb2.OUTPUT_STREAM_STDOUT:
        return tool.stdout_bytes
    if stream == session_pb2.OUTPUT_STREAM_STDERR:
        return tool.stderr_bytes
    return tool.output_position + len(tool.output) - tool.stdout_bytes - tool.stderr_bytes


def tool_output(state: State, event, body) -> None:
    at = state.running(body.tool_call_id) if body.tool_call_id else None
    if at is None:
        return
    tool = copy(state.tools[at])
    have = stream_bytes(tool, body.stream)
    if broken("15.6.1"):
        have = tool.output_position + len(tool.output)  # one count for all streams
    if body.position > have or have - body.position >= len(body.data):
        return
    fresh = body.data[have - body.position:]
    end = tool.output_position + len(tool.output) + len(fresh)
    tool.output = last_bytes(tool.output + fresh, RUNNING_OUTPUT_BYTES)
    tool.output_position = end - len(tool.output)
    if body.stream == session_pb2.OUTPUT_STREAM_STDOUT:
        tool.stdout_bytes += len(fresh)
    elif body.stream == session_pb2.OUTPUT_STREAM_STDERR:
        tool.stderr_bytes += len(fresh)
    state.tools[at] = tool


def ended_tool(tool, content=(), raw=None):
    """The state of a call that runs no longer, as history holds it."""
    tool = copy(tool)
    output, position = bytes(tool.output), tool.output_position
    for name in ("output", "output_position", "stdout_bytes", "stderr_bytes"):
        tool.ClearField(name)
    if content:
        del tool.content[:]
        tool.content.extend(content)
    elif not tool.content:
        if raw is not None and raw.text:
            tool.content.add().other.CopyFrom(raw)
        elif output:
            tool.output = last_bytes(output, ENDED_OUTPUT_BYTES)
            tool.output_position = position + len(output) - len(tool.output)
    cut_tool(tool, ENDED_BUDGETS)
    return tool


def tool_ended(state: State, event, body) -> None:
    if not body.tool_call_id:
        return
    at = state.running(body.tool_call_id)
    tool = state.tools.pop(at) if at is not None else ToolState(tool_call_id=body.tool_call_id)
    tool = ended_tool(tool, body.content, body.output)
    tool.status = body.status or session_pb2.TOOL_STATUS_COMPLETED
    state.put_ended_tool(tool, event.at_ms, event.turn_id, event.agent_id)


def tool_authorized(state: State, event, body) -> None:
    at = state.running(body.tool_call_id)
    if at is not None and state.tools[at].status == session_pb2.TOOL_STATUS_PENDING:
        state.tools[at] = copy(state.tools[at])
        state.tools[at].status = session_pb2.TOOL_STATUS_RUNNING


def set_one(name: str, source: str):
    def effect(state: State, event, body) -> None:
        setattr(state.one, name, getattr(body, source))
    return effect


def set_list(name: str, source: str):
    def effect(state: State, event, body) -> None:
        state.replace_list(name, getattr(body, source))
    return effect


# 15.3.1: each body has this effect and no other; a body that is not here changes nothing.
EFFECTS = {
    "session_started": session_started,
    "session_resumed": session_resumed,
    "session_ended": session_ended,
    "remote_mode_changed": set_one("remote_mode", "mode"),
    "title_changed": set_one("title", "title"),
    "status_changed": status_changed,
    "context_cleared": lambda s, e, b: setattr(s.one, "context_tokens", 0),
    "history_rewound": history_rewound,
    "notice": notice,
    "user_message": user_message,
    "assistant_delta": lambda s, e, b: delta(s, e, b, "assistant"),
    "thought_delta": lambda s, e, b: delta(s, e, b, "thought"),
    "assistant_message": lambda s, e, b: whole(s, e, b, "assistant"),
    "thought": lambda s, e, b: whole(s, e, b, "thought"),
    "turn_started": turn_started,
    "turn_ended": turn_ended,
    "queue_changed": set_list("queue", "prompts"),
    "tool_started": lambda s, e, b: tool_changed(s, e, b, False),
    "tool_updated": lambda s, e, b: tool_changed(s, e, b, True),
    "tool_output": tool_output,
    "tool_ended": tool_ended,
    "tool_authorized": tool_authorized,
    "ask_opened": lambda s, e, b: s.put_ask(b.ask),
    "ask_resolved": ask_resolved,
    "command_outcome": command_outcome,
    "modes_changed": modes_changed,
    "permission_mode_changed": set_one("permission_mode", "mode"),
    "config_options_changed": set_list("options", "options"),
    "slash_commands_changed": set_list("slash_commands", "commands"),
    "plan_updated": set_list("plan", "entries"),
    "plan_document_changed": set_one("plan_document", "text"),
    "subagent_started": lambda s, e, b: s.put_subagent(b.agent_id),
    "subagent_ended": lambda s, e, b: setattr(
        s, "subagents", [agent for agent in s.subagents if agent != b.agent_id]),
    "usage_updated": lambda s, e, b: merge_usage(s, b.usage),
    "keep_alive_changed": set_one("keep_alive", "mode"),
}


def fold(state: State, event: event_pb2.Event) -> None:
    """Folds one event that is not a SessionState into a state."""
    name = event.WhichOneof("body")
    if name in EFFECTS:
        EFFECTS[name](state, event, getattr(event, name))
