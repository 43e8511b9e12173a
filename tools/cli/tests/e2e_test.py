#!/usr/bin/python3
"""`remote`'s commands against the real relay, host and agent.

    e2e_test.py --build DIR [--keep] [NAME...]"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/e2e"))
from harness import Failure, bodies, free_port, plain, run, text_of, wait_until  # noqa: E402


def check(what, value):
    if not value:
        raise Failure(what)
    return value


def begin(w, **more):
    w.start_relay()
    return w.start_host(**more)


def command_id(result):
    return result.out.split()[0]


def by_kind(ask, kind):
    return next(o["option_id"] for o in ask["options"] if o.get("kind") == kind)


# ---- prompts ----

def prompt_and_output(w):
    host = begin(w, name="First")
    sent = w.cli("send", "--wait=idle", "THINK hm\nSAY hello wide world").expect(0)
    check("an id of 32 digits", len(command_id(sent)) == 32)
    sent.says("delivered", "applied", "idle")
    events = w.events(host.session)
    check("the text", text_of(events) == "hello wide world")
    user = bodies(events, "user_message")[0]
    check("who sent it", user["command_id"] == command_id(sent) and user["by"]["origin"]["account"])
    check("one outcome", len(bodies(events, "command_outcome")) == 1)
    human = w.cli("watch", "--from", "start", "--until", "idle").expect(0)
    human.says("> THINK hm", "~ hm", "hello wide world", "turn ended")
    # Lists know a moment later than readers.
    wait_until("listed", lambda: [s for s in w.sessions() if s["title"] == "First" and s["status"] == "idle"
                                  and s["headless"]], 60)
    w.cli("ls").expect(0).says("First", "attached", host.session[:8])


def prompt_from_input_and_json(w):
    host = begin(w)
    sent = w.cli("send", "--json", "--wait", host.session[:6], "-", stdin="SAY from input\n").expect(0).json
    states = [line["state"] for line in sent]
    check(f"states in order: {states}", states == sorted(states, key=["stored", "delivered", "done"].index))
    check("applied", sent[-1]["outcome"] == "applied")
    w.cli("send", "").expect(2)
    w.cli("send").expect(2)
    w.cli("send", "a", "b", "c").expect(2)


def queue_and_withdraw(w):
    host = begin(w)
    w.cli("send", "--wait", "SLOW 30 100").expect(0)
    second = w.start_cli("send", "--wait", "SAY never said")
    third = w.start_cli("send", "--wait=idle", "SAY third")
    for p in (second, third):
        p.wait_for("its id", lambda p: p.lines)
    watch = w.start_cli("watch", host.session, "--json", "--from", "start")
    watch.wait_for("two in the queue", lambda p: [l for l in p.json if len(
        l.get("event", {}).get("queue_changed", {}).get("prompts", [])) == 2])
    w.cli("withdraw", second.lines[0][:10]).expect(0).says("withdrawn")
    check("withdrawn: exit 7", second.wait() == 7)
    check("third goes on", third.wait() == 0)
    check("never said", text_of(w.events(host.session)).endswith("third"))
    check("not said", "never" not in text_of(w.events(host.session)))
    w.cli("withdraw", second.lines[0]).expect(6, 7, 8)
    w.cli("withdraw", "ff").expect(5)


def cancel(w):
    host = begin(w)
    w.cli("send", "--wait", "SLOW 100 100").expect(0)
    w.cli("cancel").expect(0).says("cancelled")
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    ended = bodies(w.events(host.session), "turn_ended")[-1]
    check(f"cancelled: {ended}", ended["stop_reason"] == "cancelled")


# ---- asks ----

def approve_remotely(w):
    host = begin(w)
    w.cli("send", "--wait", "RUN echo the-out''put").expect(0)
    ask = w.wait_ask(host.session)[0]
    w.cli("asks").expect(0).says("echo the-out", "allow_once")
    w.cli("approve", "--comment", "fine").expect(0).says("approved")
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    events = w.events(host.session)
    resolved = bodies(events, "ask_resolved")
    check("resolved once", len(resolved) == 1)
    check("once, not always", resolved[0]["answer"]["option_id"] == by_kind(ask, "allow_once"))
    check("by us", resolved[0]["by"]["origin"]["device"])
    check("the comment", resolved[0]["answer"]["comment"] == "fine")
    check("it ran", any(t["status"] == "completed" for t in bodies(events, "tool_ended")))
    w.cli("approve").expect(5).says("nothing waits")


def deny_remotely(w):
    host = begin(w)
    w.cli("send", "--wait", "RUN touch denied").expect(0)
    ask = w.wait_ask(host.session)[0]
    w.cli("deny", ask["ask_id"][:8]).expect(0).says("denied")
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    check("not run", not os.path.exists(f"{w.root}/work/denied"))
    resolved = bodies(w.events(host.session), "ask_resolved")[0]
    check("rejected", resolved["option_kind"] == "reject_once")


def answer_at_the_host(w):
    host = begin(w, terminal=(100, 30))
    watch = w.start_cli("watch", "--json", "--from", "live")
    w.cli("send", "--wait", "RUN echo local").expect(0)
    w.wait_ask(host.session)
    host.wait_text("Allow once")
    host.type("y\r")
    line = watch.wait_for("the resolution", lambda p: bodies([l["event"] for l in p.json if "event" in l],
                                                             "ask_resolved"))[0]
    check(f"answered locally: {line}", line["by"]["local"] and line["outcome"] == "answered")
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)


def two_answers_race(w):
    host = begin(w)
    for i in range(5):
        w.cli("send", "--wait", f"RUN echo race-{i}").expect(0)
        w.wait_ask(host.session)
        racers = [w.start_cli(verb) for verb in ("approve", "deny")]
        codes = [r.wait() for r in racers]
        w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
        check(f"one wins, one is superseded (or saw that nothing waits any more): {codes}",
              sorted(codes) in ([0, 6], [0, 5]))
    events = w.events(host.session)
    check("each ask resolved once", len(bodies(events, "ask_resolved")) == 5)
    lost = [o for o in bodies(events, "command_outcome") if o["outcome"] == "superseded"]
    check("who won is said", all(o["resolution"]["by"]["origin"]["device"] for o in lost))


def local_and_remote_race(w):
    host = begin(w, terminal=(100, 30))
    remote_won = local_won = 0
    for i in range(6):
        w.cli("send", "--wait", f"RUN echo race-{i}").expect(0)
        w.wait_ask(host.session)
        racer = w.start_cli("approve")
        time.sleep(0.01 * i)
        host.type("n\r")
        code = racer.wait()
        w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
        resolved = bodies(w.events(host.session), "ask_resolved")[i]
        if "local" in resolved["by"]:
            local_won += 1
            check(f"the remote answer was too late: {code}", code in (5, 6))
        else:
            remote_won += 1
            check(f"the remote answer won: {code}", code == 0)
    print(f"    local won {local_won}, remote won {remote_won}")
    check("each ask resolved once", len(bodies(w.events(host.session), "ask_resolved")) == 6)


def superseded_names_the_winner(w):
    """An answer that was sent while the ask was open, and arrives after another one: stopped in between."""
    host = begin(w, terminal=(100, 30))
    w.cli("send", "--wait", "RUN echo slow").expect(0)
    ask = w.wait_ask(host.session)[0]
    attach = w.start_cli("attach", stdin=subprocess.PIPE)
    attach.wait_text("/help lists")
    attach.type("/status\n")  # its input is being read now
    attach.wait_text("you may steer")
    w.relay.send_signal(signal.SIGSTOP)
    attach.type("2\n")
    attach.wait_for("the answer is on its way", lambda p: re.search(r"answer [0-9a-f]{8}: sent", p.text))
    host.type("n\r")
    host.wait_text("answered")
    w.relay.send_signal(signal.SIGCONT)
    attach.wait_text("superseded", timeout=30)
    attach.wait_text("at the host's own terminal")
    check(ask["ask_id"], True)
    attach.end()


def question(w):
    host = begin(w)
    w.cli("send", "--wait", "ASK Which one?|red|blue").expect(0)
    ask = w.wait_ask(host.session)[0]
    w.cli("approve", host.session, ask["ask_id"]).expect(2)
    answer = ["--json", '{"answer":"blue"}'] if "form" in ask else ["blue"]
    if "form" in ask:
        w.cli("answer", ask["ask_id"][:6], "--json", "[1]").expect(2)
        for argv, code in ((("approve",), 2), (("answer", ask["ask_id"][:6], "blue"), 5)):
            w.cli(*argv).expect(code).says("takes --json", "   answer  (required)")
    else:
        w.cli("answer", ask["ask_id"][:6], "green").expect(5)
    w.cli("answer", ask["ask_id"][:6], *answer).expect(0).says("answered")
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    check("the agent has it", "blue" in json.dumps(w.events(host.session)))


def decline_a_form(w):
    host = begin(w)
    w.cli("send", "--wait", "ASK Your name?").expect(0)
    w.wait_ask(host.session)
    w.cli("deny").expect(0)
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    check("declined", bodies(w.events(host.session), "ask_resolved")[0]["answer"]["declined"])


# ---- modes and options ----

def modes(w):
    begin(w)
    w.cli("mode").expect(0).says("* default", "bypassPermissions", "not from afar")
    w.cli("mode", "plan").expect(0)
    w.cli("mode", "--json").expect(0)
    check("switched", [m["mode_id"] for m in w.cli("mode", "--json").json if m["current"]] == ["plan"])
    w.cli("mode", "bypassPermissions").expect(6).says("ELEVATION", "5011")
    w.cli("mode", "nonesuch").expect(5)
    w.cli("config").expect(0).says("model = script-1")
    w.cli("config", "model", "script-2").expect(0)
    w.cli("config").expect(0).says("model = script-2")
    w.cli("config", "mode", "bypassPermissions").expect(6).says("5011")
    w.cli("mode", "default").expect(0)


def slash(w):
    begin(w)
    w.cli("slash", "/compact").expect(6).says("5003")
    w.cli("send", "--wait", "/compact").expect(6).says("5003")
    w.cli("send", "--wait", "!ls").expect(6)


def slash_allowed(w):
    os.makedirs(f"{w.root}/config/remote")
    with open(f"{w.root}/config/remote/config.ini", "w") as f:
        f.write("remote_safe_slash_commands = compact\nnonesuch = 1\n")
    host = begin(w)
    w.cli("slash", "/compact").expect(0).says("unknown key \"nonesuch\"")
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    check("run", "nothing to compact" in text_of(w.events(host.session)))


def view_only(w):
    host = begin(w, mode="view")
    w.cli("send", "--wait", "SAY no").expect(4)
    w.cli("probe").expect(0).says("round trip")
    check("nothing said", text_of(w.events(host.session)) == "")


def policy(w):
    host = begin(w)
    watch = w.start_cli("watch", "--json")
    watch.wait_for("synced", lambda p: [l for l in p.json if "synced" in l])
    w.relay_command("account", "owner", "--ceiling", "view").expect(0)
    watch.wait_for("told at once", lambda p: [l for l in p.json if l.get("status", {}).get("ceiling") == "view"], 5)
    w.cli("send", "--wait", "SAY no").expect(4).says("5002")
    w.cli("probe").expect(0)
    w.relay_command("account", "owner", "--ceiling", "disabled").expect(0)
    check("closed: not allowed", watch.wait() == 4)
    w.cli("watch", host.session).expect(4, 5)
    w.relay_command("account", "owner", "--ceiling", "control").expect(0)
    # Policy allows it again: the host comes back by itself, and what was sent meanwhile with it.
    w.cli("send", host.session, "--wait=idle", "SAY later").expect(0).says("applied")


# ---- what goes wrong ----

def not_allowed_and_unreachable(w):
    w.start_relay()
    wrong = f"{w.root}/wrong"
    with open(os.open(wrong, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write("rmt_0123456789abcdef0123456789abcdef\n")
    w.cli("ls", "--token-file", wrong).expect(4).says("UNAUTHENTICATED")
    os.chmod(wrong, 0o644)
    w.cli("ls", "--token-file", wrong).expect(1).says("chmod 600")
    w.cli("ls", env={"REMOTE_TOKEN_FILE": ""}).expect(4).says("not signed in")
    w.cli("ls", "--relay", f"tcp://127.0.0.1:{free_port()}", "--timeout", "0.5").expect(3).says("remote-relay serve")
    w.cli("ls", "--relay", "gopher://x").expect(2)
    w.cli("ls", "--config", "/nonexistent").expect(1).says("cannot read")
    w.cli("--relay", w.url, f"--token-file={w.token_file}", "ls").expect(0)
    w.cli("--relay", w.url).expect(2)
    w.cli("lss").expect(2).says("did you mean `ls`?")
    w.cli("ls", "--jsno").expect(2).says("did you mean --json?")
    w.cli().expect(2)
    w.cli("--version").expect(0)
    w.cli("watch", "--help").expect(0)


def not_found_and_ambiguous(w):
    w.start_relay()
    w.cli("send", "x").expect(5).says("no session is live")
    one = w.start_host(name="Alpha one")
    two = w.start_host(name="Alpha two")
    w.cli("send", "x").expect(2).says("more than one", one.session, two.session)
    w.cli("send", "alpha", "x").expect(2).says("fits more than one")
    w.cli("send", "alpha t", "SAY x", "--wait").expect(0)
    w.cli("send", "--session", "Alpha one", "SAY x", "--wait").expect(0)
    w.cli("send", "nonesuch", "x").expect(5)
    w.cli("approve", one.session).expect(5)
    w.cli("answer", one.session, "ffffffff", "yes").expect(5)
    w.cli("rm", two.session).expect(2).says("--yes")
    w.cli("rm", "nonesuch").expect(5)
    two.end()
    wait_until("it is no longer attached", lambda: not [s for s in w.sessions() if s["session_id"] == two.session
                                                        and s["attached"]])
    w.cli("ls").expect(0).says(f"--resume {two.session[:8]}")
    w.cli("rm", two.session[:12]).expect(0).says("deleted")
    w.cli("watch", two.session).expect(5)
    w.cli("rm", two.session).expect(5).says("deleted already")
    w.cli("rm", two.session[:12]).expect(5).says("any more")
    check("one left", [s["session_id"] for s in w.sessions()] == [one.session])


def rename_probe_devices(w):
    begin(w)
    w.cli("rename", "Other title").expect(0)
    wait_until("it is listed so", lambda: w.sessions()[0]["title"] == "Other title")
    probe = w.cli("probe", "--json").expect(0).json[0]
    check(f"times: {probe}", 0 < probe["round_trip_ms"] < 5000)
    devices = w.cli("devices", "--json").expect(0).json
    check("this device", [d for d in devices if d["current"]])
    w.cli("devices", "revoke", "zz").expect(5)
    w.cli("devices").expect(0).says("this device")


def revoked_devices(w):
    """A device is revoked from another one: its token is refused, its links are closed at once."""
    host = begin(w)
    phone = f"{w.root}/phone"
    with open(os.open(phone, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(w.relay_command("token", "--device", "phone").expect(0).out.split()[0] + "\n")
    as_phone = {"REMOTE_TOKEN_FILE": phone}
    watch = w.start_cli("watch", host.session, "--json", env=dict(w.env, **as_phone))
    watch.wait_for("synced", lambda p: [l for l in p.json if "synced" in l])
    listed = {d["name"]: d for d in w.cli("devices", "--json").expect(0).json}
    check(f"both are connected: {listed}", listed["phone"]["connected"] and not listed["phone"]["current"])
    began = time.monotonic()
    w.cli("devices", "revoke", "phone").expect(0).says("revoked: phone")
    check("its link is closed: not allowed", watch.wait() == 4)
    print(f"    closed after {time.monotonic() - began:.2f} s")
    w.cli("ls", env=as_phone).expect(4).says("REVOKED")
    w.cli("devices", "revoke", "phone").expect(5)
    own = next(d for d in w.cli("devices", "--json").json if d["current"])["device_id"]
    w.cli("devices", "revoke", own[:6]).expect(2).says("--yes")
    w.cli("devices").expect(0)
    w.cli("devices", "revoke", own[:6], "--yes").expect(0).says("revoked")
    w.cli("devices").expect(4).says("REVOKED")
    wait_until("the host is told", lambda: "revoked" in open(host.log_path, errors="replace").read())
    check("it goes on locally", host.alive)


def settings_by_prefix(w):
    """Never a guess: what fits two things is refused, with both."""
    host = begin(w, name="Two words")
    w.cli("config", "mod").expect(2).says("more than one", "model", "mode")
    w.cli("config", "model").expect(0).says("* script-1", "script-2")
    w.cli("config", "model", "script").expect(2).says("script-1", "script-2")
    w.cli("config", "model", "Script 2").expect(0)
    w.cli("config", "two words", "model", "script-1").expect(0)
    w.cli("config", "two w").expect(0).says("model = script-1")
    w.cli("config", "nonesuch", "x").expect(5).says("model")
    w.cli("config", "model", "nonesuch").expect(5).says("script-1")
    w.cli("config", "a", "b", "c", "d").expect(2)
    w.cli("mode", "two words", "pl").expect(0)
    w.cli("mode", "").expect(5)
    w.cli("slash").expect(0).says("/compact", "not from afar")
    w.cli("slash", "compact").expect(5)
    w.cli("slash", "two words", "x", "/compact").expect(2)
    w.cli("slash", "/").expect(2)
    w.cli("slash", "two words", "/compact", "now", "please").expect(6).says("remote_safe_slash_commands")
    w.cli("rename", " ").expect(2)
    w.cli("rename", "a\nb").expect(2)
    w.cli("rename", "x" * 300).expect(2, 6)
    w.cli("rm").expect(2)
    w.cli("rm", host.session, "two words", "--yes").expect(2).says("twice")
    w.cli("rm", host.session, "nonesuch", "--yes").expect(5)
    check("nothing was deleted", len(w.sessions()) == 1)
    w.cli("rm", "two w", "--yes").expect(0).says("deleted: Two words")
    host.wait_for("the host says so", lambda p: "deleted" in open(p.log_path, errors="replace").read())
    check("it goes on locally", host.alive)


# ---- cuts ----

SWITCHES = r"""
import json, sys
flag = {"id": "web", "name": "Web search", "type": "boolean", "currentValue": False}
def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()
for line in sys.stdin:
    m = json.loads(line)
    method, answer = m.get("method"), {}
    if method == "initialize":
        answer = {"protocolVersion": 1, "agentCapabilities": {}, "authMethods": []}
    elif method == "session/new":
        answer = {"sessionId": "one", "configOptions": [flag]}
    elif method == "session/set_config_option":
        flag["currentValue"] = m["params"]["value"]
        answer = {"configOptions": [flag]}
    if "id" in m and method:
        say(id=m["id"], result=answer)
