"""Role CLIENT: `remote watch --json`, or, for a case that has its one command in its configuration,
`remote send` and the like. Their lines are told as docs/cli-json.md says what they mean. They find
their session by the list of the relay, which is answered here: which session it is is no part of a
case. Each command is a program of its own with its own link, so a case that submits later is not
one for these."""
import base64
import json
import os
import re
import signal
import subprocess

from runner import messages, protos, wire
from testees.programs_carriers import Carrier, Carriers, Unsupported
from testees.programs_host import listen_tcp

PROGRAM = os.path.join("tools", "cli", "remote")
STARTS = {"RESUME": "snapshot", "SNAPSHOT": "snapshot", "BEGINNING": "start", "LIVE": "live"}


def as_told(descriptor, value: dict) -> dict:
    """A message as the client prints it, as the suite has it: enums in capitals, bytes in hex."""
    out = {}
    for name, item in value.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            out[name] = item
        elif isinstance(item, list):
            out[name] = [one_told(field, i) for i in item]
        else:
            out[name] = one_told(field, item)
    return out


def one_told(field, item):
    if field.message_type is not None:
        return as_told(field.message_type, item)
    if field.enum_type is not None and isinstance(item, str):
        return item.upper()
    if field.type == field.TYPE_BYTES and isinstance(item, dict):
        return base64.b64decode(item["base64"]).hex()
    if field.type == field.TYPE_BYTES and not re.fullmatch("[0-9a-f]{32}", item):
        return item.encode().hex()
    if field.type in (field.TYPE_UINT64, field.TYPE_INT64) and isinstance(item, str):
        return int(item)
    return item


def words_of(submit: list[dict]) -> list[str]:
    """The command line that submits this one command, and prints what becomes of it."""
    if len(submit) != 1:
        raise Unsupported("the terminal client sends each command from a process of its own")
    if submit[0].get("ttl_ms"):
        raise Unsupported("remote has no flag for how long a command lives")
    (kind, body), = submit[0]["command"].items()
    if kind == "submit_prompt":
        steer = ["--steer"] if body.get("delivery") == "STEER" else []
        return ["send", "--json", "--wait", *steer, body["text"]]
    if kind == "cancel_turn" and not body:
        return ["cancel", "--json"]
    if kind == "set_title":
        return ["rename", "--json", body["title"]]
    if kind == "set_mode":
        return ["mode", "--json", body["mode_id"]]
    if kind == "answer_ask":
        return ["answer", "--json-lines", body["ask_id"], body["answer"]["option_id"]]
    raise Unsupported("remote has no command that sends exactly this")


class Calls:
    """Takes the client's REQUESTs out of what it writes, and answers them."""

    def __init__(self, client: "Client", carrier: Carrier) -> None:
        self.client = client
        self.carrier = carrier
        self.stream = wire.FrameStream()

    def outward(self, data: bytes) -> bytes:
        out = b""
        for raw in self.stream.feed(data):
            frame = messages.decode("Frame", raw)
            if frame is not None and frame.type == 20:
                self.answer(frame)
            else:
                out += wire.batch(raw)
        return out

    def answer(self, frame) -> None:
        request = messages.decode("Request", frame.payload)
        listed = messages.encode("Reply", {"id": request.id, "more": True, "session": {
            "session_id": self.client.session, "description": {"title": "suite"},
            "status": {"host_attached": True}}})
        done = messages.encode("Reply", {"id": request.id, "done": {}})
        replies = [listed, done] if request.WhichOneof("call") == "list_sessions" else [done]
        frame_class = protos.message_class("Frame")
        for reply in replies:
            data = wire.batch(frame_class(type=21, payload=reply).SerializeToString())
            self.client.carriers.put(self.carrier, data)


