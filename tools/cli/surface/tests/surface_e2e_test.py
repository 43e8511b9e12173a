#!/usr/bin/python3
"""The interactive surface on a pseudo-terminal: the real programs, keys as a person presses them, and
what a terminal emulator (libvterm) shows of the bytes that come.

    surface_e2e_test.py --build DIR [--keep] [NAME...]"""
import argparse
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "tests", "e2e"))
from harness import SLOW, Failure, bodies, find_program, run, text_of, wait_until  # noqa: E402

AGENT = [sys.executable, os.path.join(HERE, "asking_agent.py")]
# Everything a surface may write besides text: moves, erasing, styles, its own modes, the bell.
OURS = re.compile(rb"\x1b\[(?:[0-9;]*m|[0-9]*[ABGJKH]|\?(?:2004|2026|25)[hl])")


def check(what, value):
    if not value:
        raise Failure(what)
    return value


class Terminal:
    """A pseudo-terminal with a program on it; `read` can be left out for as long as one likes."""

    def __init__(self, w, argv, columns=80, rows=24, env=None):
        self.w, self.columns, self.rows = w, columns, rows
        self.bytes, self.sizes, self.closed = b"", [], False
        self.master, self.slave = pty.openpty()
        self._set(columns, rows)
        self.before = termios.tcgetattr(self.slave)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

        environment = {k: v for k, v in w.env.items() if k != "NO_COLOR"}
        environment.update({"TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})})
        self.process = subprocess.Popen(argv, env=environment, cwd=f"{w.root}/work", stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, preexec_fn=own_terminal)
        w.processes.append(self)
        self.argv = argv
        self.pid, self.name, self.log_path = self.process.pid, "terminal", f"{w.root}/terminal-{self.process.pid}.log"
        self.first = (columns, rows)

    # what the harness asks of a process
    @property
    def alive(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM, timeout=10):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        deadline = time.monotonic() + timeout * SLOW
        while self.alive and time.monotonic() < deadline:
            self.read(0.05)
        if self.alive:
            self.process.kill()
        with open(self.log_path, "wb") as log:
            log.write(self.bytes)
        return self.process.wait()

    def kill(self):
        return self.end(signal.SIGKILL)

    def _set(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.read(0)
        self.sizes.append(f"{len(self.bytes)}:{columns}x{rows}")
        self._set(columns, rows)

    def read(self, seconds):
        """Takes what there is."""
        deadline = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return
            try:
                self.bytes += os.read(self.master, 65536)
            except OSError:
                return
            deadline = min(deadline, time.monotonic() + 0.005)

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data[:1000]):]
            self.read(0)

    def cells(self):
        """(rows that have scrolled out, rows of the screen, (row, column) of the cursor)"""
        done = subprocess.run([self.w.program["terminal_cells"], "%dx%d" % self.first, *self.sizes],
                              input=self.bytes, capture_output=True, check=True)
        lines = done.stdout.decode(errors="replace").split("\n")
        at = lines.index("--------")
        cursor = tuple(int(n) for n in lines[-2].split()[1:])
        return lines[:at], lines[at + 1:-2], cursor

    @property
    def screen(self):
        return "\n".join(self.cells()[1]).rstrip()

    @property
    def everything(self):
        gone, now, _ = self.cells()
        return "\n".join(gone + now).rstrip()

    def wait(self, what, ready=None, timeout=20):
        """Until `ready(everything that was shown)`, or until the text `what` is on the screen."""
        deadline = time.monotonic() + timeout * SLOW
        seen, shown = -1, ""
        while True:
            if len(self.bytes) != seen:
                seen = len(self.bytes)
                shown = self.everything if ready else self.screen
                value = ready(shown) if ready else what in shown
                if value:
                    return shown
            if time.monotonic() > deadline:
                raise Failure(f"not on the terminal: {what}\n{self.everything}")
            if not self.alive and not select.select([self.master], [], [], 0)[0]:
                raise Failure(f"it has ended ({self.process.poll()}) without: {what}\n{self.everything}")
            self.read(0.05)

    def wait_end(self, timeout=20):
        deadline = time.monotonic() + timeout * SLOW
        while self.alive:
            if time.monotonic() > deadline:
                raise Failure(f"it does not end\n{self.everything}")
            self.read(0.05)
        self.read(0.05)
        return self.process.returncode

    def modes(self):
        return termios.tcgetattr(self.slave)

    def restored(self):
        check("the terminal's modes are as before", self.modes()[:4] == self.before[:4])
        check("pastes are plain again", self.bytes.rfind(b"\x1b[?2004l") > self.bytes.rfind(b"\x1b[?2004h"))

    def prompt(self):
        """What stands behind the prompt's mark, in the row of the cursor."""
        _, now, (row, _) = self.cells()
        return now[row][2:]


def sanitized(w):
    """Built with AddressSanitizer: it takes faults for itself, and keeps what was freed."""
    with open(w.program["remote"], "rb") as program:
        return b"__asan_init" in program.read()


def host(w, *flags, agent=None, **more):
    w.program["terminal_cells"] = w.program.get("terminal_cells") or find_program(w.build, "terminal_cells")
    argv = [w.program["remote"], "host", *flags, "--", *(agent or AGENT)]
    t = Terminal(w, argv, **more)
    t.wait("is ready" if t.columns > 30 else "idle")
    return t


def attach(w, *flags, **more):
    w.program["terminal_cells"] = w.program.get("terminal_cells") or find_program(w.build, "terminal_cells")
    t = Terminal(w, [w.program["remote"], "attach", *flags], **more)
    t.wait("idle")
    return t


def only_ours(t):
    rest = OURS.sub(b"", t.bytes).decode()
    bad = sorted({c for c in rest if (ord(c) < 32 and c not in "\r\n") or 0x7f <= ord(c) < 0xa0 or
                  c in "\u200b\u202a\u202e\u2066\u2069\u2028"})
    check(f"nothing but our own sequences: {bad}", not bad)


# ---- writing ----

def typing_while_it_streams(w):
    t = host(w)
    t.type("lines 60\r")
    for c in "a thought that takes a while":
        t.type(c)
        t.read(0.02)
    t.wait("line 59 of words")
    t.wait("idle")
    check(f"what was typed stands: {t.prompt()}", t.prompt() == "a thought that takes a while")
    lines = re.findall(r"line (\d+) of words", t.everything)
    check(f"every line once, in order: {lines}", lines == [str(n) for n in range(60)])
    shown = len("".join(f"line {n} of words\n" for n in range(60)))
    print(f"    {len(t.bytes)} bytes written for {shown} shown and {28} keys")
    check("it is cheap", len(t.bytes) < 30 * shown)
    only_ours(t)
    t.type("\r")
    t.wait("you said 1 lines: a thought")
    t.type("/quit\r")
    check("quit", t.wait_end() == 0)
    t.restored()


def a_paste_of_100_lines(w):
    t = host(w)
    t.type("\x1b[200~" + "\n".join(f"pasted {n}" for n in range(100)) + "\x1b[201~")
    t.wait("pasted 99")
    check("it was not sent", "you said" not in t.everything)
    t.type("\r")
    t.wait("all of it, as one prompt", lambda s: "you said 100 lines: pasted 0" in s)
    t.type("one\\\rtwo\x1b\rthree\nfour")
    t.wait("four")
    t.type("\r")
    t.wait("you said 4 lines: one")
    t.type("\x04")
    check("^D", t.wait_end() == 0)


def keys_of_the_editor(w):
    t = host(w)
    t.type("alpha beta\x17gamma\x01>> \x05 \u65e5\u672c\u8a9e\x7f!")
    t.wait(">> alpha gamma \u65e5\u672c!")
    t.type("\x1f\x1f\x1f\x03")
    t.wait("the line is given up", lambda s: t.prompt() == "")
    t.type("/mo\tx\x7f")
    t.wait("/mode")
    t.type("\x15/ren\t")
    t.wait("/rename")
    t.type("The new title\r")
    t.wait("The new title")
    t.type("/halp\r")
    t.wait("there is no command /halp, but there is /help")
    t.type("/quit\r")
    t.wait_end()


def history_is_kept(w):
    t = host(w)
    for text in ("first words", "second words", "first words", "other"):
        t.type(text + "\r")
        t.wait("answered", lambda s, x=text: s.count(f": {x}") >= 1)
    t.type("/quit\r")
    t.wait_end()
    path = f"{w.root}/state/remote/history"
    check("private", os.stat(path).st_mode & 0o077 == 0)
    t = host(w)
    t.type("\x1b[A\x1b[A")
    t.wait("other is passed", lambda s: t.prompt() == "other" or t.prompt() == "first words")
    t.type("\x03s\x1b[A")
    t.wait("by its beginning", lambda s: t.prompt() == "second words")
    t.type("\x03\x12irst\r")
    t.wait("searched", lambda s: t.prompt() == "first words")
    t.type("\r")
    t.wait("you said 1 lines: first words")
    t.type("/quit\r")
    t.wait_end()


# ---- asks ----

def an_ask_comes_while_somebody_types(w):
    t = host(w)
    t.type("asks 1\r2")
    t.wait("#1 permission")
    # "2" was begun before or after: it must never answer what it was not begun for.
    t.type(" files are missing\r")
    t.wait("queued 1: 2 files are missing")
    t.type("1\r")
    t.wait("yes")
    t.wait("you said 1 lines: 2 files are missing")
    t.type("/quit\r")
    t.wait_end()


def two_asks(w):
    t = host(w)
    t.type("asks 2\r")
    t.wait("(2 open, TAB: next)")
    t.type("1\r")
    t.wait("2 questions are open")
    t.type("\x1b[B\x1b[B")  # keys choose for the first
    t.wait("> 2 No thing 0")
    t.type("\r")
    t.wait("rejected", lambda s: "#1 answered" in s)
    t.type("#2 1\r")
    t.wait("both are told", lambda s: re.search(r"-0 no", s) and re.search(r"-1 yes", s))
    t.type("#2 1\r")
    t.wait("#2 is not open")
    t.type("/quit\r")
    t.wait_end()


def another_answers(w):
    w.start_relay()
    t = host(w, "--remote", "--relay", w.url)
    t.wait("remote control (control)")
    session = wait_until("listed", w.sessions)[0]["session_id"]
    t.type("asks 1\r")
    t.wait("? #1")
    t.type("2")
    w.wait_ask(session)  # it is seen here before it is published
    w.cli("approve", session).expect(0)
    t.wait("#1 answered: allowed once by")
    t.type("\r")
    t.wait("was just answered")
    check("the number was not sent", len(bodies(w.events(session), "user_message")) == 1)
    t.wait("idle")
    t.type("/quit\r")
    t.wait_end()


# ---- queue ----

def the_queue_is_edited(w):
    t = host(w)
    t.type("asks 1\r")
    t.wait("? #1")
    for text in ("one", "two", "three"):
        t.type(f"/say {text}\r")
    t.wait("queued 3: three")
    t.type("/edit 1\r")
    t.wait("taken back", lambda s: t.prompt() == "one")
    t.type(" changed\r")
    t.wait("queued 3: one changed")
    t.type("/drop 1\r")
    t.wait("queued 2: one changed")
    t.type("/drop 7\r")
    t.wait("a number from 1 to 2")
    t.type("/queue\r")
    t.wait("2  one changed")
    t.type("#1 1\r")
    t.wait("both ran", lambda s: "lines: three" in s and "lines: one changed" in s)
    check("what was dropped did not", "lines: two" not in t.everything)
    t.type("\x1b[A\x1b[A")
    t.type("\x03/drop\r")
    t.wait("no prompt is queued")
    t.type("/quit\r")
    t.wait_end()


# ---- ending ----

def escape_cancels_and_quitting_is_asked(w):
    t = host(w)
    t.type("asks 1\r")
    t.wait("? #1")
    t.type("\x04")
    t.wait("^D again cancels it")
    t.type("\x1b")
    t.wait("cancelling the turn")
    t.wait("idle")
    t.type("\x03")
    t.wait("^C again ends the session")
    t.type("\x03")
    check("quit", t.wait_end() == 0)
    t.restored()


def the_terminal_is_restored(w):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV):
        if number == signal.SIGSEGV and sanitized(w):
            continue
        t = host(w)
        check("it is in our mode", not t.modes()[3] & termios.ICANON)
        t.process.send_signal(number)
        t.wait_end()
        t.restored()
    t = host(w)
    t.type("\x1c")
    check("^\\", t.wait_end() == -signal.SIGQUIT)
    t.restored()
    t = host(w)
    children = subprocess.run(["pgrep", "-P", str(t.pid)], capture_output=True, text=True).stdout.split()
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)
    check("the agent was killed", t.wait_end() == 1)
    t.restored()


