#!/usr/bin/python3
"""Holds the JSON output against docs/cli-json.md and docs/inspect.md: a session that does everything
is run with the real programs; each field that comes out must be in the tables, with its type, each row
of the tables must have come out at least once, and each message must be what the schema says.

    json_test.py --build DIR [--keep]"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: E402
import raw  # noqa: E402
from harness import Failure, run, wait_until  # noqa: E402

HEX = re.compile(r"[0-9a-f]{32}")
WHICH = [("offset", "watch.event"), ("tail", "watch.tail"), ("passed", "watch.passed"),
         ("snapshot", "watch.snapshot"), ("synced", "watch.synced"), ("status", "watch.status"),
         ("link_down", "watch.link_down"), ("link_up", "watch.link_up"), ("closed", "watch.closed"),
         ("unreadable", "watch.unreadable"), ("digest", "watch.digest")]


class Document:
    """The tables: {object: {field: (type, may be missing)}}."""

    def __init__(self, *paths: str) -> None:
        self.objects: dict[str, dict[str, tuple[str, bool]]] = {}
        for path in paths:
            name = None
            for line in open(os.path.join(ROOT, path), encoding="utf-8"):
                heading = re.match(r"### Object `([\w.]+)`", line)
                if line.startswith("#"):
                    name = heading.group(1) if heading else None
                    if name:
                        self.objects[name] = {}
                row = re.match(r"\| (`.*?`) \| (.*?) \| (.*) \|$", line)
                if name and row:
                    for field in re.findall(r"`(\w+)`", row.group(1)):
                        self.objects[name][field] = (row.group(2).replace("`", ""), "may be missing" in row.group(3))
        self.seen: set[tuple[str, str]] = set()

    def unseen(self) -> list[str]:
        return [f"{name}.{field}" for name, fields in self.objects.items() for field in fields
                if (name, field) not in self.seen]


class Schema:
    """The schema by protobuf's own runtime."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory(prefix="remote-json-") as folder:
            out = f"{folder}/set"
            names = [f"remote/v1/{n}" for n in os.listdir(f"{ROOT}/proto/remote/v1") if n.endswith(".proto")]
            subprocess.run(["protoc", f"-I{ROOT}/proto", f"--descriptor_set_out={out}", "--include_imports", *names],
                           check=True)
            files = descriptor_pb2.FileDescriptorSet.FromString(open(out, "rb").read())
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)

    def check(self, value, name: str, where: str) -> None:
        """`value` is a message of this type; with an empty name of any type."""
        if not isinstance(value, dict):
            raise Failure(f"{where}: no object: {value!r}")
        if not name:
            return
        self.fields(value, self.pool.FindMessageTypeByName(f"remote.v1.{name}"), where)

    def fields(self, value: dict, message, where: str) -> None:
        for key, item in value.items():
            field = message.fields_by_name.get(key)
            if field is None:
                raise Failure(f"{where}: {message.name} has no field {key}")
            many = field.label == field.LABEL_REPEATED
            if many and not (isinstance(item, list) and item):
                raise Failure(f"{where}.{key}: no list, or an empty one: {item!r}")
            for one in item if many else [item]:
                self.value(one, field, f"{where}.{key}", many)

    def value(self, value, field, where: str, many: bool) -> None:
        kind, good = field.type, True
        if kind == field.TYPE_MESSAGE:
            good = isinstance(value, dict)
            if good:
                self.fields(value, field.message_type, where)
        elif kind == field.TYPE_ENUM:
            prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
            names = {v.name.removeprefix(prefix).lower() for v in field.enum_type.values}
            good = value in names or isinstance(value, int)
        elif kind == field.TYPE_BYTES:
            good = isinstance(value, (str, dict))
            if field.name.endswith(("_id", "epoch")) and isinstance(value, str):
                good = bool(HEX.fullmatch(value))
        elif kind == field.TYPE_STRING:
            good = isinstance(value, str)
        elif kind == field.TYPE_BOOL:
            good = isinstance(value, bool)
        else:
            good = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        default = value in (0, "", False) and not isinstance(value, dict)
        if not good or (default and not many and field.containing_oneof is None):
            raise Failure(f"{where}: {value!r} is not what the schema says")


