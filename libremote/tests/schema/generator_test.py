#!/usr/bin/python3
"""Bad schemas must fail at their line; a good one gives the table that is written here.

Exit 77: skipped, protoc or python3-protobuf is not installed.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "gen"))
try:
    import schema_tables
except ImportError:
    print("skipped: python3-protobuf is not installed for", sys.executable)
    sys.exit(77)

HEAD = 'syntax = "proto3";\npackage t.v1;\n'

# note, .proto after the two head lines, .options, the error
BAD = [
    ("no length limit", "message A {\n  string s = 1;\n}", "", "t.proto:4: s needs max_length"),
    ("no size limit", "message A {\n  bool b = 2;\n  bytes s = 1;\n}", "",
     "t.proto:5: s needs max_size"),
    ("no count limit", "message A {\n  repeated string s = 1;\n}", "t.v1.A.s max_length:3",
     "t.proto:4: s needs max_count"),
    ("count but no length", "message A {\n  repeated string s = 1;\n}", "t.v1.A.s max_count:3",
     "t.proto:4: s needs max_length"),
    ("no such field", "message A { bool b = 1; }", "\n# note\nt.v1.A.c max_size:3",
     "t.options:3: no such message or field: t.v1.A.c"),
    ("no such message", "message A { bool b = 1; }", "t.v1.B.c max_size:3",
     "t.options:1: no such message or field: t.v1.B.c"),
    ("limit of another type", "message A { string s = 1; }",
     "t.v1.A.s max_length:3\nt.v1.A.s max_size:4", "t.options:2: max_size does not fit s"),
    ("limit on a number", "message A { bool b = 1; }", "t.v1.A.b max_length:3",
     "t.options:1: max_length does not fit b"),
    ("count on a singular field", "message A { string s = 1; }",
     "t.v1.A.s max_length:3 max_count:2", "t.options:1: max_count does not fit s"),
    ("limit twice", "message A { string s = 1; }", "t.v1.A.s max_length:3 max_length:3",
     "t.options:1: max_length given twice"),
    ("limit of 0", "message A { string s = 1; }", "t.v1.A.s max_length:0",
     "t.options:1: max_length is 1 to"),
    ("limit of words", "message A { string s = 1; }", "t.v1.A.s max_length:many",
     "t.options:1: max_length is 1 to"),
    ("unknown limit", "message A { string s = 1; }", "t.v1.A.s type:FT_CALLBACK",
     "t.options:1: not a limit: type:FT_CALLBACK"),
    ("no limit at all", "message A { string s = 1; }", "t.v1.A.s", "t.options:1: no limit"),
    ("limit on a message", "message A { bool b = 1; }", "t.v1.A max_size:3",
     "t.options:1: t.v1.A is a message"),
    ("map", "message A {\n  map<string, string> m = 1;\n}", "", "t.proto:3: A: neither nested"),
    ("nested message", "\nmessage A {\n  message B {}\n  B b = 1;\n}", "",
     "t.proto:4: A: neither nested"),
    ("optional", "message A {\n  optional bool b = 1;\n}", "", "t.proto:4: no `optional`"),
    ("unpacked list", "message A {\n  repeated bool b = 1 [packed = false];\n}",
     "t.v1.A.b max_count:2", "t.proto:4: lists of scalars are packed"),
    ("recursion", "message A {\n  B b = 1;\n}\nmessage B {\n  A a = 1;\n}", "",
     "t.proto:7: recursion through t.v1.A"),
    ("too deep", "message A0 { bool b = 1; }\n" + "".join(
        f"message A{i + 1} {{ A{i} a = 1; }}\n" for i in range(16)), "",
     "t.proto:19: t.v1.A16 nests 17 deep"),
    ("too many fields", "message A {" + "".join(
        f" bool b{i} = {i};" for i in range(1, 65)) + "}", "", "t.proto:3: A has too many fields"),
    ("too many lists", "message A {" + "".join(
        f" repeated bool b{i} = {i};" for i in range(1, 18)) + "}",
     "".join(f"t.v1.A.b{i} max_count:1\n" for i in range(1, 18)),
     "t.proto:3: A has too many fields"),
]

GOOD = """
message B {}
message A {
  repeated string late = 9;
  oneof pick {
    bool yes = 3;
    B b = 2;
  }
  uint32 first = 1;
}
"""
GOOD_OPTIONS = "t.v1.A.late max_count:2\nt.v1.A.late max_length:7 # both count\n"
GOLDEN = """
static const lrm_schema_field fields_A[] = {
    {.name = "first", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "b", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &x_schema_B, .oneof = 1,
     .slot = 1},
    {.name = "yes", .number = 3, .kind = LRM_SCHEMA_BOOL, .oneof = 1, .slot = 1},
    {.name = "late", .number = 9, .kind = LRM_SCHEMA_STRING, .bytes_max = 7, .count_max = 2,
     .slot = 0},
};
const lrm_schema_message x_schema_A = {
    .name = "A", .fields = fields_A, .fields_count = 4, .index = 1,
    .struct_bytes = sizeof(T__V1__A)};
"""


def generate(proto, options):
    """The text of the tables, or raises BadSchema."""
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        (root / "t.proto").write_text(HEAD + proto)
        (root / "t.options").write_text(options)
        subprocess.run(["protoc", "-I.", "--include_source_info", "--descriptor_set_out=set",
                        "t.proto"], cwd=root, check=True)
        schema_tables.write((root / "set").read_bytes(), root, root, "x_schema", root)
        return (root / "x_schema.c").read_text()


def main():
    if not shutil.which("protoc"):
        print("skipped: protoc is not installed")
        sys.exit(77)
    failed = 0
    for note, proto, options, error in BAD:
        try:
            generate(proto, options)
            said = "nothing"
        except schema_tables.BadSchema as bad:
            said = str(bad)
        if not said.startswith(error):
            print(f"{note}: wanted {error}, got {said}")
            failed += 1
    if GOLDEN not in generate(GOOD, GOOD_OPTIONS):
        print("another table:\n" + generate(GOOD, GOOD_OPTIONS))
        failed += 1
    print(f"{len(BAD) + 1} schemas, {failed} faults")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
