#!/usr/bin/env python3
"""The reference peer: every role of the protocol, written from docs/spec.md alone. Speaks
conformance/harness.proto on standard input and output, on a virtual clock.

    /usr/bin/python3 conformance/peer/main.py [--break CLAUSE]... [--breaks] [--unbreakable]
"""
import argparse
import importlib.util
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import breaks  # noqa: E402
import protos  # noqa: E402
import role_codec  # noqa: E402
import role_link  # noqa: E402
import wire  # noqa: E402
from clock import Clock  # noqa: E402

pb = protos.harness
# Role to module and class; a module that is not there is a role that this peer does not have.
ROLES = {
    pb.ROLE_ACCEPTING: ("role_link", "AcceptingRole"),
    pb.ROLE_CONNECTING: ("role_link", "ConnectingRole"),
    pb.ROLE_RELAY: ("role_relay", "RelayRole"),
    pb.ROLE_HOST: ("role_host", "HostRole"),
    pb.ROLE_CLIENT: ("role_client", "ClientRole"),
}
FEATURES = ["hold_commits", "copy", "restart", "beside", "room", "half_open", "clock", "local",
            "early_open", "long_poll"]
SETTLE_ROUNDS_MAX = 10_000


def role_class(role: int):
    module, name = ROLES[role]
    if importlib.util.find_spec(module) is None:
        return None
    return getattr(importlib.import_module(module), name)


class Harness:
    """Answers one Request after the other; what a role puts out goes with the answer."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.role = None  # the role of the present case
        self.half_open: set[int] = set()

    def answer(self, request):
        response = pb.Response(id=request.id)
        kind = request.WhichOneof("ask")
        handle = getattr(self, "on_" + kind, None) if kind else None
        if handle is None:
            response.unsupported = "no request %s" % kind
            return response
        try:
            handle(getattr(request, kind), response)
        except role_link.Unsupported as unsupported:
            response.unsupported = str(unsupported)
        if response.WhichOneof("result") is None:
            response.done.SetInParent()
        self.settle()
        self.put_out(response)
        return response

    def settle(self) -> None:
        """Everything that the request led to, without time passing."""
        if self.role is not None:
            self.role.tick()

    def put_out(self, response) -> None:
        if self.role is None:
            return
        while self.role.outputs:
            output = self.role.outputs.popleft()
            if output.kind == "told":
                response.outputs.add(told=json.dumps(output.told))
            elif output.kind == "dial":
                response.outputs.add(dial=output.carrier)
            elif output.carrier in self.half_open:
                continue
            elif output.kind == "bytes":
                response.outputs.add().bytes.CopyFrom(
                    pb.Bytes(carrier=output.carrier, data=output.data))
            else:
                response.outputs.add(closed=output.carrier)

    # ---- requests without a case ----

    def on_describe(self, ask, response) -> None:
        roles = [pb.ROLE_CODEC] + [r for r in ROLES if role_class(r) is not None]
        if importlib.util.find_spec("role_view") is not None:
            roles.append(pb.ROLE_VIEW)
        response.description.CopyFrom(pb.Description(
            name="peer", version="1", roles=sorted(roles), virtual_clock=True, features=FEATURES))

    def on_decode(self, ask, response) -> None:
        response.decoded.CopyFrom(role_codec.decode(ask))

    def on_judge(self, ask, response) -> None:
        judged = role_codec.judge(ask)
        if judged is None:
            response.unsupported = "no message %s" % ask.type
        else:
            response.judged.CopyFrom(judged)

    def on_fold(self, ask, response) -> None:
        response.state = importlib.import_module("role_view").fold(ask)

    # ---- a case ----

    def on_start(self, ask, response) -> None:
        self.clock = Clock()
        self.half_open.clear()
        config = json.loads(ask.config_json or "{}")
        kind = role_class(ask.role) if ask.role in ROLES else None
        if ask.role in (pb.ROLE_CODEC, pb.ROLE_VIEW):
            self.role = None
        elif kind is None:
            self.role = None
            response.unsupported = "no such role"
        else:
            self.role = kind(self.clock, config)

    def on_connected(self, ask, response) -> None:
        if ask.poll:
            self.role.exchange(ask.carrier)
        else:
            self.role.connected(ask.carrier, ask.refused)

    def on_bytes(self, ask, response) -> None:
        self.role.receive(ask.carrier, ask.data)

    def on_cut(self, ask, response) -> None:
        if ask.half_open:
            self.settle()
            self.half_open.add(ask.carrier)
        else:
            self.role.cut(ask.carrier)

    def on_advance(self, ask, response) -> None:
        """From timer to timer."""
        end = self.clock.now_ms + ask.ms
        for _ in range(SETTLE_ROUNDS_MAX):
            due = self.role.next_ms() if self.role is not None else None
            if due is None or due > end:
                break
            self.clock.now_ms = max(due, self.clock.now_ms)
            self.settle()
            if due <= self.clock.now_ms and self.role.next_ms() == due:
                break
        self.clock.now_ms = end

    def on_act(self, ask, response) -> None:
        (name, members), = json.loads(ask.json).items()
        self.role.act(name, members)

    def on_look(self, ask, response) -> None:
        pass

    def on_step_clock(self, ask, response) -> None:
        self.clock.step_ms += ask.ms

    def on_room(self, ask, response) -> None:
        self.role.room(ask.carrier, ask.bytes)

    def on_restart(self, ask, response) -> None:
        if not hasattr(self.role, "restart"):
            raise role_link.Unsupported("this role has nothing durable")
        self.role.restart(ask.lose_everything, ask.back_to, ask.beside)

    def on_copy(self, ask, response) -> None:
        if not hasattr(self.role, "copy"):
            raise role_link.Unsupported("this role has nothing durable")
        self.role.copy(ask.name)


def read_varint(stream) -> int | None:
    value = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7


def serve(stdin, stdout) -> None:
    harness = Harness()
    while (size := read_varint(stdin)) is not None:
        data = harness.answer(pb.Request.FromString(stdin.read(size))).SerializeToString()
        stdout.write(wire.varint(len(data)) + data)
        stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--break", action="append", default=[], dest="broken", metavar="CLAUSE",
                        help="break this clause")
    parser.add_argument("--breaks", action="store_true",
                        help="list the clauses with a switch, and the mistakes")
    parser.add_argument("--unbreakable", action="store_true",
                        help="list the clauses without one, and why")
    args = parser.parse_args()
    if args.breaks or args.unbreakable:
        table = breaks.SWITCHES if args.breaks else breaks.UNBREAKABLE
        print("\n".join("%s %s" % entry for entry in table.items()))
        return
    unknown = set(args.broken) - set(breaks.SWITCHES)
    if unknown:
        parser.error("no switch for %s" % ", ".join(sorted(unknown)))
    breaks.set_broken(args.broken)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