class Judge:
    def __init__(self) -> None:
        self.document = Document("docs/cli-json.md", "docs/inspect.md")
        self.schema = Schema()

    def object(self, value, name: str, where: str) -> None:
        fields = self.document.objects.get(name)
        if fields is None:
            raise Failure(f"{where}: {name} is not documented")
        if not isinstance(value, dict):
            raise Failure(f"{where}: {value!r} is no object")
        for key in value.keys() - fields.keys():
            raise Failure(f"{where}: the field {key} of {name} is not documented: {value}")
        for key, (kind, missing) in fields.items():
            if key not in value:
                if not missing:
                    raise Failure(f"{where}: {name} lacks {key}: {value}")
                continue
            self.document.seen.add((name, key))
            self.typed(value[key], kind, f"{where}.{key}")

    def typed(self, value, kind: str, where: str) -> None:
        word, _, rest = kind.partition(" ")
        if word == "list":
            if not isinstance(value, list):
                raise Failure(f"{where}: no list: {value!r}")
            for item in value:
                self.typed(item, rest.removeprefix("of "), where)
        elif word == "object":
            self.object(value, rest, where)
        elif word == "message":
            self.schema.check(value, rest, where)
        else:
            good = {"string": isinstance(value, str), "word": isinstance(value, str) and value != "",
                    "integer": isinstance(value, int) and not isinstance(value, bool),
                    "number": isinstance(value, (int, float)) and not isinstance(value, bool),
                    "boolean": isinstance(value, bool),
                    "id": isinstance(value, str) and (value == "" or bool(HEX.fullmatch(value)))}
            if not good[word]:
                raise Failure(f"{where}: {value!r} is no {word}")

    def lines(self, lines: list[dict], name: str) -> list[dict]:
        if not lines:
            raise Failure(f"no line of {name}")
        for line in lines:
            kind = name
            if name == "watch":
                kind = next((n for key, n in WHICH if key in line), None)
            if name == "policy":
                kind = "policy.effective" if "decided_by" in line else "policy.rule"
            if name == "inspect":
                kind = "inspect.event" if "event" in line else "inspect.frame"
            if name == "command" and "idle" in line:
                kind = "idle"
            if name == "command" and "attachment" in line:
                kind = "attached"
            if kind is None:
                raise Failure(f"an undocumented kind of line: {line}")
            self.object(line, kind, kind)
        return lines


def acting(w, judge: Judge) -> None:
    """Commands of each outcome, and lists."""
    judge.lines(w.cli("send", "--json", "--wait=idle", "--capture", f"{w.root}/wire.cap",
                      "PLAN one|two\nTHINK hm\nSLOW 4 100\nSAY " + "long " * 400).expect(0).json, "command")
    with open(f"{w.root}/work/notes.txt", "w") as file:
        file.write("some notes\n")
    judge.lines(w.cli("send", "--json", "--wait=idle", "--attach", "notes.txt",
                      "SHOW text text/plain notes.txt").expect(0).json, "command")
    listed = judge.lines(w.cli("asset", "--list", "--json").expect(0).json, "asset")
    judge.lines(w.cli("asset", listed[0]["asset"]["asset_id"], "-o", "copy.txt", "--json").expect(0).json,
                "asset")
    judge.lines(w.cli("mode", "plan", "--json").expect(0).json, "command")
    judge.lines(w.cli("mode", "bypassPermissions", "--json").expect(6).json, "command")
    judge.lines(w.cli("mode", "default", "--json").expect(0).json, "command")
    judge.lines(w.cli("config", "model", "script-2", "--json").expect(0).json, "command")
    judge.lines(w.cli("rename", "A title", "--json").expect(0).json, "command")
    judge.lines(w.cli("slash", "/compact", "--json").expect(6).json, "command")
    judge.lines(w.cli("probe", "--json").expect(0).json, "command")
    for name in ("mode", "config", "slash", "devices"):
        judge.lines(w.cli(name, "--json").expect(0).json, name)
    w.cli("send", "--wait", "RUN echo asked").expect(0)
    w.wait_ask(w.sessions()[0]["session_id"])
    judge.lines(w.cli("asks", "--json").expect(0).json, "asks")
    wait_until("it is listed", lambda: w.sessions()[0]["asks"], 60)
    judge.lines(w.cli("ls", "--json").expect(0).json, "ls")
    judge.lines(w.cli("approve", "--json").expect(0).json, "command")
    w.relay_command("account", "owner", "--ceiling", "view").expect(0)
    judge.lines(w.cli("send", "--json", "--wait", "SAY no").expect(4).json, "command")
    w.relay_command("account", "owner", "--ceiling", "control").expect(0)


