"""The vectors of conformance/vectors/message.json, single messages as data. `generate` writes it.

Each says what every codec must make of some bytes: take them, and write them again as
`reencoded`, or refuse them. `protobuf` says what a plain protobuf decoder does with what is
refused, `differs` which runtime does otherwise, and why; README.md has the format.
"""
import json
import re

LINK, SHAPES = "remote.v1.", "remote.shapes."

# ---- protobuf by hand ----


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def blob(field, value=b""):
    return varint(field << 3 | 2) + varint(len(value)) + value


def squeezed(data):
    """Hex; where a piece of up to four bytes is repeated for 24 bytes and more, (piece*times)."""
    def group(match):
        whole, piece = match.group(0), match.group(1)
        return f"({piece.hex()}*{len(whole) // len(piece)})" if len(whole) >= 24 else None

    out, at = [], 0
    for match in re.finditer(rb"(?s)(.{1,4}?)\1{5,}", data):
        text = group(match)
        if text:
            out += [data[at:match.start()].hex(), text]
            at = match.end()
    return "".join(out) + data[at:].hex()


# ---- why runtimes differ from the rest ----

# protobuf-c and nanopb, as the library uses them, see nothing that the preflight refuses; here
# they are asked alone.
NO_UTF8 = {"protobuf-c": "checks no UTF-8", "nanopb": "Debian builds it without PB_VALIDATE_UTF8"}
# Others take a known number of another wire type for an unknown field.
WIRE_TYPE = {"protobuf-c": "refuses a known field of a wrong wire type",
             "nanopb": "refuses a known field of a wrong wire type",
             "javascript": "reads as the schema says, whatever the tag says: nonsense"}
NO_WIRE_TYPE = {reader: WIRE_TYPE[reader] for reader in ("protobuf-c", "nanopb")}
BOOL_WIRE_TYPE = dict(WIRE_TYPE)
del BOOL_WIRE_TYPE["protobuf-c"]  # which takes a bool of any wire type
# Others skip groups.
NO_GROUPS = {"protobuf-c": "knows no groups", "nanopb": "knows no groups"}
TOO_LARGE = {"nanopb": "refuses a number that its field cannot hold"}
NO_INNER_END = {"javascript": "has no inner end: it reads on in the bytes behind"}

vectors = []

# Taken, although a reader may be tempted to refuse it.
TEMPTING = {"unknown-text-not-utf8", "unknown-twice", "unknown-reserved-number",
            "unknown-largest-number", "unknown-enum-value", "depth-of-unknown", "event-no-body",
            "envelope-unknown-field", "inner-unknown"}


def clause_of(id, clause, refuse):
    """The statement of 1.8 that a vector is about."""
    if clause != "1.8":
        return clause
    if id.startswith(("utf8", "nul-")) or id.endswith(("-nul", "-surrogate", "-overlong", "-above")):
        return "1.8.2"
    if refuse == "LIMIT" or any(word in id for word in ("-bytes-", "-count-", "-of-", "depth-1")):
        return "1.8.3" if id != "depth-of-unknown" else "1.8.4"
    if "unknown" in id and not refuse or id in TEMPTING:
        return "1.8.4"
    return "1.8.1"


def case(id, clause, note, type, data, take=None, refuse=None, protobuf=None, differs=None,
         level="MUST", **more):
    """take: the canonical bytes (True: `data` itself); refuse: DECODE or LIMIT."""
    data = bytes.fromhex(data) if isinstance(data, str) else data
    vector = {"id": "message-" + id, "clause": clause_of(id, clause, refuse), "level": level,
              "way": "negative" if refuse or id in TEMPTING else "positive", "note": note, "side": "both",
              "type": type, "in": squeezed(data), **more}
    if refuse:
        vector.update(verdict="refuse", code=refuse,
                      protobuf=protobuf or ("limit" if refuse == "LIMIT" else "agrees"))
    else:
        take = data if take is True else bytes.fromhex(take) if isinstance(take, str) else take
        vector.update(verdict="take", reencoded=squeezed(take))
    if differs:
        vector["differs"] = differs
    vectors.append(vector)


def group(type, clause, *rows):
    """Rows of id, note, hex and either the canonical hex, True, "DECODE" or "LIMIT"; then the
    opinion of a plain decoder and who differs from it."""
    for id, note, data, verdict, *rest in rows:
        protobuf = rest[0] if rest else None
        differs = rest[1] if len(rest) > 1 else None
        refuse = verdict if verdict in ("DECODE", "LIMIT") else None
        case(id, clause, note, type, data, None if refuse else verdict, refuse, protobuf, differs)