"""


def switches(w):
    """An option that is on or off, in people's words."""
    w.start_relay()
    agent = f"{w.root}/agent.py"
    with open(agent, "w") as f:
        f.write(SWITCHES)
    w.start_host(agent=["/usr/bin/python3", agent])
    w.cli("config").expect(0).says("web = false", "Web search")
    for word, value in (("on", "true"), ("no", "false"), ("YES", "true"), ("off", "false"), ("true", "true")):
        w.cli("config", "web s", word).expect(0).says("option set")
        w.cli("config", "web").expect(0).says(f"web = {value}")
    w.cli("config", "web", "maybe").expect(5).says("true or false")
    check("as JSON", w.cli("config", "--json").expect(0).json[0]["option"]["boolean"])


def verbs_of(w):
    return re.findall(r"^  (\w+) ", w.cli("--help").expect(0).out, re.M)


def wrong_arguments(w):
    """Every verb: its help, a flag that there is not, a flag without its value, too many words."""
    w.start_relay()
    verbs = verbs_of(w)
    check(f"all of them: {verbs}", len(verbs) >= 20)
    for verb in verbs:
        w.cli(verb, "--help").expect(0).says(f"usage: remote {verb}")
        wrong = w.cli(verb, "--nonesuch").expect(2).says("unknown flag --nonesuch", f"usage: remote {verb}")
        check("nothing on standard output", wrong.out == "")
        if verb not in ("completion", "host"):
            w.cli(verb, "--relay").expect(2).says("--relay needs a value")
            w.cli(verb, "--relay", "gopher://nowhere", "a", "/b", "c").expect(1, 2)
            w.cli(verb, "--timeout", "never", "a", "/b").expect(1, 2)
        if verb not in ("rm", "slash", "inspect"):
            w.cli(verb, *"abcdefgh").expect(2)
    w.cli("nonesuch").expect(2).says("there is no command")
    w.cli(*["ls"] * 200).expect(2)


