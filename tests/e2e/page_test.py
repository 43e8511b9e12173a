#!/usr/bin/python3
"""Signing in as the relay's own page does: the token in a cookie that no script reads, links that it
signs in, who may not use it, signing out.

    page_test.py BUILD [NAME...]"""
import concurrent.futures
import http.client
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import carriers  # noqa: E402
import page  # noqa: E402
import raw  # noqa: E402
from harness import Failure, port_of, run, wait_until  # noqa: E402

OTHER = "http://elsewhere.example"


def check(condition, text):
    if not condition:
        raise Failure(text)


def serve(w, *flags, kind="ws", prefix=""):
    w.carrier = carriers.kind_of(kind)
    listen = f"{w.carrier.listen}://127.0.0.1:0{prefix}" if prefix else None
    w.start_relay(*flags, listen=listen)
    return port_of(w.listening)


def token_of(w, device, *flags):
    made = w.relay_command("token", "--device", device, *flags).expect(0)
    return next(word for word in made.out.split() if word.startswith("rrt_"))


def link(w, browser, token="", origin=True, cookies=True, **more):
    """A WebSocket of the page: what it is welcomed as (WELCOME's or REFUSE's message)."""
    path = browser.prefix + "/v1/link"
    fields = [("Origin", browser.origin if origin is True else origin)] if origin else []
    if cookies and browser.sent(path):
        fields.append(("Cookie", browser.sent(path)))
    scheme = "wss" if browser.tls else "ws"
    ca = w.certificates.ca if browser.tls else None
    peer = raw.Peer(f"{scheme}://{browser.host}{browser.prefix}", ca, headers=fields)
    try:
        peer.say(raw.hello(token, role="CLIENT", **more))
        frame = peer.take("WELCOME", "REFUSE", "GOAWAY")
        check(frame is not None, "the relay said nothing")
        return str(frame.type), frame.payload_message()
    finally:
        peer.abort()


def device_of(said):
    kind, message = said
    return message.principal.device if kind == "WELCOME" else f"{kind} {message.code}"


# ---- tests ----

def a_cookie_signs_in(w):
    port = serve(w)
    b = page.Browser(port)
    check(b.who() == {"signed_in": False}, "somebody is signed in")
    check(device_of(link(w, b)) == "", "an empty HELLO without a cookie is somebody")
    token = token_of(w, "phone")
    answer = b.post("/v1/sign-in", {"token": token})
    check(answer.status == 204 and answer.body == b"", f"sign-in: {answer.status} {answer.body}")
    check(len(b.cookies) == 1, "one cookie")
    cookie = next(iter(b.cookies.values()))
    check(cookie.name == f"remote-{port}" and cookie.path == "/" and cookie.seconds == 400 * 86400,
          f"the cookie: {cookie.name} {cookie.path} {cookie.seconds}")
    who = b.who()
    check(who["signed_in"] and who["account"] == "owner" and who["device"] == "phone", f"who: {who}")
    check(token not in str(who), "a page could read the token")
    check(device_of(link(w, b)) == "phone", "the link is signed in by the cookie")
    check(device_of(link(w, b, token=token_of(w, "other"))) == "other", "a token in HELLO decides")
    wrong = "rrt_" + "12" * 32
    check(device_of(link(w, b, token=wrong)) == "REFUSE 3001", "a wrong token in HELLO is wrong")
    status, frames = raw.exchange(f"http://127.0.0.1:{port}", None, raw.hello(role="CLIENT", exchange=1), {"type": "PING"})
    check(status == 200, f"a long-poll without a cookie: {status}")
    # The same over a long-poll.
    frames = poll(b, raw.hello(role="CLIENT", exchange=1), {"type": "PING"})
    check(frames[0].payload_message().principal.device == "phone", "the cookie signs in a long-poll")


