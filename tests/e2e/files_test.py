#!/usr/bin/python3
"""Files both ways through the real programs: with prompts, over cuts, restarts and kill -9; images and
files of the agent at those who watch and those who come later; limits; what stays on the disk.

    files_test.py BUILD_DIR [WORD...]"""
import glob
import hashlib
import os
import signal
import socket
import sqlite3
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Failure, bodies, run, text_of, wait_until  # noqa: E402

MIB = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"
PATIENCE = ("--timeout", "120")


class Cutter:
    """A carrier between a client and its relay. Calls `at[n]` once n bytes have come from the client,
    with everything behind them held back; `cut` ends all its connections."""

    def __init__(self, w, at):
        self.w, self.at, self.passed = w, sorted(at.items()), 0
        self.lock = threading.RLock()
        self.open = []
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen()
        self.env = {"REMOTE_RELAY": f"tcp://127.0.0.1:{self.server.getsockname()[1]}"}
        self.done = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.server.accept()[0]
            except OSError:
                return
            host, port = self.w.url.removeprefix("tcp://").split(":")
            try:
                far = socket.create_connection((host, int(port)))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.open += [near, far]
            threading.Thread(target=self.pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, False), daemon=True).start()

    def pump(self, source, target, counted):
        try:
            while data := source.recv(16384):
                if counted:
                    self.count(len(data))
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            one.close()

    def count(self, size):
        with self.lock:
            self.passed += size
            while self.at and self.passed >= self.at[0][0]:
                what = self.at.pop(0)[1]
                self.done.append(what.__name__)
                what()

    def cut(self):
        with self.lock:
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open = []

    def close(self):
        self.server.close()
        self.cut()


def make(w, name, size, head=b""):
    """A file of random bytes; its path and its SHA-256."""
    data = head + os.urandom(size - len(head))
    path = f"{w.root}/work/{name}"
    with open(path, "wb") as file:
        file.write(data)
    return path, hashlib.sha256(data).hexdigest()


def begin(w, *takes):
    w.start_relay()
    agent = [w.program["remote-demo-agent"], *(f"--takes-{t}" for t in takes)]
    return w.start_host(agent=agent), agent


def expect(text, *words):
    for word in words:
        if word not in text:
            raise Failure(f"not said: {word!r} in {text!r}")


def chunks_end_once(w, session):
    """Each chunk command has one outcome, and it is APPLIED. Returns how many there were."""
    outcomes = [o for o in bodies(w.events(session), "command_outcome") if o.get("kind") == "attachment_chunk"]
    ids = [o["command_id"] for o in outcomes]
    if len(set(ids)) != len(ids) or any(o["outcome"] != "applied" for o in outcomes):
        raise Failure(f"outcomes of chunks: {outcomes}")
    return len(ids)


def kept(w, session):
    """What the journal holds of attachments."""
    journal = f"{w.root}/state/remote/sessions/{session}/journal.db"
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM record WHERE space = 4").fetchone()[0]


# ---- with a prompt ----

def each_form(w):
    """An image, a text and anything else, as the agent takes them."""
    host, _ = begin(w, "images", "texts")
    image, image_sum = make(w, "photo of me.png", 300000, PNG)
    other, other_sum = make(w, "data.bin", 70000)
    with open(f"{w.root}/work/notes.md", "w") as file:
        file.write("# Notes\n")
    note_sum = hashlib.sha256(b"# Notes\n").hexdigest()
    w.cli("send", *PATIENCE, "--wait=idle", "--attach", image, "--attach", other, "--attach", "notes.md",
          "FILES").expect(0)
    events = w.events(host.session)
    said = text_of(events)
    expect(said, f"image image/png 300000 {image_sum}", f"link:600 application/octet-stream 70000 {other_sum} data.bin",
           f"text text/markdown 8 {note_sum}")
    named = bodies(events, "user_message")[0]["attachments"]
    if [(a["name"], a["size"]) for a in named] != [("photo of me.png", 300000), ("data.bin", 70000), ("notes.md", 8)]:
        raise Failure(f"named: {named}")
    wait_until("the journal lets go of them", lambda: kept(w, host.session) == 0, 60)
    files = glob.glob(f"{w.root}/state/remote/sessions/{host.session}/attachment-*")
    if len(files) != 2 or any(os.stat(f).st_mode & 0o077 for f in files):
        raise Failure(f"files: {files}")


