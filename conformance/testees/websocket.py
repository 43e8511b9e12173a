"""WebSocket (RFC 6455) on a socket, written for tests: each frame as the caller wants it, right or
wrong; what comes is taken strictly."""
from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SUBPROTOCOL = "remote.v1"
HEAD_BYTES_MAX = 65536


class Refused(OSError):
    """The server answered with something else than 101; `status` says what (0: nothing)."""

    def __init__(self, status: int, head: bytes, body: bytes = b"") -> None:
        super().__init__("HTTP %d" % status if status else "no answer")
        self.status, self.head, self.body = status, head, body


class Broken(OSError):
    """The server broke the rules of RFC 6455."""


def request(host: str, path: str = "/v1/link", key: str | None = None, headers=(), **replaced) -> bytes:
    """An upgrade request; `replaced`: other values for its headers, None to leave one out."""
    fields = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)).decode(),
              "Sec-WebSocket-Protocol": SUBPROTOCOL}
    for name, value in replaced.items():
        fields[name.replace("_", "-")] = value
    lines = ["GET %s HTTP/1.1" % path] + ["%s: %s" % (k, v) for k, v in fields.items() if v is not None]
    return ("\r\n".join(lines + ["%s: %s" % h for h in headers]) + "\r\n\r\n").encode("latin-1")


def frame(opcode: int, payload: bytes = b"", fin: bool = True, mask: bytes | None = b"\x37\xfa\x21\x3d",
          reserved: int = 0, length: int | None = None, form: int = 0) -> bytes:
    """One frame. mask None: not masked; length: what the header claims; form 16 or 64: in that many
    bits, also where fewer would do."""
    size = len(payload) if length is None else length
    out = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0 if mask is None else 0x80
    if form == 64 or (form == 0 and size > 65535):
        out += bytes([bit | 127]) + struct.pack(">Q", size)
    elif form == 16 or size > 125:
        out += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        out += bytes([bit | size])
    if mask is None:
        return out + payload
    wide = (mask * (len(payload) // 4 + 1))[:len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(wide, "big")).to_bytes(len(payload), "big")
    return out + mask + masked


class WebSocket:
    """The client's end, on a socket that is connected (and encrypted where it has to be)."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = b""
        self.close_code: int | None = None  # what the server's CLOSE said; 1005: nothing, 1006: no CLOSE came
        self.close_reason = b""

    # ---- the upgrade ----

    def upgrade(self, host: str, path: str = "/v1/link", **more) -> bytes:
        """The head of the answer, which is 101; else Refused."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(request(host, path, key, **more))
        head = self.read_head()
        status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.") else 0
        if status != 101:
            raise Refused(status, head, self.data)
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest())
        fields = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        if fields.get(b"sec-websocket-accept") != accept:
            raise Broken("a wrong Sec-WebSocket-Accept")
        if b"sec-websocket-extensions" in fields:
            raise Broken("an extension that nobody offered")
        return head

    def read_head(self) -> bytes:
        while b"\r\n\r\n" not in self.data:
            more = self.sock.recv(65536)
            if not more:
                if not self.data:
                    raise Refused(0, b"")
                raise Refused(int((self.data.split(b" ", 2) + [b"0", b"0"])[1] or 0), self.data)
            self.data += more
            if len(self.data) > HEAD_BYTES_MAX:
                raise Broken("a head without an end")
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        return head

    # ---- frames ----

    def send(self, opcode: int, payload: bytes = b"", **more) -> None:
        self.sock.sendall(frame(opcode, payload, **dict({"mask": os.urandom(4)}, **more)))

    def _take(self, count: int) -> bytes | None:
        """None: the connection ended."""
        parts = [self.data]
        have = len(self.data)
        while have < count:
            try:
                more = self.sock.recv(max(65536, count - have))
            except TimeoutError:
                self.data = b"".join(parts)
                raise
            if not more:
                self.data = b"".join(parts)
                return None
            parts.append(more)
            have += len(more)
        data = b"".join(parts)
        self.data = data[count:]
        return data[:count]

    def receive_frame(self) -> tuple[int, bool, bytes] | None:
        """(opcode, fin, payload); None: the connection ended."""
        head = self._take(2)
        if head is None:
            return None
        if head[1] & 0x80:
            raise Broken("a server masks")
        if head[0] & 0x70:
            raise Broken("a reserved bit")
        size, form = head[1] & 0x7F, 0
        if size >= 126:
            form = 2 if size == 126 else 8
            raw = self._take(form)
            if raw is None:
                return None
            size = int.from_bytes(raw, "big")
            if size <= (125 if form == 2 else 65535):
                raise Broken("a length that is not the shortest")
        payload = self._take(size)
        return None if payload is None else (head[0] & 15, bool(head[0] & 0x80), payload)

    def receive(self) -> bytes | None:
        """The next whole message; pings are answered on the way. None: closed, see close_code."""
        parts: list[bytes] = []
        while True:
            got = self.receive_frame()
            if got is None:
                if self.close_code is None:
                    self.close_code = 1006
                return None
            opcode, fin, payload = got
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
                self.close_reason = payload[2:]
                try:
                    self.send(CLOSE, payload[:2])
                except OSError:
                    pass
                return None
            elif opcode in (BINARY, TEXT, CONTINUATION):
                if (opcode == CONTINUATION) != bool(parts):
                    raise Broken("a continuation out of place")
                parts.append(payload)
                if fin:
                    return b"".join(parts)
