#!/usr/bin/python3
"""Kill -9 of the relay, the host and the client at seeded moments of a run with 200 commands and
at least 2,000 events, and the oracle of exactly-once.

    kill_test.py --build DIR [--victim relay|host|client|all] [--seeds N] [--seed S] [--commands N]
                 [--carrier KIND]

Prints a table (victim, seed, phase, command in flight, result) and writes it to
DIR/kill/kill-VICTIM.json, or kill-CARRIER-VICTIM.json. The digests of what every reader holds are compared with each other and with
the blocks that the relay's store and the host's journal hold, read here with sqlite3, zlib and
Python's protobuf, none of them code of libremote."""
import argparse
import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from carriers import KINDS  # noqa: E402
from steered import Steered, follow  # noqa: E402

PROMPT = "THINK weighing %u\\nSAY prompt-%u"  # one %u is replaced by remote-steer


class Run(Steered):
    def __init__(self, build, victim, seed, commands, carrier):
        super().__init__(build, f"kill-{carrier}-{victim}-{seed}", carrier)
        self.victim, self.seed, self.commands = victim, seed, commands
        self.random = random.Random(f"{victim}-{seed}")
        self.phase = ""
        self.in_flight = ""
        self.submitted, self.outcomes = {}, {}
        self.host_kills = 0

    def take_steer(self):
        for line in list(self.steer.json):
            if "submitted" in line:
                self.submitted[line["id"]] = line["submitted"]
            if "answered" in line:
                self.submitted.setdefault(line["answered"], None)
            if "outcome" in line:
                self.outcomes[line["outcome"]] = (line["kind"], line["code"])

    # ---- one run ----
    def plan(self):
        """What to kill when: the first six seeds cover the named phases, the others are random."""
        n = self.commands
        named = {"relay": ["before_commit", "after_commit", "received", "replay", "ask", "before_settle"],
                 "host": ["before_commit", "after_commit", "received", "replay", "ask", "before_settle"],
                 "client": ["replay", "ask", "stored", "first"]}[self.victim]
        self.phase = named[self.seed] if self.seed < len(named) else "any"
        self.after = self.random.randrange(5, max(6, n - 10))
        self.delay = self.random.random() * 0.03

    def execute(self):
        self.plan()
        self.start_relay()
        fault = None
        if self.victim == "host" and self.phase in ("before_commit", "after_commit", "received", "before_settle"):
            fault = f"{self.phase}:{self.random.randrange(40, 40 + self.commands)}:kill"
        self.start_host(fault)
        prompt = PROMPT.replace("\\n", "\n")
        if self.phase == "ask":
            prompt = "RUN echo asked-%u"
        answer = "none" if self.phase == "ask" else "allow"
        self.reader = follow(self.steer_argv("--read-only", "--timeout", "300"), self.env, f"{self.root}/reader.log")
        if self.victim == "relay" and self.phase in ("before_commit", "after_commit", "received", "before_settle"):
            # A relay that will die inside a commit: the first one, which made the session, goes in order.
            assert self.reader.reaches(lambda p: p.count("ready"), 30), "no reader"
            self.relay.end(signal.SIGTERM)
            self.start_relay(f"{self.phase}:{self.random.randrange(40, 40 + self.commands)}:kill")
        if self.phase == "ask":
            self.ask_phase(prompt)
        else:
            self.start_steer(0, self.commands, prompt, answer)
            if self.phase == "first":
                time.sleep(self.delay)
            elif self.phase == "stored":
                self.steer.reaches(lambda p: p.count("stored") >= self.after, 60)
            elif self.phase in ("any", "replay"):
                assert self.steer.reaches(lambda p: p.count("outcome") >= self.after, 60), "no progress"
                time.sleep(self.delay)
            victim_process = {"relay": self.relay, "host": self.host, "client": self.steer}[self.victim]
            if self.phase == "replay":
                replay = follow(self.steer_argv("--read-only", "--timeout", "300"), self.env, f"{self.root}/replay.log")
                time.sleep(self.random.random() * 0.02 + 0.004)
                if self.victim == "client":
                    replay.kill()
                else:
                    victim_process.kill()
                victim_process.kill()
                self.replay = replay
            elif self.phase in ("any", "stored", "first"):
                victim_process.kill()
            else:
                assert victim_process.process.wait(60) is not None
            self.restart()
        self.finish()

    def restart(self):
        victim = {"relay": self.relay, "host": self.host, "client": self.steer}[self.victim]
        victim.process.wait(30)
        victim.thread.join(5)
        self.take_steer()
        pending = [n for i, n in self.submitted.items() if i not in self.outcomes and n is not None]
        self.in_flight = f"{len(pending)} of {len(self.submitted)}"
        if self.victim == "relay":
            self.start_relay()
        elif self.victim == "host":
            self.host_kills += 1
            self.start_host()
        else:
            done = max([n for n in self.submitted.values() if n is not None], default=-1) + 1
            self.killed_client = True
            self.start_steer(done, self.commands - done, PROMPT.replace("\\n", "\n"))

    def ask_phase(self, prompt):
        """An ask is open when the victim dies. Then the rest of the run."""
        third = self.commands // 2
        plain = PROMPT.replace("\\n", "\n")
        self.start_steer(0, third, plain)
        assert self.steer.reaches(lambda p: any("end" in l for l in p.json), 90), "first part does not end"
        self.take_steer()
        self.steer.end()
        self.start_steer(third, 1, prompt, "none")
        deadline = time.monotonic() + 30
        while not any(e["open"] for e in self.asks()):
            assert time.monotonic() < deadline, "no ask opened"
            time.sleep(0.05)
        {"relay": self.relay, "host": self.host, "client": self.steer}[self.victim].kill()
        self.take_steer()
        self.in_flight = "the ask's prompt"
        if self.victim == "client":
            self.steer.process.wait(10)
        else:
            (self.relay if self.victim == "relay" else self.host).process.wait(30)
        if self.victim == "relay":
            self.start_relay()
        elif self.victim == "host":
            self.host_kills += 1
            self.start_host()
        if self.victim != "client":
            # The prompt itself was applied when it was handed over; its client is done or waits.
            self.steer.reaches(lambda p: any("end" in l for l in p.json), 20)
            self.take_steer()
            self.steer.end()
        self.start_steer(third + 1, self.commands - third - 1, plain, "allow")

    def asks(self):
        path = self.journal()
        if not path:
            return []
        opened, resolved = logs.asks(logs.read_log(path, "events"))
        return [{"ask": a, "open": a not in resolved} for a in opened]

    def finish(self):
        ok = self.steer.reaches(lambda p: any("end" in l for l in p.json), 120)
        self.take_steer()
        assert ok, f"the run does not end: {len(self.outcomes)} outcomes of {len(self.submitted)}"
        self.steer.end()
        # Quiet: the log no longer grows.
        last, still = -1, 0
        for _ in range(100):
            end = logs.read_log(self.relay_store(), "events", session=self.session)["end"]
            still = still + 1 if end == last else 0
            last = end
            if still >= 4:
                break
            time.sleep(0.15)
        fresh = follow(self.steer_argv("--read-only", "--timeout", "300"), self.env, f"{self.root}/fresh.log")
        readers = {"reader": self.reader, "fresh": fresh}
        if getattr(self, "replay", None) and self.victim != "client":
            readers["replay"] = self.replay
        time.sleep(0.5)
        for _ in range(50):
            if fresh.count("ready"):
                break
            time.sleep(0.1)
        time.sleep(0.3)
        ends = {}
        for name, reader in readers.items():
            reader.end(signal.SIGTERM)
            ends[name] = next((l for l in reader.json if "end" in l), None)
            assert ends[name], f"{name} said nothing at its end"
            assert not reader.count("jump"), f"{name} jumped"
        self.relay.end(signal.SIGTERM)
        self.host.end(signal.SIGTERM)
        self.check(ends)

    def check(self, ends):
        journal = logs.read_log(self.journal(), "events")
        relay = logs.read_log(self.relay_store(), "events", session=self.session)
        lost = doubled = 0
        for name, end in ends.items():
            lost += max(0, end["next"] - end["messages"])
            doubled += max(0, end["messages"] - end["next"])
            truth = logs.digest(relay, end["next"])
            assert end["digest"] == truth, f"{name} holds something else than the relay's log"
            assert lost == doubled == 0, f"{name} has {lost} holes and {doubled} events twice"
        first = journal["first"]
        assert relay["messages"][first:] == journal["messages"][: len(relay["messages"]) - first], \
            "journal and relay differ"
        events = logs.decode(journal["messages"] if first == 0 else relay["messages"])
        assert len(events) >= self.commands * 8, f"only {len(events)} events"
        outcomes = logs.outcomes(events)
        unclear = [i for i, kinds in outcomes.items() if len(kinds) != 1]
        assert not unclear, f"more than one outcome: {unclear}"
        for i, n in self.submitted.items():
            lost_client = self.victim == "client" and i not in self.outcomes
            assert i in outcomes or lost_client, f"command {n} has no outcome"
        unknown = sum(1 for kinds in outcomes.values() if kinds[0] == "UNKNOWN")
        assert unknown <= self.host_kills, f"{unknown} UNKNOWN"
        bad = [k for k, kinds in outcomes.items() if kinds[0] not in ("APPLIED", "UNKNOWN")]
        assert not bad or self.phase == "ask", f"unexpected outcomes {[(b, outcomes[b]) for b in bad[:3]]}"
        prompts = logs.agent_prompts(f"{self.root}/agent.log")
        twice = [p for p, count in prompts.items() if count > 1]
        assert not twice, f"given to the agent twice: {twice[:3]}"
        applied = sum(1 for n in self.submitted.values() if n is not None)
        opened, resolved = logs.asks_of(events)
        assert set(opened) == set(resolved), "an ask stayed open"
        assert all(count == 1 for count in resolved.values()), "an ask was resolved twice"
        if self.phase == "ask" and self.victim == "host":
            assert logs.ask_outcomes(events).get("ORPHANED", 0) == 1, "the dead agent's ask is not orphaned"
        self.result = {"victim": self.victim, "seed": self.seed, "phase": self.phase, "in_flight": self.in_flight,
                       "events": len(events), "commands": len(outcomes), "applied": applied, "unknown": unknown,
                       "lost": lost, "doubled": doubled, "twice": len(twice)}