def build():
    """Every vector, in the order of the file."""
    vectors.clear()
    whole()
    wire()
    numbers()
    lists()
    texts()
    once()
    bounds()
    envelopes()
    cut()
    limits()
    return list(vectors)


def render(all_vectors):
    """One vector a line."""
    return "[\n" + ",\n".join(json.dumps(v) for v in all_vectors) + "\n]\n"


# ---- the oddities ----


def whole():
    group(LINK + "Problem", "1.8",
          ("nothing", "a message of no bytes has every default", "", True),
          ("any-order", "readers take fields in any order", "300112016108 05", "0805120161 3001"),
          ("defaults-stated", "defaults that are written all the same", "080012003000", ""),
          ("unknown-varint", "unknown fields are ignored", "08057801", "0805"),
          ("unknown-bytes", "also between known ones", "0805a206036162631201 61", "0805120161"),
          ("unknown-fixed64", "8 bytes", "79000000000000f03f0805", "0805"),
          ("unknown-fixed32", "4 bytes", "7d0000803f0805", "0805"),
          ("unknown-twice", "an unknown field may come twice: it may be a list", "780178020805",
           "0805"),
          ("unknown-reserved-number", "field 19000, which protobuf keeps for itself",
           "c0a309010805",
           "0805"),
          ("unknown-largest-number", "field 2^29-1", "f8ffffff0f010805", "0805"),
          ("unknown-text-not-utf8", "nobody knows that it is text", "7a02c3280805", "0805"),
          ("unknown-enum-value", "kept as a number", "1863", True))


