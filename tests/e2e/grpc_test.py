#!/usr/bin/python3
"""The relay's gRPC side, as a stock client sees it: python3-grpcio with stubs that protoc makes here.

    grpc_test.py BUILD_DIR"""
import concurrent.futures
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import carriers  # noqa: E402
from harness import SLOW  # noqa: E402
from steered import run_cases  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.pop("http_proxy", None)
os.environ.pop("grpc_proxy", None)

import grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: E402

STUBS = tempfile.mkdtemp(prefix="remote-stubs-")
PATIENCE = 90 * SLOW
HASTE = 0.5  # a relay that leaves says goodbye for so long, and then goes without


def make_stubs():
    services = ["remote/v1/relay.proto", "health.proto", "reflection.proto"]
    files = ["remote/v1/frame.proto", "remote/v1/link.proto", "remote/v1/policy.proto", *services]
    subprocess.run(["protoc", f"-I{ROOT}/proto", f"-I{ROOT}/tools/relay/grpc/proto", f"--python_out={STUBS}",
                    f"--grpc_out={STUBS}", "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin", *files],
                   check=True)
    sys.path.insert(0, STUBS)


make_stubs()
import health_pb2  # noqa: E402
import health_pb2_grpc  # noqa: E402
import reflection_pb2  # noqa: E402
import reflection_pb2_grpc  # noqa: E402
from remote.v1 import frame_pb2, link_pb2, relay_pb2, relay_pb2_grpc  # noqa: E402

LOCAL = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]


def start_relay(p, kind="grpc"):
    p.carrier = carriers.kind_of(kind)
    p.start_relay()


