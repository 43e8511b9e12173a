"""Reads stores and logs without any code of libremote: sqlite3, zlib and Python's protobuf. What
the programs say is held against this."""
import hashlib
import json
import os
import sqlite3
import struct
import sys
import zlib
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from runner import protos  # noqa: E402

KINDS = {"events": 1, "commands": 2}
COMPRESSED, SNAPSHOT = 1, 4
_event = None


def prepare(_build):
    """Makes the schema's classes: in a folder of this process, for others make theirs meanwhile."""
    global _event
    protos.load()
    from remote.v1 import event_pb2  # noqa: E402
    _event = event_pb2


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return value, at


def messages_of(payload, count, flags, inflated):
    if flags & COMPRESSED:
        payload = zlib.decompress(payload, -15)
        assert len(payload) == inflated, "inflated_bytes does not fit"
    out, at = [], 0
    while at < len(payload):
        size, at = varint(payload, at)
        out.append(payload[at:at + size])
        at += size
    assert len(out) == count, f"{len(out)} messages in a block of {count}"
    return out


def read_log(path, kind, session=None):
    """{first, end, epoch, messages} of the log of a session in a store file."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10, isolation_level=None)
    try:
        db.execute("BEGIN")  # one state of the file for all that is read
        rows = db.execute("SELECT place, epoch, first, end, session FROM log WHERE kind = ?", (KINDS[kind],)).fetchall()
        rows = [r for r in rows if session is None or bytes(r[4]).hex() == session]
        if not rows:
            return {"first": 0, "end": 0, "epoch": "", "messages": [], "snapshots": {}}
        assert len(rows) == 1, "more than one log"
        place, epoch, first, end, _ = rows[0]
        messages, snapshots, want = [], {}, first
        for offset, count, flags, inflated, payload in db.execute(
                "SELECT offset, count, flags, inflated_bytes, payload FROM block WHERE place = ? AND offset >= ?"
                " ORDER BY offset", (place, first)):
            assert offset == want, f"a hole before {offset}"
            messages += messages_of(payload, count, flags, inflated)
            if flags & SNAPSHOT:
                snapshots[offset] = count
            want = offset + count
        assert want == end or not messages, f"end is {end}, blocks reach to {want}"
        return {"first": first, "end": end, "epoch": bytes(epoch).hex(), "messages": messages, "snapshots": snapshots}
    finally:
        db.close()


def read_end(path, session):
    """The end of a session's events in a relay's store."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return next((end for end, name in db.execute("SELECT end, session FROM log WHERE kind = 1")
                     if bytes(name).hex() == session), 0)
    finally:
        db.close()


def digest(log, end):
    """SHA-256 over (offset, message) of everything below `end`, as remote-steer makes it: a snapshot
    block, which a reader that is there already passes, counts with its place only."""
    messages, snapshots = log["messages"], log["snapshots"]
    assert end <= len(messages), f"a reader is at {end}, the log ends at {len(messages)}"
    sha, offset = hashlib.sha256(), 0
    while offset < end:
        sha.update(struct.pack("<Q", offset))
        if offset in snapshots:
            sha.update(struct.pack("<Q", snapshots[offset]))
            offset += snapshots[offset]
        else:
            sha.update(messages[offset])
            offset += 1
    return sha.hexdigest()


def decode(messages):
    out = []
    for m in messages:
        e = _event.Event()
        e.ParseFromString(m)
        out.append(e)
    return out


def outcome_name(event):
    from remote.v1 import command_pb2
    return command_pb2.CommandOutcomeKind.Name(event.command_outcome.outcome).replace("COMMAND_OUTCOME_KIND_", "")


def outcomes(events):
    """{command id: [outcome names]}"""
    out = {}
    for e in events:
        if e.WhichOneof("body") == "command_outcome":
            out.setdefault(e.command_outcome.command_id.hex(), []).append(outcome_name(e))
    return out


def asks_of(events):
    opened = [e.ask_opened.ask.ask_id.hex() for e in events if e.WhichOneof("body") == "ask_opened"]
    resolved = Counter(e.ask_resolved.ask_id.hex() for e in events if e.WhichOneof("body") == "ask_resolved")
    return opened, resolved


def asks(log):
    return asks_of(decode(log["messages"]))


def ask_outcomes(events):
    from remote.v1 import ask_pb2
    return Counter(ask_pb2.AskOutcome.Name(e.ask_resolved.outcome).replace("ASK_OUTCOME_", "")
                   for e in events if e.WhichOneof("body") == "ask_resolved")


def agent_prompts(path):
    """{text: how often} of the session/prompt requests that an agent was given."""
    out = Counter()
    if os.path.exists(path):
        for line in open(path, "rb"):
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("method") == "session/prompt":
                out["".join(p.get("text", "") for p in message["params"]["prompt"])] += 1
    return out


def holds_command(path, command_id):
    """A committed COMMANDS block of the relay's store carries this id."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return any(command_id in bytes(payload) for (payload,) in db.execute(
            "SELECT b.payload FROM block b JOIN log l ON b.place = l.place WHERE l.kind = 2"))
    finally:
        db.close()


def mentions(path, wanted):
    """Any committed record or (inflated) event of a journal carries these bytes."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        for key, value in db.execute("SELECT key, value FROM record"):
            if wanted in bytes(key) or wanted in bytes(value):
                return True
        for flags, payload in db.execute("SELECT flags, payload FROM block"):
            payload = zlib.decompress(payload, -15) if flags & COMPRESSED else bytes(payload)
            if wanted in payload:
                return True
        return False
    finally:
        db.close()
