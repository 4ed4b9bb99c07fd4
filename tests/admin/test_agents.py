"""Agents are added, tried, changed and removed; their keys go in and never come out."""

from __future__ import annotations

import pytest

from mattermost_bridge.agents.trial import TrialResult
from mattermost_bridge.models import Agent, AuditEntry, BridgeDefaults
from mattermost_bridge.services import agents
from tests import factories

LIST = "/mattermost_bridge/agent/"
KEY = "sk-typed-in-the-panel-0001"


def form(**values: str) -> dict[str, str]:
    """What the browser posts for an agent."""
    return {
        "name": "",
        "backend": "openai_compatible",
        "base_url": "https://llm.example.com/v1",
        "model": "small-model",
        "key": "",
        "api_key_ref": "",
        "instructions": "",
        "history_messages": "20",
        "total_time": "120",
        **values,
    }


@pytest.fixture
def agent(db):
    return factories.AgentFactory(slug="helper")


def test_adding_an_agent_keeps_its_key_and_never_shows_it(as_alice, alice):
    response = as_alice.post(f"{LIST}add/", form(slug="helper", key=KEY), follow=True)
    agent = Agent.objects.get()
    assert (agent.slug, agent.api_key) == ("helper", KEY)
    assert agent.api_key_set_at is not None
    assert AuditEntry.objects.get().actor == alice
    assert KEY not in response.content.decode()
    assert KEY not in as_alice.get(f"{LIST}{agent.pk}/change/").content.decode()


def test_an_agent_without_what_its_backend_needs_is_refused_in_the_form(as_alice):
    page = as_alice.post(f"{LIST}add/", form(slug="helper", model="", key=KEY)).content.decode()
    assert "needs its model" in page
    assert KEY not in page
    assert not Agent.objects.exists()


def test_an_empty_key_field_leaves_the_key_as_it_is(as_alice, agent):
    as_alice.post(f"{LIST}{agent.pk}/change/", form(name="Helper"))
    assert (Agent.objects.get().name, Agent.objects.get().api_key) == ("Helper", agent.api_key)


def test_another_host_requires_the_key_again(as_alice, agent):
    page = as_alice.post(f"{LIST}{agent.pk}/change/", form(base_url="https://evil.example.com/v1")).content.decode()
    assert "Enter the key again" in page
    assert Agent.objects.get().base_url == "https://llm.example.com/v1"


def test_echo_is_tried_before_it_is_saved(as_alice):
    answer = as_alice.post(f"{LIST}try/", form(backend="echo", base_url="", model="")).json()
    assert answer["tone"] == "good"
    assert "Say hello" in answer["lines"][0]
    assert not Agent.objects.exists()


def test_trying_shows_the_cause_when_there_is_no_answer(as_alice, agent, monkeypatch):
    cause = "The server does not accept the key. Enter a new one."
    monkeypatch.setattr(agents, "ask", lambda config, text: TrialResult(False, "", cause, 12, "small-model"))
    answer = as_alice.post(f"{LIST}{agent.pk}/try/", form()).json()
    assert (answer["tone"], answer["lines"]) == ("bad", [cause])


def test_trying_takes_half_a_minute_at_most_and_the_stored_key(as_alice, agent, monkeypatch):
    seen = []

    def ask(config, text):
        seen.append(config)
        return TrialResult(True, "Hello.", "", 1234, "small-model-2026")

    monkeypatch.setattr(agents, "ask", ask)
    answer = as_alice.post(f"{LIST}{agent.pk}/try/", form(total_time="600")).json()
    assert answer["lines"] == ["Hello.", "Time: 1.2 s · Model: small-model-2026"]
    assert (seen[0].total_time, seen[0].api_key) == (30, agent.api_key)
    assert agent.api_key not in str(answer)


def test_the_stored_key_is_not_tried_at_another_host(as_alice, agent, monkeypatch):
    monkeypatch.setattr(agents, "ask", lambda *args: pytest.fail("the key was sent to another host"))
    answer = as_alice.post(f"{LIST}{agent.pk}/try/", form(base_url="https://evil.example.com/v1")).json()
    assert "Enter the key again" in answer["lines"][0]


def test_a_number_that_is_none_is_said(as_alice, agent):
    answer = as_alice.post(f"{LIST}{agent.pk}/try/", form(total_time="soon")).json()
    assert answer["tone"] == "bad"
    assert "total_time" in answer["lines"][0]


def test_removing_asks_first_and_says_what_happens(as_alice, agent):
    account = factories.AccountFactory(agent=agent)
    asked = as_alice.post(f"{LIST}{agent.pk}/do/remove/").content.decode()
    assert "cannot be undone" in asked
    assert Agent.objects.filter(pk=agent.pk).exists()
    as_alice.post(f"{LIST}{agent.pk}/do/remove/", {"confirmed": "1"})
    assert not Agent.objects.filter(pk=agent.pk).exists()
    account.refresh_from_db()
    assert account.agent is None


def test_the_page_names_who_uses_the_agent(as_alice, agent):
    factories.AccountFactory(agent=agent, name="Support desk")
    BridgeDefaults.objects.create(pk=1, agent=agent)
    page = as_alice.get(f"{LIST}{agent.pk}/change/").content.decode()
    assert "Support desk" in page
    assert "the defaults" in page


def test_patterns_that_count_as_a_mention_are_entered_one_a_line(as_alice):
    agent = factories.AgentFactory(slug="night")
    address = f"{LIST}{agent.pk}/change/"
    form = as_alice.get(address).context["adminform"].form
    given = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    sent = {name: value for name, value in given.items() if value not in (None, False)}
    as_alice.post(address, {**sent, "mention_patterns": "hey night\r\n\\bshift\\b"})
    agent.refresh_from_db()
    assert agent.mention_patterns == ["hey night", r"\bshift\b"]
    response = as_alice.post(address, {**sent, "mention_patterns": "(open"})
    assert "regular expression" in str(response.context["adminform"].form.errors["mention_patterns"])
