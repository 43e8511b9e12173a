"""What a chaos run is made of: the relay, hosts with agents, clients, the proxy between them,
clocks that can be stepped, disks that can be filled. Each program is real, and a process."""
from __future__ import annotations

import bisect
import contextlib
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import Callable, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from carriers import Proxy  # noqa: E402,F401
from harness import find_program as find  # noqa: E402,F401

SLOW = float(os.environ.get("REMOTE_TEST_SLOW", "1"))  # stretches deadlines (sanitizers, load)


class Broken(AssertionError):
    """Something did not hold that must."""


def now_ms() -> float:
    return time.monotonic() * 1000


def wait_until(what: str, ready: Callable, timeout: float = 20, every: float = 0.02):
    deadline = time.monotonic() + timeout * SLOW
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Broken(f"not within {timeout * SLOW:.0f} s: {what}")
        time.sleep(every)


class Program:
    """A process; its output goes to a log, and line by line to a handler."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        env: dict,
        log: str,
        on_line: Optional[Callable] = None,
        cwd: Optional[str] = None,
        keep_out: bool = True,
    ):
        self.name, self.log_path = name, log
        self._log = open(log, "ab", buffering=0)
        self._on_line, self._keep_out = on_line, keep_out
        self.process = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if on_line else self._log,
            stderr=self._log,
            start_new_session=True,
            cwd=cwd,
        )
        self.pid = self.process.pid
        self._thread = threading.Thread(target=self._read, daemon=True) if on_line else None
        if self._thread:
            self._thread.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if self._keep_out:
                self._log.write(line)
            try:
                self._on_line(line)
            except ValueError:
                pass  # a line that was cut when its program was killed

    def send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self, number: int = signal.SIGTERM, timeout: float = 10) -> int:
        self.send(number)
        try:
            self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait()
        if self._thread:
            self._thread.join(10)
        return self.process.returncode


def children_of(pid: int) -> list[int]:
    """Pids of all descendants."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                stat = open(f"/proc/{entry}/stat").read()
                parents.setdefault(int(stat[stat.rindex(")") + 2 :].split()[1]), []).append(
                    int(entry)
                )
    out, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            out.append(child)
            todo.append(child)
    return out


# ---- between the programs ----


class Clock:
    """The clock of the programs that are started with .env (clock_shim.c)."""

    def __init__(self, build: str, folder: str, name: str):
        self.path = os.path.join(folder, f"clock-{name}")
        with open(self.path, "wb") as f:
            f.write(bytes(16))
        with open(self.path, "r+b") as f:
            self._page = mmap.mmap(f.fileno(), 16)
        shim = os.path.join(build, "tests/chaos/libremote-chaos-clock.so")
        self.env = {"LD_PRELOAD": shim, "CHAOS_CLOCK": self.path}
        self.real_s = self.boot_s = 0.0

    def step(self, real_s: Optional[float] = None, boot_s: Optional[float] = None) -> None:
        self.real_s = self.real_s if real_s is None else real_s
        self.boot_s = self.boot_s if boot_s is None else boot_s
        self._page[:] = struct.pack("<qq", int(self.real_s * 1e9), int(self.boot_s * 1e9))


class Disk:
    """A folder on a small tmpfs of its own; where that is not allowed it is a plain folder."""

    def __init__(self, path: str, mebibytes: int, mounts: bool):
        self.path, self.mounted = path, False
        os.makedirs(path, mode=0o700, exist_ok=True)
        if mounts:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "chaos", path],
                check=True,
            )
            self.mounted = True

    def fill(self) -> None:
        """To the last byte."""
        fd = os.open(f"{self.path}/ballast", os.O_WRONLY | os.O_CREAT, 0o600)
        size = 1 << 20
        while size >= 1:
            try:
                os.write(fd, bytes(size))
            except OSError:
                size //= 2
        os.close(fd)

    def free(self) -> None:
        os.unlink(f"{self.path}/ballast")

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=False)