def an_agent_that_takes_only_links(w):
    host, _ = begin(w)
    image, image_sum = make(w, "photo.png", 5000, PNG)
    w.cli("send", *PATIENCE, "--wait=idle", "--attach", image, "FILES").expect(0)
    expect(text_of(w.events(host.session)), f"link:600 image/png 5000 {image_sum} photo.png")


def the_largest_over_cuts_and_a_restart(w):
    """10 MiB, byte for byte, each chunk with one outcome."""
    host, _ = begin(w)
    big, big_sum = make(w, "big.bin", 10 * MIB)

    def restart():
        w.relay.kill()
        w.start_relay()
    line = Cutter(w, {})
    line.at = [(2 * MIB, line.cut), (5 * MIB, restart), (8 * MIB, line.cut)]
    done = w.cli("send", "--timeout", "120", "--wait=idle", "--attach", big, "FILES", env=line.env, timeout=300)
    line.close()
    done.expect(0)
    if line.done != ["cut", "restart", "cut"]:
        raise Failure(f"faults: {line.done}")
    expect(text_of(w.events(host.session)), f"10485760 {big_sum} big.bin")
    if chunks_end_once(w, host.session) < 80:
        raise Failure("fewer chunks than 10 MiB need")


def two_at_once_and_a_host_killed(w):
    """Two people send at the same time; the host dies in the middle, and goes on as it was."""
    host, agent = begin(w)
    one, one_sum = make(w, "one.bin", 5 * MIB)
    two, two_sum = make(w, "two.bin", 4 * MIB)
    killed = threading.Event()

    def kill():
        host.kill()
        killed.set()
    line = Cutter(w, {3 * MIB: kill})
    env = dict(w.env, **line.env)
    first = w.start_cli("send", *PATIENCE, "--session", host.session, "--wait", "--attach", one, "FILES", env=env)
    second = w.start_cli("send", *PATIENCE, "--session", host.session, "--wait", "--attach", two, "FILES", env=env)
    if not killed.wait(120):
        raise Failure("the host was not killed")
    again = w.start_host(agent=agent, resume=host.session)
    codes = [first.wait(240), second.wait(240)]
    line.close()
    if codes != [0, 0]:
        raise Failure(f"exit codes {codes}: {first.text} {second.text}")
    w.cli("watch", host.session, "--until", "idle", *PATIENCE).expect(0)
    expect(text_of(w.events(again.session)), f"{5 * MIB} {one_sum} one.bin", f"{4 * MIB} {two_sum} two.bin")
    chunks_end_once(w, host.session)
    wait_until("the journal lets go of them", lambda: kept(w, host.session) == 0, 60)


def a_host_that_is_away(w):
    """A small file waits at the relay with its prompt; a large one is not taken, and it says why."""
    host, agent = begin(w)
    small, small_sum = make(w, "small.bin", 200000)
    big, _ = make(w, "big.bin", 9 * MIB)
    host.kill()
    wait_until("the relay knows", lambda: not w.sessions()[0]["attached"], 60)
    w.cli("send", host.session, *PATIENCE, "--attach", small, "FILES").expect(0).says("is not connected")
    w.cli("send", host.session, "--timeout", "4", "--attach", big, "FILES").expect(3).says("is not connected")
    w.start_host(agent=agent, resume=host.session, wait=False)
    wait_until("the small one is there", lambda: small_sum in text_of(w.events(host.session)), 120, 0.3)


def what_cannot_be_sent(w):
    """Said before anything is sent, all of it at once, with what to do."""
    begin(w)
    make(w, "large.bin", 10 * MIB + 1)
    open(f"{w.root}/work/empty", "w").close()
    os.mkdir(f"{w.root}/work/folder")
    os.mkfifo(f"{w.root}/work/pipe")
    every = ("large.bin", "empty", "folder", "pipe", "missing", "/dev/zero")
    words = [w for name in every for w in ("--attach", name)]
    w.cli("send", *words, "FILES").expect(1).says(
        "large.bin has 10.0 MiB (10485761 bytes); at most 10 MiB", "empty is empty", "folder is a folder",
        "pipe is no file", "missing is not there", "/dev/zero is no file")
    w.cli("send", *(["--attach", "empty"] * 17), "x").expect(2).says("more than 16 times")


