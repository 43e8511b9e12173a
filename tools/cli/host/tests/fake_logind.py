"""A system bus with systemd-logind on it, as far as an inhibitor needs them: D-Bus on a Unix socket,
Hello, AddMatch and Manager.Inhibit, and the ways in which they fail. For tests:

    bus = FakeLogind(path)        env DBUS_SYSTEM_BUS_ADDRESS=unix:path=PATH
    bus.locks()                   what is held now: ["sleep:idle", …]
    bus.answer = "grant" | "deny" | "deny-sleep" | "unknown" | "silent"
    bus.restart()                 lets all locks go and closes all connections
    bus.drop_locks()              closes the other side of the locks, as a logind that ends"""
import contextlib
import os
import socket
import struct
import threading

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)


def pad(data, size):
    return data + b"\0" * (-len(data) % size)


def text(value):
    raw = value.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def message(kind, serial, fields, body=b""):
    """`fields`: {code: (signature, value)}"""
    out = b""
    for code, (signature, value) in fields.items():
        out = pad(out, 8) + bytes([code, len(signature)]) + signature.encode() + b"\0"
        if signature == "u":
            out = pad(out, 4) + struct.pack("<I", value)
        elif signature == "g":
            out += bytes([len(value)]) + value.encode() + b"\0"
        else:
            out = pad(out, 4) + text(value)
    head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), serial, len(out))
    return pad(head + out, 8) + body


def read_fields(data):
    """Header fields of a message, little-endian."""
    out, at = {}, 16
    end = 16 + struct.unpack_from("<I", data, 12)[0]
    while at < end:
        at += -at % 8
        code, length = data[at], data[at + 1]
        signature = data[at + 2:at + 2 + length].decode()
        at += 3 + length
        if signature == "u":
            at += -at % 4
            out[code] = struct.unpack_from("<I", data, at)[0]
            at += 4
        elif signature == "g":
            length = data[at]
            out[code] = data[at + 1:at + 1 + length].decode()
            at += length + 2
        else:
            at += -at % 4
            length = struct.unpack_from("<I", data, at)[0]
            out[code] = data[at + 4:at + 4 + length].decode()
            at += length + 5
    return out


def strings(body, count):
    out, at = [], 0
    for _ in range(count):
        at += -at % 4
        length = struct.unpack_from("<I", body, at)[0]
        out.append(body[at + 4:at + 4 + length].decode())
        at += length + 5
    return out


class FakeLogind:
    def __init__(self, path):
        self.path, self.answer = path, "grant"
        self.asked = []  # (what, who, why, mode) of every call
        self._held = []  # (what, our end of the pipe)
        self._connections = []
        self._lock = threading.Lock()
        self._listener = None
        self.listen()

    # ---- for the test ----

    def listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(16)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def locks(self):
        """A lock is held as long as somebody has its other end."""
        with self._lock:
            still = []
            for what, fd in self._held:
                try:
                    gone = os.read(fd, 1) == b""
                except BlockingIOError:
                    gone = False
                if gone:
                    os.close(fd)
                else:
                    still.append((what, fd))
            self._held = still
            return [what for what, _ in still]

    def drop_locks(self):
        with self._lock:
            for _, fd in self._held:
                os.close(fd)
            self._held = []

    def stop(self):
        """The bus is gone, and all on it."""
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections = []
        self.drop_locks()

    # ---- the bus ----

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ConnectionError, ValueError):
            rest = self._authenticate(connection)
            stream = connection.makefile("rb")
            while True:
                head = rest[:16] + stream.read(16 - len(rest[:16]))
                rest = rest[16:]
                if len(head) < 16:
                    return
                body_bytes, _, fields_bytes = struct.unpack_from("<III", head, 4)
                size = fields_bytes + -fields_bytes % 8 + body_bytes
                data = rest[:size]
                rest = rest[size:]
                data = head + data + stream.read(size - len(data))
                self._take(connection, data, body_bytes)

    @staticmethod
    def _authenticate(connection):
        """Lines until BEGIN; libsystemd sends them all at once. What came behind it is returned."""
        data = b""
        answered = 0
        while b"BEGIN\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                raise ConnectionError
            data += more
            lines = data.lstrip(b"\0").split(b"\r\n")[:-1]
            for line in lines[answered:]:
                if line.startswith(b"AUTH"):
                    connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n" if len(line.split()) > 2
                                       else b"DATA\r\n")
                elif line.startswith(b"DATA"):
                    connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
                elif line.startswith(b"NEGOTIATE_UNIX_FD"):
                    connection.sendall(b"AGREE_UNIX_FD\r\n")
            answered = len(lines)
        return data.split(b"BEGIN\r\n", 1)[1]

    def _take(self, connection, data, body_bytes):
        serial = struct.unpack_from("<I", data, 8)[0]
        fields = read_fields(data)
        body = data[len(data) - body_bytes:] if body_bytes else b""
        to = {REPLY_SERIAL: ("u", serial), DESTINATION: ("s", ":1.1")}
        member = fields.get(MEMBER)
        if member == "Hello":
            to[SENDER], to[SIGNATURE] = ("s", "org.freedesktop.DBus"), ("g", "s")
            connection.sendall(message(RETURN, 1, to, text(":1.1")))
        elif member == "AddMatch":
            to[SENDER] = ("s", "org.freedesktop.DBus")
            connection.sendall(message(RETURN, 2, to))
        elif member == "Inhibit":
            self._inhibit(connection, to, strings(body, 4))

    def _inhibit(self, connection, to, words):
        self.asked.append(tuple(words))
        denied = self.answer == "deny" or (self.answer == "deny-sleep" and "sleep" in words[0].split(":"))
        to[SENDER] = ("s", ":1.2")
        if self.answer == "silent":
            return
        if denied or self.answer == "unknown":
            name = ("org.freedesktop.DBus.Error.AccessDenied" if denied
                    else "org.freedesktop.DBus.Error.ServiceUnknown")
            why = "Permission denied" if denied else "The name org.freedesktop.login1 was not provided"
            to[SENDER] = ("s", ":1.2" if denied else "org.freedesktop.DBus")
            to[ERROR_NAME], to[SIGNATURE] = ("s", name), ("g", "s")
            connection.sendall(message(ERROR, 3, to, text(why)))
            return
        ours, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        to[SIGNATURE], to[UNIX_FDS] = ("g", "h"), ("u", 1)
        reply = message(RETURN, 4, to, struct.pack("<I", 0))
        with self._lock:
            self._held.append((words[0], ours))
        socket.send_fds(connection, [reply], [theirs])
        os.close(theirs)
