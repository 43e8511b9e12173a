"""Reads the vectors as flat cases, and holds what a runtime says of each against them."""
import json
import pathlib
import re
import subprocess
import typing

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent

BATCH, EVENT, STATE = "remote.v1.Batch", "remote.v1.Event", "remote.v1.SessionState"

FRAME_NAMES = {1: "HELLO", 2: "WELCOME", 3: "REFUSE", 4: "GOAWAY", 5: "PING", 6: "PONG", 8: "OPEN",
               9: "OPENED", 10: "CLOSE", 11: "INFO", 12: "BLOCK", 13: "TAIL", 14: "ACK",
               15: "SYNCED", 16: "LOG_STATUS", 17: "RECEIPT", 20: "REQUEST", 21: "REPLY"}
ALWAYS_WITH_OFFSET = {"BLOCK", "TAIL", "ACK", "SYNCED", "RECEIPT"}
# Frames whose line says something of the payload other than its size. The vectors of frames hold
# none of them but those with nothing to say.
SAYS_OTHER = {"HELLO", "WELCOME", "REFUSE", "GOAWAY", "OPENED", "CLOSE", "PONG"}
SAYS_NOTHING = {"PING", "ACK", "SYNCED", "OPEN"}


READERS = {"protobuf-c", "nanopb", "envelope", "python", "python-pure", "javascript", "protoc"}


class Case(typing.NamedTuple):
    """Some bytes, and what every runtime must make of them."""
    id: str
    type: str
    data: bytes
    taken: bool                         # by the library
    opinion: str                        # of a plain decoder on what is refused
    differs: dict[str, str]             # runtime -> why
    reencoded: typing.Optional[bytes]   # None: not said
    lines: typing.Optional[list[str]]   # of a Batch


class Answer(typing.NamedTuple):
    """What a runtime made of a case."""
    taken: bool
    reencoded: bytes = b""
    frames: list = []   # of a Batch: dicts of numbers, "payload" in hex
    error: str = ""


def expand(text):
    """Hex in which (6162*3) stands for 616261626162."""
    return bytes.fromhex(re.sub(r"\(([0-9a-f]+)\*(\d+)\)", lambda m: m[1] * int(m[2]), text))


def message_cases():
    for v in json.loads((FOLDER / "vectors" / "message.json").read_text()):
        data, taken = expand(v["in"]), v["verdict"] == "take"
        yield Case(v["id"], v["type"], data, taken, v.get("protobuf", ""), v.get("differs", {}),
                   expand(v["reencoded"]) if taken else None, None)
        for n in range(len(data)) if "cuts" in v else ():
            whole = n in v["cuts"]
            yield Case(f"{v['id']}@{n}", v["type"], data[:n], whole, "" if whole else "agrees", {},
                       data[:n] if whole else None, None)


def frame_cases():
    for v in json.loads((FOLDER / "vectors" / "frame.json").read_text()):
        expect = v["expect"]
        taken = "error" not in expect
        yield Case(v["id"], BATCH, expand(v["in"]), taken, v.get("protobuf", ""),
                   v.get("differs", {}), None, expect["frames"] if taken else None)


def view_cases():
    """Events and folded states of the view's cases: all are canonical."""
    types = {"durable": EVENT, "begin": EVENT, "tail": EVENT, "expect": STATE}
    for path in sorted((FOLDER / "view").glob("*.case")):
        for n, line in enumerate(path.read_text().splitlines(), 1):
            word, _, rest = line.partition(" ")
            if word in types:
                data = expand(rest)
                yield Case(f"{path.name}:{n}", types[word], data, True, "", {}, data, None)


def random_cases(program):
    """What the library takes of random messages, whole and damaged, and writes again."""
    lines = subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE).stdout
    for n, line in enumerate(lines.splitlines(), 1):
        type, given, verdict, encoded = line.split()
        if verdict == "0":
            yield Case(f"random:{n}", type, bytes.fromhex(given.strip("-")), True, "", {},
                       bytes.fromhex(encoded.strip("-")), None)


