"""Carriers to a relay, as a client in another language would make them: sockets, ssl, WebSocket
framing of our own, grpcio. Each takes and gives bytes; on a message carrier each send is one
message.

    carrier = dial("wss://127.0.0.1:4711", ca="ca.pem")
    carrier.send(batch)
    data = carrier.receive()     # None: it has ended; carrier.ended says how
"""
from __future__ import annotations

import queue
import select
import socket
import ssl
import struct
import sys
import threading
from urllib.parse import urlsplit

from runner import wire
from testees import websocket

MESSAGE_BYTES_MAX = 1 << 20
SECONDS = 60  # nothing is waited for longer


class Stream:
    """tcp, unix, tls: bytes without an end."""

    message = False

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.ended = ""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive(self) -> bytes | None:
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            raise
        except OSError as why:
            self.ended = str(why)
            return None
        return data or None

    def abort(self) -> None:
        """As if the cable were cut: no farewell."""
        shut(self.sock)


class Messages:
    """ws, wss."""

    message = True

    def __init__(self, sock: socket.socket, host: str, path: str, **more) -> None:
        self.sock = sock
        self.socket = websocket.WebSocket(sock)
        self.socket.upgrade(host, path, **more)
        self.ended = ""
        self._lock = threading.Lock()

    def send(self, data: bytes) -> None:
        with self._lock:
            self.socket.send(websocket.BINARY, data)

    def receive(self) -> bytes | None:
        try:
            data = self.socket.receive()
        except TimeoutError:
            raise
        except OSError as why:
            self.ended = str(why)
            return None
        if data is None:
            self.ended = "close %s" % self.socket.close_code
        return data

    def abort(self) -> None:
        shut(self.sock)


class Call:
    """grpc, grpcs: remote.v1.Relay/Attach."""

    message = True

    def __init__(self, target: str, roots: bytes | None, metadata=()) -> None:
        import grpc
        options = [("grpc.max_receive_message_length", 4 << 20), ("grpc.max_send_message_length", 4 << 20),
                   ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
                   ("grpc.ssl_target_name_override", "localhost")]
        self.channel = grpc.insecure_channel(target, options[:4]) if roots is None else grpc.secure_channel(
            target, grpc.ssl_channel_credentials(roots), options)
        try:
            grpc.channel_ready_future(self.channel).result(SECONDS)
        except grpc.FutureTimeoutError:
            self.channel.close()
            raise OSError("no gRPC server answers") from None
        self.out: queue.Queue = queue.Queue()
        attach = self.channel.stream_stream("/remote.v1.Relay/Attach", request_serializer=bytes,
                                            response_deserializer=bytes)
        self.call = attach(iter(self.out.get, None), metadata=metadata)
        self.ended = ""

    def send(self, data: bytes) -> None:
        if self.ended:
            raise OSError(self.ended)
        self.out.put(data)

    def receive(self) -> bytes | None:
        import grpc
        try:
            return next(self.call)
        except StopIteration:
            self.ended = "OK"
        except grpc.RpcError as why:
            self.ended = "%s: %s" % (why.code().name, why.details())
        self.abort()
        return None

    def abort(self) -> None:
        self.out.put(None)
        self.call.cancel()
        self.channel.close()


def shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


class Encrypted:
    """TLS on a socket, for one thread that reads and others that write: an SSL object stands only one
    at a time."""

    def __init__(self, sock: socket.socket, ca: str, name: str, alpn: str | None) -> None:
        context = ssl.create_default_context(cafile=ca)
        if alpn:
            context.set_alpn_protocols([alpn])
        self.seconds = sock.gettimeout()
        self.ssl = context.wrap_socket(sock, server_hostname=name)
        self.ssl.setblocking(False)
        self._lock = threading.Lock()

    def settimeout(self, seconds: float) -> None:
        self.seconds = seconds

    def _done(self, act):
        while True:
            try:
                with self._lock:
                    return act()
            except ssl.SSLWantReadError:
                ready = select.select([self.ssl], [], [], self.seconds)
            except ssl.SSLWantWriteError:
                ready = select.select([], [self.ssl], [], self.seconds)
            except ssl.SSLEOFError:
                return b""
            except ValueError:
                raise OSError("closed") from None
            if not any(ready):
                raise TimeoutError("nothing for %s s" % self.seconds)

    def recv(self, count: int) -> bytes:
        return self._done(lambda: self.ssl.recv(count))

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            sent = self._done(lambda: self.ssl.send(view[:16384]))
            if not sent:
                raise OSError("closed")
            view = view[sent:]

    def shutdown(self, how: int) -> None:
        self.ssl.shutdown(how)

    def close(self) -> None:
        self.ssl.close()


