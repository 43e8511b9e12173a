#!/usr/bin/python3
"""The clients of docs/clients that are made of stock tools alone, against the real relay, host and
agent: they list, follow from an offset through cuts, send a prompt and answer an ask.

    stock_clients_test.py --build DIR python-grpc|node-ws

Exit 77, and why: the packages of npm are not there (tools/dev installs them)."""
from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import logs  # noqa: E402
from harness import NotBuilt, wait_until  # noqa: E402
from steered import Steered, follow  # noqa: E402

ROOT = logs.ROOT
LONG = 120
PROTOS = sorted(f"{ROOT}/proto/remote/v1/{f}" for f in os.listdir(f"{ROOT}/proto/remote/v1") if f.endswith(".proto"))


def protoc(*words):
    subprocess.run(["protoc", "-I", f"{ROOT}/proto", *words, *PROTOS], check=True)


class Python:
    carrier = "grpcs"

    def __init__(self, world):
        folder = f"{world.root}/stubs"
        os.makedirs(folder)
        protoc(f"--python_out={folder}", f"--grpc_python_out={folder}",
               f"--plugin=protoc-gen-grpc_python={shutil.which('grpc_python_plugin')}")
        self.env = dict(world.env, PYTHONPATH=folder)
        self.world = world

    def argv(self, *words):
        target = self.world.url.split("://", 1)[1]
        return ["/usr/bin/python3", f"{ROOT}/docs/clients/python-grpc/client.py", "--ca", self.world.certificates.ca,
                target, self.world.token_file, *words]


class Node:
    carrier = "wss"

    def __init__(self, world):
        modules = f"{ROOT}/build/npm/node_modules"
        folder = f"{world.root}/node-ws"
        shutil.copytree(f"{ROOT}/docs/clients/node-ws", folder)
        os.symlink(modules, f"{folder}/node_modules")
        os.makedirs(f"{folder}/gen")
        protoc(f"--plugin=protoc-gen-es={modules}/.bin/protoc-gen-es", f"--es_out={folder}/gen",
               "--es_opt=target=js,import_extension=js")
        self.env = dict(world.env, NODE_EXTRA_CA_CERTS=world.certificates.ca)
        self.world, self.folder = world, folder

    @staticmethod
    def missing():
        wanted = [f"{ROOT}/build/npm/node_modules/{p}" for p in ("ws", "@bufbuild/protobuf", "@bufbuild/protoc-gen-es")]
        return [p for p in wanted if not os.path.isdir(p)] or ([] if shutil.which("node") else ["node"])

    def argv(self, *words):
        return ["node", f"{self.folder}/client.mjs", self.world.url, self.world.token_file, *words]


def offsets(process):
    return [int(line.split(" ", 1)[0]) for line in process.lines if line.split(" ", 1)[0].isdigit()]


def check(w, client):
    w.start_relay()
    stock = client(w)
    w.start_proxy()
    w.start_host()
    w.start_steer(0, 5, "SAY before-%u")
    assert w.steer.reaches(lambda p: any("end" in l for l in p.json), LONG), "no prompts before"

    def run(*words):
        return subprocess.run(stock.argv(*words), env=stock.env, capture_output=True, text=True, timeout=LONG)
    listed = run("list")
    assert listed.returncode == 0 and listed.stdout.startswith(w.session), f"{listed.stdout}{listed.stderr}"
    # One follows from an offset all along; every connection is cut twice.
    reader = follow(stock.argv("follow", w.session, "--from", "10"), stock.env, f"{w.root}/stock-reader.log")
    w.others.append(reader)
    assert reader.reaches(lambda p: len(offsets(p)) > 10, LONG), "the follower sees nothing"
    w.proxy.tell("cut relay")
    # Another one says something; what is asked is answered; the answer's way is cut as well.
    sayer = follow(stock.argv("follow", w.session, "--say", "RUN echo through-the-cut", "--allow"), stock.env,
                   f"{w.root}/stock-sayer.log")
    w.others.append(sayer)
    assert sayer.reaches(lambda p: any("ask_opened" in l for l in p.lines), LONG), "nothing was asked"
    w.proxy.tell("cut relay")
    assert sayer.wait(LONG) == 0, f"the prompt has no end\n{sayer.text[-1500:]}"
    w.start_steer(5, 5, "SAY after-%u")
    assert w.steer.reaches(lambda p: any("end" in l for l in p.json), LONG), "no prompts after"
    end = logs.read_end(w.relay_store(), w.session)
    snapshots = logs.read_log(w.relay_store(), "events", session=w.session)["snapshots"]
    passed = {n for start, count in snapshots.items() for n in range(start, start + count)}
    wanted = [n for n in range(10, end) if n not in passed]
    wait_until("the follower has read everything", lambda: offsets(reader)[-1] >= wanted[-1], LONG)
    reader.end(signal.SIGTERM)
    # Others may have come since the end was looked up.
    got = offsets(reader)
    assert [n for n in got if n < end] == wanted and got == sorted(set(got)), f"once and in order? {got}"
    events = logs.decode(logs.read_log(w.relay_store(), "events", session=w.session)["messages"])
    outcomes = logs.outcomes(events)
    assert all(kinds == ["APPLIED"] for kinds in outcomes.values()), f"outcomes {outcomes}"
    prompts = logs.agent_prompts(f"{w.root}/agent.log")
    assert prompts["RUN echo through-the-cut"] == 1 and set(prompts.values()) == {1}, prompts
    ask_outcomes = logs.ask_outcomes(events)
    assert sum(ask_outcomes.values()) == 1, ask_outcomes
    # A token that is none: told so, without another try.
    with open(f"{w.root}/wrong", "w") as f:
        f.write("rrt_" + "A" * 43)
    words = [f"{w.root}/wrong" if x == w.token_file else x for x in stock.argv("follow", w.session)]
    refused = subprocess.run(words, env=stock.env, capture_output=True, text=True, timeout=LONG)
    assert refused.returncode == 1 and "3001" in refused.stderr, refused.stderr
    return f"{len(wanted)} events from offset 10, once and in order, over {w.proxy.stats('relay')['accepted']} connections"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--build", required=True)
    a.add_argument("client", choices=("python-grpc", "node-ws"))
    o = a.parse_args()
    logs.prepare(o.build)
    client = Python if o.client == "python-grpc" else Node
    if client is Node and Node.missing():
        print(f"skipped: {', '.join(Node.missing())} missing; tools/dev test installs them from npm")
        return 77
    world = Steered(o.build, f"stock-{o.client}", client.carrier)
    try:
        print(f"ok: {check(world, client)}")
    except NotBuilt as why:
        print(f"skipped: {why}")
        world.clean(keep=False)
        return 77
    except Exception:
        world.show_logs()
        for process in world.others:
            print(f"--- {process.name}\n{open(process.log_path, errors='replace').read()[-1500:]}", file=sys.stderr)
        world.clean(keep=True)
        raise
    world.clean(keep=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
