"""Two people edit the same record: the second is told what changed by whom, and nothing is overwritten."""

from __future__ import annotations

import re

import pytest

from mattermost_bridge.models import Account, Agent, BridgeDefaults
from mattermost_bridge.rules.editing import Difference, differences
from mattermost_bridge.services import accounts, agents, defaults
from mattermost_bridge.services.audit import Actor
from tests import factories
from tests.admin.conftest import messages_of

BOB = Actor("bob", "panel")


@pytest.fixture
def account(db):
    return factories.AccountFactory(name="Support", text_chunk_limit=None)


def opened(client, address: str, prefix: str = "") -> dict[str, str]:
    """The form's fields as a browser would send them back."""
    response = client.get(address)
    page = response.content.decode()
    form = response.context["adminform"].form
    sent = {}
    for name, field in form.fields.items():
        value = form.initial.get(name)
        if value not in (None, False, "") and not hasattr(field.widget, "url"):
            sent[name] = "on" if value is True else str(value)
    found = re.search(r'name="du_seen" value="([^"]+)"', page)
    return {**sent, "du_seen": found[1] if found else ""}


def change(record) -> str:
    return f"/mattermost_bridge/{record._meta.model_name}/{record.pk}/change/"


def test_what_only_the_other_one_changed_is_taken_over_and_nothing_is_saved_yet(as_alice, account):
    form = opened(as_alice, change(account))
    accounts.update(account.pk, actor=BOB, text_chunk_limit=999)
    answer = as_alice.post(change(account), {**form, "name": "Support team"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Somebody else changed this while you were editing." in page
    assert "bob (" in page
    assert "was changed: text_chunk_limit" in page
    assert 'value="Support team"' in page
    assert 'value="999"' in page
    account.refresh_from_db()
    assert (account.name, account.text_chunk_limit) == ("Support", 999)


def test_saving_again_keeps_both_changes(as_alice, account):
    form = opened(as_alice, change(account))
    accounts.update(account.pk, actor=BOB, text_chunk_limit=999)
    answer = as_alice.post(change(account), {**form, "name": "Support team"})
    seen = re.search(r'name="du_seen" value="([^"]+)"', answer.content.decode())[1]
    again = {**form, "name": "Support team", "text_chunk_limit": "999", "du_seen": seen}
    assert as_alice.post(change(account), again).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.text_chunk_limit) == ("Support team", 999)


def test_where_both_changed_the_same_field_both_values_are_shown(as_alice, account):
    form = opened(as_alice, change(account))
    accounts.update(account.pk, actor=BOB, name="Help desk")
    page = as_alice.post(change(account), {**form, "name": "Support team"}).content.decode()
    assert "Changed meanwhile from “Support” to “Help desk”. Saving again makes it yours." in page
    assert 'value="Support team"' in page
    account.refresh_from_db()
    assert account.name == "Help desk"


def test_a_form_that_comes_back_with_another_error_still_knows_what_it_had_shown(as_alice, account):
    form = opened(as_alice, change(account))
    wrong = as_alice.post(change(account), {**form, "text_chunk_limit": "3"})
    assert wrong.status_code == 200
    seen = re.search(r'name="du_seen" value="([^"]+)"', wrong.content.decode())[1]
    accounts.update(account.pk, actor=BOB, name="Help desk")
    as_alice.post(change(account), {**form, "du_seen": seen, "name": "Support team"})
    account.refresh_from_db()
    assert account.name == "Help desk"


def test_the_same_change_by_both_is_no_conflict(as_alice, account):
    form = opened(as_alice, change(account))
    accounts.update(account.pk, actor=BOB, name="Help desk")
    assert as_alice.post(change(account), {**form, "name": "Help desk"}).status_code == 302


def test_what_durar_itself_notes_on_a_record_is_no_conflict(as_alice, account):
    form = opened(as_alice, change(account))
    Account.objects.get().save()
    assert as_alice.post(change(account), {**form, "name": "Help desk"}).status_code == 302


def test_a_token_that_somebody_else_entered_is_not_replaced_unawares(as_alice, account, tested):
    form = opened(as_alice, change(account))
    accounts.set_token(account.pk, actor=BOB, token="b" * 26)
    page = as_alice.post(change(account), {**form, "token": "a" * 26}).content.decode()
    assert "Somebody else entered another one meanwhile." in page
    assert Account.objects.get().bot_token == "b" * 26


def test_who_enters_no_token_is_not_bothered_by_another_ones(as_alice, account):
    form = opened(as_alice, change(account))
    accounts.set_token(account.pk, actor=BOB, token="b" * 26)
    assert as_alice.post(change(account), {**form, "name": "Help desk"}).status_code == 302
    assert Account.objects.get().bot_token == "b" * 26


def test_a_forged_memory_of_the_form_is_refused(as_alice, account):
    form = opened(as_alice, change(account))
    answer = as_alice.post(change(account), {**form, "du_seen": "x" + form["du_seen"], "name": "Help desk"})
    assert "Reload the page" in answer.content.decode()
    assert Account.objects.get().name == "Support"


def test_agents_and_defaults_are_guarded_too(as_alice):
    agent, row = factories.AgentFactory(name="One"), BridgeDefaults.objects.create(pk=1)
    form, rest = opened(as_alice, change(agent)), opened(as_alice, change(row))
    agents.update(agent.pk, actor=BOB, name="Two")
    defaults.update(actor=BOB, text_chunk_limit=1000)
    assert "bob (" in as_alice.post(change(agent), {**form, "name": "Three"}).content.decode()
    assert "bob (" in as_alice.post(change(row), {**rest, "text_chunk_limit": "2000"}).content.decode()
    assert (Agent.objects.get().name, BridgeDefaults.objects.get().text_chunk_limit) == ("Two", 1000)


def test_differences_are_of_what_others_changed():
    found = differences({"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "1", "c": "3"}, {"a": "1", "b": "2", "c": "4"})
    assert found == (Difference("b", "1", "1", "2"), Difference("c", "1", "3", "4"))
    assert [one.clashes for one in found] == [False, True]


def test_who_chooses_an_agent_on_its_tab_is_told_when_somebody_chose_another_one_meanwhile(as_alice, account):
    first, second = factories.AgentFactory(), factories.AgentFactory()
    tab = f"/mattermost_bridge/account/{account.pk}/agent/"
    page = as_alice.get(tab).content.decode()
    seen = re.search(r'name="du_seen" value="([^"]+)"', page)[1]
    accounts.update(account.pk, actor=BOB, agent=first)
    answer = as_alice.post(tab, {"agent": second.pk, "du_seen": seen}, follow=True)
    (told,) = messages_of(answer)
    assert told.startswith("Somebody else changed this while you were editing. bob (")
    account.refresh_from_db()
    assert account.agent == first
    seen = re.search(r'name="du_seen" value="([^"]+)"', answer.content.decode())[1]
    as_alice.post(tab, {"agent": second.pk, "du_seen": seen})
    account.refresh_from_db()
    assert account.agent == second


def test_a_change_of_something_else_does_not_keep_anybody_from_choosing_an_agent(as_alice, account):
    agent = factories.AgentFactory()
    tab = f"/mattermost_bridge/account/{account.pk}/agent/"
    seen = re.search(r'name="du_seen" value="([^"]+)"', as_alice.get(tab).content.decode())[1]
    accounts.update(account.pk, actor=BOB, name="Help desk")
    as_alice.post(tab, {"agent": agent.pk, "du_seen": seen})
    account.refresh_from_db()
    assert (account.name, account.agent) == ("Help desk", agent)
