"""Vectors and view cases: frame, message, link, fold. Each takes a started testee and a case and
returns, or raises CaseFailed. What can be asked at once is asked at once."""
import re

from . import cases, messages, patterns
from .conversation import Conversation
from .faults import BadCase, CaseFailed, Unsupported

CODES = {"PROTOCOL": 4001, "LIMIT": 4002, "DECODE": 4003}


def answers_of(testee, requests: list, field: str) -> list:
    out = []
    for answer in testee.ask_all(requests):
        kind = answer.WhichOneof("result")
        if kind == "unsupported":
            raise Unsupported(answer.unsupported or "no reason given")
        if kind != field:
            raise CaseFailed("the testee answers %s where %s is needed" % (
                kind and "%s: %s" % (kind, getattr(answer, kind)), field))
        out.append(getattr(answer, field))
    return out


def hex_of(text: str) -> bytes:
    """Pairs of digits and runs of them: "(61*1000)"."""
    out = []
    for piece, times, plain in re.findall(r"\(([0-9a-f]+)\*(\d+)\)|([0-9a-f]+)", text):
        out.append(bytes.fromhex(piece) * int(times) if piece else bytes.fromhex(plain))
    return b"".join(out)


# ---- frames ----


def run_frame(testee, case: cases.Case) -> None:
    """Whole, at every split, byte by byte."""
    pb, vector = testee.pb, case.data
    stream = hex_of(vector["in"])
    expect = vector["expect"]
    code = CODES.get(expect.get("error"), 0)
    cuts = [[n] for n in range(len(stream) + 1)] + [[1] * len(stream)]
    requests = [pb.Request(decode=pb.Decode(stream=stream, pieces=cut,
                                            payload_max=vector.get("payload_max", 0)))
                for cut in cuts]
    for cut, got in zip(cuts, answers_of(testee, requests, "decoded")):
        how = "byte by byte" if len(cut) > 1 else "split at %d" % sum(cut)
        if list(got.frames) != expect["frames"]:
            raise CaseFailed("%s: frames %s, expected %s" % (how, list(got.frames),
                                                             expect["frames"]))
        if got.code != code:
            raise CaseFailed("%s: code %d, expected %d" % (how, got.code, code))
        if len(cut) == len(stream) > 1 and code and got.at != expect["at"]:
            raise CaseFailed("known after %d bytes, expected %d" % (got.at, expect["at"]))
    if "plain" in testee.description.features:
        _plain_opinion(testee, vector, stream, code)


def _plain_opinion(testee, vector: dict, stream: bytes, code: int) -> None:
    """What the protobuf decoder behind the testee makes of it all by itself."""
    pb = testee.pb
    request = pb.Request(judge=pb.Judge(type="plain:remote.v1.Batch", message=stream))
    takes = answers_of(testee, [request], "judged")[0].code == 0
    if code == 0 and not takes:
        raise CaseFailed("plain protobuf refuses what is valid")
    if code and vector["protobuf"] == "agrees" and takes:
        raise CaseFailed("plain protobuf takes it; the vector says that it refuses")
    if code and vector["protobuf"] == "laxer" and not takes:
        raise CaseFailed("plain protobuf refuses it; the vector says that it is laxer")


# ---- messages ----


def run_message(testee, case: cases.Case) -> None:
    """Whole, and cut after each byte where the vector says which beginnings are messages."""
    pb, vector = testee.pb, case.data
    whole = hex_of(vector["in"])
    expected = [(whole, vector["verdict"] == "take", hex_of(vector.get("reencoded", "")))]
    if "cuts" in vector:
        expected += [(whole[:at], at in vector["cuts"], whole[:at]) for at in range(len(whole))]
    requests = [pb.Request(judge=pb.Judge(type=vector["type"], message=given))
                for given, _, _ in expected]
    for (given, taken, encoded), got in zip(expected, answers_of(testee, requests, "judged")):
        how = "" if given == whole else "cut after %d bytes: " % len(given)
        if (got.code == 0) != taken:
            raise CaseFailed("%sthe testee %s it (code %d)" % (
                how, "refuses" if got.code else "takes", got.code))
        if taken and known_part(vector["type"], got.encoded) != encoded:
            raise CaseFailed("%sencoded again it is %s, expected %s" % (
                how, short(got.encoded), short(encoded)))


def known_part(type_name: str, encoded: bytes) -> bytes:
    """Without unknown fields, which a runtime may keep or drop when it encodes again."""
    message = messages.decode(type_name, encoded)
    if message is None or not messages.canonical(message, encoded):
        return encoded
    message.DiscardUnknownFields()
    return message.SerializeToString(deterministic=True)


# ---- links ----

OVER_MS = 70_000  # a dead link has not dialled after this time
BACK_MS = 40_000  # one that is down has


