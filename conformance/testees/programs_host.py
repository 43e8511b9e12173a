"""Role HOST: `remote host`, with an ACP agent that says and hears what the runner wants. Its local
person types on its standard input. What the host tells nobody but the relay is read from the wire
(programs_bridge.py)."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

from testees.programs_bridge import Watch, commands_of, events_of
from testees.programs_carriers import Carriers, Unsupported

PROGRAM = os.path.join("tools", "cli", "remote")
AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs_agent.py")
OPTION_KINDS = {"ALLOW_ONCE": "allow_once", "ALLOW_ALWAYS": "allow_always",
                "REJECT_ONCE": "reject_once", "REJECT_ALWAYS": "reject_always"}
SETTLE_S = 0.04  # what was said is done after that long

# What the host says at its terminal when remote control ends, and the code that it means.
ENDINGS = ((re.compile(r"was deleted at the relay"), 3009),
           (re.compile(r"another process has taken over"), 3005),
           (re.compile(r"was replaced by a newer one"), 3004),
           (re.compile(r"not allowed by policy"), 3007),
           (re.compile(r"\((\d{4}) [A-Z_]+\)"), None),
           (re.compile(r"relay \S+: (\d{4}) "), None))


class Agent:
    """The other end of programs_agent.py: JSON-RPC, one line a message."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.sock: socket.socket | None = None
        self.rest = b""
        self.prompt_id = None  # of the session/prompt that is not answered yet
        self.asks: dict[int, str] = {}  # our request's id to the ask's id
        self.requests = 0
        self.ready = False

    def attach(self, sock: socket.socket) -> None:
        self.sock = sock
        self.host.carriers.watch(sock, self.readable)

    def readable(self) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.strip():
                self.heard(json.loads(line))

    def close(self) -> None:
        if self.sock is not None:
            self.host.carriers.forget(self.sock)
            self.sock.close()
            self.sock = None

    def say(self, message: dict) -> None:
        if self.sock is None:
            raise RuntimeError("the host runs no agent")
        self.sock.sendall(json.dumps(dict(message, jsonrpc="2.0")).encode() + b"\n")

    def update(self, **what) -> None:
        self.say({"method": "session/update", "params": {"sessionId": "s1", "update": what}})

    def request(self, method: str, params: dict) -> int:
        self.requests += 1
        self.say({"id": self.requests, "method": method, "params": dict(params, sessionId="s1")})
        return self.requests

    def heard(self, message: dict) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if method is None:
            self.answered(message)
        elif method == "initialize":
            self.say({"id": message["id"], "result": {
                "protocolVersion": 1, "agentInfo": {"name": "suite", "version": "1"},
                "agentCapabilities": {"loadSession": True}, "authMethods": []}})
        elif method in ("session/new", "session/load"):
            self.say({"id": message["id"], "result": dict(self.host.modes(), sessionId="s1")})
            self.host.announce()
            self.ready = True
        elif method == "session/prompt":
            self.prompt_id = message["id"]
            self.host.prompted("".join(b.get("text", "") for b in params["prompt"]))
        elif method == "session/cancel":
            self.host.acted("CANCEL", "cancel_turn")
        elif method == "session/set_mode":
            self.say({"id": message["id"], "result": {}})
            self.host.acted("SET_MODE", "set_mode", text=params["modeId"])
        elif method == "session/set_config_option":
            self.host.set_option(message["id"], params)
        elif "id" in message:
            self.say({"id": message["id"], "error": {"code": -32601, "message": "not offered"}})

    def answered(self, message: dict) -> None:
        ask = self.asks.pop(message.get("id"), None)
        if ask is None or "result" not in message:
            return
        result = message["result"]
        outcome = result.get("outcome") or {}
        if outcome.get("outcome") == "selected":
            self.host.carriers.tell("action", {"kind": "ANSWER", "ask": ask,
                                               "option": outcome["optionId"]})
        elif result.get("action") in ("accept", "decline"):
            self.host.carriers.tell("action", {"kind": "ANSWER", "ask": ask})