def stop_and_go_on(w):
    w.program["terminal_cells"] = w.program.get("terminal_cells") or find_program(w.build, "terminal_cells")
    shell = Terminal(w, ["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ "})
    shell.wait("$")
    shell.type(f"{w.program['remote']} host -- {' '.join(AGENT)}\r")
    shell.wait("is ready")
    shell.type("half a text")
    shell.wait("half a text")
    shell.type("\x1a")
    shell.wait("Stopped")
    wait_until("the shell has its mode", lambda: shell.modes()[6] is not None and "Stopped" in shell.screen)
    shell.type("stty -a | tr ';' '\\n' | grep -c -- ' icanon'\r")
    shell.wait("\n1")
    shell.type("fg\r")
    shell.wait("the prompt is back", lambda s: shell.prompt() == "half a text")
    check("the area is drawn once", shell.screen.split("$ fg")[-1].count("idle") == 1)
    shell.type("\r")
    shell.wait("you said 1 lines: half a text")
    # Stopped by somebody else, without a word.
    pid = int(subprocess.run(["pgrep", "-P", str(shell.pid)], capture_output=True, text=True).stdout.split()[0])
    os.kill(pid, signal.SIGSTOP)
    shell.wait("again", lambda s: s.count("Stopped") >= 2)
    shell.type("fg\r")
    # Behind the second "fg": what the first one showed is there all the time, and a key typed before the program
    # has the terminal again is the shell's.
    shell.wait("the state is back", lambda s: s.count("$ fg") == 2 and s.split("$ fg")[-1].count("idle") == 1)
    # In the background the terminal is the shell's: nothing is drawn on it.
    shell.type("\x1a")
    shell.wait("stopped once more", lambda s: s.count("Stopped") >= 3)
    shell.type("bg; sleep 0.3; echo in-between\r")
    shell.wait("the shell's", lambda s: "\nin-between" in s)
    check("nothing was drawn", "idle" not in shell.screen.split("in-between")[-1])
    shell.type("fg\r")
    shell.wait("the state is back", lambda s: s.split("in-between")[-1].count("idle") == 1)
    shell.type("/quit\r")
    shell.wait("go on with: remote host")
    shell.type("exit\r")
    shell.wait_end()


