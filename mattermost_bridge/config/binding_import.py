"""`bindings` of a configuration file, put in the place of those that are stored."""

from __future__ import annotations

from typing import Any

from mattermost_bridge.config.changes import Changes
from mattermost_bridge.config.schema_bindings import MAIN
from mattermost_bridge.config.wanted import WantedBinding
from mattermost_bridge.models import Agent, Binding

_FIELDS = ("account_id", "peer_kind", "peer_id", "team_id")


def replace_bindings(wanted: tuple[WantedBinding, ...], changes: Changes) -> None:
    """Make the bindings what the file says, in its order. What stays keeps its row; their agents exist."""
    stored = list(Binding.objects.select_related("agent").defer("agent__api_key"))
    left = list(stored)
    agents = {agent.slug: agent for agent in Agent.objects.defer("api_key")}
    placed: list[Binding] = []
    for wish in wanted:
        match: dict[str, Any] = {name: getattr(wish, name) for name in _FIELDS}
        same = next((one for one in left if _slug(one) == wish.agent and _match(one) == match), None)
        if same is None:
            same = Binding(agent=agents[wish.agent] if wish.agent else None, note=wish.note, **match)
            changes.added("bindings", _words(same))
        else:
            left.remove(same)
            if same.note != wish.note:
                changes.fields(f"bindings: {_words(same)}", {"comment": [same.note, wish.note]})
                same.note = wish.note
        placed.append(same)
    for binding in left:
        changes.removed("bindings", _words(binding))
        binding.delete()
    kept = [binding.pk for binding in placed if binding.pk]
    if kept != [binding.pk for binding in stored if binding.pk in kept]:
        changes.changed("bindings", "another order")
    for position, binding in enumerate(placed):
        binding.position = position
        binding.save()


def _slug(binding: Binding) -> str:
    return binding.agent.slug if binding.agent else ""


def _match(binding: Binding) -> dict[str, Any]:
    return {name: getattr(binding, name) for name in _FIELDS}


def _words(binding: Binding) -> str:
    return f"{_slug(binding) or MAIN} answers {binding}"
