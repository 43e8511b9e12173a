"""`remote host` as a person and as a machine meet it: terminal, pipes, --headless, --prompt, resuming,
two hosts on one session, agents that misbehave, a journal that cannot be written."""
import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "tests", "e2e"))
from harness import Failure, bodies, plain, run, text_of, wait_until  # noqa: E402

FAKE = [sys.executable, os.path.join(HERE, "fake_agent.py")]


def check(what, value):
    if not value:
        raise Failure(what)


def local(w, *flags, agent=None, lines="", env=None, code=0, timeout=30):
    """A host without a relay that reads `lines` from a pipe."""
    agent = agent or [w.program["remote-demo-agent"]]
    return w.cli("host", *flags, "--", *agent, stdin=lines, env=env, timeout=timeout).expect(code)


def start(w, *flags, agent=None, env=None, terminal=None):
    argv = [w.program["remote"], "host", *flags, "--", *(agent or [w.program["remote-demo-agent"]])]
    more = {"terminal": terminal} if terminal else {"stdin": subprocess.PIPE}
    return w.spawn("host", argv, env=dict(w.env, **(env or {})), **more)


def folders(w):
    root = f"{w.root}/state/remote/sessions"
    return sorted(os.listdir(root)) if os.path.isdir(root) else []


# ---- pipes and one-shots ----

def lines_of_a_pipe_are_prompts(w):
    out = local(w, lines="SAY one\nSAY two\nSLOW 3 20\nSAY three\n").out
    check("in order", out.index("\none\n") < out.index("\ntwo\n") < out.index("slow 3/3") < out.index("\nthree\n"))
    check("the way back is named", "remote host --resume" in out)


def asks_in_a_pipe(w):
    host = start(w)
    host.wait_text("is ready")
    host.type("RUN echo yes-$((40+2))\n")
    host.wait_text("[3] Reject")
    host.type("2\n")
    host.wait_text("answered: allowed once by you")
    host.wait_text("yes-42")
    host.type("RUN echo no\n")
    host.wait_text("#2 permission")
    host.type("#2 3\n")
    host.wait_text("answered: rejected by you")
    host.type("ASK Which colour?|red|blue\n")
    host.wait_text("#3 form: Which colour?")
    host.type("2\n")
    host.wait_text("You answered: blue")
    host.type("/quit\n")
    check("quit", host.wait() == 0)


def nobody_is_there_to_answer(w):
    out = local(w, lines="RUN touch never.txt\n").out
    check("rejected by its kind", "nobody can answer here: rejected" in out and "answered: rejected by you" in out)
    check("it did not run", not os.path.exists(f"{w.root}/work/never.txt"))


def one_shot(w):
    demo = ["--", w.program["remote-demo-agent"]]
    done = w.cli("host", "--prompt", "SAY only this", *demo).expect(0)
    check("only what the agent says", done.out.strip() == "only this")
    check("nothing is kept", folders(w) == [])
    w.cli("host", "--prompt", "FAIL it is broken", *demo).expect(1).says("it is broken")
    w.cli("host", "--prompt", "CRASH", *demo).expect(1).says("signal 6")
    w.cli("host", "--prompt", "RUN touch x", *demo).expect(0).says("rejected")
    w.cli("host", "--remote", "--prompt", "SAY x", *demo).expect(4).says("NOT_INTERACTIVE")
    w.cli("host", "--headless", "--prompt", "SAY x", *demo).expect(2)
    w.cli("host", "--remote=perhaps", *demo).expect(2)
    w.cli("host").expect(2).says("which agent?")


def one_shot_with_a_person(w):
    host = start(w, "--prompt", "RUN echo it-$((1+1))", terminal=(80, 24))
    host.wait_text("[2] Allow once")
    host.type("y\r")
    host.wait_text("answered: allowed once by you")
    check("done", host.wait() == 0)


# ---- a terminal ----

