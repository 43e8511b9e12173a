#!/usr/bin/python3
"""An agent of a record (tests/fixtures/acp): says what a real one said over ACP, in that order.

    replayed_agent.py FILE

A request is answered as it was then, with what came before and after the answer; where the agent had asked or was
cancelled, it goes on when that has happened again. A prompt plays the first recorded turn that was not played yet and
whose prompt begins with its words. The recorded folder is this session's."""
import json
import queue
import sys
import threading

record = [e for e in map(json.loads, open(sys.argv[1])) if e["p"] == 1 and isinstance(e.get("msg"), dict)]
came, early = queue.Queue(), []
folder = next(e["msg"]["params"]["cwd"] for e in record if e["msg"].get("method") == "session/new")
here, played = folder, set()


def read():
    for line in sys.stdin:
        came.put(json.loads(line))
    came.put(None)


def take(wanted):
    """The next message that is wanted; others wait."""
    for i, m in enumerate(early):
        if wanted(m):
            return early.pop(i)
    while True:
        m = came.get()
        if m is None:
            sys.exit(0)
        if wanted(m):
            return m
        early.append(m)


def say(message):
    print(json.dumps(message, ensure_ascii=False).replace(folder, here), flush=True)


def words(params):
    return "".join(b.get("text", "") for b in params.get("prompt", []))


def begins(asked):
    """Where in the record that request stands."""
    method, params = asked["method"], asked.get("params") or {}
    same = [i for i, e in enumerate(record) if e["dir"] == "c2a" and e["msg"].get("method") == method and i not in played]
    if method == "session/prompt":
        typed = words(params).strip().replace(here, folder)
        return next((i for i in same if words(record[i]["msg"]["params"]).startswith(typed)), None)
    return same[0] if same else None


def play(asked, at):
    played.add(at)
    ident = record[at]["msg"]["id"]
    for e in record[at + 1:]:
        m = e["msg"]
        if e["dir"] == "a2c":
            answers = "method" not in m and m.get("id") == ident
            say({**m, "id": asked["id"]} if answers else m)
        elif m.get("method") == "session/cancel":
            take(lambda c: c.get("method") == "session/cancel")
        elif "method" in m:
            return
        else:
            take(lambda c: "method" not in c and c.get("id") == m["id"])


threading.Thread(target=read, daemon=True).start()
while True:
    asked = take(lambda m: "method" in m and "id" in m)
    if asked["method"] == "session/new":
        here = asked["params"]["cwd"]
    where = begins(asked)
    if where is None:
        say({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "not in the record"}})
    else:
        play(asked, where)
