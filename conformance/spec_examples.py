"""The frames of Annex B of docs/spec.md. conformance/clauses writes them into the text."""
import zlib

LINK = b"example-link-001"
OTHER = b"example-link-002"
SESSION = b"example-sess-001"
EPOCH = b"example-epoch-01"
COMMANDS = b"example-cmds-001"
COMMANDS_2 = b"example-cmds-002"
HOST_DEVICE = b"example-dev-0001"
DEVICE = b"example-dev-0002"
COMMAND = b"example-cmd-0001"
COMMAND_2 = b"example-cmd-0002"
ASK = b"example-ask-0001"
NOW_MS = 1767225600000  # 2026-01-01 00:00 UTC
WINDOW = 524288

COMPRESSED, SNAPSHOT, CLEARS_TAIL = 1, 4, 8
C, A = "C > A", "A > C"


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


class Frames:
    """Makes frames of all types."""

    def __init__(self, types):
        self.types = types

    def make(self, name, **fields):
        batch = self.types["Batch"]()
        frame = batch.frame.add()
        number = self.types["Frame"].DESCRIPTOR.fields_by_name["type"].enum_type
        frame.type = number.values_by_name["FRAME_TYPE_" + name].number
        for field, value in fields.items():
            setattr(frame, field, value)
        return batch.SerializeToString()

    def message(self, kind, **fields):
        return self.types[kind](**fields)

    def control(self, name, kind, fields, **header):
        return self.make(name, payload=self.message(kind, **fields).SerializeToString(), **header)

    def block(self, channel, offset, messages, flags=0, **header):
        plain = b"".join(varint(len(m)) + m for m in (x.SerializeToString() for x in messages))
        if flags & COMPRESSED:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            header["inflated_bytes"] = len(plain)
            plain = deflate.compress(plain) + deflate.flush()
        return self.make("BLOCK", channel=channel, offset=offset, count=len(messages), flags=flags,
                         payload=plain, **header)


def envelope(f, command_id, **body):
    m = f.types
    view = any(k in body for k in ("probe", "query_outcome", "request_snapshot"))
    return m["CommandEnvelope"](command_id=command_id, event_epoch=EPOCH,
                                **{"class": 1 if view else 2},
                                command=m["Command"](**body).SerializeToString())


def delivered(f, sent):
    """As the relay writes it."""
    out = f.types["CommandEnvelope"]()
    out.CopyFrom(sent)
    out.origin.CopyFrom(f.types["Origin"](account="ada", device_id=DEVICE, device="phone",
                                          surface="remote"))
    out.received_ms = NOW_MS + 100
    return out


def state(f, first):
    m = f.types
    if first:
        return m["Event"](at_ms=NOW_MS, session_state=m["SessionState"](
            title="fix the build", status=1, remote_mode=3,
            session=m["SessionStarted"](interactive=True, agent="demo", host="laptop")))
    item = m["HistoryItem"](at_ms=NOW_MS, user=m["UserMessage"](message_id="m1", text="hello"))
    return m["Event"](at_ms=NOW_MS, session_state=m["SessionState"](history=[item]))


def hello(f, role, link, generation):
    return f.control("HELLO", "Hello", dict(
        version_min=1, version_max=1, link_id=link, generation=generation, token="example-token",
        role=role, agent="remote/0.1.0", limits=f.types["Limits"](frame_bytes=262144, channels=64)))


def welcome(f, device_id, device):
    return f.control("WELCOME", "Welcome", dict(
        version=1, limits=f.types["Limits"](frame_bytes=262144, channels=256), heartbeat_ms=10000,
        server_time_ms=NOW_MS, agent="remote-relay/0.1.0",
        principal=f.types["Principal"](account="ada", device_id=device_id, device=device)))


def status(f, channel, **fields):
    facts = dict(host_attached=True, host_since_ms=NOW_MS, host_heard_ms=NOW_MS, now_ms=NOW_MS + 50,
                 events_epoch=EPOCH, events_next=42, commands_epoch=COMMANDS, ceiling=2)
    facts.update(fields)
    return f.control("LOG_STATUS", "LogStatus", facts, channel=channel)


