"""The kinds of fault. Each is a function that breaks something, waits, mends it, and says which
clients have to come back from when on; `KINDS` lists them with what they reach and need."""
from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Callable, Optional

import hostile
from network import Network
from rig import SLOW, Broken, Program, Rig, Session, Steer, now_ms, wait_until

PHASES = ["any", "idle", "mid-turn", "ask open", "mid-replay"]


@dataclass
class Fault:
    """One fault that was made."""

    rig: Rig
    network: Network
    session: Session
    kind: str
    seed: int
    number: int
    random: Random
    short: bool
    phase: str = "any"
    wanted: str = "any"
    note: str = ""
    reader: Optional[Steer] = None  # began to read for the phase "mid-replay"
    crowd: list = field(default_factory=list)
    made: bool = False
    recovered_s: dict[str, float] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    def hold(self, short_s: float, long_s: float) -> None:
        time.sleep(short_s if self.short else long_s)

    def tell(self, line: str) -> None:
        self.rig.proxy.tell(line)

    @property
    def host_route(self) -> str:
        return f"host{self.session.number}"

    def routes(self) -> list[str]:
        n = self.session.number
        return [f"talker{n}", f"asker{n}", f"watch{n}", f"host{n}"]


Back = list[tuple[object, float, bool]]  # (client, from when in ms, its link was broken)


def all_steers(f: Fault) -> Back:
    at = now_ms()
    return [(s, at, True) for session in f.rig.sessions for s in session.steers]


def own_steers(f: Fault, at: Optional[float] = None) -> Back:
    at = now_ms() if at is None else at
    return [(s, at, True) for s in f.session.steers]


def one_client(f: Fault):
    return f.random.choice([f.session.talker, f.session.talker, f.session.asker, f.session.watch])


# ---- the links, through the proxy ----


def cut_client(f: Fault) -> Back:
    client = one_client(f)
    how = f.random.choice(["", " fin"])
    f.note = client.role + (how or " reset")
    at = now_ms()
    f.tell(f"cut {client.name}{how}")
    return [(client, at, True)]


def cut_host(f: Fault) -> Back:
    at = now_ms()
    f.tell(f"cut {f.host_route}{f.random.choice(['', ' fin'])}")
    return own_steers(f, at)


def cut_all(f: Fault) -> Back:
    """Everybody's link to the relay, in one moment."""
    at = now_ms()
    for name in f.rig.ports:
        f.tell(f"cut {name}")
    back = all_steers(f)
    return [(s, at, True) for s, _, _ in back] + [(x.watch, at, True) for x in f.rig.sessions]


def cut_inside(f: Fault) -> Back:
    """At a random byte."""
    name = f.random.choice(f.routes())
    count = f.random.randrange(1, 3000)
    direction = f.random.choice(["up", "down"])
    f.note = f"{name} {direction}"
    before = f.rig.proxy.stats(name)["accepted"]
    f.tell(f"cut-after {name} {direction} {count}")
    try:
        wait_until("the cut", lambda: f.rig.proxy.stats(name)["accepted"] != before, 5, 0.002)
    except Broken:
        f.tell(f"cut {name}")  # too little went that way
    at = now_ms()
    f.tell(f"heal {name}")
    return (
        own_steers(f, at)
        if name == f.host_route
        else [(c, at, True) for c in f.session.steers if c.name == name]
    )


def half_open(f: Fault, names: list[str]) -> float:
    at = now_ms()
    for name in names:
        f.tell(f"half {name}")
    return at


def half_open_client(f: Fault) -> Back:
    """Its address changed: nobody is told, what is sent is lost, new connections work."""
    at = half_open(f, [f.session.talker.name])
    return [(f.session.talker, at, True)]


def half_open_host(f: Fault) -> Back:
    return own_steers(f, half_open(f, [f.host_route]))


def stalled(f: Fault, name: str, direction: str, back: Callable[[], Back]) -> Back:
    f.note = f"{name} {direction}"
    f.tell(f"set {name} stall={direction}")
    f.hold(1.0, f.random.uniform(1, 8))
    f.tell(f"heal {name}")
    return [(c, at, False) for c, at, _ in back()]


def stall_client(f: Fault) -> Back:
    """One direction stands still, and goes on later."""
    client = one_client(f)
    return stalled(
        f, client.name, f.random.choice(["up", "down"]), lambda: [(client, now_ms(), False)]
    )


def stall_host(f: Fault) -> Back:
    return stalled(f, f.host_route, f.random.choice(["up", "down", "both"]), lambda: own_steers(f))