# ---- terminals that are not as they should be ----

def a_storm_of_sizes(w):
    t = host(w)
    t.type("lines 150\rabc")
    for n in range(40):
        t.resize(20 + n * 37 % 100, 6 + n * 13 % 40)
        t.read(0.02)
    t.resize(80, 24)
    t.wait("line 149 of words")
    t.wait("idle")
    t.type("d")
    t.wait("abcd")
    rows = t.screen.split("\n")
    check(f"one prompt, at the end: {rows[-3:]}", rows[-1] == "> abcd" and sum(r.startswith("> abc") for r in rows) == 1)
    check("one state", sum(r.startswith("idle") for r in rows) == 1)
    t.type("\x03/quit\r")
    t.wait_end()


def narrow_and_low(w):
    t = host(w, columns=20, rows=6)
    t.type("asks 1\r")
    t.wait("? #1")
    t.type("1\r")
    t.wait("idle")
    t.type("a text that is a good deal longer than the row")
    t.wait("than the row")
    check("rows fit", all(len(row) <= 20 for row in t.everything.split("\n")))
    t.type("\r")
    t.wait("it came whole", lambda s: "gooddeallongerthantherow" in re.sub(r"[\s│]", "", s.split("yousaid")[-1]))
    t.type("/quit\r")
    t.wait_end()


