#!/usr/bin/python3
"""People who do not look are told: webhooks, ntfy, Web Push; one message an ask, withdrawn when it is over,
held back while the session is used, exactly once over restarts of the relay.

    notify_test.py BUILD_DIR [WORD...]"""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import raw  # noqa: E402
from harness import Failure, run, wait_until  # noqa: E402
from push_service import Browser, Place, verify_webhook  # noqa: E402

LONG = 90
SECRET = b"a secret of this test, long enough"
MINUTE = 60


def wait(what, ready):
    return wait_until(what, ready, LONG, 0.05)


class Calls:
    """A signed-in client that calls the relay."""

    def __init__(self, w, token=None):
        self.url, self.token = w.url, token or open(w.token_file).read().strip()
        self.count = 0
        self.connect()

    def connect(self):
        self.peer = raw.Peer(self.url)
        self.peer.say(raw.hello(self.token, "CLIENT"))
        assert self.peer.take("WELCOME").payload_message().HasField("principal")

    def ask(self, name, fields):
        """The reply; None: the relay has given this connection up, on which nobody has answered its PINGs meanwhile."""
        self.count += 1
        try:
            self.peer.say({"type": "REQUEST", "request": {"id": self.count, name: fields}})
            while (reply := self.peer.take("REPLY")) is not None:
                said = reply.payload_message()
                if said.id == self.count:
                    return said
        except OSError:
            pass
        return None

    def __call__(self, name, **fields):
        said = self.ask(name, fields)
        if said is None:
            self.connect()
            said = self.ask(name, fields)
        assert said is not None, "no reply"
        return said

    def done(self, name, **fields):
        said = self(name, **fields)
        assert said.WhichOneof("result") == "done", said
        return said

    def refused(self, code, name, **fields):
        said = self(name, **fields)
        assert said.WhichOneof("result") == "problem" and said.problem.code == code, said

    def subscribe(self, browser, **wishes):
        self.done("push_subscribe", endpoint=browser.endpoint, p256dh=browser.point.hex(), auth=browser.auth.hex(), wishes=wishes)


def metric(w, name):
    text = w.relay_command("stats", "--prometheus").expect(0).out
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def listed(w, host):
    """The relay has heard in INFO what is open; an ask that is answered before is nobody's business."""
    def same():
        entry = [s for s in w.sessions() if s["session_id"] == host.session]
        return entry and entry[0]["asks_total"] == len(w.asks(host.session)) > 0
    wait("the ask is listed", same)


def ask(w, host, words="colour|red|blue"):
    """A new ask; its id."""
    before = {a["ask_id"] for a in w.asks(host.session)}
    w.cli("send", host.session, f"ASK {words}").expect(0)

    def opened():
        fresh = [a["ask_id"] for a in w.asks(host.session) if a["ask_id"] not in before]
        return fresh[0] if fresh else None
    ask_id = wait("the ask is open", opened)
    listed(w, host)
    return ask_id


def answer(w, ask_id):
    w.cli("answer", ask_id, "--decline").expect(0)


def write_secret(w):
    path = f"{w.root}/secret"
    with open(path, "wb") as file:
        file.write(SECRET + b"\n")
    return path


def a_webhook_is_told_and_told_of_the_end(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook", "--notify-url", f"ntfy+{place.url}/topic?x=1", "--notify-secret-file", write_secret(w),
                  "--public-url", "https://relay.example.org/base/")
    host = w.start_host()
    ask_id = ask(w, host)
    hook = wait("the webhook", lambda: place.of("/hook"))[0]
    verify_webhook(hook, SECRET)
    said = json.loads(hook.body)
    assert said["event"] == "ask" and said["ask"] == ask_id and said["session"] == host.session and said["account"] == "owner", said
    assert said["url"] == f"https://relay.example.org/base/#/s/{host.session}/ask/{ask_id}", said
    assert said["title"] == "A session needs an answer" and b"colour" not in hook.body and b"red" not in hook.body
    ntfy = wait("the topic", lambda: place.of("/topic?x=1"))[0]
    assert ntfy.headers["title"] == "A session needs an answer" and ntfy.headers["click"] == said["url"], ntfy
    assert ntfy.headers["x-sequence-id"] == said["tag"] and b"colour" not in ntfy.body
    answer(w, ask_id)
    wait("its end", lambda: len(place.of("/hook")) == 2)
    over = place.events()[1]
    assert over["event"] == "withdrawn" and over["of"] == "ask" and over["tag"] == said["tag"], over
    verify_webhook(place.of("/hook")[1], SECRET)
    deleted = wait("its end at ntfy", lambda: place.of(f"/topic/{said['tag']}?x=1"))[0]
    assert deleted.method == "DELETE"
    assert len({a.headers["webhook-id"] for a in place.of("/hook")}) == 2
    assert metric(w, 'remote_relay_notifications_sent_total{target="webhook"}') == 4
    place.close()


