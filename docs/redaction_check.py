#!/usr/bin/python3
"""Holds the lists of docs/redaction.md against the tables in the code.

  redaction_check.py               compares
  redaction_check.py --write       writes the lists into the page
  redaction_check.py --self-test   compares, and expects a page with a row too few to be found
"""
import os
import re
import sys

DOCS = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(os.path.dirname(DOCS), "tools", "cli", "redact")
PAGE = os.path.join(DOCS, "redaction.md")


def table(source: str, name: str) -> str:
    text = open(os.path.join(SOURCES, source)).read()
    return re.search(r"\b" + name + r"\[\] = \{(.*?)\n\};", text, re.S).group(1)


def tokens() -> str:
    """One row for each kind: its prefixes, and how many letters follow at least."""
    kinds: dict[str, list[str]] = {}
    rows = re.findall(r'\{"([^"]+)",\s*(\d+),\s*\w+,\s*[\w |]+,\s*"([^"]+)"\}', table("redact_shapes.c", "tokens"))
    for prefix, least, kind in rows:
        kinds.setdefault(kind, []).append(f"`{prefix}` {least}")
    lines = ["| kind | prefix and letters behind it |", "|---|---|"]
    return "\n".join(lines + [f"| {kind} | {', '.join(found)} |" for kind, found in kinds.items()])


def names() -> str:
    kinds: dict[str, list[str]] = {}
    for end, kind in re.findall(r'\{"(\w+)",\s*NAME_\w+,\s*"([^"]+)"\}', table("redact_named.c", "name_ends")):
        kinds.setdefault(kind, []).append(f"`{end}`")
    return "\n".join(["| kind | ends of names |", "|---|---|"] +
                     [f"| {kind} | {', '.join(found)} |" for kind, found in kinds.items()])


def filled(page: str) -> str:
    for mark, text in (("tokens", tokens()), ("names", names())):
        page = re.sub(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda m: m.group(1) + text + "\n" + m.group(2), page,
                      count=1, flags=re.S)
    return page


def faults(page: str) -> list[str]:
    wanted = filled(page)
    if wanted.count("\n") < page.count("\n") - 200 or "`ghp_`" not in wanted or "`password`" not in wanted:
        return ["the tables in the code were not found"]
    missing = [line for line in wanted.splitlines() if line not in page.splitlines()]
    over = [line for line in page.splitlines() if line not in wanted.splitlines()]
    return [f"missing: {line}" for line in missing] + [f"not in the code: {line}" for line in over]


def main() -> int:
    page = open(PAGE).read()
    if "--write" in sys.argv:
        open(PAGE, "w").write(filled(page))
        return 0
    found = faults(page)
    if "--self-test" in sys.argv and not faults(re.sub(r"\| GitHub token .*\n", "", page)):
        found.append("self-test: a missing row was not noticed")
    for fault in found:
        print(f"redaction.md: {fault}")
    print(f"redaction.md: {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
