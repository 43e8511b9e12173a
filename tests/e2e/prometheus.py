"""Reads Prometheus' text format (exposition format 0.0.4) as strictly as promtool does."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


def labels_of(text):
    out, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        assert m, f"bad labels: {text}"
        assert m[1] not in out, f"a label twice: {text}"
        out[m[1]] = m[2]
        at = m.end()
    return out


def family_of(name, types):
    for ending in ("_bucket", "_sum", "_count"):
        base = name[:-len(ending)]
        if name.endswith(ending) and types.get(base) == "histogram":
            return base
    return name


def check_names(types, helps):
    for name, kind in types.items():
        assert name in helps and helps[name].strip().endswith("."), f"{name}: no HELP"
        if kind == "counter":
            assert name.endswith("_total"), f"{name}: a counter ends with _total"
        else:
            assert not name.endswith("_total"), f"{name}: only counters end with _total"


def check_histograms(types, samples):
    for name in (n for n, kind in types.items() if kind == "histogram"):
        buckets = [(float(dict(labels)["le"]), v) for (n, labels), v in samples.items() if n == name + "_bucket"]
        assert buckets == sorted(buckets) and buckets[-1][0] == float("inf"), f"{name}: buckets out of order"
        counts = [v for _, v in buckets]
        assert counts == sorted(counts), f"{name}: buckets are not cumulative"
        assert counts[-1] == samples[(name + "_count", ())], f"{name}: +Inf is not the count"


def parse(text):
    """{(name, ((label, value), ...)): number}; raises AssertionError for what promtool refuses."""
    assert text.endswith("\n"), "the last line has no end"
    types, helps, samples, last, closed = {}, {}, {}, None, set()
    for line in text.splitlines():
        if line.startswith("#"):
            kind, name, rest = line[2:].split(" ", 2)
            assert NAME.fullmatch(name), line
            if kind == "HELP":
                assert name not in helps, f"HELP twice: {name}"
                helps[name] = rest
            else:
                assert kind == "TYPE" and rest in TYPES and name not in types, line
                types[name] = rest
            continue
        m = SAMPLE.fullmatch(line)
        assert m, f"not a sample: {line}"
        family = family_of(m[1], types)
        assert family in types, f"{m[1]}: no TYPE before it"
        if family != last:
            assert family not in closed, f"{family}: its samples are not together"
            closed.add(last)
            last = family
        key = (m[1], tuple(sorted(labels_of(m[2] or "").items())))
        assert key not in samples, f"a sample twice: {line}"
        samples[key] = float(m[3])
    check_names(types, helps)
    check_histograms(types, samples)
    return samples
