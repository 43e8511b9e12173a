#!/usr/bin/python3
"""The agent that a real host runs under the suite: each line of ACP goes to the testee, and the
testee's lines go to the host. programs_host.py knows what they mean."""
import os
import select
import socket
import sys


def main() -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    while True:
        ready, _, _ = select.select([0, sock], [], [])
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return
            sock.sendall(data)
        if sock in ready:
            data = sock.recv(65536)
            if not data:
                return
            while data:
                data = data[os.write(1, data):]


if __name__ == "__main__":
    main()
