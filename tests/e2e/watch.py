"""Whether anything waits for a network or an agent while a database transaction is open; in every process that has it.

Each HTTP call to Mattermost and each question to an agent leaves a line: what it was, and, if it happened inside a
transaction, where.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import wraps
from pathlib import Path
from typing import Any

from django.db import connections

CLIENT = "mattermost/rest.py"


def install() -> None:
    """Watch this process from now on."""
    from mattermost_bridge.agents.echo import EchoAgent
    from mattermost_bridge.agents.openai_compatible import OpenAICompatibleAgent
    from mattermost_bridge.mattermost.rest import before_request

    before_request.append(lambda: _note(_call()))
    for agent in (EchoAgent, OpenAICompatibleAgent):
        _watch_agent(agent)


def _watch_agent(agent: type) -> None:
    original = agent.answer

    @wraps(original)
    def answer(self: Any, *arguments: Any, **options: Any) -> Any:
        _note(agent.__name__)
        return original(self, *arguments, **options)

    agent.answer = answer


def _call() -> str:
    """The name of the client's method that makes the call."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.replace(os.sep, "/").endswith(CLIENT) and not frame.f_code.co_name.startswith("_"):
            return frame.f_code.co_name
    return "request"


def _note(what: str) -> None:
    inside = any(connection.in_atomic_block for connection in connections.all(initialized_only=True))
    where = "".join(traceback.format_stack(limit=12)) if inside else ""
    with Path(os.environ["DURAR_E2E_WATCH"]).open("a") as file:
        file.write(json.dumps({"what": what, "inside": inside, "where": where}) + "\n")
