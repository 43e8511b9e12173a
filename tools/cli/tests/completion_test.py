#!/usr/bin/python3
"""Completion as people meet it: the scripts are sourced in bash, zsh and fish, and asked. A shell
that is not installed is left out, and said so.

    completion_test.py --build DIR [--keep]"""
import argparse
import os
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/e2e"))
from harness import Failure, run, wait_until  # noqa: E402

BASH = """
eval "$(remote completion bash)" || exit 9
try() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _remote
  local IFS='|'
  echo "${COMPREPLY[*]}"
}
"""


def check(what, value):
    if not value:
        raise Failure(what)
    return value


def path_env(w):
    return dict(w.env, PATH=f"{os.path.dirname(w.program['remote'])}:{w.env['PATH']}")


def begin(w):
    w.start_relay()
    return w.start_host(name="Two words"), w.start_host(name="Other")


def offered(w, *words):
    """{value: text}."""
    lines = w.cli("__complete", *words).expect(0).out.splitlines()
    return dict((line.split("\t") + [""])[:2] for line in lines)


def shell(w, *argv, stdin=""):
    import subprocess
    done = subprocess.run(argv, env=path_env(w), input=stdin, capture_output=True, text=True, timeout=120)
    check(f"{argv}: {done.returncode} {done.stderr}", done.returncode == 0)
    return done.stdout


# ---- what is offered ----

def words_and_flags(w):
    check("verbs", {"ls", "watch", "inspect", "completion"} <= offered(w, "").keys())
    check("by their beginning", offered(w, "wat").keys() == {"watch"})
    check("flags", {"--json", "--until", "--last", "--relay"} <= offered(w, "watch", "--").keys())
    check("of the verb", "--json" not in offered(w, "send", "--jsx") and "--wait" in offered(w, "send", "--w"))
    check("values", offered(w, "watch", "--until", "").keys() == {"idle", "ask", "end"})
    check("joined", offered(w, "watch", "--until=i").keys() == {"--until=idle"})
    check("as bash splits it", offered(w, "watch", "--until", "=", "i").keys() == {"idle"})
    check("files", offered(w, "inspect", "").keys() == {":file"})
    check("files of flags", offered(w, "ls", "--token-file", "").keys() == {":file"})
    check("an agent", offered(w, "host", "--", "x").keys() == {":command"})
    check("host's flags", "--headless" in offered(w, "host", "--h"))
    check("every verb has its flags", all("--help" not in offered(w, v, "--") for v in offered(w, "")))
    check("nothing", not offered(w, "nonesuch", "") and not offered(w, "completion", "bash", ""))


def live_things(w):
    one, two = begin(w)
    check("sessions", offered(w, "watch", "").keys() == {one.session[:8], two.session[:8]})
    check("titles, once begun", "Two words" in offered(w, "watch", "tw"))
    check("modes", {"plan", "default"} <= offered(w, "mode", "--session", one.session, "").keys())
    check("keys", {"model", "mode"} == offered(w, "config", one.session, "mo").keys())
    check("values", offered(w, "config", one.session, "model", "").keys() == {"script-1", "script-2"})
    w.cli("send", one.session, "--wait", "RUN echo asked").expect(0)
    ask = w.wait_ask(one.session)[0]
    check("asks of a session", ask["ask_id"][:8] in offered(w, "approve", one.session, ""))
    wait_until("asks of all", lambda: ask["ask_id"][:8] in offered(w, "approve", ""), 60)
    check("its options", {o["option_id"] for o in ask["options"]} <= offered(w, "answer", ask["ask_id"][:8], "").keys())
    check("devices", len(offered(w, "devices", "revoke", "")) == 1)
    check("quoted", "Two words" in offered(w, "watch", "\"two w"))


def never_blocks(w):
    """A relay that takes the connection and says nothing, and none at all."""
    w.start_relay()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        for port in (deaf.getsockname()[1], 1):
            for words in (["watch", ""], ["config", "x", ""], ["devices", "revoke", ""]):
                began = time.monotonic()
                done = w.cli("__complete", words[0], "--relay", f"tcp://127.0.0.1:{port}", *words[1:]).expect(0)
                took = time.monotonic() - began
                check(f"nothing is said: {done.out}{done.err}", done.out == "" and done.err == "")
                # Its own clock ends it after 0.9 s; the rest is the machine's.
                check(f"at once: {took:.1f} s", took < 10)
    w.cli("__complete").expect(0)
    w.cli("__complete", *["x"] * 200).expect(0)
    w.cli("__complete", "watch", "\\").expect(0)
    w.cli("__complete", "watch", "'").expect(0)
    w.cli("completion").expect(2)
    w.cli("completion", "tcsh").expect(2)


# ---- the shells ----

def in_bash(w):
    one, _ = begin(w)
    said = shell(w, "bash", "--norc", "-c", BASH + f"""
        try remote wat
        try remote watch Two
        try remote watch '"Two'
        try remote watch --until = ''
        try remote mode {one.session} pl
        try remote nonesuch ''
        complete -p remote
    """).splitlines()
    check(f"bash: {said}", said[:6] == ["watch", "Two\\ words", "Two words", "idle|ask|end", "plan", ""])
    check("registered", "_remote" in said[6])
    terminal = w.spawn("bash", ["bash", "--norc", "--noprofile", "-i"], env=dict(path_env(w), PS1="ready> "),
                       terminal=(100, 24))
    terminal.type("eval \"$(remote completion bash)\"; bind 'set enable-bracketed-paste off'; echo so''urced\r")
    terminal.wait_text("sourced", 60)
    terminal.type("remote comp\tba\t; echo; echo do''ne\r")
    terminal.wait_text("completion bash ;", 60)
    terminal.wait_text("done", 60)


def in_zsh(w):
    if not shutil.which("zsh"):
        print("    zsh is not installed")
        return
    begin(w)
    shell(w, "zsh", "-f", "-c", 'autoload -Uz compinit && compinit -D -u && eval "$(remote completion zsh)" && '
                                '[[ "$_comps[remote]" = _remote ]]')
    terminal = w.spawn("zsh", ["zsh", "-f", "-i"], env=dict(path_env(w), TERM="dumb", PS1="ready> "),
                       terminal=(100, 24))
    terminal.type("autoload -Uz compinit && compinit -D -u; eval \"$(remote completion zsh)\"; echo so''urced\r")
    terminal.wait_text("sourced", 60)
    terminal.type("echo remote; remote comp\tzs\t--x; echo do''ne\r")
    terminal.wait_text("done", 60)
    check("completed to `remote completion zsh`", "unknown flag --x" in terminal.text
          and "remote completion zsh" in terminal.text)


def in_fish(w):
    if not shutil.which("fish"):
        print("    fish is not installed")
        return
    one, _ = begin(w)
    said = shell(w, "fish", "--no-config", "-c", "remote completion fish | source; complete -C 'remote wat'; "
                 f"complete -C 'remote watch --until '; complete -C 'remote mode {one.session} pl'")
    lines = [line.split("\t")[0] for line in said.splitlines()]
    check(f"fish: {lines}", lines == ["watch", "idle", "ask", "end", "plan"] or
          sorted(lines) == sorted(["watch", "idle", "ask", "end", "plan"]))


TESTS = [words_and_flags, live_things, never_blocks, in_bash, in_zsh, in_fish]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    sys.exit(run(TESTS, options.build, options.names, options.keep))


if __name__ == "__main__":
    main()
