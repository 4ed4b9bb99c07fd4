"""Agents as files describe them: the primary model, entries, and the providers that both name."""

from __future__ import annotations

from typing import Any

from mattermost_bridge.config.export_values import put
from mattermost_bridge.config.names import provider_of
from mattermost_bridge.config.table import OF_AGENTS
from mattermost_bridge.config.wanted import KEEP
from mattermost_bridge.models import Agent
from mattermost_bridge.models.states import AgentBackend


class ExportedAgents:
    """All agents, that of the defaults first. `primary`: it is the one of `agents.defaults.model.primary`."""

    def __init__(self, of_defaults: Agent | None) -> None:
        self._providers: dict[str, dict[str, Any]] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._primary = ""
        if of_defaults is not None and of_defaults.backend == AgentBackend.OPENAI_COMPATIBLE:
            # Only under this name does an import make exactly this agent of the primary model.
            name = provider_of(of_defaults.slug, of_defaults.model)
            if name:
                self._providers[name] = _described(Agent.objects.get(pk=of_defaults.pk))
                self._primary = f"{name}/{of_defaults.model}"
        for agent in Agent.objects.order_by("slug"):
            by_primary = self.primary and of_defaults is not None and agent.pk == of_defaults.pk
            entry = self._entry(agent, by_primary=bool(by_primary))
            if entry or not by_primary:
                self._entries[agent.slug] = entry

    @property
    def primary(self) -> bool:
        """Whether the agent of the defaults is the primary model's."""
        return bool(self._primary)

    def add_to(self, result: dict[str, Any]) -> None:
        """Write `models` and `agents` into a file's content."""
        if self._providers:
            result["models"] = {"providers": self._providers}
        if self._primary:
            result.setdefault("agents", {}).setdefault("defaults", {})["model"] = {"primary": self._primary}
        if self._entries:
            result.setdefault("agents", {})["entries"] = self._entries

    def _entry(self, agent: Agent, *, by_primary: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        if not by_primary:
            if agent.backend == AgentBackend.OPENAI_COMPATIBLE:
                entry["model"] = f"{self._provider(agent)}/{agent.model}"
            else:
                put(entry, OF_AGENTS["backend"], agent.backend)
        for name, setting in OF_AGENTS.items():
            value = getattr(agent, name)
            if name != "backend" and value != setting.default:
                put(entry, setting, value)
        return entry

    def _provider(self, agent: Agent) -> str:
        """The provider whose address and key are the agent's: one that is there already, or a new one."""
        wanted = _described(agent)
        first = provider_of(agent.slug, agent.model) or agent.slug
        number = 1
        while True:
            name = first if number == 1 else f"{first[:60]}-{number}"
            known = self._providers.setdefault(name, {**wanted, "models": []})
            if all(known.get(key) == wanted.get(key) for key in ("baseUrl", "apiKey")):
                if agent.model not in known["models"]:
                    known["models"].append(agent.model)
                return name
            number += 1


def _described(agent: Agent) -> dict[str, Any]:
    result: dict[str, Any] = {"baseUrl": agent.base_url}
    if agent.api_key_ref or agent.api_key:
        result["apiKey"] = agent.api_key_ref or KEEP
    return result | {"models": [agent.model]}
