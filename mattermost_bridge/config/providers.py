"""`models.providers` and `agents.defaults.model.primary`: which agent answers where an account has none of its own."""

from __future__ import annotations

import re
from typing import Any

from mattermost_bridge.config import keys
from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.names import agent_slug
from mattermost_bridge.config.reading import Path
from mattermost_bridge.config.wanted import Secret, WantedAgent

PROVIDERS: Path = ("models", "providers")
PRIMARY: Path = ("agents", "defaults", "model", "primary")
_PROVIDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def primary_agent(checks: Checks, content: dict[str, Any], known_agents: frozenset[str]) -> WantedAgent | None:
    """The agent that the primary model asks for; None when there is no primary model.

    With an empty address it is one of `known_agents`, whose provider the file leaves out.
    """
    models = checks.mapping(("models",), content.get("models"))
    checks.keys(("models",), models, used={"providers"}, later={"mode", "bedrockDiscovery"})
    providers = _providers(checks, models)
    path, primary = _primary(checks, content)
    provider, slash, model = primary.partition("/")
    for name in providers:
        if name != provider:
            checks.note((*PROVIDERS, name), "is not used yet: only the provider of the primary model is")
    if not primary:
        return None
    if not slash or not provider or not model:
        checks.problem(path, "must name provider and model with a / between them, as openai/gpt-5.1.")
        return None
    slug = agent_slug(provider, model)
    if provider in providers:
        return _agent(checks, provider, model, slug, providers[provider])
    if slug in known_agents:
        return WantedAgent(path=path, slug=slug, base_url="", model=model, key=Secret())
    checks.problem(
        path,
        f"names the provider {provider!r}, which the file does not describe. Add models.providers.{provider} with "
        "baseUrl and apiKey.",
    )
    return None


def _providers(checks: Checks, models: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, raw in checks.mapping(PROVIDERS, models.get("providers")).items():
        here = (*PROVIDERS, name)
        provider = checks.mapping(here, raw)
        checks.keys(here, provider, used=keys.PROVIDER, later=keys.PROVIDER_LATER)
        if not _PROVIDER_ID.fullmatch(name):
            checks.problem(here, "must be a short name of letters, digits, ., _ and -.")
        for number, model in enumerate(checks.items((*here, "models"), provider.get("models"))):
            if not isinstance(model, str | dict) or (isinstance(model, dict) and not isinstance(model.get("id"), str)):
                checks.problem((*here, "models", number), 'must be a text or an object with an "id".')
        found[name] = provider
    return found


def _primary(checks: Checks, content: dict[str, Any]) -> tuple[Path, str]:
    agents = checks.mapping(("agents",), content.get("agents"))
    checks.keys(("agents",), agents, used={"defaults"}, later={"entries", "list"})
    defaults = checks.mapping(("agents", "defaults"), agents.get("defaults"))
    for key in defaults:
        # The original has dozens of settings here, all for its own agent.
        if key != "model":
            checks.note(("agents", "defaults", key), "is not used: it concerns other parts than Mattermost")
    model = defaults.get("model")
    if isinstance(model, str):
        return PRIMARY[:3], model.strip()
    model = checks.mapping(PRIMARY[:3], model)
    checks.keys(PRIMARY[:3], model, used={"primary"}, later={"fallbacks"})
    return PRIMARY, checks.text(PRIMARY, model.get("primary"), longest=185)


def _agent(checks: Checks, name: str, model: str, slug: str, provider: dict[str, Any]) -> WantedAgent:
    here = (*PROVIDERS, name)
    base_url = checks.text((*here, "baseUrl"), provider.get("baseUrl"), longest=300)
    if not base_url:
        checks.problem((*here, "baseUrl"), "is missing: the address of the provider's OpenAI-compatible API.")
    models = provider.get("models")
    listed = {
        entry.get("id") if isinstance(entry, dict) else entry
        for entry in (models if isinstance(models, list) else ())
        if isinstance(entry, str | dict)
    }
    if listed and model not in listed:
        checks.note((*here, "models"), f"does not list {model}; it is used all the same")
    key = checks.secret((*here, "apiKey"), provider.get("apiKey"))
    return WantedAgent(path=here, slug=slug, base_url=base_url, model=model, key=key)
