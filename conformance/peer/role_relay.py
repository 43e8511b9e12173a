"""Role RELAY: the relay of relay.py behind the harness (conformance/README.md, "Roles")."""
import collections
import copy
import hashlib
import random

from clock import Clock
from link import Output
from polling import Exchange
from relay import Relay
from relay_state import LOG_BYTES_MAX, Device, State
from role_link import Unsupported

VALUES = ("disabled", "view", "control")


class RelayRole:
    def __init__(self, clock: Clock, config: dict) -> None:
        self.clock = clock
        self.config = config
        self.rng = random.Random(7)
        self.outputs: collections.deque[Output] = collections.deque()
        self.rooms: dict[int, int] = {}
        self.copies: dict[str, State] = {}
        self.exchanges: dict[int, Exchange] = {}
        self.relay = self._open(self._new_state())

    def _new_state(self) -> State:
        state = State()
        for i, account in enumerate(self.config.get("accounts", [])):
            token_hash = hashlib.sha256(account["token"].encode()).digest()
            device = Device(account["name"], hashlib.sha256(token_hash).digest()[:16],
                            account.get("device", "device %d" % (i + 1)), token_hash,
                            self.clock.unix_ms)
            state.devices[device.device_id] = device
            if "ceiling" in account:
                state.ceilings[account["name"]] = value_of(account["ceiling"])
        return state

    def _open(self, state: State) -> Relay:
        return Relay(self.clock, state, rng=self.rng,
                     log_bytes_max=self.config.get("log_bytes_max", LOG_BYTES_MAX),
                     channels_max=self.config.get("channels_max", 256))

    # ---- carriers ----

    def connected(self, number: int, refused: bool) -> None:
        self.relay.connect(number)

    def exchange(self, number: int) -> None:
        self.relay.connect(number)
        self.relay.conns[number].polls = True

    def receive(self, number: int, data: bytes) -> None:
        conn = self.relay.conns.get(number)
        if conn is not None and conn.polls:
            if number not in self.exchanges:
                self.exchanges[number] = Exchange(self.relay, conn, data)
            return
        if conn is not None:
            conn.carrier.receive(data)

    def cut(self, number: int) -> None:
        exchange = self.exchanges.pop(number, None)
        if exchange is not None:
            self.relay.exchange_over(exchange.conn, answered=False)
        conn = self.relay.conns.pop(number, None)
        if conn is not None:
            conn.carrier.cut()

    def room(self, number: int, size: int) -> None:
        self.rooms[number] = size

    def tick(self) -> None:
        for _ in range(100):
            self.relay.tick()
            moved = self._step_exchanges()
            if not self._put_out() and not moved:
                return

    def _step_exchanges(self) -> bool:
        moved = False
        for number, exchange in list(self.exchanges.items()):
            moved = exchange.step() or moved
            if not exchange.done():
                continue
            moved = True
            if exchange.answer and not exchange.conn.superseded:
                self.outputs.append(Output("bytes", number, exchange.answer))
            self.outputs.append(Output("closed", number))
            del self.exchanges[number]
            self.relay.exchange_over(exchange.conn, answered=True)
        return moved

    def _put_out(self) -> bool:
        """Whether anything was written or closed: then there may be more to do."""
        busy = False
        for number, conn in list(self.relay.conns.items()):
            if conn.polls:
                continue
            data = conn.carrier.take(self.rooms.get(number))
            if data:
                busy = True
                self.outputs.append(Output("bytes", number, data))
                if number in self.rooms:
                    self.rooms[number] -= len(data)
            if conn.carrier.state == "CLOSED":
                busy = True
                del self.relay.conns[number]
                self.outputs.append(Output("closed", number))
        return busy

    def next_ms(self) -> int | None:
        due = [e.due_ms() for e in self.exchanges.values()] + [self.relay.next_ms()]
        return min((ms for ms in due if ms is not None), default=None)

    # ---- durable state ----

    def restart(self, lose_everything: bool, back_to: str, beside: bool) -> None:
        if beside:
            raise Unsupported("two relays on one store")
        state = self.relay.state
        if lose_everything:
            state = self._new_state()
        elif back_to:
            state = copy.deepcopy(self.copies[back_to])
        self.rooms.clear()
        self.exchanges.clear()
        self.relay = self._open(state)

    def copy(self, name: str) -> None:
        self.copies[name] = copy.deepcopy(self.relay.state)

    # ---- acts ----

    def act(self, name: str, a: dict) -> None:
        if name == "ceiling":
            self.relay.set_ceiling(a["account"], value_of(a["value"]))
        elif name == "policy":
            self.relay.set_policy(**{key: policy_of(value) if key in ("value", "enterprise") else value
                                     for key, value in a.items()})
        elif name == "revoke":
            device = self.relay.device_of(a["token"])
            self.relay.do(lambda: self.relay.revoke(device))
        elif name == "drain":
            self.relay.drain()
        elif name == "hold_commits":
            self.relay.hold(bool(a.get("on", True)))
        else:
            raise Unsupported("no act %s" % name)


def policy_of(name: str) -> str:
    return "" if name in ("UNCONFIGURED", "DELEGATE") else value_of(name)


def value_of(name: str) -> str:
    value = name.lower()
    if value not in VALUES:
        raise Unsupported("no ceiling %s" % name)
    return value
