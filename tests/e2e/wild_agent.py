#!/usr/bin/python3
"""An ACP agent of no known make: what it says in a turn is drawn from a seed. Much of it is right,
some of it is odd, some is wrong. It always answers a prompt in the end, unless it is told to die.

    wild_agent.py SEED LOG     (LOG gets a line for each prompt, answer and cancel that it was given)"""
import base64
import json
import random
import sys
import threading

seed, log = sys.argv[1], sys.argv[2]
dice = random.Random(seed)
lock = threading.Lock()
answers, answered = {}, threading.Condition()
cancelled = threading.Event()
session = dice.choice(["wild-1", "0", "Ünïcode ☃", "x" * 120])


def note(**facts):
    with lock, open(log, "a") as f:
        f.write(json.dumps(facts) + "\n")


def send(message):
    line = json.dumps(message, ensure_ascii=dice.random() < 0.5)
    with lock:
        sys.stdout.buffer.write(line.encode("utf-8", "surrogatepass") + b"\n")
        sys.stdout.flush()


def words(most=200):
    kinds = [
        lambda: "plain words " * dice.randrange(1, 8),
        lambda: "".join(chr(dice.randrange(1, 0x300)) for _ in range(dice.randrange(most))),
        lambda: "\x1b]52;c;aGk=\x07\x1b[2J\x1b[31mred\x1b[0m",
        lambda: "héllo ☃ 𝄞 " * dice.randrange(1, 20),
        lambda: "```c\nint main(void) {}\n```\n- one\n- two\n",
        lambda: "",
        lambda: "z" * dice.choice([1, 127, 128, 4096, 70000]),
        lambda: "line\n" * dice.randrange(300),
    ]
    return dice.choice(kinds)()


def wild_value(depth=0):
    """Something that no schema asks for."""
    return dice.choice([
        lambda: None, lambda: True, lambda: -1, lambda: 2 ** 63, lambda: 1e308, lambda: 0.1, lambda: words(20),
        lambda: [], lambda: {}, lambda: [None, 1, "x"],
        lambda: {"a": wild_value(depth + 1)} if depth < 30 else 0,
    ])()


def content():
    return dice.choice([
        lambda: {"type": "text", "text": words()},
        lambda: {"type": "image", "mimeType": "image/png", "data": base64.b64encode(b"\x89PNG" + bytes(dice.randrange(3000))).decode()},
        lambda: {"type": "image", "mimeType": words(10), "data": "not base64 !"},
        lambda: {"type": "audio", "mimeType": "audio/wav", "data": "UklGRg=="},
        lambda: {"type": "resource_link", "uri": "file:///x/" + words(20), "name": words(20)},
        lambda: {"type": "resource", "resource": {"uri": "file:///y", "text": words()}},
        lambda: {"type": "resource", "resource": {"uri": "file:///y", "blob": "AAAA"}},
        lambda: {"type": "hologram", "shape": wild_value()},
        lambda: wild_value(),
    ])()


def tool_content():
    return dice.choice([
        lambda: {"type": "content", "content": content()},
        lambda: {"type": "diff", "path": "/tmp/" + words(30), "oldText": dice.choice([None, words()]), "newText": words()},
        lambda: {"type": "terminal", "terminalId": "t1"},
        lambda: {"type": words(5)},
        lambda: wild_value(),
    ])()


def tool_fields(ident):
    fields = {"toolCallId": ident}
    for key, make in {
        "title": words, "kind": lambda: dice.choice(["read", "edit", "execute", "think", "switch_mode", "other", "knit"]),
        "status": lambda: dice.choice(["pending", "in_progress", "completed", "failed", "asleep"]),
        "content": lambda: [tool_content() for _ in range(dice.randrange(3))],
        "locations": lambda: [{"path": "/a/" + words(10), "line": dice.choice([0, 1, 2 ** 33, -4])}],
        "rawInput": lambda: dice.choice([{"command": words(50)}, {"command": ["ls", "-l"]}, wild_value()]),
        "rawOutput": lambda: dice.choice([{"output": words(), "exit_code": dice.randrange(-1, 300)}, wild_value()]),
        "_meta": lambda: dice.choice([{"terminal_output": {"terminal_id": "t1", "data": words()}},
                                      {"terminal_exit": {"terminal_id": "t1", "exit_code": 3}}, wild_value()]),
    }.items():
        if dice.random() < 0.5:
            fields[key] = make()
        if dice.random() < 0.04:
            fields[key] = wild_value()
    return fields


def tool_id():
    return dice.choice(["tool-1", "tool-2", "tool-3", "t" * 200, "", "☃", f"tool-{dice.randrange(50)}"])