def governing(w, judge: Judge) -> None:
    for words in (("org", "acme"), ("policy", "--org", "acme", "--value", "control"), ("org", "acme", "--add", "owner"),
                  ("org", "acme", "--admin", "owner"), ("policy", "--enterprise", "whole", "--delegate")):
        w.relay_command(*words).expect(0)
    with open(f"{w.root}/managed.ini", "w", encoding="utf-8") as file:
        file.write("accounts = owner\n")
    judge.lines(w.cli("policy", "--json", env={"REMOTE_MANAGED_FILE": f"{w.root}/managed.ini"}).expect(0).json, "policy")
    judge.lines(w.cli("policy", "set", "organization", "acme", "view", "--json").expect(0).json, "policy.set")
    w.cli("send", "--wait", "SAY no").expect(4)
    w.cli("policy", "set", "organization", "acme", "control").expect(0)
    judge.lines(w.cli("audit", "--json").expect(0).json, "audit")
    judge.lines([json.loads(line) for line in w.relay_command("audit", "--json").expect(0).out.splitlines()], "audit")


def unreadable(w, judge: Judge) -> None:
    """A host of another make that sends what cannot be inflated."""
    host = raw.Raw(w)
    peer, offset = host.publishing()
    peer.say({"type": "BLOCK", "channel": 1, "offset": offset, "count": 2, "flags": ["COMPRESSED"], "inflated_bytes": 100,
              "payload": (b"\xff" * 40).hex()})
    wait_until("it is stored", lambda: [s for s in w.sessions() if s["session_id"] == host.session.hex()], 60)
    said = w.cli("watch", host.session.hex(), "--json", "--from", "start", "--until", str(offset + 2), "--timeout", "60").expect(1).json
    holes = [line["unreadable"] for line in judge.lines(said, "watch") if "unreadable" in line]
    if holes != [{"offset": offset, "count": 2, "code": 4004, "code_name": "INFLATE"}]:
        raise Failure(f"not said, or not once: {said}")
    plain = w.cli("watch", host.session.hex(), "--from", "start", "--until", str(offset + 2), "--timeout", "60").expect(1)
    if "2 events from 0 on cannot be read" not in plain.err:
        raise Failure(f"not said: {plain.err}")
    peer.abort()
    w.cli("rm", host.session.hex(), "--yes").expect(0)


def everything(w) -> None:
    judge = Judge()
    w.start_relay()
    host = w.start_host(name="First")
    watch = w.start_cli("watch", host.session, "--json", "--from", "start", "--digest")
    watch.wait_for("synced", lambda p: any("synced" in line for line in p.json))
    unreadable(w, judge)
    acting(w, judge)
    w.cli("watch", host.session, "--until", "idle", "--timeout", "60").expect(0)
    judge.lines(w.cli("watch", "--json", "--until", "idle", "--timeout", "60").expect(0).json, "watch")
    governing(w, judge)
    w.relay.kill()
    watch.wait_for("it says so", lambda p: any("link_down" in line for line in p.json), 60)
    w.start_relay()
    wait_until("the host is back", lambda: w.sessions() and w.sessions()[0]["attached"], 60)
    watch.wait_for("it is back", lambda p: any("link_up" in line for line in p.json), 60)
    judge.lines(w.cli("inspect", "--json", f"{w.root}/wire.cap").expect(0).json, "inspect")
    broken = f"{w.root}/broken"
    with open(broken, "wb") as file:  # a HELLO that comes second, and then no frame
        file.write(bytes.fromhex("0a0a0805" "7a06") + b"123456" + b"\xff" * 40)
    judge.lines(w.cli("inspect", "--json", broken).expect(0).json, "inspect")
    judge.lines(w.cli("rm", host.session, "--yes", "--json").expect(0).json, "rm")
    watch.wait_for("closed", lambda p: any("closed" in line for line in p.json), 60)
    watch.wait()
    judge.lines(watch.json, "watch")
    w.relay_command("token", "--device", "phone").expect(0)
    judge.lines(w.cli("devices", "rename", "phone", "old phone", "--json").expect(0).json, "renamed")
    login = w.start_cli("login", "--json", "--token-file", f"{w.root}/token")
    login.wait_for("a code", lambda p: p.json, 60)
    judge.lines(w.cli("devices", "confirm", login.json[0]["code"], "--yes", "--json").expect(0).json, "confirmed")
    login.wait_for("it is signed in", lambda p: len(p.json) == 2, 60)
    judge.lines(login.json[:1], "login_code")
    judge.lines(login.json[1:], "login")
    judge.lines(w.cli("devices", "revoke", "old phone", "--json").expect(0).json, "revoked")
    unseen = judge.document.unseen()
    if unseen:
        raise Failure(f"documented, but never seen: {unseen}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    sys.exit(run([everything], options.build, None, options.keep))


if __name__ == "__main__":
    main()