def poll(b, *parts, **more):
    body = b"".join(raw.frames.encode(p) for p in parts)
    answer = b.post("/v1/poll", body, fields={"Content-Type": "application/x-protobuf"}, **more)
    check(answer.status == 200, f"a long-poll: {answer.status}")
    stream, out = raw.wire.FrameStream(), []
    for bytes_of in stream.feed(answer.body):
        out.append(raw.frames.FrameView(bytes_of, raw.messages.decode("Frame", bytes_of), None))
    return out


def only_our_page(w):
    """A cookie counts only with the Origin of the relay's own page, and only JSON is taken."""
    port = serve(w)
    b = page.Browser(port)
    token = token_of(w, "phone")
    for answer, status in (
            (b.post("/v1/sign-in", {"token": token}, origin=OTHER), 403),
            (b.post("/v1/sign-in", {"token": token}, origin="null"), 403),
            (b.post("/v1/sign-in", {"token": token}, fields={"Content-Type": "text/plain"}), 415),
            (b.post("/v1/sign-in", f"token={token}".encode(), fields={"Content-Type": "application/x-www-form-urlencoded"}), 415),
            (b.post("/v1/sign-in", b"["), 400), (b.post("/v1/sign-in", {}), 400),
            (b.post("/v1/sign-in", {"token": 7}), 400), (b.post("/v1/sign-in", {"token": "x" * 200}), 400),
            (b.post("/v1/sign-in", {"token": "a b; Path=/"}), 400),
            (b.post("/v1/sign-in", b'{"token":"' + b"x" * 17000 + b'"}'), 413),
            (b.get("/v1/sign-in"), 405), (b.post("/v1/who"), 405),
            (b.post("/v1/sign-in", {"token": token}, fields={"Host": "elsewhere.example"}), 421)):
        check(answer.status == status and "Set-Cookie" not in answer.fields, f"not {status}: {answer.status} {answer.body}")
    check(not b.cookies, "a cookie")
    check(b.post("/v1/sign-in", {"token": token}).status == 204, "sign-in")
    check(device_of(link(w, b, origin=None)) == "", "a cookie without an Origin counts")
    try:
        link(w, b, origin=OTHER)
        raise Failure("a page from elsewhere is upgraded")
    except OSError:
        pass
    check(b.post("/v1/sign-out", {}, origin=False).status == 204, "without an Origin nobody is signed out")
    b.post("/v1/sign-in", {"token": token})
    check(b.who().get("device") == "phone", "signed out by somebody else's request")
    check(b.post("/v1/sign-out", {}, origin=OTHER).status == 403, "a page from elsewhere signs out")
    check(poll(b, raw.hello(role="CLIENT", exchange=1), {"type": "PING"}, origin=False)[0].payload_message()
          .principal.device == "", "a long-poll without an Origin is signed in by the cookie")


def wrong_tokens_wait(w):
    port = serve(w)
    b = page.Browser(port)
    answers = [b.post("/v1/sign-in", {"token": "rrt_" + "77" * 32}) for _ in range(6)]
    check(all(a.status == 401 and a.json["code"] == 3001 for a in answers), "wrong tokens are refused as such")
    check("retry_after_ms" not in answers[0].json and answers[-1].json["retry_after_ms"] > 0, "no wait after six")
    check(b.post("/v1/sign-in", {"token": token_of(w, "phone")}).status == 204, "a right one waits for nobody")
    b.cookies[f"remote-{port}"].value = "rrt_" + "78" * 32
    check(b.who()["code"] == 3001, "a cookie that nobody gave")
    check(device_of(link(w, b)) == "REFUSE 3001", "a link with it")


