"""Agents as records: their keys go to no new host, and leave no trace."""

from __future__ import annotations

import pytest

from mattermost_bridge.agents.base import AgentError
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Agent, AuditEntry
from mattermost_bridge.services import agents
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from tests.bridge import make_account

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
LOCAL = {"backend": "openai_compatible", "base_url": "http://127.0.0.1:8000/v1/", "model": "qwen"}


def make(slug="local", **values) -> Agent:
    return agents.create(actor=ALICE, slug=slug, **{**LOCAL, "api_key": "key-one", **values})


def test_an_agent_is_what_the_adapters_take():
    config = agents.agent_config(make(name="Local", instructions="Be kind.", total_time=7))
    assert (config.backend, config.name, config.base_url) == ("openai_compatible", "Local", "http://127.0.0.1:8000/v1")
    assert (config.api_key, config.model, config.instructions, config.total_time) == (
        "key-one",
        "qwen",
        "Be kind.",
        7.0,
    )


def test_another_host_needs_the_key_again():
    agent = make()
    with pytest.raises(Refused, match="Enter the key again"):
        agents.update(agent.pk, actor=ALICE, base_url="http://evil.example/v1")
    agents.update(agent.pk, actor=ALICE, base_url="http://127.0.0.1:8000/v2")
    agents.update(agent.pk, actor=ALICE, base_url="http://new.example/v1", api_key="key-one")
    assert Agent.objects.get().base_url == "http://new.example/v1"


def test_no_key_is_in_the_audit_log():
    agent = make()
    agents.set_key(agent.pk, actor=ALICE, api_key="key-two")
    agents.set_key(agent.pk, actor=ALICE, api_key_ref="env:DURAR_SECRET_KEY_OF_LOCAL")
    text = "\n".join(f"{row.summary} {row.details}" for row in AuditEntry.objects.all())
    assert "env:DURAR_SECRET_KEY_OF_LOCAL" in text
    assert "key-one" not in text
    assert "key-two" not in text


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"base_url": ""}, "address"),
        ({"model": " "}, "model"),
        ({"base_url": "ftp://x"}, "http"),
        ({"base_url": "http://user:pw@x/v1"}, "without user name"),
        ({"backend": "oracle"}, "backend"),
        ({"total_time": 0}, "total_time"),
        ({"api_key": "two words"}, "blank"),
        ({"api_key": "env:DURAR_SECRET_X"}, "reference"),
        ({"api_key": "x", "api_key_ref": "env:DURAR_SECRET_X"}, "not both"),
        ({"api_key": "", "api_key_ref": "env:MATTERMOST_BOT_TOKEN"}, "Mattermost's"),
        ({"api_key": "", "api_key_ref": "env:HOME"}, "not allowed"),
        ({"slug": "taken"}, "already"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(values, sentence):
    Agent.objects.create(slug="taken")
    with pytest.raises(Refused) as error:
        make(**values)
    assert sentence in str(error.value)


def test_a_key_that_cannot_be_had_is_the_operators_to_mend(monkeypatch):
    agent = make(api_key="", api_key_ref="env:DURAR_SECRET_NOWHERE")
    with pytest.raises(AgentError, match="DURAR_SECRET_NOWHERE is not set") as error:
        agents.agent_config(agent)
    assert error.value.kind == "bad_settings"
    assert "DURAR_SECRET_NOWHERE" in agents.try_agent(agent).cause
    monkeypatch.setenv("DURAR_SECRET_NOWHERE", "key")
    assert agents.agent_config(agent).api_key == "key"


def test_the_echo_can_be_tried():
    agent = agents.create(actor=ALICE, slug="echo", backend="echo")
    assert agents.try_agent(agent, "hello").ok


def test_a_form_is_not_tried_with_the_stored_key_at_a_new_host():
    agent = make()
    result = agents.try_settings(agent, {"base_url": "http://evil.example/v1"})
    assert "Enter the key again" in result.cause
    assert Agent.objects.get().base_url == "http://127.0.0.1:8000/v1"


def test_a_form_is_tried_before_it_is_saved():
    assert agents.try_settings(None, {"backend": "echo"}, text="hello").ok
    assert not Agent.objects.exists()


def test_a_removed_agent_leaves_its_accounts_without_one():
    agent = make()
    account = make_account(agent=agent)
    assert settings_for(account.pk).policy.has_agent
    agents.delete(agent.pk, actor=ALICE)
    assert not settings_for(account.pk).policy.has_agent
    with pytest.raises(NotFound):
        agents.delete(agent.pk, actor=ALICE)
