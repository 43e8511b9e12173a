#!/usr/bin/python3
"""Mistakes that a script can find: include direction, banned calls, formatting, freshness of
generated code and of the planted bugs, a second parser of frames in the web client, undefined symbols
of the sans-I/O core.

  check.py                  all checks on the tree (symbols excepted: they need a build)
  check.py --symbols DIR    undefined symbols of DIR/libremote/libremote.a
  check.py --self-test      plants one mistake of each kind and expects it to be found
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The flow, from left to right. A stage includes its own files and those of stages left of it.
FLOW = ["base", "schema", "frame", "link", "log", "session"]
OUTSIDE = {"log_sqlite": FLOW[:5], "carrier": FLOW[:5], "carrier_tls": FLOW[:5] + ["carrier"],
           "carrier_grpc": FLOW[:5] + ["carrier", "carrier_tls"],
           "carrier_ws": FLOW[:5] + ["carrier", "carrier_tls"], "carrier_poll": FLOW[:5] + ["carrier"],
           "carriers": FLOW[:5] + ["carrier", "carrier_tls", "carrier_ws", "carrier_poll", "carrier_grpc"],
           "system": ["base"]}
# Public headers by stage; a header may be included where its stage may.
HEADERS = {
    "base": ["error.h", "types.h", "limits.h", "sha256.h"],
    "schema": ["message.h"],
    "frame": ["frame.h", "envelope.h"],
    "link": ["link.h"],
    "log": ["log.h", "log_memory.h", "cursor.h", "tail.h"],
    "session": ["asset.h", "block.h", "view.h", "arbiter.h", "host.h", "client.h", "history.h", "upload.h"],
    "log_sqlite": ["log_sqlite.h"],
    "carrier": ["carrier.h", "carrier_uv.h"],
    "carrier_tls": ["carrier_tls.h"],
    "carrier_ws": ["carrier_ws.h", "http_head.h"],
    "carrier_grpc": ["carrier_grpc.h"],
    "carrier_poll": ["carrier_poll.h"],
}
# A log judges OPENs, so it may read link messages, but it does not know the link.
LEFT_OF = {s: FLOW[: i + 1] for i, s in enumerate(FLOW)}
LEFT_OF["log"] = ["base", "schema", "frame", "log"]
for s, left in OUTSIDE.items():
    LEFT_OF[s] = left + [s]

# System headers that the core may include: no I/O, clock, thread, entropy or allocator.
CORE_SYSTEM = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h", "inttypes.h", "zlib.h",
               "pb.h", "pb_decode.h", "pb_encode.h", "protobuf-c/protobuf-c.h", "stdalign.h"}

BANNED = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|tmpnam|mktemp|system|popen)\s*\(":
        "unbounded or unsafe call",
    r"\b(strncpy|strncat)\s*\(": "does not terminate; use a bounded copy that says so",
    r"\b(scanf|sscanf|fscanf)\s*\(": "unchecked numbers; use the strict parsers",
    r"\b(rand|srand|random)\s*\(": "not reproducible; pass a seed",
}
BANNED_CORE = {
    r"\b(malloc|calloc|realloc|free|printf|fprintf|abort|exit|time|clock_gettime|getenv|errno)\b\s*\(":
        "the core is sans-I/O: no global allocator, clock, environment or output",
    r"\bassert\s*\(": "use LRM_ASSERT",
}
# Undefined symbols that the core's archive may have.
SYMBOLS = re.compile(
    r"^(mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr|nlen|spn)|__mem(cpy|move|set)_chk|__stack_chk_fail"
    r"|protobuf_c_\w+|pb_\w+|inflate\w*|deflate\w*|crc32|adler32|remote__v1__\w+|remote_v1_\w+|_GLOBAL_OFFSET_TABLE_)$")
SANITIZER = re.compile(r"^__(asan|ubsan|sanitizer|tsan|gcov|llvm)\w*$")


def tracked(root, *globs):
    if os.path.isdir(os.path.join(root, ".git")):
        out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *globs],
                             cwd=root, check=True, stdout=subprocess.PIPE).stdout
        files = [f for f in out.decode().split("\0") if f]
    else:
        files = [os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs]
    return sorted(f for f in files if f.endswith((".c", ".h")) and os.path.isfile(os.path.join(root, f)))


def strip(text):
    """Blanks out comments and strings, keeping line numbers."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def stage_of(path):
    m = re.match(r"libremote/src/(\w+)/", path)
    if m:
        return m.group(1)
    m = re.match(r"libremote/include/remote/(\w+\.h)$", path)
    if m:
        for stage, headers in HEADERS.items():
            if m.group(1) in headers:
                return stage
        return "?"
    return None


