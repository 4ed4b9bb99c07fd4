"""Adding an account in steps: before the next step one is told what is wrong, and what will not work."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mattermost_bridge.models import Account, AuditEntry, BridgeDefaults
from mattermost_bridge.services.probing import ConnectionTest
from tests import factories

ADD = "/mattermost_bridge/account/add/"
SERVER, TOKEN = "account_id name base_url", "token token_ref"
SECRET = "s" * 26


def asked(client, fields: str, **values) -> dict:
    """What the server says to a step with these fields."""
    sent = {"account_id": "desk", "base_url": "https://chat.example.com", "enabled": "on", **values}
    return client.post(f"{ADD}check/", {**sent, "du_fields": fields}).json()


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"account_id": ""}, "account_id", "required"),
        ({"account_id": "Front_Desk"}, "account_id", "lower-case letter"),
        ({"account_id": "taken"}, "account_id", "already. Choose another id."),
        ({"account_id": "old"}, "account_id", "Restore it, or choose another id."),
        ({"base_url": "chat.example.com"}, "base_url", "http"),
        ({"base_url": "ftp://chat.example.com"}, "base_url", "http"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(as_alice, values, field, sentence):
    factories.AccountFactory(account_id="taken")
    factories.AccountFactory(account_id="old", archived_at=timezone.now())
    assert sentence in " ".join(asked(as_alice, SERVER, **values)["errors"][field])


def test_a_step_that_is_right_has_nothing_to_say_and_saves_nothing(as_alice, tested):
    assert asked(as_alice, SERVER) == {"errors": {}, "notes": {}}
    assert asked(as_alice, TOKEN, token=SECRET) == {"errors": {}, "notes": {}}
    assert tested.asked == [("https://chat.example.com", SECRET, "")]
    assert not Account.objects.exists()


def test_no_address_is_pointed_out_where_none_is_inherited(as_alice):
    assert "No address is inherited" in asked(as_alice, SERVER, base_url="")["notes"]["base_url"][0]
    BridgeDefaults.objects.create(pk=1, base_url="https://chat.example.com")
    assert asked(as_alice, SERVER, base_url="")["notes"] == {}


def test_a_token_that_does_not_work_is_pointed_out_without_showing_it(as_alice, tested):
    tested.answer = ConnectionTest(ok=False, problem="The server refuses the bot token.")
    said = asked(as_alice, TOKEN, token=SECRET)
    assert said["notes"] == {"token": ["The server refuses the bot token."]}
    assert SECRET not in str(said)
    assert "cannot connect" in asked(as_alice, TOKEN)["notes"]["token"][0]


def test_a_bot_that_another_account_uses_is_pointed_out(as_alice, tested):
    tested.answer = ConnectionTest(ok=True, bot_user_id="b" * 26, bot_username="ops")
    factories.AccountFactory(account_id="ops", base_url="https://chat.example.com", bot_user_id="b" * 26)
    assert "The account ops already uses the bot" in asked(as_alice, TOKEN, token=SECRET)["notes"]["token"][0]


def test_what_stands_in_the_steps_to_come_is_not_asked_of_the_server_yet(as_alice, tested):
    asked(as_alice, SERVER, token=SECRET)
    asked(as_alice, "dm_policy group_policy", token=SECRET)
    assert tested.asked == []


def test_open_is_refused_at_its_step_while_the_list_that_the_account_will_have_lacks_everybody(as_alice):
    policy = "dm_policy group_policy"
    assert "requires" in asked(as_alice, policy, dm_policy="open")["errors"]["dm_policy"][0]
    source = factories.AccountFactory(own_allow_from=True)
    factories.AccessEntryFactory(account=source, list="dm", value="*")
    sent = {"account_id": "desk", "base_url": "https://chat.example.com", "dm_policy": "open", "du_fields": policy}
    assert as_alice.post(f"{ADD}check/?copy_of={source.pk}", sent).json()["errors"] == {}
    assert (
        f'data-steps="{ADD}check/?copy_of={source.pk}"' in as_alice.get(f"{ADD}?copy_of={source.pk}").content.decode()
    )


def test_no_agent_is_pointed_out_where_none_is_inherited(as_alice):
    agent = factories.AgentFactory()
    assert "No agent is inherited" in asked(as_alice, "agent")["notes"]["agent"][0]
    assert asked(as_alice, "agent", agent=agent.pk)["notes"] == {}
    BridgeDefaults.objects.create(pk=1, agent=agent)
    assert asked(as_alice, "agent")["notes"] == {}


def test_a_copy_says_of_which_account_it_is_one(as_alice):
    source = factories.AccountFactory(name="Operations")
    page = as_alice.get(f"{ADD}?copy_of={source.pk}").content.decode()
    assert "A copy of Operations" in page
    assert "A copy of" not in as_alice.get(ADD).content.decode()


def test_one_tick_puts_everybody_on_the_list_of_an_account_that_is_open(as_alice, alice):
    policy = "dm_policy everybody group_policy"
    assert "Everybody may write" in asked(as_alice, policy, dm_policy="open")["errors"]["dm_policy"][0]
    assert asked(as_alice, policy, dm_policy="open", everybody="on")["errors"] == {}
    sent = {"account_id": "desk", "base_url": "https://chat.example.com", "enabled": "on"}
    as_alice.post(ADD, {**sent, "dm_policy": "open", "everybody": "on"})
    account = Account.objects.get()
    assert (account.dm_policy, account.own_allow_from) == ("open", True)
    assert list(account.access_entries.values_list("list", "value", "added_by")) == [("dm", "*", alice.pk)]
    assert AuditEntry.objects.filter(verb="access.add", account=account).count() == 1
    assert 'name="everybody"' not in as_alice.get(f"/mattermost_bridge/account/{account.pk}/change/").content.decode()


def test_the_tick_changes_nothing_with_another_policy_or_where_everybody_is_listed_already(as_alice):
    sent = {"base_url": "https://chat.example.com", "everybody": "on"}
    as_alice.post(ADD, {**sent, "account_id": "closed", "dm_policy": "pairing"})
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"own_allow_from": True})
    factories.AccessEntryFactory(account=None, list="dm", value="*")
    as_alice.post(ADD, {**sent, "account_id": "listed", "dm_policy": "open"})
    assert set(Account.objects.values_list("account_id", "own_allow_from")) == {("closed", False), ("listed", False)}
