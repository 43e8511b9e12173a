"""A testee's process: started, asked, bounded, killed. Whatever it does, the runner goes on."""
import collections
import os
import select
import shlex
import signal
import subprocess
import time
import warnings

from . import wire
from .faults import TesteeBroken, Unsupported

RESPONSE_BYTES_MAX = 64 * 1024 * 1024
STDERR_BYTES_MAX = 8192
UNSUPPORTED_STATUS = 127


class Testee:
    """One process that speaks harness.proto. `timeout_s` bounds each answer."""

    def __init__(self, command: str, timeout_s: float) -> None:
        import harness_pb2
        self.pb = harness_pb2
        self.command = command
        self.timeout_s = timeout_s
        self.process: subprocess.Popen | None = None
        self.description = None
        self.unread = bytearray()
        self.errors: collections.deque = collections.deque()
        self.errors_bytes = 0
        self.last_id = 0

    # ---- life ----

    def start(self) -> None:
        self.stop()
        self.unread.clear()
        self.errors.clear()
        self.errors_bytes = 0
        try:
            self.process = subprocess.Popen(
                shlex.split(self.command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, bufsize=0, start_new_session=True)
        except (OSError, ValueError, IndexError) as error:
            raise TesteeBroken("cannot be started: %s" % error) from None
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)
        answer = self.ask(self.pb.Request(describe=self.pb.Describe()))
        if answer.WhichOneof("result") != "description":
            raise TesteeBroken("does not describe itself, but answers %s" % brief(answer))
        self.description = answer.description

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ends it: its input ends; when it has not gone a little later, it and its children are
        killed."""
        process, self.process = self.process, None
        if process is None:
            return
        process.stdin.close()
        try:
            process.wait(0.5 if self.description is not None else 0.05)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def kill(self) -> None:
        if self.process is not None:
            self.description, keep = None, self.description
            self.stop()
            self.description = keep

    # ---- asking ----

    def ask(self, request, timeout_s: float | None = None):
        return self.ask_all([request], timeout_s)[0]

    def ask_all(self, requests: list, timeout_s: float | None = None) -> list:
        """All at once: the next request is written before the one before is answered. Raises
        TesteeBroken, Unsupported (exit status 127)."""
        if not self.running():
            raise TesteeBroken("is not running")
        out = bytearray()
        ids = []
        for request in requests:
            self.last_id += 1
            request.id = self.last_id
            ids.append(self.last_id)
            data = request.SerializeToString()
            out += wire.varint(len(data)) + data
        return self._exchange(out, ids, timeout_s or self.timeout_s)

    def _exchange(self, out: bytearray, ids: list[int], timeout_s: float) -> list:
        deadline = time.monotonic() + timeout_s
        answers: list = []
        data = memoryview(bytes(out))
        stdin, stdout, stderr = (s.fileno() for s in (self.process.stdin, self.process.stdout,
                                                      self.process.stderr))
        sent = 0
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        poll.register(stderr, select.POLLIN)
        waiting = False  # for room to write
        while len(answers) < len(ids):
            if sent < len(data) and not waiting:
                sent += self._write(stdin, data[sent:])
                if sent < len(data):
                    poll.register(stdin, select.POLLOUT)
                    waiting = True
            left = deadline - time.monotonic()
            if left <= 0:
                raise TesteeBroken("no answer within %g s" % timeout_s)
            for ready, _ in poll.poll(left * 1000 + 1):
                if ready == stdin:
                    poll.unregister(stdin)
                    waiting = False
                elif ready == stderr:
                    if not self._read_errors():
                        poll.unregister(stderr)
                else:
                    more = os.read(stdout, 1 << 20)
                    if not more:
                        self._died(len(answers), len(ids))
                    self.unread += more
                    self._take_answers(answers, ids)
        if self.unread:
            raise TesteeBroken("says more than it was asked: %s" % self.unread[:32].hex())
        return answers

    def _write(self, stdin: int, data: memoryview) -> int:
        try:
            return os.write(stdin, data[:65536])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)  # what has happened is seen when its output is read

    def _take_answers(self, answers: list, ids: list[int]) -> None:
        while self.unread and len(answers) < len(ids):
            try:
                head = wire.read_varint(self.unread, 0)
            except wire.WireFault:
                head = (RESPONSE_BYTES_MAX + 1, 10)
            if head is None:
                return
            length, at = head
            if length > RESPONSE_BYTES_MAX:
                raise TesteeBroken("its output is no Response: it begins with %s (%r)" % (
                    self.unread[:16].hex(), bytes(self.unread[:16])))
            if len(self.unread) < at + length:
                return
            answer = self.pb.Response()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # "Not all data was converted"
                    answer.ParseFromString(bytes(self.unread[at:at + length]))
            except Exception:
                raise TesteeBroken("its output is no Response: %s" %
                                   self.unread[:16].hex()) from None
            del self.unread[:at + length]
            if answer.id != ids[len(answers)]:
                raise TesteeBroken("answers request %d, but %d is next" % (
                    answer.id, ids[len(answers)]))
            answers.append(answer)

    def _read_errors(self) -> bool:
        try:
            data = os.read(self.process.stderr.fileno(), 65536)
        except BlockingIOError:
            return True
        self.errors.append(data[-STDERR_BYTES_MAX:])
        self.errors_bytes += len(data)
        while len(self.errors) > 8:
            self.errors.popleft()
        return bool(data)

    def error_text(self) -> str:
        """The end of what it wrote to its standard error."""
        if self.process is not None and self.process.stderr is not None:
            try:
                self._read_errors()
            except (OSError, ValueError):
                pass
        return b"".join(self.errors)[-STDERR_BYTES_MAX:].decode("utf-8", "replace").strip()

    def _died(self, answered: int, asked: int) -> None:
        try:
            status = self.process.wait(2)
        except subprocess.TimeoutExpired:
            raise TesteeBroken("closed its output and goes on running") from None
        if status == UNSUPPORTED_STATUS:
            raise Unsupported("exit status 127")
        how = "status %d" % status if status >= 0 else signal.Signals(-status).name
        raise TesteeBroken("died (%s) after %d of %d answers" % (how, answered, asked))


def brief(answer) -> str:
    text = str(answer).replace("\n", " ").strip()
    return text if len(text) < 200 else text[:190] + "..."
