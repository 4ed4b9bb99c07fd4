"""An account of the sandbox with its commands registered."""

from __future__ import annotations

import pytest

from mattermost_bridge.callbacks import commands
from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    Agent,
    Skill,
)
from tests.bridge import make_account
from tests.callbacks.slash.calls import PATH, register


@pytest.fixture
def url(web):
    return f"{web.base_url}{PATH}"


@pytest.fixture
def account(sandbox, url, hints, monkeypatch):
    """The sandbox's bot with an agent; Alice is on its lists; a quick view."""
    monkeypatch.setattr(commands, "WAIT_SECONDS", 0.3)
    agent = Agent.objects.create(slug="helper", name="Helper", backend="echo", model="small", base_url="http://m")
    account = make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar"),
        group_policy="allowlist", dm_policy="pairing", agent=agent, name="Operations", commands_native="on",
        commands_native_skills="on", commands_callback_url=url, interactions_callback_base_url=url.removesuffix(PATH),
    )  # fmt: skip
    for names in ("group", "dm"):
        AccessEntry.objects.create(account=account, list=names, value=sandbox.user_id("alice"))
    Account.objects.filter(pk=account.pk).update(own_allow_from=True, own_group_allow_from=True)
    effective.bump_version()
    return account


@pytest.fixture
def bot(sandbox, account, url):
    """The account with all built-in commands and a skill."""
    Skill.objects.create(name="summary", prompt="Sum up: {args}")
    register(sandbox, account, url, "status", "model", "models", "new", "help", "think", "reasoning", "verbose",
             "queue", "stop", "summary")  # fmt: skip
    return account
