"""An account on a real server, somebody to write to, and hints that run when a test says so."""

from __future__ import annotations

import pytest
from django.db import connection

from mattermost_bridge.mattermost import calls
from mattermost_bridge.services.messages import Target
from tests.bridge import make_account


@pytest.fixture(autouse=True)
def hints(hinted):
    """Hints run when a test says so."""
    return hinted


@pytest.fixture(autouse=True)
def no_call_waits_inside_a_transaction():
    """Every call to the server is looked at."""

    def look() -> None:
        assert not connection.in_atomic_block, "a call to Mattermost is made inside a transaction"

    calls.before_request.append(look)
    yield
    calls.before_request.remove(look)


@pytest.fixture
def account(sandbox):
    return make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )


@pytest.fixture
def carol(sandbox):
    return Target(user_id=sandbox.user_id("carol"), username="carol")
