"""Agents: added, changed, tried; and their records as the adapters take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.agents.base import BACKENDS, FIELD_LABELS, AgentConfig, AgentError, ErrorKind
from mattermost_bridge.agents.trial import TrialResult
from mattermost_bridge.agents.trial import try_agent as ask
from mattermost_bridge.config import effective
from mattermost_bridge.config.secrets import SecretProblem, check_reference, is_reference, resolve
from mattermost_bridge.models import Agent
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.tokens import origin

FIELDS = frozenset(
    {
        *("name", "backend", "base_url", "model", "instructions", "history_messages", "takes_images", "takes_tools"),
        *("mention_patterns", "total_time"),
    }
)
QUESTION = "Say hello in one short sentence."


def create(*, actor: Actor, slug: str, api_key: str = "", api_key_ref: str = "", **fields: Any) -> Agent:
    """Add an agent. Raises Refused."""
    with transaction.atomic():
        if Agent.objects.filter(slug=slug).exists():
            raise Refused(f"There is an agent with the id {slug} already. Choose another id.")
        agent = Agent(slug=slug)
        apply(agent, fields)
        put_key(agent, api_key, api_key_ref)
        agent.save()
        audit.record(
            actor=actor,
            verb="agent.create",
            summary=f"The agent {agent.slug} was added.",
            target=agent,
            details=_shown(agent),
        )
        effective.bump_version()
    return agent


def update(
    agent_pk: int, *, actor: Actor, api_key: str | None = None, api_key_ref: str | None = None, **fields: Any
) -> Agent:
    """Change some of an agent's `FIELDS` and, unless both are None, its key.

    An address with another host needs the key again. Raises Refused, NotFound.
    """
    with transaction.atomic():
        agent = Agent.objects.select_for_update(no_key=True).filter(pk=agent_pk).first()
        if agent is None:
            raise NotFound("This agent does not exist any more. Reload the page.")
        before = _shown(agent)
        new_key = api_key is not None or api_key_ref is not None
        old_url = agent.base_url
        apply(agent, fields)
        if not new_key:
            _refuse_at_new_host(agent, old_url)
        else:
            put_key(agent, api_key or "", api_key_ref or "")
        after = _shown(agent)
        details: dict[str, Any] = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        if new_key:
            details["key"] = "changed" if before["key"] == after["key"] else f"{before['key']} → {after['key']}"
        if not details:
            return agent
        agent.save()
        audit.record(
            actor=actor,
            verb="agent.update",
            summary=f"The agent {agent.slug} was changed: {', '.join(sorted(details))}.",
            target=agent,
            details=details,
        )
        effective.bump_version()
    return agent


def set_key(agent_pk: int, *, actor: Actor, api_key: str = "", api_key_ref: str = "") -> Agent:
    """Give the agent another key, or a reference to one; with neither it has none."""
    return update(agent_pk, actor=actor, api_key=api_key, api_key_ref=api_key_ref)


def delete(agent_pk: int, *, actor: Actor) -> None:
    """Remove an agent; accounts that used it have none then, and their messages wait. Turns keep their record."""
    with transaction.atomic():
        agent = Agent.objects.select_for_update(no_key=True).filter(pk=agent_pk).first()
        if agent is None:
            raise NotFound("This agent does not exist any more. Reload the page.")
        used = ", ".join(agent.accounts.order_by("account_id").values_list("account_id", flat=True))
        details = _shown(agent) | {"used_by": used}
        audit.record(
            actor=actor,
            verb="agent.delete",
            summary=f"The agent {agent.slug} was removed.",
            target=agent,
            details=details,
        )
        agent.delete()
        effective.bump_version()


def agent_config(agent: Agent) -> AgentConfig:
    """The agent as the adapters take it, its key resolved. Raises AgentError (bad_settings) when it cannot be had."""
    key = agent.api_key
    if agent.api_key_ref:
        try:
            key = resolve(agent.api_key_ref)
        except SecretProblem as problem:
            raise AgentError(ErrorKind.BAD_SETTINGS, f'The key of the agent "{agent}": {problem}') from None
    return AgentConfig(
        backend=agent.backend,
        name=agent.name or agent.slug,
        base_url=agent.base_url,
        api_key=key,
        model=agent.model,
        instructions=agent.instructions,
        total_time=float(agent.total_time),
    )


def try_agent(agent: Agent, text: str = QUESTION) -> TrialResult:
    """Ask a saved agent one question; call it outside of transactions. A failure is a result, not an exception."""
    try:
        config = agent_config(agent)
    except AgentError as error:
        return TrialResult(ok=False, answer="", cause=error.cause, elapsed_ms=0, model=agent.model)
    return ask(config, text)


def try_settings(
    agent: Agent | None,
    fields: Mapping[str, Any],
    *,
    api_key: str = "",
    api_key_ref: str = "",
    text: str = QUESTION,
) -> TrialResult:
    """Try a form before it is saved; what it leaves empty is taken from `agent`.

    The stored key is only sent to the host that it was entered for. Call it outside of transactions.
    """
    draft = Agent.objects.get(pk=agent.pk) if agent else Agent(slug="new")
    old_url = draft.base_url
    try:
        apply(draft, fields)
        if api_key or api_key_ref:
            put_key(draft, api_key, api_key_ref)
        else:
            _refuse_at_new_host(draft, old_url)
    except Refused as problem:
        return TrialResult(ok=False, answer="", cause=str(problem), elapsed_ms=0, model=draft.model)
    return try_agent(draft, text)


def apply(agent: Agent, fields: Mapping[str, Any]) -> None:
    """Set `fields` on the agent, checked and trimmed, without saving. Raises Refused."""
    unknown = set(fields) - FIELDS
    if unknown:
        raise TypeError(f"Agent has no changeable fields {sorted(unknown)}")
    for name, value in fields.items():
        setattr(agent, name, value.strip() if isinstance(value, str) else value)
    agent.base_url = agent.base_url.rstrip("/")
    if agent.base_url:
        parts = urlsplit(agent.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise Refused(
                "The agent's address must be an http(s) address without user name and query. Example: "
                "https://api.openai.com/v1"
            )
    try:
        agent.clean_fields(exclude=["api_key"])
    except ValidationError as error:
        raise Refused(" ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())) from None
    backend = BACKENDS[agent.backend]
    missing = [FIELD_LABELS.get(name, name) for name in backend.needs if not getattr(agent, name)]
    if missing:
        raise Refused(f'An agent with the backend "{backend.label}" needs its {" and its ".join(missing)}.')


def put_key(agent: Agent, api_key: str, api_key_ref: str) -> None:
    """Set the agent's key, or the reference to it, without saving. Raises Refused for a form that cannot work."""
    api_key, api_key_ref = api_key.strip(), api_key_ref.strip()
    if api_key and api_key_ref:
        raise Refused("Enter either a key or a reference to one, not both.")
    if is_reference(api_key):
        raise Refused("This is a reference and no key. Enter it as the key reference.")
    if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise Refused("The key holds a blank, a line break or a character outside ASCII: paste it again.")
    if api_key_ref:
        try:
            check_reference(api_key_ref)
        except SecretProblem as problem:
            raise Refused(str(problem)) from None
        if api_key_ref.startswith("env:MATTERMOST_"):
            # Or whoever may edit an agent could have a bot token sent to a host of their own.
            raise Refused("An agent's key cannot be a variable of Mattermost's. Use env:DURAR_SECRET_… or file:NAME.")
    agent.api_key, agent.api_key_ref = api_key, api_key_ref
    agent.api_key_set_at = timezone.now() if api_key or api_key_ref else None


def _refuse_at_new_host(agent: Agent, old_url: str) -> None:
    stored = agent.api_key or agent.api_key_ref
    if stored and agent.base_url and origin(agent.base_url) != origin(old_url):
        raise Refused(
            f"The address leads to another host ({urlsplit(agent.base_url).netloc}). "
            "Enter the key again, since the stored one was entered for the old host."
        )


def _shown(agent: Agent) -> dict[str, Any]:
    key = agent.api_key_ref or ("stored" if agent.api_key else "none")
    return {name: getattr(agent, name) for name in sorted(FIELDS)} | {"key": key}
