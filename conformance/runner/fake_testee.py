"""A testee for the runner's own tests: an accepting side that greets, with one fault, which its
argument names. Written with the runner's protobuf modules, found by REMOTE_FAKE_PROTOS."""
import json
import os
import sys
import time

sys.path.insert(0, os.environ["REMOTE_FAKE_PROTOS"])

import harness_pb2 as pb  # noqa: E402
from remote.v1 import frame_pb2, link_pb2  # noqa: E402

FAULT = sys.argv[1] if len(sys.argv) > 1 else "none"
STATE = {"hellos": 0, "requests": 0}


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def frame(kind: int, payload: bytes = b"", tail: bytes = b"", **header) -> bytes:
    data = frame_pb2.Frame(type=kind, payload=payload, **header).SerializeToString() + tail
    return b"\x0a" + varint(len(data)) + data


def outgoing(carrier: int, data: bytes):
    return pb.Output(bytes=pb.Bytes(carrier=carrier, data=data))


def welcome() -> bytes:
    payload = link_pb2.Welcome(version=1, server_time_ms=1,
                               principal=link_pb2.Principal(account="a", device_id=b"d" * 16))
    return frame(2, payload.SerializeToString(), b"\x10\x00" if FAULT == "not-canonical" else b"")


def on_bytes(request, response) -> None:
    """One frame at a time is what the tests send."""
    data = request.bytes.data
    if FAULT == "dies-on-hello":
        sys.stderr.write("something is very wrong here\n")
        sys.stderr.flush()
        os.abort()
    kind = data[3]
    if kind == 1:
        told = "HELLO twice" if FAULT == "tells-nonsense" else "HELLO"
        response.outputs.append(pb.Output(told=json.dumps({"event": told})))
    elif kind == 5 and FAULT != "no-pong":
        payload = bytes(8) if FAULT == "other-pong" else data[-8:]
        response.outputs.append(outgoing(request.bytes.carrier, frame(6, payload)))
    if FAULT == "after-goaway" and kind == 5:
        goodbye = frame(4, link_pb2.Problem(code=0).SerializeToString())
        response.outputs.append(outgoing(request.bytes.carrier, goodbye + frame(6, data[-8:])))


def answer(request, response) -> None:
    kind = request.WhichOneof("ask")
    if kind == "describe":
        response.description.name = "fake-" + FAULT
        response.description.roles.append(pb.ROLE_ACCEPTING)
        response.description.virtual_clock = True
        return
    response.done.SetInParent()
    if kind == "bytes":
        on_bytes(request, response)
    elif kind == "act":
        if FAULT == "hangs":
            time.sleep(60)
        if FAULT == "no-act":
            response.unsupported = "acts are not for me"
            return
        data = welcome()
        if FAULT == "batch-garbage":
            data = b"HTTP/1.1 400 Bad Request"
        response.outputs.append(outgoing(1, data))
    elif kind == "cut" and FAULT == "closes-twice":
        response.outputs.append(pb.Output(closed=99))


def main() -> None:
    if FAULT == "exit-127":
        sys.exit(127)
    if FAULT == "greets-in-text":
        print("Hello! I am a testee, and I speak English.", flush=True)
    while True:
        size = shift = 0
        while True:
            byte = sys.stdin.buffer.read(1)
            if not byte:
                return
            size, shift = size | (byte[0] & 127) << shift, shift + 7
            if byte[0] < 128:
                break
        request = pb.Request.FromString(sys.stdin.buffer.read(size))
        response = pb.Response(id=request.id + (7 if FAULT == "wrong-id" else 0))
        answer(request, response)
        data = response.SerializeToString()
        sys.stdout.buffer.write(varint(len(data)) + data)
        if FAULT == "endless" and STATE["requests"] > 1:
            while True:
                sys.stdout.buffer.write(b"\x02\x08\x01" * 10000)
        STATE["requests"] += 1
        sys.stdout.buffer.flush()


main()
