#!/usr/bin/python3
"""Signing in and out with the real programs: pairing on two terminals, cuts and restarts while a code
is shown, wrong codes, tokens from scripts and with an end, signing out a machine whose host runs; and
that nothing of it is left in a place where others could read it.

    login_test.py BUILD_DIR [WORD...]"""
import contextlib
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Failure, NotBuilt, World, plain, run, wait_until  # noqa: E402

LONG = 120
CODE = re.compile(r"Code: ([BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4})")


def folder_of(w, name):
    """A machine of its own: what it remembers lies in its own folders."""
    for part in ("state", "config"):
        os.makedirs(f"{w.root}/{name}/{part}", mode=0o700, exist_ok=True)
    env = {k: v for k, v in w.env.items() if k not in ("REMOTE_TOKEN_FILE", "REMOTE_TOKEN")}
    return dict(env, HOME=f"{w.root}/{name}", XDG_STATE_HOME=f"{w.root}/{name}/state",
                XDG_CONFIG_HOME=f"{w.root}/{name}/config")


def token_files(env):
    folder = env["XDG_STATE_HOME"] + "/remote/tokens"
    return [f"{folder}/{name}" for name in os.listdir(folder)] if os.path.isdir(folder) else []


def start_login(w, env, *flags):
    login = w.spawn("login", [w.program["remote"], "login", *flags], env=env, terminal=(100, 50))
    code = login.wait_for("a code", lambda p: CODE.search(plain(p.text)), LONG).group(1)
    login.wait_text("Waiting", LONG)
    return login, code


def account_of(w, env):
    return w.cli("devices", "--json", env=without_token(env)).expect(0).json


def without_token(env):
    return dict(env, REMOTE_TOKEN_FILE="", REMOTE_TOKEN="")


def sign_in(w, env, *flags):
    login, code = start_login(w, env, *flags)
    w.cli("devices", "confirm", code, "--yes").expect(0).says("confirmed")
    assert login.wait(LONG) == 0, login.text
    return login, code


def a_phone_is_paired(w):
    """Code and QR code on one terminal; the other one shows whose it is, asks, confirms."""
    w.start_relay()
    phone = folder_of(w, "phone")
    login, code = start_login(w, phone, "--device", "my phone")
    assert "█" in login.text, "no QR code"
    w.cli("devices", "confirm", code).expect(2).says("my phone", "127.0.0.1", "--yes")
    asking = w.start_cli("devices", "confirm", code, terminal=(100, 30))
    asking.wait_text("[y/N]", LONG)
    for text in ("my phone", "127.0.0.1", "owner"):
        assert text in asking.text, asking.text
    asking.type("n\n")
    assert asking.wait(LONG) == 2
    assert login.alive
    asking = w.start_cli("login", "--confirm", code, terminal=(100, 30))
    asking.wait_text("[y/N]", LONG)
    asking.type("y\n")
    assert asking.wait(LONG) == 0
    assert login.wait(LONG) == 0
    assert "signed in to account owner as my phone" in plain(login.text)
    (path,) = token_files(phone)
    assert os.stat(path).st_mode & 0o777 == 0o600
    mine = [d for d in account_of(w, phone) if d["current"]][0]
    assert mine["name"] == "my phone" and mine["surface"] == "remote" and mine["expires_ms"] == 0, mine
    # Again: it is signed in already.
    w.cli("login", env=without_token(phone)).expect(0).says("signed in to account owner")
    w.cli("devices", "rename", mine["device_id"][:8], "old phone").expect(0).says("old phone")
    assert [d["name"] for d in account_of(w, phone) if d["current"]] == ["old phone"]
    w.cli("devices", "confirm", code, "--yes").expect(5)
    w.cli("logout", env=without_token(phone)).expect(0).says("signed out")
    assert token_files(phone) == []
    w.cli("ls", env=without_token(phone)).expect(4).says("remote login")
    w.cli("logout", env=without_token(phone)).expect(4).says("not signed in")


def the_operator_pairs(w):
    w.start_relay()
    tablet = folder_of(w, "tablet")
    w.relay_command("account", "ada").expect(0)
    login, code = start_login(w, tablet)
    w.relay_command("pairings").expect(0).says("127.0.0.1")
    assert code not in w.relay_command("pairings").out
    w.relay_command("pair", code, "--account", "nobody", "--yes").expect(1).says("no such account")
    w.relay_command("pair", "BBBB-BBBB", "--yes").expect(1).says("no device shows this code")
    w.relay_command("pair", code, "--account", "ada").expect(1).says("--yes")
    w.relay_command("pair", code, "--account", "ada", "--yes").expect(0)
    assert login.wait(LONG) == 0
    assert "account ada" in plain(login.text)
    # Refused by a person.
    login, code = start_login(w, folder_of(w, "stranger"))
    w.relay_command("pair", code, "--deny").expect(0).says("refused")
    assert login.wait(LONG) == 4, login.text
    assert "refused" in plain(login.text)
    login, code = start_login(w, folder_of(w, "stranger"))
    w.cli("devices", "deny", code).expect(0).says("refused")
    assert login.wait(LONG) == 4


