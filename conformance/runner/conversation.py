"""One case with one testee: steps in, bytes, time and acts to the testee, what it says judged."""
import json
import os
import time

from . import cases, frames, messages, monitor, patterns, wire
from .faults import BadCase, CaseFailed, TesteeBroken, Unsupported

CREDIT = 1 << 30  # what the runner gives as a reader
VIRTUAL_MS, REAL_MS = 1000, 2000  # within_ms when a case does not say
# Real testees on a busy machine: what a case says is the protocol's time, not the scheduler's.
PATIENCE = float(os.environ.get("REMOTE_TEST_SLOW", "1"))
SLICES = 100  # in which time passes while something is waited for
ROUNDS_MAX = 200  # of the runner's own answers to one step
TRANSCRIPT_MAX = 600
TOLD_MAX = 20000


def long_texts(value):
    """{"repeat": "x", "times": n} written out."""
    if isinstance(value, dict):
        if set(value) == {"repeat", "times"}:
            return messages.text_of(value, "act")
        return {k: long_texts(v) for k, v in value.items()}
    return [long_texts(v) for v in value] if isinstance(value, list) else value


class Carrier:
    """One carrier of the conversation, seen from the runner."""

    def __init__(self, name: str, number: int, watch: monitor.Monitor) -> None:
        self.name = name
        self.number = number
        self.watch = watch
        self.stream = wire.FrameStream()
        self.inbox: list[frames.FrameView] = []
        self.closed = False  # by the testee
        self.cut = False  # by the runner
        self.channels: dict[int, dict] = {}  # what OPEN said: log, direction, by whom
        self.acks: dict[int, int] = {}  # owed by the runner

    def up(self) -> bool:
        return not self.closed and not self.cut