def wait(what, ready, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def target(p):
    return p.url.split("//")[1]


def token(p):
    return open(p.token_file).read().strip()


def signed(p, value=None):
    return (("authorization", f"Bearer {value or token(p)}"),)


def relay_stub(p, options=()):
    channel = grpc.insecure_channel(target(p), options=LOCAL + list(options))
    return channel, relay_pb2_grpc.RelayStub(channel)


def status_of(call):
    """The status that a call ends with, and the Problem in its trailing metadata."""
    try:
        for _ in call:
            pass
        code, details, trailing = call.code(), call.details(), call.trailing_metadata()
    except grpc.RpcError as error:
        code, details, trailing = error.code(), error.details(), error.trailing_metadata()
    problem = link_pb2.Problem()
    for key, value in trailing or ():
        if key == "remote-problem-bin":
            problem.ParseFromString(value)
    return code, details, problem


def calls_answer_as_requests_do(p):
    start_relay(p)
    p.start_host()
    channel, stub = relay_stub(p)
    ask = relay_pb2.Request(id=7, list_sessions=relay_pb2.ListSessions())
    replies = list(stub.Call(ask, metadata=signed(p), timeout=PATIENCE))
    assert [r.WhichOneof("result") for r in replies] == ["session", "done"], replies
    assert replies[0].session.session_id.hex() == p.session and replies[0].id == 7 and replies[0].more
    # id 0 is as good as any other, and there are no sessions beyond the first.
    ask = relay_pb2.Request(list_sessions=relay_pb2.ListSessions(limit=1))
    assert len(list(stub.Call(ask, metadata=signed(p), timeout=PATIENCE))) == 2

    watch = stub.Call(relay_pb2.Request(id=1, watch_sessions=relay_pb2.WatchSessions()), metadata=signed(p))
    seen = queue.Queue()

    def follow():
        try:
            for reply in watch:
                seen.put(reply)
        except grpc.RpcError as error:
            seen.put(error.code())

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    while seen.get(timeout=PATIENCE).WhichOneof("result") != "done":
        pass
    assert p.remote("rename", p.session, "another title").returncode == 0
    while seen.get(timeout=PATIENCE).session.info.title != "another title":
        pass
    watch.cancel()
    while seen.get(timeout=PATIENCE) != grpc.StatusCode.CANCELLED:
        pass
    wait("the watch is gone", lambda: connections(p) == 1)  # the host

    gone = relay_pb2.Request(delete_session=relay_pb2.DeleteSession(session_id=bytes(16)))
    code, details, problem = status_of(stub.Call(gone, metadata=signed(p), timeout=PATIENCE))
    assert (code, problem.code) == (grpc.StatusCode.NOT_FOUND, 3009), (code, problem)
    assert details == problem.reason == "no such session", details
    devices = list(stub.Call(relay_pb2.Request(list_devices=relay_pb2.ListDevices()), metadata=signed(p)))
    assert devices[0].device.current
    # Signing out is the end of the device, and answered as done.
    made = p.relay_command("token", "--device", "other").expect(0)
    other = [word for word in made.out.split() if len(word) > 30][-1]
    out = relay_pb2.Request(logout=relay_pb2.Logout())
    assert status_of(stub.Call(out, metadata=signed(p, other), timeout=PATIENCE))[0] == grpc.StatusCode.OK
    code, _, problem = status_of(stub.Call(ask, metadata=signed(p, other), timeout=PATIENCE))
    assert code == grpc.StatusCode.UNAUTHENTICATED and problem.code in (3001, 3003), (code, problem)
    channel.close()


def who_may_not_call_is_told(p):
    start_relay(p)
    channel, stub = relay_stub(p)
    ask = relay_pb2.Request(list_sessions=relay_pb2.ListSessions())
    for metadata in ((), (("authorization", "Basic eDp5"),), (("authorization", "Bearer "),),
                     signed(p, "x" * 43), signed(p, "x" * 128), signed(p, "x" * 129), signed(p, "x" * 4000)):
        code, details, _ = status_of(stub.Call(ask, metadata=metadata, timeout=PATIENCE))
        assert code == grpc.StatusCode.UNAUTHENTICATED, (code, details, metadata)
        assert details
    assert "x" * 43 not in open(f"{p.root}/relay.log").read()
    raw = channel.unary_stream("/remote.v1.Relay/Call")
    for data in (b"\xff\xff", b"", b"\x0a\x05abc", bytes(20000), relay_pb2.Request(
            cancel=relay_pb2.CancelRequest(request_id=1)).SerializeToString()):
        code, details, _ = status_of(raw(data, metadata=signed(p), timeout=PATIENCE))
        assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED), (code, details, data[:9])
    # A caller that says nothing, and one that says too much.
    stream = channel.stream_stream("/remote.v1.Relay/Call")
    code, _, _ = status_of(stream(iter(()), metadata=signed(p), timeout=PATIENCE))
    assert code == grpc.StatusCode.INVALID_ARGUMENT, code
    code, _, _ = status_of(stream(iter([ask.SerializeToString()] * 50), metadata=signed(p), timeout=PATIENCE))
    assert code == grpc.StatusCode.OK, code
    channel.close()


def what_is_not_offered_is_refused(p):
    start_relay(p)
    channel, stub = relay_stub(p)
    for path in ("/remote.v1.Relay/Nothing", "/other.Service/Attach", "/" + "x" * 4000, "/"):
        code, _, _ = status_of(channel.stream_stream(path)(iter([b"x"]), timeout=PATIENCE))
        assert code == grpc.StatusCode.UNIMPLEMENTED, (code, path[:40])
    ask = relay_pb2.Request(list_sessions=relay_pb2.ListSessions())
    # Who says too much can lose the connection with it: each has one of its own.
    own, talker = relay_stub(p)
    code, details, _ = status_of(talker.Call(ask, metadata=(("x", "y" * 9000),), timeout=PATIENCE))
    own.close()
    assert code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE), (code, details)
    for size, expected in ((3 << 20, (grpc.StatusCode.RESOURCE_EXHAUSTED,)),
                           ((1 << 20) + 5000, (grpc.StatusCode.RESOURCE_EXHAUSTED,)),
                           (1 << 20, (grpc.StatusCode.INVALID_ARGUMENT,))):
        own, _ = relay_stub(p)
        code, details, _ = status_of(own.unary_stream("/remote.v1.Relay/Call")(bytes(size), timeout=PATIENCE))
        own.close()
        assert code in expected, (code, details, size)
    # Nothing is compressed, and a bomb is not even opened.
    bomb, zipped = relay_stub(p, [("grpc.default_compression_algorithm", 2)])
    code, details, _ = status_of(bomb.unary_stream("/remote.v1.Relay/Call")(
        bytes(512 << 10), metadata=signed(p), compression=grpc.Compression.Gzip, timeout=PATIENCE))
    assert code in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL), (code, details)
    del zipped
    bomb.close()
    # The server is as good as before.
    assert list(stub.Call(ask, metadata=signed(p), timeout=PATIENCE))[-1].WhichOneof("result") == "done"
    channel.close()


