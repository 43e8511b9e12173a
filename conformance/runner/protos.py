"""The protocol's messages as protobuf's own Python classes, made by protoc when needed."""
import atexit
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

CONFORMANCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(CONFORMANCE)
PROTO = os.path.join(ROOT, "proto")

NAMES = ("ask", "command", "event", "frame", "link", "policy", "relay", "session")


def sources() -> list[str]:
    return ["remote/v1/%s.proto" % name for name in NAMES]


def generate(folder: str) -> None:
    """Writes the modules into `folder`, unless what is there is newer than the .proto files."""
    os.makedirs(folder, exist_ok=True)
    stamp = os.path.join(folder, ".made")
    inputs = [os.path.join(PROTO, s) for s in sources()]
    inputs.append(os.path.join(CONFORMANCE, "harness.proto"))
    if os.path.exists(stamp) and all(os.path.getmtime(i) < os.path.getmtime(stamp) for i in inputs):
        return
    try:
        done = subprocess.run(
            ["protoc", "-I", PROTO, "-I", CONFORMANCE, "--python_out", folder, *sources(),
             "harness.proto"], capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("remote-conformance: protoc is not installed (Debian: protobuf-compiler)")
    if done.returncode != 0:
        sys.exit("remote-conformance: protoc failed:\n" + done.stderr)
    with open(stamp, "w"):
        pass


def load(folder: str | None = None) -> None:
    """Makes `remote.v1.*_pb2` and `harness_pb2` importable; in a temporary folder without one."""
    if "harness_pb2" in sys.modules:
        return
    if folder is None:
        folder = tempfile.mkdtemp(prefix="remote-conformance-")
        atexit.register(shutil.rmtree, folder, True)
    generate(folder)
    sys.path.insert(0, folder)
    try:
        for name in NAMES:
            importlib.import_module("remote.v1.%s_pb2" % name)
        importlib.import_module("harness_pb2")
    except ImportError as error:
        sys.exit("remote-conformance: protobuf's Python runtime is missing or does not fit "
                 "(Debian: python3-protobuf, run with /usr/bin/python3): %s" % error)


def quiet() -> None:
    """protobuf's C++ runtime writes to file descriptor 2 when a text is not UTF-8, which testees
    are free to say. Python's own standard error stays where it is."""
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def message_class(name: str):
    """The class of e.g. "Event" or "remote.v1.Event"; None: there is none."""
    short = name.rsplit(".", 1)[-1]
    for module in NAMES:
        found = getattr(sys.modules["remote.v1.%s_pb2" % module], short, None)
        if found is not None and hasattr(found, "DESCRIPTOR"):
            return found
    return None
