#!/usr/bin/python3
"""What an attacker can try at a relay, over each carrier, beside an honest session: as a stranger, as
somebody with an account, as another device of the same account, as a web page, as another user of
the machine; and what a malicious host and a malicious relay can try at honest clients.

    attack_test.py --build DIR [--carrier KIND[,KIND]] [--table FILE] [WORD...]

Each attempt returns what it got; the table says with which code it was refused. After each carrier
the honest session has lost nothing, was never cut off, and nothing secret is in the relay's log."""
from __future__ import annotations

import argparse
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from beside import Beside, resident_kib  # noqa: E402
from carriers import Certificates  # noqa: E402
from harness import SLOW, NotBuilt, port_of  # noqa: E402
from raw import Peer, exchange, filling, hello  # noqa: E402
from runner import frames, wire  # noqa: E402
from testees import dialled, websocket  # noqa: E402

NAMES = {0: "", 1003: "INTERNAL", 1004: "SLOW_DOWN", 2003: "BAD_POSITION", 3001: "UNAUTHENTICATED", 3002: "FORBIDDEN",
         3003: "REVOKED", 3004: "SUPERSEDED", 3005: "FENCED", 3006: "UPGRADE_REQUIRED", 3007: "POLICY",
         3009: "NOT_FOUND", 4001: "PROTOCOL", 4002: "LIMIT", 4003: "DECODE", 4004: "INFLATE"}


def coded(code: int) -> str:
    return f"{code} {NAMES.get(code, '')}".strip() if code else "nothing"


class Attack:
    """The attacker's place: a relay with an honest session in it, a second account, tokens."""

    def __init__(self, world: Beside):
        self.world = world
        self.ca = world.certificates.ca if world.certificates else None
        self.token = open(world.token_file).read().strip()
        world.relay_command("account", "other").expect(0)
        world.relay_command("account", "viewer", "--ceiling", "view").expect(0)
        self.others = self.new_token("other", "stranger")
        self.second = self.new_token("owner", "phone")
        self.viewers = self.new_token("viewer", "tablet")

    def new_token(self, account, device):
        out = self.world.relay_command("token", "--account", account, "--device", device).expect(0).out
        return out.split()[0]

    def peer(self) -> Peer:
        return Peer(self.world.url, self.ca)

    def signed_in(self, token, role="CLIENT", **more) -> Peer:
        peer = self.peer()
        peer.say(hello(token, role, **more))
        welcome = peer.take("WELCOME", "REFUSE", "GOAWAY")
        assert welcome is not None and str(welcome.type) == "WELCOME", f"not let in: {welcome}"
        return peer

    def answer_to(self, token, *parts, role="CLIENT") -> str:
        """What a link with this token is answered: the code of the first refusal."""
        peer = self.signed_in(token, role)
        peer.say(*parts)
        got = peer.take("OPENED", "CLOSE", "REPLY", "RECEIPT", "GOAWAY", "REFUSE")
        peer.abort()
        return self.verdict(got)

    @staticmethod
    def verdict(frame) -> str:
        if frame is None:
            return "it ends"
        message = frame.payload_message()
        if str(frame.type) in ("CLOSE", "GOAWAY", "REFUSE"):
            return coded(message.code)
        problem = message.problem if "problem" in message.DESCRIPTOR.fields_by_name else None
        if problem is not None and problem.code:
            return coded(problem.code)
        return str(frame.type)

    def open(self, log="EVENTS", direction="SUBSCRIBE", session=None, channel=1, **more):
        fields = {"session_id": session or self.world.session, "log": log, "direction": direction}
        if direction == "SUBSCRIBE":
            fields["start"] = "BEGINNING"
        else:
            fields.update(epoch=os.urandom(16).hex())
        fields.update(more)
        return {"type": "OPEN", "channel": channel, "credit": 1 << 20, "open": fields}


# ---- as a stranger, on each carrier ----

def no_token_opens(a):
    """A link without a token opens the session."""
    return a.answer_to("", a.open())


def no_token_lists(a):
    """A link without a token asks for the list of sessions."""
    return a.answer_to("", {"type": "REQUEST", "request": {"id": 1, "list_sessions": {}}})