class Host:
    def __init__(self, build: str, folder: str, carriers: Carriers, config: dict) -> None:
        self.program = os.path.join(build, PROGRAM)
        self.folder = folder
        self.carriers = carriers
        self.config = config
        for name in ("window_bytes", "journal_bytes_max", "can_steer"):
            if name in config:
                raise Unsupported("remote host has no flag for %s" % name)
        if config.get("ready") is False:
            raise Unsupported("its agent is ready or not there")
        self.process: subprocess.Popen | None = None
        self.agent = Agent(self)
        self.session = ""
        self.output = ""
        self.told: dict[str, int] = {}  # by epoch: events below are told
        self.open_asks: dict[str, dict] = {}  # ask_id to the ask
        self.opened: list[str] = []  # asks in the order of AskOpened, not yet given to an act
        self.commands: list[tuple[str, str, dict]] = []  # delivered, not yet seen: id, kind, body
        self.local: list[str] = []  # prompts that were typed
        self.options: list[dict] = []
        self.remote_ended = False

    # ---- life ----

    def begin(self) -> None:
        self.listener = listen_tcp()
        self.agents = socket.socket(socket.AF_UNIX)
        self.agents.bind(os.path.join(self.folder, "agent"))
        self.agents.listen(4)
        self.carriers.watch(self.listener, lambda: self.carriers.dial(self.listener.accept()[0]))
        self.carriers.watch(self.agents, lambda: self.agent.attach(self.agents.accept()[0]))
        with open(os.path.join(self.folder, "token"), "w") as file:
            file.write(self.config.get("token", "token") + "\n")
        os.chmod(file.name, 0o600)
        safe = [s["name"] for s in self.config.get("slash", []) if s.get("remote")]
        words = [m["id"] for m in self.config.get("modes", []) if m.get("elevates")]
        with open(os.path.join(self.folder, "config.ini"), "w") as file:
            file.write("remote_safe_slash_commands = %s\nelevating_modes = %s\n" %
                       (" ".join(safe), " ".join(words)))
        os.mkdir(os.path.join(self.folder, "work"))
        self.spawn()
        self.carriers.wait(lambda: self.agent.ready and (
            self.carriers.dialled or self.mode() == "off"), 15, "remote host is there")
        self.session = os.listdir(self.sessions())[0]
        self.carriers.tell("tokens", {"id1": self.session})

    def mode(self) -> str:
        return self.config.get("remote_mode", "CONTROL").lower()

    def sessions(self) -> str:
        """Where the host keeps its sessions: the folder whose entries are their ids."""
        for base, folders, _ in os.walk(os.path.join(self.folder, "state")):
            if any(re.fullmatch("[0-9a-f]{32}", f) for f in folders):
                return base
        raise RuntimeError("remote host has made no session")

    def spawn(self) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("REMOTE_", "XDG_"))}
        env.update(HOME=self.folder, XDG_STATE_HOME=os.path.join(self.folder, "state"),
                   XDG_CONFIG_HOME=os.path.join(self.folder, "config"), NO_COLOR="1", TERM="dumb")
        argv = [self.program, "host", "--relay",
                "tcp://127.0.0.1:%d" % self.listener.getsockname()[1],
                "--remote=" + self.mode(), "--token-file", os.path.join(self.folder, "token"),
                "--config", os.path.join(self.folder, "config.ini")]
        if self.session:
            argv += ["--resume", self.session]
        argv += ["--", sys.executable, AGENT, os.path.join(self.folder, "agent")]
        self.log = open(os.path.join(self.folder, "host.log"), "ab")
        self.process = subprocess.Popen(argv, env=env, cwd=os.path.join(self.folder, "work"),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.carriers.watch(self.process.stdout, self.wrote)

    def wrote(self) -> None:
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            self.carriers.forget(self.process.stdout)
        self.log.write(data)
        *lines, self.output = (self.output + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self.line(line)

    def line(self, line: str) -> None:
        for pattern, code in ENDINGS:
            found = pattern.search(line)
            if found:
                self.carriers.tell("stopped", {"code": code or int(found.group(1))})
                return

    def kill(self) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        self.carriers.forget(self.process.stdout)
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()
        self.agent.close()
        self.process = None

    def end(self) -> None:
        self.kill()
        for sock in (self.listener, self.agents):
            self.carriers.forget(sock)
            sock.close()

    # ---- carriers ----

    def connected(self, number: int, refused: bool) -> None:
        sock = self.carriers.dialled.pop(number, None)
        if sock is None:
            return
        if refused:
            sock.close()
            return
        watch = Watch(self.seen)
        carrier = self.carriers.add(number, sock)
        carrier.inward = lambda data: watch.pass_on(False, data)
        carrier.outward = lambda data: watch.pass_on(True, data)
        self.watch = watch

    def seen(self, outward: bool, frame) -> None:
        if outward:
            epoch = self.watch.epochs.get(frame.channel, "")
            for offset, event in events_of(frame):
                if offset >= self.told.get(epoch, 0):
                    self.told[epoch] = offset + 1
                    self.happened(event)
            if frame.type == "GOAWAY" and self.remote_ended:
                self.remote_ended = False
                self.carriers.tell("action", {"kind": "END_REMOTE"})
        else:
            for command_id, command in commands_of(frame):
                (kind, body), = command.items() if command else (("", {}),)
                self.commands.append((command_id, kind, body))
                self.remote_ended = self.remote_ended or kind == "end_remote"

    def happened(self, event: dict) -> None:
        self.carriers.tell("event", event)
        if "ask_opened" in event:
            ask = event["ask_opened"]["ask"]
            self.open_asks[ask["ask_id"]] = ask
            self.opened.append(ask["ask_id"])
        if "ask_resolved" in event:
            self.open_asks.pop(event["ask_resolved"]["ask_id"], None)

    # ---- what the agent is told ----

    def modes(self) -> dict:
        modes = [{"id": m["id"], "name": m["id"]} for m in self.config.get("modes", [])]
        if not modes:
            return {}
        return {"modes": {"availableModes": modes, "currentModeId": modes[0]["id"]}}

    def announce(self) -> None:
        slash = [{"name": s["name"], "description": s["name"]}
                 for s in self.config.get("slash", [])]
        if slash:
            self.agent.update(sessionUpdate="available_commands_update", availableCommands=slash)

    def command_of(self, kind: str, fits=lambda body: True) -> str | None:
        for i, (command_id, its_kind, body) in enumerate(self.commands):
            if its_kind == kind and fits(body):
                del self.commands[i]
                return command_id
        return None

    def acted(self, kind: str, command_kind: str, **more) -> None:
        told = {"kind": kind, **more}
        command = self.command_of(command_kind)
        if command is not None:
            told["command"] = command
        self.carriers.tell("action", told)

    def prompted(self, text: str) -> None:
        told = {"kind": "PROMPT", "text": text}
        command = None
        if text in self.local:
            self.local.remove(text)
        else:
            command = self.command_of("submit_prompt", lambda b: b.get("text", "") == text)
            if command is None:
                command = self.command_of("run_slash_command", lambda b: text == "/" + " ".join(
                    filter(None, (b.get("name"), b.get("arguments")))))
                if command is not None:
                    told = {"kind": "SLASH", "text": text[1:]}
        if command is not None:
            told["command"] = command
        self.carriers.tell("action", told)

    def set_option(self, request_id, params: dict) -> None:
        for option in self.options:
            if option["id"] == params.get("configId"):
                option["currentValue"] = params.get("value")
        self.agent.say({"id": request_id, "result": {"configOptions": self.options}})
        self.acted("SET_OPTION", "set_config_option", option=params.get("configId"),
                   text=params.get("value"))

    # ---- requests ----

    def restart(self, how) -> None:
        if how.beside:
            raise Unsupported("a second host does not start on a session in use")
        if how.lose_everything:
            raise Unsupported("a host without its files has another session")
        self.kill()
        if how.back_to:
            source = os.path.join(self.folder, "copy-" + how.back_to)
            target = os.path.join(self.sessions(), self.session)
            shutil.rmtree(target)
            shutil.copytree(source, target)
        self.agent = Agent(self)
        for sock in self.carriers.dialled.values():
            sock.close()
        self.carriers.dialled.clear()
        self.carriers.poll(0.05)
        self.spawn()
        try:
            self.carriers.wait(lambda: self.agent.ready or self.process.poll() is not None, 20,
                               "remote host is there again")
        finally:
            if not self.agent.ready:
                with open(self.log.name, "rb") as file:
                    sys.stderr.write(file.read()[-2000:].decode("utf-8", "replace"))
        if not self.agent.ready:
            raise RuntimeError("remote host has ended: %d" % self.process.returncode)

    def copy(self, name: str) -> None:
        """Of a process that stands still: what is committed is in these files."""
        self.carriers.poll(SETTLE_S)
        self.process.send_signal(signal.SIGSTOP)
        try:
            shutil.copytree(os.path.join(self.sessions(), self.session),
                            os.path.join(self.folder, "copy-" + name), dirs_exist_ok=True)
        finally:
            self.process.send_signal(signal.SIGCONT)

    def act(self, name: str, members: dict) -> None:
        found = getattr(self, "act_" + name, None)
        if found is None:
            raise Unsupported("remote host cannot be told to %s" % name)
        found(members)
        self.carriers.poll(SETTLE_S)

    # ---- the local person ----

    def type(self, line: str) -> None:
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def act_prompt(self, members: dict) -> None:
        self.local.append(members["text"])
        self.type(members["text"])

    def act_cancel(self, members: dict) -> None:
        self.type("/cancel")

    def act_mode(self, members: dict) -> None:
        self.type("/mode " + members["value"])

    def act_remote(self, members: dict) -> None:
        words = {"OFF": "off", "VIEW": "view", "CONTROL": "on"}
        self.type("/remote " + words[members["mode"]])

    def act_answer(self, members: dict) -> None:
        ask = self.open_asks.get(members["ask"])
        if ask is None or len(self.open_asks) != 1:
            raise Unsupported("its terminal takes an answer for the one ask that is open")
        ids = [o["option_id"] for o in ask.get("options", [])]
        self.type(str(ids.index(members["option"]) + 1))

    # ---- the agent ----

    def act_turn_ended(self, members: dict) -> None:
        if self.agent.prompt_id is None:
            raise RuntimeError("no turn runs")
        prompt_id, self.agent.prompt_id = self.agent.prompt_id, None
        self.agent.say({"id": prompt_id, "result": {
            "stopReason": members.get("stop_reason", "end_turn")}})

    def act_auto_finish(self, members: dict) -> None:
        if not members.get("on", True):
            raise Unsupported("ACP has no way to take a prompt later")

    def act_delta(self, members: dict) -> None:
        delta = members["event"].get("assistant_delta")
        if delta is None:
            raise Unsupported("the agent says no such delta")
        self.agent.update(sessionUpdate="agent_message_chunk", messageId=delta["message_id"],
                          content={"type": "text", "text": delta["text"]})

    def act_emit(self, members: dict) -> None:
        (kind, body), = members["event"].items()
        found = getattr(self, "emit_" + kind, None)
        if found is None:
            raise Unsupported("the agent says no %s" % kind)
        found(body)

    def emit_notice(self, body: dict) -> None:
        self.agent.update(sessionUpdate="notice", severity="info", title=body["text"])

    def emit_tool_started(self, body: dict) -> None:
        tool = body["tool"]
        self.agent.update(sessionUpdate="tool_call", toolCallId=tool["tool_call_id"],
                          title=tool.get("title", "tool"), kind="execute", status="in_progress",
                          rawInput={"text": tool.get("input", {}).get("text", "")})

    def emit_tool_ended(self, body: dict) -> None:
        content = [{"type": "content", "content": {"type": "text", "text": c["text"]}}
                   for c in body.get("content", [])]
        self.agent.update(sessionUpdate="tool_call_update", toolCallId=body["tool_call_id"],
                          status=body["status"].lower(), content=content)

    def emit_modes_changed(self, body: dict) -> None:
        if "modes" in body:
            raise Unsupported("the agent's modes are those of its start")
        self.agent.update(sessionUpdate="current_mode_update",
                          currentModeId=body["current_mode_id"])

    def emit_config_options_changed(self, body: dict) -> None:
        self.options = [{"id": o["option_id"], "name": o.get("name", ""), "type": "select",
                         "currentValue": o["current_value"],
                         "options": [{"value": v["value"], "name": v.get("name", "")}
                                     for v in o["values"]]} for o in body["options"]]
        self.agent.update(sessionUpdate="config_option_update", configOptions=self.options)

    # ---- asks ----

    def act_ask(self, members: dict) -> None:
        ask = members["ask"]
        if "expires_ms" in ask:
            raise Unsupported("ACP's asks do not expire")
        before = len(self.opened)
        if "permission" in ask or "plan" in ask:
            request = self.permission(ask)
        elif "form" in ask:
            properties = {f["name"]: {"type": f.get("type", "STRING").lower(),
                                      "title": f.get("title", f["name"])}
                          for f in ask["form"].get("fields", [])}
            request = self.agent.request("elicitation/create", {
                "mode": "form", "message": ask["form"]["text"],
                "requestedSchema": {"type": "object", "properties": properties}})
        elif "open_url" in ask:
            request = self.agent.request("elicitation/create", {
                "mode": "url", "message": ask["open_url"]["text"], "url": ask["open_url"]["url"],
                "elicitationId": "e%d" % self.agent.requests})
        else:
            raise Unsupported("ACP has no such ask")
        try:
            self.carriers.wait(lambda: len(self.opened) > before, 3, "AskOpened")
        except RuntimeError:
            raise Unsupported("the id of an ask is seen on the wire only") from None
        self.agent.asks[request] = self.opened[-1]
        self.carriers.tell("asked", {"ask": self.opened[-1]})

    def permission(self, ask: dict) -> int:
        what = ask.get("permission") or ask["plan"]
        if what.get("one_time_only"):
            raise Unsupported("ACP knows no one_time_only")
        options = []
        for option in ask.get("options", []):
            kind = OPTION_KINDS.get(option.get("kind", "ALLOW_ONCE" if "plan" in ask else ""))
            if kind is None:
                raise Unsupported("ACP has no option of the kind %s" % option.get("kind"))
            options.append({"optionId": option["option_id"], "name": option["label"], "kind": kind})
        call = {"toolCallId": "ask-%d" % self.agent.requests, "kind": "execute",
                "title": what.get("title", "run it?"),
                "rawInput": {"command": what.get("command", "")}}
        if "plan" in ask:
            call.update(kind="switch_mode", title=what["summary"], rawInput={"plan": what["text"]})
        return self.agent.request("session/request_permission",
                                  {"toolCall": call, "options": options})

    def act_end_ask(self, members: dict) -> None:
        request = next((r for r, a in self.agent.asks.items() if a == members["ask"]), None)
        if request is None:
            return  # resolved already: it stays so
        if members.get("outcome", "WITHDRAWN") != "WITHDRAWN":
            raise Unsupported("an agent withdraws its asks")
        self.agent.say({"method": "$/cancel_request", "params": {"requestId": request}})


def listen_tcp() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(16)
    return sock