class LinkVector(Conversation):
    """The shorter language of vectors/link.json (README.md, "Vectors")."""

    def __init__(self, testee, case: cases.Case, piece: int) -> None:
        super().__init__(testee, case, case.role)
        self.manual = {"PING", "ACK", "CREDIT"}
        self.piece = piece

    def run(self) -> None:
        self.start()
        self.step_connect({"connect": "a"}) if self.role == "ACCEPTING" else \
            self.step_dialled({"dialled": "a"})
        for i, step in enumerate(self.case.data["steps"]):
            self.note("-- step %d: %.200s" % (i + 1, step))
            try:
                self.one(step)
            except CaseFailed as failed:
                raise CaseFailed("step %d, pieces of %s: %s" % (
                    i + 1, self.piece or "any size", failed)) from None

    def one(self, step: dict) -> None:
        carrier = self.carriers["a"]
        if "in" in step:
            data = hex_of(step["in"])
            self.note("a > %d bytes %s" % (len(data), data[:40].hex()))
            self._watch_raw(carrier, data)
            size = self.piece or len(data)
            self.send_bytes(carrier, data, [size] * (len(data) // max(1, size)))
        elif "again" in step:
            pass  # bytes wait at the testee
        elif "do" in step:
            self.act(step)
        elif "frames" in step:
            self.compare("frames", step["frames"], [v.line() for v in carrier.inbox
                                                   if v.frame.type < 64])
            carrier.inbox.clear()
        elif "skip_frames" in step:
            carrier.inbox.clear()
        elif "events" in step:
            self.compare("events", step["events"], [str(t.get("event", t)) for t in self.told])
            self.told.clear()
        elif "skip_events" in step:
            self.told.clear()
        elif "advance_ms" in step:
            self.advance(step["advance_ms"])
        elif "state" in step:
            self.state(carrier, step["state"])
        else:
            raise BadCase("unknown step %r" % step)

    def act(self, step: dict) -> None:
        name = step["do"]
        if name == "detach":
            return self.step_cut({"cut": "a"})
        self.step_act({"act": {name: {k: v for k, v in step.items() if k != "do"}}})

    def compare(self, what: str, expected: list[str], got: list[str]) -> None:
        if expected != got:
            raise CaseFailed("%s: expected %s, got %s" % (what, expected, got))

    def state(self, carrier, name: str) -> None:
        """As far as one can see it from outside."""
        if name in ("LIVE", "GREETING", "JUDGING"):
            if carrier.closed:
                raise CaseFailed("the carrier is closed, expected %s" % name)
        elif name == "CLOSING":
            if not carrier.closed:
                raise CaseFailed("the carrier is open, expected %s" % name)
        else:
            if name == "DOWN":
                came = self.wait(lambda: bool(self.dials), {"within_ms": BACK_MS})
            else:
                self.advance(OVER_MS)
                came = bool(self.dials)
            if came != (name == "DOWN"):
                raise CaseFailed("the testee %s, expected %s" % (
                    "dials" if came else "does not dial", name))


def run_link(testee, case: cases.Case, transcript: list[str]) -> None:
    for piece in (0, 1, 7):
        vector = LinkVector(testee, case, piece)
        try:
            vector.run()
        finally:
            transcript[:] = vector.transcript


# ---- view ----


def view_lines(case: cases.Case) -> list[tuple[str, bytes]]:
    out = []
    for line in case.data["lines"]:
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            out.append((word, hex_of(rest)))
    return out


def fold_step(pb, word: str, data: bytes):
    if word in ("durable", "begin", "tail"):
        return pb.Fold.Step(**{word: data})
    return pb.Fold.Step(**{word: True})


def run_view(testee, case: cases.Case) -> None:
    pb = testee.pb
    steps: list = []
    durable: list = []
    asked, expected = [], []
    for word, data in view_lines(case):
        if word == "expect":
            asked.append(pb.Request(fold=pb.Fold(steps=steps)))
            expected.append(data)
            continue
        steps.append(fold_step(pb, word, data))
        if word in ("durable", "begin"):
            durable.append(steps[-1])
    if not expected:
        raise BadCase("%s expects nothing" % case.id)
    for i, got in enumerate(answers_of(testee, asked, "state")):
        if got != expected[i]:
            raise CaseFailed("expect %d: the state is %s, expected %s" % (
                i + 1, short(got), short(expected[i])))
    # A reader that joins at any point by snapshot comes to the same state.
    jump = pb.Fold.Step(jump=True)
    late = [pb.Request(fold=pb.Fold(steps=durable[:i] + [jump] + durable[i:] + [jump]))
            for i in range(1, len(durable) + 1)]
    whole = pb.Request(fold=pb.Fold(steps=durable + [jump]))
    states = answers_of(testee, [whole] + late, "state")
    for i, got in enumerate(states[1:]):
        if got != states[0]:
            raise CaseFailed("restored after %d durable events, the rest gives %s, not %s" % (
                i + 1, short(got), short(states[0])))


def short(data: bytes) -> str:
    return data.hex() if len(data) < 200 else "%s... (%d bytes)" % (data[:200].hex(), len(data))


def run(testee, case: cases.Case, role: str, transcript: list[str]) -> None:
    """Any case. Fills `transcript` as it goes."""
    if case.fault:
        raise BadCase(case.fault)
    if case.kind == "frame":
        return run_frame(testee, case)
    if case.kind == "message":
        return run_message(testee, case)
    if case.kind == "view":
        return run_view(testee, case)
    if case.kind == "link":
        return run_link(testee, case, transcript)
    conversation = Conversation(testee, case, role)
    try:
        conversation.run()
    except patterns.Mismatch as mismatch:
        raise CaseFailed(str(mismatch)) from None
    finally:
        transcript[:] = conversation.transcript
