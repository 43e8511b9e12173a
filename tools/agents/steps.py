"""What each agent is taken through, in this order, with `remote` commands only. A step is checked on the files
that the agent touched and on the events that somebody elsewhere reads. What an agent does not have raises
NotOffered, which is never counted as passed."""
import base64
import json
import os
import signal
import time
import zlib

from bench import NotOffered, check
from harness import bodies, text_of

HELLO = "Hello from the scripted model, in several chunks."


def option(ask, *kinds):
    return next((o for k in kinds for o in ask["options"] if o.get("kind") == k), None)


def command_of(ask):
    """What the person who is asked can see of the command."""
    return json.dumps(ask.get("permission", {}))


def diffs_of(ask, events):
    seen = [d for d in ask.get("permission", {}).get("diffs", [])]
    shown = [c["diff"] for t in bodies(events, "tool_ended") for c in t.get("content", []) if "diff" in c]
    for name in ("tool_started", "tool_updated"):
        shown += [c["diff"] for t in bodies(events, name) for c in t["tool"].get("content", []) if "diff" in c]
    return seen, shown


def ended_well(events, reason="end_turn"):
    ended = bodies(events, "turn_ended")
    check(f"one turn ended, not {len(ended)}", len(ended) == 1)
    check(f"it ended with {ended[0].get('stop_reason')}, not {reason}", ended[0].get("stop_reason") == reason)


def tools_closed(events):
    """Every tool that began has ended, once."""
    began = {t["tool"]["tool_call_id"] for t in bodies(events, "tool_started")}
    ended = [t["tool_call_id"] for t in bodies(events, "tool_ended")]
    check(f"tools ended twice: {ended}", len(ended) == len(set(ended)))
    check(f"tools without an end: {began - set(ended)}", began <= set(ended))


# ---- what the agent says ----

def text(b):
    events = b.turn(f"SAY {HELLO}")
    check(f"said {text_of(events)!r}", text_of(events) == HELLO)
    check("one prompt", len(bodies(events, "user_message")) == 1)
    ended_well(events)


def thought(b):
    words = "I think therefore I am, says the script."
    events = b.turn(f"THINK {words}\nSAY thought over")
    if not b.updates("agent_thought_chunk"):
        raise NotOffered("it tells no thoughts")
    thoughts = "".join(t.get("text", "") for t in bodies(events, "thought"))
    check(f"thought {thoughts!r}", letters(words) in letters(thoughts)) # Gemini makes a heading of each piece, and trims it
    check("said", "thought over" in text_of(events))


def letters(words):
    return "".join(c for c in words if c.isalnum())


def plan(b):
    events = b.turn("PLAN look around|do the work|say so")
    if not b.updates("plan"):
        raise NotOffered("its model has no tool for it" if "no tool" in text_of(events) else "it tells no plan")
    entries = bodies(events, "plan_updated")[-1].get("entries", [])
    wanted = 3 if len(entries) != 1 else 1  # Claude Code makes one entry with each call
    check(f"entries: {entries}", len(entries) == wanted and "look around" in json.dumps(entries))


def model_fails(b):
    events = b.turn("FAIL 400")
    check("one turn ended", len(bodies(events, "turn_ended")) == 1)
    told = json.dumps([e for e in events if "turn_ended" in e or "notice" in e or "assistant_message" in e])
    check(f"it is told: {told[:300]}", "400" in told or "scripted failure" in told or "error" in told.lower())
    check("the next prompt is answered", "after the failure" in text_of(b.turn("SAY after the failure")))


# ---- permissions ----

def approve(b):
    ask, events = b.answered("RUN touch approved.txt", "approve")
    check("the ask shows the command", "touch approved.txt" in command_of(ask))
    check("the command ran", b.exists("approved.txt"))
    resolved = bodies(events, "ask_resolved")
    check(f"resolved once, as allowed once: {resolved}",
          [r.get("option_kind") for r in resolved] == ["allow_once"])
    tools_closed(events)
    ended_well(events)


def output(b):
    _, events = b.answered("RUN touch output.txt && expr 41000 + 999", "approve")
    told = [u for kind in ("tool_call", "tool_call_update") for u in b.updates(kind) if "41999" in json.dumps(u)]
    if not told:
        raise NotOffered("it tells no output of a command")
    seen = json.dumps([e for e in events if "tool_output" in e or "tool_ended" in e or "tool_updated" in e])
    check("its output is seen", "41999" in seen)


def deny(b):
    ask, events = b.answered("RUN touch denied.txt", "deny")
    check("the command did not run", not b.exists("denied.txt"))
    check("resolved as rejected",
          [r.get("option_kind") for r in bodies(events, "ask_resolved")] == ["reject_once"])
    tools_closed(events)
    check("one turn ended", len(bodies(events, "turn_ended")) == 1)
    b.after_deny = bodies(events, "turn_ended")[0].get("stop_reason")


