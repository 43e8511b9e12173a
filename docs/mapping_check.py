#!/usr/bin/python3
"""Holds docs/mapping.md against the schema and against the names it must speak of.

  mapping_check.py              the table in this tree
  mapping_check.py --self-test  plants one mistake of each kind and expects it to be found

The rules: every name of ours that the page cites is in proto/; every Event body, Ask kind, Command
body, permission kind and option kind is cited by a row or listed as our own with a reason; every
name in mapping.json has one row in its table, and no row is of anything else; verdicts are known
ones; ids are unique; the adapter has a method or an update in its code when, and only when, the
page says that it is built; and what the host is said never to say is made nowhere in its code.
"""
import functools
import json
import os
import re
import sys

DOCS = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(os.path.dirname(DOCS), "proto", "remote", "v1")
SESSION = os.path.join(os.path.dirname(DOCS), "libremote", "src", "session")
ACP = os.path.join(os.path.dirname(DOCS), "tools", "cli", "acp")
HOST = os.path.join(os.path.dirname(DOCS), "tools", "cli", "host")
VERDICTS = {"carried", "part", "extension", "link", "host", "none"}
CITES = {"carried", "part", "extension", "link"}  # must name something of ours
ADAPTER = {"built", "part", "not built"}
HELD_BY_CODE = {"acp.methods.agent", "acp.methods.client", "acp.methods.both", "acp.updates"}
COLUMNS = {
    "acp": ["id", "name", "verdict", "ours", "adapter", "note"],
    "copilot": ["id", "name", "verdict", "ours", "note"],
    "unsaid": ["name", "reason"],
    "own": ["name", "reason"],
}
# What a name of ours looks like: a message, a field of one, a value of an enum.
OURS = re.compile(r"[A-Z][A-Za-z0-9]*(\.[a-z0-9_]+)?|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


def schema_names(folder: str = PROTO) -> set[str]:
    """Message, Message.field, Enum and ENUM_VALUE of all .proto files."""
    names: set[str] = set()
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".proto"):
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as source:
            text = re.sub(r"//[^\n]*", "", source.read())
        current, depth = "", 0  # the message or enum, and how many braces are open in it
        for line in text.split("\n"):
            head = re.match(r"(message|enum)\s+(\w+)\s*\{", line)
            if head and depth == 0:
                current = head[2]
                names.add(current)
            elif depth > 0:
                field = re.match(r"\s*(?:repeated\s+)?[\w.]+\s+(\w+)\s*=\s*\d+", line)
                value = re.match(r"\s*([A-Z][A-Z0-9_]*)\s*=\s*\d+", line)
                if value:
                    names.add(value[1])
                elif field:
                    names.add(f"{current}.{field[1]}")
            depth += line.count("{") - line.count("}")
    return names


def bodies(names: set[str], folder: str = PROTO) -> set[str]:
    """What must be spoken of: members of the oneofs, and kinds of permissions and options."""
    must = {n for n in names if re.fullmatch(r"(PERMISSION_KIND|ASK_OPTION_KIND)_\w+", n)}
    must = {n for n in must if not n.endswith("_UNSPECIFIED")}
    for file, message in (("event", "Event"), ("ask", "Ask"), ("command", "Command")):
        with open(os.path.join(folder, file + ".proto"), encoding="utf-8") as source:
            text = re.sub(r"//[^\n]*", "", source.read())
        whole = re.search(rf"^message {message} \{{(.*?)^\}}", text, re.M | re.S)
        inside = re.search(r"oneof \w+ \{(.*?)\}", whole[1], re.S) if whole else None
        if not inside:
            raise SystemExit(f"{file}.proto: message {message} has no oneof")
        must |= {f"{message}.{n}" for n in re.findall(r"\w+\s+(\w+)\s*=\s*\d+", inside[1])}
    return must


@functools.cache
def sources(folder: str, pattern: str) -> str:
    text = ""
    for file in sorted(os.listdir(folder)):
        if re.fullmatch(pattern, file):
            with open(os.path.join(folder, file), encoding="utf-8") as source:
                text += source.read()
    return text


def adapter_words() -> tuple[set[str], set[str]]:
    """The string literals of the ACP adapter, and the kinds in its table of updates."""
    text = sources(ACP, r"acp\w*\.c")
    return set(re.findall(r'"([^"\n]*)"', text)), set(re.findall(r'\{"(\w+)", on_\w+\}', text))


