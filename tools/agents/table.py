#!/usr/bin/python3
"""The results of drive.py as a table for docs/results/agents.md: table.py BUILD. A step is a line, an agent a column;
ok with its seconds, what the agent does not offer as a dash, with the reasons below."""
import json
import os
import sys

from agents import AGENTS
from steps import STEPS


def reason_of(row):
    return row["result"].split(": ", 1)[1]


def main(build):
    results = {}
    for name in AGENTS:
        path = f"{build}/agents/{name}.json"
        if os.path.exists(path):
            with open(path) as f:
                results[name] = {row["step"]: row for row in json.load(f)["steps"]}
    print("| step | " + " | ".join(results) + " |")
    print("|---" * (len(results) + 1) + "|")
    notes = []
    for step, _ in STEPS:
        cells = []
        for name, rows in results.items():
            row = rows.get(step, {"result": "not run", "seconds": 0})
            if row["result"] == "ok":
                cells.append(f"ok {row['seconds']:.0f} s")
            elif row["result"].startswith("not offered"):
                cells.append("-")
                notes.append(f"- {AGENTS[name].title}, {step}: {reason_of(row)}")
            else:
                cells.append("**" + row["result"].split(":")[0] + "**")
        print(f"| {step} | " + " | ".join(cells) + " |")
    print()
    print("\n".join(notes))


if __name__ == "__main__":
    main(sys.argv[1])
