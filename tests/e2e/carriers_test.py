#!/usr/bin/python3
"""Every carrier, every disturbance: relay, host and clients on real sockets. What a client held all
along and what a new one reads are compared by digest with the blocks in the relay's store.

    carriers_test.py --build DIR [--carrier KIND[,KIND]] [--case CASE[,CASE]] [--quick] [--table FILE]

A kind that this build was made without is said to be so. --table writes the results as Markdown."""
from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from carriers import KINDS  # noqa: E402
from harness import SLOW, NotBuilt, wait_until  # noqa: E402
from raw import Raw  # noqa: E402
from steered import Steered  # noqa: E402

PROMPT = "THINK weighing it\nSAY prompt-%u"
LONG = 120  # seconds; the machine may be busy
WHOLE = 256 * 1024  # bytes of a frame's payload
BATCH = 1 << 20  # bytes of a message


class Cell(Steered):
    """One carrier under one disturbance."""

    def __init__(self, build, carrier, case):
        super().__init__(build, f"{carrier}-{case}", carrier)
        self.case = case

    # ---- the run ----
    def begin(self, commands, proxy=False, flags=()):
        self.start_relay(flags=flags)
        if proxy:
            self.start_proxy()
        self.start_host()
        self.reader = self.read()
        assert self.reader.reaches(lambda p: p.count("ready"), LONG), "no reader"
        self.commands = commands
        self.start_steer(0, commands, PROMPT, more=("--timeout", str(int(240 * SLOW))))

    def until_outcomes(self, count):
        assert self.steer.reaches(lambda p: p.count("outcome") >= count, LONG), \
            f"only {self.steer.count('outcome')} of {count} outcomes"

    def finish(self):
        """All outcomes are there, each once, and everybody holds what the relay stored."""
        assert self.steer.reaches(lambda p: any("end" in l for l in p.json), LONG), \
            f"{self.steer.count('outcome')} of {self.commands} outcomes, then nothing"
        outcomes = [l for l in self.steer.json if "outcome" in l]
        assert len({l["outcome"] for l in outcomes}) == len(outcomes) == self.commands, "outcomes are missing or double"
        assert all(l["kind"] == 1 for l in outcomes), f"not applied: {[l for l in outcomes if l['kind'] != 1][:2]}"
        end = wait_until("the log stands still", self.still, LONG)
        fresh = self.read()
        for name, reader in (("the reader", self.reader), ("a new reader", fresh)):
            def held(reader=reader):
                if not reader.count("ready"):
                    return False
                reader.send_signal(signal.SIGUSR1)  # it says how far it is
                return any(l.get("event", -2) >= end - 1 for l in reader.json)
            wait_until(f"{name} has read everything", held, LONG, 0.1)
            reader.end(signal.SIGTERM)
        self.host.end(signal.SIGTERM, timeout=30)
        self.relay.end(signal.SIGTERM, timeout=30)
        truth = logs.read_log(self.relay_store(), "events", session=self.session)
        for name, reader in (("the reader", self.reader), ("a new reader", fresh)):
            last = next(l for l in reader.json if "end" in l)
            assert not reader.count("jump"), f"{name} jumped"
            assert last["messages"] == last["next"], f"{name}: {last['messages']} events up to {last['next']}"
            assert last["digest"] == logs.digest(truth, last["next"]), f"{name} holds something else than the relay"
        prompts = logs.agent_prompts(f"{self.root}/agent.log")
        twice = [p for p, count in prompts.items() if count > 1]
        assert not twice and len(prompts) == self.commands, f"{len(prompts)} prompts given, twice: {twice[:3]}"
        return f"{truth['end']} events, {self.commands} commands"

    def still(self):
        """The log's end, once it is the same for a while."""
        before = logs.read_end(self.relay_store(), self.session)
        time.sleep(0.5)
        return before if logs.read_end(self.relay_store(), self.session) == before else 0

    # ---- the cases ----
    def stream(self):
        self.begin(40)
        return self.finish()

    def cut(self):
        """Everything that is connected is reset, several times; once in the middle of what passes."""
        self.begin(80, proxy=True)
        for i in range(4):
            self.until_outcomes(10 + 15 * i)
            self.proxy.tell("cut relay" if i % 2 else f"cut-after relay {'up' if i else 'down'} 3000")
        said = self.finish()
        return f"{said}; {self.proxy.stats('relay')['accepted']} connections"

    def half_open(self):
        """What is connected is swallowed and nobody is told."""
        self.begin(60, proxy=True)
        self.until_outcomes(15)
        self.proxy.tell("half relay")
        return self.finish()

    def many(self):
        self.begin(1100)  # what is merged is not the same each time
        self.steer.reaches(lambda p: any("end" in l for l in p.json), 2 * LONG)
        said = self.finish()
        assert int(said.split()[0]) >= 10_000, said
        return said

    def drain(self):
        """The relay is stopped in order: what it took is stored, and everybody comes back."""
        self.begin(80)
        self.until_outcomes(20)
        assert self.relay.end(signal.SIGTERM, timeout=30) == 0, "the relay does not drain"
        self.start_relay()
        return self.finish()

    def killed(self):
        self.begin(80)
        for seen in (15, 45):
            self.until_outcomes(seen)
            self.relay.kill()
            self.start_relay()
        return self.finish()

    def frames(self):
        """A frame of 256 KiB both ways; one byte more, and the carrier ends with 4002."""
        self.start_relay()
        raw = Raw(self)
        assert raw.publish(WHOLE) == WHOLE, "not stored"
        assert raw.read_back() == WHOLE, "another frame came back"
        code = raw.publish_fails(WHOLE + 1)
        assert code == 4002, f"a frame of 256 KiB + 1 is answered with {code}"
        return "262,144 bytes there and back; 262,145: 4002"

    def messages(self):
        """A message of 1 MiB is taken; what is larger ends the carrier."""
        self.start_relay()
        raw = Raw(self)
        assert raw.batch(BATCH), "a message of 1 MiB is not taken"
        how = raw.batch_fails(BATCH + 1)
        return f"1,048,576 bytes taken; 1,048,577: {how}"