def wire():
    group(LINK + "Problem", "1.8",
          ("tag-cut", "the second byte of a tag is missing", "080192", "DECODE"),
          ("varint-cut", "", "0880", "DECODE"),
          ("varint-missing", "", "08", "DECODE"),
          ("length-missing", "", "12", "DECODE"),
          ("string-cut", "", "120261", "DECODE"),
          ("length-beyond-everything", "2^32-1", "12ffffffff0f", "DECODE"),
          ("length-2-32", "cut to 32 bits it would be 0", "128080808010", "DECODE", "agrees",
           {"javascript": "cuts a length to 32 bits"}),
          ("length-2-64-less-1", "as a signed number it is -1", "12ffffffffffffffffff01", "DECODE"),
          ("fixed64-cut", "of an unknown field", "7900000000000000", "DECODE"),
          ("fixed32-cut", "of an unknown field", "7d000000", "DECODE"),
          ("unknown-length-cut", "of an unknown field", "7a0561", "DECODE"),
          ("field-0", "field number 0", "0000", "DECODE", "agrees",
           {"python": "ends at a tag of 0, and only warns"}),
          ("field-0-bytes", "field number 0, wire type 2", "0200", "DECODE"),
          ("tag-2-32", "cut to 32 bits it would be field 0", "808080801000", "DECODE", "agrees",
           {"protobuf-c": "cuts a tag to 32 bits", "python-pure": "looks no tag of more bytes up",
            "python": "ends at a tag of 0, and only warns"}),
          ("tag-2-32-field-1", "cut to 32 bits it would be field 1", "888080801001", "DECODE",
           "laxer",
           {"nanopb": "refuses tags beyond 32 bits", "javascript": "refuses tags beyond 32 bits"}),
          ("tag-six-bytes", "a tag has five bytes at most", "88808080800001", "DECODE", "agrees",
           {"nanopb": "takes tags of up to ten bytes",
            "python-pure": "takes tags of up to ten bytes"}),
          ("tag-five-bytes", "that needs one", "888080800001", "0801", None,
           {"python-pure": "knows fields by the bytes of their tags: a padded one is unknown"}),
          ("length-six-bytes", "a length has five bytes at most", "1281808080800061", "DECODE",
           "agrees",
           {"nanopb": "takes lengths of up to ten bytes",
            "python-pure": "takes lengths of up to ten bytes",
            "javascript": "takes lengths of up to ten bytes"}),
          ("length-five-bytes", "that needs one", "12818080800061", "120161"),
          ("value-ten-bytes", "that needs one", "0881808080808080808000", "0801"),
          ("value-eleven-bytes", "a varint has ten bytes at most", "088180808080808080808000",
           "DECODE"),
          ("value-65-bits", "the tenth byte may be 1 at most", "20ffffffffffffffffff02", "DECODE",
           "laxer",
           {"nanopb": "refuses bits beyond 64"}),
          ("value-largest", "2^64-1", "20ffffffffffffffffff01", True),
          ("unknown-65-bits", "an unknown one, too", "78ffffffffffffffffff7f", "DECODE", "laxer"),
          ("unknown-eleven-bytes", "an unknown one, too", "788080808080808080808000", "DECODE",
           "agrees",
           {"nanopb": "skips to the byte that ends it",
            "javascript": "skips to the byte that ends it"}),
          ("group", "groups are not part of proto3: a known field's number", "0b0c", "DECODE",
           "laxer", NO_GROUPS),
          ("group-unknown", "an unknown field's number", "7b7c", "DECODE", "laxer", NO_GROUPS),
          ("group-with-fields", "with a field inside", "7b08017c", "DECODE", "laxer", NO_GROUPS),
          ("group-not-ended", "", "7b0801", "DECODE"),
          ("group-end", "an end without a beginning", "7c", "DECODE", "agrees",
           {"python": "ends there, and only warns"}),
          ("wire-type-6", "does not exist", "7e00", "DECODE"),
          ("wire-type-7", "does not exist", "7f00", "DECODE"),
          ("known-of-wire-type-6", "", "0e00", "DECODE"),
          ("bool-as-bytes", "wrong wire type", "320101", "DECODE", "laxer", BOOL_WIRE_TYPE),
          ("bool-as-fixed32", "wrong wire type", "3501000000", "DECODE", "laxer", BOOL_WIRE_TYPE),
          ("string-as-varint", "wrong wire type", "1001", "DECODE", "laxer", WIRE_TYPE),
          ("string-as-varint-alike", "what follows could be the string", "10096161626364656667 68",
           "DECODE", "laxer", NO_WIRE_TYPE),
          ("uint32-as-fixed32", "wrong wire type", "0d01000000", "DECODE", "laxer", WIRE_TYPE),
          ("uint32-as-fixed64", "wrong wire type", "090100000000000000", "DECODE", "laxer",
           WIRE_TYPE),
          ("uint32-as-bytes", "a single number is never packed", "0a0101", "DECODE", "laxer",
           WIRE_TYPE),
          ("enum-as-bytes", "wrong wire type", "1a0101", "DECODE", "laxer", WIRE_TYPE))
    group(LINK + "Receipt", "1.8",
          ("message-as-varint", "wrong wire type", "1001", "DECODE", "laxer", WIRE_TYPE),
          ("message-as-group", "a group where a message should be", "1314", "DECODE", "laxer",
           WIRE_TYPE),
          ("inner-longer-than-outer", "", "12030a01", "DECODE"),
          ("inner-field-beyond", "a field that reaches beyond its message, not beyond the bytes",
           "12020a020000", "DECODE", "agrees", NO_INNER_END),
          ("inner-varint-beyond", "likewise a varint", "1202108001", "DECODE", "agrees",
           NO_INNER_END),
          ("inner-tag-beyond", "likewise a tag", "12019001", "DECODE"),
          ("inner-nothing", "a message of no bytes is there", "1200", True),
          ("inner-unknown", "unknown fields of inner messages are ignored, too", "120478011001",
           "12021001"))
    group(LINK + "Hello", "1.8",
          ("list-of-strings-as-varint", "wrong wire type", "4801", "DECODE", "laxer", WIRE_TYPE))
    group(SHAPES + "Scalars", "1.8",
          ("fixed64-as-varint", "wrong wire type", "5001", "DECODE", "laxer", WIRE_TYPE),
          ("double-as-fixed32", "wrong wire type", "750000803f", "DECODE", "laxer", WIRE_TYPE),
          ("known-fixed32-cut", "", "4d010000", "DECODE"),
          ("known-fixed64-cut", "", "5101000000000000", "DECODE"))


