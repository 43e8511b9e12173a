#!/usr/bin/python3
"""Stands between a host and its agent, passes every line on, and writes what was said.

    tap.py RECORD.ndjson AGENT [ARGS]

One object a line: t (ms since the tap's start), p (which process of this record, from 1), dir (c2a: host to
agent, a2c: agent to host, exit) and msg, or raw for a line that is no JSON. It ends as the agent ends."""
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def next_number(path):
    if not os.path.exists(path):
        return 1
    with open(path) as f:
        return max((json.loads(line)["p"] for line in f), default=0) + 1


class Record:
    def __init__(self, path):
        self.number, self.began = next_number(path), time.monotonic()
        self.file, self.lock = open(path, "a"), threading.Lock()

    def write(self, direction, **more):
        entry = {"t": int((time.monotonic() - self.began) * 1000), "p": self.number, "dir": direction, **more}
        with self.lock:
            self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self.file.flush()

    def line(self, direction, data):
        try:
            self.write(direction, msg=json.loads(data))
        except ValueError:
            self.write(direction, raw=data.decode(errors="replace")[:10000])


def copy(record, direction, source, sink):
    for data in source:
        record.line(direction, data)
        try:
            sink.write(data)
            sink.flush()
        except OSError:
            break
    try:
        sink.close()
    except OSError:
        pass


def with_parent():
    """The agent must not outlive the tap, or the tap would hide what the host does about agents that stay."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(path, *argv):
    record = Record(path)
    # The group is signalled as a whole: the agent decides, the tap follows.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    agent = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=with_parent)
    threading.Thread(target=copy, args=(record, "c2a", sys.stdin.buffer, agent.stdin), daemon=True).start()
    reader = threading.Thread(target=copy, args=(record, "a2c", agent.stdout, sys.stdout.buffer), daemon=True)
    reader.start()
    code = agent.wait()
    reader.join(1)  # what it started may hold the pipe for longer
    record.write("exit", code=code)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
