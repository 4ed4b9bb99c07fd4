"""Who may see a record is told that it changed, at the moment of the change, and nobody else."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User

from mattermost_bridge.live.consumers import NO_RIGHTS, NONSENSE, NOT_SIGNED_IN
from mattermost_bridge.live.messages import KINDS
from mattermost_bridge.live.people import MODELS
from mattermost_bridge.models import PanelSession
from mattermost_bridge.services import audit
from mattermost_bridge.services.people import set_rights
from tests import factories
from tests.live.conftest import change, happens

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def viewer_of_pairings(db):
    """Somebody who may see pairing requests and nothing else."""
    user = User.objects.create_user("erin", password="erin-password-1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_pairingrequest"))
    return user


async def test_an_administrator_is_told_of_every_kind_with_keys_and_nothing_else(pages, alice, mine):
    page = await pages.open(alice)
    everything = [change(mine, kind, 7) for kind in KINDS]
    await happens(*everything)
    assert await page.hears() == {"type": "changed", "changes": everything}


async def test_changes_that_follow_at_once_come_as_one_message(pages, alice, mine):
    page = await pages.open(alice)
    await happens(change(mine, "event", 1))
    assert (await page.hears())["changes"] == [change(mine, "event", 1)]
    await happens(change(mine, "event", 2))
    await happens(change(mine, "event", 3), change(mine, "turn", 1))
    await happens(change(mine, "turn"))
    assert (await page.hears())["changes"] == [change(mine, "event", 2, 3), change(mine, "turn")]


async def test_an_operator_is_told_of_his_account_only(pages, bob, mine, other):
    page = await pages.open(bob)
    await happens(change(other, "pairing", 1))
    assert await page.hears_nothing()
    await happens(change(mine, "pairing", 2))
    assert (await page.hears())["changes"] == [change(mine, "pairing", 2)]


async def test_of_what_belongs_to_no_account_an_operator_hears_no_keys(pages, bob):
    page = await pages.open(bob)
    await happens(change(None, "agent", 4))
    assert (await page.hears())["changes"] == [change(None, "agent")]


async def test_an_account_that_is_added_is_heard_of_by_who_has_no_limit(pages, alice):
    page = await pages.open(alice)
    new = await sync_to_async(factories.AccountFactory)()
    await happens(change(None, "overview"))
    await page.hears()
    await happens(change(new, "connection", new.pk))
    assert (await page.hears())["changes"] == [change(new, "connection", new.pk)]


async def test_kinds_that_somebody_may_not_see_are_left_out(pages, viewer_of_pairings, mine):
    page = await pages.open(viewer_of_pairings)
    await happens(change(mine, "delivery", 1))
    assert await page.hears_nothing()
    await happens(change(mine, "delivery", 1), change(mine, "pairing", 2))
    assert (await page.hears())["changes"] == [change(mine, "pairing", 2)]


def test_every_kind_has_its_models():
    assert set(MODELS) == set(KINDS)


async def test_charlie_gets_nothing(pages, charlie, mine):
    page = await pages.open(charlie)
    assert await page.closed_with() == NO_RIGHTS
    await happens(change(mine, "pairing", 1))
    assert await page.receive_nothing()


async def test_somebody_who_is_not_on_the_staff_gets_nothing(pages, mine):
    user = await sync_to_async(User.objects.create_user)("frank", is_superuser=True)
    assert await (await pages.open(user)).closed_with() == NOT_SIGNED_IN


async def test_nobody_gets_nothing(pages, mine):
    page = await pages.open()
    assert await page.closed_with() == NOT_SIGNED_IN


async def _by_role(user, mine):
    await sync_to_async(set_rights)(user.pk, actor=audit.SYSTEM, role="", limited=False, accounts=[])


async def _by_grant(user, mine):
    await sync_to_async(set_rights)(user.pk, actor=audit.SYSTEM, role="operator", limited=True, accounts=[])


@pytest.mark.parametrize("strip", [_by_role, _by_grant])
async def test_rights_that_are_taken_away_while_a_page_is_open_count_at_the_next_message(pages, bob, mine, strip):
    page = await pages.open(bob)
    await strip(bob, mine)
    await happens(change(mine, "pairing", 1))
    assert await page.closed_with() == NO_RIGHTS


async def test_who_was_given_another_account_is_told_of_that_one(pages, bob, mine, other):
    page = await pages.open(bob)
    await sync_to_async(set_rights)(bob.pk, actor=audit.SYSTEM, role="operator", limited=True, accounts=[other.pk])
    await happens(change(mine, "pairing", 1))
    assert await page.hears_nothing()
    await happens(change(other, "pairing", 2))
    assert (await page.hears())["changes"] == [change(other, "pairing", 2)]


async def _signed_out(user):
    await PanelSession.objects.filter(user_id=user.pk).adelete()


async def _deactivated(user):
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)


async def _given_a_new_password(user):
    def change_it():
        user.set_password("another-password-1")
        user.save()

    await sync_to_async(change_it)()


async def _removed(user):
    await sync_to_async(user.delete)()


@pytest.mark.parametrize("end", [_signed_out, _deactivated, _given_a_new_password, _removed])
@pytest.mark.parametrize("by", ["a message", "a ping"])
async def test_a_session_that_has_ended_hears_nothing_more(pages, alice, mine, end, by):
    page = await pages.open(alice)
    await end(alice)
    if by == "a ping":
        await page.says('{"type": "ping"}')
    else:
        await happens(change(mine, "pairing", 1))
    assert await page.closed_with() == NOT_SIGNED_IN


@pytest.mark.parametrize("origin", ["http://localhost:18790", "https://localhost", "http://evil.example", "null", None])
async def test_a_page_of_another_origin_is_refused(pages, alice, origin):
    page = await pages.open(alice, origin=origin)
    assert not page.accepted


async def test_a_trusted_origin_is_let_in(pages, alice, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://durar.example.com"]
    assert (await pages.open(alice, origin="https://durar.example.com")).accepted


async def test_another_address_is_refused(pages, alice):
    assert not (await pages.open(alice, path="/ws/other/")).accepted


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"type": "subscribe"}'])
async def test_a_page_that_says_anything_but_ping_is_closed(pages, alice, text):
    page = await pages.open(alice)
    await page.says(text)
    assert await page.closed_with() == NONSENSE
