"""Tests of the runner itself: wrong testees are caught, whatever they do; patterns, macros and
case files mean what README.md says; mistakes in them are said with file, case and step.

    /usr/bin/python3 conformance/runner/test_runner.py [unittest's options]
"""
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from contextlib import redirect_stdout

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from runner import (cases, coverage, frames, limits, main, messages, monitor, patterns,  # noqa: E402
                    protos, vectors, wire)
from runner.faults import BadCase  # noqa: E402

FOLDER = tempfile.TemporaryDirectory(prefix="remote-runner-test-")
PROTOS = os.path.join(FOLDER.name, "protos")
protos.load(PROTOS)
os.environ["REMOTE_FAKE_PROTOS"] = PROTOS

HELLO = {"type": "HELLO", "hello": {"version_min": 1, "version_max": 1, "link_id": "$id2",
                                    "generation": 1, "token": "$token"}}
GREET = [{"connect": "a"}, {"send": "a", "frames": [HELLO]}, {"told": [{"event": "HELLO"}]},
         {"act": {"accept": {}}}, {"expect": "a", "frames": [{"type": "WELCOME"}]}]
PING = [{"send": "a", "frames": [{"type": "PING", "bytes": "0102030405060708"}]},
        {"expect": "a", "frames": [{"type": "PONG", "bytes": "0102030405060708"}]}]


def case(steps, **more) -> dict:
    return {"id": "t", "clauses": ["2.6.1"], "way": "positive", "level": "MUST",
            "role": "ACCEPTING", "note": "a test", "steps": steps, **more}


class Suite:
    """A folder of cases of its own, and a run of the whole program over it."""

    def __init__(self, listed, macros=None, expected=None, clauses=None) -> None:
        self.folder = tempfile.mkdtemp(dir=FOLDER.name)
        os.makedirs(os.path.join(self.folder, "scenarios"))
        self.write("scenarios/t.json", listed)
        if macros is not None:
            self.write("scenarios/macros.json", macros)
        if expected is not None:
            os.makedirs(os.path.join(self.folder, "expected"))
            for name, content in expected.items():
                self.write("expected/%s.json" % name, content)
        if clauses is not None:
            self.write("clauses.json", clauses)

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def write(self, name: str, content) -> None:
        with open(self.path(name), "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))

    def run(self, fault="none", *options) -> tuple[int, str]:
        out = io.StringIO()
        command = "/usr/bin/python3 %s %s" % (os.path.join(HERE, "fake_testee.py"), fault)
        with redirect_stdout(out):
            status = main.main(["--cases", self.folder, "--proto-dir", PROTOS, "--timeout", "2",
                                "--testee", command, *options])
        return status, out.getvalue()


class WrongTestees(unittest.TestCase):
    """Each fault fails the case, says why, and is over in time."""

    def caught(self, fault: str, words: str, steps=None) -> None:
        status, out = Suite([case(steps or GREET + PING)]).run(fault, "--verbose")
        self.assertEqual(status, 1, out)
        self.assertIn(words, out)

    def test_the_right_one_passes(self):
        status, out = Suite([case(GREET + PING)]).run()
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"fake-none +1 +0 +0 +0")

    def test_no_answer_on_the_carrier(self):
        self.caught("no-pong", 'nothing more came, expected {"type": "PONG"')

    def test_another_answer(self):
        self.caught("other-pong", "2.6.1: a PONG that answers no PING")

    def test_not_canonical(self):
        self.caught("not-canonical", "1.3.1")

    def test_frames_after_goaway(self):
        self.caught("after-goaway", "2.1.4: something follows GOAWAY")

    def test_nonsense_told(self):
        self.caught("tells-nonsense", "told was {\"event\": \"HELLO twice\"}")

    def test_no_batch(self):
        self.caught("batch-garbage", "no Batch stream")

    def test_closes_what_it_has_not(self):
        self.caught("closes-twice", "carrier 99", GREET + [{"cut": "a"}])

    def test_dies(self):
        self.caught("dies-on-hello", "died (SIGABRT)")
        self.caught("dies-on-hello", "something is very wrong here")

    def test_hangs(self):
        self.caught("hangs", "no answer within 2 s")

    def test_text_on_standard_output(self):
        self.caught("greets-in-text", "its output is no Response")

    def test_wrong_id(self):
        self.caught("wrong-id", "answers request 8, but 1 is next")

    def test_endless_output(self):
        self.caught("endless", "the testee")

    def test_is_no_program(self):
        out = io.StringIO()
        with redirect_stdout(out):
            status = main.main(["--cases", Suite([case(GREET)]).folder, "--proto-dir", PROTOS,
                                "--testee", "/nonexistent/testee"])
        self.assertEqual(status, 1)
        self.assertIn("cannot be started", out.getvalue())

    def test_the_next_case_gets_a_new_process(self):
        listed = [case(GREET, id="one"), case([{"connect": "a"}, {"quiet": "a"}], id="two")]
        status, out = Suite(listed).run("dies-on-hello")
        self.assertEqual(status, 1)
        self.assertRegex(out, r"fake-dies-on-hello +1 +1 +0 +0")