def said_by_host(name: str) -> bool:
    """Whether code of the host makes it: sets an event's body, an ask's kind or the value."""
    text = sources(ACP, r"\w+\.c") + sources(HOST, r"\w+\.c") + sources(SESSION, r"host\w*\.c")
    of, _, member = name.partition(".")
    if of == "Event":
        return f"body_case = REMOTE__V1__EVENT__BODY_{member.upper()};" in text
    if of == "Ask":
        return f"kind_case = REMOTE__V1__ASK__KIND_{member.upper()};" in text
    return f"PERMISSION({name.removeprefix('PERMISSION_KIND_')})" in text


def cited(text: str) -> list[str]:
    return [n for n in re.findall(r"`([^`]+)`", text) if OURS.fullmatch(n)]


def tables(page: str) -> list[tuple[str, int, list[str]]]:
    """(table, line number, cells) of each row of a table that a `names:` comment announces."""
    rows, table, seen = [], "", 0
    for number, line in enumerate(page.split("\n"), 1):
        mark = re.match(r"<!-- names: ([\w.]+) -->", line)
        if mark or line.startswith("#"):
            table, seen = (mark[1] if mark else ""), 0
        elif table and line.startswith("|"):
            seen += 1
            if seen != 2:  # the rule below the head
                rows.append((table, number, [c.strip() for c in line.strip()[1:-1].split("|")]))
    return rows


class Page:
    """One pass over the page; what is wrong gathers in `faults`."""

    def __init__(self, page: str, wanted: dict[str, list[str]], names: set[str]):
        self.faults: list[str] = []
        self.names, self.spoken = names, set()
        self.words, self.updates = adapter_words()
        self.ids: set[str] = set()
        self.found: dict[str, list[str]] = {table: [] for table in wanted}
        heads: set[str] = set()
        for number, line in enumerate(page.split("\n"), 1):
            for name in cited(line):
                if name not in names:
                    self.say(number, f"{name} is not in the schema")
        for table, number, cells in tables(page):
            columns = COLUMNS.get(table.split(".")[0], [])
            if table not in heads:
                heads.add(table)
                if cells != columns:
                    self.say(number, f"the columns of {table} must be {columns}")
            elif len(cells) != len(columns):
                self.say(number, f"{len(cells)} cells, {len(columns)} wanted")
            else:
                self.row(table, number, dict(zip(columns, cells)))
        for table, expected in wanted.items():
            self.complete(table, expected)

    def say(self, number: int, text: str) -> None:
        self.faults.append(f"mapping.md:{number}: {text}")

    def row(self, table: str, number: int, row: dict[str, str]) -> None:
        if table == "own":
            if not row["reason"]:
                self.say(number, f"{row['name']} is our own, but why?")
            self.spoken.update(cited(row["name"]))
            return
        if table == "unsaid":
            for name in filter(said_by_host, cited(row["name"])):
                self.say(number, f"the host does say {name}")
            return
        ours = cited(row["ours"])
        self.spoken.update(ours)
        if row["id"] in self.ids:
            self.say(number, f"id {row['id']} is used twice")
        self.ids.add(row["id"])
        if table not in self.found:
            self.say(number, f"mapping.json has no table {table}")
        self.found.setdefault(table, []).append(row["name"])
        if row["verdict"] not in VERDICTS:
            self.say(number, f"no verdict: {row['verdict']!r}")
        elif row["verdict"] in CITES and not ours:
            self.say(number, f"{row['verdict']}, but by nothing of ours")
        elif row["verdict"] == "extension" and "Event.agent_extension" not in ours:
            self.say(number, "extension, but not as Event.agent_extension")
        if row.get("adapter", "built") not in ADAPTER:
            self.say(number, f"no word on the adapter: {row['adapter']!r}")
        if row.get("adapter") == "part" and not row["note"]:
            self.say(number, "built in part: which?")
        if table in HELD_BY_CODE and " " not in row["name"]:  # a name with a space is in words
            has = row["name"] in (self.updates if table == "acp.updates" else self.words)
            if has != (row["adapter"] != "not built"):
                self.say(number, f"the adapter {'has' if has else 'has no'} {row['name']}")

    def complete(self, table: str, expected: list[str]) -> None:
        found = self.found[table]
        for name in expected:
            if found.count(name) != 1:
                self.faults.append(f"{table}: {name} has {found.count(name)} rows")
        for name in sorted(set(found) - set(expected)):
            self.faults.append(f"{table}: {name} is not in mapping.json")