def wrong_token(a):
    """A token that nobody was given."""
    peer = a.peer()
    peer.say(hello("rrt_" + "A" * 43))
    return coded(peer.code())


def token_with_a_tail(a):
    """A right token and one more byte."""
    peer = a.peer()
    peer.say(hello(a.token + "x"))
    return coded(peer.code())


def revoked_token(a):
    """A token that was good, revoked while its link lives; and again after."""
    token = a.new_token("other", "lost")
    peer = a.signed_in(token)
    listed = a.world.relay_command("account").expect(0).out
    device = next(word.split("=")[-1] for line in listed.splitlines() if " lost" in line or "lost " in line
                  for word in line.split() if len(word.split("=")[-1]) == 32)
    a.world.relay_command("token", "--revoke", device).expect(0)
    live = peer.code()
    again = a.peer()
    again.say(hello(token))
    return f"{coded(live)}; then {coded(again.code())}"


def no_hello(a):
    """Another frame before HELLO."""
    peer = a.peer()
    peer.say(a.open())
    return coded(peer.code())


def version_of_the_future(a):
    """A HELLO of versions that the relay does not know."""
    peer = a.peer()
    peer.say(hello(a.token, version_min=900, version_max=901))
    return coded(peer.code())


def hello_of_64_kib(a):
    """A HELLO that is larger than all of them may be."""
    peer = a.peer()
    peer.say({"type": "HELLO", "payload": "00" * 65536})
    return coded(peer.code())


def forged_welcome(a):
    """What only a relay may say."""
    peer = a.signed_in(a.others)
    peer.say({"type": "WELCOME", "welcome": {"version": 1}})
    return coded(peer.code())


# ---- as somebody with an account of their own ----

def session_of_another(a):
    """Another account reads the session by its id, which it has learnt."""
    real = a.answer_to(a.others, a.open())
    none = a.answer_to(a.others, a.open(session=os.urandom(16).hex()))
    assert real == none, f"a session that is there is told from one that is not: {real}, {none}"
    return f"{real}, as for an id that nobody has"


def commands_to_another(a):
    """Another account sends commands to the session."""
    return a.answer_to(a.others, a.open("COMMANDS", "PUBLISH", epoch=os.urandom(16).hex()))


def commands_of_another(a):
    """Another account reads its commands."""
    return a.answer_to(a.others, a.open("COMMANDS", writer_generation=1 << 50), role="HOST")


def deletes_anothers(a):
    """Another account deletes the session."""
    got = a.answer_to(a.others, {"type": "REQUEST", "request": {
        "id": 1, "delete_session": {"session_id": a.world.session}}})
    assert any(s["session_id"] == a.world.session for s in a.world.sessions()), "the session is gone"
    return got


def revokes_anothers(a):
    """Another account revokes a device of this one."""
    peer = a.signed_in(a.second)
    welcome_device = a.world.relay_command("account").expect(0).out
    device = next(w.split("=")[-1] for line in welcome_device.splitlines() if "phone" in line for w in line.split()
                  if len(w.split("=")[-1]) == 32)
    got = a.answer_to(a.others, {"type": "REQUEST", "request": {"id": 1, "revoke_device": {"device_id": device}}})
    peer.say({"type": "PING", "payload": "0000000000000001"})
    assert peer.take("PONG") is not None, "the device was signed out"
    peer.abort()
    return got


def same_id_elsewhere(a):
    """Another account publishes a session of the same id: it is one of its own."""
    got = a.answer_to(a.others, a.open(direction="PUBLISH", writer_generation=1 << 50,
                                       description={"title": "mine"}), role="HOST")
    listed = [s for s in a.world.sessions() if s["session_id"] == a.world.session]
    own = {"type": "REQUEST", "request": {"id": 1, "delete_session": {"session_id": a.world.session}}}
    assert a.answer_to(a.others, own) == "REPLY", "its own session cannot be deleted"
    assert len(listed) == 1 and listed[0].get("title") != "mine", f"it shows in the honest account: {listed}"
    return f"{got}, in its own account only"


# ---- as another device of the same account ----