class NotSupported(unittest.TestCase):
    def test_exit_127_at_once(self):
        status, out = Suite([case(GREET)]).run("exit-127")
        self.assertEqual(status, 1)  # nothing at all could be run
        self.assertIn("exit status 127", out)

    def test_an_act(self):
        status, out = Suite([case(GREET)]).run("no-act", "--unsupported")
        self.assertEqual(status, 0, out)
        self.assertIn("acts are not for me", out)
        self.assertRegex(out, r"fake-no-act +0 +0 +0 +1")

    def test_a_feature(self):
        status, out = Suite([case(GREET, needs=["hold_commits"])]).run("none", "--unsupported")
        self.assertEqual(status, 0, out)
        self.assertIn("needs hold_commits", out)

    def test_a_step_needs_its_feature(self):
        _, out = Suite([case([{"connect": "a"}, {"restart": {}}])]).run("none", "--unsupported")
        self.assertIn("needs restart", out)

    def test_a_role(self):
        status, out = Suite([case(GREET, role="RELAY")]).run()
        self.assertEqual(status, 1)
        self.assertIn("no case fits its roles", out)


class ExpectedFailures(unittest.TestCase):
    REASON = "it has no clock to answer by"

    def test_a_listed_failure_is_no_failure(self):
        status, out = Suite([case(GREET + PING)], expected={"fake-no-pong": {"t": self.REASON}}).run(
            "no-pong")
        self.assertEqual(status, 0, out)
        self.assertIn(self.REASON, out)
        self.assertRegex(out, r"fake-no-pong +0 +0 +1 +0")

    def test_an_unexpected_pass_fails(self):
        status, out = Suite([case(GREET + PING)], expected={"fake-none": {"t": self.REASON}}).run()
        self.assertEqual(status, 1)
        self.assertIn("passes, but is listed", out)

    def test_an_entry_that_names_no_case_fails(self):
        status, out = Suite([case(GREET)], expected={"fake-none": {"gone-*": self.REASON}}).run()
        self.assertEqual(status, 1)
        self.assertIn("name no case: gone-*", out)

    def test_a_reason_is_needed(self):
        status, out = Suite([case(GREET)], expected={"fake-none": {"t": ""}}).run()
        self.assertEqual(status, 1)
        self.assertIn("needs a reason", out)


class BadFiles(unittest.TestCase):
    """Each says file, case and step, fails the run, and lets the other cases run."""

    def said(self, listed, *words, macros=None) -> None:
        good = case(GREET, id="good")
        content = listed + [good] if isinstance(listed, list) else listed
        status, out = Suite(content, macros).run()
        self.assertEqual(status, 1, out)
        for word in words:
            self.assertIn(word, out)
        if isinstance(listed, list):
            self.assertRegex(out, r"fake-none +1 +1 ")

    def test_no_json(self):
        self.said('[\n{"id": 1,}\n]', "t.json:2")

    def test_no_list(self):
        self.said("{}", "a list of cases is needed")

    def test_unknown_step(self):
        self.said([case([{"connect": "a"}, {"konnect": "b"}])], "t.json", "t: step 2", "konnect")

    def test_unknown_member_of_a_step(self):
        self.said([case([{"connect": "a", "loudly": True}])], "t: step 1: connect has no loudly")

    def test_unknown_member_of_a_case(self):
        self.said([case(GREET, flavour="sweet")], "t.json: t: there is no member flavour")

    def test_unknown_role(self):
        self.said([case(GREET, role="ROUTER")], "role is 'ROUTER'")

    def test_no_clause(self):
        self.said([case(GREET, clauses=[])], "names the clauses")

    def test_unknown_macro(self):
        self.said([case([{"use": "nothing"}])], "step 1: macros.json has no 'nothing'")

    def test_unknown_frame_type(self):
        self.said([case(GREET + [{"send": "a", "frames": [{"type": "PONGG"}]}])], "step 6", "PONGG")

    def test_unknown_field(self):
        self.said([case([{"connect": "a"}, {"send": "a", "frames": [
            {"type": "HELLO", "hello": {"versoin": 1}}]}])], "step 2", "Hello has no field 'versoin'")

    def test_unbound_name(self):
        self.said([case([{"connect": "a"}, {"send": "a", "frames": [
            {"type": "ACK", "channel": "$where"}]}])], "step 2: $where is not bound")

    def test_unknown_carrier(self):
        self.said([case([{"connect": "a"}, {"quiet": "b"}])], "there is no carrier 'b'")

    def test_bad_hex(self):
        self.said([case([{"connect": "a"}, {"send": "a", "raw": "0g"}])], "step 2", "is not hex")

    def test_twice_the_same_id(self):
        self.said([case(GREET, id="good")], "the id good is also in t.json")

    def test_a_member_twice(self):
        self.said('[{"id": "x", "id": "y"}]', "member 'id' twice")

    def test_a_macro_that_uses_itself(self):
        self.said([case([{"use": "m"}])], "macros within macros",
                  macros={"m": [{"use": "m"}]})


