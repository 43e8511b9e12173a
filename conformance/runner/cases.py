"""Cases out of files: scenarios/*.json with their macros, vectors/*.json, view/*.case. What is
wrong with a file is said with its name, the case and the step, and counts as a failed case: the
others still run."""
import copy
import dataclasses
import glob
import json
import os

from .faults import BadCase

ROLES = ("CODEC", "ACCEPTING", "CONNECTING", "RELAY", "HOST", "CLIENT", "VIEW")
LEVELS = ("MUST", "SHOULD", "MAY")
WAYS = ("positive", "negative")
FEATURES = ("hold_commits", "copy", "restart", "beside", "room", "half_open", "clock", "local",
            "plain", "early_open", "long_poll")
MANUAL = ("PING", "ACK", "CREDIT")

# Step: its first member names it; the members that may stand beside it.
STEPS = {
    "connect": {"poll"},
    "dialled": {"within_ms", "refuse", "not"},
    "send": {"frames", "raw", "pieces"},
    "expect": {"frames", "within_ms", "any_order", "closed"},
    "quiet": {"for_ms"},
    "open": set(),
    "skip": {"until", "within_ms"},
    "cut": {"half_open"},
    "room": {"bytes"},
    "advance_ms": set(),
    "clock_ms": set(),
    "elapsed_ms": set(),
    "act": set(),
    "told": {"within_ms", "any_order"},
    "not_frame": {"on", "for_ms"},
    "not_told": {"for_ms"},
    "skip_told": {"within_ms"},
    "restart": set(),
    "copy": set(),
}
NEEDED = {"restart": "restart", "copy": "copy", "room": "room", "clock_ms": "clock"}
EXPANDED_MAX = 20000  # steps of one case


@dataclasses.dataclass
class Case:
    id: str
    kind: str  # scenario, link, frame, message, view
    file: str
    clauses: list[str]
    way: str
    level: str
    role: str
    note: str
    also: list[str] = dataclasses.field(default_factory=list)
    needs: list[str] = dataclasses.field(default_factory=list)
    config: dict = dataclasses.field(default_factory=dict)
    manual: list[str] = dataclasses.field(default_factory=list)
    steps: list = dataclasses.field(default_factory=list)
    data: dict = dataclasses.field(default_factory=dict)
    fault: str = ""  # why it cannot be run

    def roles(self) -> list[str]:
        return [self.role] + [r for r in self.also if r != self.role]


# ---- macros ----


def _filled(value, members: dict):
    """`{name}` replaced; a string that is nothing else takes the member's own type."""
    if isinstance(value, dict):
        return {k: _filled(v, members) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, members) for v in value]
    if not isinstance(value, str):
        return value
    for name, member in members.items():
        mark = "{%s}" % name
        if value == mark:
            return copy.deepcopy(member)
        if mark in value and not isinstance(member, (dict, list)):
            value = value.replace(mark, str(member))
    return value


def _counted(value, i: int):
    """`$i` replaced, also inside of strings and in "$i+3"."""
    if isinstance(value, dict):
        return {k: _counted(v, i) for k, v in value.items()}
    if isinstance(value, list):
        return [_counted(v, i) for v in value]
    if not isinstance(value, str) or "$i" not in value:
        return value
    if value == "$i":
        return i
    if value.startswith("$i+") and value[3:].isdigit():
        return i + int(value[3:])
    out, at = "", 0
    while True:
        found = value.find("$i", at)
        if found < 0:
            return out + value[at:]
        behind = value[found + 2:found + 3]
        whole = not (behind.isalnum() or behind == "_")
        out += value[at:found] + (str(i) if whole else "$i")
        at = found + 2


