"""What people set for one session: saved on its conversation, and put on the agent that answers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mattermost_bridge.agents.base import AgentConfig
from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Agent, Conversation
from mattermost_bridge.rules import session_options as rules

#: So many models are offered; more are not looked through in a list.
MOST_MODELS = 40


def put(conversation: Conversation, name: str, value: str) -> None:
    """Set one option of a session, inside the caller's transaction; "" goes back to what holds without it."""
    locked = Conversation.objects.select_for_update().get(pk=conversation.pk)
    options = {**locked.options, name: value}
    conversation.options = {key: one for key, one in options.items() if one}
    Conversation.objects.filter(pk=conversation.pk).update(options=conversation.options)
    live.changed(conversation.account_id, "turn")


def agent_of(conversation: Conversation, account: AccountSettings) -> Agent | None:
    """Who answers in a session."""
    return Agent.objects.defer("api_key").filter(pk=conversation.agent_id or account.agent_pk or 0).first()


def models_of(agent: Agent) -> list[str]:
    """The models that people may choose: those that operators entered for agents of the same server."""
    same = Agent.objects.filter(backend=agent.backend, base_url=agent.base_url).exclude(model="")
    return list(same.order_by("model").values_list("model", flat=True).distinct()[:MOST_MODELS])


def model_in_use(agent: Agent, conversation: Conversation) -> str:
    """The model that answers in a session; the backend's name where there is none."""
    chosen = str(conversation.options.get("model") or "")
    return chosen if chosen in models_of(agent) else agent.model or agent.backend


def configured(config: AgentConfig, agent: Agent, options: Mapping[str, Any]) -> AgentConfig:
    """An agent's settings in a session with these options. A model that no operator has any more is left out."""
    if not options:
        return config
    chosen = str(options.get("model") or "")
    model = chosen if chosen and chosen in models_of(agent) else config.model
    return replace(config, model=model, extra=rules.extra_with(config.extra, options))
