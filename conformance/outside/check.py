#!/usr/bin/python3
"""Protobuf runtimes that are not ours judge the vectors: they must take what the library takes,
write it again as the vector says, and of what it refuses think as the vector says.

  check.py python|javascript|protoc RANDOM-PROGRAM BUILD-FOLDER NPM-FOLDER PROTO-ROOT...

RANDOM-PROGRAM writes random messages (libremote/tests/schema/vectors.c).

`python` is asked twice: with its C++ core and in pure Python. Exit 77: skipped, something is not
installed.
"""
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import limits  # noqa: E402  (needs the path above)
import runtimes  # noqa: E402
import vectors  # noqa: E402

IMPLEMENTATION = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"


def in_pure_python(arguments):
    """The same again, in a process that has no C++ core. 0: no fault."""
    environment = dict(os.environ, **{IMPLEMENTATION: "python"})
    return os.spawnve(os.P_WAIT, sys.executable, [sys.executable, *arguments], environment) != 0


def judge(runtime, program, build, packages, roots):
    # A process for each message: not for thousands.
    cases = vectors.all_cases(program, 50 if runtime == "protoc" else 1)
    descriptor_file = runtimes.descriptors(pathlib.Path(build) / runtime, roots)
    if runtime == "python":
        name = "python-pure" if os.environ.get(IMPLEMENTATION) == "python" else "python"
        faults = vectors.report(name, cases, runtimes.python(cases, descriptor_file))
        if name == "python":
            sys.stdout.flush()
            faults += in_pure_python(sys.argv) + limits.report(roots[0])
        return faults
    if runtime == "javascript":
        return vectors.report(runtime, cases, runtimes.javascript(cases, descriptor_file, packages))
    return vectors.report(runtime, cases, runtimes.protoc(cases, descriptor_file, roots))


def main():
    if len(sys.argv) < 6 or sys.argv[1] not in ("python", "javascript", "protoc"):
        sys.exit(__doc__)
    runtime, program, build, packages, *roots = sys.argv[1:]
    try:
        sys.exit(judge(runtime, program, build, packages, roots) != 0)
    except runtimes.Missing as missing:
        print("skipped:", missing)
        sys.exit(77)


if __name__ == "__main__":
    main()