def numbers():
    group(LINK + "Problem", "1.8",
          ("uint32-largest", "2^32-1", "08ffffffff0f", True),
          ("uint32-2-32", "decoders cut or refuse", "088080808010", "DECODE", "laxer", TOO_LARGE),
          ("uint32-2-32-and-1", "cut to 32 bits it is 1", "088180808010", "DECODE", "laxer",
           TOO_LARGE),
          ("uint32-2-64-less-1", "decoders cut or refuse", "08ffffffffffffffffff01", "DECODE",
           "laxer", TOO_LARGE),
          ("enum-largest", "2^31-1", "18ffffffff07", True),
          ("enum-2-31", "negative to some", "188080808008", "DECODE", "laxer"),
          ("enum-minus-1", "ten bytes", "18ffffffffffffffffff01", "DECODE", "laxer", TOO_LARGE),
          ("enum-minus-1-in-32-bits", "five bytes", "18ffffffff0f", "DECODE", "laxer"),
          ("enum-2-32", "cut to 32 bits it is 0", "188080808010", "DECODE", "laxer", TOO_LARGE),
          ("bool-true", "1", "3001", True),
          ("bool-2", "true to some", "3002", "DECODE", "laxer"),
          ("bool-2-32", "false to those who cut", "308080808010", "DECODE", "laxer", TOO_LARGE),
          ("bool-padded", "1 in two bytes", "308100", "3001"))
    group(SHAPES + "Scalars", "1.8",
          ("int32-minus-1", "ten bytes", "18ffffffffffffffffff01", True),
          ("int32-smallest", "-2^31", "1880808080f8ffffffff01", True),
          ("int32-below", "-2^31-1", "18fffffffff7ffffffff01", "DECODE", "laxer"),
          ("int32-largest", "2^31-1", "18ffffffff07", True),
          ("int32-2-31", "beyond 32 bits", "188080808008", "DECODE", "laxer"),
          ("int32-minus-1-in-32-bits", "five bytes: 2^32-1", "18ffffffff0f", "DECODE", "laxer"),
          ("int64-minus-1", "", "20ffffffffffffffffff01", True),
          ("sint32-smallest", "-2^31", "28ffffffff0f", True),
          ("sint32-beyond", "33 bits", "288080808010", "DECODE", "laxer", TOO_LARGE),
          ("sint64-smallest", "-2^63", "30ffffffffffffffffff01", True),
          ("uint32-and-uint64", "largest", "08ffffffff0f10ffffffffffffffffff01", True),
          ("float-1", "", "6d0000803f", True),
          ("float-nan", "bits are kept", "6d0000c07f", True),
          ("float-minus-0", "encoders disagree whether it is the default", "6d00000080", "DECODE",
           "laxer"),
          ("double-1", "", "71000000000000f03f", True),
          ("double-smallest", "not zero", "710100000000000080", True),
          ("double-minus-0", "encoders disagree whether it is the default", "710000000000000080",
           "DECODE", "laxer"),
          ("fixed-numbers", "all kinds",
           "4d01000000510100000000000000 5dffffffff61ffffffffffffffff",
           True))
    case("exit-code-negative", "1.8", "an int32 of the protocol itself", LINK + "ToolEnded",
         "18ffffffffffffffffff01", True)


def lists():
    group(SHAPES + "Lists", "1.8",
          ("packed", "", "0a03010203", True),
          ("unpacked", "the older form is taken, and written packed", "080108020803",
           "0a03010203"),
          ("packed-and-unpacked", "both, mixed: joined in order", "08010a0202030804",
           "0a0401020304"),
          ("packed-twice", "joined", "0a0101 0a0102", "0a020102"),
          ("packed-empty", "nothing", "0a00", ""),
          ("packed-default", "zero counts in a list", "0a0100", True),
          ("packed-cut", "its last element is cut", "0a020180", "DECODE"),
          ("packed-beyond", "its last element reaches beyond", "0a02018001", "DECODE", "agrees",
           NO_INNER_END),
          ("packed-2-32", "a uint32 of 2^32", "0a058080808010", "DECODE", "laxer", TOO_LARGE),
          ("packed-bool-2", "", "220102", "DECODE", "laxer"),
          ("packed-enum-minus-1", "", "2a0affffffffffffffffff01", "DECODE", "laxer", TOO_LARGE),
          ("packed-fixed32", "", "32080100000002000000", True),
          ("packed-fixed32-cut", "not a multiple of 4", "3206010000000200", "DECODE"),
          ("unpacked-fixed32", "", "35010000003502000000", "32080100000002000000"),
          ("packed-minus-0", "", "3a080000000000000080", "DECODE", "laxer"),
          ("list-as-fixed64", "wrong wire type", "090000000000000000", "DECODE", "laxer",
           WIRE_TYPE),
          ("empty-strings", "each counts", "42004200", True),
          ("empty-bytes", "each counts", "4a004a00", True),
          ("empty-messages", "each counts", "52005200", True),
          ("list-interrupted", "by another field", "4201614a0162420163", "42016142 01634a0162"),
          ("far-number", "field 60000, a list, unpacked", "80a61d01", "82a61d0101"),
          ("far-number-first", "then a lower one", "82a61d01010a0101", "0a010182a61d0101"))
    group(LINK + "SessionInfo", "1.8",
          ("list-of-messages", "the same field in two messages", "3a0210013a021001", True))