def nothing_hostile_gets_through(w):
    for env in ({}, {"NO_COLOR": "1"}):
        t = host(w, env=env)
        t.type("hostile\r")
        t.wait("? #")
        t.type("1\r")
        t.wait("idle")
        t.type("/asks\r/expand 1\r/mode\r/h\t\t")
        t.read(0.3)
        only_ours(t)
        check("no bell, no colour unasked", b"\x07" not in t.bytes and
              (not env or not re.search(rb"\x1b\[[1-9][0-9;]*m", t.bytes)))
        t.type("\x03/quit\r")
        t.wait_end()


def a_terminal_that_stands_still(w):
    """Nobody reads it, as in a paused connection, or after ^S: memory is bounded, the session goes on."""
    w.start_relay()
    t = host(w, "--remote", "--relay", w.url)
    t.wait("remote control (control)")
    session = wait_until("listed", w.sessions)[0]["session_id"]

    def resident():
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{t.pid}/status").read()).group(1))

    before = resident()
    t.type("flood 60000\r")
    wait_until("the turn runs", lambda: w.sessions()[0].get("status") == "working", 60)
    wait_until("the turn has ended, unseen", lambda: w.sessions()[0].get("status") == "idle", 120, every=0.2)
    grown = resident() - before
    print(f"    {grown} KiB more while nobody read 5 MB")
    check("memory is bounded", grown < 60000 or sanitized(w))
    t.wait("were left out", lambda s: "were left out: the terminal did not keep up" in s, 60)
    t.wait("idle")
    t.type("back again\r")
    t.wait("you said 1 lines: back again")
    # ^S stops the terminal itself.
    t.type("\x13")
    t.type("lines 20\r")
    t.read(0.5)
    t.type("\x11")
    t.wait("line 19 of words")
    t.type("/quit\r")
    check("quit", t.wait_end() == 0)