class Expander:
    """Steps with `use` and `repeat` written out."""

    def __init__(self, macros: dict) -> None:
        self.macros = macros
        self.out: list = []

    def expand(self, steps, where: str, depth: int = 0) -> None:
        if not isinstance(steps, list):
            raise BadCase("%s: steps are a list, not %r" % (where, steps))
        if depth > 8:
            raise BadCase("%s: macros within macros within macros" % where)
        for i, step in enumerate(steps):
            here = "%s %d" % (where, i + 1)
            if not isinstance(step, dict) or not step:
                raise BadCase("%s: a step is an object, not %r" % (here, step))
            if "use" in step:
                self._use(step, here, depth)
            elif "repeat" in step:
                self._repeat(step, here, depth)
            else:
                check_step(step, here)
                self.out.append((here, step))
            if len(self.out) > EXPANDED_MAX:
                raise BadCase("%s: more than %d steps" % (here, EXPANDED_MAX))

    def _use(self, step: dict, here: str, depth: int) -> None:
        macro = self.macros.get(step["use"])
        if macro is None:
            raise BadCase("%s: macros.json has no %r" % (here, step["use"]))
        members = {k: v for k, v in step.items() if k != "use"}
        if isinstance(macro, dict):
            members = {**macro.get("defaults", {}), **members}
            macro = macro["steps"]
        filled = _filled(macro, members)
        self.expand(filled, "%s (%s) step" % (here, step["use"]), depth + 1)

    def _repeat(self, step: dict, here: str, depth: int) -> None:
        if set(step) != {"repeat", "steps"} or not isinstance(step["repeat"], int):
            raise BadCase('%s: {"repeat": n, "steps": [...]}, not %r' % (here, sorted(step)))
        for i in range(step["repeat"]):
            self.expand(_counted(step["steps"], i), "%s (time %d) step" % (here, i), depth + 1)


def check_step(step: dict, here: str) -> str:
    """The step's kind. BadCase: it has none, or members that are not its own."""
    kinds = [k for k in step if k in STEPS]
    if len(kinds) != 1:
        raise BadCase("%s: no step that is known: %s" % (here, ", ".join(sorted(step))))
    kind = kinds[0]
    extra = set(step) - {kind} - STEPS[kind] - {"note"}
    if extra:
        raise BadCase("%s: %s has no %s" % (here, kind, ", ".join(sorted(extra))))
    if kind == "send" and ("frames" in step) == ("raw" in step):
        raise BadCase("%s: send has either frames or raw" % here)
    if kind == "expect" and "frames" not in step and "closed" not in step:
        raise BadCase("%s: expect has frames or closed" % here)
    if kind == "skip" and "until" not in step:
        raise BadCase("%s: skip has until" % here)
    for name in ("frames", "told"):
        if name in step and not isinstance(step[name], list):
            raise BadCase("%s: %s is a list" % (here, name))
    return kind


# ---- scenario files ----

FIELDS = {"id", "clauses", "way", "level", "role", "also", "note", "needs", "config", "manual",
          "steps"}


def _one_of(case: dict, name: str, allowed) -> None:
    if case.get(name) not in allowed:
        raise BadCase("%s is %r, not one of %s" % (name, case.get(name), ", ".join(allowed)))


def _all_of(case: dict, name: str, allowed) -> list:
    values = case.get(name, [])
    if not isinstance(values, list) or any(v not in allowed for v in values):
        raise BadCase("%s is %r, not a list of %s" % (name, values, ", ".join(allowed)))
    return values


def scenario(case: dict, path: str, macros: dict) -> Case:
    name = case.get("id")
    if not isinstance(name, str) or not name:
        raise BadCase("%s: a case without id" % path)
    out = Case(name, "scenario", path, [], "positive", "MUST", "", "")
    try:
        unknown = set(case) - FIELDS
        if unknown:
            raise BadCase("there is no member %s" % ", ".join(sorted(unknown)))
        _one_of(case, "way", WAYS)
        _one_of(case, "level", LEVELS)
        _one_of(case, "role", ROLES)
        out.way, out.level, out.role = case["way"], case["level"], case["role"]
        out.also = _all_of(case, "also", ROLES)
        out.needs = list(_all_of(case, "needs", FEATURES))
        out.manual = _all_of(case, "manual", MANUAL)
        if not isinstance(case.get("clauses"), list) or not case["clauses"]:
            raise BadCase("a case names the clauses that it would notice broken")
        out.clauses = [str(c) for c in case["clauses"]]
        out.note = str(case.get("note", ""))
        out.config = case.get("config", {})
        expander = Expander(macros)
        expander.expand(case.get("steps"), "step")
        out.steps = expander.out
        for _, step in out.steps:
            for kind, feature in NEEDED.items():
                if next(iter(step)) == kind and feature not in out.needs:
                    out.needs.append(feature)
            if step.get("half_open") and "half_open" not in out.needs:
                out.needs.append("half_open")
    except BadCase as bad:
        out.fault = "%s: %s: %s" % (os.path.basename(path), name, bad)
    return out


