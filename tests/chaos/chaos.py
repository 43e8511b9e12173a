#!/usr/bin/python3
"""Faults on the real programs: a relay, hosts with agents and clients under load, broken in every
way that a proxy, the kernel, signals, small disks and stepped clocks allow; then everything that
anybody holds is compared.

    chaos.py --build DIR [--minutes M | --short] [--seed N] [--keep] [--only WORD]…

Prints one line a fault and a table, and writes DIR/../chaos/chaos.json (--out says where else). The
seed decides kinds, targets, phases and moments. Exit 0: everything held; 1: something did not, and
the folder with logs and stores is kept; 2: wrong use."""
from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from random import Random

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import faults  # noqa: E402
import hostile  # noqa: E402
import network  # noqa: E402
import oracle  # noqa: E402
import logs  # noqa: E402  (tests/e2e, found through rig)
from faults import ABSENT, KINDS, Fault  # noqa: E402
from rig import Broken, Rig  # noqa: E402

CUTS = (
    "cut: client",
    "cut: host",
    "cut: everybody",
)  # of live links, the network being there at once


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 100) * len(ordered) // 100) - 1))]


class Cancels(threading.Thread):
    """Somebody presses cancel now and then, in all sessions."""

    def __init__(self, rig: Rig, seed: int):
        super().__init__(daemon=True)
        self.rig, self.random = rig, Random(seed)
        self.codes: Counter = Counter()
        self.ends = threading.Event()

    def run(self) -> None:
        while not self.ends.wait(self.random.uniform(0.3, 1.5)):
            session = self.random.choice(self.rig.sessions)
            done = self.rig.remote("cancel", session.id, "--timeout", "20", timeout=60)
            self.codes[done.returncode] += 1

    def end(self) -> None:
        self.ends.set()
        self.join(70)


