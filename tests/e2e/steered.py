"""A world with one session: a host with the demo agent behind a recorder, and clients that are
`remote-steer`, which a test can kill at any moment and whose digest of all events it can compare.

    with Steered(build, "name") as p:
        p.start_relay()
        p.start_host()
        p.start_steer(0, 200, "SAY prompt-%u")

What the agent was given is in agent.log, what the programs said in relay.log, host.log, … of the
world's folder."""
import os
import re
import signal
import subprocess
import time
import traceback

from harness import SLOW, Failure, Process, World, find_program


def follow(argv, env, log, cwd=None):
    """A program in the background whose JSON lines are looked at."""
    return Process(os.path.basename(log).rsplit(".", 1)[0], argv, env, log, cwd)


class Steered(World):
    def __init__(self, build, name, carrier=None):
        super().__init__(build, name, keep=True, carrier=carrier)
        self.program["remote-steer"] = find_program(self.build, "remote-steer")
        self.relay = self.host = self.steer = self.reader = self.session = None
        self.others, self.remote_mode = [], "control"

    # ---- programs ----
    def start_relay(self, fault=None, flags=(), env=None):
        """With a fault it may die before it listens: then that is how it stays."""
        try:
            return super().start_relay(*flags, fault=fault, env=env, log=f"{self.root}/relay.log")
        except Failure:
            if not fault or self.relay.alive:
                raise

    def host_argv(self):
        argv = [self.program["remote"], "host", "--relay", self.url, "--token-file", self.token_file,
                f"--remote={self.remote_mode}", "--headless"]
        if self.session:
            argv += ["--resume", self.session]
        return [*argv, "--", "/bin/sh", "-c", f"tee -a {self.root}/agent.log | {self.program['remote-demo-agent']}"]

    def start_host(self, fault=None):
        env = dict(self.env)
        if fault:
            env["REMOTE_HOST_FAULT"] = fault
        self.host = follow(self.host_argv(), env, f"{self.root}/host.log", cwd=f"{self.root}/work")
        self.others.append(self.host)
        if not self.session:
            folder = f"{self.root}/state/remote/sessions"
            self.host_says("watch with", 30)
            self.session = os.listdir(folder)[0]

    def host_says(self, text, seconds):
        """Waits until the host has said it (both of its streams end in host.log)."""
        deadline = time.monotonic() + seconds * SLOW
        while text not in open(f"{self.root}/host.log", errors="replace").read():
            if time.monotonic() > deadline or not self.host.alive:
                raise AssertionError(f"the host does not say '{text}'; see host.log")
            time.sleep(0.02)

    def steer_argv(self, *more):
        return [self.program["remote-steer"], "--relay", self.url, "--token-file", self.token_file,
                "--session", self.session, *more]

    def start_steer(self, first, count, prompt, answer="allow", more=()):
        self.steer = follow(self.steer_argv("--first", str(first), "--count", str(count), "--prompt", prompt,
                                            "--answer", answer, "--window", "24", "--timeout", "90", *more),
                            self.env, f"{self.root}/steer.log")
        self.others.append(self.steer)

    def read(self, *more):
        """A reader from the beginning that goes on until it is ended."""
        reader = follow(self.steer_argv("--read-only", "--timeout", "300", *more), self.env,
                        f"{self.root}/reader-{len(self.others)}.log")
        self.others.append(reader)
        return reader

    def remote(self, *argv, timeout=60, **more):
        """Runs one command of `remote` and returns the finished process."""
        return subprocess.run([self.program["remote"], *argv], env=dict(self.env, **more.pop("env", {})),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout * SLOW, cwd=f"{self.root}/work", **more)

    # ---- files ----
    def journal(self):
        return f"{self.root}/state/remote/sessions/{self.session}/journal.db"

    def relay_store(self):
        return f"{self.data}/relay.db"

    # ---- the end ----
    def clean(self, keep):
        for p in (*reversed(self.others), self.reader, self.relay):
            if p and p.alive:
                p.end(signal.SIGKILL)
        self.close(failed=keep)

    def __exit__(self, kind, fault, trace):
        self.clean(keep=bool(kind))
        return False


def run_cases(build, cases, carrier=None):
    """Runs {name: function(Steered)}; prints a line each; returns the exit status."""
    failed = 0
    for name, case in cases.items():
        world = Steered(build, re.sub("[^a-z0-9_]+", "-", name)[:40], carrier)
        began = time.monotonic()
        try:
            note = case(world)
            print(f"ok      {name} ({time.monotonic() - began:.1f} s){': ' + note if note else ''}", flush=True)
            world.clean(keep=False)
        except Exception as e:  # the others still run; the folder is kept for inspection
            failed += 1
            if not isinstance(e, AssertionError):
                traceback.print_exc()
            print(f"FAILED  {name}: {type(e).__name__}: {e}  (kept: {world.root})", flush=True)
            world.clean(keep=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0
