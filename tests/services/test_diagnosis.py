"""Each broken set-up is named by its own finding, and what is well is called fine. The server is the sandbox."""

from __future__ import annotations

import socket
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    Account,
    BridgeDefaults,
    Conversation,
    Delivery,
    InboundEvent,
    ListenerLease,
    OutboxState,
    Tick,
)
from mattermost_bridge.models.states import ConnectionPhase, EventOutcome, EventState
from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.services import call_troubles, diagnosis
from tests.bridge import make_account, mattermost_id

pytestmark = pytest.mark.django_db

ADDRESS = "https://durar.example.com"


@pytest.fixture(autouse=True)
def _elsewhere(settings):
    settings.PUBLIC_URL = ADDRESS
    call_troubles.forget()


@pytest.fixture
def account(sandbox) -> Account:
    """An account that works, and a worker that listens for it."""
    made = make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )
    end = timezone.now() + timedelta(seconds=60)
    ListenerLease.objects.filter(pk=made.pk).update(holder="ears-1", expires_at=end, phase=ConnectionPhase.READY)
    return made


def change(account: Account, **values: Any) -> None:
    Account.objects.filter(pk=account.pk).update(**values)
    effective.bump_version()


def found(account: Account) -> dict[str, Finding]:
    said = diagnosis.of_account(account.pk)
    assert all(one.account == account.account_id and one.cause.endswith((".", ")")) for one in said), said
    assert all(one.remedy for one in said if one.level is not Level.FINE)
    return {one.id: one for one in said}


def broken(account: Account) -> set[str]:
    return {one.id for one in found(account).values() if one.level is Level.BROKEN}


def event(account: Account, number: int, **values: Any) -> None:
    values = {"state": EventState.DECIDED, "channel_type": "O", "outcome": EventOutcome.IGNORED} | values
    InboundEvent.objects.create(account=account, dedupe_key=f"event-{number}", **values)


def test_an_account_that_works_is_fine_in_every_respect(account):
    change(account, group_policy="disabled")
    said = found(account)
    assert {one.level for one in said.values()} == {Level.FINE}
    assert {
        *("settings.complete", "connection.works", "token.works", "teams.some", "membership.some", "websocket.works"),
        *("server.version", "permissions.enough", "clock.agrees", "limits.none", "buttons.address", "buttons.posts"),
    } <= said.keys()


# No replies in channels


def test_channels_where_somebody_mentions_the_bot(account):
    event(account, 1, reason="no_mention")
    assert "replies.not_mentioned" in found(account)
    event(account, 2, reason="admitted_mentioned", outcome=EventOutcome.ADMITTED)
    assert "replies.not_mentioned" not in found(account)


def test_one_reason_for_which_nobody_is_answered(account):
    for number in range(5):
        event(account, number, reason="dm_disabled", channel_type="D")
    assert "replies.one_reason" in found(account)


# Auth errors


def test_an_account_that_is_disabled_archived_or_off_with_all_others_is_not_asked_about(sandbox, account):
    change(account, enabled=False)
    assert found(account).keys() == {"account.disabled"}
    change(account, enabled=True, archived_at=timezone.now())
    assert found(account).keys() == {"account.archived"}
    change(account, archived_at=None)
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"enabled": False})
    effective.bump_version()
    assert found(account).keys() == {"settings.bridge_off"}
    assert sandbox.requests(path="/users/me") == []


def test_a_token_of_a_person(sandbox, account):
    change(account, bot_token=sandbox.token("alice"))
    assert "token.of_a_person" in broken(account)


# Several accounts


def test_the_environment_is_for_the_account_default_only(monkeypatch, sandbox):
    monkeypatch.setenv("MATTERMOST_BOT_TOKEN", sandbox.token("durar"))
    monkeypatch.setenv("MATTERMOST_URL", sandbox.base_url)
    other = make_account("alerts", bot_token="", base_url="")
    said = found(other)
    assert said["settings.incomplete"].level is Level.BROKEN
    assert "MATTERMOST_BOT_TOKEN and MATTERMOST_URL" in said["settings.environment"].cause
    assert "default only" in said["settings.environment"].cause
    default = make_account(bot_token="", base_url="", bot_user_id="")
    assert "settings.environment" not in found(default)