def texts():
    def bad(id, note, text, differs=NO_UTF8):
        data = bytes.fromhex(text)
        case(id, "1.8", note, LINK + "Problem", blob(2, data), refuse="DECODE", differs=differs)

    case("nul-alone", "1.8", "C strings end there", LINK + "Problem", "120100", refuse="DECODE",
         protobuf="laxer")
    case("nul-inside", "1.8", "writing it again would lose what follows", LINK + "Problem",
         "1203610062", refuse="DECODE", protobuf="laxer")
    case("nul-in-bytes", "1.8", "bytes may be anything", SHAPES + "Scalars", "82010100", True)
    case("bytes-not-utf8", "1.8", "bytes may be anything", LINK + "SessionDescription",
         "2202c328", True)
    bad("utf8-stray-continuation", "", "80")
    bad("utf8-continuation-missing", "", "c341")
    bad("utf8-cut", "a character cut by the text's end", "e282")
    bad("utf8-overlong-2", "NUL in two bytes", "c080")
    bad("utf8-overlong-2-high", "7f in two bytes", "c1bf")
    bad("utf8-overlong-3", "", "e09fbf")
    bad("utf8-overlong-4", "", "f08fbfbf")
    bad("utf8-surrogate-first", "U+D800", "eda080")
    bad("utf8-surrogate-last", "U+DFFF", "edbfbf")
    bad("utf8-surrogate-pair", "CESU-8", "eda0bdedb880")
    bad("utf8-above-10ffff", "U+110000", "f4908080")
    bad("utf8-five-bytes", "", "f888808080")
    bad("utf8-fe-ff", "", "feff")
    bad("utf8-third-byte", "", "f1804180")
    bad("utf8-latin-1", "", "6d656c6f6eff20e9")
    for id, note, text in (("before-surrogates", "U+D7FF", "ed9fbf"),
                           ("after-surrogates", "U+E000", "ee8080"),
                           ("largest", "U+10FFFF", "f48fbfbf"),
                           ("noncharacter", "U+FFFF is valid UTF-8", "efbfbf"),
                           ("byte-order-mark", "is not taken away", "efbbbf61"),
                           ("smallest-of-each-length", "", "01c280e0a080f0908080"),
                           ("not-normalized", "e and an accent stay two", "65cc81")):
        case("utf8-" + id, "1.8", note, LINK + "Problem", blob(2, bytes.fromhex(text)), True)
    case("utf8-split-by-field", "1.8", "a character in two pieces is two faults",
         LINK + "Hello", "4a01c34a01a9", refuse="DECODE", differs=NO_UTF8)
    case("utf8-in-list", "1.8", "elements of lists are checked, too", LINK + "Hello",
         "4a01614a01ff", refuse="DECODE", differs=NO_UTF8)
    case("utf8-in-oneof", "1.8", "members of oneofs are checked, too", SHAPES + "Choice",
         "1a01ff", refuse="DECODE", differs=NO_UTF8)
    case("utf8-deep", "1.8", "in an inner message", LINK + "Receipt", "1a041202c328",
         refuse="DECODE", differs=NO_UTF8)


def once():
    group(LINK + "Problem", "1.8",
          ("number-twice", "the last one, or the first?", "08010802", "DECODE", "laxer"),
          ("number-twice-the-same", "", "08010801", "DECODE", "laxer"),
          ("string-twice", "not side by side", "120161080112 0162", "DECODE", "laxer"))
    group(LINK + "SignedIn", "1.8",
          ("message-twice", "merged, or the last one?", "12030a0161 12031a0162", "DECODE", "laxer"),
          ("message-twice-empty", "", "12001200", "DECODE", "laxer"))
    group(LINK + "Receipt", "1.8",
          ("inner-number-twice", "", "120410011002", "DECODE", "laxer"),
          ("oneof-member-twice", "", "12021001 1202 1002", "DECODE", "laxer"),
          ("oneof-two-members", "the last one wins, or both are there", "12021001 1a020801",
           "DECODE", "laxer"),
          ("oneof-two-members-empty", "", "12001a00", "DECODE", "laxer"))
    group(SHAPES + "Choice", "1.8",
          ("oneof-two-scalars", "", "10011a0161", "DECODE", "laxer"),
          ("oneof-lower-member-later", "", "2a0008011001", "DECODE", "laxer"),
          ("oneof-wrong-wire-type", "a member of another wire type", "1500000000", "DECODE",
           "laxer",
           WIRE_TYPE),
          ("oneof-two-oneofs", "one member of each", "10014801", True),
          ("oneof-zero", "a member that has its default is there", "1000", True),
          ("oneof-empty-string", "", "1a00", True),
          ("oneof-empty-bytes", "", "2200", True),
          ("oneof-empty-message", "", "2a00", True),
          ("oneof-false", "", "3800", True))
    group(LINK + "Event", "1.8",
          ("event-two-bodies", "an event is one thing", "7a007200", "DECODE", "laxer"),
          ("event-no-body", "a body that a later version has", "0805c23e00", "0805"),
          ("event-of-a-turn", "", "08ff0112027431fa01080a016d1a03616263", True))


