#!/usr/bin/python3
"""A client of the remote protocol over long-poll, with nothing but HTTP and protobuf: lists the
sessions, or follows one and sends it a prompt. docs/spec.md 3.26 is the text that it follows.

    protoc -I proto --python_out=DIR proto/remote/v1/*.proto
    PYTHONPATH=DIR poll.py http://127.0.0.1:8080 TOKEN_FILE list
    PYTHONPATH=DIR poll.py http://127.0.0.1:8080 TOKEN_FILE follow SESSION_HEX [PROMPT]
"""
import os
import sys
import time
import urllib.error
import urllib.request
import zlib

from remote.v1 import command_pb2, event_pb2, frame_pb2, link_pb2, relay_pb2
from remote.v1.frame_pb2 import Frame

COMPRESSED, SNAPSHOT, BUSY_WAIT_S = 1, 4, 1
EVENTS, OUTBOX = 1, 2  # channel numbers, the same in every exchange


class Gone(Exception):
    """The relay says that this link is to end."""


class Link:
    """What lasts: who we are. All else is said again with every exchange."""

    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/") + "/v1/poll", token
        self.link_id, self.generation, self.exchange = os.urandom(16), 1, 0

    def poll(self, frames):
        """One exchange: our frames there, its frames back."""
        self.exchange += 1
        hello = link_pb2.Hello(version_min=1, version_max=1, link_id=self.link_id, generation=self.generation,
                               exchange=self.exchange, token=self.token, role=link_pb2.ROLE_CLIENT, agent="poll.py/1")
        first = Frame(type=frame_pb2.FRAME_TYPE_HELLO, payload=hello.SerializeToString())
        body = frame_pb2.Batch(frame=[first, *frames]).SerializeToString()
        post = urllib.request.Request(self.url, body, {"Content-Type": "application/x-protobuf"})
        try:
            with urllib.request.urlopen(post, timeout=40) as answer:
                data = answer.read()
        except urllib.error.HTTPError as refusal:
            data = refusal.read()  # the status is for those who look at no body
        said = list(frame_pb2.Batch.FromString(data).frame)
        for frame in said:
            if frame.type in (frame_pb2.FRAME_TYPE_REFUSE, frame_pb2.FRAME_TYPE_GOAWAY):
                raise Gone(link_pb2.Problem.FromString(frame.payload))
        return said


def list_sessions(link):
    request = relay_pb2.Request(id=1, list_sessions=relay_pb2.ListSessions())
    for frame in link.poll([Frame(type=frame_pb2.FRAME_TYPE_REQUEST, payload=request.SerializeToString())]):
        if frame.type == frame_pb2.FRAME_TYPE_REPLY:
            reply = relay_pb2.Reply.FromString(frame.payload)
            if reply.HasField("session"):
                print(reply.session.session_id.hex(), reply.session.description.title)


def messages(frame):
    """The messages of a BLOCK: length, message, again and again (1.7)."""
    data = zlib.decompress(frame.payload, -15) if frame.flags & COMPRESSED else frame.payload
    at = 0
    while at < len(data):
        size = shift = 0
        while True:
            byte, at = data[at], at + 1
            size, shift = size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        yield data[at:at + size]
        at += size


