"""Role RELAY: `remote-relay serve` on loopback, over TCP or another carrier. Its tokens are its own, made by its
sub-commands; the runner is told them under the names that the cases know."""
import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from runner import patterns
from testees import dialled
from testees.programs_carriers import Carriers, Unsupported

PROGRAM = os.path.join("tools", "relay", "remote-relay")
STORE = ("relay.db", "relay.db-wal")
NAMES = {token: name for name, token in patterns.TOKENS.items()}
DEFAULT = [{"name": "home", "token": patterns.TOKENS["token"]},
           {"name": "home", "token": patterns.TOKENS["token2"]},
           {"name": "other", "token": patterns.TOKENS["token3"]}]

# Data directories with nothing but accounts, made once for each set of them.
prepared: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {}


class Relay:
    def __init__(self, build: str, folder: str, carriers: Carriers, config: dict,
                 scheme: str = "tcp") -> None:
        self.scheme = scheme
        self.program = os.path.join(build, PROGRAM)
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.carriers = carriers
        self.accounts = config.pop("accounts", DEFAULT)
        if config:
            raise Unsupported("remote-relay has no flag for %s" % ", ".join(sorted(config)))
        self.process: subprocess.Popen | None = None
        self.url = "unix://%s/socket" % folder if scheme == "unix" else "%s://127.0.0.1:0" % scheme
        self.devices: dict[str, str] = {}  # token to device id

    # ---- accounts ----

    def command(self, *words: str, data: str | None = None) -> str:
        done = subprocess.run([self.program, words[0], "--data", data or self.data, *words[1:]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise RuntimeError("remote-relay %s: %s" % (" ".join(words), done.stderr))
        return done.stdout

    def prepare(self) -> tuple[str, dict[str, str], dict[str, str]]:
        """A template of the data directory, its tokens by name, its devices by token."""
        key = repr(self.accounts)
        if key in prepared:
            return prepared[key]
        data = tempfile.mkdtemp(prefix="relay-", dir=template_folder())
        tokens: dict[str, str] = {}
        for i, entry in enumerate(self.accounts):
            named = NAMES.get(entry.get("token"))
            if named is None:
                raise Unsupported("remote-relay chooses its tokens itself")
            ceiling = entry.get("ceiling")
            flags = ["--ceiling", ceiling.lower()] if ceiling else []
            self.command("account", entry["name"], *flags, data=data)
            tokens[named] = self.command("token", "--account", entry["name"],
                                         "--device", entry.get("device", "device-%d" % (i + 1)),
                                         data=data).strip()
        listed = self.command("account", data=data)
        devices = dict(zip(tokens.values(), self.device_ids(listed)))
        prepared[key] = (data, tokens, devices)
        return prepared[key]

    def device_ids(self, listed: str) -> list[str]:
        """Ids of the devices in the order of the configuration: their names say which."""
        out = []
        for i, entry in enumerate(self.accounts):
            name = entry.get("device", "device-%d" % (i + 1))
            line = next((x for x in listed.splitlines() if re.search(r"\b%s\b" % re.escape(name), x)
                         and re.search(r"\b[0-9a-f]{32}\b", x)), None)
            if line is None:
                raise RuntimeError("remote-relay does not list %s:\n%s" % (name, listed))
            out.append(re.search(r"\b[0-9a-f]{32}\b", line).group(0))
        return out

    # ---- life ----

    def begin(self) -> None:
        data, tokens, self.devices = self.prepare()
        shutil.copytree(data, self.data)
        self.carriers.tell("tokens", tokens)
        self.spawn()

    def spawn(self) -> None:
        address = os.path.join(self.data, "address")
        if os.path.exists(address):
            os.unlink(address)
        self.log = open(os.path.join(self.folder, "relay.log"), "ab")
        flags = []
        if self.scheme in ("tls", "wss", "grpcs"):
            made = certificates()
            flags = ["--tls-cert", made.cert, "--tls-key", made.key]
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.data, "--listen", self.url, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log)
        self.greeting = b""
        self.carriers.watch(self.process.stdout, self.greeted)
        self.carriers.wait(lambda: b"Another device" in self.greeting or
                           self.process.poll() is not None, 10, "remote-relay listens")
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "relay.log"), errors="replace") as log:
                if "this build cannot" in log.read():
                    raise Unsupported("this build has no %s" % self.scheme)
            raise RuntimeError("remote-relay has ended: %d" % self.process.returncode)
        with open(address) as file:
            self.url = file.read().split()[0]

    def greeted(self) -> None:
        data = os.read(self.process.stdout.fileno(), 65536)
        self.greeting += data
        if not data:
            self.carriers.forget(self.process.stdout)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(10)
        self.carriers.forget(self.process.stdout)
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def end(self) -> None:
        self.kill()

    # ---- requests ----

    def connected(self, number: int, refused: bool) -> None:
        try:
            carrier = dialled.dial(self.url, certificates().ca if self.scheme in ("tls", "wss", "grpcs") else None)
        except OSError:
            self.carriers.outputs.append(self.carriers.pb.Output(closed=number))
            return
        if self.scheme in ("tcp", "unix"):
            self.carriers.add(number, carrier.sock)
            return
        added = self.carriers.add(number, dialled.bridge(carrier))
        whole = dialled.Whole() if carrier.message else dialled.Parts()
        added.inward = whole.feed
        added.whole = whole if carrier.message else None

    def restart(self, how) -> None:
        if how.beside:
            raise Unsupported("a second relay does not start on a data directory in use")
        self.kill()
        if how.lose_everything:
            shutil.rmtree(self.data)
            shutil.copytree(self.prepare()[0], self.data)
        if how.back_to:
            self.put_back(how.back_to)
        self.carriers.poll(0.05)  # the carriers end with their process
        self.spawn()

    def copy(self, name: str) -> None:
        """Of a process that stands still: what is committed is in these files."""
        target = os.path.join(self.folder, "copy-" + name)
        os.makedirs(target, exist_ok=True)
        self.process.send_signal(signal.SIGSTOP)
        try:
            for file in STORE:
                source = os.path.join(self.data, file)
                if os.path.exists(source):
                    shutil.copy(source, os.path.join(target, file))
        finally:
            self.process.send_signal(signal.SIGCONT)

    def put_back(self, name: str) -> None:
        """The store only: the file `witness` beside it tells the relay that it is older."""
        source = os.path.join(self.folder, "copy-" + name)
        for file in STORE + ("relay.db-shm",):
            path = os.path.join(self.data, file)
            if os.path.exists(path):
                os.unlink(path)
            if os.path.exists(os.path.join(source, file)):
                shutil.copy(os.path.join(source, file), path)

    def policy(self, organization: str = "", value: str = "", member: str = "", enterprise: str = "",
               administrator: str = "") -> None:
        if organization:
            self.command("org", organization)
        if value:
            self.command("policy", "--org", organization, "--value", value.lower())
        if enterprise:
            rule = ["--delegate"] if enterprise == "DELEGATE" else ["--enforce", enterprise.lower()]
            self.command("policy", "--enterprise", "enterprise", *rule)
        if member:
            self.command("org", organization, "--add", member)
        if administrator and organization:
            self.command("org", organization, "--admin", administrator)
        elif administrator:
            self.command("policy", "--enterprise-admin", administrator)

    def act(self, name: str, members: dict) -> None:
        if name == "ceiling":
            self.command("account", members.get("account", "home"), "--ceiling",
                         members["value"].lower())
        elif name == "policy":
            self.policy(**members)
        elif name == "revoke":
            self.command("token", "--revoke", self.devices[members["token"]])
        elif name == "drain":
            self.process.send_signal(signal.SIGTERM)
        else:
            raise Unsupported("remote-relay cannot be told to %s" % name)


_certificates: list = []


def certificates():
    """Of this run, made when first needed."""
    if not _certificates:
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
            os.path.abspath(__file__)))), "tests", "e2e"))
        from carriers import Certificates
        _certificates.append(Certificates(tempfile.mkdtemp(prefix="certificates-", dir=template_folder())))
    return _certificates[0]


_folder: list[str] = []


def template_folder() -> str:
    if not _folder:
        _folder.append(tempfile.mkdtemp(prefix="remote-programs-accounts-"))
        atexit.register(shutil.rmtree, _folder[0], True)
    return _folder[0]