# ---- clients ----


class Steer:
    """A remote-steer: prompts, probes, answers. Knows when a probe came back and what it heard."""

    def __init__(self, rig: "Rig", session: "Session", role: str, first: int = 0):
        self.rig, self.session, self.role = rig, session, role
        self.name = f"{role}{session.number}"
        self.changed = threading.Condition()
        self.submitted: dict[str, int] = {}  # command id: number of the prompt
        self.stored: set[str] = set()
        self.answered: set[str] = set()
        self.probes: dict[str, float] = {}  # sent, no outcome yet
        self.probes_done = 0
        self.outcomes: dict[str, tuple[int, int]] = {}
        self.returned: list[tuple[float, float]] = []  # probes: (sent, outcome), newest last
        self.events = 0  # of the last line that told
        self.check: Optional[tuple[int, str]] = None  # (end, digest) of the last such line
        self.jumps: list[int] = []
        self.turn, self.asks, self.pending = False, 0, 0
        self.ready = self.up = False
        self.is_quiet: Optional[bool] = None
        self.end_line: Optional[dict] = None
        self.killed = False
        self.next = first
        self.began_ms = now_ms()
        argv = [
            rig.program["remote-steer"],
            "--relay",
            rig.url(self.name),
            "--token-file",
            rig.token_file,
            "--session",
            session.id,
            "--timeout",
            "1000000",
            *ROLES[role](self, first),
        ]
        self.program = Program(
            self.name,
            argv,
            dict(rig.env, **session.client_clock.env),
            rig.log(self.name),
            self._line,
            keep_out=rig.keep_lines,
        )

    def _line(self, raw: bytes) -> None:
        line = json.loads(raw)
        with self.changed:
            self._take(line)
            self.changed.notify_all()

    def _take(self, line: dict) -> None:
        if "probe" in line:
            self.probes[line["probe"]] = line["t"]
        elif "outcome" in line:
            sent = self.probes.pop(line["outcome"], None)
            if sent is not None:
                self.probes_done += 1
                if line["kind"] == APPLIED:
                    self.returned.append((sent, line["t"]))
            else:
                self.outcomes[line["outcome"]] = (line["kind"], line["code"])
        elif "submitted" in line:
            self.submitted[line["id"]] = line["submitted"]
            self.next = line["submitted"] + 1
        elif "stored" in line:
            self.stored.add(line["stored"])
        elif "answered" in line:
            self.answered.add(line["answered"])
        elif "state" in line:
            self.turn, self.asks, self.pending = line["turn"], line["asks"], line["pending"]
        elif "event" in line:
            self.events = line["event"] + 1
            self.check = (line["event"] + 1, line["digest"])
        elif "jump" in line:
            self.jumps.append(line["jump"])
        elif "ready" in line:
            self.ready = True
        elif "up" in line:
            self.up = True
        elif "down" in line:
            self.up = False
        elif "quiet" in line:
            self.is_quiet = line["quiet"]
        elif "end" in line:
            self.end_line = line

    def recovered(self, healed_ms: float, timeout: float) -> Optional[float]:
        """Seconds until a probe sent after that moment was back; None: not in time."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                at = bisect.bisect_left(self.returned, (healed_ms, 0))
                if at < len(self.returned):
                    return max(0.0, self.returned[at][1] - healed_ms) / 1000
                left = deadline - time.monotonic()
                if left <= 0 or not self.program.alive:
                    return None
                self.changed.wait(min(left, 0.5))

    def quiet(self, on: bool) -> None:
        """Waits until it has understood: two signals that wait together would come in any order."""
        with self.changed:
            self.is_quiet = None
            self.program.send(signal.SIGUSR1 if on else signal.SIGUSR2)
            self.changed.wait_for(lambda: self.is_quiet == on, 2)

    def kill(self) -> None:
        self.killed = True
        self.program.end(signal.SIGKILL)


APPLIED = 1  # COMMAND_OUTCOME_KIND_APPLIED


def talker(steer: Steer, first: int) -> list[str]:
    tag = f"{steer.session.number}t"
    return [
        "--first",
        str(first),
        "--count",
        "4000000",
        "--window",
        "6",
        "--every-ms",
        "250",
        "--probe-ms",
        "60",
        "--answer",
        "none",
        "--prompt",
        f"SAY say-{tag}-%u\nTHINK weighing\nSAY done",
    ]


def asker(steer: Steer, first: int) -> list[str]:
    tag = f"{steer.session.number}a"
    return [
        "--first",
        str(first),
        "--count",
        "4000000",
        "--window",
        "2",
        "--every-ms",
        "1300",
        "--probe-ms",
        "90",
        "--answer",
        "allow",
        "--answer-after-ms",
        "400",
        "--prompt",
        f"SLOW 8 40\nRUN echo ask-{tag}-%u",
    ]


def reader(steer: Steer, first: int) -> list[str]:
    return ["--read-only", "--every-ms", "1"]


ROLES = {"talker": talker, "asker": asker, "reader": reader}


class Watch:
    """A `remote watch --json --digest` from the beginning: offsets are counted here."""

    role = "watch"

    def __init__(self, rig: "Rig", session: "Session"):
        self.session, self.name = session, f"watch{session.number}"
        self.changed = threading.Condition()
        self.next = 0
        self.events = self.lost = self.doubled = 0
        self.up_ms = self.event_ms = 0.0
        self.links_lost = 0
        self.down = False
        self.ready = False
        self.digest: Optional[dict] = None
        argv = [
            rig.program["remote"],
            "watch",
            session.id,
            "--json",
            "--digest",
            "--from",
            "start",
            "--relay",
            rig.url(self.name),
            "--token-file",
            rig.token_file,
        ]
        self.program = Program(
            self.name,
            argv,
            dict(rig.env, **session.client_clock.env),
            rig.log(self.name),
            self._line,
            keep_out=False,
        )

    def _line(self, raw: bytes) -> None:
        with self.changed:
            if raw.startswith(b'{"offset"'):
                offset = int(raw[10 : raw.index(b",")])
                self._count(offset, 1)
                self.event_ms = now_ms()
            elif not raw.startswith(b'{"tail"'):
                self._take(json.loads(raw))
            self.changed.notify_all()

    def _count(self, offset: int, count: int) -> None:
        self.lost += max(0, offset - self.next)
        self.doubled += max(0, self.next - offset)
        self.next = offset + count
        self.events += count

    def _take(self, line: dict) -> None:
        if "passed" in line:
            self._count(line["passed"]["offset"], line["passed"]["count"])
        elif "synced" in line:
            self.ready = True
        elif "link_up" in line:
            self.up_ms = now_ms()
            self.down = False
        elif "link_down" in line:
            self.links_lost += 1
            self.down = True
        elif "snapshot" in line:
            self.lost += max(0, line["snapshot"]["offset"] - self.next)
        elif "digest" in line:
            self.digest = line["digest"]

    def recovered(self, healed_ms: float, timeout: float, breaks: bool = True) -> Optional[float]:
        """Seconds until the first event; if the fault breaks its link, the first over the next."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                since = max(healed_ms, self.up_ms) if breaks else healed_ms
                if self.event_ms > since and (not breaks or self.up_ms >= healed_ms):
                    return (self.event_ms - healed_ms) / 1000
                left = deadline - time.monotonic()
                if left <= 0 or not self.program.alive:
                    return None
                self.changed.wait(min(left, 0.5))


