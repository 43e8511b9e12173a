#!/usr/bin/python3
"""A year of it: backups and restores, deletion while a host is attached, full disks, files that go
away, a relay without descriptors, caps. Real programs, faults by limits that need no privileges.

    life_test.py BUILD_DIR [WORD...]"""
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Failure, bodies, run, text_of, wait_until  # noqa: E402

LONG = 120  # seconds: generous, the machine may be busy


def say(w, host, text):
    w.cli("send", "--session", host.session, "--wait=idle", f"SAY {text}", timeout=LONG).expect(0)


def said(w, session):
    return [m["text"].strip() for m in bodies(w.events(session), "assistant_message")]


def expect_sound(w):
    w.relay_command("check").expect(0).says("the store is sound")


# ---- backup, restore ----
def backup_and_restore(w):
    """A backup of a running relay; then the store is lost while a host goes on; the copy is put in place."""
    w.start_relay()
    host = w.start_host()
    for i in range(5):
        say(w, host, f"before-{i}")
    copy = f"{w.root}/copy"
    w.relay_command("backup", copy).expect(0).says("checked")
    assert os.stat(copy).st_mode & 0o777 == 0o600
    w.relay_command("check", copy).expect(0)
    w.relay_command("backup", copy).expect(1).says("is there already")
    w.relay_command("restore", copy).expect(1).says("stop it first")
    for i in range(5):
        say(w, host, f"after-{i}")
    w.relay.end()
    w.relay_command("restore", copy).expect(0).says("relay.db.replaced")
    relay = w.start_relay()
    wait_until("the relay says so", lambda: "store.restored" in open(relay.log_path, errors="replace").read(), LONG)
    wait_until("the host is back", lambda: any(s["attached"] for s in w.sessions()), LONG)
    say(w, host, "once-more")
    texts = said(w, host.session)
    assert texts.count("once-more") == 1, texts
    # What the copy had not is in the host's new history, as state: nothing is lost, nothing doubled.
    out = w.cli("watch", host.session, "--json", "--from", "snapshot", "--until", "idle").expect(0)
    for i in range(5):
        assert f"after-{i}" in out.out, f"after-{i} is lost"
    relay.end()
    expect_sound(w)
    # The mark is gone: the next start is an ordinary one.
    relay = w.start_relay()
    assert "store.restored" not in open(relay.log_path, errors="replace").read()


def backup_on_another_machine(w):
    """No witness lies beside it there, and still it is known to be a copy."""
    w.start_relay()
    host = w.start_host()
    say(w, host, "hello")
    copy = f"{w.root}/copy"
    w.relay_command("backup", copy).expect(0)
    w.relay.end()
    token = open(w.token_file).read()
    other = f"{w.root}/other"
    w.data, there = other, w.data
    w.relay_command("restore", copy).expect(0)
    with open(f"{there}/token") as f:
        assert f.read() == token
    relay = w.start_relay()
    wait_until("the relay says so", lambda: "store.restored" in open(relay.log_path, errors="replace").read(), LONG)
    wait_until("the host is back", lambda: any(s["attached"] for s in w.sessions()), LONG)
    say(w, host, "again")


def interrupted_backup(w):
    """Whenever it is stopped: a whole file or none, and nothing left over."""
    w.start_relay()
    host = w.start_host()
    say(w, host, "x" * 50000)
    for i in range(12):
        copy = f"{w.root}/copy-{i}"
        process = w.spawn("backup", [w.program["remote-relay"], "backup", copy, "--data", w.data])
        time.sleep(0.004 * i)
        process.send_signal(signal.SIGINT if i % 2 else signal.SIGTERM)
        process.wait(LONG)
        left = [f for f in os.listdir(w.root) if f.startswith(f"copy-{i}") and f != f"copy-{i}"]
        assert not left, left
        if os.path.exists(copy):
            w.relay_command("check", copy).expect(0)
    copy = f"{w.root}/killed"
    process = w.spawn("backup", [w.program["remote-relay"], "backup", copy, "--data", w.data])
    process.kill()
    w.relay_command("backup", f"{w.root}/killed").expect(0, 1)
    assert not os.path.exists(f"{copy}.partial")