def single(f):
    """(title, prose, frames) of each type on its own."""
    m = f.types
    title = m["Event"](at_ms=NOW_MS, title_changed=m["TitleChanged"](title="fix the build"))
    idle = m["Event"](at_ms=NOW_MS, status_changed=m["StatusChanged"](status=1))
    delta = m["Event"](at_ms=NOW_MS, turn_id="t1",
                       assistant_delta=m["AssistantDelta"](message_id="m2", position=5, text=" there"))
    yield ("B.1 PING and PONG", "Channel 0 is left out.",
           [(C, f.make("PING", payload=bytes(range(1, 9)))),
            (A, f.make("PONG", payload=bytes(range(1, 9))))])
    yield ("B.2 HELLO and WELCOME", "A host that connects for the third time.",
           [(C, hello(f, 1, LINK, 3)), (A, welcome(f, HOST_DEVICE, "laptop"))])
    yield ("B.3 REFUSE", "The token is not known.",
           [(A, f.control("REFUSE", "Problem", dict(code=3001, reason="sign in again")))])
    yield ("B.4 GOAWAY", "The relay stops; the link comes back after 700 ms.",
           [(A, f.control("GOAWAY", "Problem", dict(code=1001, retry_after_ms=700)))])
    yield ("B.5 OPEN and OPENED", "A client reads events from offset 40 on. The log ends at 42.",
           [(C, f.control("OPEN", "Open", dict(session_id=SESSION, log=1, direction=2, epoch=EPOCH,
                                               next=40, start=1), channel=1, credit=WINDOW)),
            (A, f.control("OPENED", "Opened", dict(epoch=EPOCH, next=40, watermark=42, outcome=1,
                                                   ceiling=2), channel=1))])
    yield ("B.6 CLOSE", "A block at offset 41 could not be inflated. Then: another process writes the session.",
           [(C, f.control("CLOSE", "Problem", dict(code=4004), channel=1, offset=41)),
            (A, f.control("CLOSE", "Problem", dict(code=3005, stored_generation=NOW_MS), channel=2))])
    yield ("B.7 INFO", "An ask is open.",
           [(C, f.control("INFO", "SessionInfo", dict(
               title="fix the build", status=3, status_since_ms=NOW_MS, asks_total=1, remote_mode=3,
               asks=[m["OpenAskInfo"](ask_id=ASK, kind=11, text="run make?", options=[
                   m["AskOptionInfo"](option_id="yes", label="Yes")])]), channel=1))])
    yield ("B.8 ACK and SYNCED", "Everything below 300 is the receiver's own; the credit is raised to 786432. "
           "The watermark 42 has been reached.",
           [(C, f.make("ACK", channel=1, offset=300)),
            (C, f.make("ACK", channel=1, offset=300, credit=786432)),
            (A, f.make("SYNCED", channel=1, offset=42))])
    yield ("B.9 TAIL", "The second tail (index 1) since the CLEARS_TAIL block that ended at 42.",
           [(C, f.make("TAIL", channel=1, offset=42, count=1, payload=delta.SerializeToString()))])
    yield ("B.10 BLOCK of EVENTS", "Two events at offsets 40 and 41, behind their lengths 18 and 0c.",
           [(C, f.block(1, 40, [title, idle], CLEARS_TAIL))])
    prompt = envelope(f, COMMAND, submit_prompt=m["SubmitPrompt"](text="go on"))
    yield ("B.11 BLOCK of COMMANDS", "A prompt as a client sends it, at offset 0 of its outbox, and as the "
           "relay delivers it, at offset 7 of COMMANDS.",
           [(C, f.block(2, 0, [prompt])), (A, f.block(2, 7, [delivered(f, prompt)]))])
    notes = [m["Event"](at_ms=NOW_MS + i, notice=m["Notice"](level=1, topic="demo",
                                                             text="the same words again and again"))
             for i in range(4)]
    yield ("B.12 Compressed BLOCK", "Raw deflate; `inflated` shows the payload after inflation.",
           [(C, f.block(1, 42, notes, COMPRESSED))])
    yield ("B.13 Snapshot set of two parts", "It begins at 46. The first message has the single values; the "
           "lists of both are joined.",
           [(C, f.block(1, 46, [state(f, True)], SNAPSHOT | CLEARS_TAIL, part=1, parts=2)),
            (C, f.block(1, 47, [state(f, False)], SNAPSHOT | CLEARS_TAIL, part=2, parts=2))])
    yield ("B.14 LOG_STATUS", "One command is stored that the host does not have yet.",
           [(A, status(f, 1, commands_stored=8, commands_delivered=7, attached_total=1, attached=[
               m["AttachedDevice"](device_id=HOST_DEVICE, name="laptop", role=1, since_ms=NOW_MS)]))])
    yield ("B.15 RECEIPT", "Stored at offset 7 of COMMANDS; and refused, because policy allows watching only.",
           [(A, f.control("RECEIPT", "Receipt", dict(
               command_id=COMMAND, stored=m["Stored"](epoch=COMMANDS, offset=7)), channel=2)),
            (A, f.control("RECEIPT", "Receipt", dict(
                command_id=COMMAND_2, problem=m["Problem"](code=5002, layer=3)), channel=2, offset=1))])
    yield ("B.16 REQUEST and REPLY", "A list of one session.",
           [(C, f.control("REQUEST", "Request", dict(id=1, list_sessions=m["ListSessions"](limit=10)))),
            (A, f.control("REPLY", "Reply", dict(id=1, more=True, session=m["SessionEntry"](
                session_id=SESSION, activity_ms=NOW_MS,
                description=m["SessionDescription"](title="fix the build", host="laptop"),
                status=m["LogStatus"](now_ms=NOW_MS, events_next=42, ceiling=2))))),
            (A, f.control("REPLY", "Reply", dict(id=1, done=m["Done"]())))])


