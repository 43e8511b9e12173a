#!/usr/bin/python3
"""A client of a relay with stock gRPC: lists the sessions of an account, or follows one, event by
event and through lost connections, sends it a prompt and answers what its agent asks. See README.md.

    client.py HOST:PORT TOKEN_FILE list
    client.py HOST:PORT TOKEN_FILE follow SESSION_HEX [--from OFFSET] [--say TEXT] [--allow]
"""
import argparse
import os
import queue
import sys
import threading
import time
import zlib

import grpc
from remote.v1 import ask_pb2, command_pb2, event_pb2, frame_pb2, link_pb2, relay_pb2
from remote.v1.frame_pb2 import Frame
from remote.v1.relay_pb2_grpc import RelayStub

EVENTS, OUTBOX = 1, 2  # our channels' numbers
COMPRESSED, SNAPSHOT = 1, 4  # flags of a block
WINDOW = 1 << 20  # bytes of events that may be on their way
SILENCE_S = 25  # then the connection is dead, whatever TCP says
EPOCH_GONE, TRIMMED = 2001, 2002


class Refused(Exception):
    """The relay says why, and trying again cannot help."""


def channel_to(target, ca):
    if ca:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(open(ca, "rb").read()))
    return grpc.insecure_channel(target)


def list_sessions(target, ca, token):
    """A call of its own; the token goes into its metadata."""
    with channel_to(target, ca) as channel:
        request = relay_pb2.Request(id=1, list_sessions=relay_pb2.ListSessions())
        for reply in RelayStub(channel).Call(request, metadata=[("authorization", f"Bearer {token}")]):
            if reply.HasField("session"):
                print(reply.session.session_id.hex(), reply.session.description.title)


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def messages(frame):
    """The messages of a BLOCK: length, message, again and again."""
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


class Follower:
    """A cursor on a session's events and an outbox of commands: what lasts over connections."""

    def __init__(self, token, session, start):
        self.token, self.session = token, session
        self.link_id, self.generation = os.urandom(16), 0
        self.epoch, self.next, self.start = b"", 0, start
        self.outbox, self.first = [], 0  # envelopes without an outcome; the first one's offset
        self.outcomes = {}
        self.publishing = False

    # ---- commands ----
    def command(self, **body):
        """Numbered and kept until its outcome is an event: sent again after each cut, done once."""
        envelope = link_pb2.CommandEnvelope(command_id=os.urandom(16), event_epoch=self.epoch,
                                            command=command_pb2.Command(**body).SerializeToString(),
                                            **{"class": link_pb2.COMMAND_CLASS_CONTROL})
        self.outbox.append(envelope)
        if self.publishing:
            self.send(self.block(self.first + len(self.outbox) - 1))
        return envelope.command_id

    def block(self, offset):
        data = self.outbox[offset - self.first].SerializeToString()
        return Frame(type=frame_pb2.FRAME_TYPE_BLOCK, channel=OUTBOX, offset=offset, count=1,
                     payload=varint(len(data)) + data)

    def ended(self, outcome):
        self.outcomes[outcome.command_id] = outcome
        while self.outbox and self.outbox[0].command_id in self.outcomes:
            del self.outbox[0]
            self.first += 1

    # ---- one connection ----
    def attach(self, target, ca, seen):
        """Until the connection ends; seen(offset, event) for each event, once and in order."""
        self.generation, self.publishing = max(self.generation + 1, int(time.time() * 1000)), False
        out, taken = queue.Queue(), 0
        self.send = lambda *frames: out.put(frame_pb2.Batch(frame=frames))
        hello = link_pb2.Hello(version_min=1, version_max=1, link_id=self.link_id, generation=self.generation,
                               token=self.token, role=link_pb2.ROLE_CLIENT, agent="python-grpc/1")
        self.send(Frame(type=frame_pb2.FRAME_TYPE_HELLO, payload=hello.SerializeToString()), self.open_events())
        channel = channel_to(target, ca)
        call = RelayStub(channel).Attach(iter(out.get, None))
        heard = [time.monotonic()]
        over = threading.Event()

        def watch():  # says something now and then, and gives up a connection that is silent
            while not over.wait(5):
                if time.monotonic() - heard[0] > SILENCE_S:
                    call.cancel()
                self.send(Frame(type=frame_pb2.FRAME_TYPE_PING, payload=b"are you?"))
        threading.Thread(target=watch, daemon=True).start()
        try:
            for batch in call:
                heard[0] = time.monotonic()
                for frame in batch.frame:
                    taken = self.take(frame, seen, taken)
        finally:
            over.set()
            out.put(None)
            call.cancel()
            channel.close()

    def open_events(self):
        message = link_pb2.Open(session_id=self.session, log=link_pb2.LOG_EVENTS, epoch=self.epoch, next=self.next,
                                direction=link_pb2.DIRECTION_SUBSCRIBE,
                                start=link_pb2.START_RESUME if self.epoch else link_pb2.START_BEGINNING)
        return Frame(type=frame_pb2.FRAME_TYPE_OPEN, channel=EVENTS, credit=WINDOW, payload=message.SerializeToString())

    def open_outbox(self):
        message = link_pb2.Open(session_id=self.session, log=link_pb2.LOG_COMMANDS, epoch=self.link_id,
                                direction=link_pb2.DIRECTION_PUBLISH, first_retained=self.first,
                                next=self.first + len(self.outbox))
        return Frame(type=frame_pb2.FRAME_TYPE_OPEN, channel=OUTBOX, payload=message.SerializeToString())

    def take(self, frame, seen, taken):
        """One frame; `taken`: bytes of events on this connection so far."""
        kind = frame_pb2.FrameType.Name(frame.type) if frame.type in frame_pb2.FrameType.values() else ""
        if kind in ("FRAME_TYPE_REFUSE", "FRAME_TYPE_GOAWAY"):
            problem = link_pb2.Problem.FromString(frame.payload)
            if problem.code >= 3000:
                raise Refused(f"{problem.code} {problem.reason}")
            time.sleep(problem.retry_after_ms / 1000)
        elif kind == "FRAME_TYPE_PING":
            self.send(Frame(type=frame_pb2.FRAME_TYPE_PONG, payload=frame.payload))
        elif kind == "FRAME_TYPE_CLOSE":
            problem = link_pb2.Problem.FromString(frame.payload)
            if problem.code >= 3000 or frame.channel != EVENTS:
                raise Refused(f"{problem.code} {problem.reason}")
            if problem.code in (EPOCH_GONE, TRIMMED):  # another history: from its beginning
                self.epoch, self.next = b"", 0
            raise ConnectionError(problem.reason)
        elif kind == "FRAME_TYPE_OPENED":
            opened = link_pb2.Opened.FromString(frame.payload)
            if frame.channel == OUTBOX:
                self.publishing = True  # what is below `next` is stored there
                for offset in range(max(opened.next, self.first), self.first + len(self.outbox)):
                    self.send(self.block(offset))
            else:
                self.epoch, self.next = opened.epoch, opened.next
                self.send(self.open_outbox())
        elif kind == "FRAME_TYPE_BLOCK" and frame.channel == EVENTS:
            if frame.offset > self.next and not (frame.flags & SNAPSHOT and frame.part == 1):
                raise ConnectionError(f"a gap: {frame.offset} after {self.next}")
            if frame.flags & SNAPSHOT and frame.offset == self.next:
                self.next += frame.count  # says what we know
            for offset, message in enumerate(messages(frame), frame.offset):
                if offset >= self.next:
                    event = event_pb2.Event.FromString(message)
                    self.next = offset + 1
                    if event.WhichOneof("body") == "command_outcome":
                        self.ended(event.command_outcome)
                    if offset >= self.start:
                        seen(offset, event)
            taken += len(frame.payload)
            self.send(Frame(type=frame_pb2.FRAME_TYPE_ACK, channel=EVENTS, offset=self.next, credit=taken + WINDOW))
        elif kind == "FRAME_TYPE_RECEIPT":
            receipt = link_pb2.Receipt.FromString(frame.payload)
            if receipt.HasField("problem"):  # refused: that is its outcome
                raise Refused(f"{receipt.problem.code} {receipt.problem.reason}")
        elif kind == "FRAME_TYPE_SYNCED" and frame.channel == EVENTS:
            seen(None, None)
        return taken


