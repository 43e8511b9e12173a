#!/usr/bin/python3
"""Python's protobuf judges what the preflight accepts: it must decode it, too, and encode it to
the same bytes as protobuf-c (unknown fields taken out on both sides).

  python_test.py VECTORS-PROGRAM PROTO-ROOT...

Exit 77: skipped, protoc or python3-protobuf is not installed.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError
except ImportError:
    print("skipped: python3-protobuf is not installed for", sys.executable)
    sys.exit(77)


def read_pool(roots):
    """The descriptors of every .proto below the roots."""
    pool = descriptor_pool.DescriptorPool()
    for root in map(pathlib.Path, roots):
        with tempfile.TemporaryDirectory() as scratch:
            out = pathlib.Path(scratch) / "set"
            protos = sorted(str(p.relative_to(root)) for p in root.rglob("*.proto"))
            subprocess.run(["protoc", "-I.", "--include_imports", f"--descriptor_set_out={out}",
                            *protos], cwd=root, check=True)
            for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
                pool.Add(file)
    return pool


def from_hex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def judge(pool, factory, classes, line):
    """What is wrong with one vector, or None."""
    name, given, verdict, expected = line.split()
    if verdict != "0":
        return None
    if name not in classes:
        classes[name] = factory.GetPrototype(pool.FindMessageTypeByName(name))
    message = classes[name]()
    try:
        message.ParseFromString(from_hex(given))
    except DecodeError as error:
        return f"{name} {given}: {error}"
    message.DiscardUnknownFields()
    encoded = message.SerializeToString(deterministic=True)
    if encoded != from_hex(expected):
        return f"{name} {given}: encodes to {encoded.hex()}, protobuf-c to {expected}"
    return None


def main():
    if not shutil.which("protoc"):
        print("skipped: protoc is not installed")
        sys.exit(77)
    program, *roots = sys.argv[1:]
    pool = read_pool(roots)
    factory, classes = message_factory.MessageFactory(pool), {}
    lines = subprocess.run([program], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    faults = [f for f in (judge(pool, factory, classes, line) for line in lines) if f]
    accepted = sum(line.split()[2] == "0" for line in lines)
    print(f"{len(lines)} vectors, {accepted} accepted by the preflight, {len(faults)} faults")
    print("\n".join(faults[:20]))
    sys.exit(1 if faults or not accepted else 0)


if __name__ == "__main__":
    main()