def chain(levels):
    """Deep1 with `levels` messages in all, the outermost counted."""
    data = b""
    for _ in range(levels - 1):
        data = blob(1, data)
    return data


def bounds():
    deep = SHAPES + "Deep1"
    case("depth-15", "1.8", "n-1", deep, chain(15), True)
    case("depth-16", "1.8", "n: messages in messages, the outermost is 1", deep, chain(16), True)
    case("depth-over", "1.8", "n+1, with the limit one lower", deep, chain(16), refuse="LIMIT",
         depth_max=15)
    case("depth-8", "1.8", "n of a small client", deep, chain(8), True, depth_max=8)
    case("depth-9", "1.8", "n+1 of a small client", deep, chain(9), refuse="LIMIT", depth_max=8)
    nested = b""
    for _ in range(100):
        nested = blob(15, nested)
    case("depth-of-unknown", "1.8", "an unknown field is not entered", LINK + "Problem",
         nested + number(1, 5), "0805")
    for n, note in ((16383, "n-1"), (16384, "n: tag, length and value count"), (16385, "n+1")):
        data = blob(15, b"x" * (n - 3)) + number(1, 5)
        case(f"unknown-{n}", "1.8", note, LINK + "Problem", data,
             *(("0805",) if n <= 16384 else (None, "LIMIT")))
    half = blob(15, b"x" * (8192 - 3))
    for n, note in ((8191, "n-1, in two messages together"), (8192, "n"), (8193, "n+1")):
        data = half + blob(2, blob(15, b"y" * (n - 3)))
        case(f"unknown-inside-{n}", "1.8", note, LINK + "Receipt", data,
             *(("1200",) if n <= 8192 else (None, "LIMIT")))
    for n, note in ((8191, "n-1"), (8192, "n"), (8193, "n+1, the origin's counted with the rest")):
        data = blob(1, b"i" * 16) + half + blob(6, blob(15, b"y" * (n - 3)))
        case(f"unknown-envelope-{n}", "1.8", note, LINK + "CommandEnvelope", data,
             *((blob(1, b"i" * 16) + blob(6),) if n <= 8192 else (None, "LIMIT")))