def signing_out(w):
    port = serve(w)
    b, kept, other = (page.Browser(port) for _ in range(3))
    tokens = [token_of(w, name) for name in ("one", "two", "three")]
    for browser, token in zip((b, kept, other), tokens):
        check(browser.post("/v1/sign-in", {"token": token}).status == 204, "sign-in")
    check(kept.post("/v1/sign-out", {"keep": True}).status == 204 and not kept.cookies, "the cookie stays")
    check(kept.post("/v1/sign-in", {"token": tokens[1]}).status == 204, "its device was to stay")
    copy = dict(b.cookies)
    check(b.post("/v1/sign-out").status == 204 and not b.cookies, "the cookie stays")
    check(b.post("/v1/sign-in", {"token": tokens[0]}).status == 403, "the device was revoked")
    b.cookies = copy
    check(b.who()["code"] == 3003 and device_of(link(w, b)) == "REFUSE 3003", "a revoked cookie")
    peer = raw.Peer(f"ws://127.0.0.1:{port}", None, headers=[("Origin", f"http://127.0.0.1:{port}"), ("Cookie", kept.sent("/"))])
    peer.say(raw.hello(role="CLIENT"))
    check(peer.take("WELCOME").payload_message().principal.device == "two", "a link by cookie")
    check(other.post("/v1/sign-out", {"everywhere": True}).status == 204, "sign out everywhere")
    check(peer.code() == 3003, "links of the others end")
    check(kept.who()["code"] == 3003, "the others are signed out")


def names_of_cookies(w):
    """Below a prefix, with TLS, behind a proxy: names that browsers take and that do not collide."""
    port = serve(w, prefix="/relay")
    b = page.Browser(port, "/relay")
    token = token_of(w, "phone")
    check(b.post("/v1/sign-in", {"token": token}).status == 204, "below a prefix")
    cookie = next(iter(b.cookies.values()))
    check((cookie.name, cookie.path) == (f"remote-{port}.relay", "/relay/"), f"{cookie.name} {cookie.path}")
    check(b.who()["device"] == "phone" and device_of(link(w, b)) == "phone", "below a prefix")


def names_with_tls(w):
    port = serve(w, kind="wss")
    b = page.Browser(port, tls=page.no_verify(), name="127.0.0.1")
    check(b.post("/v1/sign-in", {"token": token_of(w, "phone")}).status == 204, "over TLS")
    cookie = next(iter(b.cookies.values()))
    check(cookie.name == f"__Host-remote-{port}" and "secure" in cookie.attributes, cookie.name)
    check(b.who()["device"] == "phone" and device_of(link(w, b)) == "phone", "over TLS")
    planted = page.Browser(port, tls=b.tls, name="127.0.0.1")
    cookie.name = f"remote-{port}"
    planted.cookies = {cookie.name: cookie}
    check(planted.who() == {"signed_in": False}, "a cookie that a page without TLS could plant counts")


def names_behind_a_proxy(w):
    origin = "https://relay.example.org"
    port = serve(w, "--origin", origin, "--trusted-proxy", "127.0.0.1")
    b = page.Browser(port, origin=origin, fields={"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https",
                                                  "Host": "relay.example.org"})
    token = token_of(w, "phone")
    check(b.post("/v1/sign-in", {"token": token}).status == 204, "behind a proxy")
    cookie = next(iter(b.cookies.values()))
    check(cookie.name == "__Host-remote-443" and "secure" in cookie.attributes, cookie.name)
    check(b.who()["device"] == "phone", "behind a proxy")
    del b.fields["X-Forwarded-Proto"]  # one that does not say it: the page's Origin does
    check(b.who()["device"] == "phone", "a proxy that does not say https")
    check(b.post("/v1/sign-in", {"token": token}).status == 204, "again")
    check(list(b.cookies) == ["__Host-remote-443"], f"again: {list(b.cookies)}")
    # A restart changes nothing.
    w.relay.end()
    w.start_relay("--origin", origin, "--trusted-proxy", "127.0.0.1")
    check(b.who()["device"] == "phone", "after a restart")


def in_background(run):
    """A request that waits; .result() is its answer."""
    return concurrent.futures.ThreadPoolExecutor(1).submit(run)