class Run:
    def __init__(self, o: argparse.Namespace):
        self.o, self.random = o, Random(o.seed)
        self.network = network.Network()
        self.root = tempfile.mkdtemp(prefix="remote-chaos-")
        self.rig = Rig(o.build, self.root, o.sessions, "mount" not in self.network.missing, o.keep)
        self.made: list[Fault] = []
        self.skipped = {
            kind: self.network.missing[k.needs]
            for kind, k in KINDS.items()
            if k.needs in self.network.missing
        }
        self.skipped.update(ABSENT)
        self.print_lock = threading.Lock()
        self.broken: list[str] = []
        self.sums = None
        self.strangers: Counter = Counter()
        self.cancels: dict[str, int] = {}

    # ---- the plan ----

    def kinds(self) -> list[str]:
        return [
            k
            for k in KINDS
            if k not in self.skipped and (not self.o.only or any(w in k for w in self.o.only))
        ]

    def fault(self, kind: str, session) -> Fault:
        seed = self.random.getrandbits(32)
        f = Fault(
            self.rig, self.network, session, kind, seed, len(self.made), Random(seed), self.o.short
        )
        f.wanted = f.random.choice(KINDS[kind].phases)
        self.made.append(f)
        return f

    def deck(self) -> tuple[list[Fault], list[list[Fault]]]:
        """Every kind once: those that reach everybody, to be made alone; and for each session the
        others, dealt so that all sessions are through at about the same time."""
        kinds = self.kinds()
        self.random.shuffle(kinds)
        alone = [
            self.fault(k, self.random.choice(self.rig.sessions))
            for k in kinds
            if KINDS[k].everybody
        ]
        lanes: list[list[str]] = [[] for _ in self.rig.sessions]
        for kind in sorted(
            (k for k in kinds if not KINDS[k].everybody), key=lambda k: -KINDS[k].seconds
        ):
            min(lanes, key=lambda lane: sum(KINDS[k].seconds for k in lane)).append(kind)
        self.random.shuffle(lanes)
        for lane in lanes:
            self.random.shuffle(lane)
        return alone, [
            [self.fault(k, s) for k in lane] for lane, s in zip(lanes, self.rig.sessions)
        ]

    # ---- running it ----

    def say(self, text: str) -> None:
        with self.print_lock:
            print(text, flush=True)

    def make(self, f: Fault) -> None:
        try:
            faults.make(f)
            result = " ".join(f"{name} {s * 1000:.0f} ms" for name, s in f.recovered_s.items())
            if f.late:
                self.broken.append(
                    f"fault {f.number}, {f.kind}: {', '.join(f.late)} did not come back"
                )
                result += "  NOT BACK: " + ", ".join(f.late)
        except Exception as e:  # the others go on; the run has failed
            self.broken.append(f"fault {f.number}, {f.kind}: {type(e).__name__}: {e}")
            result = f"BROKEN: {e}"
        note = f" ({f.note})" if f.note else ""
        self.say(
            f"{time.monotonic() - self.began:7.1f} s  {f.number:4} "
            f"session {f.session.number}  {f.kind:28} "
            f"{f.phase:10} {result}{note}"
        )

    def lane(self, planned: list[Fault]) -> None:
        """One after the other, with pauses."""
        for f in planned:
            if self.over():
                return
            f.made = True
            self.make(f)
            for reader in [f.reader, *f.crowd]:
                if reader:
                    self.reap(f, reader)
            self.rig.measure()
            time.sleep(f.random.uniform(0.1, 0.4 if self.o.short else 2))

    def over(self) -> bool:
        return not self.o.short and time.monotonic() > self.ends

    def play(self) -> None:
        """One deck: what reaches everybody in two halves, around what each session has alone."""
        alone, lanes = self.deck()
        self.lane(alone[: len(alone) // 2])
        threads = [threading.Thread(target=self.lane, args=(lane,)) for lane in lanes]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.lane(alone[len(alone) // 2 :])
        self.alive()

    def reap(self, f: Fault, reader) -> None:
        """A reader that was added for a replay has read all of it, whatever happened meanwhile."""
        deadline = time.monotonic() + 60
        while not reader.ready and time.monotonic() < deadline and reader.program.alive:
            time.sleep(0.02)
        if not reader.ready:
            self.broken.append(
                f"fault {f.number}, {f.kind}: a reader that began then never read everything"
            )
        reader.program.end()

    def alive(self) -> None:
        """Nobody has ended who should not have."""
        for p in [self.rig.relay] + [
            p
            for s in self.rig.sessions
            for p in (s.host, s.talker.program, s.asker.program, s.watch.program)
        ]:
            if not p.alive:
                raise Broken(f"{p.name} has ended with {p.process.returncode}; see {p.log_path}")

    def execute(self) -> None:
        self.began = time.monotonic()
        self.rig.start()
        strangers = hostile.Background(self.rig, self.o.seed)
        strangers.start()
        cancels = Cancels(self.rig, self.o.seed)
        cancels.start()
        try:
            self.ends = self.began + self.o.minutes * 60
            while True:
                self.play()
                if self.o.short or self.over():
                    break
                # Back-off begins anew after 60 s: decks do not add up to ever longer waits.
                time.sleep(min(61, max(0, self.ends - time.monotonic())))
        finally:
            self.strangers = strangers.end()
            cancels.end()
            self.cancels = {str(code): n for code, n in cancels.codes.items()}
        self.network_heal()
        oracle.settle(self.rig)
        self.sums = oracle.judge(self.rig)
        self.broken += self.sums.broken

    def network_heal(self) -> None:
        for name in self.rig.ports:
            self.rig.proxy.tell(f"heal {name}")

    # ---- the result ----

    def by_kind(self) -> list[dict]:
        out = []
        for kind in [*KINDS, *ABSENT]:
            made = [f for f in self.made if f.kind == kind]
            times = [s for f in made for s in f.recovered_s.values()]
            row = {
                "kind": kind,
                "faults": len(made),
                "phases": dict(Counter(f.phase for f in made)),
                "recoveries": len(times),
            }
            if times:
                row.update(
                    median_s=round(statistics.median(times), 3),
                    p99_s=round(percentile(times, 0.99), 3),
                    max_s=round(max(times), 3),
                )
            if kind in self.skipped:
                row["skipped"] = self.skipped[kind]
            out.append(row)
        return out

    def result(self) -> dict:
        self.made = [f for f in self.made if f.made]  # not what was planned and not come to
        times = [s for f in self.made for s in f.recovered_s.values()]
        cuts = [s for f in self.made if f.kind in CUTS for s in f.recovered_s.values()]
        s = self.sums
        out = {
            "seed": self.o.seed,
            "minutes": round((time.monotonic() - self.began) / 60, 2),
            "sessions": self.o.sessions,
            "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "build": self.o.build,
            "settings": "demo agent; relay and host 0 on tmpfs; proxy and kernel rules on loopback"
            if self.rig.disk.mounted
            else "demo agent; proxy on loopback",
            "faults": len(self.made),
            "kinds": self.by_kind(),
            "each": [
                {
                    "number": f.number,
                    "kind": f.kind,
                    "seed": f.seed,
                    "phase": f.phase,
                    "session": f.session.number,
                    "note": f.note,
                    "recovered_s": f.recovered_s,
                    "late": f.late,
                }
                for f in self.made
            ],
            "strangers": dict(self.strangers),
            "cancels_by_exit_code": self.cancels,
            "relay_rss_kib": self.rig.rss_kib,
            "broken": self.broken,
        }
        for name, values in (("recovery", times), ("recovery_cut_of_live_link", cuts)):
            if values:
                out[name] = {
                    "count": len(values),
                    "median_s": round(statistics.median(values), 3),
                    "p99_s": round(percentile(values, 0.99), 3),
                    "max_s": round(max(values), 3),
                }
        if s:
            out.update(
                sent=s.sent,
                delivered=s.delivered,
                lost=s.lost,
                duplicated=s.duplicated,
                stored=s.stored,
                done=s.done,
                refused=s.refused,
                done_twice=s.done_twice,
                without_outcome=s.without_outcome,
                given_up=s.given_up,
                unknown=dict(s.unknown),
                outcomes=dict(s.outcomes),
                asks=s.asks,
                probes=s.probes,
            )
        return out

    def print_table(self, r: dict) -> None:
        print(f"\n{'fault':29} {'n':>4} {'p50 s':>8} {'p99 s':>8} {'max s':>8}  phases")
        for k in r["kinds"]:
            if not k["faults"]:
                if "skipped" in k:
                    print(f"{k['kind']:29} skipped: {k['skipped']}")
                continue
            values = (
                "".join(f" {k[v]:8.3f}" for v in ("median_s", "p99_s", "max_s"))
                if k["recoveries"]
                else " " * 27
            )
            print(
                f"{k['kind']:29} {k['faults']:4}{values}  "
                + ", ".join(f"{p} {n}" for p, n in sorted(k["phases"].items()))
            )
        for name, title in (
            ("recovery", "all"),
            ("recovery_cut_of_live_link", "cut of a live link"),
        ):
            if name in r:
                v = r[name]
                print(
                    f"{title:29} {v['count']:4} {v['median_s']:8.3f} {v['p99_s']:8.3f} "
                    f"{v['max_s']:8.3f}  (recoveries)"
                )
        if "sent" in r:
            print(
                f"\nevents: sent {r['sent']}, delivered {r['delivered']}, lost {r['lost']}, "
                f"duplicated {r['duplicated']}"
                f"\ncommands: stored {r['stored']}, done {r['done']}, refused {r['refused']}, "
                f"done twice {r['done_twice']}, without outcome {r['without_outcome']}; "
                f"never stored because their client was killed: {r['given_up']}"
                f"\nasks {r['asks']}, probes {r['probes']}, outcomes {r['outcomes']}"
                f"\nUNKNOWN {sum(r['unknown'].values())}: {r['unknown']}"
                f"\ncancels by exit code {r['cancels_by_exit_code']}, "
                f"strangers {sum(r['strangers'].values())}, "
                f"relay's memory at most {r['relay_rss_kib']} KiB"
            )

    def close(self, keep: bool) -> None:
        self.rig.close()
        if keep:
            # What lies on a tmpfs of our namespace is gone with it: out with it first.
            for disk in (self.rig.disk, *(s.disk for s in self.rig.sessions)):
                if disk.mounted:
                    shutil.copytree(
                        disk.path,
                        disk.path + "-kept",
                        ignore=shutil.ignore_patterns("ballast", "control"),
                    )
            print(f"kept: {self.root} (seed {self.o.seed})")
        for disk in (self.rig.disk, *(s.disk for s in self.rig.sessions)):
            disk.close()
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)


def main() -> int:
    a = argparse.ArgumentParser()
    a.add_argument("--build", required=True)
    a.add_argument("--minutes", type=float, default=5)
    a.add_argument("--short", action="store_true", help="every kind once, with short pauses")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--sessions", type=int, default=3)
    a.add_argument("--keep", action="store_true")
    a.add_argument("--only", action="append", default=[])
    a.add_argument("--out")
    o = a.parse_args()
    o.build = os.path.abspath(o.build)
    network.enter([os.path.abspath(__file__), *sys.argv[1:]])
    logs.prepare(o.build)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(
            number, signal.SIG_IGN
        )  # inherited: a client that has only begun is not killed by them
    run = Run(o)
    print(
        f"chaos: seed {o.seed}, {'every kind once' if o.short else f'{o.minutes:g} min'}, "
        f"{o.sessions} sessions, {run.root}"
    )
    for what, why in sorted(set((w, y) for w, y in run.skipped.items())):
        print(f"skipped: {what}: {why}")
    try:
        run.execute()
    except Exception as e:  # said in the table, with everything that was measured until then
        run.broken.append(f"{type(e).__name__}: {e}")
    result = run.result()
    run.print_table(result)
    out = o.out or os.path.join(os.path.dirname(o.build), "chaos", "chaos.json")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out, "w") as f:
        json.dump(result, f, indent=1)
    for text in run.broken:
        print(f"BROKEN: {text}")
    run.close(keep=o.keep or bool(run.broken))
    print("everything held" if not run.broken else f"{len(run.broken)} things did not hold")
    return 1 if run.broken else 0


if __name__ == "__main__":
    sys.exit(main())
