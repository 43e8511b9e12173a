#!/usr/bin/python3
"""An ACP agent with two modes and an option that opens its session only when a file is there:
slow_agent.py FILE [MODE]. With FILE.dead it exits instead. It remembers nothing, so it can load anything."""
import json
import os
import sys
import time

gate = sys.argv[1]
forgets_into = sys.argv[2] if len(sys.argv) > 2 else "default"  # its mode after session/load
MODES = {"currentModeId": "default", "availableModes": [{"id": "default", "name": "Default"}, {"id": "plan", "name": "Plan"},
                                                           {"id": "yolo", "name": "Yolo"}]}
OPTION = {"id": "effort", "name": "Effort", "type": "select", "currentValue": "low",
          "options": [{"value": "low", "name": "Low"}, {"value": "high", "name": "High"}]}


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


for line in sys.stdin:
    m = json.loads(line)
    method, params, ident = m.get("method"), m.get("params", {}), m.get("id")
    if method == "initialize":
        send(id=ident, result={"protocolVersion": 1, "agentInfo": {"name": "slow", "version": "1"},
                               "agentCapabilities": {"loadSession": True}})
    elif method in ("session/new", "session/load"):
        while not os.path.exists(gate):
            if os.path.exists(gate + ".dead"):
                sys.exit(3)
            time.sleep(0.02)
        if method == "session/load":
            MODES["currentModeId"] = forgets_into
        send(id=ident, result={"sessionId": "slow-1", "modes": MODES, "configOptions": [OPTION]})
    elif method == "session/set_mode":
        MODES["currentModeId"] = params["modeId"]
        send(id=ident, result={})
    elif method == "session/set_config_option":
        OPTION["currentValue"] = params["value"]
        send(id=ident, result={"configOptions": [OPTION]})
    elif method == "session/prompt":
        send(method="session/update", params={"sessionId": "slow-1", "update": {
            "sessionUpdate": "agent_message_chunk",
            "content": {"type": "text", "text": f"{MODES['currentModeId']} {OPTION['currentValue']}"}}})
        send(id=ident, result={"stopReason": "end_turn"})