def contents_when_the_operator_wants_them(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook", "--notify-url", f"ntfy+{place.url}/topic", "--notify-text",
                  "--notify-events", "asks,done")
    host = w.start_host()
    w.cli("send", host.session, "TITLE Ünïcode \"title\"").expect(0)
    wait("the turn is over", lambda: [e for e in place.events() if e["event"] == "done"])
    ask(w, host, "which colour?|red|blue")
    said = wait("the ask", lambda: [e for e in place.events() if e["event"] == "ask"])[0]
    assert said["title"] == 'Ünïcode "title"' and said["text"] == "which colour?", said
    ntfy = wait("the topic", lambda: [a for a in place.of("/topic") if b"colour" in a.body])[0]
    assert ntfy.headers["title"].startswith("=?UTF-8?B?"), ntfy.headers
    # Work goes on: that it had ended is withdrawn.
    wait("the end of done", lambda: [e for e in place.events() if e["event"] == "withdrawn" and e["of"] == "done"])
    place.close()


def what_fails_is_tried_again_in_order(w):
    place = Place()
    failures = [(500, {}), (503, {"retry-after": "1"}), (429, {})]
    place.answer = lambda asked: failures.pop(0) if failures else None
    w.start_relay("--notify-url", place.url + "/hook")
    host = w.start_host()
    ask_id = ask(w, host)
    wait("the fourth attempt", lambda: len(place.of("/hook")) == 4)
    wait("that it is done", lambda: metric(w, "remote_relay_notifications_waiting") == 0)
    assert {a.headers["webhook-id"] for a in place.of("/hook")} == {place.of("/hook")[0].headers["webhook-id"]}
    assert len({a.body for a in place.of("/hook")}) == 1
    assert metric(w, "remote_relay_notifications_failed_total") == 3
    # What will not work is not tried again, and a redirect is not followed.
    place.answer = lambda asked: (302, {"location": "/elsewhere"})
    answer(w, ask_id)
    wait("that it was given up", lambda: metric(w, "remote_relay_notifications_dropped_total") == 1)
    assert len(place.of("/hook")) == 5 and not place.of("/elsewhere")
    place.close()


def a_place_that_hangs_holds_up_nobody(w):
    slow, good = Place(), Place()
    slow.answer = lambda asked: "hang"
    w.start_relay("--notify-url", slow.url + "/hook", "--notify-url", good.url + "/hook")
    host = w.start_host()
    ask_id = ask(w, host)
    wait("the good one", lambda: good.of("/hook"))
    answer(w, ask_id)
    wait("its end", lambda: len(good.of("/hook")) == 2)
    # It was told perhaps: it is told of the end once it answers.
    slow.answer = None
    wait("the end at the slow one", lambda: [e for e in slow.events() if e["event"] == "withdrawn"])
    slow.close()
    good.close()


