"""What the kernel allows here: a network of our own, rules that drop and reject, delays, small
disks. Whatever is not allowed is said once, with its reason, and the kinds of fault that need it
are skipped."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

INSIDE = "REMOTE_CHAOS_INSIDE"  # set in the process that lives in its own namespaces


def enter(argv: list[str]) -> None:
    """Goes on in network and mount namespaces of its own if it may; then it does not return."""
    if os.environ.get(INSIDE):
        return
    tries = [
        ["unshare", "--net", "--mount", "--propagation", "private"],
        ["unshare", "--map-root-user", "--net", "--mount", "--propagation", "private"],
    ]
    for unshare in tries:
        if (
            shutil.which("unshare")
            and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0
        ):
            os.environ[INSIDE] = "1"
            sys.stdout.flush()
            os.execvp(unshare[0], [*unshare, sys.executable, *argv])
    os.environ[INSIDE] = "0"


def _run(*argv: str, stdin: str = "") -> str:
    """'' or why it does not work."""
    if not shutil.which(argv[0]):
        return f"{argv[0]} is not installed"
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    return (
        "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[0]
    )


class Network:
    """Rules on the loopback of our namespace, by port: they act between a program and the proxy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[str, list[str]] = {}
        self.missing: dict[str, str] = {}
        if os.environ.get(INSIDE) != "1":
            for need in ("namespace", "nft", "netem", "mount"):
                self.missing[need] = "no permission for namespaces of our own"
            return
        why = _run("ip", "link", "set", "lo", "up")
        if why:
            raise SystemExit(f"chaos: the loopback of the new network cannot be set up: {why}")
        why = _run("nft", "-f", "-", stdin="add table inet chaos\n")
        if why:
            self.missing["nft"] = f"nftables: {why}"
        why = _run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
        if why:
            self.missing["netem"] = f"netem: {why} (the proxy delays instead)"
        else:
            _run("tc", "qdisc", "del", "dev", "lo", "root")
        probe = "/tmp" if not os.path.isdir("/mnt") else "/mnt"
        why = _run("mount", "-t", "tmpfs", "-o", "size=1m", "probe", probe)
        if why:
            self.missing["mount"] = f"tmpfs: {why}"
        else:
            _run("umount", probe)

    def _apply(self) -> None:
        lines = [
            "add table inet chaos",
            "delete table inet chaos",
            "table inet chaos {",
            "chain input {",
            "type filter hook input priority 0; policy accept;",
        ]
        for rules in self._rules.values():
            lines += rules
        why = _run("nft", "-f", "-", stdin="\n".join([*lines, "}", "}", ""]))
        if why:
            raise AssertionError(f"nft: {why}")

    def spoil(self, name: str, ports: list[int], what: str) -> None:
        """what: 'lose PERCENT', 'drop' or 'reject', on both directions of these ports."""
        verdict = {"drop": "drop", "reject": "meta l4proto tcp reject with tcp reset"}.get(what)
        if what.startswith("lose "):
            verdict = f"numgen random mod 1000 < {int(float(what.split()[1]) * 10)} drop"
        listed = "{ " + ", ".join(str(p) for p in ports) + " }"
        with self._lock:
            self._rules[name] = [f"tcp dport {listed} {verdict}"]
            if what != "reject":
                self._rules[name].append(f"tcp sport {listed} {verdict}")
            self._apply()

    def heal(self, name: str) -> None:
        with self._lock:
            self._rules.pop(name, None)
            self._apply()

    def delay(self, milliseconds: int) -> None:
        """Everything on the loopback; 0: no more."""
        _run("tc", "qdisc", "del", "dev", "lo", "root")
        if milliseconds:
            why = _run(
                "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", f"{milliseconds}ms"
            )
            if why:
                raise AssertionError(f"tc: {why}")
