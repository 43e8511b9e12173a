#!/usr/bin/python3
"""The proxy and the clock of the chaos runs do what they say.

    proxy_test.py BUILD_DIR"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import Clock, Proxy, find  # noqa: E402


class Target:
    """A server that keeps what each connection said, and can talk back."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self.changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.accepted.append(s)
                self.changed.notify_all()

    def peer(self, n: int) -> socket.socket:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.accepted) > n, 5), f"no connection {n}"
            self.accepted[n].settimeout(5)
            return self.accepted[n]


def pair(port: int, target: Target, n: int) -> tuple[socket.socket, socket.socket]:
    s = socket.create_connection(("127.0.0.1", port), 5)
    s.settimeout(5)
    return s, target.peer(n)


def take(s: socket.socket, count: int) -> bytes:
    out = b""
    while len(out) < count:
        data = s.recv(count - len(out))
        if not data:
            break
        out += data
    return out


def nothing_comes(s: socket.socket, seconds: float) -> bool:
    s.settimeout(seconds)
    try:
        s.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        s.settimeout(5)


def gone(s: socket.socket) -> str:
    try:
        while True:
            if not s.recv(65536):
                return "end"
    except ConnectionResetError:
        return "reset"


def passes_whole(proxy, port, target):
    a, b = pair(port, target, 0)
    data = os.urandom(3_000_000)
    threading.Thread(
        target=lambda: (a.sendall(data), a.shutdown(socket.SHUT_WR)), daemon=True
    ).start()
    assert take(b, len(data)) == data and b.recv(1) == b"", "changed, or no end"
    b.sendall(b"still open this way")
    assert take(a, 19) == b"still open this way"