def a_restart_tells_nothing_twice(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook")
    host = w.start_host()
    first = ask(w, host)
    wait("the first", lambda: len(place.of("/hook")) == 1)
    wait("that it is done", lambda: metric(w, "remote_relay_notifications_waiting") == 0)
    for end in ("end", "kill"):
        getattr(w.relay, end)()
        w.start_relay("--notify-url", place.url + "/hook")
        wait("the host is back", lambda: [s for s in w.sessions() if s["attached"]])
    # The relay is away while the place is: what it could not say is said by the next one.
    answer(w, first)
    wait("the end of the first", lambda: len(place.of("/hook")) == 2)
    place.answer = lambda asked: (503, {})
    wait("the host is idle", lambda: [s for s in w.sessions() if s["status"] == "idle"])
    second = ask(w, host)
    wait("an attempt", lambda: len(place.of("/hook")) >= 3)
    w.relay.end()
    place.answer = None
    tried = len(place.of("/hook"))
    w.start_relay("--notify-url", place.url + "/hook")
    wait("the second", lambda: len(place.of("/hook")) > tried)
    wait("the host is back", lambda: [s for s in w.sessions() if s["attached"]])
    wait("that it is done", lambda: metric(w, "remote_relay_notifications_waiting") == 0)
    assert len(place.of("/hook")) == tried + 1, [a.body for a in place.of("/hook")]
    assert [e["ask"] for e in place.events()].count(first) == 2 and place.events()[-1]["ask"] == second
    place.close()


def a_storm_becomes_one_message(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook")
    hosts = [w.start_host(name=f"host-{i}") for i in range(8)]
    client = Calls(w)

    def use(**more):
        for one in hosts:
            client.done("use_session", session_id=one.session, **more)
    for host in hosts:  # held back until all of them ask
        use()
        ask(w, host)
    use()
    assert not place.asked
    use(over=True)
    wait("all of it", lambda: metric(w, "remote_relay_notifications_waiting") == 0 and [e for e in place.events() if e["event"] == "many"])
    events = place.events()  # several are on their way at a time: the last one said may be heard first
    assert [e["event"] for e in events].count("ask") == 6, events
    many = [e for e in events if e["event"] == "many"][0]
    assert many["count"] >= 7 and "session" not in many, many
    assert metric(w, "remote_relay_notifications_counted_total") >= 1
    for host in hosts:
        for one in w.asks(host.session):
            answer(w, one["ask_id"])
    wait("the end of all", lambda: [e for e in place.events() if e["event"] == "withdrawn"].__len__() == 7)
    assert sorted(e["of"] for e in place.events() if e["event"] == "withdrawn") == ["ask"] * 6 + ["many"]
    place.close()


def not_while_the_session_is_used(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook")
    host = w.start_host()
    client = Calls(w)
    client.done("use_session", session_id=host.session)
    used = ask(w, host)
    answer(w, used)
    wait("that it was held", lambda: metric(w, "remote_relay_notifications_held_total") == 1)
    client.done("use_session", session_id=host.session)
    wait("the host is idle", lambda: [s for s in w.sessions() if s["status"] == "idle"])
    second = ask(w, host)
    assert not place.asked
    client.done("use_session", session_id=host.session, over=True)
    wait("the second", lambda: place.of("/hook"))
    assert place.events()[0]["ask"] == second
    client.refused(3009, "use_session", session_id=os.urandom(16).hex())
    place.close()


def held_while_typed_in(w, place, host, terminal):
    terminal.type("ASK colour|red|blue\r")
    first = wait("the ask is open", lambda: w.asks(host.session))[0]["ask_id"]
    listed(w, host)
    assert not place.asked
    answer(w, first)
    wait("that it was held", lambda: metric(w, "remote_relay_notifications_held_total") == 1)
    assert not place.asked, place.events()
    place.close()


def not_while_the_terminal_is_used(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook")
    host = w.start_host(terminal=(100, 30))
    held_while_typed_in(w, place, host, host)


def not_while_somebody_types_elsewhere(w):
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook")
    host = w.start_host()
    attached = w.start_cli("attach", host.session, terminal=(100, 30))
    attached.wait_for("its prompt", lambda p: "/help lists" in p.text, timeout=LONG)
    held_while_typed_in(w, place, host, attached)


def told_at_once_when_they_leave(w):
    """Whoever leaves the terminal, in whichever way, says so: nothing waits for the rest of the minute."""
    place = Place()
    w.start_relay("--notify-url", place.url + "/hook", "--notify-events", "asks")
    host = w.start_host()
    ways = {"quit": lambda p: p.type("/quit\r"), "a signal": lambda p: p.send_signal(signal.SIGTERM),
            "another signal": lambda p: p.send_signal(signal.SIGHUP), "the terminal is closed": lambda p: p.close_terminal()}
    for count, (way, leave) in enumerate(ways.items()):
        capture = f"{w.root}/capture-{count}"
        attached = w.start_cli("attach", host.session, "--capture", capture, terminal=(100, 30))
        attached.wait_for("its prompt", lambda p: "/help lists" in p.text, timeout=LONG)
        attached.type("ASK colour|red|blue\r")
        opened = wait("the ask is open", lambda: w.asks(host.session))[0]["ask_id"]
        listed(w, host)
        leave(attached)
        attached.wait(LONG)
        wait(f"told after {way}", lambda: [e for e in place.events() if e.get("ask") == opened])
        said = w.cli("inspect", capture, "--type", "REQUEST", "--json").expect(0).json
        uses = [f["payload"]["use_session"] for f in said if "use_session" in f.get("payload", {})]
        assert len(uses) > 1 and [bool(u.get("over")) for u in uses] == [False] * (len(uses) - 1) + [True], (way, uses)
        answer(w, opened)
        wait("the host is idle", lambda: [s for s in w.sessions() if s["status"] == "idle"])
    place.close()


def a_browser_is_told(w):
    place = Place()
    w.start_relay("--push-private", "--push-contact", "mailto:ada@example.org")
    host = w.start_host()
    client = Calls(w)
    key = bytes(client("get_push").push_facts.key)
    assert len(key) == 65
    quiet, chatty = Browser(place.url, "quiet"), Browser(place.url, "chatty")
    client.subscribe(quiet, asks=True)
    client.subscribe(chatty, asks=True, done=True, text=True)
    assert client("get_push", endpoint=chatty.endpoint).push_facts.wishes.text
    assert not client("get_push", endpoint=place.url + "/other").push_facts.subscribed
    client.done("test_push", endpoint=quiet.endpoint)
    test = wait("the test", lambda: place.of(quiet.path))[0]
    assert quiet.take(test, key)["event"] == "test"
    ask_id = ask(w, host, "which colour?|red|blue")
    first = wait("the quiet one", lambda: len(place.of(quiet.path)) == 2 and place.of(quiet.path)[1])
    said = quiet.take(first, key)
    assert said["event"] == "ask" and said["ask"] == ask_id and "title" not in said and "text" not in said, said
    assert first.headers["urgency"] == "high"
    told = chatty.take(wait("the chatty one", lambda: place.of(chatty.path))[0], key)
    assert told["text"] == "which colour?", told
    answer(w, ask_id)
    over = wait("its end", lambda: len(place.of(quiet.path)) == 3 and place.of(quiet.path)[2])
    assert over.headers["topic"] == first.headers["topic"]
    assert quiet.take(over, key)["event"] == "withdrawn"
    wait("done", lambda: [a for a in place.of(chatty.path) if chatty.take(a, key)["event"] == "done"])
    # The key stays: subscriptions live on after a restart.
    w.relay.end()
    w.start_relay("--push-private")
    client = Calls(w)
    facts = client("get_push", endpoint=quiet.endpoint).push_facts
    assert bytes(facts.key) == key and facts.subscribed and facts.wishes.asks and not facts.wishes.text
    assert os.stat(f"{w.data}/push-key").st_mode & 0o777 == 0o600
    assert metric(w, "remote_relay_push_subscriptions") == 2
    heard = len(place.of(chatty.path))
    client.done("test_push", endpoint=chatty.endpoint)
    again = wait("a test after the restart", lambda: place.of(chatty.path)[heard:])[0]
    assert chatty.take(again, key)["event"] == "test"
    client.done("push_unsubscribe", endpoint=quiet.endpoint)
    client.refused(3009, "push_unsubscribe", endpoint=quiet.endpoint)
    client.refused(3009, "test_push", endpoint=quiet.endpoint)
    assert metric(w, "remote_relay_push_subscriptions") == 1
    logs = open(w.relay.log_path, errors="replace").read()
    assert place.url not in logs and "/push/" not in logs and "which colour" not in logs
    place.close()


def a_browser_that_is_gone_is_forgotten(w):
    place = Place()
    w.start_relay("--push-private")
    client = Calls(w)
    gone, busy = Browser(place.url, "gone"), Browser(place.url, "busy")
    client.subscribe(gone, asks=True)
    client.subscribe(busy, asks=True)
    refusals = [(429, {"retry-after": "2"})]
    place.answer = lambda asked: (410, {}) if asked.path == gone.path else refusals.pop() if refusals else None
    host = w.start_host()
    ask(w, host)
    wait("that it is forgotten", lambda: metric(w, "remote_relay_push_subscriptions") == 1)
    assert not client("get_push", endpoint=gone.endpoint).push_facts.subscribed
    wait("the other one's second attempt", lambda: len(place.of(busy.path)) == 2)
    first, second = place.of(busy.path)
    assert second.at - first.at >= 1.9, "Retry-After was not waited for"
    # A device that signs out takes its subscriptions with it.
    token = w.relay_command("token", "--device", "phone").expect(0).out.strip()
    phone = Calls(w, token)
    phone.subscribe(Browser(place.url, "phone"), asks=True)
    assert metric(w, "remote_relay_push_subscriptions") == 2
    phone.peer.say({"type": "REQUEST", "request": {"id": 99, "logout": {}}})
    wait("that it is gone with its device", lambda: metric(w, "remote_relay_push_subscriptions") == 1)
    place.close()


def endpoints_are_judged(w):
    place = Place()
    w.start_relay(env={name: "" for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")})
    client = Calls(w)
    browser = Browser(place.url, "x")
    fields = {"p256dh": browser.point.hex(), "auth": browser.auth.hex(), "wishes": {"asks": True}}
    for endpoint in (browser.endpoint, "http://push.example.net/x", "https://localhost/x", "https://127.0.0.1/x", "ftp://example.net/",
                     "https://user:word@push.example.net/x", "https://a b/", "", "javascript:alert(1)", "https://"):
        client.refused(4001, "push_subscribe", endpoint=endpoint, **fields)
    good = "https://push.example.net/x"
    client.refused(4001, "push_subscribe", endpoint=good, **{**fields, "p256dh": browser.point[:64].hex()})
    client.refused(4001, "push_subscribe", endpoint=good, **{**fields, "auth": browser.auth[:15].hex()})
    for i in range(6):
        client.done("push_subscribe", endpoint=f"{good}{i}", **fields)
    assert metric(w, "remote_relay_push_subscriptions") == 4, "of one device"
    # A name may lead anywhere: private addresses are not connected to.
    client.done("push_unsubscribe")
    client.done("push_subscribe", endpoint="https://10.255.255.1/x", **fields)
    client.done("test_push", endpoint="https://10.255.255.1/x")
    wait("that it is refused", lambda: metric(w, "remote_relay_notifications_dropped_total") == 1)
    place.close()


def flags_are_judged(w):
    def refused(*flags, says):
        done = w.relay_command("serve", "--listen", "tcp://127.0.0.1:0", *flags)
        assert done.code in (1, 2) and says in done.err, (flags, done.code, done.err)
    refused("--notify-url", "http://example.org/x", says="--insecure")
    refused("--notify-url", "ftp://example.org/x", says="--notify-url is")
    refused("--notify-format", "xml", says="json or ntfy")
    refused("--notify-events", "asks,all", says="asks, done, errors")
    refused("--notify-secret-file", f"{w.root}/missing", says="cannot read")
    refused("--public-url", "relay.example.org", says="--public-url is")
    refused("--push-contact", "ada", says="--push-contact is")
    with open(f"{w.root}/urls", "w") as file:
        file.write("# ours\nhttps://example.org/a\nftp://example.org\n")
    refused("--notify-url-file", f"{w.root}/urls", says="--notify-url is")
    os.chmod(f"{w.data}/push-key", 0o644)
    refused(says="chmod 600")


TESTS = [a_webhook_is_told_and_told_of_the_end, contents_when_the_operator_wants_them, what_fails_is_tried_again_in_order,
         a_place_that_hangs_holds_up_nobody, a_restart_tells_nothing_twice, a_storm_becomes_one_message, not_while_the_session_is_used,
         not_while_the_terminal_is_used, not_while_somebody_types_elsewhere, told_at_once_when_they_leave,
         a_browser_is_told, a_browser_that_is_gone_is_forgotten, endpoints_are_judged, flags_are_judged]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1], sys.argv[2:]))