# ---- from the agent ----

def what_the_agent_shows(w):
    """Byte-equal at one who watches, and at one who comes long after, from a snapshot."""
    host, _ = begin(w)
    image, image_sum = make(w, "plot.png", 2 * MIB, PNG)
    sound, sound_sum = make(w, "sound.ogg", 500000, b"OggS")
    make(w, "huge.png", 10 * MIB + 100, PNG)
    watch = w.start_cli("watch", host.session, "--json")
    watch.wait_for("synced", lambda p: any("synced" in line for line in p.json), 60)
    w.cli("send", *PATIENCE, "--wait=idle", "\n".join([
        "SHOW image image/png plot.png", "SHOW tool image image/png plot.png", "SHOW blob audio/ogg sound.ogg",
        "SHOW image image/png huge.png", "BIG 200"])).expect(0)
    watch.wait_for("the end", lambda p: any("turn_ended" in line.get("event", {}) for line in p.json), 120)
    events = w.events(host.session)
    shown = [a for m in bodies(events, "assistant_message") for a in m.get("attachments", [])]
    in_tool = bodies(events, "tool_ended")[0]["content"][0]["image"]
    if in_tool["asset_id"] != shown[0]["asset_id"]:
        raise Failure("the same image was sent twice")
    if shown[2].get("asset_id") or shown[2]["size"] != 10 * MIB + 100:
        raise Failure(f"over the limit: {shown[2]}")
    expect("".join(n["text"] for n in bodies(events, "notice")), "over 10 MiB")
    for _ in range(3):  # enough for a snapshot behind them
        w.cli("send", *PATIENCE, "--wait=idle", "BIG 512").expect(0)
    late = w.cli("watch", host.session, "--json", "--until", "idle", *PATIENCE).expect(0).json
    snapshot = next(line["snapshot"]["offset"] for line in late if "snapshot" in line)
    listed = [line["asset"] for line in w.cli("asset", "--list", "--json", host.session, *PATIENCE).json]
    if any(asset["offset"] > snapshot for asset in listed):
        raise Failure(f"the snapshot at {snapshot} lies before {listed}")
    for asset, total, right in ((shown[0], 2 * MIB, image_sum), (shown[1], 500000, sound_sum)):
        for name in ("first", "late"):
            target = f"{w.root}/work/{name}-{asset['asset_id']}"
            w.cli("asset", host.session, asset["asset_id"], "-o", target, *PATIENCE).expect(0)
            with open(target, "rb") as file:
                data = file.read()
            if len(data) != total or hashlib.sha256(data).hexdigest() != right:
                raise Failure(f"other bytes: {asset}")
    w.cli("asset", host.session, shown[0]["asset_id"], "-o", target).expect(1).says("--force")
    w.cli("asset", host.session, "asset-none", *PATIENCE).expect(5).says("--list")
    if {a["asset_id"] for a in listed} != {shown[0]["asset_id"], shown[1]["asset_id"]}:
        raise Failure(f"listed: {listed}")
    # As long as the log holds them, also when the host is gone.
    host.end(signal.SIGTERM)
    w.cli("asset", host.session, shown[0]["asset_id"], "-o", target, "--force", *PATIENCE).expect(0)


def a_long_text_is_read_whole(w):
    """A prompt that a message cannot hold: cut in the conversation, whole as an asset."""
    host, _ = begin(w)
    text = "SAY ok\n" + "\n".join(f"NOTE {i} é" for i in range(8000))
    w.cli("send", *PATIENCE, "--wait", "-", stdin=text).expect(0)
    message = bodies(w.events(host.session), "user_message")[0]
    got = w.cli("asset", host.session, message["asset_id"], *PATIENCE).expect(0).out
    if got != text or not text.startswith(message["text"]) or len(message["text"]) == len(text):
        raise Failure(f"{len(got)} of {len(text)} letters")


TESTS = [each_form, an_agent_that_takes_only_links, the_largest_over_cuts_and_a_restart,
         two_at_once_and_a_host_killed, a_host_that_is_away, what_cannot_be_sent, what_the_agent_shows,
         a_long_text_is_read_whole]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1], sys.argv[2:]))
