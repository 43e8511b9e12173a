"""Role CLIENT (conformance/README.md, "Roles")."""
from __future__ import annotations

import collections

import jsonform
import protos
from client import Client
from link import Output
from role_link import Unsupported


class ClientRole:
    def __init__(self, clock, config: dict) -> None:
        self.outputs: collections.deque[Output] = collections.deque()
        self.client = Client(clock, config)
        self.waiting = list(config.get("submit", []))  # submitted as soon as it can be

    def connected(self, carrier: int, refused: bool) -> None:
        link = self.client.link
        link.refused(carrier) if refused else link.connected(carrier)

    def receive(self, carrier: int, data: bytes) -> None:
        self.client.link.receive(carrier, data)

    def cut(self, carrier: int) -> None:
        self.client.link.cut(carrier)

    def room(self, carrier: int, size: int) -> None:
        self.client.link.room(carrier, size)

    def tick(self) -> None:
        self.client.tick()
        synced = any(o.told and "synced" in o.told for o in self.client.outputs)
        self.outputs.extend(self.client.outputs)
        self.client.outputs.clear()
        if synced:
            waiting, self.waiting = self.waiting, []
            for one in waiting:
                self.act_submit(one)

    def next_ms(self) -> int | None:
        return self.client.next_ms()

    # ---- acts ----

    def act(self, name: str, a: dict) -> None:
        act = getattr(self, "act_" + name, None)
        if act is None:
            raise Unsupported("no act %s" % name)
        act(a)

    def act_submit(self, a: dict) -> None:
        command = jsonform.fill(protos.command.Command(), a["command"])
        made = self.client.submit(command, a.get("ttl_ms"))
        said = {"refused": made} if isinstance(made, str) else {"command": made.hex()}
        self.outputs.append(Output("told", told={"submitted": said}))
        self.client.send()

    def act_visible(self, a: dict) -> None:
        self.client.link.watched = bool(a.get("on", True))

    def act_act_now(self, a: dict) -> None:
        if self.client.link.carrier is not None:
            self.client.link.carrier.probe()

    def act_detach(self, a: dict) -> None:
        self.client.detach()
