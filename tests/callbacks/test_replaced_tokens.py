"""Buttons outlive the token that signed them, for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import ButtonSecret, InboundEvent
from mattermost_bridge.rules.signatures import button_secret
from mattermost_bridge.services import accounts, audit, button_secrets
from mattermost_bridge.tasks import upkeep
from tests.callbacks.conftest import click
from tests.sandbox.ears import Ear, post_in

YESTERDAY, LONG_AGO, TOO_LONG = timedelta(days=1), timedelta(days=31), timedelta(days=91)


@pytest.fixture
def replace(sandbox, account):
    """Give the account another token; it happened some time ago."""

    def make(ago: timedelta = timedelta(0), token: str = "") -> str:
        token = token or sandbox.issue_token("durar")
        accounts.set_token(account.pk, actor=audit.SYSTEM, token=token)
        ButtonSecret.objects.exclude(replaced_at=None).update(replaced_at=timezone.now() - ago)
        return token

    return make


def test_buttons_posted_before_the_token_was_replaced_yesterday_work(sandbox, offered, replace, hints):
    post = offered()
    replace(YESTERDAY)
    assert click(sandbox, post).status_code == 200
    assert InboundEvent.objects.get().post_id == post["id"]


def test_after_thirty_days_they_say_that_they_are_too_old(sandbox, offered, replace, hints):
    post = offered()
    replace(LONG_AGO)
    with Ear(sandbox, "alice") as alice:
        assert click(sandbox, post).status_code == 200
        note = post_in(alice.event("ephemeral_message"))
    assert note["message"] == "These buttons are too old to be used. Ask the bot again, and you get new ones."
    assert InboundEvent.objects.count() == 0
    assert sandbox.api("alice", "GET", f"/posts/{post['id']}")["props"] == post["props"]


def test_after_ninety_days_nobody_knows_them(sandbox, offered, replace):
    post = offered()
    replace(TOO_LONG)
    assert click(sandbox, post).status_code == 400
    assert button_secrets.forget_old() == 1
    assert not ButtonSecret.objects.exclude(replaced_at=None).exists()


def test_upkeep_forgets_what_nobody_knows(sandbox, offered, replace):
    offered()
    replace(TOO_LONG)
    upkeep.expire()
    assert not ButtonSecret.objects.exclude(replaced_at=None).exists()


def test_a_token_that_comes_back_signs_as_before(sandbox, offered, replace):
    first = sandbox.token("durar")
    post = offered()
    replace()
    replace(TOO_LONG, token=first)
    assert click(sandbox, post).status_code == 200
    assert ButtonSecret.objects.get(replaced_at=None).secret == button_secret(first)


def test_a_token_that_changed_in_the_environment_is_noticed(sandbox, account, offered, monkeypatch):
    monkeypatch.setenv("MATTERMOST_TEST_TOKEN", sandbox.token("durar"))
    accounts.set_token(account.pk, actor=audit.SYSTEM, token_ref="env:MATTERMOST_TEST_TOKEN")
    post, other = offered(), offered()
    monkeypatch.setenv("MATTERMOST_TEST_TOKEN", sandbox.issue_token("durar"))
    _forget()
    assert click(sandbox, post).status_code == 200
    assert ButtonSecret.objects.filter(replaced_at=None).count() == 1
    assert ButtonSecret.objects.exclude(replaced_at=None).count() == 1
    assert click(sandbox, other).status_code == 200


def _forget() -> None:
    from mattermost_bridge.config import effective

    effective.bump_version()
    effective.forget()


def test_secrets_are_encrypted_and_no_token_can_be_read_from_them(sandbox, offered, replace):
    from django.db import connection

    offered()
    replace()
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM mattermost_bridge_buttonsecret")
        stored = [row[0] for row in cursor.fetchall()]
    assert stored
    assert all(text.startswith("v1:") for text in stored)
    assert button_secret(sandbox.token("durar")) not in str(stored)
    assert sandbox.token("durar") not in {row.secret for row in ButtonSecret.objects.all()}


def test_one_secret_that_no_key_reads_does_not_stop_the_others(sandbox, account, offered):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO mattermost_bridge_buttonsecret (account_id, secret, replaced_at) VALUES (%s, %s, NULL)",
            [account.pk, "v1:broken"],
        )
    assert click(sandbox, offered()).status_code == 200
