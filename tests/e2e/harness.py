"""The real programs, end to end: a relay, hosts with the demo agent, and `remote` commands, each in
a process of its own and all state in one temporary folder that is removed at the end.

    with World(build) as w:
        w.start_relay()
        host = w.start_host()
        w.cli("send", "--wait=idle", "SAY hello").expect(0)

Everything is waited for with a deadline, processes are killed by their pid, and when a test fails
the folder and the ends of all logs are shown."""
import contextlib
import ctypes
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
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import carriers  # noqa: E402

SLOW = float(os.environ.get("REMOTE_TEST_SLOW", "1"))  # stretches all deadlines (sanitizers, load)


class Failure(AssertionError):
    pass


class NotBuilt(Failure):
    """Carriers are optional when the programs are built: this one was left out."""


def find_program(build, name):
    for folder in ("tools", "tests"):
        for base, _, files in os.walk(os.path.join(build, folder)):
            path = os.path.join(base, name)
            if name in files and os.access(path, os.X_OK) and not os.path.isdir(path):
                return path
    raise Failure(f"{name} is not built below {build}")


_prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG = 1


def with_parent():
    """For preexec_fn: a test that is killed leaves no process behind. The kernel goes by the thread
    that starts it: not for programs that are started by another than the main one."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(what, ready, timeout=10, every=0.02):
    """Calls ready() until it gives something true, and returns that."""
    deadline = time.monotonic() + timeout * SLOW
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {timeout * SLOW:.0f} s: {what}")
        time.sleep(every)


class Result:
    """A command that has ended."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def expect(self, *codes):
        if self.code not in codes:
            raise Failure(f"{' '.join(self.argv)}: exit {self.code}, expected {codes}\n"
                          f"--- stdout\n{self.out}--- stderr\n{self.err}")
        return self

    def says(self, *texts):
        """Each text is somewhere in the output."""
        for text in texts:
            if text not in self.out + self.err:
                raise Failure(f"{' '.join(self.argv)} does not say {text!r}\n"
                              f"--- stdout\n{self.out}--- stderr\n{self.err}")
        return self

    @property
    def json(self):
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


