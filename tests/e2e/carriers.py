"""The kinds of carriers that tests run on: what a relay listens on, what clients say, the
certificates between them, and what may stand in the way (a proxy that cuts, an HTTP proxy)."""
from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass(frozen=True)
class Kind:
    name: str
    listen: str  # scheme that the relay listens with
    client: str  # scheme that hosts and clients are given
    encrypted: bool = False
    message: bool = False  # one Batch a message, not an endless stream
    through: str = ""  # "http": an HTTP proxy (CONNECT) stands between
    network: bool = True  # there is a network that can be cut


KINDS = {k.name: k for k in (
    Kind("tcp", "tcp", "tcp"),
    Kind("unix", "unix", "unix", network=False),
    Kind("tls", "tls", "tls", encrypted=True),
    Kind("ws", "ws", "ws", message=True),
    Kind("wss", "wss", "wss", encrypted=True, message=True),
    Kind("ws-proxy", "ws", "ws", message=True, through="http"),
    Kind("wss-proxy", "wss", "wss", encrypted=True, message=True, through="http"),
    Kind("grpc", "grpc", "grpc", message=True),
    Kind("grpcs", "grpcs", "grpcs", encrypted=True, message=True),
    Kind("poll", "http", "poll", message=True),
    Kind("polls", "https", "polls", encrypted=True, message=True),
)}


def kind_of(carrier) -> Kind:
    return carrier if isinstance(carrier, Kind) else KINDS[carrier or "tcp"]


class Certificates:
    """A certificate authority of this test, and a relay's certificate signed by it; another authority
    that signs nothing of the relay's; all valid for two days."""

    def __init__(self, folder: str):
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.ca, self.other_ca = self.authority("ca"), self.authority("other")
        self.cert, self.key = self.signed("relay", "ca", "DNS:localhost,IP:127.0.0.1,IP:::1")

    def _openssl(self, *words: str, text: str = "") -> None:
        done = subprocess.run(["openssl", *words], input=text, capture_output=True, text=True, cwd=self.folder,
                              timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"openssl {words[0]}: {done.stderr}")

    def authority(self, name: str) -> str:
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                      "2", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=test authority {name}",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        return f"{self.folder}/{name}.pem"

    def signed(self, name: str, by: str, names: str, days: int = 2) -> tuple[str, str]:
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                      f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(f"{self.folder}/{name}.ext", "w") as f:
            f.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-days",
                      str(days), "-set_serial", str(int.from_bytes(os.urandom(8), "big") >> 1), "-extfile",
                      f"{name}.ext", "-out", f"{name}.pem")
        os.chmod(f"{self.folder}/{name}.key", 0o600)
        return f"{self.folder}/{name}.pem", f"{self.folder}/{name}.key"


class Proxy:
    """tests/chaos/proxy.c, told by lines: cuts, delays, swallows what passes."""

    def __init__(self, path: str, before=None):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=before)
        self._lock = threading.Lock()

    def tell(self, line: str, good: bool = True) -> str:
        with self._lock:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
        if good and not answer.startswith("ok"):
            raise AssertionError(f"the proxy says '{answer}' to '{line}'")
        return answer

    def route(self, name: str, port: int) -> int:
        return int(self.tell(f"route {name} 127.0.0.1 {port}").split()[1])

    def stats(self, name: str) -> dict[str, str]:
        return dict(pair.split("=") for pair in self.tell(f"stats {name}").split()[1:])

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


def http_proxy(before=None) -> tuple[subprocess.Popen, int]:
    """connect_proxy.py as a process, and its port."""
    process = subprocess.Popen([sys.executable, f"{HERE}/connect_proxy.py"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, preexec_fn=before)
    return process, int(process.stdout.readline())