def outage(f: Fault, setting: str, short_s: float, long_s: float) -> Back:
    names = f.random.choice([f.routes(), [f.session.talker.name], [f.host_route]])
    f.note = "the session" if len(names) > 1 else names[0]
    for name in names:
        if setting == "hole=1":
            f.tell(f"half {name}")
        f.tell(f"set {name} {setting}")
    f.hold(short_s, long_s)
    for name in names:
        f.tell(f"heal {name}")
    at = now_ms()
    if len(names) == 1 and names[0] != f.host_route:
        return [(f.session.talker, at, True)]
    return own_steers(f, at)


def refused(f: Fault) -> Back:
    """The relay's port refuses for a while."""
    return outage(f, "refuse=1", 1.5, f.random.uniform(1, 10))


def black_hole(f: Fault) -> Back:
    """Links die without a word, and new ones are swallowed for a while (a tunnel)."""
    return outage(f, "hole=1", 3, f.random.uniform(2, 20))


def spoiled(f: Fault, setting: str) -> Back:
    names = f.routes()
    for name in names:
        f.tell(f"set {name} {setting}")
    f.hold(2.5, f.random.uniform(4, 10))
    for name in names:
        f.tell(f"heal {name}")
    return [(c, at, False) for c, at, _ in own_steers(f)]


def delay_200(f: Fault) -> Back:
    """200 ms each way, and up to 50 ms more."""
    return spoiled(f, "delay=200 jitter=50")


def narrow(f: Fault) -> Back:
    """16 KiB a second."""
    return spoiled(f, "rate=16384")


def byte_by_byte(f: Fault) -> Back:
    return spoiled(f, "one=1")


def storm(f: Fault) -> Back:
    """Links are cut again and again before they are at rest."""
    for _ in range(6 if f.short else 15):
        f.tell(f"cut {f.random.choice(f.routes())}")
        time.sleep(f.random.uniform(0.01, 0.3))
    return own_steers(f)


# ---- the network, through the kernel ----


def kernel(f: Fault, what: str, short_s: float, long_s: float, breaks: bool) -> Back:
    ports = [f.rig.ports[name] for name in f.routes()]
    name = f"session{f.session.number}"
    f.network.spoil(name, ports, what)
    f.hold(short_s, long_s)
    f.network.heal(name)
    return [(c, at, breaks) for c, at, _ in own_steers(f)]


def loss(f: Fault) -> Back:
    return kernel(f, "lose 1", 3, f.random.uniform(5, 15), False)


def drop(f: Fault) -> Back:
    return kernel(f, "drop", 2, f.random.uniform(1, 6), False)


def reject(f: Fault) -> Back:
    return kernel(f, "reject", 1.5, f.random.uniform(1, 6), True)


def netem_delay(f: Fault) -> Back:
    f.network.delay(200)
    f.hold(2.5, 8)
    f.network.delay(0)
    return [(c, at, False) for c, at, _ in all_steers(f)]


# ---- the programs ----


def relay_again(f: Fault) -> Back:
    f.rig.start_relay()
    return all_steers(f)


def kill_relay(f: Fault) -> Back:
    f.rig.relay.end(signal.SIGKILL)
    f.hold(0, f.random.choice([0, 0, 1, 3]))
    return relay_again(f)


def kill_relay_in_commit(f: Fault) -> Back:
    """It dies inside a commit: before, in or after it, as the fault point says."""
    f.rig.relay.end(signal.SIGKILL)
    point = f.random.choice(["received", "before_commit", "after_commit", "before_settle"])
    f.note = point
    f.rig.start_relay(f"{point}:{f.random.randrange(30, 90)}:kill", wait=False)
    f.phase = "mid-commit"
    if wait_gone(f.rig.relay, 40) is None:
        f.note += " (not reached)"
        f.rig.relay.end(signal.SIGKILL)
    return relay_again(f)


def wait_gone(program, seconds: float) -> Optional[int]:
    deadline = time.monotonic() + seconds
    while program.alive and time.monotonic() < deadline:
        time.sleep(0.005)
    return None if program.alive else program.process.returncode


def power_cut(f: Fault) -> Back:
    """The relay and all hosts die in one moment."""
    f.rig.relay.send(signal.SIGKILL)
    for session in f.rig.sessions:
        session.deaths += 1
        session.host.send(signal.SIGKILL)
    for program in (f.rig.relay, *(s.host for s in f.rig.sessions)):
        program.end(signal.SIGKILL)
    back = relay_again(f)
    for session in f.rig.sessions:
        session.start_host()
    return back


def restart_relay(f: Fault) -> Back:
    """As an upgrade does it: it drains."""
    code = f.rig.relay.end(signal.SIGTERM)
    if code != 0:
        raise Broken(f"the relay drained with exit code {code}")
    return relay_again(f)


