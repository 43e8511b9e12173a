"""What notifications are sent to, in tests: a webhook that is also an ntfy topic, and a push service whose
browsers decrypt with python3-cryptography and check who signed."""
import base64
import collections
import hashlib
import hmac
import http.server
import json
import os
import threading
import time
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Asked = collections.namedtuple("Asked", "method path headers body at")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Place:
    """An HTTP server on loopback that keeps what it was asked. `answer(asked)` may say (status, headers), or
    "hang"; else it is 200."""

    def __init__(self):
        self.asked, self.answer, self._lock = [], None, threading.Lock()
        place = self
        self.let_go = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body, time.time())
                with place._lock:
                    place.asked.append(asked)
                said = place.answer(asked) if place.answer else None
                if said == "hang":
                    place.let_go.wait(120)
                    self.close_connection = True
                    return
                status, headers = said or (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            do_POST = do_DELETE = do_GET = do_PUT = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    def of(self, path):
        with self._lock:
            return [a for a in self.asked if a.path == path]

    def events(self, path="/hook"):
        return [json.loads(a.body) for a in self.of(path)]


def verify_webhook(asked, secret):
    """As Standard Webhooks says."""
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert hmac.compare_digest(asked.headers["webhook-signature"], expected), "another signature"
    assert abs(int(asked.headers["webhook-timestamp"]) - time.time()) < 600


class Browser:
    """A subscription: its keys, and what it makes of a message (RFC 8291, RFC 8188)."""

    def __init__(self, url, name):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.point = self.private.public_key().public_bytes(serialization.Encoding.X962,
                                                            serialization.PublicFormat.UncompressedPoint)
        self.auth = os.urandom(16)
        self.path = f"/push/{name}"
        self.endpoint = url + self.path

    def decrypt(self, body):
        salt, size, key_bytes = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21:21 + key_bytes], body[21 + key_bytes:]
        assert key_bytes == 65 and len(record) <= size == 4096 and len(body) <= 4096

        def hkdf(salt, secret, info, length):
            return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.private.exchange(ec.ECDH(), peer)
        secret = hkdf(self.auth, shared, b"WebPush: info\0" + self.point + sender, 32)
        key = hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        text = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert text[-1:] == b"\2", "not the last record"
        return text[:-1]

    def take(self, asked, key):
        """Checks the headers and the signature of one message; what it says."""
        scheme, _, rest = asked.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid" and unb64(parts["k"]) == key
        head, claims, signature = parts["t"].split(".")
        assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
        said = json.loads(unb64(claims))
        at = urlsplit(self.endpoint)
        assert said["aud"] == f"{at.scheme}://{at.netloc}" and time.time() < said["exp"] <= time.time() + 24 * 3600
        assert said["sub"].startswith(("mailto:", "https:"))
        raw = unb64(signature)
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        try:
            public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise AssertionError("the token is not signed with the key that the page was told") from None
        assert asked.headers["content-encoding"] == "aes128gcm" and int(asked.headers["ttl"]) > 0
        topic = asked.headers["topic"]
        assert len(topic) == 32 and all(c.isalnum() or c in "-_" for c in topic)
        return json.loads(self.decrypt(asked.body))