def check_includes(root):
    faults = []
    for path in tracked(root, "libremote/src", "libremote/include"):
        stage = stage_of(path)
        if stage is None:
            continue
        if stage not in LEFT_OF:
            faults.append(f"{path}:1: belongs to no stage of the flow (see {os.path.basename(__file__)})")
            continue
        core = stage in FLOW
        for number, line in enumerate(open(os.path.join(root, path), encoding="utf-8"), 1):
            m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            name = m.group(2)
            if name.startswith("remote/v1/"):
                if "pb-c.h" in name and stage in ("base", "frame", "link", "log"):
                    faults.append(f"{path}:{number}: {name}: session messages are not known here")
                continue
            if name.startswith("remote/"):
                other = stage_of("libremote/include/" + name)
                if other not in LEFT_OF[stage]:
                    faults.append(f"{path}:{number}: {stage} includes {name} of {other}, which does not lie left of it")
            elif m.group(1) == '"':
                other = name.split("/")[0] if "/" in name else stage
                if other in LEFT_OF and other not in LEFT_OF[stage]:
                    faults.append(f"{path}:{number}: {stage} includes {name} of {other}, which does not lie left of it")
            elif core and name not in CORE_SYSTEM:
                faults.append(f"{path}:{number}: <{name}> in the sans-I/O core")
    return faults


def check_banned(root):
    faults = []
    for path in tracked(root, "libremote", "tools", "conformance", "fuzz"):
        if "gen/" in path:
            continue
        rules = dict(BANNED)
        stage = stage_of(path)
        if stage in FLOW:
            rules.update(BANNED_CORE)
        text = strip(open(os.path.join(root, path), encoding="utf-8").read())
        for pattern, why in rules.items():
            for m in re.finditer(pattern, text):
                # A member such as allocator.free(...) is not the global one.
                before = text[: m.start()].rstrip()
                if before.endswith((".", "->")):
                    continue
                faults.append(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {m.group(0).strip()}: {why}")
    return faults


def check_format(root):
    files = [f for f in tracked(root, "libremote", "tools", "conformance", "fuzz") if "gen/" not in f]
    faults = []
    for start in range(0, len(files), 100):
        r = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files[start:start + 100]], cwd=root,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode:
            faults += sorted({f"{m.group(1)}: not formatted; run tools/dev format"
                              for m in re.finditer(r"^([^\s:]+):\d+:\d+: error", r.stdout, re.M)}) or [r.stdout]
    return faults


def check_generated(root):
    r = subprocess.run([os.path.join(root, "gen/generate"), "--check"], cwd=root, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    return [f"gen/ is stale; run tools/dev gen\n{r.stdout[-2000:]}"] if r.returncode else []


def undefined_symbols(archive):
    out = subprocess.run(["nm", "-A", archive], check=True, stdout=subprocess.PIPE, text=True).stdout
    defined, wanted = set(), {}
    for line in out.splitlines():
        m = re.match(r"(\S+):\s*[0-9a-f]*\s+([A-Za-z])\s+(\S+)$", line)
        if not m:
            continue
        if m.group(2) in "Uw":
            wanted.setdefault(m.group(3), m.group(1))
        else:
            defined.add(m.group(3))
    return {s: where for s, where in wanted.items() if s not in defined}


def check_symbols(archive):
    return [f"{where}: {symbol}: the sans-I/O core may not use it"
            for symbol, where in sorted(undefined_symbols(archive).items())
            if not SYMBOLS.match(symbol) and not SANITIZER.match(symbol)
            and not symbol.startswith("lrm_schema_")]


def check_canaries(root):
    """A planted bug must apply to the sources as they are, or it guards nothing."""
    folder = os.path.join(root, "tools/canary")
    # In a copy inside another repository, git apply is not to know of that one.
    env = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(root))
    faults = []
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".patch")):
        done = subprocess.run(["git", "apply", "--check", os.path.join(folder, name)], cwd=root, env=env,
                              capture_output=True, text=True)
        if done.returncode != 0:
            faults.append(f"tools/canary/{name}:1: does not apply any more: {done.stderr.strip().splitlines()[-1]}")
    return faults


# What a page may not do: frames and blocks are read by libremote's own C in the module, and nowhere else.
FRAMES_IN_TS = re.compile(r"frame_pb\b|\bFrameSchema\b|\bBatchSchema\b|\bFrameType\b|\bDecompressionStream\b"
                          r"|[\"'](fflate|pako)\b")


