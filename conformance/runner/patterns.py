"""Patterns: what a case expects of a frame or of something told. See README.md, "Frames and
patterns"."""
import base64
import hashlib
import re

from .faults import BadCase
from .messages import Flags, Named

FIXED_IDS = {"id%d" % n: ("%x" % n * 2) * 16 for n in range(1, 10)}
TOKENS = {name: "conformance-%s-0123456789abcdef" % name for name in ("token", "token2", "token3")}
# Texts that no case file should hold: 1, 4 and 16 KiB of letters that hardly compress.
_LETTERS = base64.b64encode(b"".join(hashlib.sha256(b"%d" % n).digest()
                                     for n in range(1600))).decode()
TEXTS = {"text1k": _LETTERS[:1024], "text4k": _LETTERS[:4096], "text16k": _LETTERS[:16384],
         "text64k": _LETTERS[:65536], "accents": "x" + "é" * 32768,
         "accents200k": "x" + "é" * 100000}
SPECIAL = ({"min"}, {"max"}, {"min", "max"}, {"not"}, {"any"}, {"absent"}, {"contains"},
           {"one_of"}, {"length"})
_VARIABLE = re.compile(r"^\$([A-Za-z_][A-Za-z0-9_]*)(?:([+-])(\d+))?$")


class Mismatch(Exception):
    """Why something does not fit."""


def variable(value):
    """(name, number to add) when `value` is "$name" or "$name+3"; else None."""
    if not isinstance(value, str):
        return None
    found = _VARIABLE.match(value)
    if not found:
        return None
    name, sign, digits = found.groups()
    return name, int(digits or 0) * (-1 if sign == "-" else 1)


def looked_up(name: str, add: int, bound: dict):
    value = bound[name]
    if add == 0:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadCase("$%s is no number" % name)
    return value + add


def substitute(value, bound: dict):
    """What is sent: every "$name" replaced by what is bound to it."""
    if isinstance(value, dict):
        return {k: substitute(v, bound) for k, v in value.items()}
    if isinstance(value, list):
        return [substitute(v, bound) for v in value]
    var = variable(value)
    if var is None:
        return value
    if var[0] not in bound:
        raise BadCase("$%s is not bound" % var[0])
    return looked_up(*var, bound)


def is_default(value) -> bool:
    if isinstance(value, Named):
        return value.number == 0
    return value is None or value == "" or value == [] or value is False or value == 0


def _equal(pattern, value) -> bool:
    if isinstance(value, Named) and isinstance(pattern, int) and not isinstance(pattern, bool):
        return value.number == pattern
    if isinstance(value, Flags) and isinstance(pattern, int):
        return value.number == pattern
    if isinstance(pattern, bool) != isinstance(value, bool):
        return False
    return pattern == value


def _number(value, where: str):
    if isinstance(value, Named):
        return value.number
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Mismatch("%s is %r, no number" % (where, value))
    return value


def _special(pattern: dict, value, bound: dict, where: str) -> None:
    if "min" in pattern or "max" in pattern:
        number = _number(value, where)
        low = substitute(pattern.get("min", number), bound)
        high = substitute(pattern.get("max", number), bound)
        if not low <= number <= high:
            raise Mismatch("%s is %r, not within %r..%r" % (
                where, number, pattern.get("min", ""), pattern.get("max", "")))
    elif "not" in pattern:
        try:
            _match(pattern["not"], value, dict(bound), where)
        except Mismatch:
            return
        raise Mismatch("%s is %r" % (where, value))
    elif "any" in pattern:
        if is_default(value):
            raise Mismatch("%s is absent" % where)
    elif "absent" in pattern:
        if not is_default(value):
            raise Mismatch("%s is %r, not absent" % (where, value))
    elif "length" in pattern:
        if not isinstance(value, (str, list)):
            raise Mismatch("%s is %r, which has no length" % (where, value))
        _match(pattern["length"], len(value), bound, "the length of %s" % where)
    elif "one_of" in pattern:
        for choice in pattern["one_of"]:
            try:
                return _match(choice, value, bound, where)
            except Mismatch:
                continue
        raise Mismatch("%s is %r, none of %r" % (where, value, pattern["one_of"]))
    else:
        if not isinstance(value, list):
            raise Mismatch("%s is %r, no list" % (where, value))
        for wanted in pattern["contains"]:
            for item in value:
                attempt = dict(bound)
                try:
                    _match(wanted, item, attempt, where)
                except Mismatch:
                    continue
                bound.update(attempt)
                break
            else:
                raise Mismatch("%s does not contain %r" % (where, wanted))


def _match(pattern, value, bound: dict, where: str) -> None:
    var = variable(pattern)
    if var is not None:
        if var[0] in bound:
            pattern = looked_up(*var, bound)
        elif var[1]:
            raise BadCase("$%s is not bound" % var[0])
        else:
            bound[var[0]] = value.number if isinstance(value, (Named, Flags)) else value
            return
    if isinstance(pattern, dict):
        if set(pattern) in SPECIAL:
            return _special(pattern, value, bound, where)
        if value is None:
            raise Mismatch("%s is absent" % where)
        if not hasattr(value, "get"):
            raise Mismatch("%s is %r, no object" % (where, value))
        for name, inner in pattern.items():
            there = "%s.%s" % (where, name) if where else name
            if name not in value:
                if isinstance(inner, dict) and set(inner) == {"absent"}:
                    continue
                raise Mismatch("there is no %s" % there)
            _match(inner, value.get(name), bound, there)
    elif isinstance(pattern, list):
        if not isinstance(value, list):
            raise Mismatch("%s is %r, no list" % (where, value))
        if isinstance(value, Flags):
            if sorted(pattern) != sorted(value):
                raise Mismatch("%s is %r, expected %r" % (where, list(value), pattern))
            return
        if len(pattern) != len(value):
            raise Mismatch("%s has %d elements, expected %d" % (where, len(value), len(pattern)))
        for i, inner in enumerate(pattern):
            _match(inner, value[i], bound, "%s[%d]" % (where, i))
    elif not _equal(pattern, value):
        raise Mismatch("%s is %s, expected %r" % (
            where, value if isinstance(value, Named) else repr(value), pattern))


def match(pattern, value, bound: dict, where: str = "") -> None:
    """Raises Mismatch, with nothing bound; else binds what is new."""
    attempt = dict(bound)
    _match(pattern, value, attempt, where)
    bound.update(attempt)


def fits(pattern, value, bound: dict) -> bool:
    try:
        match(pattern, value, bound)
    except Mismatch:
        return False
    return True