def exit_codes(w):
    """The document's table, the help's line and what happens are the same."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
    table = open(f"{root}/docs/cli-json.md", encoding="utf-8").read().split("## Exit codes")[1].split("## ")[0]
    documented = [int(code) for code in re.findall(r"^\| (\d) \|", table, re.M)]
    said = w.cli("--help").expect(0).out.split("Exit codes:")[1]
    check("the same numbers", documented == [int(n) for n in re.findall(r"(\d) [a-z]", said)] == list(range(9)))
    w.cli("ls", "--relay", f"tcp://127.0.0.1:{free_port()}", "--timeout", "1", env={"REMOTE_TOKEN": "rrt_" + "0" * 64}
          ).expect(3)
    host = begin(w)
    w.cli("ls").expect(0)
    w.cli("ls", "--config", "/nonexistent").expect(1)
    w.cli("ls", "x").expect(2)
    w.cli("ls", env={"REMOTE_TOKEN_FILE": ""}).expect(4)
    w.cli("watch", "nonesuch").expect(5)
    w.cli("mode", "bypassPermissions").expect(6)
    w.cli("send", "--wait", "SLOW 100 100").expect(0)
    queued = w.start_cli("send", "--wait", "SAY never")
    queued.wait_for("its id", lambda p: p.lines)
    w.cli("withdraw", queued.lines[0]).expect(0)
    check("withdrawn", queued.wait() == 7)
    w.cli("cancel").expect(0)
    check(host.session, True)


def asks_of_all(w):
    w.start_relay()
    one, two = w.start_host(name="One"), w.start_host(name="Two")
    w.cli("asks").expect(0).says("nothing waits")
    for host in (one, two):
        w.cli("send", host.session, "--wait", f"RUN echo {host.session[:4]}").expect(0)
        w.wait_ask(host.session)
    w.cli("asks").expect(0).says("One (", "Two (", f"echo {one.session[:4]}", f"echo {two.session[:4]}")
    listed = w.cli("asks", "--json").expect(0).json
    check("of both", {line["session_id"] for line in listed} == {one.session, two.session})
    check("of one", [line["session_id"] for line in w.cli("asks", "two", "--json").json] == [two.session])
    w.cli("approve").expect(2).says("more than one session is live")
    third = w.start_host(name="Three")
    w.cli("send", third.session, "--wait", "ASK Which one?|red|blue").expect(0)
    ask = w.wait_ask(third.session)[0]
    answer = ["--json", '{"answer":"blue"}'] if "form" in ask else ["blue"]
    w.cli("answer", ask["ask_id"][:10], *answer).expect(0).says("answered")
    w.cli("answer", "ffffffffff", *answer).expect(2).says("more than one session is live")
    w.cli("approve", "").expect(2, 5)
    w.cli("approve", listed[0]["ask"]["ask_id"][:10] if listed[0]["session_id"] == two.session
          else listed[1]["ask"]["ask_id"][:10]).expect(0).says("approved")
    check("the other waits", [line["session_id"] for line in w.cli("asks", "--json").json] == [one.session])


def watch_survives_the_relay(w):
    host = begin(w)
    watch = w.start_cli("watch", host.session, "--json", "--digest")
    watch.wait_for("synced", lambda p: any("synced" in l for l in p.json))
    w.cli("send", "--wait=idle", "SAY one").expect(0)
    w.relay.kill()
    watch.wait_for("it says so", lambda p: any("link_down" in l for l in p.json))
    w.start_relay()
    wait_until("the host is back", lambda: w.sessions() and w.sessions()[0]["attached"], 40)
    w.cli("send", "--wait=idle", host.session, "SAY two", timeout=60).expect(0)
    watch.wait_for("two", lambda p: "two" in text_of([l["event"] for l in p.json if "offset" in l]), 40)
    check("ended in order", watch.end() == 0)
    offsets = []
    for line in watch.json:
        if "offset" in line:
            offsets.append(line["offset"])
        if "passed" in line:
            offsets += range(line["passed"]["offset"], line["passed"]["offset"] + line["passed"]["count"])
    check(f"each once, in order: {offsets}", offsets == list(range(len(offsets))))
    mine = watch.json[-1]["digest"]
    other = w.cli("watch", host.session, "--digest", "--json", "--until", "idle").expect(0).json[-1]["digest"]
    check(f"the same log: {mine} {other}", mine["count"] == other["count"] and mine["sha256"] == other["sha256"])


def stored_while_the_host_is_away(w):
    host = begin(w)
    host.kill()
    wait_until("it is away", lambda: not w.sessions()[0]["attached"])
    w.cli("send", "x").expect(5)
    sent = w.cli("send", host.session, "SAY while away").expect(0).says("not connected", "withdraw")
    w.cli("probe", host.session, "--timeout", "1").expect(3)
    again = w.start_host(resume=host.session)
    check("the same session", again.session == host.session)
    wait_until("it is said", lambda: "while away" in text_of(w.events(host.session)))
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    events = w.events(host.session)
    outcomes = [o for o in bodies(events, "command_outcome") if o["command_id"] == command_id(sent)]
    check("once", len(outcomes) == 1 and text_of(events).count("while away") == 1)


def send_survives_a_cut(w):
    """The relay dies before the prompt can be stored: the command waits and is stored once it is back."""
    host = begin(w)
    attach = w.start_cli("attach", stdin=subprocess.PIPE)
    attach.wait_text("/help lists")
    w.relay.kill()
    attach.wait_text("connection lost")
    attach.type("SAY after the cut\n")
    attach.wait_text("kept until the connection is back")
    w.start_relay()
    attach.wait_text("connected again", 40)
    attach.wait_text("applied", 40)
    attach.end()
    check("once", text_of(w.events(host.session)).count("after the cut") == 1)


def silence_is_noticed(w):
    """A relay that stands still: who writes something hears within seconds that nobody listens."""
    host = begin(w)
    attach = w.start_cli("attach", terminal=(80, 24))
    attach.wait_text("idle")
    w.relay.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    attach.type("SAY into the silence\r")
    attach.wait_text("connection lost", 9)
    print(f"    noticed after {time.monotonic() - began:.1f} s")
    attach.wait_text("reconnecting in")
    w.relay.send_signal(signal.SIGCONT)
    attach.wait_text("connected again", 60)
    wait_until("it got through", lambda: text_of(w.events(host.session)) == "into the silence", 60)
    attach.type("/quit\r")
    check("left", attach.wait() == 0)
    check("once", text_of(w.events(host.session)) == "into the silence")


# ---- watching ----

def watch_from_anywhere(w):
    host = begin(w)
    w.cli("send", "--wait=idle", "SAY alpha").expect(0)
    everything = [l for l in w.cli("watch", "--json", "--durable", "--from", "start", "--until", "idle").json
                  if "offset" in l]
    epoch, last = everything[-1]["epoch"], everything[-1]["offset"]
    for where in (str(last), f"{epoch}:{last}"):
        got = [l for l in w.cli("watch", "--json", "--from", where, "--until", "idle").expect(0).json if "offset" in l]
        check(f"from {where}: {got}", [l["offset"] for l in got] == [last])
    other = w.cli("watch", "--json", "--from", f"{'0' * 31}1:{last}", "--until", "idle").expect(0).json
    check("another epoch: a stated reset", [l for l in other if l.get("snapshot", {}).get("reset")])
    live = w.cli("watch", "--json", "--from", "live", "--timeout", "1").expect(0).json
    check("live: nothing old", not [l for l in live if "offset" in l])
    w.cli("watch", "--from", "x").expect(2)
    w.cli("watch", "--until", "x").expect(2)
    until = w.start_cli("watch", host.session, "--json", "--until", "end")
    until.wait_for("synced", lambda p: [l for l in p.json if "synced" in l])
    host.end()
    check("ended", until.wait() == 0)


def big_output(w):
    host = begin(w)
    w.cli("send", "--wait=idle", "BIG 3000", timeout=60).expect(0)
    text = text_of(w.events(host.session))
    check(f"all of it: {len(text)}", len(text) == 3000 * 1024)
    human = w.cli("watch", "--from", "start", "--until", "idle").expect(0).out
    check("for people too, once", human.count("\n") < 49000 and text[-2000:].strip() in human)


def another_device(w):
    host = begin(w)
    token = f"{w.root}/phone"
    added = w.relay_command("token", "--device", "phone").expect(0)
    with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(re.search(r"(\S{20,})\s*$", added.out).group(1))
    watch = w.start_cli("watch", "--json", "--token-file", token)
    watch.wait_for("synced", lambda p: [l for l in p.json if "synced" in l])
    w.cli("send", "--wait", "RUN echo hi").expect(0)
    w.wait_ask(host.session)
    w.cli("approve", "--token-file", token).expect(0)
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0).says("ask")
    by = bodies(w.events(host.session), "ask_resolved")[0]["by"]["origin"]
    check(f"by the phone: {by}", by["device"] == "phone")
    phone = [d for d in w.cli("devices", "--json").json if d["name"] == "phone"][0]
    check("connected", phone["connected"] and not phone["current"])
    w.cli("devices", "revoke", phone["device_id"][:8]).expect(0)
    check("its watch ends: not allowed", watch.wait() == 4)
    w.cli("ls", "--token-file", token).expect(4)


# ---- attach ----

def attach_with_a_pipe(w):
    host = begin(w)
    done = w.cli("attach", stdin="SAY piped \x1b[31mwords\n/mode\n/status\n/nonesuch\n").expect(0)
    done.says("stored", "applied", "* default", "host connected", "there is no command /nonesuch")
    check("no control characters", "\x1b" not in done.out)
    check("sent", "piped" in text_of(w.events(host.session)))


def attach_with_a_terminal(w):
    begin(w)
    attach = w.start_cli("attach", terminal=(60, 20))
    attach.wait_text("idle")
    attach.type("SAY hello-terminal\r")  # one word, so that it is drawn in one piece
    attach.wait_text("hello-terminal", after=attach.wait_text("SAY hello-terminal by"))
    attach.type("RUN echo shown-on''-screen\r")
    attach.wait_text("#1 permission")
    attach.wait_text("needs an answer")
    attach.type("2\r")
    attach.wait_text("answered")
    attach.wait_text("shown-on-screen")
    attach.wait_text("turn ended", after=attach.wait_text("shown-on-screen"))
    attach.type("\x03")
    attach.wait_text("again leaves")
    attach.type("\x03")
    check("left", attach.wait() == 0)


def attach_narrow(w):
    begin(w)
    attach = w.start_cli("attach", terminal=(20, 10))
    attach.wait_text("idle")
    attach.type("SAY a text that is a good deal longer than the line is wide\r")
    attach.wait_text("turn ended")
    attach.type("/quit\r")
    check("left", attach.wait() == 0)
    check("text came whole", "longer than the line is wide" in " ".join(plain(attach.text).split()))


TESTS = [prompt_and_output, prompt_from_input_and_json, queue_and_withdraw, cancel, approve_remotely, deny_remotely,
         answer_at_the_host, two_answers_race, local_and_remote_race, superseded_names_the_winner, question,
         decline_a_form, modes, slash, slash_allowed, view_only, policy, not_allowed_and_unreachable, not_found_and_ambiguous,
         rename_probe_devices, revoked_devices, settings_by_prefix, switches, wrong_arguments, exit_codes, asks_of_all, watch_survives_the_relay, stored_while_the_host_is_away, send_survives_a_cut,
         silence_is_noticed, watch_from_anywhere, big_output, another_device, attach_with_a_pipe, attach_with_a_terminal, attach_narrow]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    sys.exit(run(TESTS, options.build, options.names, options.keep))


if __name__ == "__main__":
    main()
