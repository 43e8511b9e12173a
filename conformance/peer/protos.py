"""The protocol's messages as protobuf's own Python classes, made by protoc into a temporary folder,
and the limits of their fields from the .options files beside the .proto files (Annex C)."""
import atexit
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

CONFORMANCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROTO = os.path.join(os.path.dirname(CONFORMANCE), "proto")
NAMES = ("ask", "command", "event", "frame", "link", "policy", "relay", "session")


def _load() -> None:
    """With REMOTE_PEER_PROTO_DIR the modules are there already (made once for many runs)."""
    made = os.environ.get("REMOTE_PEER_PROTO_DIR")
    if made:
        sys.path.insert(0, made)
        return
    folder = tempfile.mkdtemp(prefix="remote-peer-")
    atexit.register(shutil.rmtree, folder, True)
    done = subprocess.run(
        ["protoc", "-I", PROTO, "-I", CONFORMANCE, "--python_out", folder, "harness.proto"]
        + ["remote/v1/%s.proto" % name for name in NAMES], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("peer: protoc failed:\n" + done.stderr)
    sys.path.insert(0, folder)


_load()
ask, command, event, frame, link, policy, relay, session = (
    importlib.import_module("remote.v1.%s_pb2" % name) for name in NAMES)
harness = importlib.import_module("harness_pb2")
FT = frame.FrameType


def message_class(name: str):
    """The class of e.g. "Event" or "remote.v1.Event"; None: there is none."""
    for module in (ask, command, event, frame, link, policy, relay, session):
        found = getattr(module, name.rsplit(".", 1)[-1], None)
        if found is not None and hasattr(found, "DESCRIPTOR"):
            return found
    return None


def _limits() -> dict[str, tuple[int | None, int | None]]:
    """Full name of a field to (bytes of one value, elements of a list)."""
    out = {}
    folder = os.path.join(PROTO, "remote", "v1")
    for name in NAMES:
        with open(os.path.join(folder, name + ".options")) as f:
            for line in f:
                found = re.match(r"(remote\.v1\.[\w.]+)\s+(\S.*)", line)
                if not found:
                    continue
                options = dict(o.split(":", 1) for o in found[2].split() if ":" in o)
                size = options.get("max_length", options.get("max_size"))
                count = options.get("max_count")
                if size or count:
                    out[found[1]] = (int(size) if size else None, int(count) if count else None)
    for carried in ("remote.v1.Frame.payload", "remote.v1.Batch.frame"):
        out.pop(carried, None)  # what a small decoder holds at a time is no limit of the protocol
    return out


LIMITS = _limits()
