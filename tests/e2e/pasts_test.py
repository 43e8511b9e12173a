#!/usr/bin/python3
"""Restored pasts: a store that was put back to an older copy, lost, or copied to another machine,
under traffic, on the real programs.

    pasts_test.py --build DIR [--kind KIND] [--seeds N] [--seed S]

What must hold in each: no history is spliced (one place of one epoch has one content, for whoever
reads it and whenever), no prompt is given to an agent twice, and each prompt has one outcome, or its
client was told why it has none. What was read is held against the stores, read here with sqlite3,
zlib and Python's protobuf, none of them code of libremote. Prints a table and writes
DIR/pasts/KIND.json."""
from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from steered import Steered, follow  # noqa: E402

SLOW = float(os.environ.get("REMOTE_TEST_SLOW", "1"))
UNKNOWN = 6
# Why a client may be told that its command has no outcome: the session is not there any more.
NOT_FOUND = "3009"


def until(what, ready, seconds=60):
    deadline = time.monotonic() + seconds * SLOW
    while not ready():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.03)


def sockets(folder, names):
    return [n for n in names if stat.S_ISSOCK(os.lstat(os.path.join(folder, n)).st_mode)]


class Past(Steered):
    """One run: traffic, a copy, more traffic, and the copy in the place of the truth."""

    def __init__(self, build, kind, seed):
        super().__init__(build, f"past-{kind}-{seed}")
        self.kind, self.seed = kind, seed
        self.random = random.Random(f"{kind}-{seed}")
        self.copy_at = self.random.randrange(3, 25)
        self.break_at = self.copy_at + self.random.randrange(5, 30)
        self.clients, self.watches, self.note = [], [], ""
        self.truths = {}  # epoch: {offset: message}, from every store that ever held it

    # ---- who takes part ----
    def client(self, name, first, count, prompt="SAY prompt-%u", more=()):
        steer = follow(self.steer_argv("--first", str(first), "--count", str(count), "--prompt", prompt, "--window",
                                      "6", "--every-ms", "15", "--answer-after-ms", "40", "--timeout",
                                      str(int(120 * SLOW)), *more), self.env, f"{self.root}/{name}.log")
        steer.name = name
        self.clients.append(steer)
        self.others.append(steer)
        return steer

    def watch(self, *more):
        log = f"{self.root}/watch-{len(self.watches)}.log"
        env = dict(self.env, REMOTE_RELAY=self.url, REMOTE_TOKEN_FILE=f"{self.root}/relay/token")
        watch = follow([self.program["remote"], "watch", self.session, "--json", "--durable", "--from", "start", *more],
                      env, log)
        self.watches.append(watch)
        self.others.append(watch)
        return watch

    def fresh_host(self):
        """The next process of the host; its words are looked for behind those of the one before."""
        self.host_said = os.path.getsize(f"{self.root}/host.log")
        self.start_host()
        self.until_host_says("watch with")

    def until_host_says(self, text):
        def said():
            with open(f"{self.root}/host.log", errors="replace") as f:
                f.seek(self.host_said)
                return text in f.read()
        until(f"the host says '{text}'", said)

    # ---- stores ----
    def keep_truth(self):
        """Remembers what the stores hold now; nothing that was remembered may ever be something else."""
        for path, session in ((self.relay_store(), self.session), (self.journal(), None)):
            if not os.path.exists(path):
                continue
            log = logs.read_log(path, "events", session)
            known = self.truths.setdefault(log["epoch"], {})
            for i, message in enumerate(log["messages"]):
                offset = log["first"] + i
                # An end that was never published may be lost with its journal; what others have read
                # is compared in `check_readers`.
                known.setdefault(offset, set()).add(message)

    def copy(self, what):
        """As a backup of a running machine would: of one moment."""
        process = self.relay if what == "relay" else self.host
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        shutil.copytree(self.folder(what), f"{self.root}/copy-{what}", ignore=sockets)
        process.send_signal(signal.SIGCONT)

    def folder(self, what):
        return f"{self.root}/relay" if what == "relay" else f"{self.root}/state/remote"

    def put_back(self, what, keep=()):
        """The copy takes the folder's place; `keep`: files that are of now."""
        folder = self.folder(what)
        now = {name: open(f"{folder}/{name}", "rb").read() for name in keep if os.path.exists(f"{folder}/{name}")}
        shutil.rmtree(folder)
        shutil.copytree(f"{self.root}/copy-{what}", folder)
        for name, data in now.items():
            with open(f"{folder}/{name}", "wb") as f:
                f.write(data)

    def kill(self, *processes):
        for p in processes:
            p.kill()
            p.process.wait(30)
            p.thread.join(5)
        self.keep_truth()

    # ---- the kinds ----
    def relay_put_back(self):
        self.copied("relay")
        self.kill(self.relay)
        # Who notices: the witness file beside the store, the operator, or nobody.
        how = ("witness", "operator", "nobody")[self.seed % 3]
        self.put_back("relay", keep=("witness",) if how == "witness" else ())
        self.start_relay(restored=how == "operator")
        self.note = f"noticed by {how}"

    def journal_put_back(self):
        self.copied("host")
        self.kill(self.host)
        self.put_back("host")
        self.fresh_host()

    def both_put_back(self):
        self.copied("relay", "host")
        self.kill(self.relay, self.host)
        self.put_back("host")
        how = ("witness", "operator")[self.seed % 2]
        self.put_back("relay", keep=("witness",) if how == "witness" else ())
        self.start_relay(restored=how == "operator")
        self.fresh_host()
        self.note = f"noticed by {how}"

    def relay_lost(self):
        self.copied()
        self.kill(self.relay)
        shutil.rmtree(self.folder("relay"))
        self.start_relay()
        # Its accounts are gone, too: everybody is refused, and signs in again.
        watch = self.watches[0]
        until("the reader is refused", lambda: watch.process.poll() is not None)
        assert watch.process.returncode == 4, f"a reader whose token is gone ends with {watch.process.returncode}"
        self.host.end(signal.SIGTERM)
        self.fresh_host()
        self.again = self.watch()

    def journal_lost(self):
        self.copied()
        self.kill(self.host)
        for name in os.listdir(os.path.dirname(self.journal())):
            if name.startswith("journal.db"):
                os.unlink(f"{os.path.dirname(self.journal())}/{name}")
        self.fresh_host()

    def started_twice(self):
        """The copy runs while the first one does."""
        self.copied("host")
        shutil.copytree(f"{self.root}/copy-host", f"{self.root}/state2/remote")
        clone = follow(self.host_argv(), dict(self.env, XDG_STATE_HOME=f"{self.root}/state2"),
                      f"{self.root}/clone.log", cwd=f"{self.root}/work")
        self.others.append(clone)
        until("the copy is ready", lambda: "watch with" in open(f"{self.root}/clone.log", errors="replace").read())
        self.clone = clone

    def copied(self, *what):
        """Traffic, with the copies taken at their moment, until the moment of the break."""
        until("some outcomes", lambda: self.talker.count("outcome") >= self.copy_at)
        for name in what:
            self.copy(name)
        until("more outcomes", lambda: self.talker.count("outcome") >= self.break_at)
        time.sleep(self.random.random() * 0.03)

    # ---- one run ----
    def start_relay(self, fault=None, restored=False):
        super().start_relay(fault, ["--restored"] if restored else [])

    def execute(self):
        self.start_relay()
        self.start_host()
        self.watch()
        self.asker = self.client("asker", 500, 6, "RUN echo asked-%u", ("--every-ms", "300", "--answer", "allow"))
        self.talker = self.client("talker", 0, 80)
        getattr(self, self.kind)()
        self.settle()
        self.last = self.client("last", 900, 5)
        assert self.last.reaches(lambda p: any("end" in l for l in p.json), 90 * SLOW), \
            "after it all, a prompt has no outcome"
        self.fresh = self.watch("--until", "idle")
        assert self.fresh.process.wait(60 * SLOW) == 0, "a new reader does not come to its end"
        self.fresh.thread.join(5)
        # Everything that waits for its reader is read before the programs go.
        end = logs.read_end(self.relay_store(), self.session)
        lasting = [w for w in self.watches if w.process.poll() is None]
        until("the lasting reader has read everything", lambda: all(self.place(w) >= end for w in lasting))
        for p in (*self.watches, *self.clients):
            if p.process.poll() is None:
                p.end(signal.SIGTERM)
        self.host.end(signal.SIGTERM)
        if self.kind == "started_twice":
            self.clone.end(signal.SIGTERM)
        self.relay.end(signal.SIGTERM)
        self.keep_truth()
        self.check()

    def settle(self):
        """Each client has its outcomes, or was told why not and has ended."""
        for c in (self.talker, self.asker):
            until(f"{c.name} comes to its end", lambda c=c: any("end" in l for l in list(c.json)) or
                  c.process.poll() is not None, 120)
            c.end()

    @staticmethod
    def place(watch):
        """The offset behind the last line."""
        for line in reversed(list(watch.json)):
            if "passed" in line:
                return line["passed"]["offset"] + line["passed"]["count"]
            if "offset" in line:
                return line["offset"] + 1
            if "snapshot" in line:
                return line["snapshot"]["offset"]
        return 0

    # ---- the judge ----
    def check(self):
        self.check_readers()
        noticed = self.note in ("noticed by witness", "noticed by operator")
        assert len(self.epochs) >= 2 or not noticed, "an older copy of the store went on as if it were the truth"
        self.check_done_once()
        self.check_outcomes()

    def check_readers(self):
        """One content for each place; what was read is what a store held; in order, without a gap."""
        seen, self.epochs, self.events = {}, [], 0
        for watch in self.watches:
            epoch, want = None, None
            for line in watch.json:
                if "snapshot" in line:
                    epoch, want = line["snapshot"]["epoch"], None
                if "passed" in line:
                    if want is not None:
                        assert line["passed"]["offset"] == want, f"passed {line['passed']}, not {want}"
                        want += line["passed"]["count"]
                if "event" not in line or "offset" not in line:
                    continue
                if line["epoch"] != epoch or want is None:
                    assert line["epoch"] == epoch or line["epoch"] not in self.epochs or watch is not self.watches[0], \
                        "a reader went back to an epoch that it had left"
                    epoch, want = line["epoch"], line["offset"]
                assert line["offset"] == want, f"a gap: {line['offset']}, not {want}"
                want += 1
                self.events += 1
                if epoch not in self.epochs:
                    self.epochs.append(epoch)
                place, text = (epoch, line["offset"]), json.dumps(line["event"], sort_keys=True)
                assert seen.setdefault(place, text) == text, f"two contents at {place}"
                self.check_stored(place, line["event"])

    def check_stored(self, place, event):
        """A store held this event at this place: same time, same kind."""
        held = self.truths.get(place[0], {}).get(place[1])
        if held is None:
            # Published, read, and lost with the store that had it: seen by somebody, held by nobody.
            assert self.kind != "started_twice", f"nobody holds {place}"
            return
        decoded = logs.decode(held)
        assert any(str(e.at_ms) == str(event.get("at_ms", 0)) and e.WhichOneof("body") in event for e in decoded), \
            f"{place} was read as something else than any store held"

    def check_done_once(self):
        prompts = logs.agent_prompts(f"{self.root}/agent.log")
        twice = [text for text, n in prompts.items() if n > 1]
        assert not twice, f"given to the agent twice: {twice[:3]}"
        self.given = len(prompts)

    def check_outcomes(self):
        self.applied = self.unknown = self.told = 0
        for c in self.clients:
            submitted = {l["id"] for l in c.json if "submitted" in l}
            outcomes = {}
            for line in c.json:
                if "outcome" in line:
                    assert outcomes.setdefault(line["outcome"], line["kind"]) == line["kind"], "two outcomes"
            without = submitted - set(outcomes)
            if without:
                said = open(f"{self.root}/{c.name}.log", errors="replace").read()
                assert c is not self.last and ("steer: closed" in said or "steer: refused" in said), \
                    f"{c.name}: {len(without)} prompts without an outcome, and no reason"
                self.told += len(without)
            self.applied += sum(1 for i in submitted if outcomes.get(i) == 1)
            self.unknown += sum(1 for i in submitted if outcomes.get(i) == UNKNOWN)
        answers = [l for l in self.last.json if "outcome" in l]
        assert all(l["kind"] == 1 for l in answers), f"afterwards, not every prompt is applied: {answers}"


