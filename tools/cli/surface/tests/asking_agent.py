#!/usr/bin/python3
"""An ACP agent for surfaces: `asks N` opens N permissions at once, `lines N` says N lines a piece at
a time, `flood N` says them as fast as it can, `form` asks
for three fields, `hostile` puts what terminals obey into every text."""
import json
import sys
import time

HOSTILE = ("a\x1b[2J\x1b[1;1H\x1b]0;owned\x07\x1b]52;c;eHh4\x07\x1bP+q\x1b\\\x9b31m\x1b[?1049h\x1b[6n"
           "\x1b[201~\x08\x0e\x00\u202e\u2066\u200b\u2028\r\x1b7\x1b8\x1bc\x7fz")
asked = {}
waiting = {}


def send(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(session, **fields):
    send(method="session/update", params={"sessionId": session, "update": fields})


def say(session, text, kind="agent_message_chunk"):
    update(session, sessionUpdate=kind, content={"type": "text", "text": text})


def ask(session, ident, title, command):
    send(id=ident, method="session/request_permission", params={
        "sessionId": session,
        "toolCall": {"toolCallId": f"tool-{ident}", "title": title, "kind": "execute",
                     "rawInput": {"command": command}},
        "options": [{"optionId": "yes", "name": f"Yes {title}", "kind": "allow_once"},
                    {"optionId": "no", "name": f"No {title}", "kind": "reject_once"}]})


def hostile(session):
    say(session, HOSTILE, "agent_thought_chunk")
    update(session, sessionUpdate="tool_call", toolCallId="h" + HOSTILE[:3], title=HOSTILE, kind="execute",
           status="in_progress", rawInput={"command": HOSTILE}, locations=[{"path": HOSTILE}])
    update(session, sessionUpdate="tool_call_update", toolCallId="h" + HOSTILE[:3], status="completed",
           content=[{"type": "content", "content": {"type": "text", "text": HOSTILE}},
                    {"type": "diff", "path": HOSTILE, "oldText": HOSTILE, "newText": HOSTILE + HOSTILE}])
    update(session, sessionUpdate="plan", entries=[{"content": HOSTILE, "priority": "high", "status": "pending"}])
    update(session, sessionUpdate="available_commands_update",
           availableCommands=[{"name": HOSTILE, "description": HOSTILE}])
    say(session, HOSTILE)


def prompt(session, ident, text):
    word, _, rest = text.partition(" ")
    if word in ("asks", "lines", "flood") and not rest.isdecimal():
        word = ""
    if word == "asks":
        for n in range(int(rest)):
            request = f"{ident}-{n}"
            asked[request] = (session, ident)
            ask(session, request, f"thing {n}", f"echo {n}")
        waiting[ident] = int(rest)
        return
    if word == "lines":
        for n in range(int(rest)):
            for piece in (f"line {n} ", "of ", "words\n"):
                say(session, piece)
                time.sleep(0.003)
    elif word == "flood":
        for n in range(int(rest)):
            say(session, f"flood line {n} of a terminal that nobody reads, with some more words to make it long\n")
    elif word == "form":
        asked[f"{ident}-f"] = (session, ident)
        waiting[ident] = 1
        send(id=f"{ident}-f", method="elicitation/create", params={
            "sessionId": session, "mode": "form", "message": "Who are you?",
            "requestedSchema": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "age": {"type": "integer"}, "sure": {"type": "boolean"}}}})
        return
    elif word == "hostile":
        hostile(session)
        asked[f"{ident}-h"] = (session, ident)
        waiting[ident] = 1
        ask(session, f"{ident}-h", HOSTILE, HOSTILE)
        return
    else:
        say(session, f"you said {text.count(chr(10)) + 1} lines: {text}")
    send(id=ident, result={"stopReason": "end_turn"})


def answer(m):
    session, ident = asked.pop(m["id"])
    result = m.get("result", {})
    outcome = result.get("outcome", {})
    if "action" in result:
        content = json.dumps(result["content"], sort_keys=True) if result["action"] == "accept" else result["action"]
        say(session, f"form {content}\n")
    else:
        say(session, f"{m['id']} {outcome.get('optionId', outcome.get('outcome'))}\n")
    waiting[ident] -= 1
    if waiting[ident] == 0:
        cancelled = outcome.get("outcome") == "cancelled"
        send(id=ident, result={"stopReason": "cancelled" if cancelled else "end_turn"})


for line in sys.stdin:
    m = json.loads(line)
    method, params, ident = m.get("method"), m.get("params", {}), m.get("id")
    if method == "initialize":
        send(id=ident, result={"protocolVersion": 1, "agentInfo": {"name": "asking", "version": "1"}})
    elif method == "session/new":
        send(id=ident, result={"sessionId": "s"})
    elif method == "session/prompt":
        prompt(params["sessionId"], ident, params["prompt"][0]["text"])
    elif method is None and ident in asked:
        answer(m)
    elif ident is not None and method is not None:
        send(id=ident, error={"code": -32601, "message": "no such method"})
