"""Agents, made or changed by an import."""

from __future__ import annotations

from typing import Any

from mattermost_bridge.config.changes import Changes, differing
from mattermost_bridge.config.reading import dotted
from mattermost_bridge.config.table import OF_AGENTS
from mattermost_bridge.config.wanted import Secret, WantedAgent
from mattermost_bridge.models import Agent
from mattermost_bridge.models.states import AgentBackend
from mattermost_bridge.services import agents
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.tokens import origin

_WORDS = {
    **{column: setting.key for column, setting in OF_AGENTS.items()},
    "base_url": "baseUrl",
    "model": "model",
}


def import_agent(wanted: WantedAgent, actor: Actor, changes: Changes) -> Agent:
    """Make the agent that the file asks for, or change it. Raises Refused.

    What the file cannot express, and without an entry of its own all but address, model and key, stays as it is.
    """
    agent = Agent.objects.filter(slug=wanted.slug).first()
    subject = f"agent {wanted.slug}"
    values: dict[str, Any] = dict(wanted.values or {})
    if wanted.values is None and wanted.takes_images is not None:
        values["takes_images"] = wanted.takes_images
    if wanted.backend:
        values["backend"] = wanted.backend
    if wanted.base_url:
        values |= {"backend": AgentBackend.OPENAI_COMPATIBLE, "base_url": wanted.base_url}
    if wanted.model:
        values["model"] = wanted.model
    key = wanted.key
    if key.keep and (agent is None or not agent.api_key):
        raise Refused(f"{dotted(wanted.path)}: says that the stored key is kept, but none is stored: write one.")
    try:
        if agent is None:
            made = f"model {wanted.model} at {wanted.base_url}" if wanted.base_url else f"backend {wanted.backend}"
            changes.added(subject, made)
            return agents.create(actor=actor, slug=wanted.slug, api_key=key.value, api_key_ref=key.reference, **values)
        return _change(agent, wanted, values, actor, changes)
    except Refused as problem:
        raise Refused(f"{dotted(wanted.path)}: {problem}") from None


def _change(agent: Agent, wanted: WantedAgent, values: dict[str, Any], actor: Actor, changes: Changes) -> Agent:
    key = wanted.key
    before = {name: getattr(agent, name) for name in values}
    stored = Secret(value=agent.api_key, reference=agent.api_key_ref)
    same_key = not wanted.base_url or key.keep or key == stored
    if not wanted.base_url or key.keep:
        changed = agents.update(agent.pk, actor=actor, **values)
    elif same_key:
        # Written anew in the file, so it may go to the address that stands beside it.
        moved = origin(agent.base_url) != origin(wanted.base_url) and key != Secret()
        again = {"api_key": key.value, "api_key_ref": key.reference} if moved else {}
        changed = agents.update(agent.pk, actor=actor, **values, **again)
    else:
        changed = agents.update(agent.pk, actor=actor, api_key=key.value, api_key_ref=key.reference, **values)
    subject = f"agent {agent.slug}"
    after = {name: getattr(changed, name) for name in values}
    changes.fields(subject, differing(before, after), _WORDS)
    if not same_key:
        if key == Secret():
            changes.removed(subject, "key")
        else:
            changes.changed(subject, f"key: {key.reference or 'stored'}")
    return changed