def restart_crowd(f: Fault) -> Back:
    """The relay comes back to a crowd that wants everything from the beginning, and all at once."""
    crowd = [f.session.start_reader() for _ in range(6 if f.short else 12)]
    f.note = f"{len(crowd)} more readers"
    time.sleep(f.random.uniform(0.01, 0.3))
    code = f.rig.relay.end(signal.SIGTERM)
    if code != 0:
        raise Broken(f"the relay drained with exit code {code}")
    back = relay_again(f)
    f.crowd = crowd
    return back


def stop_relay(f: Fault) -> Back:
    f.rig.relay.send(signal.SIGSTOP)
    f.hold(12, f.random.choice([2, 15, 30]))
    f.rig.relay.send(signal.SIGCONT)
    return [(c, at, False) for c, at, _ in all_steers(f)]


def bury(f: Fault) -> None:
    """What a killed host leaves behind: its agent, which ends by itself when nobody talks to it."""
    f.session.deaths += 1
    f.session.host.end(signal.SIGKILL)


def kill_host(f: Fault) -> Back:
    bury(f)
    f.hold(0, f.random.choice([0, 0, 2]))
    f.session.start_host()
    return own_steers(f)


def kill_host_in_commit(f: Fault) -> Back:
    bury(f)
    point = f.random.choice(["received", "before_commit", "after_commit", "before_settle"])
    f.note = point
    f.session.start_host(f"{point}:{f.random.randrange(20, 60)}:kill")
    f.phase = "mid-commit"
    if wait_gone(f.session.host, 40) is None:
        f.note += " (not reached)"
    bury(f)
    f.session.start_host()
    return own_steers(f)


def stop_host(f: Fault) -> Back:
    f.session.host.send(signal.SIGSTOP)
    f.hold(12, f.random.choice([3, 12, 40]))
    f.session.host.send(signal.SIGCONT)
    return [(c, at, False) for c, at, _ in own_steers(f)]


def kill_agent(f: Fault) -> Back:
    """The host ends with it, and is started again by a person."""
    f.session.deaths += 1
    for pid in f.session.agents():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if wait_gone(f.session.host, 20) is None:
        raise Broken("the host goes on without its agent")
    f.session.start_host()
    return own_steers(f)


def kill_client(f: Fault) -> Back:
    client = f.random.choice(f.session.steers)
    f.note = client.role
    client.kill()
    return [(f.session.replace(client), now_ms(), True)]


def stop_client(f: Fault) -> Back:
    client = f.random.choice(f.session.steers)
    f.note = client.role
    client.program.send(signal.SIGSTOP)
    f.hold(3, f.random.choice([3, 12, 40]))
    client.program.send(signal.SIGCONT)
    return [(client, now_ms(), False)]


def second_host(f: Fault) -> Back:
    """A second process for the same session is refused, and disturbs nobody."""
    f.session.claims += 1
    argv = f.session.host_argv(
        f"{f.rig.root}/logs/agent{f.session.number}-second{f.session.claims}.log"
    )
    second = Program(
        "second",
        argv,
        f.session.host_env(),
        f.rig.log(f"second{f.session.number}"),
        cwd=f.session.work,
    )
    code = wait_gone(second, 20)
    if code in (None, 0):
        second.end(signal.SIGKILL)
        raise Broken("a second host took a session that is running")
    return own_steers(f)


# ---- disks and clocks ----


def relay_disk_full(f: Fault) -> Back:
    f.rig.disk.fill()
    f.hold(3, f.random.uniform(2, 10))
    f.rig.disk.free()
    return [(c, at, False) for c, at, _ in all_steers(f)]


def host_disk_full(f: Fault) -> Back:
    session = next(s for s in f.rig.sessions if s.disk.mounted)
    f.note = f"session {session.number}"
    session.disk.fill()
    f.hold(3, f.random.uniform(2, 10))
    session.disk.free()
    return [(c, now_ms(), False) for c in session.steers]


def clock_step(f: Fault) -> Back:
    """The wall clocks of relay and host go their own ways, and stay there for a while."""
    step_s = f.random.choice([-86400, -3600, -60, 60, 3600, 86400])
    who = f.random.choice([f.rig.clock, f.session.clock, f.session.client_clock])
    name = 'relay' if who is f.rig.clock else 'host' if who is f.session.clock else 'clients'
    f.note = f"{name} {step_s:+} s"
    who.step(real_s=who.real_s + step_s)
    f.hold(1.5, 5)
    at = now_ms()
    who.step(real_s=who.real_s - step_s)
    return [(c, at, False) for c, _, _ in own_steers(f)]