class Session:
    """A cursor on its events, and a command until the relay has stored it."""

    def __init__(self, link, session_id):
        self.link, self.id, self.epoch, self.next = link, session_id, b"", 0
        self.command, self.known = None, {}  # the frames that told us how things stand

    def open(self, channel, **fields):
        message = link_pb2.Open(session_id=self.id, **fields)
        return Frame(type=frame_pb2.FRAME_TYPE_OPEN, channel=channel, payload=message.SerializeToString(),
                     credit=1 << 20 if channel == EVENTS else 0)

    def frames(self):
        yield self.open(EVENTS, log=link_pb2.LOG_EVENTS, direction=link_pb2.DIRECTION_SUBSCRIBE, epoch=self.epoch,
                        next=self.next, start=link_pb2.START_RESUME if self.epoch else link_pb2.START_SNAPSHOT)
        if self.command:  # one outbox of one command: it is at offset 0 for ever
            yield self.open(OUTBOX, log=link_pb2.LOG_COMMANDS, direction=link_pb2.DIRECTION_PUBLISH,
                            epoch=self.link.link_id, next=1)
        yield from self.known.values()  # so that only what is new ends the wait
        if self.command:
            yield Frame(type=frame_pb2.FRAME_TYPE_BLOCK, channel=OUTBOX, count=1, payload=self.command)
            yield Frame(type=frame_pb2.FRAME_TYPE_PING, payload=b"at once!")

    def prompt(self, text):
        command = command_pb2.Command(submit_prompt=command_pb2.SubmitPrompt(text=text))
        kind = {"class": link_pb2.COMMAND_CLASS_CONTROL}  # a word that Python keeps for itself
        data = link_pb2.CommandEnvelope(command_id=os.urandom(16), event_epoch=self.epoch,
                                        command=command.SerializeToString(), **kind).SerializeToString()
        size, length = len(data), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        self.command = length + bytes([size]) + data

    def follow(self, seen):
        """One exchange; seen(offset, event) for every event, once and in order."""
        for frame in self.link.poll(self.frames()):
            if frame.type == frame_pb2.FRAME_TYPE_OPENED and frame.channel == EVENTS:
                opened = link_pb2.Opened.FromString(frame.payload)
                if opened.epoch and (opened.epoch, opened.next) != (self.epoch, self.next):
                    self.epoch, self.next = opened.epoch, opened.next  # a jump: what we held is void
            elif frame.type == frame_pb2.FRAME_TYPE_BLOCK and frame.channel == EVENTS:
                if frame.offset > self.next and not (frame.flags & SNAPSHOT and frame.part == 1):
                    raise Gone(f"a gap: {frame.offset} after {self.next}")
                for offset, message in enumerate(messages(frame), frame.offset):
                    if offset >= self.next or frame.offset > self.next:
                        seen(offset, event_pb2.Event.FromString(message))
                self.next = max(self.next, frame.offset + frame.count)
            elif frame.type == frame_pb2.FRAME_TYPE_RECEIPT:
                self.command = None
                receipt = link_pb2.Receipt.FromString(frame.payload)
                print("stored" if receipt.HasField("stored") else f"refused: {receipt.problem.reason}", flush=True)
            elif frame.type == frame_pb2.FRAME_TYPE_CLOSE and frame.channel == EVENTS:
                problem = link_pb2.Problem.FromString(frame.payload)
                if problem.code >= 3000:
                    raise Gone(problem)
                self.epoch, self.next = (b"", 0) if problem.code in (2001, 2002) else (self.epoch, self.next)
                time.sleep(max(BUSY_WAIT_S, problem.retry_after_ms / 1000))
            elif frame.type in (frame_pb2.FRAME_TYPE_LOG_STATUS, frame_pb2.FRAME_TYPE_INFO):
                self.known[frame.type] = frame


def show(offset, event):
    body = event.WhichOneof("body")
    print(f"{offset} {body} {getattr(event, body).text if body == 'assistant_message' else ''}".rstrip(), flush=True)


def main(url, token_file, verb, session="", prompt=None):
    with open(token_file, encoding="ascii") as file:
        link = Link(url, file.read().strip())
    if verb == "list":
        return list_sessions(link)
    follower = Session(link, bytes.fromhex(session))
    while True:
        try:
            if prompt and follower.epoch:
                follower.prompt(prompt)
                prompt = None
            follower.follow(show)
        except (urllib.error.URLError, OSError) as error:  # it may have been processed: we just go on
            print(error, file=sys.stderr)
            link.generation, link.exchange = link.generation + 1, 0
            time.sleep(BUSY_WAIT_S)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Gone as reason:
        sys.exit(f"the relay says: {reason}")