class Conversation:
    def __init__(self, testee, case: cases.Case, role: str) -> None:
        self.testee = testee
        self.pb = testee.pb
        self.case = case
        self.role = role
        self.virtual = testee.description.virtual_clock
        self.bound: dict = {**patterns.FIXED_IDS, **patterns.TOKENS,
                            **patterns.TEXTS}
        self.carriers: dict[str, Carrier] = {}  # by name
        self.numbers: dict[int, Carrier] = {}
        self.dials: list[int] = []
        self.told: list[dict] = []
        self.transcript: list[str] = []
        self.now_ms = 0
        self.manual = set(case.manual)
        self.last_carrier = 0

    # ---- talking to the testee ----

    def note(self, text: str) -> None:
        if len(self.transcript) < TRANSCRIPT_MAX:
            self.transcript.append("%8d  %s" % (self.now_ms, text))
        elif len(self.transcript) == TRANSCRIPT_MAX:
            self.transcript.append("          ... (cut)")

    def ask(self, timeout_s: float | None = None, **what):
        return self.ask_all([self.pb.Request(**what)], timeout_s)[0]

    def ask_all(self, requests: list, timeout_s: float | None = None) -> list:
        answers = self.testee.ask_all(requests, timeout_s)
        for answer in answers:
            self._take(answer)
        return answers

    def _take(self, answer) -> None:
        for output in answer.outputs:
            kind = output.WhichOneof("output")
            if kind == "dial":
                self.note("testee dials (%d)" % output.dial)
                self.dials.append(output.dial)
            elif kind == "bytes":
                self._arrived(output.bytes.carrier, output.bytes.data)
            elif kind == "closed":
                self._closed(output.closed)
            elif kind == "told":
                self._told(output.told)
        kind = answer.WhichOneof("result")
        if kind == "unsupported":
            raise Unsupported(answer.unsupported or "no reason given")
        if kind == "broken":
            raise TesteeBroken("says that it is broken: %s" % answer.broken)
        if kind is None:
            raise TesteeBroken("a Response without a result")

    def _arrived(self, number: int, data: bytes) -> None:
        carrier = self.numbers.get(number)
        if carrier is None:
            raise CaseFailed("the testee writes on carrier %d, which it was never given" % number)
        if carrier.closed:
            raise CaseFailed("the testee writes on %s, which it has closed" % carrier.name)
        if carrier.cut:
            return
        try:
            raws = carrier.stream.feed(data)
        except wire.WireFault as fault:
            raise CaseFailed("on %s the testee writes what is no Batch stream: %s" % (
                carrier.name, fault)) from None
        for raw in raws:
            self._frame(carrier, raw)

    def _frame(self, carrier: Carrier, raw: bytes) -> None:
        frame = messages.decode("Frame", raw)
        if frame is None:
            raise CaseFailed("on %s the testee writes what is no Frame: %s" % (
                carrier.name, raw[:64].hex()))
        view = frames.FrameView(raw, frame, carrier.channels.get(frame.channel, {}).get("log"))
        if view.type == "OPEN":
            self._opens(carrier, view, "testee")
        self.note("%s < %s" % (carrier.name, view))
        fault = carrier.watch.judge(view, self)
        if fault:
            raise CaseFailed("on %s: %s: %s" % (carrier.name, fault, view))
        carrier.inbox.append(view)
        if view.type == "CLOSE":
            carrier.acks.pop(frame.channel, None)
            carrier.channels.pop(frame.channel, None)
        elif view.type == "PING" and "PING" not in self.manual:
            carrier.acks[-1] = frame.payload
        elif view.type == "BLOCK" and "ACK" not in self.manual:
            carrier.acks[frame.channel] = frame.offset + frame.count

    def _opens(self, carrier: Carrier, view: frames.FrameView, by: str) -> None:
        opened = view.payload_message()
        if opened is None:
            return
        shown = messages.to_json(opened)
        carrier.channels[view.frame.channel] = {
            "log": str(shown["log"]), "direction": str(shown["direction"]), "by": by}

    def _closed(self, number: int) -> None:
        carrier = self.numbers.get(number)
        if carrier is None:
            if number in self.dials:
                self.dials.remove(number)
                return
            raise CaseFailed("the testee closes carrier %d, which it was never given" % number)
        if not carrier.closed:
            self.note("%s closed by the testee" % carrier.name)
        carrier.closed = True
        if carrier.stream.rest and not carrier.cut:
            raise CaseFailed("the testee closes %s within a frame" % carrier.name)

    def _told(self, text: str) -> None:
        try:
            told = json.loads(text)
            if not isinstance(told, dict) or len(told) != 1:
                raise ValueError
        except ValueError:
            raise TesteeBroken("tells what is no JSON object of one member: %.100r" % text) from None
        if "tokens" in told:
            self.bound.update(told["tokens"])
            return
        self.note("told %s" % text)
        if len(self.told) >= TOLD_MAX:
            raise TesteeBroken("tells more than %d things" % TOLD_MAX)
        self.told.append(told)

    def settle(self) -> None:
        """The runner's own answers: PONG, ACK."""
        for _ in range(ROUNDS_MAX):
            requests = []
            for carrier in self.numbers.values():
                owed, carrier.acks = carrier.acks, {}
                if not carrier.up():
                    continue
                for channel, value in owed.items():
                    frame = ({"type": "PONG", "bytes": value.hex()} if channel == -1 else
                             {"type": "ACK", "channel": channel, "offset": value})
                    carrier.watch.sent(frame)
                    requests.append(self.pb.Request(bytes=self.pb.Bytes(
                        carrier=carrier.number, data=frames.encode(frame))))
            if not requests:
                return
            self.ask_all(requests)
        raise CaseFailed("the testee answers the runner's answers without end")

    def advance(self, ms: int) -> None:
        if ms > 0:
            timeout = self.testee.timeout_s + (0 if self.virtual else ms / 1000)
            self.now_ms += ms
            self.ask(timeout, advance=self.pb.Advance(ms=ms))
        self.settle()

    def wait(self, done, step: dict, name: str = "within_ms") -> bool:
        """Until done() says so. Virtual: what had to come is there already, and time passes only
        when the step states how much may."""
        self.settle()
        if done():
            return True
        if not self.virtual:
            return self._wait_really(done, step.get(name, REAL_MS))
        left = step.get(name, 0)
        slice_most = min(max(left // SLICES, 10), 1000)
        while left > 0:
            slice_ms = min(left, slice_most)
            self.advance(slice_ms)
            left -= slice_ms
            if done():
                return True
        return False

    def _wait_really(self, done, within_ms: int) -> bool:
        end = time.monotonic() + within_ms * PATIENCE / 1000
        while True:
            left_ms = int((end - time.monotonic()) * 1000)
            began = time.monotonic()
            self.ask(self.testee.timeout_s + max(left_ms, 0) / 1000,
                     look=self.pb.Look(wait_ms=max(left_ms, 0)))
            self.now_ms += int((time.monotonic() - began) * 1000)
            self.settle()
            if done():
                return True
            if left_ms <= 0:
                return False

    def pass_time(self, step: dict, name: str = "for_ms") -> None:
        ms = step.get(name)
        if ms is None:
            ms = 0 if self.virtual else 200
        self.advance(ms)
        if not self.virtual:
            self.ask(look=self.pb.Look(wait_ms=0))
            self.settle()

    # ---- the case ----

    def defaults(self) -> dict:
        if self.role == "RELAY":
            return {"accounts": [{"name": "home", "token": "$token"},
                                 {"name": "home", "token": "$token2"},
                                 {"name": "other", "token": "$token3"}]}
        if self.role == "CONNECTING":
            return {"token": "$token", "link_id": "$id2"}
        if self.role in ("HOST", "CLIENT"):
            return {"token": "$token", "session_id": "$id1"}
        return {}

    def start(self, extra: dict | None = None) -> None:
        config = {**self.defaults(), **self.case.config, **(extra or {})}
        config = patterns.substitute(config, self.bound)
        self.ask(start=self.pb.Start(role=self.pb.Role.Value("ROLE_" + self.role),
                                     config_json=json.dumps(config), case_id=self.case.id))
        self.settle()

    def run(self) -> None:
        self.start()
        for where, step in self.case.steps:
            kind = cases.check_step(step, where)
            self.note("-- %s: %s" % (where, json.dumps(step)[:300]))
            try:
                getattr(self, "step_" + kind)(step)
                self.settle()
            except BadCase as bad:
                raise BadCase("%s: %s" % (where, bad)) from None
            except CaseFailed as failed:
                raise CaseFailed("%s: %s" % (where, failed)) from None
            except TesteeBroken as broken:
                raise TesteeBroken("%s: the testee %s" % (where, broken)) from None

    def carrier(self, step: dict, kind: str) -> Carrier:
        found = self.carriers.get(step[kind])
        if found is None:
            raise BadCase("there is no carrier %r" % step[kind])
        return found

    def _new_carrier(self, name: str, number: int) -> Carrier:
        side = monitor.A if self.role in ("ACCEPTING", "RELAY") else monitor.C
        whole = self.role in ("RELAY", "HOST", "CLIENT")
        carrier = Carrier(name, number, monitor.Monitor(side, whole))
        self.carriers[name] = self.numbers[number] = carrier
        return carrier

    # ---- steps: carriers ----

    def step_connect(self, step: dict) -> None:
        self.last_carrier += 1
        self._new_carrier(step["connect"], self.last_carrier)
        self.ask(connected=self.pb.Connected(carrier=self.last_carrier,
                                             poll=bool(step.get("poll"))))

    def step_dialled(self, step: dict) -> None:
        if step.get("not"):
            self.pass_time(step, "within_ms")
            if self.dials:
                raise CaseFailed("the testee asks for a carrier")
            return
        came = self.wait(lambda: bool(self.dials), step)
        if not came:
            raise CaseFailed("the testee does not ask for a carrier")
        number = self.dials.pop(0)
        refused = bool(step.get("refuse"))
        if not refused:
            self._new_carrier(step["dialled"], number)
        self.ask(connected=self.pb.Connected(carrier=number, refused=refused))

    def step_cut(self, step: dict) -> None:
        carrier = self.carrier(step, "cut")
        half_open = bool(step.get("half_open"))
        if carrier.closed or carrier.cut:
            return
        carrier.cut = True
        self.ask(cut=self.pb.Cut(carrier=carrier.number, half_open=half_open))

    def step_room(self, step: dict) -> None:
        carrier = self.carrier(step, "room")
        self.ask(room=self.pb.Room(carrier=carrier.number, bytes=step["bytes"]))

    def step_send(self, step: dict) -> None:
        carrier = self.carrier(step, "send")
        if "raw" in step:
            data = messages.bytes_of(patterns.substitute(step["raw"], self.bound), "raw")
            self.note("%s > %d raw bytes %s" % (carrier.name, len(data), data[:48].hex()))
            self._watch_raw(carrier, data)
        else:
            data = b"".join(self._outgoing(carrier, f) for f in step["frames"])
        if carrier.cut:
            raise BadCase("%s is cut" % carrier.name)
        self.send_bytes(carrier, data, step.get("pieces", []))

    def send_bytes(self, carrier: Carrier, data: bytes, pieces: list[int]) -> None:
        requests, at = [], 0
        for size in list(pieces) + [len(data)]:
            piece, at = data[at:at + size], at + size
            if piece:
                requests.append(self.pb.Request(bytes=self.pb.Bytes(carrier=carrier.number,
                                                                    data=piece)))
        self.ask_all(requests)

    def _watch_raw(self, carrier: Carrier, data: bytes) -> None:
        """Raw bytes that are whole frames mean what they mean; others leave the monitor blind."""
        try:
            stream = wire.FrameStream()
            raws = stream.feed(data)
        except wire.WireFault:
            raws, stream = [], None
        for raw in raws:
            frame = messages.decode("Frame", raw)
            if frame is not None:
                carrier.watch.sent_view(frames.FrameView(raw, frame, None))
        if stream is None or stream.rest:
            carrier.watch.blind = True

    def _outgoing(self, carrier: Carrier, frame: dict) -> bytes:
        frame = patterns.substitute(frame, self.bound)
        name = str(messages.enum_named(frames.type_enum(), frames.type_number(frame["type"])))
        frame = self._with_credit(carrier, frame, name)
        data = frames.encode(frame)
        raw = wire.FrameStream().feed(data)[0]
        view = frames.FrameView(raw, messages.decode("Frame", raw),
                                carrier.channels.get(frame.get("channel", 0), {}).get("log"))
        if name == "OPEN":
            self._opens(carrier, view, "runner")
        elif name == "CLOSE":
            carrier.acks.pop(frame.get("channel", 0), None)
        carrier.watch.sent_view(view)
        self.note("%s > %s" % (carrier.name, view))
        return data

    def _with_credit(self, carrier: Carrier, frame: dict, name: str) -> dict:
        """A reader's credit, where the case does not care."""
        if "CREDIT" in self.manual or "credit" in frame:
            return frame
        if name == "OPEN" and isinstance(frame.get("open"), dict):
            if frame["open"].get("direction") in ("SUBSCRIBE", 2):
                return dict(frame, credit=CREDIT)
        if name == "OPENED":
            channel = carrier.channels.get(frame.get("channel", 0), {})
            if channel.get("by") == "testee" and channel.get("direction") == "PUBLISH":
                return dict(frame, credit=CREDIT)
        return frame

    # ---- steps: what came ----

    def _wanted_types(self, wanted: list) -> set[str]:
        out = set()
        for pattern in wanted:
            kind = pattern.get("type")
            if isinstance(kind, int):
                kind = str(messages.enum_named(frames.type_enum(), kind))
            if isinstance(kind, str):
                out.add(kind)
        return out

    def _next_frame(self, carrier: Carrier, types: set[str]):
        """The next frame that counts, taken; None: there is none."""
        while carrier.inbox:
            view = carrier.inbox[0]
            if view.is_ambient() and view.type not in types:
                carrier.inbox.pop(0)
                continue
            return carrier.inbox.pop(0)
        return None

    def step_expect(self, step: dict) -> None:
        carrier = self.carrier(step, "expect")
        if "frames" in step:
            self._expect_frames(carrier, step)
        if step.get("closed"):
            if not self.wait(lambda: carrier.closed, step):
                raise CaseFailed("the testee does not close %s" % carrier.name)
            carrier.inbox.clear()

    def _expect_frames(self, carrier: Carrier, step: dict) -> None:
        left = list(step["frames"])
        types = self._wanted_types(left)

        def progress() -> bool:
            while left:
                view = self._next_frame(carrier, types)
                if view is None:
                    return carrier.closed
                self._fit_one(carrier, view, left, bool(step.get("any_order")))
            return True

        self.wait(progress, step)
        if left:
            raise CaseFailed("%s%s, expected %s" % (
                carrier.name, " was closed" if carrier.closed else ": nothing more came",
                json.dumps(left[0])))

    def _fit_one(self, carrier: Carrier, view, left: list, any_order: bool) -> None:
        reasons = []
        for i, pattern in enumerate(left if any_order else left[:1]):
            try:
                patterns.match(pattern, view, self.bound)
            except patterns.Mismatch as mismatch:
                reasons.append(str(mismatch))
                continue
            del left[i]
            return
        raise CaseFailed("on %s came %s; %s" % (carrier.name, view, "; ".join(reasons)))

    def step_quiet(self, step: dict) -> None:
        carrier = self.carrier(step, "quiet")
        self.pass_time(step)
        for view in carrier.inbox:
            if not view.is_ambient():
                raise CaseFailed("on %s came %s; nothing was to come" % (carrier.name, view))
        if not carrier.up():
            raise CaseFailed("%s is closed" % carrier.name)

    def step_not_frame(self, step: dict) -> None:
        """Of any kind, ambient ones too; what comes stays."""
        carrier = self.carrier(step, "on")
        self.pass_time(step)
        for view in carrier.inbox:
            if patterns.fits(step["not_frame"], view, self.bound):
                raise CaseFailed("on %s came %s" % (carrier.name, view))

    def step_open(self, step: dict) -> None:
        carrier = self.carrier(step, "open")
        if not self.virtual:
            self.pass_time({})
        if not carrier.up():
            raise CaseFailed("%s is closed" % carrier.name)
        carrier.inbox.clear()

    def step_skip(self, step: dict) -> None:
        carrier = self.carrier(step, "skip")
        dropped = 0

        def found() -> bool:
            nonlocal dropped
            while carrier.inbox:
                if patterns.fits(step["until"], carrier.inbox.pop(0), self.bound):
                    return True
                dropped += 1
            return False

        if not self.wait(found, step):
            raise CaseFailed("on %s nothing came that fits %s (%d other frames did)" % (
                carrier.name, json.dumps(step["until"]), dropped))

    # ---- steps: time, acts, told ----

    def step_advance_ms(self, step: dict) -> None:
        self.advance(step["advance_ms"])

    def step_elapsed_ms(self, step: dict) -> None:
        try:
            patterns.match(step["elapsed_ms"], self.now_ms, self.bound, "the time since the start")
        except patterns.Mismatch as mismatch:
            raise CaseFailed(str(mismatch)) from None

    def step_clock_ms(self, step: dict) -> None:
        self.ask(step_clock=self.pb.StepClock(ms=step["clock_ms"]))

    def step_act(self, step: dict) -> None:
        act = long_texts(patterns.substitute(step["act"], self.bound))
        if not isinstance(act, dict) or len(act) != 1:
            raise BadCase("an act is an object of one member, not %r" % (act,))
        (name, members), = act.items()
        label = members.pop("as", None) if isinstance(members, dict) else None
        self.note("act %s" % json.dumps(act))
        self.ask(act=self.pb.Act(json=json.dumps(act)))
        if label is not None:
            self._bind_id(label)

    def _bind_id(self, label: str) -> None:
        """`as`: the id that the act made, under a name of the case's own."""
        def index() -> int | None:
            return next((i for i, t in enumerate(self.told) if "submitted" in t or "asked" in t),
                        None)
        if not self.wait(lambda: index() is not None, {}):
            raise CaseFailed("the testee does not tell the id of what was made")
        made, = self.told.pop(index()).values()
        self.bound[label] = made.get("command", made.get("ask"))

    def _is_ambient_told(self, told: dict, wanted: list) -> bool:
        """Kinds that are left out unless a pattern is of their kind."""
        kind, = told
        if self.role == "HOST" and kind == "event" or self.role == "CLIENT" and kind == "status":
            return not any(kind in w for w in wanted)
        if self.role == "CLIENT" and kind == "command" and told[kind].get("state") == "SENT":
            return not any(w.get(kind, {}).get("state") == "SENT" for w in wanted)
        return False

    def step_told(self, step: dict) -> None:
        left = list(step["told"])
        wanted = list(left)

        def progress() -> bool:
            while left and self.told:
                told = self.told.pop(0)
                if not self._is_ambient_told(told, wanted):
                    self._fit_told(told, left, bool(step.get("any_order")))
            return not left

        if not self.wait(progress, step):
            raise CaseFailed("nothing more was told, expected %s" % json.dumps(left[0]))
        if not wanted:
            rest = [t for t in self.told if not self._is_ambient_told(t, [])]
            if rest:
                raise CaseFailed("told was %s; nothing was to be told" % json.dumps(rest[0]))

    def _fit_told(self, told: dict, left: list, any_order: bool) -> None:
        reasons = []
        for i, pattern in enumerate(left if any_order else left[:1]):
            try:
                patterns.match(pattern, told, self.bound)
            except patterns.Mismatch as mismatch:
                reasons.append(str(mismatch))
                continue
            del left[i]
            return
        raise CaseFailed("told was %s; %s" % (json.dumps(told), "; ".join(reasons)))

    def step_not_told(self, step: dict) -> None:
        self.pass_time(step)
        for told in self.told:
            if patterns.fits(step["not_told"], told, self.bound):
                raise CaseFailed("told was %s" % json.dumps(told))

    def step_skip_told(self, step: dict) -> None:
        dropped = 0

        def found() -> bool:
            nonlocal dropped
            while self.told:
                if patterns.fits(step["skip_told"], self.told.pop(0), self.bound):
                    return True
                dropped += 1
            return False

        if not self.wait(found, step):
            raise CaseFailed("nothing was told that fits %s (%d other things were)" % (
                json.dumps(step["skip_told"]), dropped))

    def step_restart(self, step: dict) -> None:
        how = step["restart"]
        unknown = set(how) - {"lose_everything", "back_to", "beside"}
        if unknown:
            raise BadCase("restart has no %s" % ", ".join(sorted(unknown)))
        if how.get("beside") and "beside" not in self.testee.description.features:
            raise Unsupported("needs beside")
        if not how.get("beside"):
            for carrier in self.numbers.values():
                carrier.cut = True
            self.dials.clear()
        self.ask(restart=self.pb.Restart(**how))

    def step_copy(self, step: dict) -> None:
        self.ask(copy=self.pb.Copy(name=step["copy"]))