def delays(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("set r delay=200 jitter=50")
    began = time.monotonic()
    for i in range(10):
        a.sendall(bytes([i]) * 3)
    got = take(b, 30)
    took = time.monotonic() - began
    assert got == b"".join(bytes([i]) * 3 for i in range(10)), "out of order"
    assert took >= 0.2, f"{took:.3f} s"
    proxy.tell("heal r")


def limits_the_rate(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("set r rate=50000")
    began = time.monotonic()
    a.sendall(bytes(30000))
    assert len(take(b, 30000)) == 30000
    took = time.monotonic() - began
    assert took > 0.4, f"30,000 bytes at 50,000 a second in {took:.2f} s"


def one_byte_at_a_time(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("set r one=1")
    data = os.urandom(3000)
    a.sendall(data)
    assert take(b, 3000) == data
    b.sendall(data)
    assert take(a, 3000) == data


def cuts(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("cut r")
    assert gone(a) == "reset" and gone(b) == "reset"
    a, b = pair(port, target, 1)
    proxy.tell("cut r fin")
    assert gone(a) == "end" and gone(b) == "end"
    a, b = pair(port, target, 2)
    a.sendall(b"x")
    assert take(b, 1) == b"x", "a new connection passes"


def cuts_after_so_many(proxy, port, target):
    for n, direction in enumerate(("up", "down")):
        a, b = pair(port, target, n)
        source, sink = (a, b) if direction == "up" else (b, a)
        before = int(proxy.stats("r")[direction])
        proxy.tell(f"cut-after r {direction} 1000")
        source.sendall(bytes(5000))
        got = b""
        try:
            got = take(sink, 5000)
        except ConnectionResetError:
            pass  # a reset may take with it what was not read yet
        assert len(got) <= 1000 and int(proxy.stats("r")[direction]) - before == 1000
        assert gone(source) == "reset"


def half_open(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("half r")
    a.sendall(b"lost")
    b.sendall(b"lost as well")
    assert nothing_comes(a, 0.2) and nothing_comes(b, 0.2), "something passed, or an end was told"
    a.close()
    assert nothing_comes(b, 0.2), "the other side was told of the end"
    c, d = pair(port, target, 1)
    c.sendall(b"new")
    assert take(d, 3) == b"new", "a new connection passes"
    proxy.tell("heal r")
    b.sendall(b"still lost")
    assert nothing_comes(b, 0.1)
    assert proxy.stats("r")["swallowed"] == "1"


def stalls(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("set r stall=down")
    a.sendall(b"up")
    assert take(b, 2) == b"up", "the other direction goes on"
    b.sendall(b"down")
    assert nothing_comes(a, 0.2)
    proxy.tell("set r stall=none")
    assert take(a, 4) == b"down", "nothing is lost"
    b.settimeout(0.5)
    proxy.tell("set r stall=down")
    sent = 0
    try:
        while sent < 64 * 1024 * 1024:
            sent += b.send(bytes(65536))
    except TimeoutError:
        pass
    assert sent < 32 * 1024 * 1024, "the sender was not slowed down"
    proxy.tell("heal r")
    assert len(take(a, sent)) == sent


def refuses_and_swallows(proxy, port, target):
    a, b = pair(port, target, 0)
    proxy.tell("set r refuse=1")
    assert gone(a) == "reset" and gone(b) == "reset"
    try:
        socket.create_connection(("127.0.0.1", port), 2)
        raise AssertionError("not refused")
    except ConnectionRefusedError:
        pass
    proxy.tell("heal r")
    pair(port, target, 1)
    proxy.tell("set r hole=1")
    c = socket.create_connection(("127.0.0.1", port), 2)
    c.sendall(b"nobody hears this")
    assert nothing_comes(c, 0.2)
    proxy.tell("heal r")
    assert nothing_comes(c, 0.1), "what fell into the hole stays there"
    d, e = pair(port, target, 2)
    d.sendall(b"y")
    assert take(e, 1) == b"y"


def wrong_words(proxy, port, target):
    for line in (
        "",
        "cut nobody",
        "set r delay",
        "set r delay=-1",
        "set r fast=1",
        "cut-after r up 0",
        "jump r",
        "route r 127.0.0.1 1",
        "route x elsewhere 1",
    ):
        assert proxy.tell(line, good=False).startswith("error"), line
    a, b = pair(port, target, 0)
    a.sendall(b"z")
    assert take(b, 1) == b"z"


def clock_steps(build):
    with tempfile.TemporaryDirectory(prefix="remote-chaos-clock-") as folder:
        clock = Clock(build, folder, "x")
        script = (
            "import time,sys\n"
            "for _ in sys.stdin:\n"
            " print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic(),\n"
            "       flush=True)\n"
        )
        p = subprocess.Popen(
            [sys.executable, "-c", script],
            env=dict(os.environ, **clock.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def ask():
            p.stdin.write("\n")
            p.stdin.flush()
            return [float(x) for x in p.stdout.readline().split()]

        for real, boot in ((0, 0), (3600, 0), (-86400, 60), (0, 60)):
            clock.step(real_s=real, boot_s=boot)
            wall, since_boot, monotonic = ask()
            assert abs(wall - time.time() - real) < 2, f"{wall} at {time.time()} and {real}"
            assert abs(since_boot - time.clock_gettime(time.CLOCK_BOOTTIME) - boot) < 2
            assert abs(monotonic - time.monotonic()) < 2, "the monotonic clock must not move"
        p.stdin.close()
        p.wait(5)
        assert struct.unpack("<qq", open(clock.path, "rb").read()) == (0, 60_000_000_000)


TESTS = [
    passes_whole,
    delays,
    limits_the_rate,
    one_byte_at_a_time,
    cuts,
    cuts_after_so_many,
    half_open,
    stalls,
    refuses_and_swallows,
    wrong_words,
]


def main() -> int:
    build = sys.argv[1]
    for test in TESTS:
        target = Target()
        proxy = Proxy(find(build, "remote-chaos-proxy"))
        port = proxy.route("r", target.port)
        test(proxy, port, target)
        proxy.end()
        target.listener.close()
        print(f"ok  {test.__name__.replace('_', ' ')}", flush=True)
    clock_steps(build)
    print("ok  clock steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