def lines_for_screen_readers(w):
    for flags, env in ((["--screen-reader"], {}), ([], {"ACCESSIBLE": "1"}), ([], {"TERM": "dumb"})):
        t = host(w, *flags, env=env)
        t.type("asks 1\r")
        t.wait("ermission")
        t.type("1\r")
        t.wait("yes")
        t.type("one\\\rtwo\r")
        t.wait("you said 2 lines: one")
        check("no escape sequence", b"\x1b" not in t.bytes)
        check("and none is drawn again", "TERM" in env or b"\r" not in t.bytes.replace(b"\r\n", b"\n"))
        t.type("\x03")
        t.wait("^C again ends the session")
        t.type("\x04" if env else "\x03")
        check("quit", t.wait_end() == 0)
        check("the terminal was left alone", t.modes()[:4] == t.before[:4])


# ---- attached from elsewhere ----

def attach_as_a_person(w):
    w.start_relay()
    h = w.start_host(agent=AGENT)
    t = attach(w)
    t.type("asks 2\r")
    t.wait("(2 open, TAB: next)")
    t.type("/say waits\r")
    t.wait("queued 1: waits")
    t.type("\x1b")  # gives up nothing, cancels the turn
    t.wait("cancelling the turn")
    t.wait("you said 1 lines: waits")
    t.type("asks 1\r")
    t.wait("? #3")
    t.type("/say to be changed\r")
    t.wait("queued 1: to be changed")
    t.type("/edit 1\r")
    t.wait("withdrawn, and here again", lambda s: t.prompt() == "to be changed")
    t.type("\x03#3 2\r")
    t.wait("#3 answered")
    t.wait("idle")
    t.type("/probe\r")
    t.wait("got through to the host and back")
    t.type("/status\r")
    t.wait("host connected since")
    outcomes = bodies(w.events(h.session), "command_outcome")
    check("withdrawn once", sum(o["outcome"] == "withdrawn" for o in outcomes) == 1)
    t.type("\x03")
    t.wait("^C again leaves; the agent goes on")
    t.type("\x03")
    check("left", t.wait_end() == 0)
    t.restored()
    only_ours(t)
    check("the host goes on", h.alive)