def connected(url: str, ca: str | None = None, seconds: float = SECONDS) -> socket.socket:
    """The socket below a carrier that is no gRPC call, encrypted where the URL says so."""
    at = urlsplit(url)
    if at.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        sock.connect(at.path)
        return sock
    sock = socket.create_connection((at.hostname, at.port), seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if at.scheme in ("tls", "wss", "https", "polls"):
        sock = Encrypted(sock, ca, at.hostname, {"tls": "remote/1"}.get(at.scheme, "http/1.1"))
    return sock


def dial(url: str, ca: str | None = None, **more):
    """A carrier that is up; OSError when it cannot be had."""
    at = urlsplit(url)
    if at.scheme in ("grpc", "grpcs"):
        roots = open(ca, "rb").read() if at.scheme == "grpcs" else None
        return Call(at.netloc, roots, **more)
    sock = connected(url, ca)
    if at.scheme in ("ws", "wss", "http", "https"):
        try:
            return Messages(sock, at.netloc, (at.path.rstrip("/") or "") + "/v1/link", **more)
        except OSError:
            sock.close()
            raise
    return Stream(sock)


# ---- between a carrier and a program that selects on sockets ----


class Whole:
    """Bytes of a stream, as messages of whole frames; what is no frame goes as it is. Each message
    comes out with its length before it, for `bridge`."""

    def __init__(self) -> None:
        self.rest = b""
        self.blind = False

    def feed(self, data: bytes) -> bytes:
        self.rest += data
        out = b""
        while self.rest:
            end = len(self.rest)
            if not self.blind:
                try:
                    end = whole_bytes(self.rest)
                except wire.WireFault:
                    self.blind = True
            if end == 0:
                break
            out += struct.pack("<I", end) + self.rest[:end]
            self.rest = self.rest[end:]
        return out


class Parts:
    """Bytes of a stream, for `bridge`."""

    def feed(self, data: bytes) -> bytes:
        return struct.pack("<I", len(data)) + data if data else b""


def whole_bytes(data: bytes) -> int:
    """How far whole frames of a Batch reach, up to what fits into a message."""
    at = 0
    while at < len(data):
        head = wire.read_varint(data, at)
        if head is None:
            break
        tag, after = head
        if tag != 0x0A:  # no frame: whatever it is, the other side judges it
            raise wire.WireFault("field %d" % (tag >> 3))
        size = wire.read_varint(data, after)
        if size is None or size[1] + size[0] > len(data):
            if size is not None and size[0] > 2 << 20:
                raise wire.WireFault("a frame of %d bytes" % size[0])
            break
        if at and size[1] + size[0] > MESSAGE_BYTES_MAX:
            break
        at = size[1] + size[0]
    return at


def bridge(carrier) -> socket.socket:
    """A socket whose bytes pass over the carrier: messages with their length go in, bytes come out.
    Closing it aborts the carrier."""
    here, there = socket.socketpair()
    for sock in (here, there):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)

    def up() -> None:
        stream = there.makefile("rb")
        try:
            while len(head := stream.read(4)) == 4:
                carrier.send(stream.read(struct.unpack("<I", head)[0]))
        except (OSError, ValueError) as why:
            print("bridge: %s" % why, file=sys.stderr)
            return  # reading says that it is over
        carrier.abort()

    def down() -> None:
        try:
            while (data := carrier.receive()) is not None:
                there.sendall(data)
        except OSError:
            pass
        finally:
            shut(there)

    threading.Thread(target=up, daemon=True).start()
    threading.Thread(target=down, daemon=True).start()
    return here