def host_resumes(f):
    m = f.types
    prompt = delivered(f, envelope(f, COMMAND, submit_prompt=m["SubmitPrompt"](text="go on")))
    said = m["Event"](at_ms=NOW_MS + 200, turn_id="t1", user_message=m["UserMessage"](
        message_id=COMMAND.hex(), text="go on", command_id=COMMAND, delivery=1))
    outcome = m["Event"](at_ms=NOW_MS + 200, command_outcome=m["CommandOutcome"](
        command_id=COMMAND, outcome=1, kind=1))
    idle = m["Event"](at_ms=NOW_MS, status_changed=m["StatusChanged"](status=1))
    writer = NOW_MS - 5000
    return [
        (C, hello(f, 1, LINK, 4)),
        (A, welcome(f, HOST_DEVICE, "laptop")),
        (C, f.control("OPEN", "Open", dict(
            session_id=SESSION, log=1, direction=1, epoch=EPOCH, next=42, writer_generation=writer,
            description=m["SessionDescription"](title="fix the build", host="laptop", agent="demo",
                                                created_ms=writer)), channel=1)),
        (C, f.control("OPEN", "Open", dict(
            session_id=SESSION, log=2, direction=2, epoch=COMMANDS, next=7, writer_generation=writer,
            start=1), channel=2, credit=WINDOW)),
        (A, f.control("OPENED", "Opened", dict(epoch=EPOCH, next=41, watermark=41, outcome=1, ceiling=2,
                                               last_writer_generation=writer), channel=1, credit=WINDOW)),
        (A, f.make("ACK", channel=1, offset=41)),
        (A, status(f, 1, events_next=41, commands_stored=8, commands_delivered=7)),
        (A, f.control("OPENED", "Opened", dict(epoch=COMMANDS, next=7, watermark=8, outcome=1, ceiling=2),
                      channel=2)),
        (C, f.make("ACK", channel=2, offset=7)),
        (C, f.block(1, 41, [idle], CLEARS_TAIL)),
        (A, f.block(2, 7, [prompt])),
        (A, f.make("SYNCED", channel=2, offset=8)),
        (A, f.make("ACK", channel=1, offset=42)),
        (C, f.make("ACK", channel=2, offset=8)),
        (C, f.block(1, 42, [said, outcome])),
        (A, f.make("ACK", channel=1, offset=44)),
    ]


