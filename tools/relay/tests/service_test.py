#!/usr/bin/python3
"""The systemd unit: directives that matter are there, its command line is one that the relay takes, and
systemd-analyze, where it runs, has nothing against it.

    service_test.py UNIT_FILE RELAY_BINARY"""
import os
import shutil
import subprocess
import sys
import tempfile

WANTED = {"Type": "notify", "DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict",
          "ProtectHome": "yes", "CapabilityBoundingSet": "", "StateDirectory": "remote-relay",
          "StateDirectoryMode": "0700", "LimitCORE": "0", "Restart": "on-failure"}


def directives(text):
    lines = (line for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def takes(binary, exec_start):
    """The relay reads the flags of ExecStart without a complaint; it is ended at once."""
    with tempfile.TemporaryDirectory(prefix="remote-service-") as folder:
        argv = [w.replace("%S", folder).replace(":7443", ":0") for w in exec_start.split()[1:]]
        relay = subprocess.Popen([binary, *argv], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        first = relay.stdout.readline()
        relay.terminate()
        rest = relay.communicate(timeout=120)[0]
        assert relay.returncode == 0 and first.startswith("remote-relay "), first + rest


def analyzed(text, binary):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return "systemd-analyze is not here"
    with tempfile.TemporaryDirectory(prefix="remote-service-") as folder:
        path = os.path.join(folder, "remote-relay.service")
        # Where the program and the manual would be when it is installed.
        lines = [line for line in text.splitlines() if not line.startswith("Documentation=")]
        start = next(i for i, line in enumerate(lines) if line.startswith("ExecStart="))
        lines[start] = f"ExecStart={binary} " + lines[start].split(" ", 1)[1]
        open(path, "w", encoding="utf-8").write("\n".join(lines) + "\n")
        r = subprocess.run([tool, "verify", path], capture_output=True, text=True, timeout=120)
        assert "remote-relay" not in r.stderr, r.stderr
    return "systemd-analyze has nothing against it"


def main(unit, binary):
    text = open(unit, encoding="utf-8").read()
    found = directives(text)
    for name, value in WANTED.items():
        assert found.get(name) == value, f"{name}={found.get(name)}, not {value}"
    assert int(found["WatchdogSec"]) >= 10 and "@" not in found["ExecStart"], found["ExecStart"]
    takes(binary, found["ExecStart"])
    print(analyzed(text, os.path.abspath(binary)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