def connections(p):
    said = p.relay_command("stats").expect(0).out.split()
    return int(said[said.index("connections") + 1])


def hello(p, **more):
    said = link_pb2.Hello(version_min=1, version_max=1, link_id=os.urandom(16), generation=1, token=token(p),
                          role=link_pb2.ROLE_CLIENT, agent="test", **more)
    return frame_pb2.Frame(type=frame_pb2.FRAME_TYPE_HELLO, payload=said.SerializeToString())


class Attached:
    """One Attach: what is put goes out, what comes is kept by frame type."""

    def __init__(self, stub):
        self.out, self.frames, self.code = queue.Queue(), queue.Queue(), None
        self.call = stub.Attach(iter(self.out.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for batch in self.call:
                for frame in batch.frame:
                    self.frames.put(frame)
            self.frames.put(self.call.code())
        except grpc.RpcError as error:
            self.frames.put(error.code())

    def say(self, *frames):
        self.out.put(frame_pb2.Batch(frame=frames))

    def hear(self, kind):
        while True:
            frame = self.frames.get(timeout=PATIENCE)
            assert not isinstance(frame, grpc.StatusCode), f"ended with {frame}"
            if frame.type == kind:
                return frame

    def end(self):
        while True:
            frame = self.frames.get(timeout=PATIENCE)
            if isinstance(frame, grpc.StatusCode):
                return frame


def attach_is_a_carrier(p):
    start_relay(p)
    channel, stub = relay_stub(p)
    one = Attached(stub)
    one.say(hello(p))
    welcome = link_pb2.Welcome.FromString(one.hear(frame_pb2.FRAME_TYPE_WELCOME).payload)
    assert welcome.principal.account == "owner"
    ping = frame_pb2.Frame(type=frame_pb2.FRAME_TYPE_PING, payload=b"12345678")
    one.say(ping, ping)
    for _ in range(2):
        assert one.hear(frame_pb2.FRAME_TYPE_PONG).payload == b"12345678"
    # A half-close is the end of the carrier.
    one.out.put(None)
    assert one.end() == grpc.StatusCode.OK
    # So is a cancelled call.
    two = Attached(stub)
    two.say(hello(p))
    two.hear(frame_pb2.FRAME_TYPE_WELCOME)
    two.call.cancel()
    assert two.end() == grpc.StatusCode.CANCELLED
    # A frame that is cut at a message's end.
    raw = channel.stream_stream("/remote.v1.Relay/Attach")
    whole = frame_pb2.Batch(frame=[hello(p), ping]).SerializeToString()
    for cut in (1, 5, len(whole) - 1):
        answers = b"".join(raw(iter([whole[:cut], whole[cut:]]), timeout=PATIENCE))
        last = frame_pb2.Batch.FromString(answers).frame[-1]
        assert last.type == frame_pb2.FRAME_TYPE_GOAWAY
        assert link_pb2.Problem.FromString(last.payload).code == 4001
    channel.close()
    wait("the carriers are gone", lambda: connections(p) == 0)


def many_calls_on_one_connection(p):
    start_relay(p)
    channel, stub = relay_stub(p)
    ask = relay_pb2.Request(list_sessions=relay_pb2.ListSessions())

    def once(_):
        return [r.WhichOneof("result") for r in stub.Call(ask, metadata=signed(p), timeout=PATIENCE)]

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(once, range(300)))
    assert answers == [["done"]] * 300
    channel.close()


def polls_are_exchanges(p):
    start_relay(p)
    channel, stub = relay_stub(p)
    ask = relay_pb2.Request(id=3, list_sessions=relay_pb2.ListSessions())
    request = frame_pb2.Frame(type=frame_pb2.FRAME_TYPE_REQUEST, payload=ask.SerializeToString())
    answer = stub.Poll(frame_pb2.Batch(frame=[hello(p, exchange=1), request]), timeout=PATIENCE)
    kinds = [f.type for f in answer.frame]
    assert kinds[0] == frame_pb2.FRAME_TYPE_WELCOME and frame_pb2.FRAME_TYPE_REPLY in kinds, kinds
    # One that waits, and whose caller goes.
    waits = stub.Poll.future(frame_pb2.Batch(frame=[hello(p, exchange=1)]))
    wait("the exchange waits", lambda: connections(p) == 1)
    waits.cancel()
    wait("it is gone", lambda: connections(p) == 0)
    for data, expected in ((b"", None), (b"\x12\x00", None), (bytes((1 << 20) + 10), grpc.StatusCode.INVALID_ARGUMENT)):
        try:
            got = channel.unary_unary("/remote.v1.Relay/Poll")(data, timeout=PATIENCE)
            assert expected is None, data[:10]
            frame = frame_pb2.Batch.FromString(got).frame[-1]
            assert frame.type in (frame_pb2.FRAME_TYPE_GOAWAY, frame_pb2.FRAME_TYPE_REFUSE), frame
        except grpc.RpcError as error:
            assert error.code() == expected, (error.code(), data[:10])
    channel.close()


def health_is_told(p):
    start_relay(p)
    channel, _ = relay_stub(p)
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", "remote.v1.Relay"):
        asked = health_pb2.HealthCheckRequest(service=name)
        assert stub.Check(asked, timeout=PATIENCE).status == health_pb2.HealthCheckResponse.SERVING
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="other"), timeout=PATIENCE)
        raise AssertionError("other")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
    try:
        channel.unary_unary("/grpc.health.v1.Health/Check")(b"\x0a\x50x", timeout=PATIENCE)
        raise AssertionError("broken")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    unknown = stub.Watch(health_pb2.HealthCheckRequest(service="other"))
    assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    unknown.cancel()
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    began = time.monotonic()
    p.relay.send_signal(signal.SIGTERM)
    try:
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert status_of(watch)[0] == grpc.StatusCode.UNAVAILABLE
    except (AssertionError, grpc.RpcError):
        if time.monotonic() - began < HASTE:
            raise
    assert p.relay.process.wait(PATIENCE) == 0
    channel.close()


