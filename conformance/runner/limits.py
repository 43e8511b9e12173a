"""Limits of fields, out of the .options files that are part of the protocol (Annex C)."""
import functools
import glob
import os
import re

from . import protos


@functools.lru_cache(maxsize=1)
def table() -> dict[tuple[str, str], dict[str, int]]:
    """(message, field) to max_length, max_size, max_count."""
    out: dict[tuple[str, str], dict[str, int]] = {}
    for path in glob.glob(os.path.join(protos.PROTO, "remote", "v1", "*.options")):
        with open(path) as f:
            for line in f:
                words = line.split("#")[0].split()
                if len(words) < 2 or words[0].count(".") != 3:
                    continue
                _, _, message, field = words[0].split(".")
                for name, value in re.findall(r"(max_\w+):(\d+)", " ".join(words[1:])):
                    out.setdefault((message, field), {})[name] = int(value)
    for name in [("Batch", "frame"), ("Frame", "payload")]:
        out.pop(name, None)  # a small client's profile, not the protocol's
    return out


def fault_of(message) -> str:
    """What is over a limit, or no text, within a decoded message; empty: nothing."""
    name = message.DESCRIPTOR.name
    for field, value in message.ListFields():
        limit = table().get((name, field.name), {})
        repeated = field.label == field.LABEL_REPEATED
        if repeated and len(value) > limit.get("max_count", len(value)):
            return "%s.%s has %d elements" % (name, field.name, len(value))
        for item in value if repeated else [value]:
            if field.message_type is not None:
                inner = fault_of(item)
                if inner:
                    return inner
            elif isinstance(item, str):
                size = len(item.encode("utf-8", "surrogatepass"))
                if size > limit.get("max_length", size):
                    return "%s.%s has %d bytes" % (name, field.name, size)
                if "\0" in item:
                    return "%s.%s holds a NUL" % (name, field.name)
            elif isinstance(item, bytes) and len(item) > limit.get("max_size", len(item)):
                return "%s.%s has %d bytes" % (name, field.name, len(item))
    return ""
