"""The command line of remote-conformance."""
import argparse
import fnmatch
import os
import sys

from . import cases, coverage, protos, report, run


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="remote-conformance",
        description="Holds implementations of the remote protocol against docs/spec.md. A testee "
        "is any program that speaks conformance/harness.proto; docs/conformance.md says how to "
        "write one.")
    parser.add_argument("--testee", action="append", default=[], metavar="CMD",
                        help="a program to test, with arguments; may be given more than once")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB",
                        help="cases whose id fits, or which cite a clause that fits")
    parser.add_argument("--role", action="append", default=[], choices=cases.ROLES,
                        help="only as this role")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes of each testee")
    parser.add_argument("--timeout", type=float, default=20, metavar="SECONDS",
                        help="for each answer of a testee (default 20)")
    parser.add_argument("--verbose", "-v", action="store_true",
                        help="the conversation of each case that fails")
    parser.add_argument("--list", action="store_true", help="the cases, without running them")
    parser.add_argument("--unsupported", action="store_true",
                        help="say which cases were not supported, and why")
    parser.add_argument("--coverage", action="store_true",
                        help="MUST clauses without a positive or a negative case")
    parser.add_argument("--require-coverage", action="store_true",
                        help="fail when there are any")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--junit", metavar="FILE")
    parser.add_argument("--html", metavar="FILE")
    parser.add_argument("--cases", metavar="FOLDER", default=protos.CONFORMANCE,
                        help="where vectors, scenarios and view are")
    parser.add_argument("--expected", metavar="FOLDER",
                        help="where the lists of expected failures are (default: expected/ of the "
                        "cases)")
    parser.add_argument("--proto-dir", metavar="FOLDER",
                        help="keep the generated protobuf modules here")
    args = parser.parse_args(argv)
    if not (args.testee or args.list or args.coverage or args.require_coverage):
        parser.error("give --testee CMD (or --list, --coverage)")
    return args


def chosen(all_cases: list[cases.Case], args) -> list[cases.Case]:
    out = []
    for case in all_cases:
        if args.only and not any(
                fnmatch.fnmatchcase(name, glob)
                for name in [case.id, *case.clauses] for glob in args.only):
            continue
        if args.role and not case.fault and not set(args.role) & set(case.roles()):
            continue
        out.append(case)
    return out


def main(argv: list[str]) -> int:
    args = parse(argv)
    protos.load(args.proto_dir)
    everything = cases.load_all(args.cases)
    listed = chosen(everything, args)
    covered = coverage.Coverage(coverage.load_clauses(args.cases), everything)
    if args.list:
        for case in listed:
            print("%-36s %-10s %-8s %-12s %s" % (case.id, ",".join(case.roles()), case.way,
                                                 ",".join(case.clauses), case.fault or case.note))
        print("%d cases" % len(listed))
    if args.coverage or args.require_coverage:
        covered.print()
    if args.testee and not listed:
        print("remote-conformance: no case fits", file=sys.stderr)
        return 2
    results = []
    for command in args.testee:
        result = run.run_testee(
            command, listed, roles=args.role, jobs=args.jobs, timeout_s=args.timeout,
            expected_folder=args.expected or os.path.join(args.cases, "expected"),
            whole=not args.only, progress=lambda r: None)
        results.append(result)
        show(result, args)
    if results:
        print(report.table(results))
    if args.json:
        report.write_json(args.json, results, len(listed), covered)
    if args.junit:
        report.write_junit(args.junit, results)
    if args.html:
        report.write_html(args.html, results, len(listed), covered)
    bad = any(r.is_bad() for r in results)
    bad = bad or any(not r.results for r in results)
    if args.require_coverage and (covered.gaps() or covered.unknown or not covered.clauses):
        bad = True
    return int(bad)


def show(result: run.TesteeResults, args) -> None:
    for r in result.results:
        if r.is_bad():
            print(report.failure_text(result.name, r, args.verbose))
        elif r.verdict == "expected":
            print("known %s: %s: %s" % (result.name, r.name, r.reason))
        elif r.verdict == "unsupported" and args.unsupported:
            print("unsupported %s: %s: %s" % (result.name, r.name, r.reason))
    if result.fault:
        print("FAIL %s: %s" % (result.name, result.fault))
    elif not result.results:
        print("FAIL %s: no case fits its roles" % result.name)
