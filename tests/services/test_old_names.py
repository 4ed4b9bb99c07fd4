"""Names that are older than a day are asked for again, some at a time, and lists show them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroup,
    AccessGroupMember,
    BlockedUser,
    GroupOverride,
    KnownChannel,
    KnownPerson,
    ListenerLease,
    Tick,
)
from mattermost_bridge.services import old_names
from mattermost_bridge.tasks import upkeep
from tests.bridge import make_account

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=2)


@pytest.fixture(autouse=True)
def _no_client_stays():
    yield
    close_clients()


@pytest.fixture
def account(sandbox):
    return connected(sandbox)


def connected(sandbox, name: str = "default", bot: str = "durar"):
    made = make_account(name, base_url=sandbox.base_url, bot_token=sandbox.token(bot), bot_user_id=sandbox.user_id(bot))
    ListenerLease.objects.filter(account=made).update(phase="ready", holder="us")
    return made


def know(account, user_id: str, username: str, age: timedelta = LONG_AGO) -> KnownPerson:
    """A person who is known by this name since then."""
    person = KnownPerson.objects.create(account=account, user_id=user_id, username=username)
    KnownPerson.objects.filter(pk=person.pk).update(fetched_at=timezone.now() - age)
    return person


def now_called(record) -> str:
    record.refresh_from_db()
    return str(record)


def test_somebody_who_was_renamed_has_the_new_name_on_every_list(account, sandbox):
    carol = sandbox.user_id("carol")
    person = know(account, carol, "carol.before")
    group = AccessGroup.objects.create(name="on call")
    rows = [
        person,
        AccessEntry.objects.create(account=account, list="dm", value=carol, username="carol.before"),
        AccessEntry.objects.create(account=None, list="group", value=carol, username="carol.before"),
        BlockedUser.objects.create(account=account, user_id=carol, username="carol.before"),
        AccessGroupMember.objects.create(group=group, user_id=carol, username="carol.before"),
    ]
    elsewhere = AccessEntry.objects.create(
        account=make_account("other", bot_user_id="o" * 26), list="dm", value=carol, username="carol.there"
    )
    assert "1 account(s)" in upkeep.refresh_names()
    assert [now_called(row) for row in rows] == ["@carol"] * 5
    assert now_called(elsewhere) == "@carol.there"
    assert timezone.now() - person.fetched_at < timedelta(hours=1)


def test_a_channel_that_was_renamed_has_the_new_name_in_its_setting(account, sandbox):
    support = sandbox.channel_id("support")
    known = KnownChannel.objects.create(account=account, channel_id=support, type="O", name="help")
    setting = GroupOverride.objects.create(account=account, channel_id=support, channel_name="Help")
    KnownChannel.objects.update(fetched_at=timezone.now() - LONG_AGO)
    assert old_names.refresh_old_names() == 1
    assert (now_called(known), now_called(setting)) == ("Support", "~Support")


def test_young_names_are_left_alone_and_so_are_accounts_that_are_not_connected(account, sandbox):
    know(account, sandbox.user_id("carol"), "carol", age=timedelta(hours=5))
    away = connected(sandbox, "away", "helper")
    ListenerLease.objects.filter(account=away).update(phase="token_refused")
    know(away, sandbox.user_id("dave"), "dave")
    sandbox.control("DELETE", "requests")
    assert old_names.refresh_old_names() == 0
    assert sandbox.requests(path="users") == []


def test_who_does_not_exist_any_more_keeps_their_name_and_is_not_asked_for_again_and_again(account, sandbox):
    gone, channel = know(account, "g" * 26, "gone"), KnownChannel(account=account, channel_id="c" * 26, type="O")
    channel.name = "closed"
    channel.save()
    KnownChannel.objects.update(fetched_at=timezone.now() - LONG_AGO)
    assert old_names.refresh_old_names() == 1
    assert (now_called(gone), now_called(channel)) == ("@gone", "closed")
    Tick.objects.all().delete()
    assert old_names.refresh_old_names() == 0


def test_a_round_asks_for_some_names_only_the_oldest_first(account, sandbox, monkeypatch):
    monkeypatch.setattr(old_names, "MOST_PEOPLE", 1)
    older = know(account, sandbox.user_id("carol"), "c", age=timedelta(days=9))
    younger = know(account, sandbox.user_id("dave"), "d")
    old_names.refresh_old_names()
    assert (now_called(older), now_called(younger)) == ("@carol", "@d")
    assert old_names.refresh_old_names() == 0, "a round was done a moment ago"
    Tick.objects.all().delete()
    old_names.refresh_old_names()
    assert now_called(younger) == "@dave"


def test_a_server_in_trouble_keeps_no_other_account_from_its_turn(account, sandbox):
    know(account, sandbox.user_id("carol"), "c", age=timedelta(days=9))
    other = connected(sandbox, "other", "helper")
    dave = know(other, sandbox.user_id("dave"), "d")
    sandbox.fault("answer", path="users/ids", who="durar", times=9, status=503)
    assert old_names.refresh_old_names() == 1
    assert now_called(dave) == "@dave"
