#!/usr/bin/python3
"""Organizations, the enterprise, the rules of a managed machine and the audit log on the real programs.

    policy_test.py BUILD [NAME...]"""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Failure, bodies, run, text_of, wait_until  # noqa: E402


def check(what, value):
    if not value:
        raise Failure(what)
    return value


def token_of(w, account, device):
    """A device of an account, as the environment of who has it."""
    w.relay_command("account", account).expect(0)
    path = f"{w.root}/token-{account}-{device}"
    token = w.relay_command("token", "--account", account, "--device", device).expect(0).out.split()[0]
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")
    return {"REMOTE_TOKEN_FILE": path}


def begin(w, value="view_and_control"):
    """The owner's session; its organization `acme`, which eve administers."""
    w.start_relay()
    w.relay_command("org", "acme").expect(0)
    w.relay_command("policy", "--org", "acme", "--value", value).expect(0)
    w.relay_command("org", "acme", "--add", "owner").expect(0)
    eve = token_of(w, "eve", "desk")
    w.relay_command("org", "acme", "--admin", "eve").expect(0)
    return eve


def audit(w, *flags):
    return [json.loads(line) for line in w.relay_command("audit", "--json", *flags).expect(0).out.splitlines()]


# ---- policy ----

def flipped_in_the_middle_of_a_turn(w):
    """The turn goes on, what waits for it is refused, and watching goes on; all by itself both ways."""
    eve = begin(w)
    host = w.start_host()
    w.cli("send", "RUN echo asked\nSAY after").expect(0)
    w.wait_ask(host.session)
    waits = w.cli("send", "SAY never said").expect(0)
    watch = w.start_cli("watch", "--json")
    watch.wait_for("synced", lambda p: [line for line in p.json if "synced" in line], 60)
    w.cli("policy", "set", "organization", "acme", "view", env=eve).expect(0).says("set")
    watch.wait_for("told", lambda p: [line for line in p.json if line.get("status", {}).get("ceiling") == "view"], 60)
    refused = watch.wait_for("what waited is refused", lambda p: [
        o for line in p.json for o in [line.get("event", {}).get("command_outcome")]
        if o and o["command_id"] == waits.out.split()[0]], 60)
    check(f"with its layer: {refused}", refused[0]["code"] == 5002 and "ORGANIZATION" in str(refused[0]["layer"]).upper())
    w.cli("approve").expect(4).says("5002", "organization")
    w.cli("probe").expect(0)
    w.cli("policy", "explain").expect(0).says("view", "acme")
    w.cli("policy", "set", "organization", "acme", "view_and_control", env=eve).expect(0)
    w.cli("approve").expect(0)
    w.cli("watch", "--until", "idle", "--timeout", "60").expect(0)
    said = text_of(w.events(host.session))
    check(f"the turn went on, and nothing else came of it: {said!r}", "after" in said and "never" not in said)


def disabled_and_allowed_again(w):
    begin(w)
    host = w.start_host()
    watch = w.start_cli("watch", "--json")
    watch.wait_for("synced", lambda p: [line for line in p.json if "synced" in line], 60)
    w.relay_command("policy", "--enterprise", "whole", "--enforce", "disabled").expect(0)
    check("closed: not allowed", watch.wait(60) == 4)
    w.cli("watch", host.session).expect(4).says("3007", "enterprise")
    w.relay_command("policy", "--enterprise", "whole", "--delegate").expect(0)
    wait_until("the host is back", lambda: w.sessions() and w.sessions()[0]["attached"], 60)
    w.cli("send", "--wait=idle", "SAY back").expect(0)
    notices = [n["text"] for n in bodies(w.events(host.session), "notice")]
    check(f"the host's person was told: {notices}", any("enterprise" in text for text in notices))


def unconfigured_is_disabled(w):
    begin(w, "unconfigured")
    w.cli("policy").expect(0).says("organization acme: unconfigured", "disabled", "not configured")
    w.relay_command("policy", "--org", "acme", "--value", "view").expect(0)
    w.start_host()
    w.cli("send", "--wait", "SAY no").expect(4).says("organization")