def forged_writer(a):
    """Another device of the account publishes into the session, with a higher writer generation."""
    return a.answer_to(a.second, a.open(direction="PUBLISH", writer_generation=1 << 50), role="HOST")


def steals_commands(a):
    """Another device of the account takes the session's commands, as its host would."""
    return a.answer_to(a.second, a.open("COMMANDS", writer_generation=1 << 50), role="HOST")


def acknowledges_for_the_host(a):
    """A client says that commands are delivered."""
    peer = a.signed_in(a.second)
    peer.say({"type": "ACK", "channel": 1, "offset": 99})
    got = coded(peer.code())
    peer.abort()
    return got


def viewer_commands(a):
    """A device that may only look sends something that acts."""
    session = os.urandom(16).hex()
    host = a.signed_in(a.viewers, "HOST")
    host.say(a.open(direction="PUBLISH", session=session, writer_generation=1, description={"title": "x"}))
    opened = host.take("OPENED", "CLOSE")
    if str(opened.type) == "CLOSE":
        return a.verdict(opened)
    epoch, link = opened.payload_message().epoch.hex(), os.urandom(16)
    peer = a.signed_in(a.viewers, link=link)
    peer.say(a.open("COMMANDS", "PUBLISH", session=session, epoch=link.hex()))
    peer.take("OPENED", "CLOSE")
    peer.logs[1] = "COMMANDS"
    peer.say({"type": "BLOCK", "channel": 1, "offset": 0, "messages": [{"envelope": {
        "command_id": os.urandom(16).hex(), "class": "CONTROL", "event_epoch": epoch}, "command": {
            "submit_prompt": {"text": "act"}}}]})
    got = peer.take("RECEIPT", "GOAWAY", "CLOSE")
    peer.abort()
    host.abort()
    return a.verdict(got)


def replayed_hello(a):
    """The bytes of an honest HELLO, once more."""
    link, generation = os.urandom(16), int(time.time() * 1000)
    first = a.signed_in(a.second, link=link, generation=generation)
    again = a.peer()
    again.say(hello(a.second, "CLIENT", link=link, generation=generation))
    code = again.code()
    first.say({"type": "PING", "payload": "0000000000000001"})
    assert first.take("PONG") is not None, "the honest link was cut off"
    first.abort()
    return coded(code)


def lower_generation(a):
    """An older attempt of a link comes late."""
    link, generation = os.urandom(16), int(time.time() * 1000)
    first = a.signed_in(a.second, link=link, generation=generation)
    again = a.peer()
    again.say(hello(a.second, "CLIENT", link=link, generation=generation - 1))
    code = again.code()
    first.say({"type": "PING", "payload": "0000000000000001"})
    assert first.take("PONG") is not None, "the honest link was cut off"
    first.abort()
    return coded(code)


def link_of_another(a):
    """Another account takes the id of an honest link, with a higher generation."""
    link, generation = os.urandom(16), int(time.time() * 1000)
    first = a.signed_in(a.second, link=link, generation=generation)
    peer = a.signed_in(a.others, link=link, generation=generation + 5)
    first.say({"type": "PING", "payload": "0000000000000001"})
    assert first.take("PONG") is not None, "the honest link was cut off"
    first.abort()
    peer.abort()
    return "two links, none the other's"


# ---- too much ----

def many_channels(a):
    """1,000 channels of one link."""
    peer = a.signed_in(a.others)
    try:
        peer.say(*[a.open(session=os.urandom(16).hex(), channel=i + 1) for i in range(1000)])
    except OSError:
        pass
    seen = set()
    while True:
        frame = peer.take("CLOSE", "OPENED", "GOAWAY")
        if frame is None:
            break
        seen.add(a.verdict(frame))
        if str(frame.type) == "GOAWAY" or (str(frame.type) == "CLOSE" and frame.frame.channel >= 1000):
            break
    peer.abort()
    assert "OPENED" not in seen
    return ", ".join(sorted(seen))