def envelopes():
    """A relay reads CommandEnvelope in place, with a codec of its own."""
    id = blob(1, b"i" * 16)

    def envelope(name, note, data, refuse=None, protobuf=None, differs=None, take=True):
        case("envelope-" + name, "1.8", note, LINK + "CommandEnvelope", id + data,
             None if refuse else take, refuse, protobuf, differs)

    fields = {2: number(2, 1), 3: number(3, 9), 4: blob(4, b"e" * 16), 5: blob(5, b"c"),
              6: blob(6, blob(1, b"a")), 7: number(7, 9)}
    envelope("id-twice", "", id, "DECODE", "laxer")
    for tag, field in fields.items():
        envelope(f"field-{tag}-twice", "", field + field, "DECODE", "laxer")
        wrong = blob(tag, b"12345678") if field[0] & 7 == 0 else number(tag, 1)
        envelope(f"field-{tag}-wrong-wire-type", "", wrong, "DECODE", "laxer",
                 {reader: why for reader, why in WIRE_TYPE.items() if reader != "nanopb"})
    origin = {1: blob(1, b"a"), 2: blob(2, b"d" * 16), 3: blob(3, b"d"), 4: blob(4, b"s")}
    for tag, field in origin.items():
        envelope(f"origin-field-{tag}-twice", "", blob(6, field + field), "DECODE", "laxer")
    for tag, longest in ((1, 63), (3, 63), (4, 23)):
        for n, note in ((longest - 1, "n-1"), (longest, "n"), (longest + 1, "n+1")):
            envelope(f"origin-field-{tag}-of-{n}", note, blob(6, blob(tag, b"a" * n)),
                     "LIMIT" if n > longest else None)
        for name, text in (("nul", b"a\0"), ("surrogate", b"\xed\xa0\x80"), ("cut", b"\xe2\x82"),
                           ("overlong", b"\xe0\x9f\xbf"), ("above", b"\xf4\x90\x80\x80")):
            envelope(f"origin-field-{tag}-{name}", "no text", blob(6, blob(tag, text)), "DECODE",
                     *(("laxer",) if name == "nul" else (None, {"protobuf-c": "checks no UTF-8"})))
    envelope("class-largest", "an unknown class is kept", number(2, 2 ** 31 - 1))
    envelope("class-2-31", "negative to some", number(2, 2 ** 31), "DECODE", "laxer")
    envelope("class-minus-1", "", number(2, 2 ** 64 - 1), "DECODE", "laxer")
    envelope("numbers-largest", "2^64-1", number(3, 2 ** 64 - 1) + number(7, 2 ** 64 - 1))
    envelope("unknown-field", "ignored", number(8, 1), take=id)
    envelope("origin-unknown-field", "ignored", blob(6, number(5, 1)), take=id + blob(6))
    envelope("origin-beyond", "its field reaches beyond it", blob(6, b"\x0a\x02a") + number(7, 1),
             "DECODE")
    envelope("any-order", "", number(7, 9) + number(2, 1), take=id + number(2, 1) + number(7, 9))
    envelope("defaults-stated", "", number(2, 0) + number(3, 0) + blob(5) + number(7, 0), take=id)
    for n, note in ((8191, "n-1, in the origin and behind it"), (8192, "n"), (8193, "n+1")):
        data = blob(6, blob(15, b"x" * (8192 - 3))) + blob(15, b"y" * (n - 3))
        envelope(f"unknown-behind-origin-{n}", note, data, "LIMIT" if n > 8192 else None,
                 take=id + blob(6))


def cut():
    event = (number(1, 1700000000000) + blob(2, b"t1") +
             blob(43, blob(1, b"call") + number(2, 3) + number(3, 2 ** 64 - 1) + number(4, 1) +
                  blob(5, blob(1, "gr\u00fcn".encode())) + blob(6, blob(1, b"{}") + number(2, 2))))
    case("event-cut", "1.8", "cut after each byte: a message only where a field ends",
         LINK + "Event", event, True, cuts=[0, 7, 11])
    envelope = (blob(1, b"i" * 16) + number(2, 2) + number(3, 60000) + blob(4, b"e" * 16) +
                blob(5, blob(1, blob(1, b"hello"))) + blob(6, blob(1, b"ana") + blob(3, b"phone")) +
                number(7, 1700000000000))
    case("envelope-cut", "1.8", "likewise", LINK + "CommandEnvelope", envelope, True,
         cuts=[0, 18, 20, 24, 42, 53, 67],
         differs={"envelope": NO_COMMAND_ID["envelope"] + ": the cut after 0 bytes"})
    open_ = (blob(1, b"s" * 16) + number(2, 1) + number(3, 2) + blob(4, b"e" * 16) +
             number(5, 300) + blob(9, b"grease") + blob(11, blob(1, b"title") + number(9, 1)))
    case("open-cut", "1.8", "likewise", LINK + "Open", open_, True,
         cuts=[0, 18, 20, 22, 40, 43, 51])


# ---- limits: part of the protocol and frozen ----