def who_may_set(w):
    eve = begin(w)
    bob = token_of(w, "bob", "desk")
    w.cli("policy", "set", "organization", "acme", "disabled").expect(4).says("FORBIDDEN")
    w.cli("policy", "set", "organization", "acme", "disabled", env=bob).expect(4).says("FORBIDDEN")
    w.cli("policy", "set", "enterprise", "view", env=eve).expect(4).says("FORBIDDEN")
    w.cli("policy", "set", "organization", "acme", "everything", env=eve).expect(2)
    w.cli("policy", "set", "acme", "view", env=eve).expect(2)
    w.cli("policy", "--administered", env=bob).expect(0).says("administers nothing")
    rules = w.cli("policy", "--administered", "--json", env=eve).expect(0).json
    check(f"eve's: {rules}", [r["name"] for r in rules] == ["acme"])
    w.cli("policy", "set", "organization", "acme", "view", env=eve).expect(0)
    rules = w.cli("policy", "--json").expect(0).json
    check(f"who set it: {rules}", rules[0]["changed_by"] == "eve/desk" and rules[-1]["value"] == "view")


def administrators_get_no_sessions(w):
    eve = begin(w)
    w.relay_command("org", "acme", "--add", "eve").expect(0)
    w.relay_command("policy", "--enterprise", "whole", "--delegate").expect(0)
    w.relay_command("policy", "--enterprise-admin", "eve").expect(0)
    host = w.start_host()
    w.cli("send", "--wait=idle", "SAY secret words").expect(0)
    check("none is listed", not w.cli("ls", "--json", env=eve).expect(0).json)
    w.cli("watch", host.session, env=eve).expect(5)
    w.cli("send", host.session, "SAY mine", env=eve).expect(5)
    w.cli("rm", host.session, "--yes", env=eve).expect(5)
    seen = w.cli("audit", "--json", env=eve).expect(0)
    check("but what happened", any(r["what"] == "command.stored" for r in seen.json))
    check("and never contents", "secret" not in seen.out and "secret" not in w.relay_command("audit", "--json").out)


# ---- the rules of a machine ----

def managed(w, text):
    path = f"{w.root}/managed.ini"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return dict(w.env, REMOTE_MANAGED_FILE=path)


def spawn_host(w, env, name="managed"):
    return w.spawn(name, [w.program["remote"], "host", "--headless", "--remote", "--", w.program["remote-demo-agent"]],
                   env=env)


def managed_machine_forbids(w):
    begin(w)
    for text, words in (("hosting = forbidden\n", "may not host"), ("hosting = maybe\n", "cannot be read"),
                        ("# ours\naccounts = alice, bob\n", "no sessions of the account owner")):
        host = spawn_host(w, managed(w, text))
        host.wait_text(words, 60)
        host.wait_text("device's rules", 60)
        check("nothing is listed", not w.sessions())
        host.end()
    host = spawn_host(w, managed(w, "accounts = alice\naccounts = owner\n"))
    wait_until("it hosts the owner's", lambda: w.sessions() and w.sessions()[0]["attached"], 60)
    w.cli("send", "--wait=idle", "SAY allowed").expect(0)


def managed_machine_is_only_watched(w):
    """The relay does not know this rule and takes every command: the host enforces it."""
    begin(w)
    spawn_host(w, managed(w, "hosting = view\n"))
    wait_until("it is there", lambda: w.sessions() and w.sessions()[0]["attached"], 60)
    sent = w.cli("send", "--wait", "--json", "SAY no").expect(4).json
    check(f"by the host: {sent[-1]}", sent[-1]["code"] == 5002 and "device" in sent[-1]["layer"])
    w.cli("probe").expect(0)
    w.cli("policy", env=managed(w, "hosting = view\n")).expect(0).says("device", "view for sessions hosted here")


# ---- audit ----

