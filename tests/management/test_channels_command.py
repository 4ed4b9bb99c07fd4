"""`Durar channels list` and `status`: what the accounts are, where each stands, and what its server says."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mattermost_bridge.models import Account, Agent, ListenerLease
from mattermost_bridge.models.states import ConnectionPhase
from tests.bridge import make_account

pytestmark = pytest.mark.django_db


def channels(*words: str) -> str:
    out = StringIO()
    try:
        call_command("channels", *words, stdout=out)
    finally:
        channels.said = out.getvalue()
    return channels.said


@pytest.fixture
def account(sandbox) -> Account:
    made = make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )
    end = timezone.now() + timedelta(seconds=60)
    ListenerLease.objects.filter(pk=made.pk).update(holder="ears-1", expires_at=end, phase=ConnectionPhase.READY)
    return made


def test_no_accounts_is_said_with_what_to_do():
    assert "Durar config import FILE" in channels("list")
    assert "There are no accounts yet" in channels("status")
    assert json.loads(channels("list", "--json")) == []


def test_every_account_is_listed_and_no_token_is_shown(account, sandbox, monkeypatch):
    make_account("by-reference", bot_token="", token_ref="env:MATTERMOST_OPS", bot_user_id="r" * 26)
    make_account("empty", bot_token="", base_url="", enabled=False, bot_user_id="")
    make_account("gone", archived_at=timezone.now(), bot_user_id="g" * 26)
    rows = {row["account"]: row for row in json.loads(channels("list", "--json"))}
    assert set(rows) == {"by-reference", "default", "empty"}
    assert rows["default"] == {
        "account": "default",
        "name": "",
        "enabled": True,
        "configured": True,
        "base_url": sandbox.base_url,
        "token": "stored",
        "bot": "durar",
        "agent": Agent.objects.get().slug,
        "problem": "",
    }
    assert rows["by-reference"]["token"] == "env:MATTERMOST_OPS"
    assert "MATTERMOST_OPS" in rows["by-reference"]["problem"]
    assert (rows["empty"]["token"], rows["empty"]["enabled"]) == ("none", False)
    assert sandbox.token("durar") not in channels("list")
    assert "\nempty: " in channels.said


def test_the_default_account_may_have_its_token_from_the_environment(monkeypatch):
    monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "t" * 26)
    make_account(bot_token="")
    (row,) = json.loads(channels("list", "--json"))
    assert row["token"] == "environment"


def test_where_each_account_stands(account):
    lost = make_account("lost", bot_user_id="l" * 26)
    ListenerLease.objects.filter(pk=lost.pk).update(phase=ConnectionPhase.READY, holder="")
    make_account("off", enabled=False, bot_user_id="o" * 26)
    rows = {row["account"]: row for row in json.loads(channels("status", "--json"))}
    assert {name: (row["state"], row["connected"]) for name, row in rows.items()} == {
        "default": ("ready", True),
        "lost": ("stopped", False),
        "off": ("disabled", False),
    }
    assert "no other one took over" in rows["lost"]["reason"]
    assert all(row["probe"] is None for row in rows.values())
    said = channels("status", "--account", "lost")
    assert "lost: The worker that listened is gone" in said
    assert "default" not in said
    with pytest.raises(CommandError, match="There is no account nobody"):
        channels("status", "--account", "nobody")


def test_a_probe_asks_the_server(account, sandbox):
    assert "default: the server takes the token: @durar, in Sandbox." in channels("status", "--probe")
    make_account("off", enabled=False, bot_user_id="o" * 26)
    sandbox.revoke("durar")
    with pytest.raises(CommandError, match="The probe failed: default") as ended:
        channels("status", "--probe", "--json")
    assert ended.value.returncode == 1
    rows = {row["account"]: row for row in json.loads(channels.said)}
    assert rows["default"]["probe"]["ok"] is False
    assert "refuses the bot token" in rows["default"]["probe"]["problem"]
    assert rows["off"]["probe"] is None
