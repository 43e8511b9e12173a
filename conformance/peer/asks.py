"""Arbitration of answers (docs/spec.md, section 13.1): pure decisions."""
from __future__ import annotations

import json
import re

import protos
from breaks import broken

K = protos.ask
LASTING = {K.ASK_OPTION_KIND_ALLOW_SESSION, K.ASK_OPTION_KIND_ALLOW_LOCATION,
           K.ASK_OPTION_KIND_ALLOW_ALWAYS, K.ASK_OPTION_KIND_REJECT_ALWAYS}
INVALID, NOT_OFFERED, ELEVATION = 5004, 5006, 5011


def without_lasting_options(ask) -> None:
    """13.3.1: with one_time_only they are not in AskOpened."""
    if ask.WhichOneof("kind") == "permission" and ask.permission.one_time_only \
            and not broken("13.3.1"):
        kept = [o for o in ask.options if o.kind not in LASTING]
        del ask.options[:]
        ask.options.extend(kept)


def option(ask, option_id: str):
    return next((o for o in ask.options if o.option_id == option_id), None)


def _depth(text: str) -> int:
    """Levels of objects and arrays in a text that is JSON."""
    deepest = level = 0
    for sign in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(sign, 0)
        deepest = max(deepest, level)
    return deepest


def _in_bounds(text: str) -> bool:
    """The bounds of 13.1 that Python's own parser does not have."""
    def strings(value):
        if isinstance(value, str):
            yield value
        for inner in value if isinstance(value, list) else []:
            yield from strings(inner)

    def whole(word: str) -> int:
        if not -2**63 <= int(word) < 2**63:
            raise ValueError(word)
        return int(word)

    def other(word: str) -> float:
        power = re.search(r"[eE]([+-]?\d+)", word)
        if len(word) > 32 or power and abs(int(power.group(1))) > 250:
            raise ValueError(word)
        return float(word)

    if _depth(text) > 64:
        return False
    try:
        # Objects as lists of names and values: of two members with one name both count here.
        value = json.loads(text, parse_int=whole, parse_float=other,
                           object_pairs_hook=lambda pairs: [one for pair in pairs for one in pair])
    except ValueError:
        return False
    # A lone surrogate cannot be written as UTF-8.
    return all("\0" not in one and one.encode("utf-8", "ignore").decode() == one
               for one in strings(value))


def _is_object(text: str) -> bool:
    def no_constant(name: str) -> None:
        raise ValueError(name)  # RFC 8259 has no NaN

    try:
        if not isinstance(json.loads(text, parse_constant=no_constant), dict):
            return False
    except (ValueError, RecursionError):
        return False
    return broken("13.1.5") or _in_bounds(text)


# Which fields a good answer may have, by kind of ask (second table of 13.1).
ALLOWED = {
    "permission": {"option_id"}, "plan": {"option_id"}, None: {"option_id"},
    "question": {"option_id", "text", "more_option_ids", "declined"},
    "form": {"json", "declined"},
    "open_url": {"option_id", "declined"},
    "limit": {"option_id", "text"},
}


def refusal(ask, answer, elevating: set[str], remote: bool) -> int:
    """The code with which an answer to an open ask is refused; 0: it is a good one. The rows of the
    first table in 13.1, in their order."""
    kind = ask.WhichOneof("kind")
    if remote and kind == "plan" and answer.option_id in elevating and not broken("12.7.1"):
        return ELEVATION  # 12.7.1
    if broken("13.1.1"):
        return 0  # broken: any answer is good
    given = {f.name for f, _ in answer.ListFields()} - {"comment"}
    nothing = not given and kind not in ("form", "open_url")
    if nothing or not given <= ALLOWED[kind] or not _form_is_good(ask, kind, answer, given):
        return INVALID
    return 0 if _is_offered(ask, kind, answer, given) else NOT_OFFERED


def _form_is_good(ask, kind, answer, given: set[str]) -> bool:
    if "declined" in given:
        return given == {"declined"}
    if "text" in given:
        free = ask.question.free_text if kind == "question" else ask.limit.free_text
        if not free:
            return False
    if "more_option_ids" in given:
        if not answer.option_id:
            return False
        chosen = [answer.option_id, *answer.more_option_ids]
        if not ask.question.multiple or len(set(chosen)) != len(chosen):
            return False
    return kind != "form" or "json" not in given or _is_object(answer.json)


def _is_offered(ask, kind, answer, given: set[str]) -> bool:
    """What was chosen is among the options; what must be there is there."""
    if "declined" in given or given == {"text"}:
        return True
    if kind == "form":
        return "json" in given
    if kind == "open_url" and not given:
        return True
    chosen = [answer.option_id, *answer.more_option_ids]
    return all(option(ask, one) is not None for one in chosen)
