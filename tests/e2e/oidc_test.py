#!/usr/bin/python3
"""Signing in with identity tokens: an issuer of our own on this machine, with keys made for this run;
right tokens and every kind of wrong one, keys that change, an issuer that is away or hostile.

    oidc_test.py BUILD_DIR [WORD...]"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import run  # noqa: E402
from login_test import folder_of, without_token  # noqa: E402

CLIENT = "remote-cli"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


class Key:
    """RSA of 2048 bits, or P-256, made by openssl."""

    def __init__(self, folder, kid, kind="RSA", bits=2048):
        self.kid, self.kind, self.path = kid, kind, f"{folder}/{kid}.pem"
        if kind == "RSA":
            openssl("genrsa", "-out", self.path, str(bits))
            n = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().split("=")[1]
            self.jwk = {"kty": "RSA", "n": b64(bytes.fromhex(n)), "e": "AQAB", "alg": "RS256"}
        else:
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)
            point = openssl("ec", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
            self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:]), "alg": "ES256"}
        self.jwk.update(kid=kid, use="sig")

    def sign(self, data):
        signature = openssl("dgst", "-sha256", "-sign", self.path, data=data)
        return signature if self.kind == "RSA" else raw_signature(signature)


def raw_signature(der):
    """r and s of 32 bytes each."""
    at, out = 2, b""
    for _ in range(2):
        size = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big")
        at += 2 + size
    return out


class Issuer:
    def __init__(self, folder):
        self.keys, self.answers, self.asked = [], {}, []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                status, headers, body = issuer.answers.get(self.path) or issuer.usual(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.rsa, self.ec = Key(folder, "rsa-1"), Key(folder, "ec-1", "EC")
        self.keys = [self.rsa, self.ec]

    def usual(self, path):
        said = {"/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
                "/keys": {"keys": [k.jwk for k in self.keys]}}.get(path)
        return (200, {}, json.dumps(said).encode()) if said else (404, {}, b"")

    def claims(self, nonce, **more):
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "1", "exp": now + 300, "iat": now, "nonce": nonce,
                  "email": "ada@example.org", "email_verified": True}
        claims.update(more)
        return {k: v for k, v in claims.items() if v is not None}

    def token(self, nonce, key=None, header=None, signature=None, **more):
        key = key or self.rsa
        head = {"alg": key.jwk["alg"], "kid": key.kid, "typ": "JWT", **(header or {})}
        signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(self.claims(nonce, **more)).encode())}"
        return f"{signed}.{b64(signature(signed.encode()) if signature else key.sign(signed.encode()))}"


def nonce_of(w):
    out = w.cli("login", "--nonce", env=without_token(w.env)).expect(0).out
    return dict(line.split(None, 1) for line in out.splitlines())["nonce"]


class People:
    """Each of them on a machine of their own; `limit` of the address is not in the way."""

    def __init__(self, w):
        self.w, self.count = w, 0

    def login(self, token):
        self.count += 1
        env = folder_of(self.w, f"person-{self.count}")
        return self.w.cli("login", "--id-token-file", "-", "--device", "laptop", stdin=token + "\n",
                          env=without_token(env), timeout=120)


def start(w, issuer, *flags):
    w.start_relay("--oidc-issuer", issuer.url, "--oidc-client-id", CLIENT, *flags)
    return People(w)


def good_ones(w):
    issuer = Issuer(w.root)
    people = start(w, issuer, "--oidc-allow", "example.org")
    token = issuer.token(nonce_of(w))
    people.login(token).expect(0).says("signed in to account ada@example.org as laptop")
    people.login(token).expect(4, 7).says("used already")
    people.login(issuer.token(nonce_of(w), key=issuer.ec)).expect(0)
    people.login(issuer.token(nonce_of(w), aud=["x", CLIENT], azp=CLIENT)).expect(0)
    assert issuer.asked.count("/keys") == 1, "keys are kept"
    # Another person of that domain; one of another domain; an address that nobody has verified.
    people.login(issuer.token(nonce_of(w), email="bob@EXAMPLE.org")).expect(0)
    people.login(issuer.token(nonce_of(w), email="eve@example.com")).expect(4).says("may not sign in")
    people.login(issuer.token(nonce_of(w), email="eve@example.com@example.org.evil")).expect(4)
    people.login(issuer.token(nonce_of(w), email_verified=False)).expect(4)
    w.relay_command("account").expect(0).says("ada@example.org", "bob@EXAMPLE.org")
    log = open(w.relay.log_path, "rb").read() + b"".join(
        open(f"{w.data}/{name}", "rb").read() for name in os.listdir(w.data)
        if os.path.isfile(f"{w.data}/{name}"))
    assert token.split(".")[1].encode() not in log and token.split(".")[2].encode() not in log


def wrong_ones(w):
    """A few at a time: who is wrong again and again has to wait, and that is another test."""
    issuer = Issuer(w.root)
    weak, other, now = Key(w.root, "weak", bits=1024), Key(w.root, "rsa-1b"), int(time.time())
    other.kid = "rsa-1"
    issuer.keys.append(weak)
    public = openssl("rsa", "-in", issuer.rsa.path, "-pubout")
    cases = [
        ("expired", dict(exp=now - 120)), ("not valid yet", dict(iat=now + 600)),
        ("not valid yet", dict(nbf=now + 600)), ("another issuer", dict(iss="https://elsewhere.example")),
        ("another client", dict(aud="someone-else")), ("another client", dict(aud=["a", CLIENT])),
        ("another client", dict(azp="someone-else")), ("no nonce", dict(nonce=None)),
        ("cannot be read", dict(exp="soon")), ("signature is wrong", dict(key=other)),
        ("no such key", dict(key=weak)),
        ("RS256 or ES256", dict(header={"alg": "none"}, signature=lambda data: b"")),
        ("RS256 or ES256", dict(header={"alg": "HS256"},
                                signature=lambda data: hmac.new(public, data, hashlib.sha256).digest())),
        ("RS256 or ES256", dict(header={"crit": ["x"], "x": 1})),
    ]
    people = None
    for i, (said, how) in enumerate(cases):
        if i % 6 == 0:
            if i:
                w.relay.end()
            people = start(w, issuer, "--oidc-create")
        nonce = nonce_of(w)
        more = {"nonce": None} if how.get("nonce", 1) is None else {}
        how = {k: v for k, v in how.items() if k != "nonce"}
        token = issuer.token("" if more else nonce, **how)
        result = people.login(token).expect(4, 7)
        assert said in result.err or "cannot be read" in result.err, (said, result.err)
    people.login(issuer.token("00" * 40)).expect(4, 7).says("nonce")
    people.login("x").expect(4, 7)
    people.login(issuer.token(nonce_of(w))).expect(0)
    assert "ada@example.org" in w.relay_command("account").out


def keys_that_change(w):
    issuer = Issuer(w.root)
    people = start(w, issuer, "--oidc-create")
    people.login(issuer.token(nonce_of(w))).expect(0)
    fresh = Key(w.root, "rsa-2")
    issuer.keys = [fresh]
    people.login(issuer.token(nonce_of(w), key=fresh)).expect(0)
    people.login(issuer.token(nonce_of(w))).expect(4, 7).says("no such key")
    assert issuer.asked.count("/keys") == 2, "a stranger's key id asks at most once a minute"


def an_issuer_that_is_not_well(w):
    issuer = Issuer(w.root)
    discovery = "/.well-known/openid-configuration"
    away = (302, {"Location": f"{issuer.url}/elsewhere"}, b"")
    for path, answer in ((discovery, (500, {}, b"")), (discovery, away), ("/keys", away),
                         (discovery, (200, {}, b"{" * 100000)), ("/keys", (200, {}, b" " * 300000)),
                         (discovery, (200, {}, json.dumps({"issuer": "https://x.example",
                                                           "jwks_uri": issuer.url + "/keys"}).encode())),
                         (discovery, (200, {}, json.dumps({"issuer": issuer.url,
                                                           "jwks_uri": "file:///etc/passwd"}).encode()))):
        issuer.answers = {path: answer}
        people = start(w, issuer, "--oidc-create")
        people.login(issuer.token(nonce_of(w))).expect(3, 1).says("cannot fetch the issuer's keys")
        assert "/elsewhere" not in issuer.asked
        w.relay.end()
    # Keys from a file need no issuer that answers.
    with open(f"{w.root}/keys.json", "w") as file:
        json.dump({"keys": [k.jwk for k in issuer.keys]}, file)
    issuer.server.shutdown()
    issuer.server.server_close()
    people = start(w, issuer, "--oidc-create", "--oidc-jwks", f"{w.root}/keys.json", "--oidc-claim", "sub")
    people.login(issuer.token(nonce_of(w), sub="someone")).expect(0).says("account someone")
    w.relay.end()
    for flags in (["--oidc-client-id", "x"], ["--oidc-issuer", "http://issuer.example", "--oidc-client-id", "x"],
                  ["--oidc-issuer", "https://issuer.example"],
                  ["--oidc-issuer", "x", "--oidc-client-id", "x", "--oidc-jwks", "/dev/null"]):
        done = subprocess.run([w.program["remote-relay"], "serve", "--data", f"{w.root}/other", "--listen",
                               "tcp://127.0.0.1:0", *flags], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "oidc" in done.stderr or "JWKS" in done.stderr, (flags, done)


CASES = [good_ones, wrong_ones, keys_that_change, an_issuer_that_is_not_well]

if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(run(CASES, sys.argv[1], sys.argv[2:], keep=bool(os.environ.get("KEEP"))))
