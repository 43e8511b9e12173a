#!/usr/bin/python3
"""A state folder that was copied to another machine: two hosts claim one session. The relay lets
one of them have it; nothing is done twice, every command has its outcome, and clients are told of
the new history.

    clone_test.py BUILD_DIR"""
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from steered import follow, run_cases  # noqa: E402


def copy_state(p):
    """As a backup or a cloned disk would: of one moment."""
    p.host.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    shutil.copytree(f"{p.root}/state", f"{p.root}/state2")
    p.host.send_signal(signal.SIGCONT)


def said(p, name, text, seconds=20):
    deadline = time.monotonic() + seconds
    while text not in open(f"{p.root}/{name}", errors="replace").read():
        assert time.monotonic() < deadline, f"{name} does not say '{text}'"
        time.sleep(0.05)


def host_on(p, state, log):
    """The host of the session on this state folder, with its words in a log of its own."""
    env = dict(p.env, XDG_STATE_HOME=f"{p.root}/{state}")
    argv = p.host_argv()
    return follow(argv, env, f"{p.root}/{log}", cwd=f"{p.root}/work")


def steer_on(p, first, count, name):
    steer = follow(
        p.steer_argv(
            "--first",
            str(first),
            "--count",
            str(count),
            "--prompt",
            "SAY prompt-%u",
            "--window",
            "8",
            "--every-ms",
            "20",
            "--timeout",
            "90",
        ),
        p.env,
        f"{p.root}/{name}.log",
    )
    p.others.append(steer)
    return steer


def ended(steer):
    assert steer.reaches(
        lambda x: any("end" in l for l in x.json), 90
    ), "commands stay without an outcome"
    steer.end()
    submitted = {l["id"]: l["submitted"] for l in steer.json if "submitted" in l}
    outcomes = {}
    for l in steer.json:
        if "outcome" in l:
            assert l["outcome"] not in outcomes, "a command ended twice"
            outcomes[l["outcome"]] = l["kind"]
    assert set(submitted) <= set(outcomes), "a command without an outcome"
    return outcomes


def check_done_once(p):
    prompts = logs.agent_prompts(f"{p.root}/agent.log")
    twice = [text for text, n in prompts.items() if n > 1]
    assert not twice, f"given to an agent twice: {twice[:3]}"
    return len(prompts)


def cloned(p):
    p.start_relay()
    p.start_host()
    ended(steer_on(p, 0, 20, "before"))
    copy_state(p)
    steer = steer_on(p, 100, 150, "across")  # the first machine does some of these ...
    assert steer.reaches(lambda x: x.count("outcome") >= 30, 30), "no progress"
    clone = host_on(p, "state2", "clone.log")  # ... then its copy takes the session
    p.others.append(clone)
    said(p, "clone.log", "watch with")
    outcomes = ended(steer)
    unknown = sum(1 for kind in outcomes.values() if kind == 6)
    said(p, "host.log", "a newer process writes this session")
    ended(steer_on(p, 300, 20, "after"))
    # The first machine is started again by a person: the session is its again, and the copy is out.
    p.host.end(signal.SIGTERM)
    again = host_on(p, "state", "again.log")
    p.others.append(again)
    said(p, "again.log", "watch with")
    ended(steer_on(p, 400, 20, "last"))
    said(p, "clone.log", "a newer process writes this session")
    given = check_done_once(p)
    fresh = p.read()
    assert fresh.reaches(lambda x: x.count("ready"), 30), "no reader"
    for process in (clone, again):
        process.end(signal.SIGTERM)
    fresh.end()
    end = next(l for l in fresh.json if "end" in l)
    truth = logs.read_log(p.relay_store(), "events", session=p.session)
    assert end["digest"] == logs.digest(
        truth, end["next"]
    ), "a reader holds something else than the relay's log"
    return f"{given} prompts, each given once; {unknown} UNKNOWN"


def cloned_with_a_queue(p):
    """What waits in both journals is run by one of them."""
    p.start_relay()
    p.start_host()
    r = p.remote("send", p.session, "SLOW 30 100")
    assert r.returncode == 0, r.stderr
    steer = steer_on(p, 0, 6, "queued")
    assert steer.reaches(lambda x: x.count("delivered") >= 6, 20), "not delivered"
    copy_state(p)
    clone = host_on(p, "state2", "clone.log")
    p.others.append(clone)
    said(p, "clone.log", "watch with")
    said(p, "host.log", "a newer process writes this session")
    outcomes = ended(steer)
    time.sleep(4)  # the first machine's turn is over by now: would it go on with its queue?
    given = check_done_once(p)
    return (
        f"{given} prompts, each given once; {sum(1 for k in outcomes.values() if k == 6)} UNKNOWN"
    )


CASES = {"a copied state folder": cloned, "a copied queue": cloned_with_a_queue}

if __name__ == "__main__":
    logs.prepare(sys.argv[1])
    sys.exit(run_cases(sys.argv[1], CASES))