def all_cases(program, every):
    """The vectors, the view's cases and each `every`th of the random messages."""
    return [*message_cases(), *frame_cases(), *view_cases(), *[*random_cases(program)][::every]]


def line_of(frame):
    """A frame as README.md writes it."""
    name = FRAME_NAMES.get(frame["type"], "UNKNOWN")
    out = [name]
    if frame["channel"]:
        out.append(f"ch={frame['channel']}")
    if frame["offset"] or name in ALWAYS_WITH_OFFSET:
        out.append(f"offset={frame['offset']}")
    if name == "TAIL" or frame["count"]:
        out.append(f"{'index' if name == 'TAIL' else 'count'}={frame['count']}")
    if frame["credit"]:
        out.append(f"credit={frame['credit']}")
    if frame["payload"] and name not in SAYS_OTHER | SAYS_NOTHING:
        out.append(f"bytes={len(frame['payload']) // 2}")
    return " ".join(out)


def says_other(line):
    return line.split(" ")[0] in SAYS_OTHER


def wrong_lines(case, answer):
    """How the frames differ from the vector's lines; of those that quote a payload, the type."""
    got = [line_of(f) for f in answer.frames]
    if len(got) == len(case.lines) and all(
            g.split(" ")[0] == want.split(" ")[0] if says_other(want) else g == want
            for g, want in zip(got, case.lines)):
        return None
    return f"frames {got}, the vector says {case.lines}"


def has_long_tag(data):
    """A tag that is not in its shortest form, at any depth at which the bytes can be a message.
    protobuf in pure Python knows fields by the bytes of their tags, so it takes such a field for
    an unknown one."""
    at = 0
    try:
        while at < len(data):
            tag, end = varint(data, at)
            if end - at > 1 and data[end - 1] == 0:
                return True
            kind, at = tag & 7, end
            if kind == 0:
                _, at = varint(data, at)
            elif kind == 2:
                size, at = varint(data, at)
                if at + size > len(data):
                    return False
                if has_long_tag(data[at:at + size]):
                    return True
                at += size
            else:
                at += {1: 8, 5: 4}[kind]
    except (IndexError, KeyError):
        pass
    return False


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at += 1
        if not data[at - 1] & 128:
            return value, at
        shift += 7


def verdict_of(case, runtime, answer):
    """What is wrong with a runtime's answer, or None. `differs` turns the expectation round."""
    expected = case.taken or case.opinion in ("laxer", "limit")
    why = case.differs.get(runtime)
    same = answer.taken == expected and (not case.taken or
                                         case.reencoded in (None, answer.reencoded))
    if case.differs.keys() - READERS:
        return f"explains the difference of nobody: {sorted(case.differs.keys() - READERS)}"
    if why:
        return f"does as others do; the vector explains otherwise ({why})" if same else None
    if answer.taken != expected:
        return f"takes it, and nothing explains why" if answer.taken else \
            f"refuses it, and nothing explains why ({answer.error})"
    if not case.taken:
        return None
    if case.lines is not None:
        return wrong_lines(case, answer)
    if case.reencoded is not None and answer.reencoded != case.reencoded:
        if runtime == "python-pure" and case.id.startswith("random:") and has_long_tag(case.data):
            return None
        return f"writes {answer.reencoded.hex()[:200]}, the vector {case.reencoded.hex()[:200]}"
    return None


def report(runtime, cases, answers):
    """Prints what is wrong; the number of faults."""
    faults = 0
    for case, answer in zip(cases, answers, strict=True):
        wrong = verdict_of(case, runtime, answer)
        if wrong:
            print(f"{runtime}: {case.id}: {wrong}")
            faults += 1
    taken = sum(a.taken for a in answers)
    laxer = sum(a.taken and not c.taken for a, c in zip(answers, cases))
    differing = sum(runtime in c.differs for c in cases)
    print(f"{runtime}: {len(cases)} inputs, takes {taken}, of them {laxer} that the library "
          f"refuses; {differing} explained differences; {faults} faults")
    return faults
