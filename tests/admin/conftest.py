"""Fixtures of the panel's tests: people who are signed in, and one record of each kind."""

from __future__ import annotations

from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from mattermost_bridge.admin import error_pages
from mattermost_bridge.models import (
    AccessGroup,
    AccessGroupMember,
    Binding,
    BridgeDefaults,
    GroupOverride,
    ScheduledMessage,
    SendKey,
    Skill,
)
from mattermost_bridge.services import tokens
from mattermost_bridge.services.probing import ConnectionTest
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"


def signed_in(user: User) -> Client:
    """A browser in which somebody is signed in."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture(autouse=True)
def _nobody_is_asking():
    cache.clear()


@pytest.fixture
def as_alice(alice):
    """Alice's browser."""
    return signed_in(alice)


@pytest.fixture
def as_charlie(charlie):
    """Charlie's browser."""
    return signed_in(charlie)


@pytest.fixture
def as_somebody_who(db):
    """Makes a browser of somebody with exactly these rights."""

    def make(*codenames: str) -> Client:
        user = User.objects.create_user(f"user-{User.objects.count()}", password="a-password-12", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        assert user.user_permissions.count() == len(codenames)
        return signed_in(user)

    return make


@pytest.fixture
def plain_errors(monkeypatch):
    """Pages that say no come without the panel's frame, which stands on every other page too: walks over hundreds of
    closed addresses take half the time. test_error_pages is about these pages as they are."""

    def page(_request, status, _title, sentence):
        return HttpResponse(sentence, status=status)

    monkeypatch.setattr(error_pages, "_page", page)


@pytest.fixture
def records(db):
    """One record of every kind that the panel shows, by model name."""
    return make_records("night shift")


def make_records(word: str) -> dict[str, Any]:
    """One record of every kind that the panel shows, by model name; those with an account belong to a new one.

    `word` tells names apart that are unique.
    """
    BridgeDefaults.objects.get_or_create(pk=1)
    account = factories.AccountFactory()
    conversation = factories.ConversationFactory(account=account)
    turn = factories.TurnFactory(conversation=conversation, agent=account.agent)
    guard = {"user_agent": word, "ip_address": "127.0.0.1", "username": "mallory", "http_accept": "x", "path_info": "/"}
    group = AccessGroup.objects.create(name=word)
    for position in (0, 2):  # so that the one between them can be moved up and down
        Binding.objects.create(account_id="*", position=position)
    notice = factories.AlertNoticeFactory(alert__account=account)
    return {
        "account": account,
        "agent": account.agent,
        "accessgroup": group,
        "accessgroupmember": AccessGroupMember.objects.create(group=group, user_id="m".ljust(26, "x")),
        "groupoverride": GroupOverride.objects.create(account=account, channel_id="c".ljust(26, "x")),
        "alert": notice.alert,
        "alertnotice": notice,
        "alerttarget": notice.target,
        "binding": Binding.objects.create(agent=account.agent, account_id=account.account_id, position=1),
        "bridgedefaults": BridgeDefaults.objects.get(pk=1),
        "pairingrequest": factories.PairingRequestFactory(account=account),
        "accessentry": factories.AccessEntryFactory(account=account),
        "blockeduser": factories.BlockedUserFactory(account=account),
        "conversation": conversation,
        "turn": turn,
        "inboundevent": factories.InboundEventFactory(account=account),
        "delivery": factories.DeliveryFactory(account=account),
        "scheduledmessage": ScheduledMessage.objects.create(
            account=account, to="@carol", user_id="u" * 26, text="Good morning"
        ),
        "sendkey": SendKey.objects.create(name=word, digest=word.ljust(64, "d"), hint="durar_abcde"),
        "skill": Skill.objects.create(name=word.replace(" ", "-"), prompt="Tell it: {args}"),
        "directchannel": factories.DirectChannelFactory(account=account),
        "connectionchange": factories.ConnectionChangeFactory(account=account),
        "auditentry": factories.AuditEntryFactory(account=account),
        "group": Group.objects.create(name=word),
        "user": User.objects.create_user(f"dora of {word}", password="dora-password-1"),
        "accessattempt": AccessAttempt.objects.create(failures_since_start=1, get_data="", post_data="", **guard),
        "accesslog": AccessLog.objects.create(**guard),
        "accessfailurelog": AccessFailureLog.objects.create(**guard),
    }


def everything() -> dict[str, list[Any]]:
    """Every row of Durar's own tables, who has which rights, and the second factors."""
    # Sessions, and what is counted at sign-in, come and go with whoever is signed in.
    models = [model for model in apps.get_models() if model._meta.app_label in ("mattermost_bridge", "auth", "mfa")]
    kept = [model for model in models if model._meta.model_name not in ("panelsession", "sharedvalue")]
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in kept}


@pytest.fixture
def tested(monkeypatch):
    """What a server says to a test of the connection; a test changes it, and sees with what it was asked."""

    class Server:
        answer = ConnectionTest(True, "newbot".ljust(26, "x"), "newbot", "New bot", ("Support",))
        asked: list[tuple[str, str, str]]

    server = Server()
    server.asked = []

    def ask(base_url: str, token: str, *, token_ref: str = "") -> ConnectionTest:
        from django.db import connection

        assert len(connection.savepoint_ids) == 0, "a server is never asked inside a transaction"
        server.asked.append((base_url, token, token_ref))
        return server.answer

    monkeypatch.setattr(tokens, "test_connection", ask)
    return server


def messages_of(response) -> list[str]:
    """What the panel told its user."""
    return [str(message) for message in response.context["messages"]]
