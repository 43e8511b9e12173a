"""The tables of section 2.1 as data: what each frame type is, who may send it, and when."""
import dataclasses

import protos
from protos import FT
from wire import PAYLOAD_BYTES_MAX

KIB = 1024
SKIPPED_MIN = 64  # 2.2: unknown types from here on are skipped


@dataclasses.dataclass(frozen=True)
class TypeRule:
    """`side` says who may send it: C, A, CA; `role` which end of its channel: P, S or any (""),
    with `log` EVENTS or COMMANDS where it belongs to one."""
    name: str
    side: str
    on_channel: bool
    fields: tuple[str, ...]
    message: object
    payload_max: int
    role: str = ""
    log: str = ""


RULES = {
    FT.FRAME_TYPE_HELLO: TypeRule("HELLO", "C", False, (), protos.link.Hello, 16 * KIB),
    FT.FRAME_TYPE_WELCOME: TypeRule("WELCOME", "A", False, (), protos.link.Welcome, KIB),
    FT.FRAME_TYPE_REFUSE: TypeRule("REFUSE", "A", False, (), protos.link.Problem, KIB),
    FT.FRAME_TYPE_GOAWAY: TypeRule("GOAWAY", "CA", False, (), protos.link.Problem, KIB),
    FT.FRAME_TYPE_PING: TypeRule("PING", "CA", False, (), None, 8),
    FT.FRAME_TYPE_PONG: TypeRule("PONG", "CA", False, (), None, 8),
    FT.FRAME_TYPE_OPEN: TypeRule(
        "OPEN", "C", True, ("channel", "credit"), protos.link.Open, 4 * KIB),
    FT.FRAME_TYPE_OPENED: TypeRule(
        "OPENED", "A", True, ("channel", "credit"), protos.link.Opened, KIB),
    FT.FRAME_TYPE_CLOSE: TypeRule(
        "CLOSE", "CA", True, ("channel", "offset"), protos.link.Problem, KIB),
    FT.FRAME_TYPE_INFO: TypeRule("INFO", "CA", True, ("channel",), None, KIB, "P", "EVENTS"),
    FT.FRAME_TYPE_BLOCK: TypeRule(
        "BLOCK", "CA", True, ("channel", "offset", "count", "flags", "inflated_bytes", "part",
                              "parts"), None, PAYLOAD_BYTES_MAX, "P"),
    FT.FRAME_TYPE_TAIL: TypeRule(
        "TAIL", "CA", True, ("channel", "offset", "count"), None, 192 * KIB, "P", "EVENTS"),
    FT.FRAME_TYPE_ACK: TypeRule("ACK", "CA", True, ("channel", "offset", "credit"), None, 0, "S"),
    FT.FRAME_TYPE_SYNCED: TypeRule("SYNCED", "A", True, ("channel", "offset"), None, 0, "P"),
    FT.FRAME_TYPE_LOG_STATUS: TypeRule(
        "LOG_STATUS", "A", True, ("channel",), protos.link.LogStatus, KIB, "", "EVENTS"),
    FT.FRAME_TYPE_RECEIPT: TypeRule(
        "RECEIPT", "A", True, ("channel", "offset"), protos.link.Receipt, KIB, "S", "COMMANDS"),
    FT.FRAME_TYPE_REQUEST: TypeRule(
        "REQUEST", "C", False, (), protos.relay.Request, 9 * KIB),
    FT.FRAME_TYPE_REPLY: TypeRule("REPLY", "A", False, (), protos.relay.Reply, 4 * KIB),
}

# What is taken before WELCOME, by the receiving side. OPEN and REQUEST wait at the accepting side:
# it reads nothing between HELLO and its own answer.
TAKEN_IN_GREETING = {"C": ("WELCOME", "REFUSE", "GOAWAY"), "A": ("HELLO", "GOAWAY")}
# What is never taken afterwards.
GREETING_ONLY = ("HELLO", "WELCOME", "REFUSE")

# Per channel (second table of 2.1): what happens in OPENING and OPEN; on a channel that was never
# opened every one of them is a fault, on a closed one every one is ignored.
OPENING = {"OPENED": "taken", "CLOSE": "taken", "ACK": "ignored"}
OPEN = {"OPENED": "fault"}
