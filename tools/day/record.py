#!/usr/bin/python3
"""A day with a session, played on the real programs and recorded.

    record.py BUILD OUT

Two terminals stand side by side in tmux: the desk, where the session lives, and the phone. The
recorder types, waits for what must appear (so it is a test, too), cuts the phone's network, kills
the relay. Writes OUT/day.cast (asciicast version 2; pauses are shortened) and OUT/day.md (the
screens as text)."""
from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

COLUMNS, ROWS = 142, 40
PAUSE_MAX = 1.2  # seconds; longer ones are shortened in the recording
KEY_PAUSE = 0.03
SLOW = float(os.environ.get("REMOTE_TEST_SLOW", "1"))


def find(build: str, name: str) -> str:
    for folder, _, files in os.walk(os.path.abspath(build)):
        path = os.path.join(folder, name)
        if name in files and os.access(path, os.X_OK):
            return path
    raise SystemExit(f"record: {name} is not built in {build}")


class Terminal:
    """tmux on a pty of our own: what it draws is the recording."""

    def __init__(self, root: str, env: dict[str, str], shells: list[str]):
        self.name, self.env = f"remote-day-{os.getpid()}", env
        self.frames: list[tuple[float, str]] = []
        conf = f"{root}/tmux.conf"
        with open(conf, "w", encoding="utf-8") as f:
            f.write("set -g status-position top\nset -g status-justify left\nset -g status-right ''\n"
                    "set -g status-left-length 140\nset -g status-left ''\nset -g window-status-format ''\n"
                    "set -g window-status-current-format ''\nset -g status-style 'bg=colour24 fg=white'\n"
                    "set -sg escape-time 0\nset -g default-terminal tmux-256color\n"
                    "set -g pane-border-status bottom\nset -g pane-border-format ' #{pane_title} '\n"
                    "set -g allow-rename off\nset -g remain-on-exit off\n")
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.clear()
            os.environ.update(env)
            os.execvp("tmux", ["tmux", "-L", self.name, "-f", conf, "new-session", "-x", str(COLUMNS),
                               "-y", str(ROWS), shells[0]])
        self.pid = pid
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.began = time.monotonic()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        until("tmux", lambda: self.tmux("list-panes", check=False).startswith("0:"))
        self.tmux("split-window", "-h", "-l", "48%", shells[1])
        for pane, title in enumerate(("the desk", "the phone")):
            self.tmux("select-pane", "-t", str(pane), "-T", title)

    def read(self) -> None:
        pending = b""
        while True:
            with contextlib.suppress(OSError):
                select.select([self.fd], [], [])
                data = os.read(self.fd, 65536)
                if data:
                    pending += data
                    text, pending = cut_utf8(pending)
                    self.frames.append((time.monotonic() - self.began, text))
                    continue
            return

    def tmux(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *words], env=self.env, text=True,
                              capture_output=True)
        if check and done.returncode != 0:
            raise SystemExit(f"record: tmux {words[0]}: {done.stderr}")
        return done.stdout

    def caption(self, text: str) -> None:
        self.tmux("set", "-g", "status-left", f" {text} ")
        time.sleep(0.6)

    def screen(self, pane: int) -> str:
        return self.tmux("capture-pane", "-p", "-t", str(pane))

    def type(self, pane: int, text: str, enter: bool = True) -> None:
        self.tmux("select-pane", "-t", str(pane))
        for c in text:
            self.tmux("send-keys", "-t", str(pane), "-l", c)
            time.sleep(KEY_PAUSE)
        if enter:
            time.sleep(0.2)
            self.key(pane, "Enter")

    def key(self, pane: int, name: str) -> None:
        self.tmux("send-keys", "-t", str(pane), name)

    def wait(self, pane: int, pattern: str, timeout: float = 30) -> None:
        """Waits until the pane shows it."""
        expression = re.compile(pattern)

        def shown() -> bool:
            return expression.search(self.screen(pane)) is not None

        try:
            until(pattern, shown, timeout)
        except TimeoutError:
            raise SystemExit(f"record: {('desk', 'phone')[pane]} does not show {pattern!r}:\n"
                             f"{self.screen(0)}\n{'=' * 60}\n{self.screen(1)}") from None

    def end(self) -> None:
        self.tmux("kill-server", check=False)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def cut_utf8(data: bytes) -> tuple[str, bytes]:
    """What is complete, and the beginning of a character that is not."""
    for keep in range(min(3, len(data)) + 1):
        with contextlib.suppress(UnicodeDecodeError):
            return data[:len(data) - keep].decode(), data[len(data) - keep:]
    return data.decode(errors="replace"), b""


def until(what: str, ready, timeout: float = 30):
    deadline = time.monotonic() + timeout * SLOW
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