class Client:
    def __init__(self, build: str, folder: str, carriers: Carriers, config: dict) -> None:
        self.words = ["watch"]
        if config.get("publish", True):
            self.words = words_of(config.get("submit", []))
        for name in ("until", "window_bytes"):
            if name in config:
                raise Unsupported("remote watch has no flag for %s" % name)
        self.program = os.path.join(build, PROGRAM)
        self.folder = folder
        self.carriers = carriers
        self.config = config
        self.session = config["session_id"]
        self.process: subprocess.Popen | None = None
        self.output = b""
        self.event = protos.message_class("Event").DESCRIPTOR
        self.status = protos.message_class("LogStatus").DESCRIPTOR

    # ---- life ----

    def begin(self) -> None:
        self.listener = listen_tcp()
        self.carriers.watch(self.listener, lambda: self.carriers.dial(self.listener.accept()[0]))
        with open(os.path.join(self.folder, "token"), "w") as file:
            file.write(self.config.get("token", "token") + "\n")
        os.chmod(file.name, 0o600)
        self.spawn()
        self.carriers.wait(lambda: bool(self.carriers.dialled), 10, "remote connects")

    def where(self) -> str:
        start = self.config.get("start", "SNAPSHOT")
        held = self.config.get("from")
        if start == "RESUME" and held:
            return "%s:%d" % (held["epoch"], held.get("offset", 0))
        return STARTS[start]

    def spawn(self) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("REMOTE_", "XDG_"))}
        env.update(HOME=self.folder, NO_COLOR="1")
        argv = [self.program, *self.words, "--session", self.session,
                "--relay", "tcp://127.0.0.1:%d" % self.listener.getsockname()[1],
                "--token-file", os.path.join(self.folder, "token")]
        if self.words == ["watch"]:
            argv += ["--json", "--from", self.where()]
        self.log = open(os.path.join(self.folder, "client.log"), "ab")
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stderr=self.log,
                                        stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.carriers.watch(self.process.stdout, self.wrote)

    def kill(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.carriers.forget(self.process.stdout)
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def end(self) -> None:
        self.kill()
        self.carriers.forget(self.listener)
        self.listener.close()

    # ---- what it prints ----

    def wrote(self) -> None:
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            self.carriers.forget(self.process.stdout)
        *lines, self.output = (self.output + data).split(b"\n")
        for line in lines:
            if line.strip():
                self.line(json.loads(line))

    def line(self, said: dict) -> None:
        tell = self.carriers.tell
        if "command_id" in said:
            self.state(said)
        elif said.get("tail"):
            tell("tail", as_told(self.event, said["event"]))
        elif "event" in said:
            tell("event", {"offset": said["offset"], "event": as_told(self.event, said["event"])})
        elif "snapshot" in said:
            tell("snapshot", {k: said["snapshot"].get(k) for k in ("offset", "reset")})
        elif "synced" in said:
            tell("synced", {"offset": said["synced"]})
        elif "status" in said:
            tell("status", as_told(self.status, said["status"]))
        elif "closed" in said:
            tell("closed", {"code": said["closed"]["code"]})

    def state(self, said: dict) -> None:
        told = {"command": said["command_id"], "state": said["state"].upper()}
        if "outcome" in said:
            told["outcome"] = said["outcome"].upper()
        if said.get("code"):
            told["code"] = said["code"]
        self.carriers.tell("command", told)

    # ---- requests ----

    def connected(self, number: int, refused: bool) -> None:
        sock = self.carriers.dialled.pop(number, None)
        if sock is None:
            return
        if refused:
            sock.close()
            return
        carrier = self.carriers.add(number, sock)
        carrier.outward = Calls(self, carrier).outward

    def restart(self, how) -> None:
        if how.beside or how.back_to:
            raise Unsupported("remote keeps nothing")
        self.kill()
        self.carriers.poll(0.05)
        self.spawn()

    def copy(self, name: str) -> None:
        raise Unsupported("remote keeps nothing")

    def act(self, name: str, members: dict) -> None:
        raise Unsupported("remote watch cannot be told to %s" % name)