def flood_of_pings(a):
    """200,000 small frames as fast as they go."""
    before = resident_kib(a.world.relay.pid)
    peer = a.signed_in(a.others)
    many = b"".join([frames.encode({"type": "PING", "payload": "0102030405060708"})] * 2000)
    try:
        for _ in range(100):
            peer.say(many)
    except OSError:
        pass
    code = peer.code()
    peer.abort()
    grown = resident_kib(a.world.relay.pid) - before
    assert grown < 8192, f"the relay grew by {grown} KiB"
    return coded(code)


def many_strangers(a):
    """100 connections that say nothing, and stay."""
    held = []
    try:
        for _ in range(100):
            held.append(a.peer())
    except OSError:
        pass
    a.world.goes_on(1)
    for peer in held:
        peer.abort()
    return f"{len(held)} held, the honest go on"


def guessed_tokens(a):
    """60 wrong tokens, one after the other."""
    codes = []
    for i in range(60):
        peer = a.peer()
        peer.say(hello("rrt_%043d" % i))
        codes.append(peer.code())
        peer.abort()
    a.world.goes_on(1)
    assert set(codes) == {3001}, codes
    return ", ".join(f"{codes.count(c)} times {coded(c)}" for c in sorted(set(codes), reverse=True))


def frame_without_an_end(a):
    """A frame that claims to be of 4 GiB."""
    peer = a.signed_in(a.others)
    try:
        peer.say(b"\x0a" + wire.varint(1 << 32) + b"\x08\x05")
    except OSError:
        pass
    code = peer.code()
    peer.abort()
    return coded(code)


STRANGER = [no_token_opens, no_token_lists, wrong_token, token_with_a_tail, revoked_token, no_hello,
            version_of_the_future, hello_of_64_kib, forged_welcome, session_of_another, commands_to_another,
            commands_of_another, deletes_anothers, revokes_anothers, same_id_elsewhere, forged_writer, steals_commands,
            acknowledges_for_the_host, viewer_commands, replayed_hello, lower_generation, link_of_another, many_channels,
            flood_of_pings, many_strangers, frame_without_an_end, guessed_tokens]
EXPECTED = {
    "no_token_opens": {"3001"}, "no_token_lists": {"3001"}, "wrong_token": {"3001"}, "token_with_a_tail": {"3001"},
    "revoked_token": {"3003", "3001"}, "no_hello": {"4001"}, "version_of_the_future": {"3006"},
    "hello_of_64_kib": {"4002", "4001"}, "forged_welcome": {"4001"}, "session_of_another": {"3009"},
    "commands_to_another": {"3009"}, "commands_of_another": {"3009", "3002"}, "deletes_anothers": {"3009"},
    "revokes_anothers": {"3009"}, "same_id_elsewhere": {"OPENED,"}, "forged_writer": {"3002"},
    "steals_commands": {"3002"}, "acknowledges_for_the_host": {"4001"}, "viewer_commands": {"5002"},
    "replayed_hello": {"3004"}, "lower_generation": {"3004"}, "link_of_another": {"two"},
    "many_channels": {"3009", "4002", "1004"}, "flood_of_pings": {"1004", "nothing"}, "many_strangers": {"100"},
    "guessed_tokens": {"60 times"}, "frame_without_an_end": {"4001", "4002"},
}


# ---- by long-poll ----

def poll_attacks(a):
    """(what, what came) of POSTs."""
    url = a.world.url

    def code_of(answer):
        return next((coded(f.payload_message().code) for f in answer[1]
                     if str(f.type) in ("REFUSE", "GOAWAY", "CLOSE")), f"HTTP {answer[0]}")
    yield "no token, the session by its id", code_of(exchange(url, a.ca, hello("", "CLIENT", exchange=1), a.open())), \
        ("3001",)
    yield "a wrong token", code_of(exchange(url, a.ca, hello("rrt_" + "B" * 43, exchange=1))), ("3001",)
    yield "another account, the session by its id", code_of(exchange(
        url, a.ca, hello(a.others, "CLIENT", exchange=1), a.open())), ("3009",)
    yield "another device publishes into the session", code_of(exchange(
        url, a.ca, hello(a.second, exchange=1), a.open(direction="PUBLISH", writer_generation=1 << 50))), ("3002",)
    link, generation = os.urandom(16), int(time.time() * 1000)
    same = dict(link=link, generation=generation)
    ping = {"type": "PING", "payload": "0000000000000001"}
    first = exchange(url, a.ca, hello(a.second, "CLIENT", exchange=5, **same), ping)
    assert any(str(f.type) == "WELCOME" for f in first[1]), f"an honest exchange: {first}"
    yield "the same exchange once more", code_of(exchange(
        url, a.ca, hello(a.second, "CLIENT", exchange=5, **same), ping)), ("3004",)
    yield "a lower exchange", code_of(exchange(
        url, a.ca, hello(a.second, "CLIENT", exchange=4, **same), ping)), ("3004",)
    yield "a body that is no Batch", code_of(exchange(url, a.ca, b"\xff" * 64)), ("4001", "HTTP 4")
    yield "a body of 1 MiB + 1", code_of(exchange(url, a.ca, filling((1 << 20) + 1))), ("HTTP 413",)


