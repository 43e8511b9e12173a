#!/usr/bin/python3
"""Every event that the relay logs and every metric that it counts has a row in docs/operations.md,
and no row speaks of what is not there.

    documented_test.py SOURCE_DIR"""
import os
import re
import sys


def sources(root):
    for folder in ("core", "program", "http", "notify"):
        path = os.path.join(root, "tools/relay", folder)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else ():
            if name.endswith(".c"):
                yield name, open(os.path.join(path, name), encoding="utf-8").read()


# A call that writes a line; functions that choose between two events name them in a literal too.
LOGGING = re.compile(r"\b(?:relay_log|relay_log_session|log_line|log_about|log_lines_write|write_line|relay_lose)\s*\(([^;]*);")
CHOSEN = re.compile(r"\bsaid = ([^;]*);")
EVENT = re.compile(r'"([a-z_]+\.[a-z_]+)"')
METRIC = re.compile(r'"((?:remote_relay|process)_[a-z_]+)')


def table_names(text, heading, pattern):
    """The names in the first column of the table below a heading."""
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {n for row in rows for n in re.findall(pattern, row.split("|")[1])}


def compare(what, code, document):
    faults = [f"{what} {n} has no row in docs/operations.md" for n in sorted(code - document)]
    return faults + [f"{what} {n} in docs/operations.md is not in the code" for n in sorted(document - code)]


def main(root):
    operations = open(os.path.join(root, "docs/operations.md"), encoding="utf-8").read()
    events, metrics = set(), set()
    for _, text in sources(root):
        for call in LOGGING.findall(text) + CHOSEN.findall(text):
            events.update(EVENT.findall(call))
        metrics.update(METRIC.findall(text))
    assert len(events) > 30 and len(metrics) > 20, "the patterns of this test find nothing any more"
    faults = compare("event", events, table_names(operations, "Logs", r"`([a-z_]+\.[a-z_]+)`"))
    faults += compare("metric", metrics, table_names(operations, "Metrics", r"`((?:remote_relay|process)_[a-z_]+)`"))
    print("\n".join(faults) or f"{len(events)} events and {len(metrics)} metrics are documented")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