def terminal(w):
    host = start(w, terminal=(60, 20))
    host.wait_text("is ready")
    end = host.wait_text("> ")
    host.type("SLOW 30 50\r")
    host.wait_text("slow 2/30", after=end)
    host.type("SAY afterwards\r")
    host.wait_text("queued 1: SAY afterwards")
    host.type("/cancel\r")
    host.wait_text("turn ended: cancelled by you")
    host.wait_text("afterwards")
    host.type("/mode\r")
    host.wait_text("bypassPermissions")
    host.type("/mode plan\r")
    host.wait_text("mode: plan")
    host.type("/config model nonsense\r")
    host.wait_text("not done: the agent has no such option or value")
    host.type("/nonsense\r")
    host.wait_text("there is no command /nonsense")
    host.type("/help\r")
    host.wait_text("/remote [on|view|off]")
    host.type("//help\r")
    host.wait_text("My prompts are scripts")
    host.type("SLOW 50 50\r")
    host.wait_text("slow 1/50")
    host.type("\x03")
    host.wait_text("cancelling the turn")
    host.wait_text("turn ended: cancelled", after=host.wait_text("cancelling the turn"))
    host.type("\x04")  # Ctrl-D
    check("ended", host.wait() == 0)


def nothing_unclean_reaches_the_terminal(w):
    env = {"NO_COLOR": "1"}
    host = start(w, agent=FAKE, terminal=(80, 24), env=env)
    host.wait_text("is ready")
    host.type("raw a\\x1b]0;title\\x07b\\x1b[31mc\\x9bd\\x08\\x00\\u202eend-of-it\r")
    host.wait_for("the answer", lambda p: p.text.count("end-of-it") == 2)
    host.type("/quit\r")
    host.wait()
    # Nothing but what the surface itself draws with: moves, erasing, styles, and its own modes.
    rest = re.sub(r"\x1b\[(?:[0-9;]*m|[0-9]*[ABGJK]|\?(?:2004|2026|25)[hl])", "", host.text)
    bad = [c for c in rest if ord(c) < 32 and c not in "\r\n\t"]
    check(f"control characters: {bad}", not bad)
    check("no colour was asked for", not re.search(r"\x1b\[[1-9;]+m", host.text))
    check("nor those of 8 bits, nor those that turn text around",
          not re.search("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", host.text))


def narrow(w):
    host = start(w, terminal=(24, 10))
    host.wait_text("ready")
    begin = len(host.text)
    host.type("RUN echo a-command-that-is-much-longer-than-the-terminal-is-wide\r")
    host.wait_text("Reject")
    shown = [l for l in plain(host.text[begin:]).split("\n") if re.match(r"\? |\* |    [123] ", l)]
    check(f"lines fit: {shown}", shown and all(len(l) <= 24 for l in shown))


# ---- agents that misbehave ----

def agents_that_misbehave(w):
    local(w, agent=["no-such-agent-anywhere"], code=1).says("there is no program")
    local(w, agent=["/etc/passwd"], code=1).says("not executable")
    local(w, agent=["yes"], code=1).says("does not speak ACP")
    local(w, agent=[*FAKE, "exit"], code=1).says("exit code 7", "no model configured")
    local(w, agent=[*FAKE, "sign-in"], code=4).says("sign in")
    local(w, agent=[*FAKE, "hang"], code=1, env={"REMOTE_AGENT_START_SECONDS": "1"}).says("did not answer initialize")
    local(w, agent=["sleep", "600"], code=1, env={"REMOTE_AGENT_START_SECONDS": "1"}).says("did not answer")
    local(w, agent=["true"], code=1).says("the agent has exited")
    check("nothing is kept of them", folders(w) == [])
    local(w, agent=FAKE, lines="die\n", code=1).says("killed by signal 9", "you said: die")
    local(w, lines="NONSENSE\nSAY still here\n").says("still here")


def the_agents_children_end_with_it(w):
    pids = f"{w.root}/pids"
    host = start(w, agent=[*FAKE, "stubborn", pids])
    host.wait_text("is ready")
    host.type("/quit\n")
    check("quit", host.wait(20) == 0)
    for pid in open(pids).read().split():
        wait_until(f"process {pid} is gone", lambda p=pid: not os.path.exists(f"/proc/{p}") or
                   open(f"/proc/{p}/stat").read().split()[2] == "Z")