# ---- a session ----


class Session:
    """A host with its agent, and who steers and watches it."""

    def __init__(self, rig: "Rig", number: int, disk_mounts: bool):
        self.rig, self.number, self.id = rig, number, ""
        self.state = f"{rig.root}/host{number}"
        self.disk = Disk(self.state, 192, disk_mounts)
        self.work = f"{rig.root}/work{number}"
        os.makedirs(self.work)
        self.clock = Clock(rig.build, rig.root, f"host{number}")
        self.client_clock = Clock(rig.build, rig.root, f"clients{number}")
        self.starts = self.deaths = 0  # of hosts; deaths: it or its agent was ended by force
        self.claims = 0
        self.rest_ms = 0.0  # when its last fault was over
        self.talker: Steer = None
        self.asker: Steer = None
        self.watch: Watch = None
        self.gone: list[Steer] = []  # killed clients
        self.readers: list[Steer] = []
        self.host: Program = None

    def host_argv(self, agent_log: str) -> list[str]:
        agent = f"tee -a {agent_log} | {self.rig.program['remote-demo-agent']}"
        argv = [
            self.rig.program["remote"],
            "host",
            "--relay",
            self.rig.url(f"host{self.number}"),
            "--token-file",
            self.rig.token_file,
            "--remote=control",
            "--headless",
        ]
        argv += ["--resume", self.id] if self.id else []
        return [*argv, "--", "/bin/sh", "-c", agent]

    def host_env(self, fault: Optional[str] = None) -> dict:
        env = dict(self.rig.env, XDG_STATE_HOME=self.state, **self.clock.env)
        if fault:
            env["REMOTE_HOST_FAULT"] = fault
        return env

    def start_host(self, fault: Optional[str] = None) -> None:
        self.starts += 1
        agent_log = f"{self.rig.root}/logs/agent{self.number}-{self.starts}.log"
        self.host = Program(
            f"host{self.number}",
            self.host_argv(agent_log),
            self.host_env(fault),
            self.rig.log(f"host{self.number}"),
            cwd=self.work,
        )
        if self.id:
            return
        folder = f"{self.state}/remote/sessions"

        def listed():
            if not self.host.alive:
                raise Broken(f"host {self.number} ended at its start; see {self.host.log_path}")
            names = os.listdir(folder) if os.path.isdir(folder) else []
            return names and os.path.exists(f"{folder}/{names[0]}/session.json") and names[0]

        self.id = wait_until("the session's folder", listed, 30)

    @property
    def journal(self) -> str:
        return f"{self.state}/remote/sessions/{self.id}/journal.db"

    def agents(self) -> list[int]:
        return children_of(self.host.pid)

    def start_clients(self) -> None:
        self.talker = Steer(self.rig, self, "talker")
        self.asker = Steer(self.rig, self, "asker")
        self.watch = Watch(self.rig, self)

    def replace(self, steer: Steer) -> Steer:
        """A new process where one was killed, that goes on with the next prompt."""
        fresh = Steer(self.rig, self, steer.role, steer.next + 1)
        self.gone.append(steer)
        setattr(self, steer.role, fresh)
        return fresh

    def start_reader(self) -> Steer:
        new = Steer(self.rig, self, "reader")
        self.readers.append(new)
        return new

    @property
    def steers(self) -> list[Steer]:
        return [self.talker, self.asker]

    def quiet(self, on: bool) -> None:
        for s in self.steers:
            s.quiet(on)

    def in_turn(self) -> bool:
        return self.talker.turn or self.asker.turn

    def ask_open(self) -> bool:
        return self.asker.asks > 0


