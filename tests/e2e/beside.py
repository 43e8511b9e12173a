"""An honest session beside an attack: a host, a reader that follows and a client that sends, on the
same relay. Whatever strangers do there, at the end every prompt has one outcome, the reader holds
what the relay stored, and the relay has not grown by more than it may."""
from __future__ import annotations

import signal

import logs
from harness import wait_until
from steered import Steered

LONG = 120  # seconds; the machine may be busy


def resident_kib(pid: int, line: str = "VmRSS") -> int:
    with open(f"/proc/{pid}/status") as f:
        return int(next(l for l in f if l.startswith(line)).split()[1])


class Beside(Steered):
    """The honest ones come over the same carrier as the attacks; `more`: other places to listen."""

    def __init__(self, build, name, carrier, more=(), flags=()):
        super().__init__(build, name, carrier)
        self.more, self.flags, self.prompts, self.addresses = more, flags, 0, []

    def begin(self):
        listen = [word for scheme in self.more for word in ("--listen", f"{scheme}://127.0.0.1:0")]
        self.start_relay(flags=[*listen, *self.flags])
        self.addresses = open(f"{self.data}/address").read().split()
        self.start_host()
        self.reader = self.read()
        assert self.reader.reaches(lambda p: p.count("ready"), LONG), "no reader"
        self.goes_on()
        return self

    def goes_on(self, count=3):
        """The honest ones work: prompts sent now have their outcomes."""
        first, self.prompts = self.prompts, self.prompts + count
        self.start_steer(first, count, "SAY prompt-%u")
        assert self.steer.reaches(lambda p: any("end" in l for l in p.json), LONG), "an honest client waits for ever"
        done = [l for l in self.steer.json if "outcome" in l]
        assert len(done) == count and all(l["kind"] == 1 for l in done), f"outcomes: {done}"

    def finish(self):
        """The last word of the honest ones."""
        self.goes_on()
        assert self.relay.alive, "the relay has ended"
        end = logs.read_end(self.relay_store(), self.session)

        def held():
            self.reader.send_signal(signal.SIGUSR1)  # it says how far it is
            return any(l.get("event", -2) >= end - 1 for l in self.reader.json)
        wait_until("the reader has read everything", held, LONG, 0.1)
        assert not self.reader.count("down"), "an honest reader was cut off"
        self.reader.end(signal.SIGTERM)
        self.host.end(signal.SIGTERM, timeout=30)
        assert self.relay.end(signal.SIGTERM, timeout=30) == 0, "the relay does not stop in order"
        truth = logs.read_log(self.relay_store(), "events", session=self.session)
        last = next(l for l in self.reader.json if "end" in l)
        assert last["digest"] == logs.digest(truth, last["next"]), "an honest reader holds something else"
        prompts = logs.agent_prompts(f"{self.root}/agent.log")
        assert len(prompts) == self.prompts and set(prompts.values()) == {1}, f"prompts given: {prompts}"
        said = open(f"{self.root}/relay.log", errors="replace").read()
        token = open(self.token_file).read().strip()
        assert token not in said, "the log holds a token"
        assert "ERROR" not in said, f"the relay says: {next(l for l in said.splitlines() if 'ERROR' in l)}"
