"""Results as a table, JSON, JUnit XML and one HTML file."""
import html
import json
import xml.etree.ElementTree as xml

from .coverage import Coverage
from .run import Result, TesteeResults


def table(all_results: list[TesteeResults]) -> str:
    rows = [("testee", "passed", "failed", "expected", "unsupported")]
    for t in all_results:
        rows.append((t.name, str(t.count("passed")), str(t.count("failed", "unexpected")),
                     str(t.count("expected")), str(t.count("unsupported"))))
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                       for i, (c, w) in enumerate(zip(r, widths))) for r in rows]
    return "\n".join(lines)


def failure_text(testee: str, result: Result, verbose: bool) -> str:
    lines = ["FAIL %s: %s (%s, clause %s)" % (testee, result.name, result.case.way,
                                             ", ".join(result.case.clauses)),
             "     %s" % result.case.note, "     %s" % result.reason]
    if verbose:
        lines += ["     | " + line for line in result.transcript]
    return "\n".join(lines)


def to_json(all_results: list[TesteeResults], cases: int, coverage: Coverage) -> dict:
    return {
        "testees": [{"name": t.name, "passed": t.count("passed"),
                     "failed": t.count("failed", "unexpected") + bool(t.fault),
                     "expected_failures": t.count("expected"),
                     "unsupported": t.count("unsupported")} for t in all_results],
        "cases": cases,
        "must_total": len(coverage.must),
        "must_covered_both_ways": coverage.covered_both_ways(),
    }


def write_json(path: str, *args) -> None:
    with open(path, "w") as f:
        json.dump(to_json(*args), f, indent=1)
        f.write("\n")


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)


def write_junit(path: str, all_results: list[TesteeResults]) -> None:
    root = xml.Element("testsuites")
    for t in all_results:
        bad = t.count("failed", "unexpected")
        suite = xml.SubElement(root, "testsuite", name=t.name, tests=str(len(t.results)),
                               failures=str(bad), errors=str(int(bool(t.fault))),
                               skipped=str(t.count("unsupported", "expected")),
                               time="%.3f" % sum(r.seconds for r in t.results))
        for r in t.results:
            case = xml.SubElement(suite, "testcase", classname="%s.%s" % (t.name, r.role),
                                  name=r.name, time="%.3f" % r.seconds)
            if r.is_bad():
                failure = xml.SubElement(case, "failure", message=_clean(r.reason))
                failure.text = _clean("\n".join(r.transcript))
            elif r.verdict != "passed":
                xml.SubElement(case, "skipped", message=_clean(r.reason))
        if t.fault:
            case = xml.SubElement(suite, "testcase", classname=t.name, name="the testee itself")
            xml.SubElement(case, "error", message=_clean(t.fault))
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.bad{color:#b3261e;font-weight:600}.ok{color:#1a6b34}.dim{color:#59636e}
pre{font:12px/1.45 ui-monospace,monospace;background:#f6f8fa;padding:.7rem;overflow-x:auto;border-radius:6px}
summary{cursor:pointer}code{font-family:ui-monospace,monospace;font-size:.92em}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#30363d}
pre{background:#161b22}.bad{color:#ff7b72}.ok{color:#56d364}.dim{color:#9198a1}}
"""


def _details(t: TesteeResults, r: Result) -> str:
    e = html.escape
    return ("<details><summary><span class=bad>%s</span> <code>%s</code> %s</summary>"
            "<p>%s</p><p class=dim>clause %s, %s</p><pre>%s</pre></details>" % (
                e(r.verdict), e(r.name), e(r.case.note), e(r.reason),
                e(", ".join(r.case.clauses)), e(r.case.way), e("\n".join(r.transcript))))


def _testee_rows(all_results: list[TesteeResults]) -> str:
    rows = []
    for t in all_results:
        bad = t.count("failed", "unexpected") + bool(t.fault)
        rows.append("<tr><td>%s <span class=dim>%s</span></td><td class=n>%d</td>"
                    "<td class='n %s'>%d</td><td class=n>%d</td><td class=n>%d</td></tr>" % (
                        html.escape(t.name), html.escape(t.version), t.count("passed"),
                        "bad" if bad else "ok", bad, t.count("expected"), t.count("unsupported")))
    return "".join(rows)


def _clause_rows(coverage: Coverage) -> str:
    e = html.escape
    rows = []
    for clause in coverage.clauses:
        ways = coverage.ways(clause["id"])
        cells = "".join("<td class=n title='%s'>%s</td>" % (
            e(", ".join(ways[w])), len(ways[w]) or "<span class=%s>0</span>" % (
                "bad" if clause in coverage.must else "dim")) for w in ("positive", "negative"))
        rows.append("<tr><td><code>%s</code></td><td>%s%s</td><td>%s</td>%s<td>%s</td></tr>" % (
            e(clause["id"]), e(clause["level"]), "" if clause.get("core", True) else " (annex)",
            e(", ".join(clause["binds"])), cells, e(clause["text"])))
    return "".join(rows)


def write_html(path: str, all_results: list[TesteeResults], cases: int,
               coverage: Coverage) -> None:
    parts = ["<!doctype html><html lang=en><meta charset=utf-8>"
             "<meta name=viewport content='width=device-width'>"
             "<title>remote protocol: conformance</title><style>%s</style>" % STYLE,
             "<h1>Conformance to the remote protocol</h1>",
             "<p>%d cases. %d MUST clauses, %d of them with a positive and a negative case.</p>" % (
                 cases, len(coverage.must), coverage.covered_both_ways()),
             "<table><tr><th>testee<th class=n>passed<th class=n>failed<th class=n>expected to fail"
             "<th class=n>unsupported</tr>", _testee_rows(all_results), "</table>"]
    for t in all_results:
        shown = [r for r in t.results if r.verdict in ("failed", "unexpected", "expected")]
        if t.fault or shown:
            parts.append("<h2>%s</h2>" % html.escape(t.name))
        if t.fault:
            parts.append("<p class=bad>%s</p>" % html.escape(t.fault))
        parts += [_details(t, r) for r in shown]
        missing = [r for r in t.results if r.verdict == "unsupported"]
        if missing:
            parts.append("<details><summary>%s: %d not supported</summary><ul>%s</ul></details>" % (
                html.escape(t.name), len(missing), "".join(
                    "<li><code>%s</code> %s" % (html.escape(r.name), html.escape(r.reason))
                    for r in missing)))
    parts.append("<h2>Clauses</h2><table><tr><th>clause<th>level<th>binds<th class=n>positive"
                 "<th class=n>negative<th>text</tr>%s</table></html>\n" % _clause_rows(coverage))
    with open(path, "w") as f:
        f.write("\n".join(parts))