def damage_is_found(w):
    w.start_relay()
    host = w.start_host()
    say(w, host, "hello")
    host.end()
    w.relay.end()
    expect_sound(w)
    db = sqlite3.connect(f"{w.data}/relay.db")
    db.execute("UPDATE block SET payload = zeroblob(length(payload)) WHERE id = (SELECT max(id) FROM block)")
    db.commit()
    db.close()
    w.relay_command("check").expect(1).says("checksum", "restore")
    w.relay_command("backup", f"{w.root}/copy").expect(1).says("not sound")
    assert not os.path.exists(f"{w.root}/copy")
    w.relay_command("restore", f"{w.data}/relay.db").expect(1).says("nothing was changed")


def damage_does_not_brick_a_session(w):
    """A block in the middle is bad: readers go on at the next snapshot, and are told so. A record of the audit log is
    bad: the relay starts all the same, and says where it is missing."""
    w.start_relay()
    host = w.start_host()
    say(w, host, "early")
    w.relay.end()
    db = sqlite3.connect(f"{w.data}/relay.db")
    newest = """UPDATE block SET payload = zeroblob(length(payload)) WHERE id = (
        SELECT max(block.id) FROM block JOIN log USING (place) WHERE part = 0 AND (account = 0) = ?)"""
    for of_the_audit_log in (0, 1):
        assert db.execute(newest, (of_the_audit_log,)).rowcount == 1
    db.commit()
    db.close()
    w.start_relay()
    wait_until("the host is back", lambda: any(s["attached"] for s in w.sessions()), LONG)
    out = w.cli("watch", host.session, "--json", "--from", "start", "--until", "idle", timeout=LONG)
    say(w, host, "late")
    out = w.cli("watch", host.session, "--json", "--from", "start", "--until", "idle", timeout=LONG).expect(0)
    assert "late" in out.out
    said = open(w.relay.log_path, errors="replace").read()
    assert "log.damaged" in said and "audit.damaged" in said
    w.relay_command("audit").expect(0).says("audit.damaged", "command.")


def stats_say_what_is_there(w):
    w.start_relay("--log-bytes-max", "64M", "--retention", "90d")
    host = w.start_host()
    say(w, host, "hello")

    def numbers():
        return json.loads(w.relay_command("stats", "--json").expect(0).out)
    all_ = wait_until("the host is counted", lambda: (lambda n: n if n["relay"]["hosts_attached"] else None)(numbers()))
    one = next(s for s in all_["sessions"] if s["session"] == host.session)
    assert one["host_attached"] and one["end"] > 5 and one["bytes"] > 100 and one["account"] == "owner"
    assert all_["store"]["pages"] > 0 and all_["store"]["format"] == 2
    assert all_["relay"]["log_bytes"] >= one["bytes"]
    w.relay_command("stats").expect(0).says("store_file_bytes", f"session {host.session}", "host attached")
    w.relay.end()
    offline = numbers()
    assert offline["sessions"][0]["end"] >= one["end"] and not offline["sessions"][0]["host_attached"]
    before = offline["store"]["pages"]
    w.relay_command("compact").expect(0)
    assert numbers()["store"]["pages"] <= before
    expect_sound(w)


# ---- deletion ----
def deleted_while_attached(w):
    """The session is deleted while its host is attached: told, freed, and on again as another one."""
    w.start_relay()
    host = w.start_host(terminal=(100, 30))
    first = host.session
    say(w, host, "history")
    watcher = w.start_cli("watch", first, "--json")
    watcher.wait_for("the watcher sees it", lambda p: p.json, LONG)
    w.cli("rm", first, "--yes").expect(0)
    assert watcher.wait(LONG) != 0
    host.wait_text("deleted at the relay", LONG)
    assert not w.sessions()
    size = json.loads(w.relay_command("stats", "--json").expect(0).out)["relay"]
    assert size["sessions"] == 0 and size["tombstones"] == 1 and size["log_bytes"] == 0
    host.type("/remote on\r")
    host.wait_text("it goes on there as a new", LONG)
    new = wait_until("it is listed", lambda: next((s["session_id"] for s in w.sessions() if s["attached"]), None), LONG)
    assert new != first
    host.session = new
    assert "history" in said(w, new)
    say(w, host, "onwards")
    assert said(w, new).count("onwards") == 1
    w.cli("watch", first, "--json", "--until", "idle").expect(1, 3, 4, 5)
    # The next process knows the new id, by either name.
    host.type("/exit\r")
    host.end()
    again = w.start_host(terminal=(100, 30), resume=new[:8], wait=False)
    wait_until("it is back", lambda: any(s["attached"] and s["session_id"] == new for s in w.sessions()), LONG)
    again.session = new
    say(w, again, "resumed")