# Type, field, number, kind, longest value, most elements (0: not a list).
LIMITS = """
Hello link_id 3 bytes 16 0
Hello token 6 string 128 0
Hello agent 8 string 63 0
Hello features 9 string 23 16
Principal account 1 string 63 0
Principal device_id 2 bytes 16 0
Principal device 3 string 63 0
Welcome features 2 string 23 16
Welcome agent 7 string 63 0
Problem reason 2 string 255 0
SessionDescription title 1 string 127 0
SessionDescription repository 2 string 127 0
SessionDescription branch 3 string 127 0
SessionDescription cwd 4 bytes 256 0
SessionDescription host 5 string 63 0
SessionDescription os 6 string 63 0
SessionDescription agent 7 string 63 0
SessionDescription agent_version 8 string 63 0
Open session_id 1 bytes 16 0
Open epoch 4 bytes 16 0
Open needs 9 string 23 16
Opened epoch 1 bytes 16 0
AttachedDevice device_id 1 bytes 16 0
AttachedDevice name 2 string 63 0
LogStatus events_epoch 5 bytes 16 0
LogStatus commands_epoch 7 bytes 16 0
LogStatus attached 11 message 0 8
Stored epoch 1 bytes 16 0
Receipt command_id 1 bytes 16 0
Origin account 1 string 63 0
Origin device_id 2 bytes 16 0
Origin device 3 string 63 0
Origin surface 4 string 23 0
CommandEnvelope command_id 1 bytes 16 0
CommandEnvelope event_epoch 4 bytes 16 0
CommandEnvelope command 5 bytes 196608 0
AskOptionInfo option_id 1 string 63 0
AskOptionInfo label 2 string 63 0
OpenAskInfo ask_id 1 bytes 16 0
OpenAskInfo text 3 string 120 0
OpenAskInfo options 4 message 0 6
OutcomeInfo command_id 1 bytes 16 0
SessionInfo title 1 string 127 0
SessionInfo activity 4 string 120 0
SessionInfo asks 7 message 0 3
SessionInfo outcomes 9 message 0 8
SessionInfo sealed 15 bytes 1000 0
PolicyRule name 2 string 63 0
PolicyRule accounts 5 string 63 8
PolicyRule changed_by 7 string 63 0
EffectivePolicy explanation 3 string 255 0
DeleteSession session_id 1 bytes 16 0
PairDevice device 1 string 63 0
PairDevice secret 2 bytes 32 0
ConfirmPairing code 1 string 23 0
DescribePairing code 1 string 23 0
LoginOidc id_token 1 bytes 8192 0
LoginOidc device 2 string 63 0
RevokeDevice device_id 1 bytes 16 0
RenameDevice device_id 1 bytes 16 0
RenameDevice name 2 string 63 0
EndInvitation invitation_id 1 bytes 16 0
Invitation invitation_id 1 bytes 16 0
Invitation secret 2 string 63 0
Invitation page 3 string 255 0
Invitation device 6 string 63 0
GetPush endpoint 1 string 1023 0
PushSubscribe endpoint 1 string 1023 0
PushSubscribe p256dh 2 bytes 66 0
PushSubscribe auth 3 bytes 16 0
PushUnsubscribe endpoint 1 string 1023 0
TestPush endpoint 1 string 1023 0
UseSession session_id 1 bytes 16 0
SessionEntry session_id 1 bytes 16 0
DeviceEntry device_id 1 bytes 16 0
DeviceEntry name 2 string 63 0
DeviceEntry address 7 string 63 0
DeviceEntry surface 8 string 23 0
PairingCode code 1 string 23 0
PairingCode url 3 string 255 0
PairingEntry device 1 string 63 0
PairingEntry address 2 string 63 0
PairingEntry surface 3 string 23 0
OidcChallenge issuer 1 string 255 0
OidcChallenge client_id 2 string 255 0
OidcChallenge nonce 3 string 127 0
SignedIn token 1 string 128 0
PushFacts key 1 bytes 66 0
AuditRecord what 4 string 63 0
AuditRecord session_id 5 bytes 16 0
AuditRecord command_id 6 bytes 16 0
AuditRecord detail 8 string 255 0
AuditRecord account 9 string 63 0
AuditRecord organization 10 string 63 0
"""

NANOPB_SIZES = {"nanopb": "its static structs have the same limits"}
ID_OF_16 = {"envelope": "an id has 16 bytes (1.6)"}
NO_COMMAND_ID = {"envelope": "an envelope without command_id is none (12.1)"}


def limit(type, field, what, n, data, most, differs=None):
    if n > most and type != "CommandEnvelope":  # which has no static struct
        differs = NANOPB_SIZES
    case(f"{type}-{field}-{what}-{n}".lower().replace("_", "-"), "1.8",
         "n-1" if n < most else "n" if n == most else "n+1", LINK + type, data,
         *((True,) if n <= most else (None, "LIMIT")), differs=differs)


def limits():
    for line in LIMITS.split("\n")[1:-1]:
        type, field, tag, kind, longest, most = line.split()
        tag, longest, most = int(tag), int(longest), int(most)
        envelope = type == "CommandEnvelope"
        before = blob(1, b"c" * 16) if envelope and field != "command_id" else b""
        for n in (longest - 1, longest, longest + 1) if longest else ():
            differs = ID_OF_16 if envelope and longest == 16 and n < 16 else None
            limit(type, field, "bytes", n, before + blob(tag, b"a" * n), longest, differs)
        for n in (most - 1, most, most + 1) if most else ():
            limit(type, field, "count", n, blob(tag, b"" if kind == "message" else b"a") * n, most)