def update():
    kind = dice.choice(["agent_message_chunk"] * 4 + ["agent_thought_chunk", "user_message_chunk", "tool_call", "tool_call",
                       "tool_call_update", "tool_call_update", "plan", "available_commands_update", "current_mode_update",
                       "config_option_update", "session_info_update", "usage_update", "no_such_update"])
    u = {"sessionUpdate": kind}
    if kind.endswith("chunk"):
        u["content"] = content()
        if dice.random() < 0.5:
            u["messageId"] = dice.choice(["m1", "m2", "m" * 300, 7])
    elif kind.startswith("tool_call"):
        u |= tool_fields(tool_id())
    elif kind == "plan":
        u["entries"] = [{"content": words(40), "priority": dice.choice(["high", "low", "?"]),
                         "status": dice.choice(["pending", "in_progress", "completed", 4])}
                        for _ in range(dice.choice([0, 1, 3, 300]))]
    elif kind == "available_commands_update":
        u["availableCommands"] = [{"name": words(20), "description": words(60), "input": dice.choice([None, {"hint": "x"}])}
                                  for _ in range(dice.randrange(5))]
    elif kind == "current_mode_update":
        u["currentModeId"] = dice.choice(["ask", "code", "no such mode", 5])
    elif kind == "config_option_update":
        u["configOptions"] = dice.choice([[], wild_value(), [{"id": "model", "name": "Model", "type": "select",
                                          "currentValue": "a", "options": [{"value": "a", "name": "A"}]}]])
    elif kind == "usage_update":
        u |= {"used": dice.choice([1, 2 ** 53, -5, "9"]), "size": 1000}
    else:
        u |= {"title": words(30), "anything": wild_value()}
    if dice.random() < 0.05:
        u = wild_value()
    send({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": session, "update": u}})


next_id = [dice.choice([0, 1, 2 ** 40])]


def request(method, params):
    """Sends one and waits for its answer, a cancel, or not at all."""
    next_id[0] += 1
    ident = dice.choice([next_id[0], f"id-{next_id[0]}"])
    send({"jsonrpc": "2.0", "id": ident, "method": method, "params": params})
    return ident


def wait_answer(ident):
    with answered:
        answered.wait_for(lambda: ident in answers or cancelled.is_set(), 60)
        return answers.get(ident)


def permission():
    kinds = ["allow_once", "allow_always", "reject_once", "reject_always"]
    dice.shuffle(kinds)
    options = [{"optionId": f"o{i}" if dice.random() < 0.9 else words(10), "name": words(20), "kind": k}
               for i, k in enumerate(kinds[:dice.randrange(1, 5)])]
    ident = request("session/request_permission", {"sessionId": session, "toolCall": tool_fields(tool_id()), "options": options})
    offered = [o["optionId"] for o in options]
    if dice.random() < 0.1:  # forgotten, or taken back
        if dice.random() < 0.5:
            send({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"requestId": ident}})
        return
    answer = wait_answer(ident)
    note(permission=offered, answer=answer)


def odd_request():
    method = dice.choice(["fs/read_text_file", "fs/write_text_file", "terminal/create", "elicitation/create", "no/such/method",
                          "session/request_permission", ""])
    wait_answer(request(method, dice.choice([{"sessionId": session, "path": "/etc/passwd"}, wild_value(), {}])))


def nonsense():
    line = dice.choice([b"not json", b"[]", b"{}", b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"2.0","id":99999,"result":{}}', b"\xff\xfe",
                        b'{"jsonrpc":"2.0","id":null,"method":"session/update"}', b"", b"\x00", b"[" * 5000])
    with lock:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.flush()


def turn(ident):
    for _ in range(dice.randrange(3, 40)):
        if cancelled.is_set():
            break
        dice.choices([update, permission, odd_request, nonsense], [30, 3, 1, 2])[0]()
    if cancelled.is_set():
        reason = "cancelled"
    else:
        reason = dice.choice(["end_turn"] * 6 + ["max_tokens", "refusal", "tired"])
    if dice.random() < 0.1:
        send({"jsonrpc": "2.0", "id": ident, "error": {"code": -32603, "message": words(60), "data": wild_value()}})
    else:
        send({"jsonrpc": "2.0", "id": ident, "result": dice.choice([{"stopReason": reason}, {"stopReason": reason, "usage": wild_value()}])})
    for _ in range(dice.randrange(3)):  # some go on talking
        update()


def turn_in_any_case(ident):
    try:
        turn(ident)
    except Exception as e:  # a mistake here must not look like one of the host
        note(mistake=repr(e))
        send({"jsonrpc": "2.0", "id": ident, "result": {"stopReason": "end_turn"}})


def main():
    for line in sys.stdin:
        m = json.loads(line)
        method, ident = m.get("method"), m.get("id")
        if method is None:
            with answered:
                answers[ident] = m.get("result", m.get("error"))
                answered.notify_all()
        elif method == "initialize":
            send({"jsonrpc": "2.0", "id": ident, "result": {"protocolVersion": 1, "agentInfo": {"name": words(20), "version": words(5)},
                  "agentCapabilities": dice.choice([{"loadSession": False}, {"promptCapabilities": {"image": True}}, wild_value()])}})
        elif method == "session/new":
            result = {"sessionId": session}
            if dice.random() < 0.5:
                result["modes"] = dice.choice([{"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "code", "name": words(9)}]}, wild_value()])
            if dice.random() < 0.3:
                result["configOptions"] = wild_value()
            send({"jsonrpc": "2.0", "id": ident, "result": result})
        elif method == "session/prompt":
            note(prompt="".join(p.get("text", "") for p in m["params"]["prompt"]))
            cancelled.clear()
            threading.Thread(target=turn_in_any_case, args=(ident,), daemon=True).start()
        elif method == "session/cancel":
            note(cancel=True)
            cancelled.set()
            with answered:
                answered.notify_all()
        elif ident is not None:
            send({"jsonrpc": "2.0", "id": ident, "error": {"code": -32601, "message": "not here"}})


main()
