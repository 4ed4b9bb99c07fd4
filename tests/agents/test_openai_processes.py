"""A process that forks after an answer leaves its children able to answer."""

from __future__ import annotations

import subprocess
import sys

from .openai_server import MODEL, repeats

CODE = """
import os, sys
from mattermost_bridge.agents.base import AgentConfig, AgentRequest, Deadline, build

config = AgentConfig(backend="openai_compatible", name="Ada", base_url=sys.argv[1], model=sys.argv[2])
ask = lambda text: print(build(config).answer(AgentRequest(text=text), deadline=Deadline(60)).text, flush=True)
ask("parent before")
child = os.fork()
if not child:
    ask("child")
    os._exit(0)
os.waitpid(child, 0)
ask("parent after")
"""


def test_a_forked_child_answers_and_so_does_its_parent(server):
    server.reply(repeats())
    command = [sys.executable, "-c", CODE, server.base_url, MODEL]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.stderr == ""
    assert run.stdout.splitlines() == ["parent before", "child", "parent after"]
