"""*Try it* asks one question and tells what came of it."""

from __future__ import annotations

from mattermost_bridge.agents.base import AgentConfig
from mattermost_bridge.agents.trial import try_agent

from .openai_server import refuses, says


def test_a_working_agent_answers_and_names_its_model(server, config):
    server.reply(says("Hello, operator.", model="test-model-2025"))
    result = try_agent(config())
    assert (result.ok, result.answer, result.cause) == (True, "Hello, operator.", "")
    assert result.model == "test-model-2025"
    assert result.elapsed_ms >= 0
    assert server.requests[0].messages == [{"role": "user", "content": "Say hello in one short sentence."}]


def test_a_refused_key_is_a_result_with_its_cause(server, config):
    server.reply(refuses(401, "no"))
    result = try_agent(config(), "hi")
    assert not result.ok
    assert result.answer == ""
    assert "refused the API key" in result.cause


def test_settings_that_cannot_work_are_a_result_too():
    result = try_agent(AgentConfig(backend="openai_compatible", name="Ada"))
    assert not result.ok
    assert "no address and no model" in result.cause
