"""Protobuf runtimes that are not ours. Each takes cases and gives an answer for each."""
import codecs
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import warnings

from vectors import BATCH, Answer

NUMBERS = ("type", "channel", "offset", "count", "flags", "inflated_bytes", "dictionary", "credit",
           "part", "parts")


class Missing(Exception):
    """What a runtime needs is not installed."""


def descriptors(build, roots):
    """protoc's words for the schema and the tests' shapes: one file for all runtimes."""
    out = pathlib.Path(build) / "descriptors"
    out.parent.mkdir(parents=True, exist_ok=True)
    includes, files = [], []
    for root in map(pathlib.Path, roots):
        includes.append(f"-I{root}")
        files += sorted(str(p.relative_to(root)) for p in root.rglob("*.proto"))
    fresh = out.with_name(f"descriptors.{os.getpid()}")
    try:
        subprocess.run(["protoc", *includes, "--include_imports", f"--descriptor_set_out={fresh}",
                        *files], check=True)
    except FileNotFoundError as error:
        raise Missing("protoc is not installed") from error
    fresh.replace(out)
    return out


# ---- Python's own ----


def python_frames(batch):
    return [dict({n: getattr(f, n) for n in NUMBERS}, payload=f.payload.hex()) for f in batch.frame]


def python(cases, descriptor_file):
    """In this process, so with the implementation that was chosen when it began."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise Missing("python3-protobuf is not installed for the system's Python") from error
    from google.protobuf.message import DecodeError
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_file.read_bytes()).file:
        pool.Add(file)
    factory, classes = message_factory.MessageFactory(pool), {}
    warnings.simplefilter("ignore")  # of groups that end

    def answer(case):
        if case.type not in classes:
            classes[case.type] = factory.GetPrototype(pool.FindMessageTypeByName(case.type))
        message = classes[case.type]()
        try:
            message.ParseFromString(case.data)
        except (DecodeError, UnicodeDecodeError, ValueError) as error:
            return Answer(False, error=f"{type(error).__name__}: {error}")
        message.DiscardUnknownFields()
        return Answer(True, message.SerializeToString(deterministic=True),
                      python_frames(message) if case.type == BATCH else [])

    return [answer(case) for case in cases]


# ---- JavaScript: protobuf-es ----


def javascript(cases, descriptor_file, packages):
    """By check.mjs, all cases in one run of Node."""
    if not (pathlib.Path(packages) / "@bufbuild" / "protobuf").is_dir():
        raise Missing(f"@bufbuild/protobuf is not in {packages}: tools/dev test puts it there")
    given = "".join(f"{c.type} {c.data.hex()}\n" for c in cases)
    script = pathlib.Path(__file__).with_name("check.mjs")
    try:
        done = subprocess.run(["node", script, packages, descriptor_file], input=given, text=True,
                              check=True, stdout=subprocess.PIPE)
    except FileNotFoundError as error:
        raise Missing("node is not installed") from error
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [Answer(a["taken"], bytes.fromhex(a["reencoded"]), a["frames"], a["error"])
            for a in answers]


# ---- protoc: decode to text, and encode the text ----


def without_unknown(text):
    """Takes the lines of unknown fields out of protoc's text; they have numbers for names."""
    out, depth = [], 0
    for line in text.split("\n"):
        if depth == 0 and re.match(r"\s*\d+: ", line):
            continue
        if depth or re.match(r"\s*\d+ \{$", line):
            depth += line.endswith("{") - (line.strip() == "}")
            continue
        out.append(line)
    return "\n".join(out)


def protoc_frames(text, enum_numbers):
    frames = []
    for line in text.split("\n"):
        if line == "frame {":
            frames.append(dict({n: 0 for n in NUMBERS}, payload=""))
            continue
        match = re.fullmatch(r"  (\w+): (.*)", line)
        if not match:
            continue
        name, value = match.groups()
        if name == "payload":
            value = codecs.escape_decode(value[1:-1].encode())[0].hex()
        elif name == "type":
            value = enum_numbers[value] if value in enum_numbers else int(value)
        else:
            value = int(value)
        frames[-1][name] = value
    return frames


def frame_types(roots):
    """Names and numbers of FrameType."""
    text = (pathlib.Path(roots[0]) / "remote" / "v1" / "frame.proto").read_text()
    return {n: int(v) for n, v in re.findall(r"(FRAME_TYPE_\w+) = (\d+);", text)}


def protoc(cases, descriptor_file, roots):
    enum_numbers = frame_types(roots)
    arguments = ["protoc", f"--descriptor_set_in={descriptor_file}"]

    def run(verb, case, data):
        return subprocess.run([*arguments, f"--{verb}={case.type}"], input=data, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def answer(case):
        decoded = run("decode", case, case.data)
        if decoded.returncode != 0:
            return Answer(False, error=decoded.stderr.decode(errors="replace").strip())
        text = without_unknown(decoded.stdout.decode())
        encoded = run("encode", case, text.encode())
        if encoded.returncode != 0:
            return Answer(True, error=encoded.stderr.decode(errors="replace").strip())
        return Answer(True, encoded.stdout,
                      protoc_frames(text, enum_numbers) if case.type == BATCH else [])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(answer, cases))
