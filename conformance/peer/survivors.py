#!/usr/bin/env python3
"""Breaks one clause after the other in the reference peer and looks whether a case turns red.

    /usr/bin/python3 conformance/peer/survivors.py [--only CLAUSE]... [--jobs N] [--cases FOLDER]

Prints, for each clause, the first case that noticed; then the survivors: mistakes that the suite
does not see. Exit status 1 when there are any, or when a MUST has neither a switch nor a reason for
having none (breaks.py)."""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import sys
import tempfile

PEER = os.path.dirname(os.path.abspath(__file__))
CONFORMANCE = os.path.dirname(PEER)
sys.path[:0] = [CONFORMANCE, PEER]

import breaks  # noqa: E402
from runner import cases, protos, run  # noqa: E402
from runner.testee import Testee  # noqa: E402

TIMEOUT_S = 60
ROLES_OF = {  # whom a clause binds, to the roles whose cases may notice
    "reader": ("CODEC", "ACCEPTING", "CONNECTING"), "writer": ("ACCEPTING", "CONNECTING"),
    "both": ("ACCEPTING", "CONNECTING"), "connecting": ("CONNECTING",),
    "accepting": ("ACCEPTING", "RELAY"), "relay": ("RELAY",), "host": ("HOST",),
    "client": ("CLIENT",), "view": ("VIEW",),
}
ALL_ROLES = ("CODEC", "ACCEPTING", "CONNECTING", "RELAY", "HOST", "CLIENT", "VIEW")


def runs_for(clause: dict, everything: list) -> list:
    """(case, role): those that cite the clause first, then those of the roles that it binds, then
    all others."""
    near = {role for binder in clause["binds"] for role in ROLES_OF.get(binder, ())}

    def rank(pair) -> int:
        case, role = pair
        cites = clause["id"] in case.clauses
        return (0 if cites else 1) + (0 if role in near else 2)

    return sorted(((c, r) for c in everything for r in c.roles()), key=rank)


def first_red(clause: dict, everything: list, near_only: bool) -> tuple[str, str]:
    """(name of the first case that fails, why); ("", "") when none does."""
    testee = Testee("%s %s --break %s" % (sys.executable, os.path.join(PEER, "main.py"),
                                          clause["id"]), TIMEOUT_S)
    testee.start()
    roles = {testee.pb.Role.Name(r)[5:] for r in testee.description.roles}
    try:
        for case, role in runs_for(clause, everything):
            if role not in roles or (near_only and clause["id"] not in case.clauses):
                continue
            if not testee.running():
                testee.start()
            result = run.one(testee, case, role)
            if result.verdict == "failed":
                return result.name, result.reason
        return "", ""
    finally:
        testee.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cases", default=CONFORMANCE, metavar="FOLDER")
    parser.add_argument("--citing", action="store_true",
                        help="only cases that cite the clause may notice")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="remote-peer-") as folder:
        protos.load(folder)
        os.environ["REMOTE_PEER_PROTO_DIR"] = folder
        return survivors(args)


def survivors(args) -> int:
    with open(os.path.join(CONFORMANCE, "clauses.json")) as f:
        listed = json.load(f)
    clauses = {c["id"]: c for c in (listed if isinstance(listed, list) else listed["clauses"])}
    everything = cases.load_all(args.cases)
    ids = [i for i in clauses if i in breaks.SWITCHES
           and (not args.only or any(fnmatch.fnmatchcase(i, g) for g in args.only))]
    survived = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        found = pool.map(lambda i: first_red(clauses[i], everything, args.citing), ids)
        for clause_id, (name, why) in zip(ids, found):
            if name:
                print("%-7s %-40s %s" % (clause_id, name, why[:120].replace("\n", " ")))
            else:
                print("%-7s SURVIVED: %s" % (clause_id, breaks.SWITCHES[clause_id]))
                survived.append(clause_id)
            sys.stdout.flush()
    silent = [i for i, c in clauses.items() if c["level"].startswith("MUST")
              and i not in breaks.SWITCHES and i not in breaks.UNBREAKABLE]
    print("\n%d clauses broken, %d noticed, %d survived%s" % (
        len(ids), len(ids) - len(survived), len(survived),
        ": " + ", ".join(survived) if survived else ""))
    if silent and not args.only:
        print("neither a switch nor a reason: " + ", ".join(silent))
    return int(bool(survived or (silent and not args.only)))


if __name__ == "__main__":
    sys.exit(main())