class Process:
    """A program in the background; its output is collected line by line and kept in a log."""

    def __init__(self, name, argv, env, log, cwd, stdin=subprocess.DEVNULL, terminal=None):
        self.name, self.argv, self.log_path = name, argv, log
        self.lines, self.json, self.text = [], [], ""  # json: what lines that begin with { hold
        self._changed = threading.Condition()
        self._log = open(log, "ab", buffering=0)
        self._master, self._hang_up = None, threading.Event()
        lasting = threading.current_thread() is threading.main_thread()
        if terminal:
            self._master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", terminal[1], terminal[0], 0, 0))

            def own_terminal():
                if lasting:
                    with_parent()
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

            self.process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
                                            preexec_fn=own_terminal)
            os.close(slave)
            self._source = self._master
        else:
            self.process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE,
                                            stderr=self._log, start_new_session=True, preexec_fn=with_parent if lasting else None)
            self._source = self.process.stdout.fileno()
        self.pid = self.process.pid
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        rest = b""
        while True:
            try:
                while self._master is not None and not select.select([self._source], [], [], 0.2)[0]:
                    if self._hang_up.is_set():
                        return
                data = os.read(self._source, 65536)
            except OSError:  # a terminal whose other side is gone
                data = b""
            with self._changed:
                if not data:
                    self._changed.notify_all()
                    return
                self._log.write(data)
                self.text += data.decode(errors="replace")
                rest += data
                *whole, rest = rest.split(b"\n")
                for line in whole:
                    self.lines.append(line.decode(errors="replace"))
                    if line.startswith(b"{"):
                        with contextlib.suppress(ValueError):
                            self.json.append(json.loads(line))
                self._changed.notify_all()

    def count(self, key):
        """How many of its JSON lines have this member."""
        with self._changed:
            return sum(1 for line in self.json if key in line)

    def reaches(self, ready, timeout):
        """Waits until ready(self) is true; whether it became so in time, and before the process ended."""
        deadline = time.monotonic() + timeout * SLOW
        with self._changed:
            while not ready(self):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if self.process.poll() is not None and not self.thread.is_alive():
                    return bool(ready(self))
                self._changed.wait(min(left, 0.2))
        return True

    def wait_for(self, what, ready, timeout=15):
        """Waits until ready(self) is true; returns it."""
        deadline = time.monotonic() + timeout * SLOW
        with self._changed:
            while True:
                value = ready(self)
                if value:
                    return value
                left = deadline - time.monotonic()
                gone = self.process.poll() is not None and not self.thread.is_alive()
                if left <= 0 or gone:
                    raise Failure(f"{self.name} {'has ended' if gone else 'went on'} without: {what}\n"
                                  f"--- its output\n{self.text[-3000:]}")
                self._changed.wait(min(left, 0.2))

    def wait_text(self, text, timeout=15, after=0):
        """Waits until the text is in the output, not before position `after`; returns its end."""
        def ready(p):
            at = plain(p.text).find(text, after)
            return at + len(text) if at >= 0 else 0
        return self.wait_for(f"text {text!r}", ready, timeout)

    def type(self, text):
        """Keys, as a person would press them."""
        if self._master is not None:
            os.write(self._master, text.encode())
        else:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()

    def close_terminal(self):
        """As when its window is closed: the other side of the terminal is gone."""
        self._hang_up.set()  # a descriptor that somebody reads is not gone when it is closed
        self.thread.join()
        os.close(self._master)
        self._master = None

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self):
        """kill -9, and waits for it to be gone."""
        return self.end(signal.SIGKILL)

    def wait(self, timeout=15):
        try:
            code = self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end\n{self.text[-2000:]}") from None
        self.thread.join(5)
        return code

    def end(self, number=signal.SIGTERM, timeout=10):
        """Ends it, if need be with KILL; returns its exit code."""
        self.send_signal(number)
        try:
            code = self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            code = self.process.wait()
        self.thread.join(5)
        if self._master is not None:
            with contextlib.suppress(OSError):
                os.close(self._master)
            self._master = None
        return code

    @property
    def alive(self):
        """Who is told that it is gone may look at all that it said."""
        if self.process.poll() is None:
            return True
        self.thread.join(10)  # a child of it may hold the pipe for longer
        return False


def plain(text):
    """Terminal output without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


def processes_of_group(pid):
    """Pids whose process group is `pid`: what a killed process may have left behind."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = open(f"/proc/{entry}/stat").read()
                if int(stat[stat.rindex(")") + 2:].split()[2]) == pid:
                    found.append(int(entry))
    return found