class Rig:
    """Everything, in one folder."""

    def __init__(
        self, build: str, root: str, sessions: int, mounts: bool, keep_lines: bool = False
    ):
        self.build, self.root, self.keep_lines = build, root, keep_lines
        self.mounts = mounts
        self.program = {
            name: find(build, name)
            for name in (
                "remote",
                "remote-relay",
                "remote-demo-agent",
                "remote-steer",
                "remote-chaos-proxy",
            )
        }
        os.makedirs(f"{root}/logs")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("REMOTE_")}
        self.env.update(
            HOME=root,
            XDG_CONFIG_HOME=f"{root}/config",
            XDG_STATE_HOME=f"{root}/state",
            NO_COLOR="1",
        )
        self.data = f"{root}/relay"
        self.disk = Disk(self.data, 512, mounts)
        self.clock = Clock(build, root, "relay")
        self.proxy = Proxy(self.program["remote-chaos-proxy"])
        self.relay: Program = None
        self.relay_url = ""
        self.relay_port = 0
        self.ports: dict[str, int] = {}
        self.sessions = []
        self._count = sessions
        self.rss_kib = 0

    @property
    def token_file(self) -> str:
        return f"{self.root}/token"

    def log(self, name: str) -> str:
        return f"{self.root}/logs/{name}.log"

    def url(self, name: str) -> str:
        """Each program has a route of its own through the proxy."""
        if name not in self.ports:
            self.ports[name] = self.proxy.route(name, self.relay_port)
        return f"tcp://127.0.0.1:{self.ports[name]}"

    def start_relay(self, fault: Optional[str] = None, wait: bool = True) -> None:
        address = f"{self.data}/address"
        with contextlib.suppress(OSError):
            os.unlink(address)
        env = dict(self.env, **self.clock.env)
        if fault:
            env["REMOTE_RELAY_FAULT"] = fault
        argv = [
            self.program["remote-relay"],
            "serve",
            "--data",
            self.data,
            "--listen",
            self.relay_url or "tcp://127.0.0.1:0",
        ]
        self.relay = Program("relay", argv, env, self.log("relay"))
        if not wait:
            return

        def listening():
            if not self.relay.alive:
                raise Broken(f"the relay ended at its start; see {self.relay.log_path}")
            return os.path.exists(address) and open(address).read().strip()

        self.relay_url = wait_until("the relay's address", listening, 20, 0.005).split()[0]
        self.relay_port = int(self.relay_url.rsplit(":", 1)[1])

    def relay_command(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.program["remote-relay"], words[0], "--data", self.data, *words[1:]],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20 * SLOW,
        )

    def remote(
        self, *words: str, timeout: float = 30, via: str = "tools"
    ) -> subprocess.CompletedProcess:
        env = dict(self.env, REMOTE_RELAY=self.url(via), REMOTE_TOKEN_FILE=self.token_file)
        return subprocess.run(
            [self.program["remote"], *words],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout * SLOW,
            cwd=self.root,
        )

    def start(self) -> None:
        self.start_relay()
        # The token is taken from the relay's disk, which may be full later on.
        with open(self.token_file, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(open(f"{self.data}/token").read())
        for n in range(self._count):
            session = Session(self, n, self.mounts and n == 0)
            self.sessions.append(session)
            session.start_host()
        for session in self.sessions:
            wait_until(
                f"session {session.number} at the relay",
                lambda s=session: s.id in self.remote("ls", "--json").stdout,
                30,
                0.2,
            )
            session.start_clients()
        for session in self.sessions:
            for client in (session.talker, session.asker, session.watch):
                wait_until(f"{client.name} is there", lambda c=client: c.ready, 30)

    def measure(self) -> None:
        """The most memory that the relay had."""
        with contextlib.suppress(OSError, IndexError, ValueError):
            for line in open(f"/proc/{self.relay.pid}/status"):
                if line.startswith("VmRSS:"):
                    self.rss_kib = max(self.rss_kib, int(line.split()[1]))

    def programs(self) -> list[Program]:
        out = [self.relay]
        for s in self.sessions:
            clients = [s.talker, s.asker, s.watch, *s.gone, *s.readers]
            out += [s.host, *(c.program for c in clients if c)]
        return [p for p in out if p]

    def close(self) -> None:
        for p in self.programs():
            p.send(signal.SIGCONT)
            orphans = children_of(p.pid)
            if p.alive:
                p.end(signal.SIGKILL)
            for pid in orphans:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        self.proxy.end()