class World:
    """Relay, proxy, and where their state is."""

    def __init__(self, build: str):
        self.root = tempfile.mkdtemp(prefix="remote-day-")
        self.relay_program = find(build, "remote-relay")
        self.bin = f"{self.root}/bin"
        os.makedirs(self.bin)
        for name in ("remote", "remote-demo-agent"):
            os.symlink(find(build, name), f"{self.bin}/{name}")
        os.makedirs(f"{self.root}/project")
        subprocess.run(["git", "init", "-q", "-b", "main", f"{self.root}/project"], check=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.relay = None
        self.relay_up()
        for device in ("desk", "phone"):  # a token each, as on two machines
            token = subprocess.run([self.relay_program, "token", "--device", device, "--data", f"{self.root}/relay"],
                                   check=True, capture_output=True, text=True).stdout
            with open(f"{self.root}/{device}.token", "w", encoding="utf-8") as f:
                f.write(token)
            os.chmod(f.name, 0o600)
        self.proxy = subprocess.Popen([find(build, "remote-chaos-proxy")], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.phone_port = int(self.ask(f"route phone 127.0.0.1 {self.port}").split()[-1])

    def relay_up(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.root}/relay/address")
        log = open(f"{self.root}/relay.log", "ab")
        self.relay = subprocess.Popen([self.relay_program, "serve", "--data", f"{self.root}/relay",
                                       "--listen", f"tcp://127.0.0.1:{self.port}"], stdout=log, stderr=log)
        until("the relay", lambda: os.path.exists(f"{self.root}/relay/address"))

    def relay_kill(self) -> None:
        self.relay.send_signal(signal.SIGKILL)
        self.relay.wait()

    def ask(self, line: str) -> str:
        self.proxy.stdin.write(line + "\n")
        self.proxy.stdin.flush()
        answer = self.proxy.stdout.readline()
        if not answer.startswith("ok"):
            raise SystemExit(f"record: proxy: {line}: {answer}")
        return answer

    def shell(self, prompt: str, port: int) -> str:
        """A shell that finds `remote`, its relay and nothing else of this machine."""
        rc = f"{self.root}/{prompt}.rc"
        with open(rc, "w", encoding="utf-8") as f:
            f.write(f"PS1='{prompt}$ '\nunset HISTFILE\nexport REMOTE_RELAY=tcp://127.0.0.1:{port}\n"
                    f"export REMOTE_TOKEN_FILE={self.root}/{prompt}.token\n"
                    f"export HOME={self.root} XDG_STATE_HOME={self.root}/{prompt}/state\n"
                    f"export XDG_CONFIG_HOME={self.root}/{prompt}/config\n"
                    f"cd {self.root}/project\nclear\n")
        return f"bash --noprofile --rcfile {rc} -i"

    def end(self) -> None:
        self.proxy.stdin.close()
        self.proxy.wait()
        self.relay.terminate()
        self.relay.wait()
        shutil.rmtree(self.root, ignore_errors=True)


DESK, PHONE = 0, 1


class Day:
    def __init__(self, build: str):
        self.world = World(build)
        env = {"PATH": f"{self.world.bin}:/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8",
               "HOME": self.world.root}
        self.terminal = Terminal(self.world.root, env, [self.world.shell("desk", self.world.port),
                                                        self.world.shell("phone", self.world.phone_port)])
        self.pages: list[tuple[str, str, str, str]] = []
        self.title = self.text = ""

    def chapter(self, title: str, text: str) -> None:
        self.title, self.text = title, text
        self.terminal.caption(title)

    def page(self) -> None:
        """Keeps what both show now."""
        time.sleep(0.5)
        self.pages.append((self.title, self.text, self.terminal.screen(DESK), self.terminal.screen(PHONE)))
        self.text = ""

    def play(self) -> None:
        t, w = self.terminal, self.world
        t.wait(DESK, r"desk\$")
        t.wait(PHONE, r"phone\$")

        self.chapter("09:02  start", "A session is started, with remote control on.")
        t.type(DESK, "remote host --name desk --remote=control -- remote-demo-agent")
        t.wait(DESK, r"(?m)^.*> *$")
        t.type(DESK, "PLAN Find the failing test|Mend it|Run all tests")
        t.wait(DESK, "Run all tests")
        self.page()

        self.chapter("09:05  walk away", "The person leaves; the phone shows what runs, and joins.")
        t.type(PHONE, "remote ls")
        t.wait(PHONE, "(?s)attached since.*phone\\$\\s*$")
        t.type(PHONE, "remote attach")
        t.wait(PHONE, r"idle")
        t.wait(DESK, r"(?i)attached|joined")
        t.type(PHONE, "RUN echo tests: 41 passed, 1 failed")
        t.wait(DESK, r"(?s)echo tests.*#\d+ permission")
        t.wait(PHONE, r"(?s)echo tests.*#\d+ permission")
        self.page()

        self.chapter("09:06  one thumb answers", "The ask stands on both; the phone answers, and the card at the desk goes.")
        t.type(PHONE, "y")
        t.wait(PHONE, "41 passed")
        t.wait(DESK, "41 passed")
        t.wait(DESK, r"(?i)by .*phone|phone")
        self.page()

        self.chapter("09:20  a tunnel", "The train enters a tunnel: the phone says that it cannot reach the relay, and takes a prompt all the same.")
        w.ask("set phone hole=1 stall=both")
        w.ask("cut phone")
        t.wait(PHONE, r"(?i)reconnecting|connection lost")
        t.type(PHONE, "SAY I was written in a tunnel")
        time.sleep(1.5)
        self.page()
        self.chapter("09:23  out of it", "Everything goes on by itself; the prompt arrives once.")
        w.ask("heal phone")
        t.wait(DESK, "I was written in a tunnel", 60)
        t.wait(PHONE, r"(?i)connected again|idle", 60)
        t.wait(PHONE, r"(?s)I was written.*I was written", 60)
        self.page()

        self.chapter("11:40  the relay is killed while an ask is open", "kill -9, and a new one in its place; the answer arrives exactly once.")
        t.type(DESK, "RUN echo deployed | tee -a deploys.txt")
        t.wait(PHONE, r"(?s)deploys.txt.*#\d+ permission")
        w.relay_kill()
        t.wait(PHONE, r"(?i)reconnecting|connection lost")
        self.page()
        w.relay_up()
        t.wait(PHONE, r"(?s)deploys.txt.*connected again", 60)
        t.type(PHONE, "y")
        until("the command ran", lambda: os.path.exists(f"{w.root}/project/deploys.txt"))
        t.wait(DESK, r"(?s)deployed")
        t.wait(PHONE, r"idle", 60)
        self.page()
        with open(f"{w.root}/project/deploys.txt", encoding="utf-8") as f:
            if f.read() != "deployed\n":
                raise SystemExit("record: the command did not run exactly once")

        self.chapter("18:00  the desk goes home", "The session is ended there; the phone says so, and what is sent now waits.")
        t.type(DESK, "/quit")
        t.wait(DESK, r"desk\$\s*$", 60)
        t.wait(PHONE, r"(?i)ended|away", 60)
        self.page()

        self.chapter("09:01  the next day", "Resumed: the same session, the same history, and remote control on again.")
        t.key(DESK, "C-l")
        t.type(DESK, "remote host --continue --name desk -- remote-demo-agent")
        t.wait(DESK, r"(?m)^.*> *$", 60)
        t.wait(PHONE, r"idle>|idle", 60)
        t.type(PHONE, "SAY good morning")
        t.wait(DESK, r"(?s)good morning", 60)
        self.page()
        t.type(DESK, "/quit")
        t.wait(DESK, r"desk\$\s*$", 60)
        t.key(PHONE, "C-d")
        t.wait(PHONE, r"phone\$\s*$", 60)
        time.sleep(0.5)

    def scrub(self, text: str) -> str:
        return text.replace(self.world.root, "~")

    def write(self, out: str) -> None:
        head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "A day with a session"}
        with open(f"{out}/day.cast", "w", encoding="utf-8") as f:
            f.write(json.dumps(head) + "\n")
            shown, last = 0.0, 0.0
            for at, text in self.terminal.frames:
                shown += min(at - last, PAUSE_MAX)
                last = at
                f.write(json.dumps([round(shown, 3), "o", self.scrub(text)], ensure_ascii=False) + "\n")
        with open(f"{out}/day.md", "w", encoding="utf-8") as f:
            f.write("# A day with a session\nPlayed on the real programs by `tools/dev day`, which waits for each thing shown here; "
                    "[day.cast](day.cast) is the same as a\nrecording (`asciinema play docs/day.cast`). The agent is the demo agent; "
                    "the phone is a second terminal behind a proxy that can be cut.\n")
            for title, text, desk, phone in self.pages:
                f.write(f"\n## {title}\n{text}\n" if text else "\nThen:\n")
                for name, screen in (("The desk", desk), ("The phone", phone)):
                    f.write(f"\n{name}:\n```\n{self.scrub(screen).rstrip()}\n```\n")


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    day = Day(sys.argv[1])
    try:
        day.play()
    finally:
        day.terminal.end()
        day.world.end()
    day.write(sys.argv[2])
    print(f"record: {len(day.pages)} pages, {len(day.terminal.frames)} frames")


if __name__ == "__main__":
    main()
