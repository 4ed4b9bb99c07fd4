"""Few commands, and an account that may register them."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules import slash_registration as rules
from tests.services.slash.registered import an_account


@pytest.fixture(autouse=True)
def two_built_ins(monkeypatch):
    """Two of the built-in commands, so that each request can be spoiled in turn."""
    monkeypatch.setattr(rules, "BUILT_INS", rules.BUILT_INS[:2])


@pytest.fixture
def account(sandbox):
    sandbox.may_make_commands("durar")
    return an_account(sandbox)