def audited(w):
    eve = begin(w)
    host = w.start_host()
    sent = w.cli("send", "--wait=idle", "SAY hello").expect(0)
    w.relay_command("policy", "--org", "acme", "--value", "view").expect(0)
    w.cli("send", "--wait", "SAY no").expect(4)
    wrong = f"{w.root}/wrong"
    with open(os.open(wrong, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write("rrt_" + "0" * 64 + "\n")
    for _ in range(3):
        w.cli("ls", env={"REMOTE_TOKEN_FILE": wrong}).expect(3, 4)
    # The host's INFO with outcomes comes a moment later.
    command = sent.out.split()[0]
    wait_until("the outcome", lambda: [r for r in audit(w) if r["what"] == "command.outcome"
                                       and r["command_id"] == command], 60)
    records = audit(w)
    numbers = [r["number"] for r in records]
    check("numbers rise", numbers == sorted(set(numbers)))
    said = {r["what"] for r in records}
    for what in ("account.added", "device.added", "organization.added", "organization.joined", "administrator.added",
                 "policy.organization", "device.signed_in", "session.created", "command.stored", "command.refused",
                 "command.outcome", "sign_in.refused"):
        check(f"{what} in {said}", what in said)
    stored = next(r for r in records if r["what"] == "command.stored" and r["command_id"] == command)
    check(f"who, on what: {stored}", stored["by"]["account"] == "owner" and stored["session_id"] == host.session
          and stored["organization"] == "acme" and stored["detail"] == "class control")
    refused = [r for r in records if r["what"] == "command.refused"]
    check(f"with its code: {refused}", refused[0]["code"] == 5002)
    check("refused sign-ins are not told one by one", sum(r["what"] == "sign_in.refused" for r in records) == 1)
    own = w.cli("audit", "--json").expect(0).json
    check("its own", own and all(r.get("account") == "owner" for r in own))
    check("the same lines", [r for r in records if r["number"] == own[0]["number"]][0] == own[0])
    theirs = w.cli("audit", "--json", env=eve).expect(0).json
    check("eve: the organization's and her own", {r.get("organization") for r in theirs} <= {"acme", None}
          and any(r.get("account") == "owner" for r in theirs))
    bob = token_of(w, "bob", "desk")
    check("bob: his own", {r.get("account") for r in w.cli("audit", "--json", env=bob).expect(0).json} == {"bob"})
    first = w.cli("audit", "--json", "--limit", "2").expect(0).json
    more = w.cli("audit", "--json", "--from", str(first[-1]["number"] + 1), "--limit", "1").expect(0).json
    check("in parts", [r["number"] for r in first + more] == [r["number"] for r in own[:3]])
    w.cli("audit", "--from", "x").expect(2)
    follow = w.start_cli("audit", "--json", "--follow")
    follow.wait_for("what there was", lambda p: len(p.json) >= len(own), 60)
    w.cli("probe").expect(0)
    follow.wait_for("what comes", lambda p: len(p.json) > len(own), 60)
    follow.end()
    w.relay.kill()
    w.start_relay()
    check("it is kept", audit(w)[:len(records)] == records)
    w.relay_command("backup", f"{w.root}/copy").expect(0)
    w.relay.end()
    w.relay_command("restore", f"{w.root}/copy").expect(0)
    last = audit(w)[-1]["number"]
    w.start_relay()
    after = [r for r in audit(w) if r["number"] > last]
    check(f"numbers jump over what may have been given: {after}", after[0]["what"] == "store.restored"
          and after[0]["number"] > last + 1000)


def a_deleted_account(w):
    begin(w)
    host = w.start_host()
    w.cli("send", "--wait=idle", "SAY something").expect(0)
    watch = w.start_cli("watch", "--json")
    watch.wait_for("synced", lambda p: [line for line in p.json if "synced" in line], 60)
    w.relay_command("account", "owner", "--delete").expect(0)
    check("its links are closed", watch.wait(60) == 4)
    host.wait_text("remote control is off", 60)
    w.cli("ls").expect(4).says("UNAUTHENTICATED")
    check("the record stays", audit(w)[-1]["what"] == "account.deleted" or
          [r for r in audit(w) if r["what"] == "account.deleted"])
    w.relay_command("account").expect(0)
    check("gone", "owner" not in w.relay_command("account").out)


TESTS = [flipped_in_the_middle_of_a_turn, disabled_and_allowed_again, unconfigured_is_disabled, who_may_set,
         administrators_get_no_sessions, managed_machine_forbids, managed_machine_is_only_watched, audited,
         a_deleted_account]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1], sys.argv[2:]))
