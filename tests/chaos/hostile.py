"""Peers that do not keep to the protocol. They talk to the relay itself, over plain sockets."""
from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from random import Random


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def frame(kind: int, channel: int = 0, payload: bytes = b"", payload_field: int = 15) -> bytes:
    body = b"\x08" + varint(kind)
    if channel:
        body += b"\x10" + varint(channel)
    if payload:
        body += varint(payload_field << 3 | 2) + varint(len(payload)) + payload
    return b"\x0a" + varint(len(body)) + body


def noise(random: Random) -> bytes:
    return random.randbytes(random.randrange(1, 4000))


def huge_length(random: Random) -> bytes:
    return b"\x0a" + varint(random.choice([1 << 20, 1 << 31, 1 << 62])) + random.randbytes(50)


def long_varint(random: Random) -> bytes:
    return b"\x0a" + b"\xff" * random.randrange(10, 40)


def wrong_hello(random: Random) -> bytes:
    """A HELLO whose body is noise, or that says the right things with a token that nobody has."""
    hello = random.randbytes(random.randrange(0, 200))
    if random.random() < 0.5:
        token = b"rrt_" + random.randbytes(32).hex().encode()
        hello = (
            b"\x08\x01\x10\x01"
            + b"\x1a\x10"
            + random.randbytes(16)
            + b"\x20\x01\x32"
            + varint(len(token))
            + token
        )
    return frame(1, 0, hello)


def out_of_order(random: Random) -> bytes:
    """Frames that may come later only."""
    return b"".join(
        frame(
            random.choice([5, 7, 8, 12, 13, 14, 20]), random.randrange(0, 5), random.randbytes(20)
        )
        for _ in range(random.randrange(1, 20))
    )


def http(random: Random) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * random.randrange(1, 200)


def nested(random: Random) -> bytes:
    body = b""
    for _ in range(random.randrange(20, 2000)):
        body = b"\x0b" + body if random.random() < 0.2 else b"\x0a" + varint(len(body)) + body
        if len(body) > 15000:
            break
    return frame(1, 0, body)


TALKS = {
    "noise": noise,
    "a huge length": huge_length,
    "a long varint": long_varint,
    "a wrong HELLO": wrong_hello,
    "frames before HELLO": out_of_order,
    "HTTP": http,
    "deep nesting": nested,
}


def talk(port: int, random: Random) -> str:
    """One stranger: says something, perhaps byte by byte, perhaps leaving with a reset."""
    what = random.choice(sorted(TALKS))
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.settimeout(0.3)
            data = TALKS[what](random)
            if random.random() < 0.2:
                for byte in data[:60]:
                    s.sendall(bytes([byte]))
            else:
                s.sendall(data)
            if random.random() < 0.5:
                try:
                    s.recv(4096)
                except OSError:
                    pass
            if random.random() < 0.3:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        return "no connection"
    return what


def storm(port: int, random: Random, count: int) -> Counter:
    told: Counter = Counter()
    seeds = [random.getrandbits(64) for _ in range(count)]
    lock = threading.Lock()

    def some(part: list[int]) -> None:
        for seed in part:
            what = talk(port, Random(seed))
            with lock:
                told[what] += 1

    threads = [threading.Thread(target=some, args=(seeds[i::8],)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return told


class Background(threading.Thread):
    """A few strangers a second, as long as it runs."""

    def __init__(self, rig, seed: int, every_s: float = 0.25):
        super().__init__(daemon=True)
        self.rig, self.random, self.every_s = rig, Random(seed), every_s
        self.told: Counter = Counter()
        self.ends = threading.Event()

    def run(self) -> None:
        while not self.ends.wait(self.every_s):
            self.told[talk(self.rig.relay_port, self.random)] += 1

    def end(self) -> Counter:
        self.ends.set()
        self.join(5)
        return self.told
