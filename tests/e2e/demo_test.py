#!/usr/bin/python3
"""`tools/demo/run`, without a terminal: it says what to open and to type, that works, and Ctrl-C ends it cleanly.

    demo_test.py BUILD_DIR"""
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(build):
    demo = subprocess.Popen([f"{ROOT}/tools/demo/run", os.path.abspath(build)], stdin=subprocess.DEVNULL,
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
            here = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            assert b"<div id=\"app\"" in here.open(page.group(), timeout=60).read(), "that is not the page"
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