def it_survives_cuts_and_kills(w):
    """The relay is killed while a code is shown, and again after it was confirmed; the code stays."""
    w.start_relay()
    w.start_proxy()
    phone = folder_of(w, "phone")
    login, code = start_login(w, phone)
    w.proxy.tell("cut relay")
    login.wait_text("trying again", LONG)
    w.relay.kill()
    w.start_relay()
    w.url = w.env["REMOTE_RELAY"] = w.client_url(w.listening)
    assert set(CODE.findall(plain(login.text))) == {code}, login.text
    login.send_signal(signal.SIGSTOP)
    w.cli("devices", "confirm", code, "--yes").expect(0)
    w.relay.kill()
    w.start_relay()
    login.send_signal(signal.SIGCONT)
    assert login.wait(LONG) == 0, login.text
    assert "signed in to account owner" in plain(login.text)
    assert len(token_files(phone)) == 1
    assert len(account_of(w, phone)) == 2


def a_thousand_wrong_codes(w):
    """Who guesses has to wait; the honest device is paired all the same."""
    w.start_relay()
    guesser = folder_of(w, "guesser")
    w.relay_command("account", "mallory").expect(0)
    token = w.relay_command("token", "--device", "m", "--account", "mallory").expect(0).out
    w.cli("login", "--token-stdin", stdin=token, env=without_token(guesser)).expect(0)
    login, code = start_login(w, folder_of(w, "phone"))
    codes = []
    for i in range(20):
        guess = "BCDF-" + "".join("BCDFGHJKLMNPQRSTVWXZ"[(i * k) % 20] for k in (1, 3, 7, 11))
        if guess != code:
            codes.append(w.cli("devices", "confirm", guess, "--yes", env=without_token(guesser)).code)
    assert set(codes) <= {5, 3}, codes
    assert 3 in codes and codes[0] == 5, codes
    w.cli("devices", "confirm", "BCDF", "--yes", env=without_token(guesser)).expect(3).says("try again in")
    w.relay_command("pair", code, "--yes").expect(0)
    assert login.wait(LONG) == 0


def tokens_for_scripts(w):
    """From standard input, into a file of one's own choice, with an end."""
    w.start_relay()
    ci = folder_of(w, "ci")
    token = w.relay_command("token", "--device", "ci", "--expires", "1h").expect(0).out
    w.cli("login", "--token-stdin", stdin="rrt_" + "00" * 32, env=without_token(ci)).expect(4)
    w.cli("login", "--token-stdin", stdin="", env=without_token(ci)).expect(2)
    assert token_files(ci) == []
    path = f"{w.root}/ci-token"
    w.cli("login", "--token-stdin", "--token-file", path, stdin=token, env=without_token(ci)).expect(0)
    assert os.stat(path).st_mode & 0o777 == 0o600
    mine = [d for d in w.cli("devices", "--json", "--token-file", path).expect(0).json if d["current"]][0]
    assert 0 < mine["expires_ms"] - mine["created_ms"] <= 3600 * 1000, mine
    w.cli("devices", "--token-file", path).expect(0).says("expires in")
    for wrong in ("0h", "1", "-1d", "x"):
        w.relay_command("token", "--device", "ci", f"--expires={wrong}").expect(2)
    # A relay that cannot be reached: the token is kept, and that is said.
    w.relay.end()
    w.cli("logout", "--token-file", path, "--timeout", "1").expect(3).says("not signed out", "--local")
    assert os.path.exists(path)
    w.cli("logout", "--token-file", path, "--local").expect(0).says("still counts")
    assert not os.path.exists(path)


def signing_out_ends_the_host(w):
    """`remote logout` on the machine where a host runs: remote control ends, and that is on record."""
    w.start_relay()
    desk = folder_of(w, "desk")
    sign_in(w, desk, "--device", "desk")
    host = w.spawn("host", [w.program["remote"], "host", "--remote", "--headless", "--",
                            w.program["remote-demo-agent"]], env=without_token(desk))
    session = wait_until("the session", lambda: next(
        (s["session_id"] for s in w.sessions() if s["attached"]), None), LONG)
    w.cli("logout", env=without_token(desk)).expect(0).says("signed out")
    wait_until("remote control is off", lambda: not any(s["attached"] for s in w.sessions()), LONG)
    host.wait_for("it says so", lambda p: "does not accept this device" in plain(
        open(p.log_path, errors="replace").read()), LONG)
    assert host.alive, "the local session goes on"
    assert session
    # Everywhere: nobody is signed in any more.
    w.cli("logout", "--everywhere").expect(2).says("--yes")
    w.cli("logout", "--everywhere", "--yes").expect(0).says("signed out everywhere")
    w.relay_command("account").expect(0).says("devices 0")


