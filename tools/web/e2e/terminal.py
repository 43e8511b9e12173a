#!/usr/bin/python3
"""Runs a program on a terminal of its own: what comes on standard input are its keys, what it draws goes to standard output.

    terminal.py COLUMNS ROWS PROGRAM [ARGUMENT...]

It dies with this one, and this one with whoever started it (setpriv --pdeathsig)."""
import ctypes
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def main(columns, rows, argv):
    pid, master = pty.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.execvp(argv[0], argv)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    sources = [master, 0]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            keys = os.read(0, 65536)
            if keys:
                os.write(master, keys)
            else:
                sources.remove(0)
        if master in ready:
            try:
                drawn = os.read(master, 65536)
            except OSError:  # the program is gone
                drawn = b""
            if not drawn:
                break
            os.write(1, drawn)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(max(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]), 0))