def main():
    a = argparse.ArgumentParser()
    a.add_argument("--build", required=True)
    a.add_argument("--victim", default="all", choices=["relay", "host", "client", "all"])
    a.add_argument("--seeds", type=int, default=10)
    a.add_argument("--seed", type=int)
    a.add_argument("--carrier", default="tcp", choices=list(KINDS))
    a.add_argument("--commands", type=int, default=200)
    o = a.parse_args()
    logs.prepare(o.build)
    rows, failed = [], 0
    print(f"{'victim':7} {'seed':4} {'phase':14} {'in flight':18} {'events':>6} {'commands':>8} {'unknown':>7}  result",
          flush=True)
    for victim in (["relay", "host", "client"] if o.victim == "all" else [o.victim]):
        for seed in ([o.seed] if o.seed is not None else range(o.seeds)):
            run = Run(o.build, victim, seed, o.commands, o.carrier)
            began = time.monotonic()
            try:
                run.execute()
                r = run.result
                r["seconds"] = round(time.monotonic() - began, 1)
                print(f"{victim:7} {seed:<4} {run.phase:14} {run.in_flight:18} {r['events']:6} {r['commands']:8} "
                      f"{r['unknown']:7}  ok ({r['seconds']} s)", flush=True)
                rows.append(r)
                run.clean(keep=False)
            except Exception as e:  # a failing run is kept for inspection, and the others go on
                failed += 1
                print(f"{victim:7} {seed:<4} {run.phase:14} {run.in_flight:18} {'':6} {'':8} {'':7}  FAILED: "
                      f"{type(e).__name__}: {e}  (kept: {run.root})", flush=True)
                rows.append({"victim": victim, "seed": seed, "phase": run.phase, "failed": str(e)})
                run.clean(keep=True)
    os.makedirs(f"{o.build}/kill", exist_ok=True)
    with open(f"{o.build}/kill/kill-{'' if o.carrier == 'tcp' else o.carrier + '-'}{o.victim}.json", "w") as f:
        json.dump(rows, f, indent=1)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