class World:
    def __init__(self, build, name="world", keep=False, carrier=None):
        self.build, self.name, self.keep = os.path.abspath(build), name, keep
        self.carrier = carriers.kind_of(carrier)
        self.certificates = self.proxy = self._tunnel = self.listening = None
        self.root = tempfile.mkdtemp(prefix=f"remote-e2e-{name}-")
        self.processes = []
        self.count = 0
        self.url = None
        self.data = os.path.join(self.root, "relay")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("REMOTE_") or k == "REMOTE_TEST_SLOW"}
        self.env.update(HOME=self.root, XDG_STATE_HOME=f"{self.root}/state", XDG_CONFIG_HOME=f"{self.root}/config",
                        NO_COLOR="1", TERM="xterm")
        for folder in ("work", "state", "config"):
            os.makedirs(f"{self.root}/{folder}", mode=0o700)
        self.program = {name: find_program(self.build, name)
                        for name in ("remote", "remote-relay", "remote-demo-agent")}

    # ---- life ----
    def __enter__(self):
        return self

    def __exit__(self, kind, fault, trace):
        if kind and kind is not KeyboardInterrupt:
            self.end_all()
            self.show_logs()
        self.close(failed=bool(kind))
        return False

    def end_all(self):
        for process in reversed(self.processes):
            group = process.pid
            if process.alive:
                process.end(signal.SIGTERM, timeout=3)
            for pid in processes_of_group(group):  # an agent whose host was killed
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def close(self, failed):
        """Ends what runs and removes the folder, or keeps it for who wants to look."""
        self.end_all()
        if self.proxy:
            self.proxy.end()
        if self._tunnel:
            self._tunnel[0].stdin.close()
            self._tunnel[0].wait(10)
        if failed and self.keep:
            print(f"kept: {self.root}", file=sys.stderr)
        else:
            shutil.rmtree(self.root, ignore_errors=True)

    def show_logs(self):
        for process in self.processes:
            with contextlib.suppress(OSError):
                text = open(process.log_path, "rb").read()[-2500:].decode(errors="replace")
                print(f"--- end of the log of {process.name} ({' '.join(process.argv[:3])})\n{text}", file=sys.stderr)

    def spawn(self, name, argv, env=None, **more):
        self.count += 1
        log = more.pop("log", None) or f"{self.root}/{self.count:02d}-{name}.log"
        process = Process(name, argv, env or self.env, log, more.pop("cwd", f"{self.root}/work"), **more)
        self.processes.append(process)
        return process

    # ---- relay ----
    @property
    def token_file(self):
        return f"{self.data}/token"

    def relay_flags(self):
        """Where a relay of this world's kind listens, and with which certificate."""
        if self.listening is None:
            self.listening = f"unix://{self.root}/socket" if self.carrier.listen == "unix" else \
                f"{self.carrier.listen}://127.0.0.1:0"
        if self.carrier.encrypted and self.certificates is None:
            self.certificates = carriers.Certificates(f"{self.root}/certificates")
            self.env["REMOTE_TLS_CA"] = self.certificates.ca
        tls = ["--tls-cert", self.certificates.cert, "--tls-key", self.certificates.key] if self.certificates else []
        return ["--listen", self.listening, *tls]

    def client_url(self, address):
        """What hosts and clients are given for an address that the relay listens on."""
        if self.carrier.through == "http" and self._tunnel is None:
            self._tunnel = carriers.http_proxy(with_parent)
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                self.env[name] = self.env[name.lower()] = f"http://127.0.0.1:{self._tunnel[1]}"
            self.env["NO_PROXY"] = self.env["no_proxy"] = ""  # nothing goes without, not even loopback
        if self.carrier.client == "unix":
            return address
        return f"{self.carrier.client}://127.0.0.1:{self.proxied or port_of(address)}"

    @property
    def proxied(self):
        return self._route if self.proxy else 0

    def start_proxy(self):
        """From now on whoever starts reaches the relay through a proxy that can be told to cut, to
        swallow and to delay: self.proxy.tell("cut relay")."""
        self.proxy = carriers.Proxy(find_program(self.build, "remote-chaos-proxy"), with_parent)
        self._route = self.proxy.route("relay", port_of(self.listening))
        self.url = self.env["REMOTE_RELAY"] = self.client_url(self.listening)

    def start_relay(self, *flags, listen=None, fault=None, log=None, env=None):
        """On the port it had before, so that everybody finds it again."""
        address = f"{self.data}/address"
        if os.path.exists(address):
            os.unlink(address)
        env = dict(self.env, **(env or {}), **({"REMOTE_RELAY_FAULT": fault} if fault else {}))
        self.listening = listen or self.listening
        self.relay = self.spawn("relay", [self.program["remote-relay"], "serve", "--data", self.data,
                                          *self.relay_flags(), *flags], env=env, log=log)

        def ready():
            if not self.relay.alive:
                said = open(self.relay.log_path, errors="replace").read()[-800:]
                raise (NotBuilt if "this build cannot" in said or "unknown flag here: --tls" in said else Failure)(f"the relay has ended: {said}")
            return os.path.exists(address) and open(address).read().strip()
        self.listening = wait_until("the relay's address", ready, 60).split()[0]
        self.url = self.env["REMOTE_RELAY"] = self.client_url(self.listening)
        if "REMOTE_TOKEN_FILE" not in self.env:
            self.env["REMOTE_TOKEN_FILE"] = self.token_file
        return self.relay

    def relay_command(self, *words):
        done = subprocess.run([self.program["remote-relay"], words[0], "--data", self.data, *words[1:]], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20 * SLOW)
        return Result(["remote-relay", *words], done.returncode, done.stdout, done.stderr)

    # ---- host ----
    def start_host(self, *flags, mode="control", headless=True, terminal=None, agent=None, fault=None, resume=None,
                   name=None, wait=True):
        """A host with the demo agent; .session is its session's id once it is listed."""
        env = dict(self.env, **({"REMOTE_HOST_FAULT": fault} if fault else {}))
        argv = [self.program["remote"], "host", "--relay", self.url, f"--remote={mode}"]
        argv += ["--headless"] if headless and not terminal else []
        argv += ["--resume", resume] if resume else []
        argv += ["--name", name] if name else []
        argv += [*flags, "--", *(agent or [self.program["remote-demo-agent"]])]
        known = {s["session_id"] for s in self.sessions()} - {resume} if wait else set()
        host = self.spawn("host", argv, env=env, terminal=terminal,
                          **({} if terminal or headless else {"stdin": subprocess.PIPE}))
        if not wait:
            return host

        def listed():
            if not host.alive:
                raise Failure("the host has ended")
            for s in self.sessions():
                if s["session_id"] not in known and s["attached"] and s["status"] == "idle":
                    return s["session_id"]
        host.session = wait_until("the session is listed and idle", listed, 20, 0.05)
        return host

    # ---- commands ----
    def cli(self, *words, stdin="", env=None, timeout=30):
        argv = [self.program["remote"], *words]
        try:
            done = subprocess.run(argv, env=dict(self.env, **(env or {})), input=stdin, capture_output=True, text=True,
                                  timeout=timeout * SLOW, cwd=f"{self.root}/work", errors="replace")
        except subprocess.TimeoutExpired as late:
            raise Failure(f"remote {' '.join(words)} does not end\n{late.stdout}\n{late.stderr}") from None
        return Result(["remote", *words], done.returncode, done.stdout, done.stderr)

    def start_cli(self, *words, **more):
        return self.spawn("remote-" + words[0], [self.program["remote"], *words], **more)

    def sessions(self):
        result = self.cli("ls", "--json")
        return result.json if result.code == 0 else []

    def events(self, session, *flags):
        """All durable events of a session, from its first to its last."""
        out = self.cli("watch", session, "--json", "--durable", "--from", "start", "--until", "idle", *flags).expect(0)
        return [line["event"] for line in out.json if "event" in line]

    def asks(self, session):
        return [line["ask"] for line in self.cli("asks", session, "--json").expect(0).json]

    def wait_ask(self, session):
        self.cli("watch", session, "--json", "--until", "ask", "--timeout", "15").expect(0)
        return self.asks(session)


def bodies(events, name):
    """The bodies of one kind, e.g. "ask_resolved"."""
    return [e[name] for e in events if name in e]


def text_of(events):
    """What the agent said."""
    return "".join(m.get("text", "") for m in bodies(events, "assistant_message"))


def port_of(url):
    return int(url.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(tests, build, only=None, keep=False):
    """Runs functions that take a World; prints a line for each. Returns an exit code."""
    failed = []
    strangers = [w for w in only or [] if not any(w in test.__name__ for test in tests)]
    if strangers:
        print(f"there is no test named {', '.join(strangers)}", flush=True)
        return 2
    for test in tests:
        if only and not any(word in test.__name__ for word in only):
            continue
        began = time.monotonic()
        try:
            with World(build, test.__name__, keep) as world:
                test(world)
            result = "ok"
        except Exception as fault:  # the others go on
            failed.append(test.__name__)
            result = f"FAILED: {fault}"
            if not isinstance(fault, Failure):
                traceback.print_exc()
        print(f"{test.__name__:40} {time.monotonic() - began:5.1f} s  {result}", flush=True)
    print(f"{len(failed)} failed" if failed else "all passed", flush=True)
    return 1 if failed else 0
