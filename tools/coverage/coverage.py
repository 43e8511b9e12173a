#!/usr/bin/python3
"""Which lines and branches of the core the tests run: builds nothing, runs nothing, reads what a build with
--coverage has counted (gcovr) and holds each stage against its bar.

    coverage.py BUILD [--html FOLDER] [--spots N]

Left out of the count, and why:
- branches of LRM_ASSERT: they guard against mistakes of ours; the false side traps and cannot be run by a test.
- gen/: generated code. Tests: they are what counts.
Failed allocations are not left out.
"""
import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Stage: folders and files of libremote/src, lines and branches at least, percent.
STAGES = {
    "frame": (["frame"], 95.0, 85.0),
    "preflight": (["schema"], 95.0, 85.0),
    "link": (["link"], 95.0, 85.0),
    "log": (["log", "log_sqlite"], 95.0, 85.0),
    "session": (["session"], 95.0, 85.0),
}


def count(build: pathlib.Path, html: str | None) -> list[dict]:
    command = ["gcovr", "--root", str(ROOT), "--filter", "libremote/src/", "--object-directory", str(build),
               "--exclude-branches-by-pattern", r".*LRM_ASSERT\(.*", "--gcov-ignore-parse-errors",
               "--json", "-", str(build)]
    if html is not None:
        pathlib.Path(html).mkdir(parents=True, exist_ok=True)
        command += ["--html-details", str(pathlib.Path(html) / "index.html")]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit("coverage: gcovr failed:\n" + done.stderr.decode(errors="replace")[-2000:])
    return json.loads(done.stdout)["files"]


def stage_of(name: str) -> str | None:
    for stage, (folders, _, _) in STAGES.items():
        if any(name.startswith("libremote/src/%s/" % folder) for folder in folders):
            return stage
    return None


def percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


def spots(files: list[dict]) -> list[tuple[int, str]]:
    """Runs of lines that no test reaches, the longest first."""
    found = []
    for file in files:
        run: list[int] = []
        for line in sorted(file["lines"], key=lambda at: at["line_number"]) + [None]:
            if line is not None and line.get("gcovr/noncode"):
                continue
            if line is not None and line["count"] == 0:
                run.append(line["line_number"])
                continue
            if run:
                found.append((len(run), "%s:%d-%d" % (file["file"], run[0], run[-1])))
            run = []
    return sorted(found, key=lambda at: (-at[0], at[1]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--html", metavar="FOLDER")
    parser.add_argument("--spots", type=int, default=30, metavar="N")
    options = parser.parse_args()
    files = [f for f in count(options.build.resolve(), options.html) if stage_of(f["file"])]
    if not files:
        sys.exit("coverage: %s has counted nothing; was it built with the preset coverage, and did tests run?"
                 % options.build)
    sums = {stage: [0, 0, 0, 0] for stage in STAGES}
    rows = []
    for file in files:
        lines = [x for x in file["lines"] if not x.get("gcovr/noncode")]
        branches = [b for x in lines for b in x.get("branches", [])]
        row = [sum(1 for x in lines if x["count"] > 0), len(lines),
               sum(1 for b in branches if b["count"] > 0), len(branches)]
        rows.append((file["file"], row))
        total = sums[stage_of(file["file"])]
        for i, value in enumerate(row):
            total[i] += value
    print("%-42s %8s %8s" % ("file", "lines", "branches"))
    for name, row in sorted(rows):
        print("%-42s %7.1f%% %7.1f%%" % (name[len("libremote/src/"):], percent(*row[:2]), percent(*row[2:])))
    print("\nlines that no test reaches, the longest runs first")
    for length, where in spots(files)[:options.spots]:
        print("%5d  %s" % (length, where))
    print("\n%-12s %8s %8s   %s" % ("stage", "lines", "branches", "bar"))
    below = 0
    for stage, (_, lines_min, branches_min) in STAGES.items():
        lines, branches = percent(*sums[stage][:2]), percent(*sums[stage][2:])
        good = lines >= lines_min and branches >= branches_min
        below += not good
        print("%-12s %7.1f%% %7.1f%%   %.0f / %.0f %s"
              % (stage, lines, branches, lines_min, branches_min, "" if good else "BELOW"))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
