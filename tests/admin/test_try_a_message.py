"""*Try a message* shows what would become of a message that nobody sends, under settings that hold or are tried out."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, AccountGrant, BridgeDefaults, StaffProfile
from mattermost_bridge.models.states import EventKind
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import directory
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.known_names import Person
from tests import factories
from tests.admin.conftest import everything, signed_in

CAROL = "carol".ljust(26, "u")
SUPPORT = "support".ljust(26, "x")


@pytest.fixture
def account(db):
    account = factories.AccountFactory(account_id="ops", bot_username="durar")
    factories.KnownChannelFactory(account=account, channel_id=SUPPORT, type="O", display_name="Support")
    factories.KnownPersonFactory(account=account, user_id=CAROL, username="carol")
    return account


@pytest.fixture
def as_viewer(people):
    return signed_in(people("vera", "viewer"))


def address(account, rest="") -> str:
    return f"/mattermost_bridge/account/{account.pk}/rehearse/{rest}"


def tried(browser, account, **values) -> str:
    """What the page says to a message; settings that are not named are sent as the page shows them."""
    form = browser.get(address(account)).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    given = {"person": CAROL, "channel": "", "text": "hello", "thread": "", **values}
    sent = {name: value for name, value in {**shown, **given}.items() if value not in (None, False)}
    return browser.post(address(account), sent).content.decode()


def test_what_would_become_of_it_is_shown_with_every_check(as_alice, account):
    page = tried(as_alice, account)
    assert Reason.PAIRING_REQUIRED.sentence in page
    assert "pairing requests that wait" in page
    assert "@carol" in page
    assert "Tried out, not saved" not in page
    page = tried(as_alice, account, channel=SUPPORT)
    assert Reason.GROUP_LIST_EMPTY.label in page
    assert f"/mattermost_bridge/accessentry/add/?account={account.pk}&amp;list=dm&amp;value={CAROL}" in page


#: What is tried out, where, and what comes of it.
OTHER_SETTINGS = [
    ({"dm_policy": "disabled"}, "", Reason.DM_DISABLED),
    ({"dm_policy": "allowlist"}, "", Reason.DM_NOT_LISTED),
    ({"dm_policy": "allowlist", "on_dm_list": "person"}, "", Reason.ADMITTED_DM_LISTED),
    ({"dm_policy": "open", "on_dm_list": "everybody"}, "", Reason.ADMITTED_DM_OPEN),
    ({"paired": "true"}, "", Reason.ADMITTED_DM_PAIRED),
    ({"group_policy": "open"}, SUPPORT, Reason.NO_MENTION),
    ({"group_policy": "open", "chatmode": "onmessage"}, SUPPORT, Reason.ADMITTED_UNMENTIONED),
    ({"group_policy": "open", "chatmode": "onchar"}, SUPPORT, Reason.NOT_TRIGGERED),
    ({"group_policy": "open", "chatmode": "onchar", "onchar_prefixes": "hel"}, SUPPORT, Reason.ADMITTED_PREFIX),
    ({"group_policy": "open", "require_mention": "false"}, SUPPORT, Reason.ADMITTED_UNMENTIONED),
    ({"group_policy": "open", "mention_patterns": r"\bhello\b"}, SUPPORT, Reason.ADMITTED_MENTIONED),
    ({"on_group_list": "person", "here_chatmode": "onmessage"}, SUPPORT, Reason.ADMITTED_UNMENTIONED),
    ({"on_group_list": "empty"}, SUPPORT, Reason.GROUP_LIST_EMPTY),
    ({"here_off": "true"}, SUPPORT, Reason.CHANNEL_OFF),
]


def test_settings_are_tried_out_and_not_saved(as_alice, account):
    BridgeDefaults.objects.get_or_create(pk=1)
    before = everything()
    for settings, channel, reason in OTHER_SETTINGS:
        page = tried(as_alice, account, channel=channel, **settings)
        assert f"<strong>{reason.label}</strong>" in page, f"{settings} did not lead to {reason.label}"
        assert "Tried out, not saved" in page
    assert everything() == before


def test_the_check_of_a_setting_that_is_tried_out_says_so(as_alice, account):
    assert "from what is tried out" in tried(as_alice, account, dm_policy="disabled")
    page = tried(as_alice, account)
    assert "from the built-in value" in page
    assert "from what is tried out" not in page


def test_nothing_is_kept_and_nobody_is_written_to(as_viewer, account):
    BridgeDefaults.objects.get_or_create(pk=1)
    before = everything()
    assert Reason.PAIRING_REQUIRED.sentence in tried(as_viewer, account)
    assert everything() == before


def test_where_an_answer_would_stand_is_shown(as_alice, account):
    settings = {"group_policy": "open", "channel": SUPPORT, "text": "@durar hello"}
    page = tried(as_alice, account, **settings)
    assert "no thread" in page
    assert f"agent:main:mattermost:ops:channel:{SUPPORT}" in page
    page = tried(as_alice, account, reply_to_mode="all", **settings)
    assert "a thread under the post" in page
    page = tried(as_alice, account, reply_to_mode_channel="first", **settings)
    assert "a thread under the post" in page
    page = tried(as_alice, account, thread="r" * 26, **settings)
    assert f":thread:{'r' * 26}" in page


def test_a_reply_mode_for_one_kind_of_channel_says_where_it_is_set(as_alice, account):
    Account.objects.filter(pk=account.pk).update(reply_to_mode_channel="first", group_policy="open")
    effective.bump_version()
    page = tried(as_alice, account, channel=SUPPORT, text="@durar hello")
    row = page.split('<span class="du-trail-name">answered in<')[1].split("</li>")[0]
    assert "a thread under the post" in row
    assert "from the account&#x27;s settings" in row


def test_the_settings_that_hold_are_shown(as_alice, account):
    Account.objects.filter(pk=account.pk).update(
        dm_policy="disabled", chatmode="onchar", onchar_prefixes=["?"], implicit_thread=False, reply_to_mode_group="all"
    )
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"mention_patterns": [], "require_mention": False})
    effective.bump_version()
    form = as_alice.get(address(account)).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    assert shown["dm_policy"] == "disabled"
    assert shown["onchar_prefixes"] == "?"
    assert shown["mention_patterns"] == "(none)"
    assert (shown["implicit_thread"], shown["require_mention"], shown["name_matching"]) == ("false", "false", "false")
    assert (shown["reply_to_mode_group"], shown["reply_to_mode_direct"]) == ("all", "")
    assert Reason.DM_DISABLED.sentence in tried(as_alice, account)


def test_a_setting_that_cannot_be_is_said_at_its_field(as_alice, account):
    page = tried(as_alice, account, mention_patterns="(")
    assert "du-trail" not in page
    assert "errorlist" in page or "errors" in page
    assert "<details" in page
    page = tried(as_alice, account, thread="no id")
    assert "has 26 letters and digits" in page


def test_a_message_is_tried_again_from_its_event(as_alice, account):
    event = factories.InboundEventFactory(
        account=account, user_id=CAROL, channel_id=SUPPORT, channel_type="O", text="what I wrote", root_id="r" * 26
    )
    page = as_alice.get(f"/mattermost_bridge/inboundevent/{event.pk}/change/").content.decode()
    assert f'href="{address(account)}?event={event.pk}">Try this again' in page
    form = as_alice.get(f"{address(account)}?event={event.pk}").context["form"]
    shown = [form[name].value() for name in ("person", "channel", "text", "thread")]
    assert shown == [CAROL, SUPPORT, "what I wrote", "r" * 26]


def test_a_direct_message_is_tried_again_as_one_and_a_reaction_is_not_tried(as_alice, account):
    event = factories.InboundEventFactory(account=account, user_id=CAROL)
    assert as_alice.get(f"{address(account)}?event={event.pk}").context["form"]["channel"].value() == ""
    reaction = factories.InboundEventFactory(account=account, kind=EventKind.REACTION)
    page = as_alice.get(f"/mattermost_bridge/inboundevent/{reaction.pk}/change/").content.decode()
    assert "Try this again" not in page


def test_an_event_of_another_account_gives_nothing(as_alice, account):
    event = factories.InboundEventFactory(text="of others")
    assert as_alice.get(f"{address(account)}?event={event.pk}").status_code == 404


def test_people_and_channels_are_found_by_name(as_viewer, account, monkeypatch):
    found = directory.Found(people=(Person(CAROL, "carol", "Carol C."),), server="chat.example.com")
    monkeypatch.setattr(directory, "search_people", lambda _pk, _query: found)
    answer = as_viewer.get(address(account, "find-people/"), {"q": "car"}).json()
    assert answer["found"] == [{"id": CAROL, "label": "@carol", "detail": "Carol C."}]
    assert as_viewer.get(address(account, "find-channels/"), {"q": ""}).json()["found"] == []


def test_a_name_that_nobody_has_is_said(as_alice, account, monkeypatch):
    def nobody(_pk, name):
        raise Refused(f"Nobody is called {name}.")

    monkeypatch.setattr(directory, "resolve_username", nobody)
    assert "Nobody is called ghost." in tried(as_alice, account, person="ghost")


def test_the_page_leads_to_another_account(as_alice, account):
    other = factories.AccountFactory(account_id="shop")
    assert as_alice.get("/mattermost_bridge/account/rehearse/", {"account": other.pk})["Location"] == address(other)
    assert as_alice.get("/mattermost_bridge/account/rehearse/")["Location"] == address(account)
    page = as_alice.get(address(account)).content.decode()
    assert "Try this account" in page
    assert address(account) in as_alice.get(f"/mattermost_bridge/account/{account.pk}/overview/").content.decode()


def test_who_is_limited_tries_only_his_accounts(people, account):
    other = factories.AccountFactory()
    bob = people("bobby", "operator")
    StaffProfile.objects.update_or_create(user=bob, defaults={"limited": True})
    AccountGrant.objects.create(user=bob, account=account)
    browser = signed_in(bob)
    assert Reason.PAIRING_REQUIRED.sentence in tried(browser, account)
    for method in (browser.get, browser.post):
        for rest in ("", "find-people/", "find-channels/"):
            assert method(address(other, rest), {"person": CAROL}).status_code in (403, 404, 405)
    where = {"account": other.pk}
    assert browser.get("/mattermost_bridge/account/rehearse/", where)["Location"] == "/mattermost_bridge/account/"
