#!/usr/bin/python3
"""An ACP agent that says secrets in every place it has words for: leaky_agent.py SEED. Prompts: "say"
(messages, thoughts, tools, plans and the rest), "ask" (permission), "form", "fail", "die"."""
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from secret_kinds import Maker  # noqa: E402

seed = int(sys.argv[1])
secrets = Maker(seed).all()
cuts = random.Random(seed)
everything = "".join(f"line {i} ({name}): {before}{secret}{after} end\n"
                     for i, (name, before, secret, after) in enumerate(secrets))
short = [f"{before}{secret}{after}".strip() for _, before, secret, after in secrets]
pending = {}
prompt_id = None


def send(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(what, **fields):
    send(method="session/update", params={"sessionId": "s", "update": {"sessionUpdate": what, **fields}})


def text(value):
    return {"type": "text", "text": value}


def pieces(value, longest):
    at = 0
    while at < len(value):
        n = cuts.randint(1, longest)
        yield value[at:at + n]
        at += n


def say():
    for longest in (1, 7, 60, 4000):
        for kind in ("agent_message_chunk", "agent_thought_chunk"):
            for piece in pieces(everything, longest) if longest > 1 else pieces(everything[:2500], 1):
                update(kind, messageId=f"{kind}-{longest}", content=text(piece))
    for i, (name, before, secret, after) in enumerate(secrets):
        whole = f"{before}{secret}{after}"
        tool = f"call-{i}"
        update("tool_call", toolCallId=tool, title=f"run {whole}", kind="execute" if i % 2 else "edit", status="pending",
               rawInput={"command": f"echo {whole}", "password": secret, "env": [{"name": "API_TOKEN", "value": secret}],
                         "nested": {"deep": [whole, {"api_key": secret}]}},
               locations=[{"path": f"/tmp/{whole.strip()}".replace("\n", "")[:900]}])
        for piece in pieces(whole + "\nmore output\n", 9):
            update("tool_call_update", toolCallId=tool, _meta={"terminal_output_delta": {"data": piece}})
        content = [{"type": "content", "content": text(f"so {whole}")},
                   {"type": "diff", "path": "/tmp/a.env", "oldText": f"old {whole}\n", "newText": f"new\n{whole}\n"},
                   {"type": "content", "content": {"type": "resource_link", "uri": f"file:///x?{whole}", "name": whole}}]
        update("tool_call_update", toolCallId=tool, status="completed" if i % 3 else "failed", content=content,
               rawOutput={"stdout": whole, "secret": secret})
    filler = "0123456789abcdef" * 4000
    long_text = "".join(filler[:cuts.randint(100, 70000)] + " \n" + f"{b}{s}{a}" + "\n" for _, b, s, a in secrets[:12])
    update("tool_call", toolCallId="long", title="long", kind="read", status="completed", rawInput={"all": long_text},
           content=[{"type": "content", "content": text(long_text)},
                    {"type": "diff", "path": "/tmp/long", "oldText": None, "newText": long_text}])
    update("agent_message_chunk", content={"type": "resource", "resource": {
        "uri": "file:///tmp/.env", "mimeType": "text/plain", "text": long_text}})
    update("agent_message_chunk", content={"type": "resource", "resource": {
        "uri": "file:///tmp/x.json", "mimeType": "application/json", "text": json.dumps({"secret": short})}})
    update("plan", entries=[{"content": s[:800], "priority": "high", "status": "pending"} for s in short])
    update("available_commands_update", availableCommands=[
        {"name": f"c{i}", "description": s[:300], "input": {"hint": s[:200]}} for i, s in enumerate(short)])
    update("session_info_update", title=f"about {short[0]}")
    update("something_new", words=short, password="hunter2-" + secrets[0][2][-12:])
    send(method="_vendor/thing", params={"all": everything})
    for s in short:
        print("stderr says", s, file=sys.stderr)


for line in sys.stdin:
    m = json.loads(line)
    method, params, ident = m.get("method"), m.get("params", {}), m.get("id")
    if method == "initialize":
        send(id=ident, result={"protocolVersion": 1, "agentInfo": {"name": "leaky", "version": "1"}})
    elif method == "session/new":
        send(id=ident, result={"sessionId": "s", "modes": {"currentModeId": "m", "availableModes": [
            {"id": "m", "name": "mode", "description": short[3]}]}, "configOptions": [
                {"id": "o", "name": "option", "description": short[4], "type": "select", "currentValue": "a",
                 "options": [{"value": "a", "name": short[5]}]}]})
    elif method == "session/prompt":
        words = params["prompt"][0]["text"]
        prompt_id = ident
        if words.startswith("say"):
            say()
            send(id=ident, result={"stopReason": "end_turn"})
        elif words.startswith("ask"):
            send(id=901, method="session/request_permission", params={
                "sessionId": "s", "options": [
                    {"optionId": "yes", "name": f"Allow {short[1]}", "kind": "allow_once"},
                    {"optionId": "no", "name": "No", "kind": "reject_once"}],
                "toolCall": {"toolCallId": "asked", "title": f"run {short[2]}", "kind": "execute",
                             "rawInput": {"command": "\n".join(short), "token": secrets[6][2]}}})
        elif words.startswith("form"):
            send(id=902, method="elicitation/create", params={
                "sessionId": "s", "mode": "form", "message": f"Which one? {short[7]}", "requestedSchema": {
                    "type": "object", "properties": {
                        "password": {"type": "string", "title": f"Password, not {short[8]}",
                                     "description": short[9], "default": short[10]}}, "required": ["password"]}})
        elif words.startswith("fail"):
            send(id=ident, error={"code": -32000, "message": f"it failed: {short[11]} and {short[30]}"})
        elif words.startswith("die"):
            sys.exit(3)
        else:
            update("agent_message_chunk", content=text("got " + words))
            send(id=ident, result={"stopReason": "end_turn"})
    elif ident in (901, 902) and not method:
        with open(sys.argv[2], "a") as log:
            log.write(json.dumps(m) + "\n")
        send(id=prompt_id, result={"stopReason": "end_turn"})
    elif ident is not None and method:
        send(id=ident, error={"code": -32601, "message": "no"})