# ---- disks ----
def limit_files(pid, soft):
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft if soft is not None else hard, hard))


def relay_disk_full(w):
    w.start_relay()
    host = w.start_host()
    say(w, host, "before")
    limit_files(w.relay.pid, 4096)
    sent = w.start_cli("send", "--session", host.session, "--wait=idle", "SAY during")
    log = w.relay.log_path
    wait_until("the relay says so", lambda: "store.failing" in open(log, errors="replace").read(), LONG)
    assert "make room" in open(log, errors="replace").read()
    assert sent.alive, "acknowledged without a disk"
    assert json.loads(w.relay_command("stats", "--json").expect(0).out)["relay"]["store_failing"] == 1
    limit_files(w.relay.pid, None)
    assert sent.wait(LONG) == 0
    wait_until("the relay recovered", lambda: "store.recovered" in open(log, errors="replace").read(), LONG)
    assert said(w, host.session).count("during") == 1
    assert w.relay.alive
    w.relay.end()
    expect_sound(w)


def host_disk_full(w):
    w.start_relay()
    host = w.start_host()
    say(w, host, "before")
    limit_files(host.pid, 4096)
    sent = w.start_cli("send", "--session", host.session, "--wait=idle", "SAY during")
    wait_until("the host says so", lambda: "disk is full" in open(host.log_path, errors="replace").read(), LONG)
    assert sent.alive, "acknowledged without a journal"
    limit_files(host.pid, None)
    sent.wait(LONG)
    say(w, host, "after")
    assert host.alive
    assert said(w, host.session).count("after") == 1


def journal_removed(w):
    """The journal goes away under a running host: it says so, acknowledges nothing, goes on when it is back."""
    w.start_relay()
    host = w.start_host()
    say(w, host, "before")
    journal = f"{w.root}/state/remote/sessions/{host.session}/journal.db"
    os.rename(journal, f"{journal}.aside")
    sent = w.start_cli("send", "--session", host.session, "--wait=idle", "SAY during")
    wait_until("the host says so",
               lambda: "cannot be written" in open(host.log_path, errors="replace").read(), LONG)
    assert sent.alive and host.alive
    os.rename(f"{journal}.aside", journal)
    sent.wait(LONG)
    say(w, host, "after")


def small_disk(w, *options):
    """A tmpfs of its own for the relay's data; None where this user may not mount."""
    os.makedirs(w.data, mode=0o700)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(["mode=0700", *options]), "tmpfs", w.data],
                          capture_output=True)
    return made.returncode == 0