# The connection and the server


def test_a_websocket_that_a_proxy_does_not_pass_on(sandbox, account):
    sandbox.fault("answer", path="^/websocket$", status=400, times=None)
    said = found(account)
    assert said["websocket.broken"].level is Level.BROKEN
    assert "Upgrade" in said["websocket.broken"].remedy
    assert said["token.works"].level is Level.FINE


def test_a_connection_that_is_lost_says_why(account):
    ListenerLease.objects.filter(pk=account.pk).update(phase=ConnectionPhase.BACKING_OFF, reason="It was closed.")
    assert "It was closed." in found(account)["connection.lost"].cause
    ListenerLease.objects.filter(pk=account.pk).update(phase=ConnectionPhase.READY, holder="")
    assert "connection.lost" in broken(account)


def test_an_outbox_that_is_parked(account):
    OutboxState.objects.filter(pk=account.pk).update(parked_since=timezone.now(), parked_reason="No token.")
    assert "outbox.parked" in broken(account)


def test_a_server_that_is_too_old_or_whose_clock_differs(sandbox, account):
    sandbox.settings(clock_offset_ms=-90_000)
    sandbox.fault("answer", path="^/config/client$", status=200, body={"Version": "5.20.1"})
    said = found(account)
    assert "5.20.1" in said["server.old"].cause
    assert "90 s behind" in said["clock.differs"].cause or "89 s behind" in said["clock.differs"].cause


def test_a_limiter_that_is_nearly_used_up(sandbox, account):
    sandbox.rate_limit(per_second=0.1, burst=8)
    said = found(account)
    assert {"limits.reached", "server.rate_limited"} & said.keys()
    sandbox.rate_limit(per_second=100, burst=200)
    assert "of 201 are left" in found(account)["limits.enough"].cause


def test_permissions_that_are_missing(sandbox, account):
    role = {"name": "channel_user", "permissions": ["read_channel", "create_direct_channel"]}
    sandbox.fault("answer", path="^/roles/names$", status=200, body=[role])
    said = found(account)["permissions.missing"]
    assert said.level is Level.BROKEN
    assert "post (create_post)" in said.cause


def test_what_the_server_does_not_say_is_said_and_hides_nothing_else(sandbox, account):
    sandbox.fault("answer", path="^/users/me/teams$", status=500, error_id="store.x", times=None)
    said = found(account)
    assert "could not read the bot's teams" in said["server.unknown"].cause
    assert said["websocket.works"].level is Level.FINE


def test_settings_that_cannot_work_are_named(account):
    change(account, agent=None)
    assert "settings.no_agent" in broken(account)


# Buttons


def test_a_callback_that_mattermost_cannot_reach(settings, monkeypatch, account, sandbox):
    settings.PUBLIC_URL = ""
    look_up = socket.getaddrinfo

    def found_here(host, *args, **kwargs):
        return look_up("127.0.0.1" if host == "chat.example.com" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", found_here)
    elsewhere = sandbox.base_url.replace("127.0.0.1", "chat.example.com")
    change(account, base_url=elsewhere, capabilities=["inlineButtons"])
    said = found(account)["buttons.unreachable"]
    assert said.level is Level.BROKEN
    assert "can only reach when it runs on the same machine" in said.cause
    assert "interactions.callbackBaseUrl" in said.remedy


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ({"AllowedUntrustedInternalConnections": ""}, "buttons.not_allowed"),
        ({"AllowedUntrustedInternalConnections": "http://127.0.0.1:1 10.0.0.0/8"}, "buttons.allowed_urls"),
        ({"AllowedUntrustedInternalConnections": "127.0.0.0/8"}, "buttons.allowed"),
        ({"AllowedUntrustedInternalConnections": "127.0.0.1 localhost"}, "buttons.allowed"),
    ],
)
def test_clicks_that_do_nothing(settings, sandbox, account, service, code):
    settings.PUBLIC_URL = "http://127.0.0.1:18789"
    sandbox.fault("answer", path="^/config$", status=200, body={"ServiceSettings": service})
    assert code in found(account)


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ({"id": "yes", "name": ""}, "buttons.white_boxes"),
        ({"id": "a.b", "name": "Yes"}, "buttons.bad_id"),
    ],
)
def test_malformed_buttons_in_posts_of_the_bot(sandbox, account, action, code):
    full = {"type": "button", "integration": {"url": f"{ADDRESS}/mattermost/interactions/default"}} | action
    props = {"attachments": [{"text": "Choose", "actions": [full]}]}
    sandbox.post("alice", "support", "not the bot's", props=props)
    assert code not in found(account)
    sandbox.post("durar", "support", "Choose", props=props)
    assert found(account)[code].level is Level.WARNING


