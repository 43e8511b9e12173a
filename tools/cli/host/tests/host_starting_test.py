#!/usr/bin/python3
"""What people do from afar while the agent is starting: it waits for the agent, and is told if there is none."""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "tests", "e2e"))
from harness import Failure, bodies, run, text_of, wait_until  # noqa: E402


def check(what, value):
    if not value:
        raise Failure(what)


def starting(w, mode="default", *forgets_into):
    """A resumed session whose agent does not answer yet; its modes are known from before."""
    w.start_relay()
    gate = f"{w.root}/gate"
    open(gate, "w").close()
    agent = [sys.executable, os.path.join(HERE, "slow_agent.py"), gate, *forgets_into]
    host = w.start_host(agent=agent)
    wait_until("its modes", lambda: "plan" in w.cli("mode", "--session", host.session).out)
    w.cli("mode", "--session", host.session, mode).expect(0)
    host.end()
    os.unlink(gate)
    again = w.start_host(agent=agent, resume=host.session, wait=False)
    again.session = host.session
    wait_until("it is attached", lambda: any(s["attached"] for s in w.sessions()), 30)
    return gate, again


def delivered(p):
    return any(line.get("state") == "delivered" for line in p.json)


def a_mode_and_an_option_wait_for_the_agent(w):
    gate, host = starting(w)
    mode = w.start_cli("mode", "--session", host.session, "plan", "--json", "--timeout", "60")
    option = w.start_cli("config", host.session, "effort", "high", "--json", "--timeout", "60")
    prompt = w.start_cli("send", "--session", host.session, "--wait=idle", "how?", "--json", "--timeout", "60")
    for command in (mode, option, prompt):
        command.wait_for("the host has it", delivered, 30)
    check("nothing is decided yet", mode.alive and option.alive)
    open(gate, "w").close()
    check("the mode was switched", mode.wait(60) == 0)
    check("the option was set", option.wait(60) == 0)
    check("the prompt came after both", prompt.wait(60) == 0 and text_of(w.events(host.session)) == "plan high")


def too_many_do_not_wait(w):
    gate, host = starting(w)
    commands = [w.start_cli("config", host.session, "effort", "high", "--json", "--timeout", "60") for _ in range(17)]
    wait_until("one is refused", lambda: sum(not c.alive for c in commands) == 1, 60)
    refused = next(c for c in commands if not c.alive)
    check(f"as busy: {refused.json[-1]}", refused.wait() == 6 and refused.json[-1]["code"] == 5008)
    open(gate, "w").close()
    check("the others are done", sorted(c.wait(60) for c in commands) == [0] * 16 + [6])


def no_agent_comes(w):
    gate, host = starting(w)
    mode = w.start_cli("mode", "--session", host.session, "plan", "--json", "--timeout", "60")
    mode.wait_for("the host has it", delivered, 30)
    open(gate + ".dead", "w").close()
    check("rejected", mode.wait(60) == 6)
    check(f"and says why: {mode.json[-1]}", mode.json[-1]["code"] == 5010)


def now(w, session):
    return next(m["mode_id"] for m in w.cli("mode", "--session", session, "--json").expect(0).json if m["current"])


def an_agent_that_forgot_to_ask_is_told_again(w):
    gate, host = starting(w, "plan", "yolo")
    prompt = w.start_cli("send", "--session", host.session, "--wait=idle", "how?", "--json", "--timeout", "60")
    prompt.wait_for("the host has it", delivered, 30)
    open(gate, "w").close()
    check("the prompt that waited came after it", prompt.wait(60) == 0 and text_of(w.events(host.session)) == "plan low")
    check("the mode of before", now(w, host.session) == "plan")
    check("and it is told", "asks less" in str(bodies(w.events(host.session), "notice")))


def a_mode_that_asks_as_much_is_left_alone(w):
    gate, host = starting(w, "plan", "default")
    open(gate, "w").close()
    w.cli("send", "--session", host.session, "--wait=idle", "how?", timeout=60).expect(0)
    check("the agent's own", text_of(w.events(host.session)) == "default low" and now(w, host.session) == "default")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    sys.exit(run([a_mode_and_an_option_wait_for_the_agent, too_many_do_not_wait, no_agent_comes,
                  an_agent_that_forgot_to_ask_is_told_again, a_mode_that_asks_as_much_is_left_alone], args.build,
                 args.names, args.keep))
