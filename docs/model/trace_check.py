#!/usr/bin/python3
"""Holds traces of the simulator against the rules of the models.

    trace_check.py FILE...                        check traces
    trace_check.py --sim PROGRAM --seeds 1:50     run the simulator and check what it did
    trace_check.py --self-test FOLDER             each bad trace breaks the rule it names, each good one none

A rule bears the name of its model and says its clause. It is told how often each one was exercised, that is, met a step
it could have refused; with --all-rules one that never was fails the run. libremote/tests/sim/README.md has the format.
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

RULES = {
    "events.journal-first": "3.5: only what the journal holds is published",
    "events.published-only": "3.5: the relay stores nothing that no journal held",
    "events.no-gap": "3.15: what the relay stores follows its end, or begins at a snapshot or the log's start",
    "events.ack-stored": "4.1: an acknowledgement covers only what the relay has stored",
    "events.order": "3.15: a reader gets every message once and in order; only snapshots are passed over",
    "events.epoch-fresh": "1.6: an epoch belongs to one session, and a lost journal never uses one again",
    "events.no-way-back": "3.12: a reader is never moved to an older epoch",
    "fence.generation-grows": "3.6: a process on a kept journal has a greater generation than all before",
    "fence.one-writer": "3.5: two processes never number the same event of a journal",
    "fence.own-generation": "3.6: what a process journals bears its generation",
    "tails.base": "3.23: a tail lies after the newest CLEARS_TAIL block that its reader has passed",
    "link.attempt-grows": "3.3: each attempt of a process has a higher generation",
    "link.late-attempt": "3.3: only an attempt that is not above the last accepted one is superseded",
    "commands.stored-first": "3.13: a command is delivered and done only after the relay has stored it",
    "commands.renumbered": "3.14: a command is stored again only under another epoch of COMMANDS",
    "commands.receipt-stored": "3.20: a receipt says only what is stored",
    "commands.ack-delivered": "4.1: the host acknowledges only what it was given",
    "commands.at-most-once": "12.3, 12.8: a command acts once, unless a journal was put back",
    "commands.one-outcome": "12.2: a command has one outcome, unless a journal or the relay's store was put back",
    "commands.not-after-outcome": "12.3: a command does not act when it has its outcome",
    "asks.id-fresh": "13.2: ask ids are never used again",
    "asks.first-wins": "13.1: an ask has one end, unless a journal was put back",
    "asks.told-once": "13.1: the agent is told once, and only by the process that was asked",
    "asks.orphan-is-final": "13.2: after an ask was orphaned its agent is told nothing",
}
SNAPSHOT, CLEARS = 4, 8


class Epoch:
    """What is known of one number line, over all journals that ever held it."""

    def __init__(self, session: str):
        self.session = session
        self.end = 0
        self.writers: dict[int, set[str]] = {}
        self.snapshots: set[int] = set()
        self.clears: set[int] = set()
        self.stored_end = 0  # that the relay ever had
        self.stored_now = 0
        self.rank = 0  # in what order the relay began them; 0: it never had it


class Host:
    def __init__(self) -> None:
        self.session = ""
        self.alive = False
        self.process = 0
        self.generation = 0
        self.kept_generation = 0
        self.epoch = ""
        self.end: dict[str, int] = {}
        self.lost = False


class Reader:
    def __init__(self) -> None:
        self.epoch = ""
        self.next: int | None = None


class Check:
    def __init__(self, name: str):
        self.name = name
        self.line = 0
        self.used: collections.Counter[str] = collections.Counter()
        self.broken: list[tuple[str, int, str]] = []
        self.epochs: dict[str, Epoch] = {}
        self.hosts: collections.defaultdict[str, Host] = collections.defaultdict(Host)
        self.begins: list[tuple[int, Epoch, int, int]] = []
        self.readers: collections.defaultdict[tuple[str, str], Reader] = collections.defaultdict(Reader)
        self.ranks: collections.Counter[str] = collections.Counter()
        self.commands_epoch = ""
        self.stored: dict[str, tuple[str, int]] = {}
        self.delivered: collections.Counter[tuple[str, str]] = collections.Counter()
        self.acted: collections.Counter[str] = collections.Counter()
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.losses: collections.Counter[str] = collections.Counter()  # journals put back, by session
        self.copied: collections.Counter[str] = collections.Counter()  # journals on another machine
        self.relay_losses = 0
        self.asks: dict[str, tuple[str, int]] = {}
        self.ended: set[str] = set()
        self.orphaned: set[str] = set()
        self.told: set[str] = set()
        self.attempts: dict[str, int] = {}

    def hold(self, rule: str, good: bool, text: str) -> None:
        assert rule in RULES, rule
        self.used[rule] += 1
        if not good:
            self.broken.append((rule, self.line, text))

    # ---- parts

    def restart(self, s: dict[str, str]) -> None:
        part = s["part"]
        if part == "r":
            self.commands_epoch = s["cepoch"]
            self.delivered.clear()
            return
        self.attempts.pop(part, None)
        if part[0] == "c":
            return
        host, generation = self.hosts[part[1:]], int(s["wgen"])
        if host.kept_generation and not host.lost:
            self.hold("fence.generation-grows", generation > host.kept_generation,
                      f"{generation} after {host.kept_generation}")
        if host.process == 0 and host.end:
            self.copied[s["session"]] += 1
        host.session, host.generation, host.kept_generation = s["session"], generation, generation
        host.alive, host.lost = True, False
        host.process += 1

    def crash(self, s: dict[str, str]) -> None:
        part = s["part"]
        if part[0] == "h":
            host = self.hosts[part[1:]]
            host.alive, host.epoch, host.end = False, "", {}

    def lost(self, s: dict[str, str]) -> None:
        if s["store"][0] == "r":
            self.relay_losses += 1
            for epoch in self.epochs.values():
                epoch.stored_now = 0
            return
        host = self.hosts[s["h"]]
        host.lost = True
        self.losses[host.session] += 1

    def link(self, s: dict[str, str]) -> None:
        part, generation = s["part"], int(s["gen"])
        if s["state"] == "GREETING":
            self.hold("link.attempt-grows", generation > self.attempts.get(part, 0),
                      f"{part}: attempt {generation} after {self.attempts.get(part, 0)}")
            self.attempts[part] = generation

    def superseded(self, s: dict[str, str]) -> None:
        part = s["part"]
        self.hold("link.late-attempt", int(s["stored"]) >= self.attempts.get(part, 0),
                  f"{part}: attempt {self.attempts.get(part, 0)} is superseded by {s['stored']}")

    # ---- events

    def journal(self, s: dict[str, str]) -> None:
        host, name, offset, count = self.hosts[s["h"]], s["epoch"], int(s["off"]), int(s["n"])
        writer = s["wgen"]
        epoch = self.epochs.get(name)
        if epoch is None:
            epoch = self.epochs[name] = Epoch(host.session)
            self.used["events.epoch-fresh"] += 1
        else:
            self.hold("events.epoch-fresh", epoch.session in (host.session, "") or not host.session,
                      f"epoch {name} in another session")
        for at in range(offset, offset + count):
            writers = epoch.writers.setdefault(at, set())
            if host.alive:
                put_back = self.losses[host.session] or self.copied[host.session]
                self.hold("fence.one-writer", not writers or put_back, f"{name} {at} is journalled again")
            writers.add(writer)
            if int(s["flags"]) & SNAPSHOT:
                epoch.snapshots.add(at)
        if host.alive:
            self.hold("fence.own-generation", int(writer) == host.generation,
                      f"written by {writer}, the process is {host.generation}")
        host.epoch = name
        host.end[name] = max(host.end.get(name, 0), offset + count)
        epoch.end = max(epoch.end, offset + count)

    def clears(self, s: dict[str, str]) -> None:
        self.epochs[s["epoch"]].clears.add(int(s["off"]))

    def publish(self, s: dict[str, str]) -> None:
        host = self.hosts[s["h"]]
        end = int(s["off"]) + int(s["n"])
        self.hold("events.journal-first", end <= host.end.get(host.epoch, 0),
                  f"up to {end}, the journal ends at {host.end.get(host.epoch, 0)}")

    def stored_events(self, s: dict[str, str]) -> None:
        name, offset, count = s["epoch"], int(s["off"]), int(s["n"])
        epoch = self.epochs.get(name)
        known = epoch is not None and all(at in epoch.writers for at in range(offset, offset + count))
        self.hold("events.published-only", known, f"{name} {offset}+{count} was in no journal")
        if epoch is None:
            return
        if epoch.rank == 0:
            self.ranks[epoch.session] += 1
            epoch.rank = self.ranks[epoch.session]
        now = epoch.stored_now
        self.hold("events.no-gap", offset <= now or offset in epoch.snapshots, f"{offset} after {now}")
        epoch.stored_now = max(now, offset + count)
        epoch.stored_end = max(epoch.stored_end, offset + count)

    def acked_events(self, s: dict[str, str]) -> None:
        epoch = self.epochs.get(s["epoch"])
        end, upto = epoch.stored_end if epoch else 0, int(s["next"])
        # A relay without what came before begins where its host can: at a snapshot (3.9).
        if upto > end and epoch is not None:
            self.begins.append((self.line, epoch, upto, end))  # judged when all sets are known
        else:
            self.hold("events.ack-stored", upto <= end, f"next {upto}, stored up to {end}")

    def settle(self) -> None:
        for self.line, epoch, upto, end in self.begins:
            self.hold("events.ack-stored", upto in epoch.snapshots, f"next {upto}, stored up to {end}")

    # ---- readers

    def reader(self, s: dict[str, str]) -> tuple[Reader, Epoch | None]:
        epoch = self.epochs.get(s["epoch"])
        return self.readers[s["c"], epoch.session if epoch else "?"], epoch

    def after_snapshots(self, epoch: Epoch, offset: int) -> int:
        while offset in epoch.snapshots:
            offset += 1
        return offset

    def deliver(self, s: dict[str, str]) -> None:
        reader, epoch = self.reader(s)
        offset, name = int(s["off"]), s["epoch"]
        if epoch is None:
            self.hold("events.order", False, f"epoch {name} was in no journal")
            return
        if s["kind"] == "snapshot":
            self.hold("events.order", offset in epoch.snapshots, f"no set begins at {offset}")
            # Journals that were put back or copied may have other blocks under the same numbers.
            torn = self.losses[epoch.session] or self.copied[epoch.session]
            reader.epoch, reader.next = name, None if torn else self.after_snapshots(epoch, offset)
            return
        count = int(s["n"])
        if reader.next is not None:
            self.hold("events.order", reader.epoch == name and
                      (offset == reader.next or reader.next <= offset <= self.after_snapshots(epoch, reader.next)),
                      f"c{s['c']} reads {name} {offset}, it was at {reader.epoch} {reader.next}")
        self.hold("events.published-only", offset + count <= epoch.end, f"{offset} was in no journal")
        reader.epoch, reader.next = name, offset + count

    def reset(self, s: dict[str, str]) -> None:
        reader, epoch = self.reader(s)
        before = self.epochs.get(reader.epoch)
        if before is not None and epoch is not None and before is not epoch:
            # A relay that lost its memory cannot know what a copy of the journal goes on with.
            forgot = self.relay_losses and (self.losses[epoch.session] or self.copied[epoch.session])
            self.hold("events.no-way-back", epoch.rank == 0 or epoch.rank > before.rank or forgot,
                      f"c{s['c']} goes from {reader.epoch} back to {s['epoch']}")
        reader.epoch, reader.next = s["epoch"], None if epoch is None else int(s["off"])

    def tail_fits(self, epoch: Epoch, at: int, offset: int) -> bool:
        """Snapshots that a reader passes are not told: it is anywhere from `at` to their end."""
        end = self.after_snapshots(epoch, at)
        if self.losses[epoch.session] or self.copied[epoch.session]:
            return offset in epoch.clears  # journals differ under one number, and so do their blocks
        return (offset in epoch.clears and offset <= end and
                not any(offset < other <= at for other in epoch.clears))

    def open(self, s: dict[str, str]) -> None:
        self.readers.pop((s["c"], s["session"]), None)

    def tail(self, s: dict[str, str]) -> None:
        offset = int(s["off"])
        readers = [r for key, r in self.readers.items() if key[0] == s["c"] and r.next is not None]
        fits = any(self.tail_fits(self.epochs[r.epoch], r.next or 0, offset) for r in readers)
        self.hold("tails.base", fits or not readers,
                  f"after {offset}; readers at {[(r.epoch, r.next) for r in readers]}")

    # ---- commands

    def cmd_stored(self, s: dict[str, str]) -> None:
        before = self.stored.get(s["id"])
        if before is not None:
            self.hold("commands.renumbered", before[0] != s["epoch"], f"{s['id']} twice under {s['epoch']}")
        self.stored[s["id"]] = (s["epoch"], int(s["off"]))

    def receipt(self, s: dict[str, str]) -> None:
        self.hold("commands.receipt-stored", s["id"] in self.stored, f"{s['id']} is not stored")

    def cmd_delivered(self, s: dict[str, str]) -> None:
        key = self.hosts[s["h"]].session, self.commands_epoch
        self.delivered[key] = max(self.delivered[key], int(s["off"]) + int(s["n"]))

    def acked_commands(self, s: dict[str, str]) -> None:
        end = self.delivered[s["session"], self.commands_epoch]
        self.hold("commands.ack-delivered", int(s["next"]) <= end, f"next {s['next']}, delivered up to {end}")

    def cmd_acted(self, s: dict[str, str]) -> None:
        name, session = s["id"], self.hosts[s["h"]].session
        put_back = self.losses[session] + self.copied[session] > 0
        self.hold("commands.stored-first", name in self.stored, f"{name} is done, and was not stored")
        self.hold("commands.at-most-once", self.acted[name] == 0 or put_back, f"{name} is done again")
        self.hold("commands.not-after-outcome", self.outcomes[name] == 0 or put_back, f"{name} has its outcome")
        self.acted[name] += 1

    def cmd_outcome(self, s: dict[str, str]) -> None:
        name = s["id"]
        put_back = self.relay_losses > 0 or any(self.losses.values()) or any(self.copied.values())
        self.hold("commands.one-outcome", self.outcomes[name] == 0 or put_back, f"{name} has two")
        self.outcomes[name] += 1

    # ---- asks

    def ask_open(self, s: dict[str, str]) -> None:
        self.hold("asks.id-fresh", s["id"] not in self.asks, f"{s['id']} was used before")
        self.asks[s["id"]] = s["h"], self.hosts[s["h"]].process

    def ask_told_agent(self, s: dict[str, str]) -> None:
        host = s["h"], self.hosts[s["h"]].process
        self.hold("asks.told-once", s["id"] not in self.told and self.asks.get(s["id"]) == host,
                  f"{s['id']}: asked by {self.asks.get(s['id'])}, told by {host}")
        self.hold("asks.orphan-is-final", s["id"] not in self.orphaned, f"{s['id']} was orphaned")
        self.told.add(s["id"])

    def ask_resolved(self, s: dict[str, str]) -> None:
        put_back = self.relay_losses > 0 or any(self.losses.values()) or any(self.copied.values())
        self.hold("asks.first-wins", s["id"] in self.asks and (s["id"] not in self.ended or put_back),
                  f"{s['id']} ends again")
        self.ended.add(s["id"])

    def ask_orphaned(self, s: dict[str, str]) -> None:
        self.ask_resolved(s)
        self.orphaned.add(s["id"])

    # ----

    def step(self, text: str) -> None:
        self.line += 1
        words = text.split()
        if not words or words[0].startswith("#"):
            return
        values = dict(word.split("=", 1) for word in words[1:])
        kind = words[0]
        if kind in ("stored", "acked"):
            kind += "_" + values["log"]
        getattr(self, kind, lambda s: None)(values)


def check(name: str, text: str) -> Check:
    result = Check(name)
    for line in text.splitlines():
        result.step(line)
    result.settle()
    return result


def self_test(folder: str) -> int:
    """Each file begins with `# breaks: RULE` or `# breaks: nothing`."""
    bad, broken = 0, set()
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        text = path.read_text()
        want = text.splitlines()[0].removeprefix("# breaks:").strip()
        got = {rule for rule, _, _ in check(path.name, text).broken} or {"nothing"}
        broken |= got
        if got != {want}:
            bad += 1
            print(f"BAD {path.name}: wants {want}, breaks {', '.join(sorted(got))}")
    for rule in RULES:
        if rule not in broken:
            bad += 1
            print(f"BAD no trace breaks {rule}")
    print(f"{len(broken) - 1} of {len(RULES)} rules are broken by a trace, {bad} not as expected")
    return 1 if bad else 0


def simulate(program: str, seeds: str) -> list[tuple[str, str]]:
    first, _, last = seeds.partition(":")
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(first), int(last or first) + 1):
            trace = pathlib.Path(folder) / "trace"
            done = subprocess.run([program, "--seed", str(seed), "--trace", str(trace)], capture_output=True, text=True)
            if done.returncode != 0:
                print(f"seed {seed}: the simulator failed: {(done.stdout + done.stderr).splitlines()[-1:]}")
            runs.append((f"seed {seed}", trace.read_text()))
    return runs


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--sim")
    parser.add_argument("--seeds", default="1:50")
    parser.add_argument("--self-test")
    parser.add_argument("--all-rules", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test(options.self_test)
    runs = [(name, pathlib.Path(name).read_text()) for name in options.files]
    if options.sim:
        runs += simulate(options.sim, options.seeds)
    used: collections.Counter[str] = collections.Counter()
    broken: collections.Counter[str] = collections.Counter()
    for name, text in runs:
        result = check(name, text)
        used += result.used
        for rule, line, what in result.broken:
            broken[rule] += 1
            if broken[rule] <= 5:
                print(f"BAD {name} line {line}: {rule}: {what}")
    print(f"{'rule':28} {'met':>9} {'broken':>6}  clause")
    for rule, clause in RULES.items():
        print(f"{rule:28} {used[rule]:9} {broken[rule]:6}  {clause}")
    never = [rule for rule in RULES if used[rule] == 0]
    if never and options.all_rules:
        print(f"BAD never exercised: {', '.join(never)}")
    print(f"{len(runs)} traces")
    return 1 if broken or (never and options.all_rules) else 0


if __name__ == "__main__":
    sys.exit(main())