class Macros(unittest.TestCase):
    def expanded(self, steps, macros=None):
        expander = cases.Expander(macros or {})
        expander.expand(steps, "step")
        return [step for _, step in expander.out]

    def test_members_keep_their_type(self):
        macros = {"go": {"defaults": {"ms": 5}, "steps": [{"advance_ms": "{ms}"},
                                                          {"connect": "c{name}"}]}}
        self.assertEqual(self.expanded([{"use": "go", "name": "x"}], macros),
                         [{"advance_ms": 5}, {"connect": "cx"}])
        self.assertEqual(self.expanded([{"use": "go", "name": 1, "ms": 7}], macros),
                         [{"advance_ms": 7}, {"connect": "c1"}])

    def test_repeat(self):
        steps = [{"repeat": 2, "steps": [{"connect": "c$i"}, {"room": "c$i", "bytes": "$i+10"}]}]
        self.assertEqual(self.expanded(steps), [
            {"connect": "c0"}, {"room": "c0", "bytes": 10},
            {"connect": "c1"}, {"room": "c1", "bytes": 11}])

    def test_other_names_that_begin_with_i(self):
        steps = [{"repeat": 1, "steps": [{"act": {"open": {"session_id": "$id1"}}}]}]
        self.assertEqual(self.expanded(steps), steps[0]["steps"])

    def test_no_end(self):
        with self.assertRaisesRegex(BadCase, "more than"):
            self.expanded([{"repeat": 10 ** 6, "steps": [{"connect": "a"}]}])


class Patterns(unittest.TestCase):
    VALUE = {"n": 5, "text": "abc", "list": [1, 2, 3], "inner": {"x": 0, "y": True}, "none": None,
             "flags": messages.Flags(["SNAPSHOT"]), "code": messages.Named("CLIENT", 2)}
    VALUE["flags"].number = 4

    def fits(self, pattern, bound=None) -> bool:
        return patterns.fits(pattern, self.VALUE, bound if bound is not None else {})

    def test_what_fits(self):
        for pattern in ({}, {"n": 5}, {"n": {"min": 5, "max": 5}}, {"n": {"not": 4}},
                        {"n": {"any": True}}, {"none": {"absent": True}}, {"inner": {"y": True}},
                        {"inner": {"x": {"absent": True}}}, {"list": [1, {"min": 2}, 3]},
                        {"list": {"contains": [3, 1]}}, {"code": "CLIENT"}, {"code": 2},
                        {"flags": ["SNAPSHOT"]}, {"flags": 4}, {"n": {"one_of": [4, 5]}},
                        {"nowhere": {"absent": True}}, {"text": {"length": 3}},
                        {"list": {"length": {"min": 3}}}):
            self.assertTrue(self.fits(pattern), pattern)

    def test_what_does_not(self):
        for pattern in ({"n": 4}, {"n": True}, {"n": {"min": 6}}, {"n": {"not": 5}},
                        {"none": {"any": True}}, {"n": {"absent": True}}, {"inner": {"x": 1}},
                        {"inner": {"y": 1}}, {"list": [1, 2]}, {"list": {"contains": [4]}},
                        {"code": "HOST"}, {"code": 1}, {"flags": []}, {"flags": ["SEALED"]},
                        {"nowhere": 1}, {"text": {"min": 1}}, {"n": {"one_of": [1, 2]}},
                        {"none": {"x": 1}}, {"text": {"length": 4}}, {"n": {"length": 1}}):
            self.assertFalse(self.fits(pattern), pattern)

    def test_names_are_bound_once(self):
        bound = {}
        self.assertTrue(self.fits({"n": "$a", "list": ["$b", "$c", "$d"]}, bound))
        self.assertEqual(bound, {"a": 5, "b": 1, "c": 2, "d": 3})
        self.assertFalse(self.fits({"n": "$b"}, bound))
        self.assertTrue(self.fits({"n": "$c+3"}, bound))
        self.assertEqual(patterns.substitute({"x": ["$a", "$d-1", "$"]}, bound), {"x": [5, 2, "$"]})

    def test_nothing_is_bound_by_what_does_not_fit(self):
        bound = {}
        self.assertFalse(self.fits({"n": "$a", "text": "xyz"}, bound))
        self.assertEqual(bound, {})


