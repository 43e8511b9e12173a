#!/usr/bin/python3
"""The oracles of the chaos runs notice what they are there for: a made-up run in which everything
holds passes, and each single thing that is spoiled in it is reported.

    oracle_test.py BUILD_DIR"""
from __future__ import annotations

import json
import os
import sys
import tempfile
from types import SimpleNamespace

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle  # noqa: E402
import logs  # noqa: E402  (tests/e2e, found through rig)

APPLIED, REJECTED, UNKNOWN = 1, 2, 6


def ident(n: int) -> bytes:
    return bytes([n]) * 16


def world(folder: str) -> SimpleNamespace:
    """Three prompts, an ask, a snapshot that readers pass, a killed client, a watch."""
    from remote.v1 import event_pb2

    events = []

    def event():
        events.append(event_pb2.Event(at_ms=len(events)))
        return events[-1]

    for n in (1, 2, 3):
        event().user_message.text = f"prompt {n}"
        outcome = event().command_outcome
        outcome.command_id, outcome.outcome = ident(n), APPLIED
    event().session_state.SetInParent()
    event().ask_opened.ask.ask_id = ident(9)
    event().ask_resolved.ask_id = ident(9)
    log = {
        "first": 0,
        "end": len(events),
        "epoch": "e",
        "messages": [e.SerializeToString() for e in events],
        "snapshots": {6: 1},
    }
    end = len(events)
    digests = oracle.digests_at(log, {4, end})
    session = SimpleNamespace(number=0, deaths=0, claims=0)

    def client(name, ids, **more):
        c = SimpleNamespace(
            name=name,
            session=session,
            jumps=[],
            check=None,
            killed=False,
            events=0,
            end_line=None,
            submitted={ident(i).hex(): i for i in ids},
            answered=set(),
            probes_done=0,
            stored={ident(i).hex() for i in ids},
            outcomes={ident(i).hex(): (APPLIED, 0) for i in ids},
            program=SimpleNamespace(process=SimpleNamespace(returncode=0)),
        )
        c.__dict__.update(more)
        return c

    whole = {"next": end, "messages": end, "digest": digests[end]}
    session.talker = client("talker", [1], end_line=dict(whole))
    session.asker = client("asker", [2], end_line=dict(whole))
    session.gone = [client("gone", [3], killed=True, events=4, check=(4, digests[4]))]
    session.readers = []
    session.steers = [session.talker, session.asker]
    session.watch = SimpleNamespace(
        name="watch",
        events=end,
        lost=0,
        doubled=0,
        program=session.talker.program,
        digest={"first": 0, "count": end, "sha256": oracle.digest_of_all(log, end)},
    )
    os.makedirs(f"{folder}/logs")
    w = SimpleNamespace(
        session=session, log=log, events=events, rig=SimpleNamespace(root=folder), folder=folder
    )
    w.agent = [f"prompt {n}" for n in (1, 2, 3)]
    return w


def judge(w: SimpleNamespace) -> oracle.Sums:
    with open(f"{w.folder}/logs/agent0-1.log", "w") as out:
        for text in w.agent:
            out.write(
                json.dumps({"method": "session/prompt", "params": {"prompt": [{"text": text}]}})
                + "\n"
            )
    sums, s = oracle.Sums(), w.session
    digests = oracle.digests_at(w.log, {4, w.log["end"]})
    for c in [*s.steers, *s.gone]:
        oracle.check_reader(sums, c, w.log, digests)
    oracle.check_watch(sums, s, w.log)
    oracle.check_commands(sums, w.rig, s, w.events)
    oracle.check_unknown(sums, s, w.events)
    oracle.check_asks(sums, s, w.events)
    return sums


def spoil_message(w):
    w.log["messages"][3] += b"x"


def a_hole(w):
    w.session.talker.end_line["messages"] -= 1


def an_event_twice(w):
    w.session.talker.end_line["messages"] += 1


def a_jump(w):
    w.session.asker.jumps.append(5)


def a_reader_that_is_behind(w):
    w.session.talker.end_line.update(next=4, messages=4, digest=w.session.gone[0].check[1])


def what_a_killed_client_held(w):
    w.session.gone[0].check = (4, "0" * 64)


def a_reader_without_an_end(w):
    w.session.asker.end_line = None


def a_gap_at_the_watch(w):
    w.session.watch.lost = 1


def twice_at_the_watch(w):
    w.session.watch.doubled = 2


def another_digest_at_the_watch(w):
    w.session.watch.digest["sha256"] = "0" * 64


def a_second_outcome(w):
    w.events[3].command_outcome.command_id = ident(1)
    w.session.asker.submitted, w.session.asker.stored, w.session.asker.outcomes = {}, set(), {}


def a_prompt_given_twice(w):
    w.agent.append("prompt 2")


def no_outcome(w):
    w.events[5].command_outcome.command_id = ident(7)


def unknown_for_no_reason(w):
    w.events[1].command_outcome.outcome = UNKNOWN


def an_open_ask(w):
    w.events[8].ask_resolved.ask_id = ident(8)


def an_ask_resolved_twice(w):
    w.events[0].ask_resolved.ask_id = ident(9)


SPOILS = [
    spoil_message,
    a_hole,
    an_event_twice,
    a_jump,
    a_reader_that_is_behind,
    what_a_killed_client_held,
    a_reader_without_an_end,
    a_gap_at_the_watch,
    twice_at_the_watch,
    another_digest_at_the_watch,
    a_second_outcome,
    a_prompt_given_twice,
    no_outcome,
    unknown_for_no_reason,
    an_open_ask,
    an_ask_resolved_twice,
]


def main() -> int:
    logs.prepare(sys.argv[1])
    failed = 0
    with tempfile.TemporaryDirectory(prefix="remote-chaos-oracle-") as folder:
        good = judge(world(f"{folder}/good"))
        sums = (
            good.delivered,
            good.lost,
            good.duplicated,
            good.stored,
            good.done,
            good.done_twice,
            good.without_outcome,
        )
        if good.broken or sums != (9 * 3 + 4, 0, 0, 3, 3, 0, 0):
            print(f"FAILED  a run in which everything holds: {good.broken} {sums}")
            failed += 1
        for spoil in SPOILS:
            w = world(f"{folder}/{spoil.__name__}")
            spoil(w)
            broken = judge(w).broken
            print(
                f"{'noticed' if broken else 'FAILED '}  "
                f"{spoil.__name__.replace('_', ' '):30} {broken[:1]}"
            )
            failed += not broken
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