def reflection_describes_the_services(p):
    start_relay(p)
    channel, _ = relay_stub(p)
    ask = reflection_pb2.ServerReflectionRequest
    info = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                 request_serializer=ask.SerializeToString,
                                 response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    listed = list(info(iter([ask(list_services="*", host="h")]), timeout=PATIENCE))[0]
    assert listed.original_request == ask(list_services="*", host="h")
    names = [s.name for s in listed.list_services_response.service]
    assert "remote.v1.Relay" in names and "grpc.health.v1.Health" in names, names
    # As grpcurl does it: the file of a symbol, then every file that it needs.
    pool, have = descriptor_pool.DescriptorPool(), {}

    def fetch(request):
        answer, = info(iter([request]), timeout=PATIENCE)
        data, = answer.file_descriptor_response.file_descriptor_proto
        the_file = descriptor_pb2.FileDescriptorProto.FromString(data)
        for name in the_file.dependency:
            if name not in have:
                fetch(ask(file_by_filename=name))
        have[the_file.name] = the_file
        pool.Add(the_file)

    fetch(ask(file_containing_symbol="remote.v1.Relay"))
    service = pool.FindServiceByName("remote.v1.Relay")
    assert [m.name for m in service.methods] == ["Attach", "Poll", "Call"]
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    answers = list(stub.ServerReflectionInfo(iter([
        ask(file_containing_symbol="remote.v1.Nothing"), ask(file_by_filename="x.proto"),
        ask(file_containing_symbol="remote.v1.Frame.payload"), ask(list_services="")]), timeout=PATIENCE))
    assert [a.WhichOneof("message_response") for a in answers] == [
        "error_response", "error_response", "file_descriptor_response", "list_services_response"], answers
    assert answers[0].error_response.error_code == 5
    try:
        raw = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        list(raw(iter([b"\xff"]), timeout=PATIENCE))
        raise AssertionError("broken")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    channel.close()