def check(page: str, wanted: dict[str, list[str]]) -> tuple[list[str], int]:
    names = schema_names()
    judged = Page(page, wanted, names)
    faults = judged.faults
    for body in sorted(bodies(names) - judged.spoken):
        faults.append(f"{body}: in no row, and not listed as our own")
    return faults, len(judged.ids)


def read() -> tuple[str, dict[str, list[str]]]:
    with open(os.path.join(DOCS, "mapping.md"), encoding="utf-8") as source:
        page = source.read()
    with open(os.path.join(DOCS, "mapping.json"), encoding="utf-8") as source:
        return page, json.load(source)["names"]


def self_test(page: str, wanted: dict[str, list[str]]) -> int:
    """Each mistake by a change to the page or to the names, and what must be said of it."""
    def swap(old: str, new: str) -> tuple[str, dict[str, list[str]]]:
        if old not in page:
            raise SystemExit(f"self-test: {old!r} is not in mapping.md")
        return page.replace(old, new, 1), wanted

    def line_of(start: str) -> str:
        return next(line for line in page.split("\n") if line.startswith(start))

    first, own = line_of("| CE02 "), line_of("| `Event.device_attached`")
    logout, resume = line_of("| AA03 | logout "), line_of("| AA06 | session/resume ")
    more = {**wanted, "copilot.events": wanted["copilot.events"] + ["session.never"]}
    less = {**wanted, "copilot.events": wanted["copilot.events"][1:]}
    plants = {
        "is not in the schema": [swap("`TurnEnded.stop_reason`", "`TurnEnded.stop_cause`"),
                                 swap("`STATUS_IDLE`", "`STATUS_IDLING`"),
                                 swap("`Event.session_resumed`", "`Evert.session_resumed`")],
        "in no row, and not listed": [swap(own + "\n", "")],
        "but why?": [swap(own, "| `Event.device_attached` |  |")],
        "no verdict": [swap(first, first.replace("| carried |", "| so |"))],
        "by nothing of ours": [swap(first, "| CE02 | session.resume | carried |  | none |")],
        "but not as Event.agent_extension": [
            swap(first, "| CE02 | session.resume | extension | `Event.notice` | none |")],
        "is used twice": [swap("| CE02 |", "| CE01 |")],
        "has 0 rows": [swap(first + "\n", ""), (page, more)],
        "has 2 rows": [swap(first, first + "\n" + first.replace("CE02", "CE99"))],
        "is not in mapping.json": [(page, less)],
        "no word on the adapter": [swap("| built |", "| maybe |")],
        "the host does say": [swap("\n| `Ask.limit` |", "\n| `Event.notice` |"),
                              swap("\n| `Ask.limit` |", "\n| `Ask.form` |"),
                              swap("\n| `PERMISSION_KIND_HOOK` |", "\n| `PERMISSION_KIND_URL` |")],
        "which?": [swap(logout, logout.replace("| not built |", "| part |")[:logout.index(
            "| not built |") + 8] + " |")],
        "the adapter has no": [swap(logout, logout.replace("| not built |", "| built |"))],
        "the adapter has session": [swap(resume, resume.replace("| built |", "| not built |"))],
        "cells,": [swap(first, first + " more |")],
        "the columns of": [swap("| id | name | verdict |", "| id | verdict | name |")],
    }
    missed = 0
    for expected, pages in plants.items():
        for planted, names in pages:
            faults, _ = check(planted, names)
            if not any(expected in fault for fault in faults):
                print(f"self-test: a fault was not found: {expected}")
                missed += 1
    print(f"self-test: {sum(map(len, plants.values()))} mistakes planted, {missed} missed")
    return 1 if missed else 0


def main() -> int:
    page, wanted = read()
    faults, rows = check(page, wanted)
    print("\n".join(faults + [f"mapping: {rows} rows, {len(faults)} faults"]))
    if faults:
        return 1
    return self_test(page, wanted) if sys.argv[1:] == ["--self-test"] else 0


if __name__ == "__main__":
    sys.exit(main())
