"""Switches that break one clause of docs/spec.md each, so that one can see the suite notice it.

`broken("3.7.1")` is asked wherever a rule is kept; it is true after `main.py --break 3.7.1`, and the
code then makes the mistake that an implementer might make. SWITCHES says in words which mistake;
UNBREAKABLE says why a clause has none. `main.py --breaks` lists the ids."""

_active: set[str] = set()


def set_broken(clauses: list[str]) -> None:
    _active.clear()
    _active.update(clauses)


def broken(clause: str) -> bool:
    """Whether this clause is to be broken in this run."""
    return clause in _active


# The mistakes of codec and link.
LINK: dict[str, str] = {
    "1.1.1": "a piece that is cut off is taken for the whole field",
    "1.2.1": "skips an unknown field of Batch, as a protobuf decoder does",
    "1.3.1": "writes fields with their default value",
    "1.4.1": "refuses varints that are longer than needed",
    "1.4.2": "of a field given twice the last one wins; what is too large is cut to 32 bits",
    "1.4.3": "takes a frame without type",
    "1.4.4": "does not count unknown fields",
    "1.5.1": "cuts offset and credit to 53 bits",
    "1.8.1": "the last one wins; numbers are taken as they come",
    "1.8.2": "leaves it to the runtime whether a string is one",
    "1.8.3": "knows no limits",
    "1.8.4": "refuses unknown fields",
    "2.1.1": "ignores frames that must not come here",
    "2.1.2": "takes a payload that cannot be decoded for an empty one",
    "2.1.3": "does not look at a block's header",
    "2.1.4": "goes on after GOAWAY",
    "2.2.1": "refuses unknown types",
    "2.2.2": "skips unknown types below 64, too",
    "2.4.1": "uses the number of a closed channel again",
    "2.4.2": "takes a channel number again",
    "2.4.3": "takes a late frame for one on a channel that was never opened",
    "2.4.4": "does not count channels",
    "2.5.1": "ends the carrier with a channel",
    "2.6.1": "answers PING with bytes of its own",
    "2.6.2": "answers a PING of any length",
    "2.7.3": "forwards INFO as it comes, whatever its size",
    "2.8.1": "does not look whether a call is open",
    "2.8.2": "ignores a REPLY that nobody waits for",
    "3.1.1": "says something before HELLO, and calls before WELCOME",
    "3.1.2": "does not count what comes before WELCOME",
    "3.1.3": "waits for HELLO for ever",
    "3.1.4": "takes a HELLO that it cannot understand",
    "3.1.5": "welcomes any version",
    "3.1.7": "says no time in WELCOME",
    "3.1.8": "takes any version",
    "3.1.9": "waits for WELCOME for ever",
    "3.1.10": "sends frames of any size",
    "3.2.1": "treats everybody as signed in",
    "3.3.3": "connects again after 3004",
    "3.15.1": "gives duplicates to the application, and takes blocks behind a hole",
    "3.18.1": "leaves a channel open whose `until` is reached",
    "3.23.1": "shows every tail",
    "4.2.2": "acknowledges when it closes only",
    "4.2.3": "takes the last ACK's offset and credit",
    "4.2.4": "believes any ACK",
    "4.3.1": "sends a block again that an ACK does not name yet",
    "4.4.1": "sends without credit",
    "4.4.2": "does not count what comes",
    "4.4.3": "gives credit for what was received",
    "4.5.1": "takes frames of any size",
    "5.1.1": "counts whole frames as signs of life, not bytes",
    "5.1.2": "never pings",
    "5.1.3": "waits for ever",
    "5.3.1": "connects again after 1 ms, always",
    "5.3.2": "connects again after a code of class 3",
    "8.1.1": "treats unknown codes as a bug, or as transient",
    "9.1.1": "shows the token in each OPEN, too",
}

