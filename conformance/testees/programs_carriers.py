"""Sockets between the runner and the programs, and the Outputs that they lead to."""
import selectors
import socket
import time

READ_BYTES = 65536


class Unsupported(Exception):
    """The program cannot show this."""


class Carrier:
    """The runner's number, and the socket whose other end the program holds."""

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        self.half_open = False
        self.room: int | None = None  # bytes that may still be read; None: no bound
        self.inward = None  # bytes from the runner, before the program has them
        self.outward = None  # bytes from the program, before the runner has them
        self.whole = None  # on a message carrier: what makes whole messages


class Carriers:
    """All carriers of a case, whatever else is waited for, and the Outputs gathered so far."""

    def __init__(self, pb) -> None:
        self.pb = pb
        self.selector = selectors.DefaultSelector()
        self.by_number: dict[int, Carrier] = {}
        self.outputs: list = []
        self.dialled: dict[int, socket.socket] = {}  # the program is there, the runner not yet
        self.dials = 0

    # ---- life ----

    def clear(self) -> None:
        for carrier in list(self.by_number.values()):
            self.drop(carrier)
        for sock in self.dialled.values():
            sock.close()
        self.dialled.clear()
        for key in list(self.selector.get_map().values()):
            self.selector.unregister(key.fileobj)
        self.outputs.clear()
        self.dials = 0

    def add(self, number: int, sock: socket.socket) -> Carrier:
        sock.setblocking(False)
        carrier = Carrier(number, sock)
        self.by_number[number] = carrier
        self._listen(carrier)
        return carrier

    def _listen(self, carrier: Carrier) -> None:
        self.selector.register(carrier.sock, selectors.EVENT_READ, lambda: self._readable(carrier))

    def _deafen(self, carrier: Carrier) -> None:
        if carrier.sock in self.selector.get_map():
            self.selector.unregister(carrier.sock)

    def drop(self, carrier: Carrier) -> None:
        self._deafen(carrier)
        carrier.sock.close()
        self.by_number.pop(carrier.number, None)

    def watch(self, fileobj, ready) -> None:
        """Calls ready() whenever there is something to read."""
        self.selector.register(fileobj, selectors.EVENT_READ, ready)

    def forget(self, fileobj) -> None:
        if fileobj in self.selector.get_map():
            self.selector.unregister(fileobj)

    # ---- outputs ----

    def tell(self, kind: str, value) -> None:
        import json
        self.outputs.append(self.pb.Output(told=json.dumps({kind: value})))

    def dial(self, sock: socket.socket) -> int:
        """A program has connected: the runner is asked for a carrier."""
        self.dials += 1
        self.dialled[self.dials] = sock
        self.outputs.append(self.pb.Output(dial=self.dials))
        return self.dials

    def take(self) -> list:
        out, self.outputs = self.outputs, []
        return out

    # ---- from the program ----

    def _readable(self, carrier: Carrier) -> None:
        want = READ_BYTES if carrier.room is None else min(READ_BYTES, carrier.room)
        if want == 0:
            self._deafen(carrier)
            return
        try:
            data = carrier.sock.recv(want)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.drop(carrier)
            if not carrier.half_open:
                self.outputs.append(self.pb.Output(closed=carrier.number))
            return
        if carrier.room is not None:
            carrier.room -= len(data)
        if carrier.outward is not None:
            data = carrier.outward(data)
        if data:
            self.give(carrier, data)

    def give(self, carrier: Carrier, data: bytes) -> None:
        if not carrier.half_open:
            self.outputs.append(self.pb.Output(
                bytes=self.pb.Bytes(carrier=carrier.number, data=data)))

    # ---- from the runner ----

    def expect_whole_messages(self) -> None:
        """A message ends with a frame: a case that stops inside one is about streams."""
        for carrier in self.by_number.values():
            if carrier.whole is not None and carrier.whole.rest:
                raise Unsupported("a message that ends inside a frame is another case")

    def send(self, number: int, data: bytes) -> None:
        carrier = self.by_number.get(number)
        if carrier is None or carrier.half_open:
            return
        if carrier.inward is not None:
            data = carrier.inward(data)
        self.put(carrier, data)

    def put(self, carrier: Carrier, data: bytes) -> None:
        """To the program; what it writes meanwhile is read, or both would wait for each other."""
        deadline = time.monotonic() + 5
        view = memoryview(data)
        while view and carrier.number in self.by_number and time.monotonic() < deadline:
            try:
                view = view[carrier.sock.send(view):]
            except BlockingIOError:
                self.poll(0.005)
            except OSError:
                return  # it is closed: reading says so

    def cut(self, number: int, half_open: bool) -> None:
        carrier = self.by_number.get(number)
        if carrier is None:
            return
        if half_open:
            carrier.half_open = True
            self._deafen(carrier)
        else:
            self.drop(carrier)
            if carrier.whole is not None:
                self.poll(0.3)  # a cancelled call takes its way through threads

    def room(self, number: int, count: int) -> None:
        carrier = self.by_number.get(number)
        if carrier is None:
            return
        carrier.room = count
        if carrier.sock not in self.selector.get_map() and not carrier.half_open:
            self._listen(carrier)

    # ---- waiting ----

    def poll(self, seconds: float) -> None:
        """Takes what comes for that long."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            for key, _ in self.selector.select(max(left, 0)):
                if key.fileobj in self.selector.get_map():
                    key.data()
            if left <= 0:
                return

    def look(self, seconds: float) -> None:
        """Until there is an Output, at the latest for that long."""
        end = time.monotonic() + seconds
        while not self.outputs:
            left = end - time.monotonic()
            self.poll(min(max(left, 0), 0.01))
            if left <= 0:
                return
        self.poll(0.002)

    def wait(self, ready, seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                raise RuntimeError("not within %g s: %s" % (seconds, what))
            self.poll(0.01)