def check_one_parser(root):
    """The web client has no second parser of frames."""
    faults = []
    for folder in ("tools/web/link/src", "tools/web/app/src"):
        for where, _, names in sorted(os.walk(os.path.join(root, folder))):
            for name in sorted(n for n in names if n.endswith((".ts", ".tsx"))):
                path = os.path.join(where, name)
                for number, line in enumerate(open(path, encoding="utf-8"), 1):
                    m = FRAMES_IN_TS.search(line)
                    if m:
                        faults.append(f"{os.path.relpath(path, root)}:{number}: {m.group(0)}: frames and blocks are the module's")
    return faults


def self_test():
    """Each check must find its planted mistake, at its line."""
    failures = []

    def expect(name, faults, needle):
        if not any(needle in f for f in faults):
            failures.append(f"self-test: {name}: not found; got {faults}")

    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "libremote/src/link"))
        os.makedirs(os.path.join(root, "libremote/src/frame"))

        def plant(path, text):
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)

        plant("libremote/src/link/a.c", '#include "remote/link.h"\n#include "remote/host.h"\n')
        expect("include direction", check_includes(root), "libremote/src/link/a.c:2")
        plant("libremote/src/link/a.c", '#include "session/x.h"\n')
        expect("internal include direction", check_includes(root), "libremote/src/link/a.c:1")
        plant("libremote/src/link/a.c", "#include <time.h>\n")
        expect("system header in the core", check_includes(root), "<time.h>")
        plant("libremote/src/link/a.c", "/* strcpy( */\nint f(void) { strcpy(a, b); }\n")
        expect("banned call", check_banned(root), "libremote/src/link/a.c:2")
        plant("libremote/src/link/a.c", "void *f(void) { return malloc(1); }\n")
        expect("allocator in the core", check_banned(root), "libremote/src/link/a.c:1")
        plant("libremote/src/link/a.c", "void f(x *a) { a->allocator.free(a->user, a); }\n")
        if check_banned(root):
            failures.append("self-test: a member named free is not the global one")
        plant("libremote/src/link/a.c", "int   f( void ){return 0;}\n")
        expect("formatting", check_format(root), "libremote/src/link/a.c")
        os.makedirs(os.path.join(root, "tools/canary"))
        plant("x.c", "int f(void) {\n  return 0;\n}\n")
        patch = "It is wrong.\n--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,3 @@\n int f(void) {\n-  return %d;\n+  return 2;\n }\n"
        plant("tools/canary/stale.patch", patch % 1)
        plant("tools/canary/good.patch", patch % 0)
        expect("stale canary", check_canaries(root), "tools/canary/stale.patch:1")
        if any("good.patch" in fault for fault in check_canaries(root)):
            failures.append("self-test: a patch that applies is not stale")
        os.makedirs(os.path.join(root, "tools/web/link/src"))
        plant("tools/web/link/src/a.ts", 'import { x } from "./x.js";\nimport { FrameSchema } from "./gen.js";\n')
        expect("a parser of frames in TypeScript", check_one_parser(root), "tools/web/link/src/a.ts:2")
        plant("b.c", "#include <stdlib.h>\nvoid *lrm_f(void);\nvoid *lrm_f(void) { return malloc(3); }\n")
        subprocess.run(["gcc", "-c", "b.c", "-o", "b.o"], cwd=root, check=True)
        subprocess.run(["ar", "rc", "b.a", "b.o"], cwd=root, check=True)
        expect("undefined symbol", check_symbols(os.path.join(root, "b.a")), "malloc")
    for f in failures:
        print(f, file=sys.stderr)
    print(f"check: self-test {'failed' if failures else 'passed'}")
    return 1 if failures else 0


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        return self_test()
    if arguments[:1] == ["--symbols"]:
        checks = [("symbols", lambda: check_symbols(os.path.join(arguments[1], "libremote/libremote.a")))]
    else:
        checks = [("includes", lambda: check_includes(ROOT)), ("banned calls", lambda: check_banned(ROOT)),
                  ("formatting", lambda: check_format(ROOT)), ("generated code", lambda: check_generated(ROOT)),
                  ("canaries", lambda: check_canaries(ROOT)), ("one parser", lambda: check_one_parser(ROOT))]
    bad = 0
    for name, run in checks:
        faults = run()
        bad += len(faults)
        print(f"check: {name}: {'ok' if not faults else str(len(faults)) + ' faults'}")
        for fault in faults:
            print("  " + fault, flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
