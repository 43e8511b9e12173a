#!/usr/bin/python3
"""An ACP agent that behaves badly on demand: fake_agent.py BEHAVIOUR. The rest of it is a plain
agent that says back what it is told."""
import json
import os
import signal
import subprocess
import sys
import time

behaviour = sys.argv[1] if len(sys.argv) > 1 else "plain"


def send(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def say(session, text):
    send(method="session/update", params={"sessionId": session, "update": {
        "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}})


if behaviour == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
if behaviour == "exit":
    print("no model configured", file=sys.stderr)
    sys.exit(7)
if behaviour == "stubborn":  # does not leave when stdin closes, nor on TERM, and has a child
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    with open(sys.argv[2], "w") as f:
        f.write(f"{os.getpid()} {child.pid}")

signed_in = False


def note(text):
    """For the test: FAKE_AGENT_NOTES names a file."""
    if "FAKE_AGENT_NOTES" in os.environ:
        with open(os.environ["FAKE_AGENT_NOTES"], "a") as notes:
            notes.write(text + "\n")


forgotten = []  # prompts that were not answered

for line in sys.stdin:
    m = json.loads(line)
    method, params, ident = m.get("method"), m.get("params", {}), m.get("id")
    if behaviour == f"silent:{method}":
        continue
    if behaviour == f"die:{method}":
        print("I cannot go on", file=sys.stderr)
        os.kill(os.getpid(), signal.SIGKILL)
    if behaviour == f"wrong:{method}":  # a result of another shape than any
        send(id=ident, result=[1, {"sessionId": 7, "protocolVersion": "one"}])
        continue
    if behaviour == f"twice:{method}" and ident is not None:
        send(id=ident, error={"code": -32603, "message": "not this time"})
    if method == "initialize":
        send(id=ident, result={
            "protocolVersion": 1, "agentInfo": {"name": "fake", "version": "1"},
            "authMethods": [{"id": "browser", "name": "Browser"},
                            {"id": "key", "name": "API key", "type": "env_var", "vars": [{"name": "FAKE_KEY"}]}],
            "agentCapabilities": {"sessionCapabilities": {"close": {}, "additionalDirectories": {}}}})
    elif method == "authenticate":
        signed_in = params["methodId"] == "browser"
        send(id=ident, **({"result": {}} if signed_in else {"error": {"code": -32603, "message": "no key"}}))
    elif method == "session/close":
        note("closed " + params["sessionId"])
        send(id=ident, result={})
    elif method == "session/new":
        note(json.dumps({k: params[k] for k in ("mcpServers", "additionalDirectories") if k in params}))
        if behaviour == "sign-in" and not signed_in:
            send(id=ident, error={"code": -32000, "message": "Authentication required"})
        else:
            send(id=ident, result={"sessionId": "fake-1"})
    elif method == "session/prompt":
        text = params["prompt"][0]["text"]
        if text == "silent":
            forgotten.append(ident)
            continue
        if text == "late":  # the answers of all prompts, one too late each
            for late in [*forgotten, ident]:
                send(id=late, result={"stopReason": "end_turn"})
            continue
        if text == "stderr":
            for i in range(12):
                sys.stderr.write(("e" * 1023 + "\n") * 1024)
        if text == "garbage":
            sys.stdout.flush()
            sys.stdout.buffer.write(b"\xff\xfe\x00{\"jsonrpc\": \xc3\n\n{\"jsonrpc\":\"2.0\",\"id\":\n\xe2\x82")
            sys.stdout.buffer.write(b"\n" + json.dumps({"jsonrpc": "2.0", "id": 999, "result": {}}).encode() + b"\n")
            sys.stdout.buffer.flush()
        if text.startswith("raw "):
            say("fake-1", text[4:].encode().decode("unicode_escape"))
        elif text == "flood":
            for i in range(20000):
                say("fake-1", f"line {i} of a flood that does not end soon\n")
        else:
            say("fake-1", "you said: " + text)
        if text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        send(id=ident, result={"stopReason": "end_turn"})
    elif method == "session/cancel":
        pass
    elif ident is not None and method:
        send(id=ident, error={"code": -32601, "message": "no"})
if behaviour == "stubborn":
    time.sleep(600)