def cuts_and_absences(w):
    w.start_relay()
    h = w.start_host()
    t = attach(w)
    w.relay.end(signal.SIGKILL)
    t.wait("reconnecting in")
    t.type("SAY kept\r")
    t.wait("kept until the connection is back: SAY kept")
    t.type("/status\r")
    t.wait("NOT connected")
    t.type("/retry\r")
    w.start_relay()
    t.type("/retry\r")
    t.wait("connected again", timeout=60)
    wait_until("it got through", lambda: text_of(w.events(h.session)) == "kept", 60)
    h.kill()
    t.wait("host away", timeout=60)
    t.type("SAY later\r")
    t.wait("stored; the host gets it when it is back: SAY later")
    t.type("\x1b[A")  # taken back before anybody had it: the host decides when it is back
    t.type("\x03/quit\r")
    check("left", t.wait_end() == 0)


def the_host_shows_who_comes(w):
    w.start_relay()
    t = host(w, "--remote", "--relay", w.url)
    t.wait("remote control (control)")
    other = attach(w)
    t.wait("1 watching")
    other.type("/quit\r")
    other.wait_end()
    t.wait("nobody watches", lambda s: "watching" not in t.screen.split("\n")[-2])
    # The row follows the connection by itself.
    w.relay.end(signal.SIGKILL)
    t.wait("the row knows it", lambda s: "not connected" in t.screen.split("\n")[-2], timeout=60)
    w.start_relay()
    t.wait("and its end", lambda s: "not connected" not in t.screen.split("\n")[-2], timeout=60)
    t.type("/quit\r")
    t.wait_end()


def files_go_with_prompts(w):
    """At both ends: named, shown, sent along, let go; what cannot be taken is said."""
    demo = [w.program["remote-demo-agent"]]
    with open(f"{w.root}/work/note.txt", "w") as f:
        f.write("what is in the note\n")
    w.start_relay()
    t = host(w, "--remote", "--relay", w.url, agent=demo)
    t.wait("remote control (control)")
    session = wait_until("listed", w.sessions)[0]["session_id"]
    other = attach(w)
    for at, terminal in enumerate((t, other)):
        terminal.type("/attach nowhere.txt\r")
        terminal.wait("nowhere.txt")
        terminal.type("/attach no\t\r")
        terminal.wait("with the next prompt: note.txt")
        terminal.type("/attach\r")
        terminal.wait("no file goes with the next prompt")
        terminal.type("/attach note.txt\r")
        terminal.wait("with the next prompt: note.txt")
        terminal.type(f"SAY look at it {at}\r")
        sent = wait_until("it is there", lambda n=at: [m for m in bodies(w.events(session), "user_message")
                                                       if m["text"] == f"SAY look at it {n}"])[0]
        check("with its file", [f["name"] for f in sent["attachments"]] == ["note.txt"])
        terminal.wait("it is gone from the rows", lambda s, x=terminal: "goes with the" not in x.screen.split("idle")[-1])
        t.wait("idle")
    other.type("/quit\r")
    other.wait_end()
    t.type("/quit\r")
    t.wait_end()


