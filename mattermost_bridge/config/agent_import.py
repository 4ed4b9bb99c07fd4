"""The agent of the primary model, made or changed by an import."""

from __future__ import annotations

from mattermost_bridge.config.changes import Changes
from mattermost_bridge.config.reading import dotted
from mattermost_bridge.config.wanted import Secret, WantedAgent
from mattermost_bridge.models import Agent
from mattermost_bridge.models.states import AgentBackend
from mattermost_bridge.services import agents
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.tokens import origin


def import_agent(wanted: WantedAgent | None, actor: Actor, changes: Changes) -> Agent | None:
    """Make the agent that the file asks for, or change it; None when it asks for none. Raises Refused.

    What the file cannot express (instructions, limits) stays as it is.
    """
    if wanted is None:
        return None
    agent = Agent.objects.filter(slug=wanted.slug).first()
    if not wanted.base_url and agent is not None:
        return agent
    subject = f"agent {wanted.slug}"
    values = {"backend": AgentBackend.OPENAI_COMPATIBLE, "base_url": wanted.base_url, "model": wanted.model}
    key = wanted.key
    if key.keep and (agent is None or not agent.api_key):
        raise Refused(f"{dotted(wanted.path)}.apiKey: says that the stored key is kept, but none is stored: write one.")
    try:
        if agent is None:
            changes.added(subject, f"model {wanted.model} at {wanted.base_url}")
            return agents.create(actor=actor, slug=wanted.slug, api_key=key.value, api_key_ref=key.reference, **values)
        before = {name: getattr(agent, name) for name in values}
        same_key = key.keep or key == Secret(value=agent.api_key, reference=agent.api_key_ref)
        if key.keep:
            agent = agents.update(agent.pk, actor=actor, **values)
        elif same_key:
            # Written anew in the file, so it may go to the address that stands beside it.
            moved = origin(agent.base_url) != origin(wanted.base_url) and key != Secret()
            again = {"api_key": key.value, "api_key_ref": key.reference} if moved else {}
            agent = agents.update(agent.pk, actor=actor, **values, **again)
        else:
            agent = agents.update(agent.pk, actor=actor, api_key=key.value, api_key_ref=key.reference, **values)
    except Refused as problem:
        raise Refused(f"{dotted(wanted.path)}: {problem}") from None
    after = {name: getattr(agent, name) for name in values}
    changes.fields(subject, {name: [before[name], after[name]] for name in values if before[name] != after[name]})
    if not same_key:
        if key == Secret():
            changes.removed(subject, "key")
        else:
            changes.changed(subject, f"key: {key.reference or 'stored'}")
    return agent