def client_resumes(f):
    m = f.types
    first = envelope(f, COMMAND, submit_prompt=m["SubmitPrompt"](text="go on"))
    second = envelope(f, COMMAND_2, probe=m["Probe"](nonce=5))
    idle = m["Event"](at_ms=NOW_MS, status_changed=m["StatusChanged"](status=1))
    said = m["Event"](at_ms=NOW_MS + 200, turn_id="t1", user_message=m["UserMessage"](
        message_id=COMMAND.hex(), text="go on", command_id=COMMAND, delivery=1))
    applied = m["Event"](at_ms=NOW_MS + 200, command_outcome=m["CommandOutcome"](
        command_id=COMMAND, outcome=1, kind=1))
    probed = m["Event"](at_ms=NOW_MS + 300, command_outcome=m["CommandOutcome"](
        command_id=COMMAND_2, outcome=1, kind=12, nonce=5))

    def stored(command_id, offset, outbox):
        return f.control("RECEIPT", "Receipt", dict(
            command_id=command_id, stored=m["Stored"](epoch=COMMANDS, offset=offset)), channel=2,
            offset=outbox)
    return [
        (C, hello(f, 2, OTHER, 2)),
        (C, f.control("OPEN", "Open", dict(session_id=SESSION, log=1, direction=2, epoch=EPOCH, next=41,
                                           start=1), channel=1, credit=WINDOW)),
        (C, f.control("OPEN", "Open", dict(session_id=SESSION, log=2, direction=1, epoch=OTHER, next=2),
                      channel=2)),
        (A, welcome(f, DEVICE, "phone")),
        (A, f.control("OPENED", "Opened", dict(epoch=EPOCH, next=41, watermark=44, outcome=1, ceiling=2),
                      channel=1)),
        (A, status(f, 1, events_next=44, commands_stored=8, commands_delivered=8)),
        (A, f.control("OPENED", "Opened", dict(epoch=OTHER, next=1, watermark=1, outcome=1, ceiling=2),
                      channel=2, credit=WINDOW)),
        (A, stored(COMMAND, 7, 0)),
        (A, f.make("ACK", channel=2, offset=1)),
        (A, f.block(1, 41, [idle], CLEARS_TAIL)),
        (A, f.block(1, 42, [said, applied])),
        (A, f.make("SYNCED", channel=1, offset=44)),
        (C, f.make("ACK", channel=1, offset=44)),
        (C, f.block(2, 1, [second])),
        (A, stored(COMMAND_2, 8, 1)),
        (A, f.make("ACK", channel=2, offset=2)),
        (A, f.block(1, 44, [probed])),
        (C, f.make("ACK", channel=1, offset=45)),
    ], first


def sections(types):
    f = Frames(types)
    yield from single(f)
    yield ("B.17 A host resumes", """
Its journal ends at 42; the relay committed 41 of that before the carrier was lost, and holds one command the host has not
seen. It says again that it has all commands below 7. The relay's generation of message 40 is in the journal's list: no fork. The host sends its last event, journals
the command, waits for SYNCED, hands the prompt to the agent, and publishes message and outcome together.""",
           host_resumes(f))
    frames, _ = client_resumes(f)
    yield ("B.18 A client resumes", """
HELLO and OPENs leave in one flight. The client has folded events below 41. Its outbox holds two commands: the first is stored
(its receipt comes again), the second never reached the relay (`OPENED.next` is 1) and is sent now.""", frames)
