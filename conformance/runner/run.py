"""Runs every case that fits a testee's roles and says how each ended."""
import dataclasses
import fnmatch
import json
import os
import threading
import time

from . import cases, vectors
from .faults import BadCase, CaseFailed, TesteeBroken, Unsupported
from .testee import Testee

RESTARTS_MAX = 25  # of a testee that breaks again and again


@dataclasses.dataclass
class Result:
    case: cases.Case
    role: str
    verdict: str  # passed, failed, unsupported, expected (to fail), unexpected (pass)
    reason: str = ""
    transcript: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.case.id if self.role == self.case.role else "%s@%s" % (self.case.id, self.role)

    def is_bad(self) -> bool:
        return self.verdict in ("failed", "unexpected")


@dataclasses.dataclass
class TesteeResults:
    name: str
    version: str = ""
    results: list[Result] = dataclasses.field(default_factory=list)
    fault: str = ""  # the testee cannot be run at all, or its list of expected failures is wrong

    def count(self, *verdicts: str) -> int:
        return sum(r.verdict in verdicts for r in self.results)

    def is_bad(self) -> bool:
        return bool(self.fault) or any(r.is_bad() for r in self.results)


def expected_failures(folder: str, name: str) -> dict[str, str]:
    """Of expected/NAME.json: id or glob to reason."""
    path = os.path.join(folder, name + ".json")
    if not os.path.exists(path):
        return {}
    listed = cases.read_json(path)
    for key, reason in listed.items():
        if not isinstance(reason, str) or len(reason) < 10:
            raise BadCase("%s: %s needs a reason" % (path, key))
    return listed


def one(testee: Testee, case: cases.Case, role: str) -> Result:
    """Runs one case. A testee that broke is stopped."""
    result = Result(case, role, "passed")
    began = time.monotonic()
    try:
        missing = [n for n in case.needs if n not in testee.description.features]
        if missing and not case.fault:
            raise Unsupported("needs " + ", ".join(missing))
        vectors.run(testee, case, role, result.transcript)
    except Unsupported as unsupported:
        result.verdict, result.reason = "unsupported", str(unsupported)
        if not testee.running():
            testee.kill()
    except BadCase as bad:
        result.verdict, result.reason = "failed", "bad case: %s" % bad
        if case.fault:
            result.reason = "bad case: %s" % case.fault
    except CaseFailed as failed:
        result.verdict, result.reason = "failed", str(failed)
    except TesteeBroken as broken:
        said = testee.error_text()
        testee.kill()
        said = (" -- it said: " + " | ".join(said.splitlines()[-6:])) if said else ""
        result.verdict, result.reason = "failed", "the testee: %s%s" % (broken, said)
    except Exception as error:  # a mistake of the runner or of a case must not end the run
        result.verdict = "failed"
        result.reason = "the runner: %s: %s" % (type(error).__name__, error)
        testee.kill()
    result.seconds = time.monotonic() - began
    return result


class Work:
    """What is to be run, shared by the threads."""

    def __init__(self, listed: list[tuple[cases.Case, str]]) -> None:
        self.listed = listed
        self.results: list[Result | None] = [None] * len(listed)
        self.next = 0
        self.lock = threading.Lock()
        self.fault = ""
        self.restarts = 0

    def take(self) -> int | None:
        with self.lock:
            if self.fault or self.next >= len(self.listed):
                return None
            self.next += 1
            return self.next - 1


def _worker(work: Work, testee: Testee, progress) -> None:
    try:
        while True:
            index = work.take()
            if index is None:
                return
            if not testee.running():
                with work.lock:
                    work.restarts += 1
                    if work.restarts > RESTARTS_MAX:
                        work.fault = "breaks again and again; the rest was not run"
                        return
                testee.start()
            case, role = work.listed[index]
            work.results[index] = one(testee, case, role)
            progress(work.results[index])
    except (TesteeBroken, Unsupported) as broken:
        with work.lock:
            work.fault = work.fault or str(broken)
    finally:
        testee.stop()


def judge_expected(results: list[Result], expected: dict[str, str]) -> str:
    """Failures that are listed are expected; a listed case that passes, or that is not there, is
    not. Returns what is wrong with the list."""
    used = set()
    for result in results:
        for pattern, reason in expected.items():
            if not fnmatch.fnmatchcase(result.name, pattern):
                continue
            used.add(pattern)
            if result.verdict == "failed":
                result.verdict, result.reason = "expected", "%s (%s)" % (reason, result.reason)
            elif result.verdict == "passed":
                result.verdict = "unexpected"
                result.reason = "passes, but is listed as an expected failure: " + reason
            break
    stale = sorted(set(expected) - used)
    return "expected failures that name no case: " + ", ".join(stale) if stale else ""


def run_testee(command: str, listed: list[cases.Case], *, roles: list[str], jobs: int,
               timeout_s: float, expected_folder: str, whole: bool, progress) -> TesteeResults:
    """Every case of `listed` that fits. `whole`: nothing was left out by a filter, so that the
    list of expected failures must be used up."""
    first = Testee(command, timeout_s)
    try:
        first.start()
    except (TesteeBroken, Unsupported) as broken:
        said = first.error_text()
        first.kill()
        return TesteeResults(command, fault="%s%s" % (broken, " -- it said: " + said if said else ""))
    described = first.description
    out = TesteeResults(described.name or command, described.version)
    prefix = "ROLE_"
    has = {first.pb.Role.Name(r)[len(prefix):] for r in described.roles
           if r in first.pb.Role.values()}
    chosen = []
    for case in listed:
        fitting = [r for r in case.roles() if r in has and (not roles or r in roles)]
        if case.fault:  # said once, whatever the testee is
            fitting = sorted(has)[:1]
        chosen += [(case, role) for role in fitting]
    work = Work(chosen)
    threads = []
    for _ in range(1, max(1, min(jobs, len(chosen)))):
        testee = Testee(command, timeout_s)
        testee.start()
        threads.append(threading.Thread(target=_worker, args=(work, testee, progress)))
    for thread in threads:
        thread.start()
    _worker(work, first, progress)
    for thread in threads:
        thread.join()
    out.results = [r for r in work.results if r is not None]
    out.fault = work.fault
    try:
        stale = judge_expected(out.results, expected_failures(expected_folder, out.name))
        if stale and whole and not roles:
            out.fault = out.fault or stale
    except (BadCase, json.JSONDecodeError) as bad:
        out.fault = out.fault or str(bad)
    return out