def approve_always(b):
    # The same words twice: some agents remember the command, some its first words.
    run = "RUN git config remote.always yes"
    ask = b.ask(run)
    lasting = option(ask, "allow_always", "allow_session", "allow_location")
    if not lasting:
        b.act("deny", "--session", b.session, ask["ask_id"])
        b.idle()
        raise NotOffered("its options: " + ", ".join(o.get("kind", "?") for o in ask["options"]))
    b.act("answer", b.session, ask["ask_id"], lasting["option_id"])
    b.idle()
    check("it ran", b.git("config", "remote.always") == "yes")
    b.git("config", "--unset", "remote.always")
    b.send(run, "--wait")
    check("nobody was asked again", not b.ask_or_end())
    check("it ran again", b.git("config", "remote.always") == "yes")
    b.idle()


def edit(b):
    new, events = b.answered(f"WRITE {b.work}/note.txt first line", "approve")
    check("the file is written", b.exists("note.txt") and b.read("note.txt").strip() == "first line")
    seen, shown = diffs_of(new, events)
    check(f"a diff is seen, in the ask or after: {json.dumps(new)[:300]}", seen or shown)
    # Some agents want to have read what they change.
    b.send(f"READ {b.work}/note.txt\nEDIT {b.work}/note.txt first line=>second line")
    ask = b.until("an ask", b.open_asks)[0]
    mark = len(b.all("ask"))
    b.act("approve", "--session", b.session, ask["ask_id"])
    b.idle()
    check(f"the file is changed: {b.read('note.txt')!r}", b.read("note.txt").strip() == "second line")
    changed, after = diffs_of(ask, b.all()[mark:])
    check("the ask shows the change", any("second line" in json.dumps(d) for d in changed))


def question(b):
    if b.agent.to_ask:
        name, value = b.agent.to_ask
        before = current_value(b, name)
        b.act("config", b.session, name, value)
        try:
            ask_question(b)
        finally:
            b.act("config", b.session, name, before)
    else:
        ask_question(b)


def ask_question(b):
    b.send("ASK Which colour?|red|blue", "--wait")
    asks = b.ask_or_end()
    if not asks:
        said = text_of(b.all()[-6:])
        raise NotOffered("its model has no tool for it" if "no tool" in said else f"no ask came: {said[-70:].strip()}")
    ask = asks[0]
    check("the question is shown", "Which colour?" in json.dumps(ask))
    if "form" in ask:
        field = ask["form"]["fields"][0]
        b.act("answer", b.session, ask["ask_id"], "--json", json.dumps({field["name"]: choice_of(field, "blue")}))
    else:
        blue = next(o for o in ask["options"] if o.get("label", "") == "blue")
        b.act("answer", b.session, ask["ask_id"], blue["option_id"])
    b.idle()
    check("the agent heard the answer", "blue" in b.last("assistant_message").get("text", ""))


def choice_of(field, label):
    for choice in field.get("choices", []):
        if label in (choice.get("label"), choice.get("value")):
            return [choice["value"]] if field.get("type") == "multi_choice" else choice["value"]
    return label


def cancel_ask(b):
    b.ask("RUN touch cancelled.txt")
    b.act("cancel", b.session)
    b.idle()
    check("no ask stays open", not b.open_asks())
    check("it is closed as cancelled", b.last("ask_resolved").get("outcome") in ("cancelled", "withdrawn"))
    check("the turn was cancelled", b.last("turn_ended").get("stop_reason") == "cancelled")
    check("the command did not run", not b.exists("cancelled.txt"))
    tools_closed(b.all())


def cancel_text(b):
    mark = len(b.all())
    b.send("SLOW 200 200")
    b.until("the first words", lambda: b.status() == "working" and says(b, "slow 2/200"))
    b.act("cancel", b.session)
    b.idle()
    events = b.all()[mark:]
    ended_well(events, "cancelled")
    check("it stopped", "slow 150/200" not in text_of(events))
    check("the next one is answered", "after the cancel" in text_of(b.turn("SAY after the cancel")))


def says(b, words):
    """Seen by a reader who comes now: in the snapshot, or in what is being said."""
    out = b.cli("watch", b.session, "--json", "--from", "start", "--timeout", "2", "--until", "ask", timeout=90)
    return words in out.out


# ---- what can be set ----