def paging_back(w):
    w.start_relay()
    h = w.start_host()
    for n in range(3):
        w.cli("send", "--wait=idle", f"SAY number {n}").expect(0)
    w.cli("send", "--wait=idle", "BIG 300").expect(0)  # the snapshot cannot hold all of it
    w.cli("send", "--wait=idle", "SAY the end").expect(0)
    t = attach(w, "--session", h.session[:8])
    t.type("\x1b[5~")
    t.wait("an earlier part", lambda s: "---- earlier ----" in s and "---- so far the earlier part" in s)
    for _ in range(20):
        if "the session began with it" in t.everything:
            break
        before = t.everything.count("so far the earlier part")
        t.type("/more\r")
        t.wait("more", lambda s, n=before: s.count("so far the earlier part") > n)
    check("from its beginning", all(f"number {n}" in t.everything for n in range(3)))
    t.type("/more\r")
    t.wait("nothing lies before what is shown")
    t.type("/quit\r")
    check("left", t.wait_end() == 0)


def a_form_field_by_field(w):
    t = host(w)
    t.type("form\r")
    t.wait("#1 form")
    t.type("#1\r")
    t.wait("? 1/3" if "? 1/3" in t.screen else "#1 1/3")
    t.type("Anna\r")
    t.wait("#1 2/3")
    t.type("four\r")
    t.wait("that is no value for age (whole number)")
    t.type("4\r")
    t.wait("#1 3/3")
    t.type("y\r")
    t.wait("told", lambda s: 'form {"age": 4, "name": "Anna", "sure": true}' in " ".join(s.split()))
    t.type("form\r")
    t.wait("#2 form")
    t.type("#2\r")
    t.wait("#2 1/3")
    t.type("\x1b")
    t.wait("given up", lambda s: t.screen.split("\n")[-3].startswith("? #2") and "1/3" not in t.screen.split("\n")[-3])
    t.type("#2 no\r")
    t.wait("declined", lambda s: "form decline" in s)
    check("no answer is kept", "Anna" not in open(f"{w.root}/state/remote/history").read())
    t.type("/quit\r")
    t.wait_end()


def lines_of_an_attached_screen_reader(w):
    w.start_relay()
    w.start_host(agent=AGENT)
    w.program["terminal_cells"] = w.program.get("terminal_cells") or find_program(w.build, "terminal_cells")
    t = Terminal(w, [w.program["remote"], "attach", "--screen-reader"])
    t.wait("/help lists")
    t.type("asks 1\r")
    t.wait("each state is a line", lambda s: re.search(r"prompt [0-9a-f]{8}: (stored|delivered|applied)", s))
    t.wait("ermission")
    t.type("y\r")
    t.wait("answered", lambda s: "-0 yes" in s)
    check("no escape sequence", b"\x1b" not in t.bytes)
    t.type("/quit\r")
    check("left", t.wait_end() == 0)


def a_bell_is_rung_when_it_is_wanted(w):
    os.makedirs(f"{w.root}/config/remote", exist_ok=True)
    with open(f"{w.root}/config/remote/config.ini", "w") as f:
        f.write("bell = asks\n")
    t = host(w)
    t.type("plain words\r")
    t.wait("you said")
    check("not for a turn's end", b"\x07" not in t.bytes)
    t.type("asks 1\r")
    t.wait("? #1")
    wait_until("rung", lambda: t.read(0.05) or t.bytes.count(b"\x07") == 1)
    t.type("1\r/quit\r")
    t.wait_end()