def disk_really_full(w):
    """A file system without a block left, then without an inode, then read-only: said, survived, mended."""
    if not small_disk(w, "size=24m", "nr_inodes=64"):
        print("  (skipped: mounting is not allowed here)")
        return
    try:
        w.start_relay()
        host = w.start_host()
        say(w, host, "before")
        log = w.relay.log_path
        filler = os.open(f"{w.data}/filler", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while True:
                os.write(filler, b"x" * 4096)
        except OSError:
            os.close(filler)
        # The log's room that was taken ahead of time is used up first.
        sent = w.start_cli("send", "--session", host.session, "--wait=idle", "SAY " + os.urandom(50000).hex())
        more = [w.start_cli("send", "--session", host.session, "SAY " + os.urandom(50000).hex()) for _ in range(16)]
        wait_until("the relay says so", lambda: "store.failing" in open(log, errors="replace").read(), LONG)
        assert "make room" in open(log, errors="replace").read()
        w.relay_command("backup", f"{w.data}/copy").expect(1)
        assert not [f for f in os.listdir(w.data) if f.startswith("copy")]
        os.unlink(f"{w.data}/filler")
        wait_until("the relay recovered", lambda: "store.recovered" in open(log, errors="replace").read(), LONG)
        assert sent.wait(LONG) == 0
        for m in more:
            m.wait(LONG)
        say(w, host, "after")
        w.relay.end()
        expect_sound(w)
        # No inode: the write-ahead log cannot be made.
        fillers = []
        try:
            for i in range(100):
                open(f"{w.data}/i{i}", "wb").close()
                fillers.append(f"{w.data}/i{i}")
        except OSError:
            pass
        relay = w.spawn("relay", [w.program["remote-relay"], "serve", "--data", w.data, "--listen", w.url])
        assert relay.wait(LONG) == 1
        assert "cannot" in open(relay.log_path, errors="replace").read()
        for f in fillers:
            os.unlink(f)
        subprocess.run(["mount", "-o", "remount,ro", w.data], check=True)
        relay = w.spawn("relay", [w.program["remote-relay"], "serve", "--data", w.data, "--listen", w.url])
        assert relay.wait(LONG) == 1
        subprocess.run(["mount", "-o", "remount,rw", w.data], check=True)
        w.start_relay()
        say(w, host, "again")
    finally:
        if w.relay.alive:
            w.relay.end()
        subprocess.run(["umount", "-l", w.data], check=False)


# ---- descriptors, signals ----
def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without_descriptors(w):
    """No descriptor is left for another connection: no busy loop, and it goes on when there is one."""
    w.env["REMOTE_DEBUGGABLE"] = "1"  # its descriptors are counted from outside
    w.start_relay()
    host = w.start_host()
    say(w, host, "before")
    port = int(w.url.rsplit(":", 1)[1])
    used = len(os.listdir(f"/proc/{w.relay.pid}/fd"))
    soft, hard = resource.prlimit(w.relay.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(w.relay.pid, resource.RLIMIT_NOFILE, (used + 2, hard))
    crowd = []
    for _ in range(60):
        s = socket.socket()
        s.settimeout(5)
        try:
            s.connect(("127.0.0.1", port))
            crowd.append(s)
        except OSError:
            s.close()
    before = cpu_seconds(w.relay.pid)
    time.sleep(2)
    spent = cpu_seconds(w.relay.pid) - before
    assert spent < 1, f"{spent} s of CPU in 2 s"
    for s in crowd:
        s.close()
    resource.prlimit(w.relay.pid, resource.RLIMIT_NOFILE, (soft, hard))
    say(w, host, "after")
    assert w.relay.alive


def stopped_right_after_the_start(w):
    """A signal that comes as soon as the relay says that it has started is heard."""
    w.start_relay()
    w.relay.end()
    for i in range(15):
        relay = w.spawn("relay", [w.program["remote-relay"], "serve", "--data", w.data, "--listen", w.url])
        if i % 3 == 0:
            wait_until("it has started", lambda: "relay.started" in open(relay.log_path, errors="replace").read(), LONG)
        elif i % 3 == 1:
            wait_until("it begins", lambda: os.path.getsize(relay.log_path) > 0 or not relay.alive, LONG, 0.0005)
        else:
            # Before it takes signals it may die of one: nothing was acknowledged by then.
            time.sleep(0.002 * i)
        relay.send_signal(signal.SIGTERM)
        code = relay.wait(LONG)
        assert code == 0 or (i % 3 == 2 and code == -signal.SIGTERM), code
    expect_sound(w)


# ---- caps ----
def caps_of_a_session(w):
    """A long session under its cap: what is left begins with a snapshot, and the file stops growing."""
    w.start_relay("--log-bytes-max", "4M")
    host = w.start_host()
    sizes = []
    for i in range(14):
        # Hexadecimal noise: about half of it is left after compression.
        noise = os.urandom(30000).hex()
        for _ in range(2):
            say(w, host, noise)
        one = json.loads(w.relay_command("stats", "--json").expect(0).out)
        sizes.append((one["sessions"][0]["bytes"], one["sessions"][0]["first"], one["store"]["pages"]))
    assert sizes[-1][0] < 6 * 1024 * 1024, sizes
    out = w.cli("watch", host.session, "--json", "--from", "start", "--until", "idle", timeout=LONG).expect(0)
    assert out.json, "nothing to read"
    w.relay.end()
    expect_sound(w)


TESTS = [backup_and_restore, backup_on_another_machine, interrupted_backup, damage_is_found, damage_does_not_brick_a_session, stats_say_what_is_there,
         deleted_while_attached, relay_disk_full, host_disk_full, journal_removed, disk_really_full, without_descriptors,
         stopped_right_after_the_start, caps_of_a_session]

if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(run(TESTS, sys.argv[1], sys.argv[2:], keep=bool(os.environ.get("KEEP"))))
