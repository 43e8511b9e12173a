#!/usr/bin/python3
"""`tools/demo/run`, without a terminal: its link signs a browser in, what it says to type works, and Ctrl-C ends it cleanly.

    demo_test.py BUILD_DIR"""
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def ask(browser, page, path, body=None):
    """What the page's scripts do: status and answer."""
    request = urllib.request.Request(page + path, None if body is None else json.dumps(body).encode(),
                                     {"Content-Type": "application/json", "Origin": page.rstrip("/")})
    try:
        with browser.open(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def signs_in_once(browser, page, invite):
    status, seen = ask(browser, page, "v1/invitation", {"invite": invite})
    assert status == 200 and seen["account"] == "owner", (status, seen)
    status, done = ask(browser, page, "v1/sign-in", {"invite": invite, "device": "browser of the test"})
    assert status == 200, (status, done)
    status, who = ask(browser, page, "v1/who")
    assert status == 200 and who["signed_in"] is True and who["account"] == "owner", (status, who)
    stranger = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    status, again = ask(stranger, page, "v1/sign-in", {"invite": invite, "device": "another"})
    assert status in (401, 403) and "token" not in again, (status, again)


def main(build):
    demo = subprocess.Popen([f"{ROOT}/tools/demo/run", os.path.relpath(build)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
                            # Who started the tests in the background has Ctrl-C ignored, and a shell keeps that.
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        text = ""
        while "asks" not in text:
            line = demo.stdout.readline()
            assert line, f"the demo ended: {text}"
            text += line
        page = re.search(r"http://127\.0\.0\.1:\d+/", text)
        assert bool(page) == os.path.exists(f"{ROOT}/build/web/index.html"), f"the page is served when it is built: {text}"
        if page:
            here = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
            assert b"<div id=\"app\"" in here.open(page.group(), timeout=60).read(), "that is not the page"
            link = re.search(r"http://127\.0\.0\.1:\d+/#/sign-in/(rri_[0-9a-f]{32})\n", text)
            assert link, f"no link that signs a browser in: {text}"
            signs_in_once(here, page.group(), link.group(1))
        env = dict(os.environ, **dict(re.findall(r"(REMOTE_\w+)=(\S+)", text)))
        remote = re.search(r"(\S+/remote) attach", text).group(1)
        deadline = time.monotonic() + 20
        while True:
            said = subprocess.run([remote, "send", "--wait=idle", "SAY shown by the demo"], env=env, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
            if said.returncode == 0:
                break
            assert time.monotonic() < deadline, f"remote send: exit {said.returncode}: {said.stdout}"
            time.sleep(0.2)
        assert "applied" in said.stdout, said.stdout
        state = os.path.dirname(os.path.dirname(env["REMOTE_TOKEN_FILE"]))
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0, f"the demo ended with {demo.returncode}"
        assert not os.path.exists(state), "its folder is still there"
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
    print("demo: 1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
