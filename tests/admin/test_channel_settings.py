"""Channel settings in the panel: whether a mention is needed, here, everywhere, and what is inherited."""

from __future__ import annotations

import pytest

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, BridgeDefaults, GroupOverride
from mattermost_bridge.rules.types import GroupRule
from tests import factories

CHANNELS = "/mattermost_bridge/groupoverride/"
SUPPORT = "support".ljust(26, "x")


@pytest.fixture
def account(db):
    account = factories.AccountFactory(account_id="ops", base_url="http://127.0.0.1:9")
    factories.KnownChannelFactory(account=account, channel_id=SUPPORT, name="support", display_name="Support")
    return account


def text(response) -> str:
    return response.content.decode()


def form(account=None, **values):
    return {
        "account": account.pk if account else "",
        "channel_id": SUPPORT,
        "require_mention": "no",
        "note": "",
        **values,
    }


def test_a_channel_in_which_no_mention_is_needed(as_alice, alice, account):
    as_alice.post(f"{CHANNELS}add/", form(account, note="Asked for by the team"))
    override = GroupOverride.objects.get()
    assert (override.require_mention, override.channel_name, override.added_by) == (False, "Support", alice)
    assert settings_for(account.pk).policy.groups == (GroupRule(SUPPORT, require_mention=False),)
    page = text(as_alice.get(CHANNELS))
    for words in ("~Support", "No mention needed", "alice", "Asked for by the team", "ops"):
        assert words in page


def test_a_setting_of_the_defaults_for_every_other_channel(as_alice, account):
    as_alice.post(f"{CHANNELS}add/", form(channel_id="*", require_mention="no"))
    assert settings_for(account.pk).policy.groups == (GroupRule("*", require_mention=False),)
    page = text(as_alice.get(CHANNELS))
    assert "Every other channel (*)" in page
    assert "the defaults" in page


@pytest.mark.parametrize(
    ("of_all", "shown", "choice"),
    [
        (None, "left open: built-in", "Left open: yes (built-in)"),
        (False, "left open: as for every other channel", "Left open: no (every other channel)"),
    ],
)
def test_what_is_left_open_says_what_holds_and_from_where(as_alice, account, of_all, shown, choice):
    if of_all is not None:
        factories.GroupOverrideFactory(account=account, channel_id="*", channel_name="", require_mention=of_all)
    override = factories.GroupOverrideFactory(account=account, channel_id=SUPPORT, require_mention=None)
    assert shown in text(as_alice.get(f"{CHANNELS}?mention=open"))
    page = text(as_alice.get(f"{CHANNELS}{override.pk}/change/"))
    assert choice in page
    as_alice.post(f"{CHANNELS}{override.pk}/change/", form(require_mention="yes", channel_id="other"))
    override.refresh_from_db()
    assert (override.require_mention, override.channel_id) == (True, SUPPORT)
    as_alice.post(f"{CHANNELS}{override.pk}/change/", form(require_mention=""))
    override.refresh_from_db()
    assert override.require_mention is None


def test_the_same_channel_twice_is_refused_in_the_form(as_alice, account):
    as_alice.post(f"{CHANNELS}add/", form(account))
    assert "has a setting for this channel already" in text(as_alice.post(f"{CHANNELS}add/", form(account)))
    assert GroupOverride.objects.count() == 1


def test_a_channel_that_came_from_a_file_is_shown_by_its_name(as_alice, account):
    factories.GroupOverrideFactory(account=account, channel_id=SUPPORT, channel_name="")
    assert "~Support" in text(as_alice.get(CHANNELS))


def test_removing_asks_first(as_alice, account):
    override = factories.GroupOverrideFactory(account=account)
    assert "every other channel (*)" in text(as_alice.post(f"{CHANNELS}{override.pk}/do/remove/"))
    as_alice.post(f"{CHANNELS}{override.pk}/do/remove/", {"confirmed": "1"})
    assert not GroupOverride.objects.exists()


def test_settings_are_found_by_what_they_say(as_alice, account):
    factories.GroupOverrideFactory(account=account, channel_name="Loud", require_mention=False)
    factories.GroupOverrideFactory(account=account, channel_name="Quiet", require_mention=True)
    page = text(as_alice.get(f"{CHANNELS}?mention=no"))
    assert "~Loud" in page
    assert "~Quiet" not in page
    assert "~Quiet" in text(as_alice.get(f"{CHANNELS}?q=quiet"))


def test_an_account_gives_up_its_own_settings_only_when_that_is_confirmed(as_alice, account):
    from tests.admin.test_accounts import form as account_form

    Account.objects.update(own_groups=True)
    factories.GroupOverrideFactory(account=account)
    address = f"/mattermost_bridge/account/{account.pk}/change/"
    values = account_form(base_url=account.base_url)
    assert "those that are there (1) are removed" in text(as_alice.post(address, values))
    assert GroupOverride.objects.exists()
    as_alice.post(address, {**values, "confirm": "on"})
    assert not GroupOverride.objects.exists()
    assert not Account.objects.get().own_groups
    as_alice.post(address, {**values, "own_groups": "on"})
    assert Account.objects.get().own_groups


def test_the_defaults_have_the_same_switch(as_alice, account):
    BridgeDefaults.objects.update_or_create(pk=1)
    page = text(as_alice.get("/mattermost_bridge/bridgedefaults/1/change/"))
    assert 'name="own_groups"' in page


def test_a_channel_can_be_off_have_an_agent_and_instructions_of_its_own(as_alice, account):
    agent = factories.AgentFactory(slug="night", name="Night shift")
    rest = {"chatmode": "onmessage", "reply_to_mode": "all", "agent": agent.pk, "instructions": "Answer in French."}
    as_alice.post(f"{CHANNELS}add/", form(account, require_mention="", **rest))
    assert settings_for(account.pk).policy.groups == (
        GroupRule(SUPPORT, None, False, "onmessage", "all", "night", "Answer in French."),
    )
    page = text(as_alice.get(CHANNELS))
    for words in ("Agent: Night shift", "Extra instructions", "No mention needed"):
        assert words in page
    override = GroupOverride.objects.get()
    as_alice.post(f"{CHANNELS}{override.pk}/change/", form(require_mention="", off="on"))
    assert settings_for(account.pk).policy.groups == (GroupRule(SUPPORT, off=True),)
    assert "keeps silent" in text(as_alice.get(f"{CHANNELS}?mention=off"))


def test_what_is_left_open_follows_the_chat_mode(as_alice, account):
    override = factories.GroupOverrideFactory(account=account, channel_id=SUPPORT, require_mention=None)
    account.chatmode = "onmessage"
    account.save()
    assert "Left open: no (the account)" in text(as_alice.get(f"{CHANNELS}{override.pk}/change/"))
    assert "left open: the account" in text(as_alice.get(f"{CHANNELS}?mention=open"))