def mode(b):
    modes = b.act("mode", "--session", b.session, "--json").json
    if not modes:
        raise NotOffered("it has no modes")
    current = next(m["mode_id"] for m in modes if m["current"])
    safe = [m["mode_id"] for m in modes if not m["elevating"] and not m["current"]]
    check(f"another mode that asks as much: {[m['mode_id'] for m in modes]}", safe)
    b.act("mode", "--session", b.session, safe[0])
    b.until("it is announced", lambda: current_mode(b) == safe[0])
    b.act("mode", "--session", b.session, current)
    b.until("and the way back", lambda: current_mode(b) == current)
    elevating = [m["mode_id"] for m in modes if m["elevating"]]
    b.elevating = elevating
    for mode_id in elevating:
        done = b.act("mode", "--session", b.session, mode_id, "--json", code=6).json[-1]
        check(f"{mode_id} is refused from afar: {done}", done.get("code") == 5011)
    check("nothing has changed", current_mode(b) == current)


def current_mode(b):
    return next((m["mode_id"] for m in b.act("mode", "--session", b.session, "--json").json if m["current"]), "")


def config(b):
    options = [line["option"] for line in b.act("config", b.session, "--json").json]
    if not options:
        raise NotOffered("it has no options")
    for o in options:
        values = [v["value"] for v in o.get("values", []) if not v.get("elevating")]
        other = [v for v in values if v != o.get("current_value")]
        if o.get("category") == "mode" or o["option_id"] == "mode" or not other:
            continue
        before = o.get("current_value")
        b.act("config", b.session, o["option_id"], other[-1])
        b.until("it is announced", lambda: current_value(b, o["option_id"]) == other[-1])
        if before in values:  # a model that is set by hand need not be in the list
            b.act("config", b.session, o["option_id"], before)
            b.until("and the way back", lambda: current_value(b, o["option_id"]) == before)
        b.config_option = o["option_id"]
        break
    else:
        raise NotOffered("no option with another value: " + ", ".join(o["option_id"] for o in options))
    for o in options:
        for v in o.get("values", []):
            if v.get("elevating") and v["value"] != o.get("current_value"):
                done = b.act("config", b.session, o["option_id"], v["value"], "--json", code=6).json[-1]
                check(f"{o['option_id']}={v['value']} is refused: {done}", done.get("code") == 5011)
    check("a prompt is answered", "still here" in text_of(b.turn("SAY still here")))


def current_value(b, name):
    for line in b.act("config", b.session, "--json").json:
        if line["option"]["option_id"] == name:
            return line["option"].get("current_value")
    return None


def slash(b):
    commands = b.last("slash_commands_changed").get("commands", [])
    if not commands:
        raise NotOffered("it lists no commands")
    name = next(c["name"] for c in commands if not c.get("remote_allowed")).split()[0]
    done = b.act("slash", "--session", b.session, f"/{name}", "--json", code=6).json[-1]
    check(f"/{name} is refused from afar: {done}", done.get("code") == 5003)
    done = b.send(f"/{name} now", "--wait", "--json", code=6).json[-1]
    check(f"and as a prompt: {done}", done.get("code") == 5003)


# ---- two at a time ----

def second_prompt(b):
    mark = len(b.all())
    b.send("SLOW 10 200")
    b.send("SAY the queued one")
    b.until("both are answered", lambda: len(bodies(b.all()[mark:], "turn_ended")) == 2)
    b.idle()
    events = b.all()[mark:]
    said = text_of(events)
    check("each is answered once", said.count("the queued one") == 1 and said.count("slow 10/10") == 1)
    check("in their order", said.index("slow 10/10") < said.index("the queued one"))
    check("two prompts", len(bodies(events, "user_message")) == 2)


def image(b):
    if not b.capabilities.get("promptCapabilities", {}).get("image"):
        raise NotOffered("it takes no images")
    if "--attach" not in b.cli("send", "--help").out:
        raise NotOffered("`remote send` has no --attach here")
    with open(f"{b.root}/dot.png", "wb") as f:
        f.write(png(8, 8))
    events_before = len(b.all())
    b.act("send", "--session", b.session, "--attach", f"{b.root}/dot.png", "--wait=idle", "SAY a picture came")
    b.idle()
    events = b.all()[events_before:]
    sent = [block for e in b.said() if e["dir"] == "c2a" and e.get("msg", {}).get("method") == "session/prompt"
            for block in e["msg"]["params"]["prompt"]]
    images = [x for x in sent if x.get("type") == "image"]
    check("the agent got the picture", images and base64.b64decode(images[-1]["data"]) == png(8, 8))
    check("it is in the history", bodies(events, "user_message")[0].get("attachments"))
    check("it is answered", "a picture came" in text_of(events))