def draining_leaves_nobody_behind(p):
    """SIGTERM with carriers, watches, polls and a connection that never reads: exit 0, in time."""
    for _ in range(3):
        p.listening = None
        start_relay(p)
        channel, stub = relay_stub(p)
        one = Attached(stub)
        one.say(hello(p))
        one.hear(frame_pb2.FRAME_TYPE_WELCOME)
        watch = stub.Call(relay_pb2.Request(watch_sessions=relay_pb2.WatchSessions()), metadata=signed(p))
        next(watch)
        waits = stub.Poll.future(frame_pb2.Batch(frame=[hello(p, exchange=1)]))
        reflection = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        never = reflection(iter(queue.Queue().get, None))
        wait("all are there", lambda: connections(p) == 3)
        began = time.monotonic()
        p.relay.send_signal(signal.SIGTERM)
        try:
            goaway = link_pb2.Problem.FromString(one.hear(frame_pb2.FRAME_TYPE_GOAWAY).payload)
            assert goaway.code == 1001, goaway
            assert one.end() == grpc.StatusCode.UNAVAILABLE
            code, _, problem = status_of(watch)
            assert (code, problem.code) == (grpc.StatusCode.UNAVAILABLE, 1001), (code, problem)
            assert waits.exception(PATIENCE) is None or waits.code() == grpc.StatusCode.UNAVAILABLE, waits
            assert status_of(never)[0] == grpc.StatusCode.UNAVAILABLE
        except AssertionError:
            if time.monotonic() - began < HASTE:
                raise
        assert p.relay.process.wait(PATIENCE) == 0
        channel.close()


def commands_work_over_grpc(p):
    """`remote` on gRPC at both ends: host, list, prompt; and the agent gets no socket of it."""
    start_relay(p)
    p.start_host()
    r = p.remote("ls")
    assert r.returncode == 0 and p.session[:8] in r.stdout, r.stdout + r.stderr
    p.start_steer(0, 5, "TEXT hello")
    assert p.steer.process.wait(PATIENCE * 2) == 0
    host = p.host.process.pid
    agents = subprocess.run(["pgrep", "-P", str(host)], stdout=subprocess.PIPE, text=True).stdout.split()
    assert agents
    for agent in agents:
        links = [os.readlink(f"/proc/{agent}/fd/{n}") for n in os.listdir(f"/proc/{agent}/fd")]
        assert len([link for link in links if "inode" in link and "event" in link]) == 0, links
        assert len([link for link in links if link.startswith("socket:")]) <= 3, links
    # The relay goes and comes back: the host finds it again.
    p.relay.end(signal.SIGKILL)
    start_relay(p)
    wait("the host is back", lambda: '"attached":true' in p.remote("ls", "--json").stdout.replace(" ", ""))


def main():
    cases = {
        "calls answer as requests do": calls_answer_as_requests_do,
        "who may not call is told": who_may_not_call_is_told,
        "what is not offered is refused": what_is_not_offered_is_refused,
        "attach is a carrier": attach_is_a_carrier,
        "many calls on one connection": many_calls_on_one_connection,
        "polls are exchanges": polls_are_exchanges,
        "health is told": health_is_told,
        "reflection describes the services": reflection_describes_the_services,
        "draining leaves nobody behind": draining_leaves_nobody_behind,
        "commands work over grpc": commands_work_over_grpc,
    }
    chosen = sys.argv[2:]
    try:
        return run_cases(sys.argv[1], {n: c for n, c in cases.items() if not chosen or n in chosen})
    finally:
        shutil.rmtree(STUBS, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
