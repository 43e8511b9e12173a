"""Starts the real programs for tests: found in a build folder, their output collected."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time


def find(build, name):
    for folder in ("tools", "tests"):
        for d, _, files in os.walk(os.path.join(build, folder)):
            path = os.path.join(d, name)
            if name in files and os.access(path, os.X_OK):
                return path
    raise SystemExit(f"{name} is not built in {build}")


_prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG = 1


def with_parent():
    """For preexec_fn: a test that is killed leaves no process behind. (The kernel goes by the thread
    that starts it: tests start programs from their main thread.)"""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Lines:
    """A process whose JSON lines are collected by a thread."""

    def __init__(self, argv, env, log, parse=True, cwd=None):
        self.log = open(log, "ab")
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.log, start_new_session=True, cwd=cwd, preexec_fn=with_parent)
        self.lines, self.raw, self.parse = [], [], parse
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.log.write(line)
            self.log.flush()
            text = line.decode(errors="replace").strip()
            with self.changed:
                self.raw.append(text)
                if self.parse and text.startswith("{"):
                    try:
                        self.lines.append(json.loads(text))
                    except ValueError:
                        pass
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, predicate, timeout):
        deadline = time.monotonic() + timeout
        with self.changed:
            while not predicate(self):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if self.process.poll() is not None and not self.thread.is_alive():
                    return predicate(self)
                self.changed.wait(min(left, 0.2))
        return True

    def count(self, key):
        with self.changed:
            return sum(1 for l in self.lines if key in l)

    def kill(self, number=signal.SIGKILL):
        try:
            os.kill(self.process.pid, number)
        except ProcessLookupError:
            pass

    def end(self, number=signal.SIGTERM, timeout=10):
        self.kill(number)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        self.thread.join(5)
        return self.process.returncode


class Programs:
    """A relay, a host with the demo agent behind a recorder, and clients, in a folder of their own."""

    def __init__(self, build, name):
        self.build = build
        self.root = tempfile.mkdtemp(prefix=f"remote-{name}-")
        self.env = dict(os.environ, XDG_STATE_HOME=f"{self.root}/state", XDG_CONFIG_HOME=f"{self.root}/config",
                        HOME=self.root, NO_COLOR="1")
        for k in ("REMOTE_RELAY", "REMOTE_TOKEN", "REMOTE_TOKEN_FILE"):
            self.env.pop(k, None)
        os.makedirs(f"{self.root}/work")
        self.url = self.relay = self.host = self.steer = self.reader = self.session = None
        self.others, self.remote_mode = [], "control"

    def start_relay(self, fault=None):
        address = f"{self.root}/relay/address"
        if os.path.exists(address):
            os.unlink(address)
        env = dict(self.env)
        if fault:
            env["REMOTE_RELAY_FAULT"] = fault
        self.relay = Lines([find(self.build, "remote-relay"), "serve", "--data", f"{self.root}/relay",
                            "--listen", self.url or "tcp://127.0.0.1:0"], env, f"{self.root}/relay.log", parse=False)
        deadline = time.monotonic() + 20
        while not os.path.exists(address) or not open(address).read().strip():
            if time.monotonic() > deadline or (self.relay.process.poll() is not None and not fault):
                raise AssertionError("the relay does not start; see relay.log")
            if fault and self.relay.process.poll() is not None:
                return
            time.sleep(0.01)
        self.url = open(address).read().split()[0]

    def host_argv(self):
        agent = find(self.build, "remote-demo-agent")
        argv = [find(self.build, "remote"), "host", "--relay", self.url, "--token-file", f"{self.root}/relay/token",
                f"--remote={self.remote_mode}", "--headless"]
        if self.session:
            argv += ["--resume", self.session]
        return [*argv, "--", "/bin/sh", "-c", f"tee -a {self.root}/agent.log | {agent}"]

    def start_host(self, fault=None):
        env = dict(self.env)
        if fault:
            env["REMOTE_HOST_FAULT"] = fault
        self.host = Lines(self.host_argv(), env, f"{self.root}/host.log", parse=False, cwd=f"{self.root}/work")
        if not self.session:
            folder = f"{self.root}/state/remote/sessions"
            self.host_says("watch with", 30)
            self.session = os.listdir(folder)[0]

    def host_says(self, text, seconds):
        """Waits until the host has said it (both of its streams end in host.log)."""
        deadline = time.monotonic() + seconds
        while text not in open(f"{self.root}/host.log", errors="replace").read():
            if time.monotonic() > deadline or self.host.process.poll() is not None:
                raise AssertionError(f"the host does not say '{text}'; see host.log")
            time.sleep(0.02)

    def steer_argv(self, *more):
        return [find(self.build, "remote-steer"), "--relay", self.url, "--token-file", f"{self.root}/relay/token",
                "--session", self.session, *more]

    def start_steer(self, first, count, prompt, answer="allow", more=()):
        self.steer = Lines(self.steer_argv("--first", str(first), "--count", str(count), "--prompt", prompt,
                                           "--answer", answer, "--window", "24", "--timeout", "90", *more),
                           self.env, f"{self.root}/steer.log")

    def journal(self):
        return f"{self.root}/state/remote/sessions/{self.session}/journal.db"

    def relay_store(self):
        return f"{self.root}/relay/relay.db"

    def read(self, *more):
        """A reader from the beginning that goes on until it is ended."""
        reader = Lines(self.steer_argv("--read-only", "--timeout", "300", *more), self.env,
                       f"{self.root}/reader-{len(self.others)}.log")
        self.others.append(reader)
        return reader

    def remote(self, *argv, timeout=60, **more):
        """Runs one command of `remote` and returns the finished process."""
        env = dict(self.env, REMOTE_RELAY=self.url or "", REMOTE_TOKEN_FILE=f"{self.root}/relay/token")
        env.update(more.pop("env", {}))
        return subprocess.run([find(self.build, "remote"), *argv], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                              cwd=f"{self.root}/work", **more)

    def clean(self, keep):
        for p in (self.steer, self.reader, *self.others, self.host, self.relay):
            if p and p.process.poll() is None:
                p.end(signal.SIGKILL)
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)


def run_cases(build, cases):
    """Runs {name: function(Programs)}; prints a line each; returns the exit status."""
    failed = 0
    for name, case in cases.items():
        programs = Programs(build, name.replace(" ", "-")[:40])
        began = time.monotonic()
        try:
            note = case(programs)
            print(f"ok      {name} ({time.monotonic() - began:.1f} s){': ' + note if note else ''}", flush=True)
            programs.clean(keep=False)
        except Exception as e:  # the others still run; the folder is kept for inspection
            failed += 1
            print(f"FAILED  {name}: {type(e).__name__}: {e}  (kept: {programs.root})", flush=True)
            programs.clean(keep=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0
