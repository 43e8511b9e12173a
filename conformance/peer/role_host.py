"""Role HOST: a host with an agent that does what acts say (conformance/README.md, "Roles")."""
from __future__ import annotations

import collections

import jsonform
import protos
from host import MODES, Host
from journal import Disk, Fenced
from link import Output
from role_link import Unsupported


class HostRole:
    def __init__(self, clock, config: dict) -> None:
        self.clock = clock
        self.config = config
        self.outputs: collections.deque[Output] = collections.deque()
        self.disk = Disk()
        self.copies: dict[str, Disk] = {}
        self.processes = 0
        self.beside: list[Host] = []
        self.host = self._start()

    def _start(self, number: int = 0) -> Host:
        self.processes += 1
        return Host(self.clock, self.config, self.disk, 1000 * self.processes, number)

    # ---- carriers and time ----

    def _hosts(self) -> list[Host]:
        return self.beside + [self.host]

    def _of(self, carrier: int) -> Host:
        return next((h for h in self._hosts() if h.link.number == carrier), self.host)

    def connected(self, carrier: int, refused: bool) -> None:
        link = self._of(carrier).link
        link.refused(carrier) if refused else link.connected(carrier)

    def receive(self, carrier: int, data: bytes) -> None:
        self._of(carrier).link.receive(carrier, data)

    def cut(self, carrier: int) -> None:
        self._of(carrier).link.cut(carrier)

    def room(self, carrier: int, size: int) -> None:
        self._of(carrier).link.room(carrier, size)

    def tick(self) -> None:
        for host in self._hosts():
            host.tick()
            self.outputs.extend(host.outputs)
            host.outputs.clear()

    def next_ms(self) -> int | None:
        due = [ms for ms in (h.next_ms() for h in self._hosts()) if ms is not None]
        return min(due) if due else None

    def restart(self, lose_everything: bool, back_to: str, beside: bool) -> None:
        """kill -9: what is in memory is gone, what is on the disk is not."""
        number = self.host.link.number
        if beside:
            self.beside.append(self.host)
        elif lose_everything:
            self.disk = Disk()
        elif back_to:
            self.disk = self.copies[back_to].copy()
        if not beside:
            self.outputs.clear()
        self.host = self._start(number)

    def copy(self, name: str) -> None:
        self.copies[name] = self.disk.copy()

    # ---- acts ----

    def act(self, name: str, a: dict) -> None:
        act = getattr(self, "act_" + name, None)
        if act is None:
            raise Unsupported("no act %s" % name)
        try:
            act(a)
        except Fenced:
            self.host._fenced()

    @staticmethod
    def event(a: dict):
        return jsonform.fill(protos.event.Event(), a["event"])

    def act_emit(self, a: dict) -> None:
        self.host.session.emit(self.event(a))

    def act_delta(self, a: dict) -> None:
        self.host.session.delta(self.event(a))

    def act_complete_stream(self, a: dict) -> None:
        self.host.session.complete_stream(a["message_id"])

    def act_ask(self, a: dict) -> None:
        made = self.host.session.open_ask(jsonform.fill(protos.ask.Ask(), a["ask"]))
        told = {"ask": made.hex()} if made is not None else {"refused": "too many asks"}
        self.outputs.append(Output("told", told={"asked": told}))

    def act_end_ask(self, a: dict) -> None:
        ask = self.host.memory.asks.get(bytes.fromhex(a["ask"]))
        outcome = protos.ask.AskOutcome.Value(
            "ASK_OUTCOME_" + a.get("outcome", "WITHDRAWN"))
        if ask is not None:
            self.host.session.end_asks([ask], outcome)

    def act_turn_ended(self, a: dict) -> None:
        self.host.session.end_turn(a.get("stop_reason", "end_turn"))
        self.host.commands.work()
        self.host.commands.start_next()

    def act_prompt(self, a: dict) -> None:
        self.host.commands.prompt_locally(a["text"])

    def act_answer(self, a: dict) -> None:
        answer = protos.ask.AnswerContent(option_id=a.get("option", ""), text=a.get("text", ""))
        self.host.session.answer_locally(bytes.fromhex(a["ask"]), answer)

    def act_cancel(self, a: dict) -> None:
        self.host.commands.cancel_locally()

    def act_withdraw(self, a: dict) -> None:
        self.host.commands.withdraw_locally(a["prompt"])

    def act_finish(self, a: dict) -> None:
        self.host.commands.finish(bytes.fromhex(a["command"]), a.get("code", 0))

    def act_auto_finish(self, a: dict) -> None:
        self.host.commands.auto_finish = bool(a.get("on", True))

    def act_ready(self, a: dict) -> None:
        self.host.session.ready = bool(a.get("on", True))
        self.host.commands.work()
        self.host.commands.start_next()

    def act_mode(self, a: dict) -> None:
        self.host.commands.mode_locally(a["value"])

    def act_remote(self, a: dict) -> None:
        self.host.set_remote(MODES[a["mode"]])

    def act_hold_commits(self, a: dict) -> None:
        self.host.store.hold(bool(a.get("on", True)))

    def act_restart_history(self, a: dict) -> None:
        self.host.start_epoch()
