#!/usr/bin/python3
"""The relay's HTTP port on the real program: WebSockets of another make, what is hostile or slow,
proxies, certificates and files that change, a thousand connections, leaving.

    http_test.py BUILD [NAME...]"""
import asyncio
import base64
import contextlib
import os
import signal
import socket
import ssl
import struct
import sys
import time
import urllib.request

import websockets

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import carriers  # noqa: E402
from harness import Failure, SLOW, port_of, run, wait_until, with_parent  # noqa: E402

WAIT = 60 * SLOW


def check(condition, text):
    if not condition:
        raise Failure(text)


def serve(w, *flags, kind="ws"):
    w.carrier = carriers.kind_of(kind)
    w.start_relay(*flags)
    return port_of(w.listening)


def raw(port, data, tls=None):
    """Sends bytes and returns all that comes until the relay closes."""
    with socket.create_connection(("127.0.0.1", port), WAIT) as s:
        s.settimeout(WAIT)
        if tls:
            s = tls.wrap_socket(s, server_hostname="localhost")
        s.sendall(data)
        out = b""
        with contextlib.suppress(ConnectionError):
            while piece := s.recv(65536):
                out += piece
        s.close()
        return out


def get(port, path, fields=(), method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Connection: close", *fields]
    if not any(f.lower().startswith("host:") for f in fields):
        lines.append("Host: localhost")
    answer = raw(port, "\r\n".join(lines).encode() + b"\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]) if head else 0, head.decode().lower(), body


def upgrade(port, path="/v1/link", tls=None):
    """A WebSocket by hand: the socket behind its 101."""
    s = socket.create_connection(("127.0.0.1", port), WAIT)
    s.settimeout(WAIT)
    if tls:
        s = tls.wrap_socket(s, server_hostname="localhost")
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: remote.v1\r\n\r\n"
              .encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = s.recv(1)
        check(piece, f"no answer to the upgrade: {head}")
        head += piece
    check(head.startswith(b"HTTP/1.1 101"), f"no upgrade: {head}")
    return s


def frame(opcode, payload=b""):
    """A client's frame with a mask of zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload


def exactly(s, bytes_wanted):
    out = b""
    while len(out) < bytes_wanted:
        piece = s.recv(bytes_wanted - len(out))
        check(piece, "the connection ended inside a frame")
        out += piece
    return out


def next_frame(s):
    first, second = exactly(s, 2)
    length = second & 127
    if length >= 126:
        length = int.from_bytes(exactly(s, 2 if length == 126 else 8), "big")
    return first & 15, exactly(s, length)


def close_code(s):
    """Reads up to the close frame, and that nothing follows it."""
    while True:
        opcode, payload = next_frame(s)
        if opcode == 8:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                check(s.recv(1) == b"", "something follows the close frame")
            return int.from_bytes(payload[:2], "big")


# ---- tests ----

def answers(w):
    port = serve(w)
    check(get(port, "/healthz")[0] == 200, "/healthz")
    check(get(port, "/readyz")[2] == b"ready\n", "/readyz")
    status, head, body = get(port, "/metrics")
    check(status == 200 and b"\n# TYPE " in b"\n" + body, f"/metrics: {status}")
    check("server: libremote\r\n" in head and "libremote/" not in head, "the server tells its version")
    check(get(port, "/metrics", ["X-Forwarded-For: 1.2.3.4"])[0] == 403, "/metrics through a proxy")
    for path in ("/", "/v1", "/v1/link/", "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/.git/config"):
        check(get(port, path)[0] == 404, path)
    check(get(port, "/healthz", ["Host: evil.example"])[0] == 421, "DNS rebinding")
    check(get(port, "/healthz", ["Origin: https://evil.example"])[0] == 403, "a foreign page")
    check(get(port, "/v1/link")[0] == 426, "/v1/link without an upgrade")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WAIT) as answer:
        check(answer.read() == b"ok\n", "urllib")
    for bad in (b"\x16\x03\x01\x00\xc8" + bytes(200), b"GET / HTTP/1.1\nHost: x\n\n", b"\0" * 100000,
                b"GET / HTTP/1.1\r\nX: " + b"a" * 200000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x0a\x02\x08\x01",
                b"POST /v1/poll HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"):
        try:
            out = raw(port, bad)
        except ConnectionError:  # reset: it was not read to its end
            continue
        check(out == b"" or out.startswith(b"HTTP/1.1 4"), f"{bad[:20]}: {out[:60]}")
    w.cli("ls").expect(0)


def another_make(w):
    """python3-websockets: subprotocol, what it sends wrong, and the codes it gets."""
    port = serve(w)
    url = f"ws://127.0.0.1:{port}/v1/link"

    async def closes_with(data, **more):
        async with websockets.connect(url, subprotocols=["remote.v1"], max_size=None, close_timeout=WAIT,
                                      ping_interval=None, **more) as ws:
            check(ws.subprotocol == "remote.v1", "subprotocol")
            check(not ws.extensions, "an extension was taken")
            await asyncio.wait_for(await ws.ping(), WAIT)
            with contextlib.suppress(websockets.ConnectionClosed):
                await ws.send(data)
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), WAIT)
            return ws.close_code

    async def all_of_them():
        check(await closes_with("text") == 1003, "text")
        check(await closes_with(bytes(1024 * 1024 + 1)) in (1009, 1006), "over 1 MiB")
        check(await closes_with(b"\xff" * 20) == 1000, "not a Batch: GOAWAY, then a close in order")
        for protocols in (None, ["remote.v0"]):
            try:
                await websockets.connect(url, subprotocols=protocols)
                raise Failure(f"upgraded with {protocols}")
            except websockets.InvalidStatusCode as refused:
                check(refused.status_code == 400, f"{protocols}: {refused.status_code}")
        try:
            await websockets.connect(url, subprotocols=["remote.v1"], origin="https://evil.example")
            raise Failure("a foreign page is upgraded")
        except websockets.InvalidStatusCode as refused:
            check(refused.status_code == 403, f"Origin: {refused.status_code}")
    asyncio.run(all_of_them())
    for data, code in ((b"\x82\x01a", 1002), (frame(3), 1002), (frame(8, b"\x03\xe8"), 1000),
                       (b"\x82\xff" + struct.pack(">Q", 1 << 40) + bytes(4), 1009)):
        s = upgrade(port)
        s.sendall(data)
        check(close_code(s) == code, f"{data[:3]}: not {code}")
        s.close()


def a_thousand_connections(w):
    """Neither memory nor descriptors of the relay grow with those that came and went; who is silent
    or drips its head is ended meanwhile."""
    port = serve(w, "--log-level", "error")
    began = time.monotonic()
    silent, slow = (socket.create_connection(("127.0.0.1", port), WAIT) for _ in range(2))
    folder = f"/proc/{w.relay.pid}"

    def resident():
        return int(next(line for line in open(f"{folder}/status") if line.startswith("VmRSS")).split()[1])

    def descriptors():
        return len(os.listdir(f"{folder}/fd"))
    before = descriptors() + 2
    for i in range(800):
        s = upgrade(port)
        if i % 3 == 0:
            s.sendall(frame(8, b"\x03\xe8"))
            check(close_code(s) == 1000, "a close in order")
        elif i % 3 == 1:
            s.sendall(frame(2, b"\x0a\x05half")[:-3])
        s.close()
        if i == 200:
            wait_until("they are gone", lambda: descriptors() <= before, WAIT)
            memory = resident()
    wait_until("all are gone", lambda: descriptors() <= before, WAIT)
    check(resident() < memory + 3000, f"{memory} KiB became {resident()} KiB")
    silent.setblocking(False)
    slow.setblocking(False)
    ended = set()

    def both_are_ended():
        for s in {silent, slow} - ended:
            try:
                if s is slow:
                    s.send(b"G")
                if s.recv(1000) == b"":
                    ended.add(s)
            except BlockingIOError:
                pass
            except ConnectionError:
                ended.add(s)
        return len(ended) == 2
    wait_until("the slow ones are ended", both_are_ended, WAIT, 0.2)
    check(time.monotonic() - began > 8, "they had no time")
    w.cli("ls").expect(0)


def through_proxies(w):
    """`remote` through an HTTP proxy, with a password."""
    port = serve(w)
    import subprocess
    proxy = subprocess.Popen([sys.executable, f"{carriers.HERE}/connect_proxy.py", "me:se%cret"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, preexec_fn=with_parent)
    try:
        at = int(proxy.stdout.readline())
        good = {"HTTP_PROXY": f"http://me:se%25cret@127.0.0.1:{at}", "NO_PROXY": ""}
        w.cli("ls", env=good).expect(0)
        check(proxy.stdout.readline() == "tunnel\n", "nothing went through the proxy")
        # by default this machine is not asked for through a proxy, and NO_PROXY is heeded
        w.cli("ls", env={"HTTP_PROXY": "http://127.0.0.1:1"}).expect(0)
        w.cli("ls", env={"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.0/8"}).expect(0)
    finally:
        proxy.stdin.close()
        proxy.wait(WAIT)


def below_a_prefix(w):
    port = serve(w, "--listen", "http://127.0.0.1:0/relay")
    below = open(f"{w.data}/address").read().split()[1]
    check(below.endswith("/relay"), below)
    for url in (below, below.replace("http:", "ws:")):
        w.cli("--relay", url, "ls").expect(0)
    check(get(port, "/relay/healthz")[0] == 404, "the other listener has no prefix")
    result = w.cli("--relay", f"ws://127.0.0.1:{port}/relay", "ls").expect(3)  # at once: it cannot heal
    check("404: is the path right?" in result.err, result.err)


def certificates_and_files_change(w):
    """SIGHUP: new connections see the new certificate and files, those that are up stay."""
    w.certificates = certificates = carriers.Certificates(f"{w.root}/certificates")
    second, second_key = certificates.signed("second", "ca", "DNS:localhost,IP:127.0.0.1")
    w.env["REMOTE_TLS_CA"] = certificates.ca
    web = f"{w.root}/web"
    os.makedirs(web)
    with open(f"{web}/index.html", "w") as f:
        f.write("one")
    port = serve(w, "--web", web, kind="wss")
    context = ssl.create_default_context(cafile=certificates.ca)

    def serial():
        with socket.create_connection(("127.0.0.1", port), WAIT) as s, \
                context.wrap_socket(s, server_hostname="localhost") as t:
            return t.getpeercert()["serialNumber"]

    def page():
        return raw(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", context)
    first = serial()
    check(page().endswith(b"\r\n\r\none"), "the page")
    check(b"wasm-unsafe-eval" in page(), "its policy")
    w.cli("ls").expect(0)
    live = upgrade(port, tls=context)
    os.replace(second, certificates.cert)
    os.replace(second_key, certificates.key)
    with open(f"{web}/index.html", "w") as f:
        f.write("two")
    w.relay.send_signal(signal.SIGHUP)
    wait_until("the new certificate", lambda: serial() != first, WAIT)
    wait_until("the new page", lambda: page().endswith(b"\r\n\r\ntwo"), WAIT)
    live.sendall(frame(9, b"still here"))
    check(next_frame(live) == (10, b"still here"), "the connection that was up")
    live.close()
    w.cli("ls").expect(0)
    # what cannot be read changes nothing
    now = serial()
    with open(certificates.cert, "w") as f:
        f.write("rubbish")
    os.unlink(f"{web}/index.html")
    w.relay.send_signal(signal.SIGHUP)
    wait_until("it says so", lambda: "there is no index.html" in open(w.relay.log_path).read(), WAIT)
    check(serial() == now, "the certificate")
    check(page().endswith(b"\r\n\r\ntwo"), "the page")


def leaves_in_order(w):
    """SIGTERM: GOAWAY, then 1001; idle connections do not hold it up."""
    port = serve(w)
    idle = socket.create_connection(("127.0.0.1", port), WAIT)
    idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check(idle.recv(10) != b"", "no answer")
    s = upgrade(port)
    w.relay.send_signal(signal.SIGTERM)
    check(close_code(s) == 1001, "the code")
    check(w.relay.wait(WAIT) == 0, "its exit code")


if __name__ == "__main__":
    tests = [answers, another_make, a_thousand_connections, through_proxies, below_a_prefix,
             certificates_and_files_change, leaves_in_order]
    sys.exit(run(tests, sys.argv[1], sys.argv[2:]))
