"""Fixtures of the agents' tests: a server with the OpenAI chat API, and settings for an agent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mattermost_bridge.agents.base import AgentAnswer, AgentConfig, AgentError, AgentRequest, Deadline, build

from .openai_server import MODEL, OpenAIServer

KEY = "sk-proj-Zq8vT3mWcY5nRb7xKd2LfGhJ"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def config(server: OpenAIServer) -> Callable[..., AgentConfig]:
    """Makes the settings of an agent on `server`; any field can be given."""

    def make(**fields: Any) -> AgentConfig:
        settings = {
            "backend": "openai_compatible",
            "name": "Ada",
            "base_url": server.base_url,
            "api_key": KEY,
            "model": MODEL,
            "total_time": 30.0,
        }
        return AgentConfig(**(settings | fields))

    return make


def ask(config: AgentConfig, text: str = "hi", deadline: Deadline | None = None, **request: Any) -> AgentAnswer:
    """One question to the agent of these settings."""
    return build(config).answer(AgentRequest(text=text, **request), deadline=deadline or Deadline(30))


def failure(config: AgentConfig, text: str = "hi", **request: Any) -> AgentError:
    """The error that one question ends in."""
    with pytest.raises(AgentError) as caught:
        ask(config, text, **request)
    return caught.value
