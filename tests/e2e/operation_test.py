#!/usr/bin/python3
"""What an operator sees of a relay: metrics, log lines, what systemd is told, how it stops.

    operation_test.py BUILD_DIR"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import prometheus  # noqa: E402
from steered import run_cases  # noqa: E402


def wait(what, ready, seconds=90):
    deadline = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def start_relay(p, *flags, env=None, fault=None):
    p.start_relay(fault, flags, env)


def relay_says(p):
    return open(f"{p.root}/relay.log", encoding="utf-8", errors="strict").read()


def relay_command(p, *words):
    return subprocess.run([p.program["remote-relay"], words[0], "--data", f"{p.root}/relay", *words[1:]],
                          env=p.env, capture_output=True, text=True, timeout=120)


def metrics(p):
    r = relay_command(p, "stats", "--prometheus")
    assert r.returncode == 0, r.stderr
    return prometheus.parse(r.stdout)


def metrics_tell_what_happened(p):
    start_relay(p)
    p.start_host()
    wait("the session", lambda: '"attached":true' in p.remote("ls", "--json").stdout.replace(" ", ""))
    assert p.remote("probe").returncode == 0
    refused = p.remote("ls", env={"REMOTE_TOKEN_FILE": "", "REMOTE_TOKEN": "rrt_nobody_was_given_this"})
    assert refused.returncode == 4, refused.stderr
    m = wait("the probe in the metrics",
             lambda: (lambda n: n if n[("remote_relay_commands_delivered_total", ())] == 1 else None)(metrics(p)))
    assert m[("remote_relay_hosts_attached", ())] == 1 and m[("remote_relay_sessions", ())] == 1
    assert m[("remote_relay_commands_stored_total", ())] == 1
    assert m[("remote_relay_commit_seconds_count", ())] >= 2
    tcp = (("carrier", "tcp"),)
    assert m[("remote_relay_carriers_accepted_total", tcp)] >= 3
    assert m[("remote_relay_carriers", tcp)] >= 1
    assert m[("remote_relay_carrier_received_bytes_total", tcp)] > 500
    assert m[("remote_relay_carrier_sent_bytes_total", tcp)] > 500
    assert m[("remote_relay_refusals_total", (("code", "3001"), ("name", "UNAUTHENTICATED")))] == 1
    assert m[("process_resident_memory_bytes", ())] > 1e6 and m[("process_open_fds", ())] > 5
    assert abs(m[("process_start_time_seconds", ())] - time.time()) < 3600
    p.relay.end()
    gone = relay_command(p, "stats", "--prometheus")
    assert gone.returncode == 1 and "none runs" in gone.stderr, gone
    return f"{len(m)} samples"


def json_lines_are_json(p):
    start_relay(p, "--log-format", "json", "--log-level", "debug")
    name = 'A "quoted"\\ \u00e9\u200e\u202e\u2028 name'
    relay_command(p, "account", name)
    token = relay_command(p, "token", "--account", name, "--device", "\u65e5\u672c").stdout.strip()
    p.remote("ls", env={"REMOTE_TOKEN_FILE": "", "REMOTE_TOKEN": token})
    p.relay.end()
    lines = [json.loads(line) for line in relay_says(p).splitlines() if line.startswith("{")]
    live = [e for e in lines if e["event"] == "connection.live"]
    assert len(live) == 1 and live[0]["account"] == name and live[0]["device"] == "\u65e5\u672c", live
    for e in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["time"]) and e["level"] in (
            "DEBUG", "INFO", "WARNING", "ERROR"), e
    raw = "".join(line for line in relay_says(p).splitlines() if line.startswith("{"))
    assert "\u202e" not in raw and "\u2028" not in raw and "\x1b" not in raw
    return f"{len(lines)} lines"


def a_flood_does_not_fill_the_log(p):
    start_relay(p, "--log-rate", "1", "--log-level", "debug")
    host, port = p.url.removeprefix("tcp://").split(":")
    for _ in range(400):
        with socket.create_connection((host, int(port))) as s:
            s.sendall(b"\xff" * 16)
            while s.recv(4096):
                pass
    wait("what was left out, counted",
         lambda: metrics(p)[("remote_relay_log_lines_left_out_total", ())] > 400)
    closed = sum("connection.closed" in line for line in relay_says(p).splitlines())
    assert 100 <= closed < 300, f"{closed} lines of one event"
    p.relay.end()
    return f"{closed} of 400 lines"


class Manager:
    """What systemd is to a service: a datagram socket that hears."""

    def __init__(self, path):
        self.path, self.said = path, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path[1:] if path.startswith("@") else path)
        self.socket.setblocking(False)

    def hear(self):
        while True:
            try:
                self.said += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.said

    def count(self, line):
        return self.hear().count(line)


def systemd_is_told(p):
    manager = Manager(f"{p.root}/notify")
    start_relay(p, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "2000000"})
    wait("READY=1", lambda: manager.count("READY=1") == 1)
    wait("WATCHDOG=1", lambda: manager.count("WATCHDOG=1") >= 3)
    p.start_host()
    wait("a status with the host", lambda: any("1 hosts" in line for line in manager.hear()))
    assert not any("rrt_" in line for line in manager.hear())
    p.relay.send_signal(signal.SIGHUP)
    wait("RELOADING=1, then READY=1", lambda: manager.count("RELOADING=1") == 1 and manager.count("READY=1") == 2)
    assert any(line.startswith("MONOTONIC_USEC=") for line in manager.hear())
    p.relay.send_signal(signal.SIGTERM)
    wait("STOPPING=1", lambda: manager.count("STOPPING=1") == 1)
    assert p.relay.process.wait(60) == 0


def an_abstract_socket_is_one_too(p):
    manager = Manager(f"@remote-test-{os.getpid()}-{os.path.basename(p.root)}")
    start_relay(p, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "nonsense"})
    wait("READY=1", lambda: manager.count("READY=1") == 1)
    assert manager.count("WATCHDOG=1") == 0
    p.relay.end()


def a_commit_that_hangs_stops_the_watchdog(p):
    manager = Manager(f"{p.root}/notify")
    start_relay(p)
    p.relay.end()
    # The commit of the first new device does not come back for a minute.
    start_relay(p, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1500000"}, fault="before_commit:1:hold=60000")
    wait("WATCHDOG=1", lambda: manager.count("WATCHDOG=1") >= 1)
    asking = subprocess.Popen([p.program["remote-relay"], "token", "--data", f"{p.root}/relay", "--device", "x"],
                              env=p.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def quiet():
        before = manager.count("WATCHDOG=1")
        time.sleep(4)  # the condition itself: silence for longer than the manager waits
        return manager.count("WATCHDOG=1") == before
    wait("silence", quiet)
    p.relay.kill()
    asking.wait(60)


if __name__ == "__main__":
    sys.exit(run_cases(sys.argv[1], {f.__name__: f for f in (
        metrics_tell_what_happened, json_lines_are_json, a_flood_does_not_fill_the_log, systemd_is_told,
        an_abstract_socket_is_one_too, a_commit_that_hangs_stops_the_watchdog)}))