def suspended(f: Fault) -> Back:
    """A machine sleeps: stopped, its links swallowed, and on waking its clock has jumped."""
    at_host = f.random.random() < 0.5
    programs = [f.session.host] if at_host else [f.session.talker.program]
    name = f.host_route if at_host else f.session.talker.name
    clock = f.session.clock if at_host else f.session.client_clock
    f.note = "host" if at_host else "client"
    for p in programs:
        p.send(signal.SIGSTOP)
    f.tell(f"half {name}")
    time.sleep(1)
    slept_s = f.random.uniform(60, 3600)
    clock.step(real_s=clock.real_s + slept_s, boot_s=clock.boot_s + slept_s)
    for p in programs:
        p.send(signal.SIGCONT)
    at = now_ms()
    back = own_steers(f, at) if at_host else [(f.session.talker, at, True)]
    f.rig.sessions[
        f.session.number
    ].asleep_s = slept_s  # wall clocks are set right again by `settle`
    return back


# ---- people and strangers ----


def revoked(f: Fault) -> Back:
    """A device of its own is revoked while it reads: its link ends at once, and it stays out."""
    made = f.rig.relay_command("token", "--device", f"lost-{f.number}")
    if made.returncode != 0:
        raise Broken(f"no token: {made.stderr}")
    path = f"{f.rig.root}/revoked-{f.number}"
    with open(path, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
        out.write(made.stdout.strip() + "\n")
    listed = f.rig.relay_command("account").stdout
    device = next(line.split()[1] for line in listed.splitlines() if f"lost-{f.number}" in line)
    watch = f.session.rig.program["remote"]
    lines: list[bytes] = []
    argv = [
        watch,
        "watch",
        f.session.id,
        "--json",
        "--from",
        "live",
        "--relay",
        f.rig.url("revoked"),
        "--token-file",
        path,
    ]
    reader = Program("revoked", argv, f.rig.env, f.rig.log("revoked"), lines.append, keep_out=False)
    wait_until("the device reads", lambda: any(b"synced" in line for line in lines), 20)
    if f.rig.relay_command("token", "--revoke", device).returncode != 0:
        raise Broken("it cannot be revoked")
    began = time.monotonic()
    code = wait_gone(reader, 10)
    f.note = f"ended after {time.monotonic() - began:.2f} s"
    if code != 4 or time.monotonic() - began > 5 * SLOW:
        raise Broken(f"a revoked device's watch ended with {code}; {f.note}")
    again = f.rig.remote("ls", "--token-file", path)
    if again.returncode != 4:
        raise Broken(f"a revoked token gets exit {again.returncode}")
    return own_steers(f)


def malformed(f: Fault) -> Back:
    """Strangers talk nonsense to the relay, many at once."""
    told = hostile.storm(f.rig.relay_port, f.random, 60 if f.short else 300)
    f.note = ", ".join(f"{n} {what}" for what, n in sorted(told.items()))
    return own_steers(f)


def reconnect_storm(f: Fault) -> Back:
    """Connections that say nothing, hundreds at once, while everybody is cut."""
    sockets = []
    for _ in range(200):
        try:
            sockets.append(socket.create_connection(("127.0.0.1", f.rig.relay_port), 2))
        except OSError:
            break
    f.note = f"{len(sockets)} silent connections"
    back = cut_all(f)
    threading.Timer(2, lambda: [s.close() for s in sockets]).start()
    return back


AT_REST_MS = 2500  # above the 2 s of clause 5.3: such a link is tried again at once


@dataclass(frozen=True)
class Kind:
    run: Callable[[Fault], Back]
    needs: str = ""  # of Network.missing
    everybody: bool = False  # reaches all sessions: runs alone
    limit_s: float = 70  # everybody must be back by then: 25 s of silence, 30 s of back-off
    at_rest: bool = False  # what it cuts has been live for AT_REST_MS
    seconds: float = 4  # what it takes in a short run, about
    phases: tuple = tuple(PHASES)


KINDS: dict[str, Kind] = {
    "cut: client": Kind(cut_client, at_rest=True),
    "cut: host": Kind(cut_host, at_rest=True),
    "cut: everybody": Kind(cut_all, everybody=True, at_rest=True),
    "cut inside a frame": Kind(cut_inside, phases=("any", "mid-turn", "ask open")),
    "cut again and again": Kind(storm),
    "half-open: client": Kind(half_open_client, seconds=26),
    "half-open: host": Kind(half_open_host, seconds=26),
    "stalled: client": Kind(stall_client),
    "stalled: host": Kind(stall_host),
    "relay refuses": Kind(refused, seconds=6),
    "black hole": Kind(black_hole, seconds=26),
    "delay 200 ms (proxy)": Kind(delay_200),
    "16 KiB/s (proxy)": Kind(narrow),
    "one byte at a time": Kind(byte_by_byte),
    "1 % loss (nftables)": Kind(loss, needs="nft"),
    "drop (nftables)": Kind(drop, needs="nft"),
    "reject (nftables)": Kind(reject, needs="nft"),
    "delay 200 ms (netem)": Kind(netem_delay, needs="netem", everybody=True),
    "kill -9: relay": Kind(kill_relay, everybody=True),
    "kill -9: relay in a commit": Kind(kill_relay_in_commit, everybody=True, phases=("any",)),
    "kill -9: relay and hosts": Kind(power_cut, everybody=True),
    "restart: relay": Kind(restart_relay, everybody=True),
    "restart: relay, a crowd": Kind(restart_crowd, everybody=True),
    "SIGSTOP: relay": Kind(stop_relay, everybody=True),
    "kill -9: host": Kind(kill_host),
    "kill -9: host in a commit": Kind(kill_host_in_commit, phases=("any",)),
    "SIGSTOP: host": Kind(stop_host, seconds=14),
    "kill -9: agent": Kind(kill_agent),
    "kill -9: client": Kind(kill_client),
    "SIGSTOP: client": Kind(stop_client),
    "second host": Kind(second_host),
    "disk full: relay": Kind(relay_disk_full, needs="mount", everybody=True),
    "disk full: host": Kind(host_disk_full, needs="mount", everybody=True),
    "clock step": Kind(clock_step),
    "suspended": Kind(suspended, seconds=8),
    "revoked token": Kind(revoked),
    "malformed peers": Kind(malformed),
    "storm of connections": Kind(reconnect_storm, everybody=True),
}
# What cannot be tried at all here is said in the table too.
ABSENT = {"expired token": "tokens of this version do not expire"}


# ---- one fault, from its phase to the end of its recovery ----


def reach_phase(f: Fault) -> Optional[Steer]:
    """Waits for the moment that was wanted; a reader that replays, if that was it."""
    s = f.session
    reader = None
    if f.wanted == "idle":
        s.quiet(True)
        ready = (
            lambda: not s.in_turn() and s.talker.pending == 0 and s.asker.pending == 0
        )  # noqa: E731
    elif f.wanted == "mid-turn":
        ready = s.in_turn
    elif f.wanted == "ask open":
        ready = s.ask_open
    else:
        ready = lambda: True  # noqa: E731
    try:
        wait_until(f.wanted, ready, 4, 0.005)
        f.phase = f.wanted
    except Broken:
        f.phase = "any"
    if f.wanted == "mid-replay":
        reader = s.start_reader()
        time.sleep(f.random.uniform(0.005, 0.05))
    return reader


def recover(f: Fault, back: Back) -> None:
    deadline = time.monotonic() + KINDS[f.kind].limit_s * SLOW
    for client, at, broken in back:
        left_s = max(0.1, deadline - time.monotonic())
        took = (
            client.recovered(at, left_s)
            if isinstance(client, Steer)
            else client.recovered(at, left_s, broken)
        )
        if took is None:
            f.late.append(client.name)
        else:
            f.recovered_s[client.name] = took


def wait_for_rest(sessions: list[Session]) -> None:
    """Until every link of theirs has been live for AT_REST_MS. A watch may come back later than the
    clients whose recovery a fault waited for."""
    wait_until("every watch", lambda: not any(s.watch.down for s in sessions), 35, 0.02)
    since_ms = max(max(s.rest_ms, s.watch.up_ms) for s in sessions)
    time.sleep(max(0, since_ms + AT_REST_MS - now_ms()) / 1000)


def make(f: Fault) -> None:
    """Makes the fault and waits until everybody it reached is back."""
    if KINDS[f.kind].at_rest:
        wait_for_rest(f.rig.sessions if KINDS[f.kind].everybody else [f.session])
    f.reader = reach_phase(f)
    try:
        back = KINDS[f.kind].run(f)
    finally:
        if f.wanted == "idle":
            f.session.quiet(False)
    recover(f, back)
    for session in f.rig.sessions if KINDS[f.kind].everybody else [f.session]:
        session.rest_ms = now_ms()
    slept_s = f.session.__dict__.pop("asleep_s", None)
    if slept_s:  # an NTP client would do this after waking
        for clock in (f.session.clock, f.session.client_clock):
            clock.step(real_s=0)