def read_json(path: str):
    def no_twice(pairs):
        out = dict(pairs)
        if len(out) != len(pairs):
            names = [k for k, _ in pairs]
            raise BadCase("%s: member %r twice" % (
                path, next(n for n in names if names.count(n) > 1)))
        return out
    try:
        with open(path) as f:
            return json.load(f, object_pairs_hook=no_twice)
    except json.JSONDecodeError as error:
        raise BadCase("%s:%d: %s" % (path, error.lineno, error.msg)) from None


def broken_file(path: str, text) -> Case:
    return Case("file-" + os.path.basename(path), "scenario", path, [], "positive", "MUST", "CODEC",
                "a case file", also=list(ROLES), fault=str(text))


def load_scenarios(folder: str) -> list[Case]:
    out: list[Case] = []
    macros: dict = {}
    for path in sorted(glob.glob(os.path.join(folder, "macros*.json"))):
        try:
            more = read_json(path)
            twice = sorted(set(more) & set(macros))
            if twice:
                raise BadCase("%s: there is another macro %s" % (path, ", ".join(twice)))
            macros.update(more)
        except BadCase as bad:
            out.append(broken_file(path, bad))
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        if os.path.basename(path).startswith("macros"):
            continue
        try:
            listed = read_json(path)
            if not isinstance(listed, list):
                raise BadCase("%s: a list of cases is needed" % path)
            for case in listed:
                if not isinstance(case, dict):
                    raise BadCase("%s: a case is an object, not %r" % (path, case))
                out.append(scenario(case, path, macros))
        except BadCase as bad:
            out.append(broken_file(path, bad))
    return out


# ---- vectors and view ----


def clauses_of(vector: dict) -> list[str]:
    value = vector.get("clauses", vector.get("clause", []))
    return [value] if isinstance(value, str) else list(value)


def load_vectors(path: str, kind: str) -> list[Case]:
    out = []
    try:
        vectors = read_json(path)
        for v in vectors:
            if "depth_max" in v or v.get("type", "remote.v1.").split(".")[1] != "v1":
                continue  # about this library's scanner and made-up messages: outside/
            missing = [f for f in ("id", "level", "note") if f not in v]
            if missing:
                raise BadCase("%s: %s: %s is missing" % (
                    os.path.basename(path), v.get("id", "?"), ", ".join(missing)))
            way = v.get("way")
            if way is None:
                refused = "error" in v.get("expect", {}) or v.get("verdict") == "refuse"
                way = "negative" if refused else "positive"
            role = {"accepting": "ACCEPTING", "connecting": "CONNECTING"}.get(v.get("side"), "CODEC")
            out.append(Case(v["id"], kind, path, clauses_of(v), way, v["level"], role, v["note"],
                            config=v.get("config", {}), data=v))
    except BadCase as bad:
        out.append(broken_file(path, bad))
    return out


def load_view(folder: str) -> list[Case]:
    out = []
    listing = os.path.join(folder, "clauses.json")
    clauses = read_json(listing) if os.path.exists(listing) else {}
    for path in sorted(glob.glob(os.path.join(folder, "*.case"))):
        name = os.path.basename(path)[:-5]
        with open(path) as f:
            lines = f.read().splitlines()
        note = lines[0].lstrip("# ") if lines and lines[0].startswith("#") else ""
        about = clauses.get(name, {"clauses": [], "way": "positive"})
        case = Case("view-" + name, "view", path, about["clauses"], about["way"], "MUST", "VIEW",
                    note, data={"lines": lines})
        if name not in clauses:
            case.fault = "clauses.json beside %s says nothing of it" % os.path.basename(path)
        out.append(case)
    return out


def load_all(folder: str) -> list[Case]:
    out = []
    for name, kind in (("frame", "frame"), ("message", "message"), ("link", "link")):
        path = os.path.join(folder, "vectors", name + ".json")
        if os.path.exists(path):
            out += load_vectors(path, kind)
    out += load_view(os.path.join(folder, "view"))
    out += load_scenarios(os.path.join(folder, "scenarios"))
    seen: dict[str, Case] = {}
    for case in out:
        if case.id in seen:
            case.fault = "%s: the id %s is also in %s" % (
                os.path.basename(case.file), case.id, os.path.basename(seen[case.id].file))
        seen.setdefault(case.id, case)
    return out
