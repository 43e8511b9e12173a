"""Every limit of a link message has its vectors at n-1, n and n+1, and no vector is of another."""
import json
import pathlib
import re

from vectors import FOLDER

FILES = ("link", "relay", "policy")
SIZES = {"max_length": "bytes", "max_size": "bytes", "max_count": "count"}


def stated(proto_root):
    """(message, field, what, limit) of the .options files."""
    out = set()
    for name in FILES:
        text = (pathlib.Path(proto_root) / "remote" / "v1" / f"{name}.options").read_text()
        for message, field, rest in re.findall(r"^remote\.v1\.(\w+)\.(\w+) (.*)$", text, re.M):
            for option, value in re.findall(r"(max_\w+):(\d+)", rest):
                out.add((message, field, SIZES[option], int(value)))
    return out


def report(proto_root):
    """Prints which vectors are missing or superfluous; their number."""
    ids = {v["id"]: v["verdict"]
           for v in json.loads((FOLDER / "vectors" / "message.json").read_text())}
    expected = {}
    for message, field, what, limit in stated(proto_root):
        for n in (limit - 1, limit, limit + 1):
            id = f"message-{message}-{field}-{what}-{n}".lower().replace("_", "-")
            expected[id] = "take" if n <= limit else "refuse"
    wrong = [f"limits: {id}: {'no such vector' if id not in ids else 'says ' + ids[id]}"
             for id, verdict in sorted(expected.items()) if ids.get(id) != verdict]
    for id in sorted(ids.keys() - expected.keys()):
        if re.search(r"-(bytes|count)-\d+$", id):
            wrong.append(f"limits: {id}: the schema has no such limit")
    print("\n".join([*wrong, f"limits: {len(expected) // 3} limits, {len(wrong)} faults"]))
    return len(wrong)
