#!/usr/bin/python3
"""Everything runs with planted secrets; then everything that is left of it is searched for them:
logs, files, command lines, what systemd is told, metrics, memory that others could read, a core dump.

    secrets_test.py BUILD_DIR"""
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import page  # noqa: E402
from harness import with_parent  # noqa: E402
from operation_test import Manager, relay_command, start_relay, wait  # noqa: E402
from steered import run_cases  # noqa: E402

PROMPT = "the prompt nobody else may read 7c1f"
GUESS = "rrt_" + "5a" * 32
ENVIRONMENT = "rrt_" + "9b" * 32


def sanitized(path):
    return b"__asan_init" in open(path, "rb").read()


class Watcher(threading.Thread):
    """Command lines of all processes of ours, looked at again and again."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.root, self.lines, self.over = root.encode(), set(), False

    def run(self):
        while not self.over:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    line = open(f"/proc/{pid}/cmdline", "rb").read()
                except OSError:
                    continue
                if self.root in line or b"remote" in line:
                    self.lines.add(line)
            time.sleep(0.01)


def files_below(*folders):
    for folder in folders:
        for d, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(d, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


def search(p, secrets, allowed):
    """Paths that hold a secret where it may not be. allowed: {name: ends of paths}."""
    found = []
    for path in files_below(p.root):
        data = open(path, "rb").read()
        for name, secret in secrets.items():
            if secret.encode() in data and not path.endswith(allowed.get(name, ())):
                found.append(f"{name} in {path}")
    return found


def sign_in_as_pages_do(p, token, said):
    """Cookies, a pairing, an invitation, right and wrong: all that is secret of it."""
    addresses = open(f"{p.root}/relay/address", encoding="ascii").read().split()
    port = int(next(a for a in addresses if a.startswith("http")).rsplit(":", 1)[1])
    pasted, paired, invited = (page.Browser(port) for _ in range(3))
    answers = [pasted.post("/v1/sign-in", {"token": token}), pasted.get("/v1/who"),
               pasted.post("/v1/sign-in", {"token": GUESS}), pasted.post("/v1/sign-in", b'{"token":"' + token.encode()),
               pasted.ask("PUT", "/v1/sign-in", {"token": token}), paired.post("/v1/pair", {"device": "page"})]
    secrets = {"pairing cookie": next(iter(paired.cookies.values())).value}
    code = answers[-1].json["pairing_code"]
    r = relay_command(p, "pair", code, "--yes")
    assert r.returncode == 0, r.stderr
    answers.append(paired.post("/v1/pair/wait", {}))
    r = relay_command(p, "invite", "--page", f"http://localhost:{port}/")
    secrets["invitation"] = r.stdout.strip().rsplit("/", 1)[1]
    assert secrets["invitation"].startswith("rri_")
    for path, body in (("/v1/invitation", {"invite": secrets["invitation"]}), ("/v1/invitation", {"invite": "rri_" + "5b" * 16}),
                       ("/v1/sign-in", {"invite": secrets["invitation"], "device": "invited"}),
                       ("/v1/sign-in", {"invite": secrets["invitation"], "device": "again"})):
        answers.append(invited.post(path, body))
    for name, browser in (("paired", paired), ("invited", invited)):
        assert browser.who()["signed_in"], name
        secrets[f"cookie of the {name}"] = next(iter(browser.cookies.values())).value
    said.append(("pages", "".join(a.body.decode() for a in answers)))
    said.append(("invite --list", relay_command(p, "invite", "--list").stdout))
    return secrets


def nothing_is_left_of_a_secret(p):
    manager = Manager(f"{p.root}/notify")
    watcher = Watcher(p.root)
    watcher.start()
    start_relay(p, "--log-level", "debug", "--listen", "http://127.0.0.1:0", env={"NOTIFY_SOCKET": manager.path})
    token = open(p.token_file, encoding="ascii").read().strip()
    p.start_host()
    wait("the session", lambda: '"attached":true' in p.remote("ls", "--json").stdout.replace(" ", ""))
    said = []
    for words, env in ((("send", PROMPT), {}),
                       (("ls", "--capture", f"{p.root}/capture"), {}),
                       (("devices",), {}),
                       (("ls",), {"REMOTE_TOKEN_FILE": "", "REMOTE_TOKEN": GUESS}),
                       (("ls",), {"REMOTE_TOKEN_FILE": "", "REMOTE_TOKEN": ENVIRONMENT + "\x01"}),
                       (("ls", "--relay", f"tcp://user:{GUESS}@127.0.0.1:1"), {"REMOTE_TOKEN": ENVIRONMENT}),
                       (("inspect", f"{p.root}/capture"), {})):
        r = p.remote(*words, env=env)
        said.append((words[0], r.stdout + r.stderr))
    second = relay_command(p, "token", "--device", "second").stdout.strip()
    assert second.startswith("rrt_") and len(second) == 68
    r = p.remote("ls", env={"REMOTE_TOKEN_FILE": "", "REMOTE_TOKEN": second})
    assert r.returncode == 0, r.stderr
    for words in (("stats",), ("stats", "--json"), ("stats", "--prometheus"), ("account",), ("check",)):
        r = relay_command(p, *words)
        assert r.returncode == 0, r.stderr
        said.append((words[0], r.stdout + r.stderr))
    of_pages = sign_in_as_pages_do(p, second, said)
    # A HELLO that is no HELLO but holds a token, and one that is cut.
    host, port = p.url.removeprefix("tcp://").split(":")
    for data in (b"\x0a\x50\x08\x01\x7a\x4a" + second.encode(), second.encode(), b"\x0a\x46" + second.encode() + b"\xff\xff"):
        with socket.create_connection((host, int(port))) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
    p.host.end()
    p.relay.end()
    watcher.over = True
    watcher.join()
    secrets = {"token": token, "second token": second, "guess": GUESS, "environment": ENVIRONMENT, **of_pages}
    found = search(p, secrets, {"token": ("/relay/token",)})
    found += [f"{name} in /proc/PID/cmdline" for name, s in secrets.items() if name != "guess"
              and any(s.encode() in line for line in watcher.lines)]
    found += [f"{name} said by {word}" for name, s in secrets.items() for word, text in said if s in text]
    found += [f"{name} told to systemd" for name, s in secrets.items() if any(s in line for line in manager.hear())]
    logs = open(f"{p.root}/relay.log", encoding="utf-8").read()
    found += ["the prompt in the relay's log"] * (PROMPT in logs)
    found += ["the prompt told to systemd"] * any(PROMPT in line for line in manager.hear())
    found += [f"the prompt said by {w}" for w, text in said if w in ("stats", "account", "check") and PROMPT in text]
    assert not found, "; ".join(found)
    # It would be found: the store and the journal hold the conversation.
    assert len(search(p, {"prompt": PROMPT}, {})) >= 2
    assert os.stat(f"{p.root}/relay/token").st_mode & 0o077 == 0
    return f"{sum(1 for _ in files_below(p.root))} files, {len(watcher.lines)} command lines"


def limits_of_cores():
    with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


def no_memory_for_others(p):
    relay = p.program["remote-relay"]
    if sanitized(relay):
        return "not in a build with sanitizers"
    start_relay(p)
    p.start_host()
    for name, program in (("relay", p.relay), ("host", p.host)):
        pid = program.pid
        # What is not dumpable belongs to root in /proc: no other program of this user reads it.
        for file in ("environ", "mem", "maps"):
            assert os.stat(f"/proc/{pid}/{file}").st_uid == 0, f"{name}: {file}"
    # The agent is as it would be without us.
    child = wait("the agent", lambda: [c for c in children(p.host.pid)])
    assert all(os.stat(f"/proc/{c}/environ").st_uid == os.geteuid() for c in child)
    p.host.end()
    p.relay.end()
    folder = f"{p.root}/core"
    os.makedirs(folder)
    environment = dict(p.env)
    process = subprocess.Popen([relay, "serve", "--data", f"{p.root}/relay", "--listen", "tcp://127.0.0.1:0"], cwd=folder,
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               preexec_fn=limits_of_cores)
    assert process.stdout.readline().startswith(b"remote-relay ")
    os.kill(process.pid, signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), f"status {status:#x}"
    assert os.listdir(folder) == []


def children(pid):
    out = []
    for other in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{other}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and b"tee" in open(f"/proc/{other}/cmdline", "rb").read():
            out.append(other)
    return out


if __name__ == "__main__":
    sys.exit(run_cases(sys.argv[1], {f.__name__: f for f in (nothing_is_left_of_a_secret, no_memory_for_others)}))
