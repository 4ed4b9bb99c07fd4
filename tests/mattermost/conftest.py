"""Fixtures for the client's tests."""

from __future__ import annotations

import contextlib

import pytest

from mattermost_bridge.mattermost.rest import MattermostClient
from tests.mattermost.samples import TOKEN
from tests.mattermost.servers import Answer, ScriptedServer, scripted_server


@pytest.fixture
def serve():
    """Start a server with a script and return (client, server); everything is closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start(
            *script: Answer, timeout: tuple[float, float] = (5.0, 30.0)
        ) -> tuple[MattermostClient, ScriptedServer]:
            server = stack.enter_context(scripted_server(*script))
            client = MattermostClient(server.url, TOKEN, timeout=timeout)
            stack.callback(client.close)
            return client, server

        yield start