KINDS = ("relay_put_back", "journal_put_back", "both_put_back", "relay_lost", "journal_lost", "started_twice")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--build", required=True)
    a.add_argument("--kind", default="all", choices=[*KINDS, "all"])
    a.add_argument("--seeds", type=int, default=3)
    a.add_argument("--seed", type=int)
    o = a.parse_args()
    o.build = os.path.abspath(o.build)  # hosts run in a folder of their own
    logs.prepare(o.build)
    rows, failed = [], 0
    print(f"{'kind':17} {'seed':4} {'epochs':>6} {'read':>5} {'given':>5} {'applied':>7} {'unknown':>7} {'told why':>8}",
          flush=True)
    for kind in KINDS if o.kind == "all" else [o.kind]:
        for seed in [o.seed] if o.seed is not None else range(o.seeds):
            run, began = Past(o.build, kind, seed), time.monotonic()
            try:
                run.execute()
                rows.append({"kind": kind, "seed": seed, "epochs": len(run.epochs), "read": run.events,
                             "given": run.given, "applied": run.applied, "unknown": run.unknown, "told": run.told,
                             "note": run.note})
                print(f"{kind:17} {seed:<4} {len(run.epochs):6} {run.events:5} {run.given:5} {run.applied:7} "
                      f"{run.unknown:7} {run.told:8}  ok ({time.monotonic() - began:.1f} s) {run.note}", flush=True)
                run.clean(keep=False)
            except Exception as e:  # kept for inspection, and the others go on
                failed += 1
                print(f"{kind:17} {seed:<4} FAILED: {type(e).__name__}: {e}  (kept: {run.root})", flush=True)
                run.clean(keep=True)
    os.makedirs(f"{o.build}/pasts", exist_ok=True)
    with open(f"{o.build}/pasts/{o.kind}.json", "w") as f:
        json.dump(rows, f, indent=1)
    print(f"{len(rows)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