CASES = {"stream": Cell.stream, "cut": Cell.cut, "half-open": Cell.half_open, "10,000 events": Cell.many,
         "frames": Cell.frames, "messages": Cell.messages, "drain": Cell.drain, "kill -9": Cell.killed}
NOT_THERE = {  # why a cell is empty
    "cut": lambda k: "" if k.network else "no network between",
    "half-open": lambda k: "" if k.network else "no network between",
    "messages": lambda k: "" if k.message else "no messages",
}
QUICK = {"tls": ("frames",), "wss": ("cut",), "grpcs": ("cut",), "polls": ("stream",)}


def one(build, carrier, case):
    """(result for the table, why it failed or None)"""
    why = NOT_THERE.get(case, lambda k: "")(KINDS[carrier])
    if why:
        return f"({why})", None
    cell = Cell(build, carrier, case.replace(" ", "").replace(",", ""))
    try:
        said = CASES[case](cell)
        cell.clean(keep=False)
        return said, None
    except NotBuilt:
        cell.clean(keep=False)
        return "(not in this build)", None
    except Exception as e:  # the others go on; the folder is kept
        cell.show_logs()
        cell.clean(keep=True)
        return "FAILED", f"{type(e).__name__}: {e}"


def write_table(path, rows, carriers, cases):
    with open(path, "w") as f:
        f.write("# Every carrier under every disturbance\n"
                "Real relay, host with the demo agent, and clients, on loopback; a proxy outside the programs cuts. In "
                "each cell all commands have\nexactly one outcome, each prompt was given to the agent once, and what a "
                "client held all along and what a new one reads have the digest\nof the blocks in the relay's store (read "
                "with sqlite3, zlib and Python's protobuf). http proxy = a CONNECT proxy stands between.\n\n"
                f"Repeat: `/usr/bin/python3 tests/e2e/carriers_test.py --build build/dev --table {path}`. Machine: "
                f"{os.cpu_count()} shared cores, Debian 12, kernel {platform.release().split('-')[0]}, debug build.\n\n"
                "| case | what is done |\n|---|---|\n"
                "| stream | 40 prompts |\n"
                "| cut | all connections are reset at four moments, two of them in the middle of a frame |\n"
                "| half-open | all connections are swallowed, and nobody is told |\n"
                "| 10,000 events | 1,100 prompts without a disturbance |\n"
                "| frames | a block of 256 KiB and one of a byte more, by a client of another make |\n"
                "| messages | a message of 1 MiB and one of a byte more, by a client of another make |\n"
                "| drain | SIGTERM to the relay, which is started again |\n"
                "| kill -9 | of the relay, twice |\n\n")
        for carrier in carriers:
            f.write(f"**{carrier}**\n\n| case | result |\n|---|---|\n")
            for case in cases:
                f.write(f"| {case} | {rows[carrier, case]} |\n")
            f.write("\n")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--build", required=True)
    a.add_argument("--carrier", default=",".join(KINDS))
    a.add_argument("--case", default=";".join(CASES))
    a.add_argument("--quick", action="store_true")
    a.add_argument("--table")
    o = a.parse_args()
    logs.prepare(o.build)
    carriers, cases = o.carrier.split(","), o.case.split(";")
    rows, failed = {}, 0
    for carrier in carriers:
        for case in cases:
            if o.quick and case not in QUICK.get(carrier, ()):
                continue
            began = time.monotonic()
            rows[carrier, case], why = one(o.build, carrier, case)
            failed += why is not None
            print(f"{carrier:10} {case:14} {time.monotonic() - began:5.1f} s  {rows[carrier, case]}"
                  f"{': ' + why if why else ''}", flush=True)
    if o.table and not o.quick:
        write_table(o.table, rows, carriers, cases)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