# ---- as a web page, or anybody with curl ----

def http_answer(a, request: bytes, keep=False) -> tuple[str, bytes]:
    at = a.world.url.split("://", 1)[1]
    sock = dialled.connected(("https" if a.world.carrier.encrypted else "http") + "://" + at, a.ca)
    try:
        sock.sendall(request.replace(b"HOST", at.encode()))
        data = b""
        while more := sock.recv(65536):
            data += more
            if keep and b"\r\n\r\n" in data:
                break
    except OSError:
        pass
    finally:
        sock.close()
    return (f"HTTP {data.split(b' ', 2)[1].decode(errors='replace')}" if data.startswith(b"HTTP/1") else "it ends"), data


def web_attacks(a):
    def get(path, *headers, method="GET"):
        lines = [f"{method} {path} HTTP/1.1", "Host: HOST", "Connection: close", *headers]
        return http_answer(a, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    at = a.world.url.split("://", 1)[1]
    for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd",
                 "//etc/passwd", "/web/..;/..;/secret.txt", "/%00", "/.%2e/secret.txt", "/..\\secret.txt",
                 "/link-to-secret"):
        status, body = get(path)
        assert b"root:" not in body and b"outside of the web folder" not in body, f"{path} gives a file away"
        yield f"path {path}", status, ("HTTP 400", "HTTP 403", "HTTP 404", "it ends")
    status, body = get("/")
    yield "a page of the web folder has a policy", "strict" if b"ontent-" in body and b"default-src" in body.lower() \
        and b"nosniff" in body.lower() else f"none: {status}", ("strict",)
    for origin in ("https://evil.example", "null", f"http://{at}.evil.example", "file://", f"http://evil@{at}"):
        head = websocket.request("HOST", headers=(("Origin", origin), ("Connection", "close")))
        yield f"WebSocket from a page of {origin.replace(at, 'RELAY')}", http_answer(a, head, keep=True)[0], ("HTTP 403",)
        yield f"long-poll from a page of {origin.replace(at, 'RELAY')}", get(
            "/v1/poll", f"Origin: {origin}", "Content-Type: text/plain", "Content-Length: 0", method="POST")[0], \
            ("HTTP 403",)
    yield "a name that was bound to 127.0.0.1 (DNS rebinding)", http_answer(
        a, b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")[0], ("HTTP 4",)
    yield "a form of another page posts text/plain", get(
        "/v1/poll", "Content-Type: text/plain", "Content-Length: 0", method="POST")[0], ("HTTP 4",)
    preflight = get("/v1/poll", "Origin: https://evil.example", "Access-Control-Request-Method: POST", method="OPTIONS")
    assert b"access-control-allow-origin" not in preflight[1].lower(), "another origin is allowed"
    yield "the preflight of another page", preflight[0], ("HTTP 4", "HTTP 501")
    yield "a token in the URL", http_answer(a, websocket.request("HOST", f"/v1/link?token={a.token}"), keep=True)[0], \
        ("HTTP 101", "HTTP 4")
    yield "a header of 64 KiB", get("/", "X: " + "y" * 65536)[0], ("HTTP 4", "it ends")
    yield "two lengths", get("/v1/poll", "Content-Length: 5", "Content-Length: 6", method="POST")[0], ("HTTP 4", "it ends")
    yield "a length and chunks", get("/v1/poll", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST")[0], \
        ("HTTP 4", "it ends", "HTTP 501")
    yield "a length of 2^64", get("/v1/poll", "Content-Length: 18446744073709551616", method="POST")[0], \
        ("HTTP 4", "it ends")
    yield "TRACE", get("/", method="TRACE")[0], ("HTTP 4", "HTTP 501")
    yield "CONNECT to elsewhere", http_answer(
        a, b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")[0], \
        ("HTTP 4", "HTTP 501", "it ends")
    yield "another's address in X-Forwarded-For", get("/metrics", "X-Forwarded-For: 203.0.113.9")[0], ("HTTP ",)


# ---- what is not about one carrier ----

def machine_attacks(a):
    """As another user of the same machine; as one who listens."""
    w = a.world
    nobody = shutil.which("setpriv") and os.geteuid() == 0
    if nobody:
        def as_nobody(code):
            os.chmod(w.root, 0o711)
            try:
                return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3",
                                       "-c", code], capture_output=True, text=True, timeout=60).stdout.strip()
            finally:
                os.chmod(w.root, 0o700)
        tries = "\ntry:\n    %s\n    print('taken')\nexcept OSError as e:\n    print('refused:', e.strerror)"
        for what, act in (("reads the token file", f"open('{w.token_file}')"),
                          ("reads the store", f"open('{w.data}/relay.db')"),
                          ("talks to the control socket",
                           f"import socket; socket.socket(socket.AF_UNIX).connect('{w.data}/control')"),
                          ("reads the host's journal", f"open('{w.journal()}')"),
                          ("reads the environment of the host", f"open('/proc/{w.host.pid}/environ').read()"),
                          ("reads the memory of the relay", f"open('/proc/{w.relay.pid}/mem')")):
            yield f"another user {what}", as_nobody(tries % act), ("refused",)
    said = ""
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                said += open(f"/proc/{pid}/cmdline", errors="replace").read()
            except OSError:
                pass
    yield "a token on a command line", "shown" if a.token in said else "none", ("none",)
    for url in ("tcp://0.0.0.0:0", "http://0.0.0.0:0", "grpc://0.0.0.0:0"):
        done = subprocess.run([w.program["remote-relay"], "serve", "--data", f"{w.root}/another", "--listen", url],
                              capture_output=True, text=True, timeout=60, env=w.env)
        if "this build cannot" in done.stderr:
            continue
        yield f"a relay that listens on {url.replace(':0', ':PORT')} in plain text", \
            f"refused (exit {done.returncode})" if "--insecure" in done.stderr else done.stderr, ("refused",)
    for scheme in ("tcp", "ws", "http", "poll", "grpc"):
        done = w.cli("ls", "--relay", f"{scheme}://192.0.2.1:9", timeout=60)
        if "this build" in done.err:
            continue
        yield f"a client that is sent to {scheme}://192.0.2.1 in plain text", \
            f"refused (exit {done.code})" if "--insecure" in done.err else done.err, ("refused",)


class FakeRelay:
    """A malicious relay: says these bytes to whoever connects, keeps what it is told."""

    def __init__(self, says=b"", certificate=None, hold=False):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.says, self.heard, self.hold = says, b"", hold
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
                sock.settimeout(20)
                if self.context:
                    sock = self.context.wrap_socket(sock, server_side=True)
                self.heard += sock.recv(65536)
                sock.sendall(self.says)
                while self.hold and (more := sock.recv(65536)):
                    self.heard += more
                sock.close()
            except OSError:
                if self.listener.fileno() < 0:
                    return

    def end(self):
        self.listener.close()


def relay_attacks(a):
    """As a malicious relay, against an honest client."""
    w = a.world
    escape = "\x1b]0;evil\x07\x1b[2J\x1b[31mred"
    refuse = frames.encode({"type": "REFUSE", "problem": {"code": 3002, "reason": escape}})
    fake = FakeRelay(refuse)
    done = w.cli("ls", "--relay", f"tcp://127.0.0.1:{fake.port}", timeout=60)
    fake.end()
    assert done.code not in (0,), "a refusal is no success"
    yield "a reason with escape sequences", "shown plainly" if "\x1b" not in done.out + done.err else "passed on", \
        ("shown plainly",)
    for what, data in (("a frame of 4 GiB", b"\x0a" + wire.varint(1 << 32)), ("garbage", b"HTTP/1.1 200 OK\r\n\r\n"),
                       ("an endless WELCOME", frames.encode({"type": "WELCOME", "payload": "0a" * 200000}))):
        fake = FakeRelay(data)
        done = w.cli("ls", "--relay", f"tcp://127.0.0.1:{fake.port}", timeout=60)
        fake.end()
        assert done.code > 0, f"exit {done.code} after {what}"
        yield f"a relay that says {what}", f"exit {done.code}: {done.err.strip().splitlines()[0][:90]}", ("exit",)
    certificates = Certificates(f"{w.root}/false")
    env = {"REMOTE_TLS_CA": w.certificates.ca if w.certificates else certificates.other_ca}
    for scheme in ("tls", "wss", "grpcs", "polls"):
        fake = FakeRelay(certificate=(certificates.cert, certificates.key), hold=True)
        done = w.cli("ls", "--relay", f"{scheme}://127.0.0.1:{fake.port}", env=env, timeout=90)
        fake.end()
        if "this build" in done.err:
            continue
        assert done.code > 0 and a.token.encode() not in fake.heard, "the token was sent to a stranger"
        yield f"a relay with somebody else's certificate ({scheme})", f"refused (exit {done.code}), no token sent", \
            ("refused",)


def host_attacks(a):
    """As a malicious host of the same account, against honest readers."""
    w = a.world
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(bytes(50 << 20)) + bomb.flush()
    title = "\x1b]0;evil\x07\x1b[2Jtitle"
    for what, block in (
            ("a bomb of 50 MiB in 50 KiB", {"flags": ["COMPRESSED"], "inflated_bytes": 1 << 20, "count": 1,
                                            "payload": packed.hex()}),
            ("an inflated size of 4 GiB", {"flags": ["COMPRESSED"], "inflated_bytes": 0xFFFFFFFF, "count": 1,
                                           "payload": packed[:1000].hex()}),
            ("a block that is no event", {"count": 1, "payload": wire.delimited([b"\xff" * 64]).hex()})):
        session = os.urandom(16).hex()
        host = a.signed_in(a.second, "HOST")
        host.say(a.open(direction="PUBLISH", session=session, writer_generation=1, description={"title": title}))
        opened = host.take("OPENED", "CLOSE")
        assert str(opened.type) == "OPENED", f"{what}: {opened}"
        host.say({"type": "BLOCK", "channel": 1, "offset": 0, **block})
        got = host.take("ACK", "GOAWAY", "CLOSE")
        if str(got.type) != "ACK":
            host.abort()
            yield f"a host publishes {what}", f"refused by the relay: {a.verdict(got)}", ("refused",)
            continue
        watch = w.start_cli("watch", session, "--json", "--from", "start", "--until", "idle", "--timeout", "3")
        peak = 0
        while watch.alive:
            try:
                peak = max(peak, resident_kib(watch.pid, "VmHWM"))
            except (OSError, StopIteration):
                break
            time.sleep(0.01)
        code = watch.wait(60)
        host.abort()
        assert peak < 48 * 1024, f"the reader took {peak} KiB"
        yield f"a host publishes {what}", f"a reader refuses the block (exit {code})", ("a reader refuses",)
        listed = w.cli("ls")
        assert "\x1b]0;evil" not in listed.out, "a title's escape sequences reach the terminal"
        w.cli("rm", session, "--yes").expect(0)
    yield "a title with escape sequences", "shown plainly", ("shown",)


def expected(got: str, allowed) -> bool:
    return any(got.startswith(x) for x in allowed)


def on_carrier(build, carrier, words, everything):
    """[(attempt, what came, as expected)] on one carrier."""
    name = carrier
    web = carrier in ("ws", "wss", "poll", "polls")
    world = Beside(build, f"attack-{carrier}", carrier)
    if web:
        folder = f"{world.root}/web"
        os.makedirs(folder)
        with open(f"{folder}/index.html", "w") as f:
            f.write("<!doctype html><title>web</title>")
        with open(f"{world.root}/secret.txt", "w") as f:
            f.write("outside of the web folder")
        os.symlink(f"{world.root}/secret.txt", f"{folder}/link-to-secret")
        world.flags = ["--web", folder]
    rows = []

    def note(what, got, good):
        rows.append((what, got, good))
        print(f"{'ok' if good else 'FAILED':7} {name:6} {what:64} {got}", flush=True)
    try:
        world.begin()
        a = Attack(world)
        if not carrier.startswith("poll"):
            for attempt in STRANGER:
                if words and not any(w in attempt.__name__ for w in words):
                    continue
                try:
                    got = attempt(a)
                    good = expected(got, EXPECTED[attempt.__name__])
                except Exception as e:  # the others go on
                    got, good = f"{type(e).__name__}: {e}", False
                note(attempt.__doc__.rstrip("."), got, good)
                assert world.relay.alive, f"the relay has ended: {attempt.__name__}"
        families = [web_attacks] if web else []
        families += [poll_attacks] if carrier.startswith("poll") else []
        families += [machine_attacks, relay_attacks, host_attacks] if everything else []
        for family in families:
            if words and not any(w in family.__name__ for w in words):
                continue
            try:
                for what, got, allowed in family(a):
                    note(what, got, expected(got, allowed))
            except Exception as e:
                note(family.__name__, f"{type(e).__name__}: {e}", False)
        world.finish()
        world.clean(keep=False)
    except NotBuilt:
        world.clean(keep=False)
    except Exception as e:
        note("the honest session beside it all", f"{type(e).__name__}: {e}", False)
        world.show_logs()
        world.clean(keep=True)
    else:
        note("the honest session beside it all", "nothing lost, never cut off", True)
    return rows


def write_table(path, tables):
    with open(path, "w") as f:
        f.write("# What an attacker can try\nEach attempt is made on a running relay with an honest host, reader and "
                "client beside it, by a client of the tests' own. After all of\nthem every honest prompt has its one "
                "outcome, the reader was never cut off and holds what the relay stored (by digest), and no token\nis in "
                "the relay's log. The code is what the attacker is told. A conversation cannot be replayed: there is no "
                "resume secret, and a\nHELLO counts once.\n\nRepeat: `/usr/bin/python3 tests/e2e/attack_test.py --build "
                f"build/dev --table {path}`.\n\n")
        carriers = list(tables)
        first = [w for w, _, _ in tables[carriers[0]]]
        shared = [w for w in first if all(any(w == x for x, _, _ in tables[c]) or c.startswith("poll")
                                          for c in carriers)]
        columns = [c for c in carriers if not c.startswith("poll")]
        f.write("## On every carrier that is a connection\n\n| attempt | " + " | ".join(columns) + " |\n|---|" +
                "---|" * len(columns) + "\n")
        for what in shared:
            f.write(f"| {what} | " + " | ".join(next((g for w, g, _ in tables[c] if w == what), "") for c in columns) +
                    " |\n")
        for carrier in carriers:
            rest = [(w, g) for w, g, _ in tables[carrier] if w not in shared or carrier.startswith("poll")]
            if rest:
                f.write(f"\n## Besides, on {carrier}\n\n| attempt | what came |\n|---|---|\n")
                f.writelines(f"| {w} | {g} |\n" for w, g in rest)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--carrier", default="tcp,tls,wss,grpcs,polls")
    p.add_argument("--table")
    p.add_argument("words", nargs="*")
    o = p.parse_args()
    logs.prepare(o.build)
    tables = {}
    for i, carrier in enumerate(o.carrier.split(",")):
        rows = on_carrier(o.build, carrier, o.words, everything=i == 0)
        if rows:
            tables[carrier] = rows
    failed = [row for rows in tables.values() for row in rows if not row[2]]
    if o.table and not o.words:
        write_table(o.table, tables)
    print(f"{sum(map(len, tables.values())) - len(failed)} as they should be, {len(failed)} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
