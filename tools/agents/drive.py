#!/usr/bin/python3
"""Drives one real ACP agent through relay, host and terminal client, as a person elsewhere would.

    drive.py BUILD AGENT [--installed DIR] [--only WORDS] [--keep] [--record FILE]

Prints a line for each step; writes BUILD/agents/AGENT.json. --record keeps what was said between host and agent."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import traceback

from agents import AGENTS
from bench import Bench, Failure, NotOffered
from steps import STEPS


def run_step(bench, step):
    began = time.monotonic()
    try:
        step(bench)
        result = "ok"
    except NotOffered as why:
        result = f"not offered by the agent: {why}"
    except (Failure, subprocess.TimeoutExpired) as fault:
        result = f"FAILED: {fault}"
    except Exception as fault:  # the other steps go on
        traceback.print_exc()
        result = f"FAILED: {fault!r}"
    return result, round(time.monotonic() - began, 1)


def settle(bench):
    """After a failed step: nothing runs, nothing is asked."""
    if bench.host.alive and bench.status() not in ("idle", "ended"):
        bench.cli("cancel", bench.session)
        bench.idle()


def drive(bench, only):
    rows = []
    bench.start()
    for name, step in STEPS:
        if only and not any(word in name for word in only):
            continue
        result, seconds = run_step(bench, step)
        rows.append({"step": name, "result": result, "seconds": seconds})
        print(f"{bench.agent.name:9} {name:42} {seconds:6} s  {result}", flush=True)
        if result.startswith("FAILED"):
            try:
                settle(bench)
            except Failure as fault:
                print(f"{bench.agent.name:9} {'(cannot go on)':42}           {fault}", flush=True)
                break
    return rows


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("agent", choices=sorted(AGENTS))
    p.add_argument("--installed", default="build/agents")
    p.add_argument("--only", nargs="*")
    p.add_argument("--keep", action="store_true")
    p.add_argument("--record")
    a = p.parse_args()
    agent = AGENTS[a.agent]
    rows = []
    bench = Bench(a.build, agent, os.path.abspath(a.installed), a.keep)
    try:
        with bench:
            try:
                rows = drive(bench, a.only)
            finally:
                if a.record and os.path.exists(bench.record):
                    shutil.copy(bench.record, a.record)
            if any(r["result"].startswith("FAILED") for r in rows):
                raise Failure("see above")
    except Failure as fault:
        if not rows:
            print(f"{agent.name}: FAILED to start: {fault}")
    os.makedirs(f"{a.build}/agents", exist_ok=True)
    with open(f"{a.build}/agents/{agent.name}.json", "w") as f:
        json.dump({"agent": agent.name, "package": f"{agent.package}@{agent.version}", "steps": rows}, f, indent=1)
    count = {word: sum(r["result"].startswith(word) for r in rows) for word in ("ok", "not offered", "FAILED")}
    print(f"{agent.name}: {count['ok']} passed, {count['FAILED']} failed, {count['not offered']} not offered")
    whole = a.only or len(rows) == len(STEPS)
    return 0 if rows and whole and not count["FAILED"] else 1


if __name__ == "__main__":
    sys.exit(main())