def a_monkey_at_the_keyboard(w):
    """Any keys, any bytes, any size: it stays alive, clean, and restores the terminal."""
    keys = ["a", " ", "word ", "\u65e5", "e\u0301", "1", "y", "#1 2", "/", "/mo", "\t", "\r", "\r", "\n", "\x7f", "\x17",
            "\x15", "\x0b", "\x19", "\x1f", "\x01", "\x05", "\x12", "\x0c", "\x0f", "\x10", "\x0e", "\x1b", "\x1b\r",
            "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[1;5C", "\x1b[3~", "\x1b[200~p\nq\x1b[201~", "\x1b[?1;2c",
            "\x1b]52;c;x\x07", "\x9b31m", "\x00", "asks 2\r", "lines 3\r", "/queue\r", "/edit 1\r", "/drop\r", "\\\r"]
    t = host(w)
    state = 20261123
    for step in range(1200):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        t.type(keys[(state >> 33) % len(keys)])
        if step % 20 == 0:
            t.read(0.01)
        if step % 100 == 99:
            t.resize(10 + (state >> 40) % 110, 3 + (state >> 50) % 40)
        check(f"alive after {step} keys: {t.process.returncode}\n{t.everything[-1500:] if not t.alive else ''}", t.alive)
    t.resize(80, 24)
    t.read(0.3)
    only_ours(t)
    t.type("\x1b")
    t.read(0.2)
    t.type("\x03\x1b")
    t.read(0.2)
    t.type("\x15\x0b/quit\r")
    for _ in range(3):
        t.read(0.3)
        if t.alive:
            t.type("\x03")
    check("quit", t.wait_end() == 0)
    t.restored()


def remote_is_turned_off_and_on(w):
    w.start_relay()
    t = host(w, "--remote=view", "--relay", w.url)
    t.wait("remote control (view)")
    other = attach(w)
    other.wait("view only")
    t.wait("1 watching")
    t.type("/remote off\r")
    other.wait("the host shares nothing now")
    other.wait("the row says why", lambda s: "remote off" in other.screen.split("\n")[-2])
    check("nothing is promised that is not so", "you can steer now" not in other.everything)
    t.wait("nobody watches", lambda s: "watching" not in t.screen.split("\n")[-2])
    t.type("/remote on\r")
    other.wait("you can steer now", timeout=60)
    t.wait("1 watching", lambda s: t.screen.split("\n")[-2].count("remote control, 1 watching") == 1)
    for u in (other, t):
        u.type("/quit\r")
        u.wait_end()


def only_to_be_watched(w):
    w.start_relay()
    w.start_host(mode="view", agent=AGENT)
    t = attach(w)
    t.wait("you can only watch: the session was shared for viewing")
    t.wait("view only")
    t.type("a prompt\r")
    t.wait("twice", lambda s: s.count("you can only watch") == 2)
    t.type("/quit\r")
    check("left", t.wait_end() == 0)


TESTS = [typing_while_it_streams, a_paste_of_100_lines, keys_of_the_editor, history_is_kept,
         an_ask_comes_while_somebody_types, two_asks, another_answers, the_queue_is_edited,
         escape_cancels_and_quitting_is_asked, the_terminal_is_restored, stop_and_go_on, a_storm_of_sizes,
         narrow_and_low, nothing_hostile_gets_through, a_terminal_that_stands_still, lines_for_screen_readers,
         attach_as_a_person, cuts_and_absences, the_host_shows_who_comes, files_go_with_prompts,
         paging_back, a_form_field_by_field, lines_of_an_attached_screen_reader, a_bell_is_rung_when_it_is_wanted,
         a_monkey_at_the_keyboard, only_to_be_watched, remote_is_turned_off_and_on]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    sys.exit(run(TESTS, options.build, options.names, options.keep))


if __name__ == "__main__":
    main()
