#!/usr/bin/python3
"""Agents that nobody has seen: what wild_agent.py says is drawn from a seed, right, odd and wrong.
The host must go on, each prompt have one outcome and be given once, each ask be resolved once with
an option that was offered, the turn end, and the logs be whole.

    wild_test.py BUILD_DIR [SEEDS [FIRST]]"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from steered import Steered, follow  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW = float(os.environ.get("REMOTE_TEST_SLOW", "1"))
PROMPTS = 5


class Wild(Steered):
    def __init__(self, build, seed):
        super().__init__(build, f"wild-{seed}")
        self.seed = seed

    def host_argv(self):
        return [self.program["remote"], "host", "--relay", self.url, "--token-file", f"{self.root}/relay/token",
                "--remote=control", "--headless", "--", sys.executable, f"{HERE}/wild_agent.py", str(self.seed),
                f"{self.root}/wild.log"]

    def until(self, what, ready, seconds=60):
        deadline = time.monotonic() + seconds * SLOW
        while not ready():
            assert self.host.process.poll() is None, f"the host ended with {self.host.process.returncode}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.05)

    def notes(self, key):
        if not os.path.exists(f"{self.root}/wild.log"):
            return []
        return [n for n in map(json.loads, open(f"{self.root}/wild.log")) if key in n]

    def execute(self):
        self.start_relay()
        self.start_host()
        # This client says yes, once, to whatever offers that; what offers it not is denied or declined.
        steer = follow(self.steer_argv("--first", "0", "--count", str(PROMPTS), "--prompt", "prompt-%u", "--window", "2",
                                      "--every-ms", "10", "--answer-after-ms", "10", "--answer", "allow", "--timeout",
                                      str(int(90 * SLOW))), self.env, f"{self.root}/steer.log")
        self.others.append(steer)
        cancels = 0
        deadline = time.monotonic() + 60 * SLOW
        while not steer.reaches(lambda p: any("end" in l for l in p.json), 0.4):
            assert self.host.process.poll() is None, f"the host ended with {self.host.process.returncode}"
            assert time.monotonic() < deadline, "prompts without an outcome"
            self.answer_rest()
        steer.end()
        self.until("the last turn ends", lambda: self.idle())
        cancels = len(self.notes("cancel"))
        self.host.end(timeout=30)
        assert self.host.process.returncode == 0, f"the host ended with {self.host.process.returncode}"
        self.relay.end()
        return self.check(cancels)

    def answer_rest(self):
        """What the client leaves open: no, or else the first thing that can be said."""
        for ask in [row["ask"] for row in self.rows("asks")]:
            if self.remote("deny", self.session, ask["ask_id"]).returncode != 0 and ask.get("options"):
                first = ask["options"][0]  # an agent may give an option no id
                self.remote("answer", self.session, ask["ask_id"], first.get("option_id") or first["label"])

    def rows(self, what):
        """Not splitlines: agents write characters that Python takes for ends of lines."""
        return [json.loads(line) for line in self.remote(what, "--json").stdout.split("\n") if line]

    def idle(self):
        self.answer_rest()
        rows = self.rows("ls")
        return rows and rows[0]["status"] == "idle"

    def check(self, cancels):
        events = logs.decode(logs.read_log(self.relay_store(), "events", session=self.session)["messages"])
        outcomes = logs.outcomes(events)
        assert all(len(kinds) == 1 for kinds in outcomes.values()), "a command has two outcomes"
        opened, resolved = logs.asks_of(events)
        assert set(opened) == set(resolved), f"{len(set(opened) - set(resolved))} asks stayed open"
        assert all(n == 1 for n in resolved.values()), "an ask was resolved twice"
        given = [n["prompt"] for n in self.notes("prompt")]
        assert sorted(given) == [f"prompt-{i}" for i in range(PROMPTS)], f"given: {given}"
        for note in self.notes("permission"):
            answer = note["answer"]
            if answer and answer.get("outcome", {}).get("outcome") == "selected":
                assert answer["outcome"]["optionId"] in note["permission"], f"an option that was not offered: {answer}"
        return f"{len(events)} events, {len(opened)} asks"


def main():
    build = os.path.abspath(sys.argv[1])
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    logs.prepare(build)
    failed = 0
    for seed in range(first, first + seeds):
        run, began = Wild(build, seed), time.monotonic()
        try:
            note = run.execute()
            print(f"seed {seed:<4} ok ({time.monotonic() - began:.1f} s): {note}", flush=True)
            run.clean(keep=False)
        except Exception as e:  # kept for inspection, and the others go on
            failed += 1
            print(f"seed {seed:<4} FAILED: {type(e).__name__}: {e}  (kept: {run.root})", flush=True)
            run.clean(keep=True)
    print(f"{seeds - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
