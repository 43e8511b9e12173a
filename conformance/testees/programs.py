#!/usr/bin/python3
"""testee-programs: the real programs as testees of the conformance suite, on the real clock: the
relay on loopback TCP, the host with an agent whose every word is the runner's, the terminal client.

  programs.py --build FOLDER [--longest-ms N] [--carrier tcp|tls|ws|wss|grpc|grpcs]

What a program cannot show is answered `unsupported`, with the reason. See ../README.md.

  programs.py            requests in, responses out
  programs_carriers.py   sockets, and what came from them
  programs_relay.py      role RELAY, over any carrier: dialled.py, websocket.py
  programs_bridge.py     frames on their way between a program and the runner
  programs_host.py       role HOST; programs_agent.py is the agent that it runs
  programs_client.py     role CLIENT
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import traceback
from functools import partial

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runner import protos, wire  # noqa: E402
from testees.programs_carriers import Carriers, Unsupported  # noqa: E402

FEATURES = ("copy", "restart", "room", "half_open", "local", "early_open")
LONGEST_MS = 3000


class Testee:
    def __init__(self, build: str, longest_ms: int, carrier: str = "tcp") -> None:
        import harness_pb2
        self.pb = harness_pb2
        self.build = os.path.abspath(build)
        self.longest_ms = longest_ms
        self.carrier = carrier
        self.carriers = Carriers(self.pb)
        self.role = None
        self.folder = None
        self.roles: dict = {}

    def make(self, role: int):
        """The role's object for a new case; imported when first used, so that one that cannot be
        here does not keep the others from running."""
        if role == self.pb.ROLE_RELAY:
            from testees.programs_relay import Relay
            return partial(Relay, scheme=self.carrier)
        if role == self.pb.ROLE_HOST:
            from testees.programs_host import Host
            return Host
        if role == self.pb.ROLE_CLIENT:
            from testees.programs_client import Client
            return Client
        raise Unsupported("these are a relay, a host and a client only")

    def end_case(self) -> None:
        if self.role is not None:
            self.role.end()
            self.role = None
        self.carriers.clear()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def start(self, start) -> None:
        self.end_case()
        self.folder = tempfile.mkdtemp(prefix="remote-programs-")
        kind = self.make(start.role)
        config = json.loads(start.config_json or "{}")
        self.role = kind(self.build, self.folder, self.carriers, config)
        self.role.begin()

    def serve(self, request) -> None:
        kind = request.WhichOneof("ask")
        value = getattr(request, kind)
        if kind == "start":
            self.start(value)
            return
        if self.role is None:
            raise Unsupported("no case has been started")
        if kind == "advance":
            self.carriers.expect_whole_messages()
            if value.ms > self.longest_ms:
                raise Unsupported("%d ms are too long on a real clock" % value.ms)
            self.carriers.poll(value.ms / 1000)
        elif kind == "look":
            self.carriers.expect_whole_messages()
            self.carriers.look(value.wait_ms / 1000)
        elif kind == "connected":
            self.role.connected(value.carrier, value.refused)
        elif kind == "bytes":
            self.carriers.send(value.carrier, value.data)
        elif kind == "cut":
            self.carriers.expect_whole_messages()
            self.carriers.cut(value.carrier, value.half_open)
        elif kind == "room":
            self.carriers.room(value.carrier, value.bytes)
        elif kind == "act":
            (name, members), = json.loads(value.json).items()
            self.role.act(name, members)
        elif kind == "restart":
            self.role.restart(value)
        elif kind == "copy":
            self.role.copy(value.name)
        else:
            raise Unsupported("real programs have no %s" % kind)
        self.carriers.poll(0)

    def describe(self, answer) -> None:
        answer.description.name = "libremote, the programs" if self.carrier == "tcp" else \
            "libremote, the relay over %s" % self.carrier
        answer.description.version = "0.1.0"
        answer.description.roles.extend([self.pb.ROLE_RELAY] if self.carrier != "tcp" else
                                        [self.pb.ROLE_RELAY, self.pb.ROLE_HOST, self.pb.ROLE_CLIENT])
        answer.description.features.extend(FEATURES)

    def answer(self, request):
        answer = self.pb.Response(id=request.id)
        try:
            if request.WhichOneof("ask") == "describe":
                self.describe(answer)
            else:
                self.serve(request)
                answer.done.SetInParent()
        except Unsupported as why:
            answer.unsupported = str(why)
        except Exception as fault:  # the runner is told, and goes on with the next case
            traceback.print_exc()
            answer.broken = "%s: %s" % (type(fault).__name__, fault)
        answer.outputs.extend(self.carriers.take())
        return answer


def read_request(pb, stream):
    head = bytearray()
    while True:
        byte = stream.read(1)
        if not byte:
            return None
        head += byte
        found = wire.read_varint(head, 0)
        if found is not None:
            break
    return pb.Request.FromString(stream.read(found[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", required=True, help="build folder with the programs")
    parser.add_argument("--longest-ms", type=int, default=LONGEST_MS,
                        help="cases that wait longer are unsupported (default %d)" % LONGEST_MS)
    parser.add_argument("--carrier", default="tcp", choices=("tcp", "unix", "tls", "ws", "wss", "grpc", "grpcs"),
                        help="of the relay; with another than tcp it is the only role")
    parser.add_argument("--proto-dir", help="folder for the generated protobuf modules")
    options = parser.parse_args()
    protos.load(options.proto_dir)
    testee = Testee(options.build, options.longest_ms, options.carrier)
    try:
        while True:
            request = read_request(testee.pb, sys.stdin.buffer)
            if request is None:
                break
            data = testee.answer(request).SerializeToString()
            sys.stdout.buffer.write(wire.varint(len(data)) + data)
            sys.stdout.buffer.flush()
    finally:
        testee.end_case()


if __name__ == "__main__":
    main()