def a_killed_host_takes_its_agent_along(w):
    """kill -9 of the host: an agent that does not look at its standard input is ended, with its children."""
    pids = f"{w.root}/pids"
    host = start(w, agent=[*FAKE, "stubborn", pids])
    host.wait_text("is ready")
    guard = wait_until("the guard", lambda: [
        p for p in os.listdir("/proc") if p.isdigit() and status_of(p).get("PPid") == str(host.pid)
        and status_of(p).get("Name") == "remote-guard"])[0]
    check("it holds nothing of the host", os.listdir(f"/proc/{guard}/fd") == ["0"])
    host.kill()
    for pid in [*open(pids).read().split(), guard]:
        wait_until(f"process {pid} is gone",
                   lambda p=pid: status_of(p).get("State", "Z").startswith("Z"), timeout=60)


def status_of(pid):
    """What /proc says of a process; nothing when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    except OSError:
        return {}


def a_flood_is_survived(w):
    out = local(w, agent=FAKE, lines="flood\nafter\n", timeout=60).out
    check("the end of it is there", "line 19999 of" in out and "you said: after" in out)


def an_agent_fails_in_every_phase(w):
    """It dies, falls silent or talks nonsense at each request: the host ends in time and says what happened."""
    soon = {"REMOTE_AGENT_START_SECONDS": "2"}
    for phase, said in (("initialize", "did not answer initialize"), ("session/new", "did not answer the request for a")):
        local(w, agent=[*FAKE, f"silent:{phase}"], env=soon, code=1).says(said)
        local(w, agent=[*FAKE, f"die:{phase}"], code=1).says("killed by signal 9", "I cannot go on")
        local(w, agent=[*FAKE, f"wrong:{phase}"], code=1)
        local(w, agent=[*FAKE, f"twice:{phase}"], code=1).says("not this time")
    local(w, agent=[*FAKE, "die:session/prompt"], lines="x\n", code=1).says("killed by signal 9")
    local(w, agent=[*FAKE, "wrong:session/prompt"], lines="x\n").says("unknown")
    local(w, agent=[*FAKE, "twice:session/prompt"], lines="x\ny\n", code=0).says("not this time")
    local(w, agent=[*FAKE, "die:session/close"], lines="x\n", code=0).says("you said: x")
    local(w, agent=[*FAKE, "silent:session/close"], lines="x\n", code=0).says("you said: x")


def cancel_by_force(host):
    """Cancels again and again: after 2 s the host ends the turn without the agent."""
    said = host.text.count("did not confirm the cancel")

    def tried():
        host.type("/cancel\n")
        time.sleep(0.5)
        return host.text.count("did not confirm the cancel") > said
    wait_until("the turn is ended", tried, timeout=60)


def an_agent_that_never_answers_a_prompt(w):
    host = start(w, agent=FAKE)
    host.wait_text("is ready")
    host.type("silent\n")
    host.wait_text("> silent")
    cancel_by_force(host)
    host.type("hello\n")
    host.wait_text("you said: hello")
    host.type("silent\nlate\n")  # the second waits for the first, which is cancelled
    cancel_by_force(host)
    host.type("still there?\n")  # it answers the first two now, too: that ends nothing
    host.wait_text("you said: still there?")
    host.type("/quit\n")
    check("quit", host.wait(60) == 0)


def garbage_and_logs(w):
    out = local(w, agent=FAKE, lines="garbage\nafter it\n", timeout=60).out
    check("it goes on", "you said: after it" in out)
    local(w, agent=FAKE, lines="stderr\n", timeout=60).says("you said: stderr")
    logs = [f"{w.root}/state/remote/sessions/{s}/{name}" for s in folders(w) for name in ("agent.log", "agent.log.1")]
    sizes = [os.path.getsize(p) for p in logs if os.path.exists(p)]
    check(f"its log is bounded: {sizes}", max(sizes) <= 5 * 1024 * 1024 and sum(sizes) < 10 * 1024 * 1024)


def a_line_that_is_too_long(w):
    out = local(w, lines="LINE 33000\nSAY and on\n", timeout=90).out
    check("said, and skipped", "over 32 MiB" in out and "and on" in out)


def memory_is_bounded_in_a_flood(w):
    """While nobody reads the host's own output, too."""
    with open(w.program["remote"], "rb") as program:
        watched = b"__asan_init" not in program.read()  # which keeps what is freed
    argv = [w.program["remote"], "host", "--", w.program["remote-demo-agent"]]
    with subprocess.Popen(argv, env=w.env, cwd=f"{w.root}/work", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        host.stdin.write(b"MODE bypassPermissions\nFLOOD 60000\nRUN touch done\n")
        host.stdin.flush()
        wait_until("the flood is over", lambda: os.path.exists(f"{w.root}/work/done"), timeout=120)
        kib = int(status_of(host.pid)["VmHWM"].split()[0])
        host.kill()
    check(f"{kib} KiB at most", kib < 100 * 1024 or not watched)


def signing_in(w):
    """Chosen at the terminal, named by a flag, or told how when nobody is there."""
    host = start(w, agent=[*FAKE, "sign-in"], terminal=(80, 24))
    host.wait_text("1  Browser")
    host.wait_text("set FAKE_KEY")
    host.type("/sign-in key\r")
    host.wait_text("signing in did not work (no key)")
    host.type("/sign-in elsewhere\r")
    host.wait_text("there is no such way")
    host.type("patience\r")
    host.type("/sign-in 1\r")
    ready = host.wait_text("is ready")
    said = host.wait_text("you said:", after=ready)  # its rest may be drawn later, by itself
    host.wait_text("turn ended", after=host.wait_text(" patience", after=said))
    host.type("/quit\r")
    check("quit", host.wait() == 0)
    local(w, "--sign-in", "Browser", agent=[*FAKE, "sign-in"], lines="hello\n").says("you said: hello")
    local(w, agent=[*FAKE, "sign-in"], code=4).says("Browser", "API key", "FAKE_KEY")
    local(w, "--sign-in", "key", agent=[*FAKE, "sign-in"], code=4).says("no key")


def what_the_agent_is_given(w):
    """--mcp-config and --add-dir, also for the resumed session; session/close at the end."""
    notes, config = f"{w.root}/notes", f"{w.root}/mcp.json"
    env = {"FAKE_AGENT_NOTES": notes}
    with open(config, "w") as f:
        json.dump({"mcpServers": {"tools": {"command": "true", "args": ["-x"], "env": {"A": "b"}}}}, f)
    os.makedirs(f"{w.root}/more")
    local(w, "--mcp-config", config, "--add-dir", f"{w.root}/more", agent=FAKE, lines="hi\n", env=env)
    local(w, "--continue", agent=FAKE, lines="again\n", env=env)
    first, closed, second, _ = open(notes).read().splitlines()
    given = json.loads(first)
    check(f"the server: {given}", given["mcpServers"][0]["args"] == ["-x"] and
          given["mcpServers"][0]["command"].endswith("/true") and
          given["mcpServers"][0]["env"] == [{"name": "A", "value": "b"}])
    check("the folder", given["additionalDirectories"] == [f"{w.root}/more"])
    check("resumed with the same", json.loads(second) == given)
    check("closed", closed == "closed fake-1")
    for text, what in (("{", "line 1"), ("{}", "mcpServers"), ('{"mcpServers": {"a": {}}}', '"command" is missing'),
                       ('{"mcpServers": {"a": {"command": "no-such-program"}}}', "no program"),
                       ('{"mcpServers": {"a": {"command": "true", "args": "x"}}}', "list of texts"),
                       ('{"mcpServers": {"a": {"command": "true", "env": {"A": 1}}}}', "must be a text"),
                       ('{"mcpServers": {"a": {"type": "smoke"}}}', "stdio, http or sse"),
                       ('{"mcpServers": {"a": {"url": "ftp://x"}}}', "http://")):
        with open(config, "w") as f:
            f.write(text)
        local(w, "--mcp-config", config, agent=FAKE, code=2).says(what)
    local(w, "--mcp-config", f"{w.root}/none", agent=FAKE, code=2).says("No such file")
    local(w, "--add-dir", f"{w.root}/none", agent=FAKE, code=2).says("No such file")


def the_agent_is_not_given_the_token(w):
    """It could answer its own questions with it; all else of the environment is its own."""
    agent = ["sh", "-c", 'echo "token [$REMOTE_TOKEN] other [$REMOTE_TOKEN_OTHER]" >&2; exit 7']
    env = {"REMOTE_TOKEN": "rrt_" + "0" * 64, "REMOTE_TOKEN_OTHER": "given"}
    local(w, agent=agent, env=env, code=1).says("token [] other [given]")


# ---- resuming ----

def resume_and_continue(w):
    local(w, lines="SAY remember this\nTITLE Named\n")
    session = folders(w)[0]
    check("its folder is private", os.stat(f"{w.root}/state/remote/sessions/{session}").st_mode & 0o077 == 0)
    local(w, "--continue", lines="SAY more\n").says("more")
    check("the same session", folders(w) == [session])
    w.cli("host", "--resume", session[:6], stdin="SAY third\n").expect(0).says("third")  # the agent as before
    w.cli("host", "--resume", "ffffffff", "--", "x").expect(5).says("no session")
    os.makedirs(f"{w.root}/elsewhere")
    argv = [w.program["remote"], "host", "--continue", "--", "x"]
    done = subprocess.run(argv, env=w.env, cwd=f"{w.root}/elsewhere", stdin=subprocess.DEVNULL, capture_output=True)
    check("nothing to continue there", done.returncode == 5)


def resume_is_the_same_conversation(w):
    w.start_relay()
    host = w.start_host(headless=False)
    host.type("SAY the first thing\n")
    host.wait_text("\nthe first thing")
    host.type("/quit\n")
    check("quit", host.wait() == 0)
    again = w.start_host(headless=False, resume=host.session)
    check("the same id", again.session == host.session)
    again.type("SAY the second thing\n")
    again.wait_text("\nthe second thing")
    # A terminal shows what is said before it is stored, and so before the relay has it.
    events = wait_until("both turns are at the relay", lambda: (
        all_of_it if len(bodies(all_of_it := w.events(host.session), "turn_ended")) == 2 else None), timeout=60)
    said = [m["text"] for m in bodies(events, "assistant_message")]
    check(f"each said once: {said}", said == ["the first thing", "the second thing"])
    users = [m["text"] for m in bodies(events, "user_message")]
    check(f"each asked once: {users}", users == ["SAY the first thing", "SAY the second thing"])
    check("resumed", len(bodies(events, "session_resumed")) == 1)
    again.type("/quit\n")
    again.wait()
    # Remote control is on again without being asked for; --remote=off says otherwise.
    third = start(w, "--resume", host.session)
    third.wait_text("remote control (control)")
    third.type("/remote off\n")
    third.wait_text("remote control: off")
    third.type("/quit\n")
    third.wait()
    fourth = start(w, "--resume", host.session)
    fourth.wait_text("is ready")
    fourth.type("/remote\n")
    fourth.wait_text("remote control is off")
    fourth.type("/quit\n")
    check("quit", fourth.wait() == 0)


def two_hosts_on_one_session(w):
    host = start(w)
    host.wait_text("is ready")
    session = folders(w)[0]
    second = w.cli("host", "--resume", session, "--", w.program["remote-demo-agent"]).expect(1)
    second.says("already running", str(host.pid))
    host.kill()
    local(w, "--resume", session, lines="SAY mine now\n").says("mine now")  # a crash leaves no lock


def killed_at_every_place(w):
    """Whatever was in the middle of being written: the session can be resumed."""
    local(w, lines="SAY begin\n")
    session = folders(w)[0]
    for point in ("received", "before_commit", "after_commit", "before_settle"):
        for n in (1, 2, 3, 5):
            host = start(w, "--resume", session, env={"REMOTE_HOST_FAULT": f"{point}:{n}:kill"})
            with contextlib.suppress(BrokenPipeError):
                host.type(f"SAY {point}-{n}\nRUN echo x\n")
                host.process.stdin.close()
            check(f"killed at {point}:{n}", host.wait() in (-9, 0))
    local(w, "--resume", session, lines="SAY the end\n").says("the end")


def the_journal_cannot_be_written(w):
    """A full disk: said, the local session goes on, and the journal too once there is room."""
    host = start(w, env={"REMOTE_HOST_FAULT": "before_commit:3:full=3"})
    host.wait_text("is ready")
    for i in range(4):
        host.type(f"SAY still-{i}\n")
        host.wait_text(f"\nstill-{i}")
    host.wait_text("the journal cannot be written (the disk is full)")
    host.type("RUN echo run-$((1+1))\n")
    host.wait_text("[2] Allow once")
    host.type("2\n")
    host.wait_text("run-2")
    host.wait_text("the journal takes entries again")
    host.type("/quit\n")
    check("quit", host.wait(20) == 0)
    never = start(w, env={"REMOTE_HOST_FAULT": "before_commit:*:full=100000"})
    never.wait_text("is ready")
    never.type("SAY memory only\n")
    never.wait_text("\nmemory only")
    never.type("/quit\n")
    check("quit", never.wait(20) == 0)


# ---- remote ----

def remote_control_that_does_not_work(w):
    bad = f"{w.root}/bad-token"
    with open(bad, "w") as f:
        f.write("rrt_" + "0" * 60)
    os.chmod(bad, 0o600)
    w.start_relay()
    # A token that the relay does not know.
    host = start(w, "--remote", "--relay", w.url, "--token-file", bad)
    host.wait_text("remote control is off")
    host.type("SAY local goes on\n")
    host.wait_text("\nlocal goes on")
    host.type("/quit\n")
    check("quit", host.wait() == 0)
    # No token, not an address, a file that others can read.
    env = {"REMOTE_TOKEN_FILE": f"{w.root}/none"}
    out = local(w, "--remote", "--relay", w.url, lines="SAY ok\n", env=env).out
    check("said", "remote control is off" in out and "\nok" in out)
    out = local(w, "--remote", "--relay", "http://x", lines="SAY ok\n").out
    check("said", "remote control is off" in out and "\nok" in out)
    os.chmod(bad, 0o644)
    out = local(w, "--remote", "--relay", w.url, "--token-file", bad, lines="SAY ok\n").out
    check("said", "remote control is off" in out and "\nok" in out)


def the_relay_comes_late(w):
    w.start_relay()
    w.relay.end()
    host = start(w, "--remote", "--relay", w.url, env={"REMOTE_TOKEN_FILE": w.token_file})
    host.wait_text("no connection to")
    host.type("SAY before the relay\n")
    host.wait_text("\nbefore the relay")
    w.start_relay()
    host.wait_text("remote control (control) through", timeout=40)
    session = wait_until("listed", lambda: [s for s in w.sessions() if s["attached"]])[0]["session_id"]
    wait_until("all of it is published", lambda: text_of(w.events(session)) == "before the relay", timeout=60)
    host.type("/quit\n")
    check("quit", host.wait() == 0)
    ended = bodies(w.events(session), "session_ended")
    check("its end is published", ended and ended[-1]["reason"] == "quit")


def remote_on_in_the_middle(w):
    w.start_relay()
    host = start(w, "--relay", w.url)
    host.wait_text("is ready")
    host.type("SAY history\nRUN echo open\n")
    host.wait_text("#1 permission")
    check("not listed before", w.sessions() == [])
    began = time.monotonic()
    host.type("/remote on\n")
    session = wait_until("listed", w.sessions)[0]["session_id"]
    check("within a second", time.monotonic() - began < 1.5)
    ask = wait_until("its open ask", lambda: w.asks(session))[0]
    w.cli("approve", session, ask["ask_id"][:8]).expect(0)
    host.wait_text("answered: allowed once by")
    w.cli("watch", session, "--until", "idle", "--timeout", "10").expect(0)
    check("history is there", text_of(w.events(session)) == "history")
    host.type("/remote off\n")
    host.wait_text("remote control: off")
    wait_until("detached", lambda: not w.sessions()[0]["attached"])
    w.cli("ls").expect(0).says("remote control off since", "/remote on there, or remote host --resume " + session[:8])
    host.type("SAY private\n")
    host.wait_text("\nprivate")
    host.type("/remote view\n")
    wait_until("attached", lambda: w.sessions()[0]["attached"])
    w.cli("send", "--wait", session, "SAY x").expect(4).says("5001")
    check("the same log", text_of(w.events(session)) == "historyprivate")
    host.type("/quit\n")
    check("quit", host.wait() == 0)


def forms_from_afar(w):
    """What does not fit the form is refused with its field, and the ask stays open for what does."""
    w.start_relay()
    host = w.start_host()
    w.cli("send", "FORM Who are you?|name:string!|age:integer=30|colour:red,blue").expect(0)
    ask = w.wait_ask(host.session)[0]["ask_id"][:8]
    for answer, why in (('{"age": 1}', "name: must be given"), ('{"name": "Bo", "age": "old"}', "age: must be a whole"),
                        ('{"name": "Bo", "colour": "green"}', "green is not one of the choices"),
                        ('{"name": "Bo", "size": 1}', "no such field")):
        w.cli("answer", host.session, ask, "--json", answer).expect(6).says(why)
        check("it is still asked", len(w.asks(host.session)) == 1)
    w.cli("answer", host.session, ask, "--json", '{"name": "Bo", "age": "41"}').expect(0)
    w.cli("watch", "--until", "idle", "--timeout", "30").expect(0)
    said = text_of(w.events(host.session))
    check(f"in its types: {said}", '"content":{"name":"Bo","age":41}' in said)


def subagents_from_afar(w):
    w.start_relay()
    host = w.start_host()
    w.cli("send", "TASK explorer|Look at it").expect(0)
    ask = w.wait_ask(host.session)[0]
    check("it is the sub-agent that asks", ask["agent_id"] == "task-" + ask["agent_id"].split("-")[-1])
    w.cli("answer", host.session, ask["ask_id"][:8], "once").expect(0)
    w.cli("watch", "--until", "idle", "--timeout", "30").expect(0)
    events = w.events(host.session)
    started, ended = bodies(events, "subagent_started"), bodies(events, "subagent_ended")
    check("it begins and ends once", len(started) == 1 and len(ended) == 1)
    check("with its name, its task and its call", (started[0]["name"], started[0]["task"], started[0]["tool_call_id"]) ==
          ("explorer", "Look at it", ask["agent_id"]))
    check("and what came of it", ended[0]["text"] == "The sub-agent has looked.")
    check("what it says is under its name", any(
        e.get("agent_id") == ask["agent_id"] and "I am the sub-agent" in e["assistant_message"].get("text", "")
        for e in events if "assistant_message" in e))
    started = bodies(events, "session_started")
    check("the agent's session is named from the start", started[0]["agent_session_id"].startswith("demo-"))


def secrets_stay_here(w):
    w.start_relay()
    host = w.start_host()
    secret = "ghp_" + "Ab1" * 12
    w.cli("send", "--wait", f"RUN echo token={secret[:10]}'{secret[10:]}'").expect(0)
    w.wait_ask(host.session)
    w.cli("approve").expect(0)
    w.cli("watch", "--until", "idle", "--timeout", "10").expect(0)
    everything = json.dumps(w.events(host.session))
    check("the output is redacted", "token=[redacted: GitHub token]" in everything and secret not in everything)
    check("and says so", any(n["topic"] == "redaction" for n in bodies(w.events(host.session), "notice")))


def signals(w):
    w.start_relay()
    host = w.start_host()
    host.send_signal(signal.SIGTERM)
    check("ended in order", host.wait() == 0)
    ended = bodies(w.events(host.session), "session_ended")
    check("and says so", ended and ended[0]["reason"] == "quit")


TESTS = [lines_of_a_pipe_are_prompts, asks_in_a_pipe, nobody_is_there_to_answer, one_shot, one_shot_with_a_person,
         terminal, nothing_unclean_reaches_the_terminal, narrow, agents_that_misbehave,
         the_agents_children_end_with_it, a_killed_host_takes_its_agent_along, a_flood_is_survived,
         an_agent_fails_in_every_phase, an_agent_that_never_answers_a_prompt, garbage_and_logs, a_line_that_is_too_long,
         memory_is_bounded_in_a_flood, signing_in,
         what_the_agent_is_given, the_agent_is_not_given_the_token, resume_and_continue,
         resume_is_the_same_conversation,
         two_hosts_on_one_session, killed_at_every_place, the_journal_cannot_be_written,
         remote_control_that_does_not_work, the_relay_comes_late, remote_on_in_the_middle, forms_from_afar,
         subagents_from_afar, secrets_stay_here, signals]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    sys.exit(run(TESTS, args.build, args.names, args.keep))