class Frames(unittest.TestCase):
    def view(self, frame: dict, log=None):
        raw, = wire.FrameStream().feed(frames.encode(frame))
        return frames.FrameView(raw, messages.decode("Frame", raw), log)

    def test_there_and_back(self):
        view = self.view({"type": "OPEN", "channel": 3, "open": {
            "session_id": "11" * 16, "direction": "PUBLISH", "log": "EVENTS", "next": 9}})
        self.assertTrue(patterns.fits({"type": "OPEN", "channel": 3, "open": {
            "direction": "PUBLISH", "log": "EVENTS", "next": 9, "until": 0}}, view, {}))
        self.assertEqual(view.line(), "OPEN ch=3 next=9")

    def test_blocks(self):
        event = {"event": {"at_ms": 1, "notice": {"text": "x" * 600}}}
        for more in ({}, {"compress": True}):
            view = self.view({"type": "BLOCK", "channel": 1, "messages": [event, event], **more})
            self.assertEqual(view.get("count"), 2)
            self.assertTrue(patterns.fits({"messages": [event, event]}, view, {}))
        self.assertLess(view.get("size"), 100)
        self.assertEqual(view.get("flags"), ["COMPRESSED"])

    def test_commands(self):
        view = self.view({"type": "BLOCK", "channel": 1, "messages": [
            {"envelope": {"command_id": "22" * 16}, "command": {"probe": {}}}]}, "COMMANDS")
        self.assertTrue(patterns.fits({"messages": [
            {"envelope": {"command_id": "22" * 16}, "command": {"probe": {}}}]}, view, {}))

    def test_raw_in_place_of_a_message(self):
        view = self.view({"type": "CLOSE", "channel": 1, "problem": "raw:08b91712ff"})
        self.assertIsNone(view.get("problem"))

    def test_long_texts(self):
        view = self.view({"type": "GOAWAY", "problem": {"reason": {"repeat": "ab", "times": 50}}})
        self.assertEqual(view.get("problem")["reason"], "ab" * 50)

    def test_the_line_of_a_type_without_name(self):
        self.assertEqual(self.view({"type": 64, "payload": "00"}).line(), "UNKNOWN bytes=1")

    def test_streams_are_cut_anywhere(self):
        data = frames.encode({"type": "ACK", "channel": 1, "offset": 300}) * 3
        stream = wire.FrameStream()
        self.assertEqual(len([f for i in range(len(data)) for f in stream.feed(data[i:i + 1])]), 3)
        self.assertRaises(wire.WireFault, wire.FrameStream().feed, b"\x12\x00")
        self.assertRaises(wire.WireFault, wire.FrameStream().feed, b"\x0a\xff\xff\xff\x7f")

    def test_hex_with_repeats(self):
        self.assertEqual(vectors.hex_of("00(6162*3)ff"), b"\0abababab"[:7] + b"\xff")