def pairing_in_the_page(w):
    """The page shows a code and waits; a person confirms it; the token comes as a cookie."""
    port = serve(w)
    b = page.Browser(port)
    made = b.post("/v1/pair", {"device": "Ada's phone"})
    check(made.status == 200 and set(made.json) == {"waiting", "pairing_code", "expires_in_ms"}, f"pair: {made.body}")
    code = made.json["pairing_code"]
    check(re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", code), code)
    check(list(b.cookies) == [f"remote-pairing-{port}"], f"{list(b.cookies)}")
    check(b.post("/v1/pair", {"device": "another name"}).json["pairing_code"] == code, "a reload makes another code")
    listed = w.cli("devices", "confirm", "--json", "--yes", code)
    listed.expect(0)
    check("Ada's phone" in listed.out, listed.out)
    done = b.post("/v1/pair/wait", {})
    check(done.status == 200 and done.json["signed_in"] and done.json["device"] == "Ada's phone", f"{done.body}")
    check(list(b.cookies) == [f"remote-{port}"] and "rrt_" not in done.body.decode(), "the token is a cookie, and only that")
    check(b.who()["device"] == "Ada's phone" and device_of(link(w, b)) == "Ada's phone", "signed in")
    # While it waits, with the operator's word; and what is lost on the way comes again.
    b = page.Browser(port)
    code = b.post("/v1/pair", {"device": "two"}).json["pairing_code"]
    waiting = in_background(lambda: page.Browser.post(b, "/v1/pair/wait", {}))
    wait_until("the operator sees it", lambda: "two" in w.relay_command("pairings").out, 60)
    before = dict(b.cookies)
    w.relay_command("pair", code, "--yes").expect(0)
    check(waiting.result().json["device"] == "two", "it heard of it")
    token = b.cookies[f"remote-{port}"].value
    b.cookies = before
    check(b.post("/v1/pair/wait", {}).json["device"] == "two", "the answer was lost")
    check(b.cookies[f"remote-{port}"].value == token, "another token")


def stops(browser):
    """The relay goes while this page waits, or before it asks."""
    try:
        return browser.post("/v1/pair/wait", {}).status == 503
    except (OSError, http.client.HTTPException):
        return True


def pairing_survives(w):
    """A restart of the relay goes on with the same code; no, cancelled, over: each is said."""
    port = serve(w)
    b = page.Browser(port)
    code = b.post("/v1/pair", {"device": "one"}).json["pairing_code"]
    w.relay.kill()
    w.start_relay()
    check(b.post("/v1/pair", {"device": "one"}).json["pairing_code"] == code, "another code after a restart")
    w.cli("devices", "confirm", "--yes", code).expect(0)
    w.relay.kill()
    w.start_relay()
    check(b.post("/v1/pair/wait", {}).json["device"] == "one", "a confirmation is lost")
    b = page.Browser(port)
    code = b.post("/v1/pair", {"device": "two"}).json["pairing_code"]
    waiting = in_background(lambda: b.post("/v1/pair/wait", {}))
    w.cli("devices", "deny", code).expect(0)
    refused = waiting.result()
    check(refused.status == 403 and refused.json["code"] == 3002, f"denied: {refused.body}")
    check(b.post("/v1/pair/wait", {}).json["code"] == 3002, "said again")
    b = page.Browser(port)
    code = b.post("/v1/pair", {"device": "three"}).json["pairing_code"]
    check(b.post("/v1/pair/end", {}).status == 204 and not b.cookies, "cancel")
    w.cli("devices", "confirm", "--yes", code).expect(3, 4, 5, 6)
    check(b.post("/v1/pair/wait", {}).status == 401, "without a cookie")
    for name in ("", "x" * 64, "a\nb"):
        check(b.post("/v1/pair", {"device": name}).status == 400, f"a device named {name!r}")
    # At most 16 of one address.
    browsers = [page.Browser(port) for _ in range(17)]
    answers = [browser.post("/v1/pair", {"device": "one of many"}).status for browser in browsers]
    check(answers == [200] * 16 + [429], f"{answers}")
    # A relay that stops does not keep its pages waiting, nor they it.
    waiting = in_background(lambda: stops(browsers[0]))
    w.relay.end()
    check(waiting.result(), "a page is told something else")


def invitations(w):
    """A link: looking does not use it; once; ten minutes; taken back; never in a log."""
    w.env["LC_ALL"] = "C.UTF-8"
    port = serve(w)
    made = w.relay_command("invite", "--json", "--page", f"http://localhost:{port}").expect(0).json[0]["link"]
    check(re.fullmatch(f"http://localhost:{port}/#/sign-in/rri_[0-9a-f]{{32}}", made), made)
    invite = made.rsplit("/", 1)[1]
    b = page.Browser(port)
    for _ in range(3):
        seen = b.post("/v1/invitation", {"invite": invite})
        check(seen.status == 200 and seen.json["account"] == "owner" and 0 < seen.json["expires_in_ms"] <= 600000, f"{seen.body}")
    check(b.post("/v1/sign-in", {"invite": invite, "device": ""}).status == 400, "a device without a name")
    before = dict(b.cookies)
    done = b.post("/v1/sign-in", {"invite": invite, "device": "tablet"})
    check(done.status == 200 and done.json["device"] == "tablet" and "rrt_" not in done.body.decode(), f"{done.body}")
    check(b.who()["device"] == "tablet" and device_of(link(w, b)) == "tablet", "signed in")
    again, b.cookies = dict(b.cookies), before
    check(b.post("/v1/invitation", {"invite": invite}).status == 200, "who used it may look and ask again")
    check(b.post("/v1/sign-in", {"invite": invite, "device": "tablet"}).status == 200, "the answer was lost")
    check({n: c.value for n, c in b.cookies.items()} == {n: c.value for n, c in again.items()}, "another token")
    other = page.Browser(port)
    used = other.post("/v1/sign-in", {"invite": invite, "device": "thief"})
    check(used.status == 401 and not other.cookies, f"used twice: {used.body}")
    looked = other.post("/v1/invitation", {"invite": invite})
    check(looked.status == 401 and b"used already" in looked.body, f"what was used looks unused: {looked.body}")
    # By a device: list, take back.
    made = w.cli("devices", "invite", "--json").expect(0).json[0]
    invite = made["link"].rsplit("/", 1)[1]
    check(made["link"].startswith("http://127.0.0.1:") and made["complete"], made["link"])
    listed = w.cli("devices", "invitations", "--json").expect(0).json
    check([i["invitation_id"] for i in listed] == [made["invitation_id"]], f"{listed}")
    check(invite not in w.relay_command("invite", "--list").expect(0).out, "the list tells the secret")
    w.cli("devices", "uninvite", made["invitation_id"][:8]).expect(0)
    check(other.post("/v1/invitation", {"invite": invite}).status == 401, "it was taken back")
    check(not w.cli("devices", "invitations").expect(0).out, "the list")
    w.relay_command("invite", "--account", "nobody").expect(1)
    # Across a kill; and it goes with the device that made it.
    invite = w.cli("devices", "invite", "--json").expect(0).json[0]["link"].rsplit("/", 1)[1]
    w.relay.kill()
    w.start_relay()
    check(other.post("/v1/invitation", {"invite": invite}).json["account"] == "owner", "after a kill")
    b.post("/v1/sign-out", {"everywhere": True})
    check(other.post("/v1/invitation", {"invite": invite}).status == 401, "it outlives a sign-out everywhere")
    answers = [other.post("/v1/invitation", {"invite": "rri_" + "0" * 32}).json for _ in range(6)]
    check(all(a["code"] == 3001 for a in answers) and answers[-1]["retry_after_ms"] > 0, "guesses do not wait")
    log = open(w.relay.log_path).read()
    check("rri_" not in log and "rrt_" not in log, "a secret in the log")


TESTS = [pairing_in_the_page, pairing_survives, invitations, a_cookie_signs_in, only_our_page, wrong_tokens_wait, signing_out, names_of_cookies, names_with_tls,
         names_behind_a_proxy]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1], sys.argv[2:]))
