"""Which requirements have a case that shows them kept, and one that would notice them broken."""
import json
import os

from .cases import Case


def load_clauses(folder: str) -> list[dict]:
    path = os.path.join(folder, "clauses.json")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return json.load(f)


class Coverage:
    """Of the clauses that count: core, and MUST."""

    def __init__(self, clauses: list[dict], cases: list[Case]) -> None:
        self.clauses = clauses
        self.known = {c["id"] for c in clauses}
        self.must = [c for c in clauses if c["level"].startswith("MUST") and c.get("core", True)]
        self.should = [c for c in clauses if c["level"].startswith("SHOULD")
                       and c.get("core", True)]
        self.by_way: dict[str, dict[str, list[str]]] = {}
        self.unknown: list[str] = []
        for case in cases:
            for clause in case.clauses:
                if clause not in self.known:
                    self.unknown.append("%s cites %s, which is no clause" % (case.id, clause))
                ways = self.by_way.setdefault(clause, {"positive": [], "negative": []})
                ways[case.way].append(case.id)

    def ways(self, clause: str) -> dict[str, list[str]]:
        return self.by_way.get(clause, {"positive": [], "negative": []})

    def covered_both_ways(self) -> int:
        return sum(bool(self.ways(c["id"])["positive"]) and bool(self.ways(c["id"])["negative"])
                   for c in self.must)

    def gaps(self) -> list[tuple[dict, str]]:
        out = []
        for clause in self.must:
            ways = self.ways(clause["id"])
            missing = [w for w in ("positive", "negative") if not ways[w]]
            if missing:
                out.append((clause, " and ".join(missing)))
        return out

    def print(self) -> None:
        for clause, missing in self.gaps():
            print("%-9s %-22s no %-21s %s" % (clause["id"], ",".join(clause["binds"]),
                                              missing + " case", clause["text"][:90]))
        for line in self.unknown:
            print(line)
        print("MUST: %d, covered both ways: %d; SHOULD: %d, with a case: %d" % (
            len(self.must), self.covered_both_ways(), len(self.should),
            sum(bool(c["id"] in self.by_way) for c in self.should)))