def follow(o, token):
    follower = Follower(token, bytes.fromhex(o.session), o.start)
    prompt, open_asks, done = [], {}, []

    def allow(ask):
        option = next((x.option_id for x in ask.options if x.kind == ask_pb2.ASK_OPTION_KIND_ALLOW_ONCE), None)
        if option:
            follower.command(answer_ask=command_pb2.AnswerAsk(
                ask_id=ask.ask_id, answer=ask_pb2.AnswerContent(option_id=option)))

    def seen(offset, event):
        if event is None:  # we have caught up: what is still open is for us
            for ask in list(open_asks.values()) if o.allow and not done else []:
                allow(ask)
            if o.say and not prompt:
                prompt.append(follower.command(submit_prompt=command_pb2.SubmitPrompt(text=o.say)))
            done[:] = [True]
            return
        body = event.WhichOneof("body")
        print(offset, body, event.assistant_message.text if body == "assistant_message" else "", flush=True)
        if body == "ask_opened":
            open_asks[event.ask_opened.ask.ask_id] = event.ask_opened.ask
            if o.allow and done:
                allow(event.ask_opened.ask)
        elif body == "ask_resolved":
            open_asks.pop(event.ask_resolved.ask_id, None)
        elif body == "turn_ended" and prompt and prompt[0] in follower.outcomes:
            raise SystemExit(0)
    while True:
        try:
            follower.attach(o.target, o.ca, seen)
        except (grpc.RpcError, ConnectionError) as cut:
            print("connection lost:", getattr(cut, "details", lambda: cut)(), file=sys.stderr, flush=True)
        time.sleep(0.5)


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a.add_argument("target", help="HOST:PORT of a relay that listens with grpc:// or grpcs://")
    a.add_argument("token_file")
    a.add_argument("verb", choices=("list", "follow"))
    a.add_argument("session", nargs="?")
    a.add_argument("--ca", help="PEM file of who signed the relay's certificate: grpcs")
    a.add_argument("--from", dest="start", type=int, default=0, metavar="OFFSET")
    a.add_argument("--say", metavar="TEXT", help="a prompt; ends with the end of its turn")
    a.add_argument("--allow", action="store_true", help="answers each permission: once")
    o = a.parse_args()
    with open(o.token_file, encoding="ascii") as file:
        token = file.read().strip()
    if o.verb == "list":
        list_sessions(o.target, o.ca, token)
    else:
        follow(o, token)


if __name__ == "__main__":
    try:
        main()
    except Refused as reason:
        sys.exit(f"the relay says: {reason}")