class Monitors(unittest.TestCase):
    """What is watched on every carrier."""

    def fault(self, side: str, *spoken) -> str:
        """spoken: (who, frame); the last one's fault."""
        watch = monitor.Monitor(side, True)
        found = ""
        for who, frame in spoken:
            raw, = wire.FrameStream().feed(frames.encode(frame))
            view = frames.FrameView(raw, messages.decode("Frame", raw), "EVENTS")
            if who == "runner":
                watch.sent_view(view)
                continue
            self.assertEqual(found, "", "only the last one is wrong")
            found = watch.judge(view, None)
        return found

    HELLO = {"type": "HELLO", "hello": {"token": "secret-token"}}
    WELCOME = {"type": "WELCOME", "welcome": {"version": 1}}
    READ = {"type": "OPEN", "channel": 1, "credit": 10, "open": {
        "session_id": "11" * 16, "log": "EVENTS", "direction": "SUBSCRIBE"}}
    WRITE = {"type": "OPEN", "channel": 1, "open": {
        "session_id": "11" * 16, "log": "EVENTS", "direction": "PUBLISH"}}
    OPENED = {"type": "OPENED", "channel": 1, "opened": {"epoch": "33" * 16}}
    BLOCK = {"type": "BLOCK", "channel": 1, "messages": [{"event": {"at_ms": 1}}]}
    RELAY = [("runner", HELLO), ("testee", WELCOME), ("runner", READ), ("testee", OPENED)]
    HOST = [("testee", HELLO), ("runner", WELCOME), ("testee", WRITE),
            ("runner", dict(OPENED, credit=10))]

    def test_good_conversations(self):
        self.assertEqual(self.fault("accepting", *self.RELAY, ("testee", self.BLOCK)), "")
        self.assertEqual(self.fault("connecting", *self.HOST, ("testee", self.BLOCK)), "")

    def test_every_finding(self):
        block, relay, host = self.BLOCK, self.RELAY, self.HOST
        for clause, side, before, frame in (
                ("2.1.1", "accepting", relay, self.HELLO),
                ("2.1.1", "accepting", relay, {"type": "ACK", "channel": 1}),
                ("2.1.1", "accepting", relay, dict(block, channel=2)),
                ("2.1.1", "accepting", relay[:3], block),
                ("2.1.1", "accepting", relay, self.OPENED),
                ("2.1.1", "accepting", relay[:1], {"type": "PING", "bytes": "00" * 8}),
                ("1.3.1", "accepting", relay, {"type": "PING", "channel": 1, "bytes": "00" * 8}),
                ("2.1.1", "accepting", relay, {"type": "SYNCED"}),
                ("1.3.1", "accepting", relay, {"type": "PING", "count": 1, "bytes": "00" * 8}),
                ("1.3.1", "accepting", relay, {"type": "GOAWAY", "problem": "raw:088000"}),
                ("1.3.1", "accepting", relay, {"type": "GOAWAY", "problem": "raw:0800"}),
                ("1.8", "accepting", relay, {"type": "GOAWAY", "problem": "raw:0a"}),
                ("2.6.2", "accepting", relay, {"type": "PING", "bytes": "00"}),
                ("2.6.1", "accepting", relay, {"type": "PONG", "bytes": "00" * 8}),
                ("2.1.3", "accepting", relay, dict(block, count=0)),
                ("2.1.3", "accepting", relay, dict(block, flags=["SNAPSHOT"], part=2, parts=1)),
                ("4.3.1", "accepting", relay + [("testee", block)], block),
                ("4.4.1", "accepting", relay + [("testee", dict(block, messages=[{"hex": "08" * 9}]))],
                 dict(block, offset=1)),
                ("3.17", "accepting", relay, dict(block, offset=1)),
                ("2.8.2", "accepting", relay, {"type": "REPLY", "reply": {"id": 1}}),
                ("7.1.2", "accepting", relay, {"type": "GOAWAY", "problem": {"reason": "x" * 300}}),
                ("7.1.1", "accepting", relay, {"type": "GOAWAY", "problem": "raw:" + "1201" + "61" * 2000}),
                ("3.1.1", "connecting", [], {"type": "PING", "bytes": "00" * 8}),
                ("3.1.1", "connecting", host[:1], {"type": "PING", "bytes": "00" * 8}),
                ("2.4.1", "connecting", host, dict(self.WRITE, channel=1)),
                ("1.7.1", "connecting", host, dict(block, count=2)),
                ("9.1.1", "connecting", host, {"type": "REQUEST", "request": {
                    "id": 1, "pair_device": {"device": "secret-token"}}}),
                ("2.8.1", "connecting", host + [("testee", {"type": "REQUEST", "request": {"id": 1}})],
                 {"type": "REQUEST", "request": {"id": 1}}),
                ("1.5.1", "accepting", relay, {"type": "CLOSE", "channel": 1, "offset": 1 << 53,
                                               "problem": {"code": 4003}})):
            found = self.fault(side, *before, ("testee", frame))
            self.assertTrue(found.startswith(clause), "%s: %r for %s" % (clause, found, frame))

    def test_limits_come_from_the_schema(self):
        self.assertEqual(limits.table()[("Problem", "reason")], {"max_length": 255})
        self.assertEqual(limits.table()[("Hello", "features")], {"max_count": 16, "max_length": 23})


