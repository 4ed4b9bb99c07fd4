"""Accounts are added, changed, switched and put away in the panel; their tokens go in and never come out."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import AccessEntry, Account, AuditEntry, BridgeDefaults, ListenerLease
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.services.probing import ConnectionTest
from tests import factories
from tests.admin.conftest import messages_of

LIST = "/mattermost_bridge/account/"
TOKEN = "newtokennewtokennewtoken26"


def form(**values: str) -> dict[str, str]:
    """What the browser posts for an account."""
    empty = dict.fromkeys(("name", "token", "token_ref", "agent", "dm_policy", "group_policy", "pairing_text"), "")
    return {"base_url": "https://chat.example.com", "text_chunk_limit": "", **empty, **values}


def change(account) -> str:
    return f"{LIST}{account.pk}/change/"


@pytest.fixture
def account(db):
    return factories.AccountFactory(account_id="ops", name="Operations", bot_username="opsbot")


def test_adding_an_account_asks_the_server_whose_token_it_is(as_alice, alice, tested):
    response = as_alice.post(f"{LIST}add/", form(account_id="ops", enabled="on", token=TOKEN), follow=True)
    account = Account.objects.get()
    assert (account.account_id, account.bot_username, account.bot_token) == ("ops", "newbot", TOKEN)
    assert tested.asked == [("https://chat.example.com", TOKEN, "")]
    assert ListenerLease.objects.filter(account=account).exists()
    assert AuditEntry.objects.get(verb="account.create").actor == alice
    assert TOKEN not in response.content.decode()


def test_an_account_whose_server_is_away_is_saved_with_a_warning(as_alice, tested):
    tested.answer = ConnectionTest(ok=False, problem="The server cannot be reached.")
    response = as_alice.post(f"{LIST}add/", form(account_id="ops", enabled="on", token=TOKEN), follow=True)
    assert Account.objects.get().account_id == "ops"
    assert "Saved, but the test failed: The server cannot be reached." in messages_of(response)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"account_id": "Ops Team!"}, "lower-case letter"),
        ({"base_url": "ftp://chat.example.com"}, "address"),
        ({"token": TOKEN, "token_ref": "env:MATTERMOST_TOKEN_OPS"}, "not both"),
        ({"token": "", "token_ref": "env:PATH"}, "is not allowed"),
        ({"dm_policy": "open"}, "requires"),
    ],
)
def test_what_cannot_be_saved_is_said_in_the_form_and_nothing_is_saved(as_alice, tested, values, sentence):
    response = as_alice.post(f"{LIST}add/", form(**{"account_id": "ops", "enabled": "on", "token": TOKEN, **values}))
    page = response.content.decode()
    assert response.status_code == 200
    assert sentence in page
    assert TOKEN not in page
    assert not Account.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("values", "sentence"), [({"pairing_text": "write to us"}, "lacks {code}"), ({"text_chunk_limit": "5"}, "50")]
)
def test_what_cannot_be_saved_is_said_in_the_settings_too(as_alice, account, tested, values, sentence):
    response = as_alice.post(change(account), form(name="Operations team", **values))
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert Account.objects.get().name != "Operations team"


def test_an_empty_token_field_leaves_the_token_as_it_is(as_alice, account, tested):
    before = account.bot_token
    as_alice.post(change(account), form(name="Operations team"))
    account = Account.objects.get()
    assert (account.name, account.bot_token) == ("Operations team", before)
    assert tested.asked == []


def test_the_page_says_since_when_there_is_a_token_and_not_which(as_alice, account):
    page = as_alice.get(change(account)).content.decode()
    assert "One is stored, set 12 days ago" in page
    assert account.bot_token not in page


def test_a_token_of_another_bot_asks_for_confirmation(as_alice, account, tested):
    response = as_alice.post(change(account), form(token=TOKEN))
    page = response.content.decode()
    assert "another bot" in page
    assert "@newbot instead of @opsbot" in page
    assert 'name="confirm"' in page
    assert TOKEN not in page
    assert Account.objects.get().bot_username == "opsbot"
    as_alice.post(change(account), form(token=TOKEN, confirm="on"))
    account = Account.objects.get()
    assert (account.bot_username, account.bot_token) == ("newbot", TOKEN)


def test_the_confirmation_is_not_asked_for_before_it_is_needed(as_alice, account):
    assert 'name="confirm"' not in as_alice.get(change(account)).content.decode()


def test_another_host_requires_the_token_again(as_alice, account, tested):
    response = as_alice.post(change(account), form(base_url="https://evil.example.com"))
    assert "Enter the bot token again" in response.content.decode()
    assert Account.objects.get().base_url == "https://chat.example.com"


def test_a_token_that_is_typed_replaces_the_reference(as_alice, account, tested):
    Account.objects.update(bot_token="", token_ref="env:MATTERMOST_TOKEN_OPS", bot_user_id="")
    as_alice.post(change(account), form(token=TOKEN, token_ref="env:MATTERMOST_TOKEN_OPS"))
    account = Account.objects.get()
    assert (account.bot_token, account.token_ref) == (TOKEN, "")


def test_each_field_shows_what_it_inherits_and_from_where(as_alice, account):
    BridgeDefaults.objects.create(pk=1, group_policy="open", text_chunk_limit=9000)
    page = as_alice.get(change(account)).content.decode()
    assert "Inherited: Pairing: strangers get a code (built-in)" in page
    assert "Inherited: Open: every member (the defaults)" in page
    assert "Empty: inherits 9000 (the defaults)." in page


def test_each_switch_of_an_own_list_says_what_would_be_inherited(as_alice, account):
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"own_allow_from": True, "own_groups": True})
    factories.AccessEntryFactory.create_batch(2, account=None, list="dm")
    fields = as_alice.get(f"{LIST}{account.pk}/change/").context["adminform"].form.fields
    assert "Inherited from the defaults: 2 entries." in fields["own_allow_from"].help_text
    assert "Nothing is inherited." in fields["own_group_allow_from"].help_text
    assert "Inherited from the defaults: 0 entries." in fields["own_groups"].help_text


def test_giving_up_the_own_list_asks_when_entries_would_be_removed(as_alice, account, tested):
    factories.AccessEntryFactory(account=account)
    Account.objects.update(own_allow_from=True)
    response = as_alice.post(change(account), form())
    assert "its entries (1) are removed" in response.content.decode()
    assert AccessEntry.objects.exists()
    as_alice.post(change(account), form(confirm="on"))
    assert not AccessEntry.objects.exists()
    assert not Account.objects.get().own_allow_from


def test_the_page_shows_state_reason_since_when_and_the_last_changes(as_alice, account):
    ListenerLease.objects.update(phase=ConnectionPhase.TOKEN_REFUSED, reason="The server refuses the token.")
    factories.ConnectionChangeFactory(account=account, reason="The socket was closed.")
    page = as_alice.get(f"{LIST}{account.pk}/overview/").content.decode()
    assert "Token refused" in page
    assert "The server refuses the token." in page
    assert "The socket was closed." in page
    assert "Make a new token for the bot in Mattermost" in page


def test_disabling_and_enabling(as_alice, account):
    as_alice.post(f"{LIST}{account.pk}/do/disable/")
    assert not Account.objects.get().enabled
    as_alice.post(f"{LIST}{account.pk}/do/enable/")
    assert Account.objects.get().enabled


def test_reconnecting_tells_whoever_listens(as_alice, account):
    as_alice.post(f"{LIST}{account.pk}/do/reconnect/")
    assert ListenerLease.objects.get().generation == 2
    assert AuditEntry.objects.get().verb == "account.reconnect"


def test_archiving_asks_first_and_restoring_brings_back(as_alice, account):
    asked = as_alice.post(f"{LIST}{account.pk}/do/archive/")
    assert "stops listening and answering" in asked.content.decode()
    assert not Account.objects.get().is_archived
    as_alice.post(f"{LIST}{account.pk}/do/archive/", {"confirmed": "1"})
    assert Account.objects.get().is_archived
    assert "Operations" not in as_alice.get(LIST).content.decode()
    assert "Operations" in as_alice.get(f"{LIST}?use=archived").content.decode()
    as_alice.post(f"{LIST}{account.pk}/do/restore/")
    assert not Account.objects.get().is_archived


def test_many_accounts_are_disabled_at_once_after_a_look_at_them(as_alice, account):
    other = factories.AccountFactory()
    chosen = {"action": "disable", "_selected_action": [account.pk, other.pk]}
    asked = as_alice.post(LIST, chosen).content.decode()
    for word in (str(account), str(other), "These 2:", "These bots stop listening and answering."):
        assert word in asked
    assert Account.objects.filter(enabled=True).count() == 2
    as_alice.post(LIST, {**chosen, "confirmed": "1"})
    assert not Account.objects.filter(enabled=True).exists()


def test_enabling_a_second_account_of_the_same_bot_is_refused_with_a_sentence(as_alice, account):
    twin = factories.AccountFactory(bot_user_id=account.bot_user_id, enabled=False)
    response = as_alice.post(f"{LIST}{twin.pk}/do/enable/", follow=True)
    assert "already uses the bot" in messages_of(response)[0]
    assert not Account.objects.get(pk=twin.pk).enabled


def test_a_connection_that_is_lost_is_found_by_its_filter(as_alice, account):
    down = factories.AccountFactory(name="Down one")
    ListenerLease.objects.filter(account=down).update(phase=ConnectionPhase.BACKING_OFF)
    page = as_alice.get(f"{LIST}?connection=trouble").content.decode()
    assert "Down one" in page
    assert "Operations" not in page


def test_a_token_that_no_key_reads_does_not_break_the_panel(as_alice, account):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE mattermost_bridge_account SET bot_token = 'v1:not-a-secret-of-this-key'")
    assert as_alice.get(LIST).status_code == 200
    assert as_alice.get(change(account)).status_code == 200
    response = as_alice.post(f"{LIST}{account.pk}/do/disable/", follow=True)
    assert "DURAR_ENCRYPTION_KEYS" in messages_of(response)[0]


def test_the_history_of_an_account_is_its_part_of_the_audit_log(as_alice, account):
    as_alice.post(f"{LIST}{account.pk}/do/disable/")
    page = as_alice.get(f"{LIST}{account.pk}/history/", follow=True).content.decode()
    assert "The account ops was disabled." in page
