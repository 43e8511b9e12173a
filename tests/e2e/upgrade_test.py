#!/usr/bin/python3
"""Stores of former formats: opened, brought up to date in one transaction, kept as they were; newer ones
are refused and not touched.

    upgrade_test.py BUILD_DIR

tests/fixtures/store/format2.sql is what a relay wrote before there was a format of the records:
one account, its device (the token is in the file's first line), a session with a conversation. Format 1
of the file is made of it here; it had neither places nor checksums."""
import hashlib
import json
import os
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from operation_test import relay_command, start_relay, wait  # noqa: E402
from steered import run_cases  # noqa: E402

FIXTURE = os.path.join(os.path.dirname(HERE), "fixtures/store/format2.sql")
SPACE_FORMAT = 30
TO_FORMAT_1 = """
    UPDATE block SET place = (SELECT id FROM log WHERE log.place = block.place);
    DROP INDEX block_set;
    DROP TABLE garbage;
    ALTER TABLE block DROP COLUMN crc;
    ALTER TABLE block RENAME COLUMN place TO log;
    ALTER TABLE log DROP COLUMN place;
    ALTER TABLE store DROP COLUMN place;
    PRAGMA user_version = 1;
"""


def make_store(p, change=""):
    """A data directory with the fixture; returns its token."""
    text = open(FIXTURE, encoding="utf-8").read()
    token = text.split("\n", 1)[0].removeprefix("-- token ")
    os.makedirs(p.data, mode=0o700)
    db = sqlite3.connect(f"{p.data}/relay.db", isolation_level=None)
    db.executescript(text)
    db.executescript(change)
    db.close()
    os.chmod(f"{p.data}/relay.db", 0o600)
    fd = os.open(p.token_file, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, token.encode() + b"\n")
    os.close(fd)


def number(path, text):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(text).fetchone()[0]
    finally:
        db.close()


def records_of(path, space):
    return number(path, f"SELECT count(*) FROM record WHERE space = {space}")


def relay_log(p):
    return open(f"{p.root}/relay.log", encoding="utf-8").read()


def said_of(p):
    """What is still told of the session, as the old programs told it."""
    listed = wait("the session", lambda: p.remote("ls", "--json").stdout.strip())
    assert "fixture" in listed, listed
    session = json.loads(listed.splitlines()[0])["session_id"]
    # It has ended with a command that no host came for: that is told at once, and nobody waits for it.
    for _ in range(2):
        r = p.remote("watch", session, "--from", "start", "--until", "idle", "--json", "--timeout", "120")
        assert r.returncode == 0, r.stderr
        status = next(line for line in map(json.loads, r.stdout.splitlines()) if "status" in line)["status"]
        assert (status["commands_stored"], status["commands_delivered"]) == (1, 0), status
    assert "hello from an older relay" in r.stdout, r.stdout
    return r.stdout.count("\n")


def is_brought_up_to_date(p, format_before):
    start_relay(p)
    lines = said_of(p)
    store, former = f"{p.data}/relay.db", f"{p.data}/relay.db.former"
    assert os.stat(former).st_mode & 0o777 == 0o600
    # What was is there as it was; what is has today's formats.
    assert number(former, "PRAGMA user_version") == format_before
    assert records_of(former, SPACE_FORMAT) == 0
    assert number(store, "PRAGMA user_version") == 2
    wait("the format in the store", lambda: records_of(store, SPACE_FORMAT) == 1)
    assert relay_log(p).count("store.upgraded") == (1 if format_before == 2 else 2), relay_log(p)
    checked = relay_command(p, "check")
    assert checked.returncode == 0, checked.stdout
    p.relay.end()
    # Only once.
    before = os.stat(former).st_mtime_ns
    start_relay(p)
    said_of(p)
    p.relay.end()
    assert os.stat(former).st_mtime_ns == before
    assert relay_log(p).count("store.upgraded") == (1 if format_before == 2 else 2)
    return f"{lines} events"


def format_2_is_opened(p):
    make_store(p)
    return is_brought_up_to_date(p, 2)


def format_1_is_opened(p):
    make_store(p, TO_FORMAT_1)
    assert number(f"{p.data}/relay.db", "PRAGMA user_version") == 1
    return is_brought_up_to_date(p, 1)


def without_room_for_a_copy_it_goes_on(p):
    make_store(p)
    os.mkdir(f"{p.data}/relay.db.former.partial")  # in the way
    start_relay(p)
    said_of(p)
    line = next(line for line in relay_log(p).splitlines() if "store.upgraded" in line)
    assert "WARNING" in line and "copy=none" in line and "relay.db.former.partial" in line, line
    p.relay.end()
    os.rmdir(f"{p.data}/relay.db.former.partial")


def refused(p, *says):
    path = f"{p.data}/relay.db"
    before = hashlib.sha256(open(path, "rb").read()).digest()
    for words in (("serve", "--listen", "tcp://127.0.0.1:0"), ("token", "--device", "x"), ("account",)):
        r = subprocess.run([p.program["remote-relay"], words[0], "--data", p.data, *words[1:]], env=p.env,
                           capture_output=True, text=True, timeout=120)
        assert r.returncode == 1, f"{words}: {r}"
        for text in says:
            assert text in r.stderr, r.stderr
    checked = relay_command(p, "check")
    assert checked.returncode == 1 and "newer" in checked.stdout + checked.stderr or "format" in checked.stderr, checked
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.close()
    return before == hashlib.sha256(open(path, "rb").read()).digest()


def a_newer_file_is_refused(p):
    make_store(p, "PRAGMA user_version = 3;")
    assert refused(p, "format 3", "upgrade the program"), "it was changed"


def newer_records_are_refused(p):
    make_store(p, f"INSERT INTO record VALUES({SPACE_FORMAT}, CAST('relay' AS BLOB), X'63000000');")
    refused(p, "newer remote-relay")
    assert number(f"{p.data}/relay.db", f"SELECT hex(value) FROM record WHERE space = {SPACE_FORMAT}") == "63000000"
    assert not os.path.exists(f"{p.data}/relay.db.former")


def records_that_nobody_knows_are_told(p):
    make_store(p, "INSERT INTO record VALUES(77, X'00', X'00');")
    r = relay_command(p, "check")
    assert r.returncode == 1 and "space 77" in r.stdout, r


if __name__ == "__main__":
    sys.exit(run_cases(sys.argv[1], {f.__name__: f for f in (
        format_2_is_opened, format_1_is_opened, without_room_for_a_copy_it_goes_on, a_newer_file_is_refused,
        newer_records_are_refused, records_that_nobody_knows_are_told)}))