# Those of the relay.
RELAY: dict[str, str] = {
    "2.7.1": "sends INFO to those who are there only",
    "2.8.3": "a call that is cancelled gets no REPLY",
    "3.1.6": "says 3001 to a revoked token",
    "3.3.1": "takes a HELLO of the same generation",
    "3.3.2": "leaves the older carrier alone",
    "3.4.1": "does not look whose session it is",
    "3.4.2": "leaves the first channel open",
    "3.7.1": "the fence looks at the generation alone, not at the link",
    "3.8.1": "names the generation of the OPEN as the last writer",
    "3.8.2": "sends OPENED before it is committed",
    "3.8.5": "sends no ACK after OPENED",
    "3.12.1": "forgets former epochs at a restart, and takes blocks of one",
    "3.12.2": "does not tell readers that the epoch is another one",
    "3.13.1": "delivers commands that are not committed",
    "3.14.1": "keeps the epoch of COMMANDS over a restart",
    "3.14.2": "renumbers acknowledged commands, too",
    "3.14.3": "stores a command again",
    "3.15.2": "goes on with the next whole block behind the cursor",
    "3.15.3": "forwards COMPRESSED alone of all flags",
    "3.17.1": "begins at the first offset instead of the newest set",
    "3.17.3": "goes on at the first offset when a reader was trimmed",
    "3.18.2": "loses what comes between OPENED and SYNCED",
    "3.19.1": "begins at `first_retained`, whatever it has",
    "3.19.3": "acknowledges commands that it cannot read",
    "3.20.1": "sends no RECEIPT to refused commands",
    "3.20.2": "sends ACK before RECEIPT",
    "3.20.3": "sends no RECEIPT again",
    "3.22.2": "takes part 1 for a complete set",
    "3.22.4": "trims to any block",
    "3.23.2": "sends tails before the blocks that they follow, and before SYNCED",
    "3.23.3": "keeps no tails but the last one for later readers",
    "3.25.1": "forgets that a session was deleted",
    "5.1.4": "has no shorter times while somebody watches",
    "5.4.1": "says GOAWAY before it has committed",
    "7.1.1": "does not cut lists",
    "9.2.1": "leaves the carriers of a revoked device alone",
    "9.3.1": "finds sessions of other accounts",
    "9.5.1": "lists the oldest session first, and who is attached",
    "9.5.2": "tells no changes",
    "10.1.1": "leaves open channels open",
    "10.1.2": "does not tell when the ceiling changes",
    "10.1.3": "takes an organization without policy for one that allows everything",
    "10.1.4": "leaves the carriers alone on which it has said 3007",
    "10.4.1": "lets everybody set policy",
    "10.5.1": "shows everybody the whole audit log",
    "12.1.2": "takes a command without `event_epoch`",
    "12.1.3": "keeps the `origin` that the client wrote",
    "12.5.2": "does not deliver what has expired",
    "14.1.1": "tells nobody who comes and goes",
    "14.1.2": "counts stored commands as delivered",
    "14.2.1": "waits 20 s for a host to come back",
    "4.1.1": "acknowledges what has come, before it is committed",
    "12.6.1": "forgets the ids of commands at a restart",
}

# Those of host, client and view.
try:
    from breaks_session import SESSION, SESSION_UNBREAKABLE
except ImportError:
    SESSION, SESSION_UNBREAKABLE = {}, {}

# The mistakes of a relay that takes long-polls.
POLLS: dict[str, str] = {
    "3.26.1": "takes an exchange again",
    "3.26.2": "lets the pending exchange wait on",
    "3.26.3": "takes a BLOCK before its OPENED for a mistake",
    "3.26.4": "takes a gap in a body for one on a carrier",
    "3.26.5": "takes an ACK of another number line",
    "3.26.6": "answers every exchange at once",
    "3.26.7": "answers a PING before what came before it is stored",
    "3.26.8": "knows no largest answer",
    "3.26.9": "who polls is away between two exchanges",
}

SWITCHES: dict[str, str] = {**LINK, **RELAY, **POLLS, **SESSION}

UNBREAKABLE: dict[str, str] = {
    "A.1": "listening is not part of this peer: it has no sockets",
    "A.2": "how tokens are stored cannot be seen from outside",
    "A.3": "this peer writes no log and has no URLs",
    "A.4": "there are no backups of devices: Restart.back_to puts everything "
           "back, which is what it is to do",
    "A.5": "this peer offers no OIDC",
    "A.6": "carriers are the harness's; nothing here compresses but blocks",
    "A.7": "there are no carriers of messages in the harness",
    "A.8": "memory cannot be seen from outside",
    "A.9": "there are no browsers in the harness",
    "A.10": "this peer is no client of long-polls",
    "A.11": "this peer is no client of long-polls",
    "A.12": "this relay has accounts outside any organization only",
    "A.14": "sealing is reserved; version 1 refuses it (6.2.2)",
    "A.17": "nothing tells a relay that its store is an older copy",
    **SESSION_UNBREAKABLE,
}
