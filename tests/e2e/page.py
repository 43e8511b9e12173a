"""A browser, as far as the relay's HTTP sign-in sees one: it says where its page comes from and keeps
cookies by name, path and the rules of their prefixes. Nothing here reads a cookie for a page."""
import http.client
import json
import os
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Failure, SLOW  # noqa: E402

WAIT = 60 * SLOW


class Cookie:
    def __init__(self, field, secure_page):
        pair, *attributes = [part.strip() for part in field.split(";")]
        self.name, _, self.value = pair.partition("=")
        self.attributes = {name.lower(): value for name, _, value in (a.partition("=") for a in attributes)}
        self.path = self.attributes.get("path", "/")
        self.seconds = int(self.attributes["max-age"])
        if "secure" in self.attributes and not secure_page:
            raise Failure(f"a browser refuses a Secure cookie of a page without TLS: {self.name}")
        if self.name.startswith("__Host-") and (self.path != "/" or "domain" in self.attributes):
            raise Failure(f"a browser refuses this __Host- cookie: {field}")


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def json(self):
        return json.loads(self.body)


class Browser:
    """One profile of a browser; `base` is where its page is, e.g. http://127.0.0.1:8080/."""

    def __init__(self, port, prefix="", tls=None, name="localhost", origin=None, fields=()):
        self.port, self.prefix, self.tls = port, prefix, tls
        self.host = f"{name}:{port}"
        self.origin = origin or f"http{'s' if tls else ''}://{self.host}"
        self.fields = dict(fields)
        self.cookies = {}

    def sent(self, path):
        """The Cookie field of a request for this path."""
        return "; ".join(f"{c.name}={c.value}" for c in self.cookies.values() if path.startswith(c.path))

    def ask(self, method, path, body=None, origin=True, cookies=True, fields=()):
        whole = self.prefix + path
        head = {"Host": self.host, **self.fields}
        if method == "POST":
            head["Content-Type"] = "application/json"
            if origin:
                head["Origin"] = self.origin if origin is True else origin
        if cookies and self.sent(whole):
            head["Cookie"] = self.sent(whole)
        head.update(fields)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=WAIT, context=self.tls) if self.tls \
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request(method, whole, data if method == "GET" else data or b"", head)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        for field in answer.headers.get_all("Set-Cookie") or []:
            cookie = Cookie(field, self.origin.startswith("https:"))
            if "httponly" not in cookie.attributes or cookie.attributes.get("samesite") != "Strict":
                raise Failure(f"scripts or other sites could use this cookie: {cookie.name}")
            if cookie.seconds > 0:
                self.cookies[cookie.name] = cookie
            else:
                self.cookies.pop(cookie.name, None)
        return Answer(answer.status, dict(answer.headers.items()), text)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, body, **more)

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def who(self):
        return self.get("/v1/who").json


def no_verify():
    """TLS to this machine, whoever it says it is: what is tested here is not trust."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