def png(width, height):
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    rows = b"".join(b"\0" + b"\xc0\x20\x20" * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# ---- ends and beginnings ----

def words_of(events):
    """The conversation, without what belongs to a process."""
    return ([("user", m.get("text")) for m in bodies(events, "user_message")] +
            [("agent", m.get("text")) for m in bodies(events, "assistant_message")] +
            [("thought", m.get("text")) for m in bodies(events, "thought")] +
            [("tool", t["tool"]["tool_call_id"]) for t in bodies(events, "tool_started")])


def resume(b):
    before = words_of(b.all())
    session, mode_before = b.session, current_mode(b)
    b.close()
    if b.agent.other_minute:
        minute = time.time() // 60
        b.until("the clock's next minute", lambda: time.time() // 60 > minute)
    b.open()
    check("the same session", b.session == session)
    b.until(f"mode {mode_before}", lambda: current_mode(b) == mode_before)
    check("it goes on", "back again" in text_of(b.turn("SAY back again")))
    events = b.all()  # with all that the agent replayed, whenever it came
    check("SessionResumed", bodies(events, "session_resumed"))
    after = words_of(events)
    after.remove(("user", "SAY back again"))
    after.remove(("agent", "back again"))
    check(f"nothing is doubled: {[w for w in after if after.count(w) > before.count(w)][:3]}", after == before)
    check("the agent knows it", not bodies(events, "context_cleared"))
    ask, _ = b.answered("RUN touch resumed.txt", "approve")
    check("and asks as before", b.exists("resumed.txt"))


def both(b):
    """The same session in a terminal here and from afar."""
    b.close()
    b.open(terminal=(100, 30))
    b.host.wait_text("> ", 60)
    mark = len(b.all())
    b.host.type("SAY typed right here\r")
    b.until("seen from afar", lambda: "typed right here" in text_of(b.all()[mark:]))
    check("as local words", bodies(b.all()[mark:], "user_message")[0].get("source", {}).get("local", True))
    at = len(b.host.text)
    ask = b.ask("RUN touch from-afar.txt")
    b.host.wait_for("the ask is shown here", lambda p: "from-afar.txt" in p.text[at:], 60)
    b.act("approve", "--session", b.session, ask["ask_id"])
    b.idle()
    check("approved from afar", b.exists("from-afar.txt"))
    at = len(b.host.text)
    ask = b.ask("RUN touch from-here.txt")
    number = 1 + ask["options"].index(option(ask, "allow_once"))
    b.host.wait_for("the ask is shown here", lambda p: "from-here.txt" in p.text[at:], 60)
    time.sleep(0.5)  # a person's; a number counts only for an ask that is on the screen
    b.host.type(f"{number}\r")
    b.until("approved here", lambda: b.exists("from-here.txt"))
    b.idle()
    late = b.cli("answer", b.session, ask["ask_id"], ask["options"][0]["option_id"])
    check(f"a late answer is told so: {late.code}", late.code in (5, 6))
    if b.agent.local_command:
        mark = len(b.all())
        b.host.type(f"//{b.agent.local_command}\r")
        b.until("its own command runs here", lambda: bodies(b.all()[mark:], "turn_ended"))
        check("and says something", text_of(b.all()[mark:]).strip())


def agent_killed(b):
    ask = b.ask("RUN touch killed.txt")
    pids = check("its processes", b.agent_processes())
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    b.until("the host tells of it", lambda: not b.host.alive or b.status() in ("ended", "error"))
    events = b.all("end") if not b.host.alive else b.all()
    resolved = [r for r in bodies(events, "ask_resolved") if r["ask_id"] == ask["ask_id"]]
    check(f"the ask is closed, once: {resolved}", len(resolved) == 1)
    check("nobody is asked any more", not b.open_asks())
    check("the command did not run", not b.exists("killed.txt"))
    b.host.wait(60)
    b.open()
    check("it goes on", "alive again" in text_of(b.turn("SAY alive again")))
    check("the old ask stays closed", not b.open_asks())


def goes_away(b):
    """The agent goes when its host goes, in time, and so does all it started."""
    b.closed_s = round(b.close(), 1)
    b.until("no process is left", lambda: not b.agent_processes(), 20)


def host_killed(b):
    b.open(tap=False)
    check("it runs", b.agent_processes())
    b.host.kill()
    b.until("no process is left", lambda: not b.agent_processes(), 30)
    b.open()
    check("it goes on", "once more" in text_of(b.turn("SAY once more")))


STEPS = [("text", text), ("thought", thought), ("plan", plan), ("permission: approve", approve),
         ("output of a command", output), ("permission: deny", deny), ("permission: always, then not asked", approve_always),
         ("file written and edited, diff in the ask", edit), ("question of the agent", question),
         ("cancel with an ask open", cancel_ask), ("cancel while it speaks", cancel_text),
         ("mode switch, elevation refused", mode), ("option switch", config), ("slash command from afar refused", slash),
         ("second prompt during a turn", second_prompt), ("image attached", image), ("model fails", model_fails),
         ("resume: history matched, not doubled", resume), ("terminal and afar at once", both),
         ("agent killed with an ask open", agent_killed), ("agent goes with its host", goes_away),
         ("agent goes when its host is killed", host_killed)]