def signed_in_again(w):
    """A session of a device that was signed out goes on as another one once its machine is signed in anew."""
    w.start_relay()
    desk = folder_of(w, "desk")
    sign_in(w, desk, "--device", "desk")
    host = w.spawn("host", [w.program["remote"], "host", "--remote", "--", w.program["remote-demo-agent"]],
                   env=without_token(desk), terminal=(100, 30))

    def attached():
        return [s["session_id"] for s in w.sessions() if s["attached"]]
    (first,) = wait_until("the session", attached, LONG)
    w.cli("logout", env=without_token(desk)).expect(0).says("signed out")
    host.wait_text("Sign in again", LONG)
    sign_in(w, desk, "--device", "desk")

    def on_again():
        host.type("/remote on\r")
        time.sleep(0.3)  # not typed faster than a person would
        return attached()
    (second,) = wait_until("it is on again", on_again, LONG)
    assert second != first and "/remote on makes it a new one there" in " ".join(plain(host.text).split())


def signed_in_again_with_nobody_there(w):
    """A host without a terminal takes remote control up again by itself, for the account it was shared with."""
    w.start_relay()
    desk = folder_of(w, "desk")
    sign_in(w, desk, "--device", "desk")
    command = [w.program["remote"], "host", "--remote", "--headless", "--", w.program["remote-demo-agent"]]
    host = w.spawn("host", command, env=without_token(desk))

    def attached():
        return [s["session_id"] for s in w.sessions() if s["attached"]]
    (first,) = wait_until("the session", attached, LONG)
    w.cli("send", first, "--wait=idle", "SAY remembered").expect(0)
    w.cli("logout", env=without_token(desk)).expect(0).says("signed out")
    host.wait_text("it is on again then", LONG)
    assert not attached()
    sign_in(w, desk, "--device", "desk")
    (second,) = wait_until("it is on again", attached, LONG)
    assert second != first and "/remote on" not in host.text, host.text
    assert any("remembered" in json.dumps(e) for e in w.events(second))
    # Somebody else's account gets nothing of it before a person says so.
    w.relay_command("account", "mallory").expect(0)
    said = w.relay_command("token", "--device", "m", "--account", "mallory").expect(0).out
    other = dict(w.env, REMOTE_TOKEN_FILE="", REMOTE_TOKEN=re.search("rrt_[0-9a-f]+", said).group(0))
    w.cli("logout", env=without_token(desk)).expect(0).says("signed out")
    login, code = start_login(w, desk, "--device", "desk")
    w.cli("devices", "confirm", code, "--yes", env=other).expect(0).says("confirmed")
    assert login.wait(LONG) == 0, login.text
    host.wait_text("in a terminal with `remote host --resume`", LONG)
    assert not w.cli("ls", "--json", env=other).expect(0).json and not attached()


def nothing_is_left(w):
    """Codes, secrets and tokens are in no log, store, capture, or file but the token's own."""
    w.env["REMOTE_CAPTURE"] = f"{w.root}/capture"
    w.start_relay("--log-level", "debug")
    phone = folder_of(w, "phone")
    login, code = start_login(w, phone)
    lines = []
    for pid in (login.pid, w.relay.pid):
        for name in ("cmdline", "environ"):
            lines.append(open(f"/proc/{pid}/{name}", "rb").read())
    w.cli("devices", "confirm", code.replace("-", "").lower(), "--yes").expect(0)
    assert login.wait(LONG) == 0
    (path,) = token_files(phone)
    token = open(path).read().strip()
    assert re.fullmatch("rrt_[0-9a-f]{64}", token)
    w.cli("ls", env=without_token(phone)).expect(0)
    w.relay.end()
    assert not any(token.encode() in line or code.encode() in line for line in lines)
    shown = {login.log_path}  # the person's own terminal
    for folder, _, names in os.walk(w.root):
        for name in names:
            file = os.path.join(folder, name)
            if os.path.islink(file) or not os.path.isfile(file):
                continue
            data = open(file, "rb").read()
            for secret in (token, token[4:], code, code.replace("-", ""), code.replace("-", "").lower()):
                if secret.encode() in data and file != path and file not in shown:
                    raise Failure(f"a secret is in {file}")


def on_every_carrier(w):
    """Paired, hosting, signed out: the same wherever the bytes go."""
    for kind in ("tls", "wss", "poll", "grpcs"):
        with contextlib.suppress(NotBuilt), World(w.build, kind, carrier=kind) as other:
            signing_out_ends_the_host(other)


CASES = [a_phone_is_paired, the_operator_pairs, it_survives_cuts_and_kills, a_thousand_wrong_codes,
         tokens_for_scripts, signing_out_ends_the_host,
         signed_in_again, signed_in_again_with_nobody_there, nothing_is_left, on_every_carrier]

if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(run(CASES, sys.argv[1], sys.argv[2:], keep=bool(os.environ.get("KEEP"))))