class Reports(unittest.TestCase):
    CLAUSES = [{"id": "2.6.1", "level": "MUST", "binds": ["both"], "core": True, "text": "PONG <b>"},
               {"id": "2.6.2", "level": "MUST NOT", "binds": ["both"], "core": True, "text": "t"},
               {"id": "A.1", "level": "MUST", "binds": ["relay"], "core": False, "text": "u"},
               {"id": "1.1.2", "level": "SHOULD", "binds": ["reader"], "core": True, "text": "v"}]

    def suite(self, **more) -> Suite:
        listed = [case(GREET + PING), case(GREET + PING, id="n", way="negative")]
        return Suite(listed, clauses=self.CLAUSES, **more)

    def test_json(self):
        suite = self.suite()
        suite.run("no-pong", "--json", suite.path("out.json"))
        with open(suite.path("out.json")) as f:
            self.assertEqual(json.load(f), {
                "testees": [{"name": "fake-no-pong", "passed": 0, "failed": 2, "expected_failures": 0,
                             "unsupported": 0}],
                "cases": 2, "must_total": 2, "must_covered_both_ways": 1})

    def test_junit(self):
        suite = self.suite()
        suite.run("no-pong", "--junit", suite.path("out.xml"))
        found = xml.etree.ElementTree.parse(suite.path("out.xml")).getroot()
        self.assertEqual([s.get("failures") for s in found], ["2"])
        self.assertIn("a < WELCOME", found.find(".//failure").text)

    def test_html(self):
        suite = self.suite()
        suite.run("no-pong", "--html", suite.path("out.html"))
        with open(suite.path("out.html")) as f:
            text = f.read()
        self.assertIn("PONG &lt;b&gt;", text)
        self.assertIn("nothing more came", text)
        self.assertNotIn("http://", text)

    def test_coverage(self):
        suite = self.suite()
        status, out = suite.run("none", "--coverage")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"2\.6\.2 .*no positive and negative case")
        self.assertNotIn("A.1", out)
        status, _ = suite.run("none", "--require-coverage")
        self.assertEqual(status, 1)

    def test_a_clause_that_is_none(self):
        suite = Suite([case(GREET, clauses=["9.9.9"])], clauses=self.CLAUSES)
        status, out = suite.run("none", "--require-coverage")
        self.assertEqual(status, 1)
        self.assertIn("t cites 9.9.9, which is no clause", out)

    def test_only(self):
        _, out = self.suite().run("none", "--only", "n")
        self.assertRegex(out, r"fake-none +1 +0")
        _, out = self.suite().run("none", "--only", "2.6.*")
        self.assertRegex(out, r"fake-none +2 +0")

    def test_jobs(self):
        listed = [case(GREET + PING, id="t%d" % i) for i in range(9)]
        status, out = Suite(listed).run("none", "--jobs", "3")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"fake-none +9 +0")

    def test_counts_of_the_suite_itself(self):
        everything = cases.load_all(protos.CONFORMANCE)
        self.assertGreater(len(everything), 500)
        covered = coverage.Coverage(coverage.load_clauses(protos.CONFORMANCE), everything)
        self.assertGreater(len(covered.must), 100)
        self.assertEqual([c.fault for c in everything if c.fault], [])


class Guide(unittest.TestCase):
    """The example of docs/conformance.md, as it stands there."""

    def test_the_example_passes_what_it_says(self):
        with open(os.path.join(protos.ROOT, "docs", "conformance.md")) as f:
            text = f.read()
        program = re.search(r"```python\n(.*?)```", text, re.S).group(1)
        folder = tempfile.mkdtemp(dir=FOLDER.name)
        with open(os.path.join(folder, "testee.py"), "w") as f:
            f.write(program)
        globs = re.findall(r"--only ([a-z-]+)", re.search(r"```sh\n(.*?)```", text, re.S).group(1))
        self.assertGreater(len(globs), 2)
        done = subprocess.run(
            [os.path.join(protos.CONFORMANCE, "remote-conformance"), "--proto-dir", PROTOS,
             "--testee", "env PYTHONPATH=%s /usr/bin/python3 %s/testee.py" % (PROTOS, folder),
             *[word for glob in globs for word in ("--only", glob)]],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"newborn +%d +0 +0 +0" % len(globs))


if __name__ == "__main__":
    unittest.main()
