#!/usr/bin/python3
"""Makes a fixture for the replay test of what drive.py --record kept.

    fixture.py RECORD > tests/fixtures/acp/NAME.ndjson

Kept: the first process, and the second up to the first that it is asked after session/load. Paths of the machine become /home/user,
lists of slash commands are cut to their first four, and one that is announced again is left out."""
import json
import re
import sys

FOLDERS = [(re.compile(r"/tmp/remote-e2e-agent-\w+-\w+/agent-home"), "/home/user"),
           (re.compile(r"/tmp/remote-e2e-agent-\w+-\w+(/work)?"), "/home/user/src"),
           (re.compile(r"/\S*?/build/agents/\w+"), "/usr/lib/agent"),
           (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:4000")]


def scrub(value):
    if isinstance(value, str):
        for pattern, word in FOLDERS:
            value = pattern.sub(word, value)
        return value
    if isinstance(value, list):
        return [scrub(v) for v in value]
    if isinstance(value, dict):
        return {scrub(k): scrub(v) for k, v in value.items()}
    return value


def shorten(update, seen):
    """False: nothing new in it."""
    if update.get("sessionUpdate") != "available_commands_update":
        return True
    update["availableCommands"] = update["availableCommands"][:4]
    update.pop("_meta", None)
    for command in update["availableCommands"]:
        command.pop("_meta", None)
    return seen.setdefault("commands", None) is None and not seen.update(commands=True)


def main(path):
    seen, loaded = {}, False
    with open(path) as f:
        for line in f:
            e = json.loads(line)
            m = e.get("msg")
            if e["p"] > 2 or not isinstance(m, dict):
                continue
            e["msg"] = m = scrub(m)
            if not shorten(m.get("params", {}).get("update") or {}, seen):
                continue
            if loaded and e["dir"] == "c2a":
                return
            print(json.dumps(e, ensure_ascii=False, separators=(",", ":")))
            loaded = loaded or e["p"] == 2 and m.get("method") in ("session/load", "session/resume")


if __name__ == "__main__":
    main(sys.argv[1])