@pytest.mark.parametrize("trouble", list(ClickTrouble))
def test_troubles_with_clicks_are_remembered_for_a_day(account, trouble):
    call_troubles.note(account.pk, trouble)
    codes = {"INVALID_TOKEN": "invalid_token", "MISSING_TOKEN": "missing_token", "RAW_ID": "raw_id"}
    said = found(account)[f"buttons.{codes[trouble.name]}"]
    assert "Last seen 20" in said.cause
    assert call_troubles.recent(account.pk + 1, ClickTrouble) == {}


def test_an_agent_that_does_not_know_of_buttons(account):
    assert '"inlineButtons"' in found(account)["buttons.not_told"].remedy
    change(account, capabilities=["inlineButtons"])
    assert "buttons.told" in found(account)


# The installation


def of_installation() -> dict[str, Finding]:
    return {one.id: one for one in diagnosis.of_installation()}


def test_parts_that_are_not_well(settings, account):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    ListenerLease.objects.filter(pk=account.pk).update(holder="")
    Tick.objects.update_or_create(name="sweep", defaults={"at": timezone.now() - timedelta(seconds=90)})
    InboundEvent.objects.create(account=account, dedupe_key="old", state=EventState.NEW)
    InboundEvent.objects.update(received_at=timezone.now() - timedelta(seconds=120))
    said = of_installation()
    assert {"broker.broken", "leases.broken", "scheduler.broken", "events.broken"} <= said.keys()
    assert said["database.works"].level is Level.FINE


def test_a_post_that_nobody_sends(account):
    row = Delivery.objects.create(account=account, channel_id=mattermost_id("c"), text="hello", mark="m1")
    assert of_installation()["outbox.works"].level is Level.FINE
    Delivery.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    assert "waited 9" in of_installation()["outbox.late"].cause


def test_a_message_that_nobody_answers(account):
    conversation = Conversation.objects.create(account=account, session_key="k")
    row = InboundEvent.objects.create(
        account=account, dedupe_key="k", state=EventState.DECIDED, outcome=EventOutcome.ADMITTED,
        conversation=conversation, decided_at=timezone.now(),
    )  # fmt: skip
    assert of_installation()["turns.work"].level is Level.FINE
    InboundEvent.objects.filter(pk=row.pk).update(decided_at=timezone.now() - timedelta(seconds=90))
    assert "waited 9" in of_installation()["turns.late"].cause
    Conversation.objects.update(lease_until=timezone.now() + timedelta(seconds=60))
    assert "turns.late" not in of_installation()


def test_secrets_that_no_key_reads(settings, account):
    assert of_installation()["keys.work"].level is Level.FINE
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    said = of_installation()["keys.unreadable"]
    assert said.level is Level.BROKEN
    assert "1 in account.bot_token" in said.cause


@pytest.mark.parametrize(("free", "level"), [(50, Level.BROKEN), (500, Level.WARNING), (5000, Level.FINE)])
def test_a_disk_that_is_nearly_full(monkeypatch, free, level):
    usage = SimpleNamespace(free=free * 2**20, total=10_000 * 2**20)
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda path: usage)
    said = of_installation()
    assert (said.get("disk.state") or said["disk.state_full"]).level is level


def test_mistakes_of_the_configuration_are_named_by_their_check(settings):
    settings.PUBLIC_URL = "http://durar.example.com"
    assert of_installation()["check.W002"].level is Level.WARNING
