"""`models.providers`, `agents.defaults.model.primary` and `agents.entries`: which agents there are, and who answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mattermost_bridge.config import keys
from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.names import agent_slug
from mattermost_bridge.config.reading import Path
from mattermost_bridge.config.schema_settings import Taken, take
from mattermost_bridge.config.setting import Where
from mattermost_bridge.config.table import OF_AGENTS, tree
from mattermost_bridge.config.wanted import Secret, WantedAgent

PROVIDERS: Path = ("models", "providers")
PRIMARY: Path = ("agents", "defaults", "model", "primary")
ENTRIES: Path = ("agents", "entries")
_PROVIDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_AGENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

Providers = Mapping[str, dict[str, Any]]


def wanted_agents(
    checks: Checks, content: dict[str, Any], known: frozenset[str]
) -> tuple[WantedAgent | None, tuple[WantedAgent, ...]]:
    """The agent of the primary model, None when there is none, and the agents that have an entry.

    `known` are the ids of agents that exist: their providers may be left out, and then stay as they are.
    """
    models = checks.mapping(("models",), content.get("models"))
    checks.keys(("models",), models, used={"providers"}, later={"mode", "bedrockDiscovery"})
    providers = _providers(checks, models)
    agents = checks.mapping(("agents",), content.get("agents"))
    checks.keys(("agents",), agents, used={"defaults", "entries"}, later={"list"})
    used: set[str] = set()
    path, primary = _primary(checks, agents)
    first = _agent(checks, path, primary, providers, known, used) if primary else None
    described = _entries(checks, agents, providers, known | ({first.slug} if first else set()), used)
    for name in providers:
        if name not in used:
            checks.note((*PROVIDERS, name), "is not used: no agent has a model of this provider")
    return first, described


def _providers(checks: Checks, models: dict[str, Any]) -> Providers:
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


def _primary(checks: Checks, agents: dict[str, Any]) -> tuple[Path, str]:
    defaults = checks.mapping(("agents", "defaults"), agents.get("defaults"))
    for key in defaults:
        # The original has dozens of settings here, all for its own agent.
        if key not in ("model", "mediaMaxMb"):
            checks.note(("agents", "defaults", key), "is not used: it concerns other parts than Mattermost")
    return _model(checks, PRIMARY[:3], defaults.get("model"))


def _model(checks: Checks, path: Path, model: object) -> tuple[Path, str]:
    """A model and where it stands: a text, or an object with `primary`."""
    if isinstance(model, str):
        return path, model.strip()
    body = checks.mapping(path, model)
    checks.keys(path, body, used={"primary"}, later={"fallbacks"})
    return (*path, "primary"), checks.text((*path, "primary"), body.get("primary"), longest=185)


def _entries(
    checks: Checks, agents: dict[str, Any], providers: Providers, known: frozenset[str] | set[str], used: set[str]
) -> tuple[WantedAgent, ...]:
    branch = tree(Where.AGENT)
    found: dict[str, WantedAgent] = {}
    for key, raw in checks.mapping(ENTRIES, agents.get("entries")).items():
        here, slug = (*ENTRIES, key), key.strip()
        body = checks.mapping(here, raw)
        if not _AGENT_ID.fullmatch(slug):
            checks.problem(here, "is no id for an agent: use letters, digits, - and _, 64 at most.")
            continue
        if slug in found:
            checks.problem(here, "is the same agent as another one above.")
            continue
        taken = Taken()
        # The rest of what the original says of an agent is for its own parts.
        take(checks, here, {key: body[key] for key in body if key != "identity"}, branch, taken, foreign=None)
        identity = checks.mapping((*here, "identity"), body.get("identity"))
        if name := checks.text((*here, "identity", "name"), identity.get("name"), longest=100):
            taken.values["name"] = name
        backend = taken.values.pop("backend", "")
        path, model = _model(checks, (*here, "model"), body.get("model"))
        agent = _agent(checks, path, model, providers, known, used, slug=slug) if model else None
        if agent is None and not model and not backend and slug not in known:
            checks.problem(
                here, 'needs a model, as "openai/gpt-5.1", or durar: { backend: "echo" }: it does not exist yet.'
            )
        wanted = agent or WantedAgent(path=here, slug=slug)
        every = {column: taken.values.get(column, setting.default) for column, setting in OF_AGENTS.items()}
        every.pop("backend")
        if wanted.takes_images is not None and "takes_images" not in taken.values:
            every["takes_images"] = wanted.takes_images
        found[slug] = replace(wanted, path=here, backend=backend, values=every)
    return tuple(found.values())


def _agent(
    checks: Checks,
    path: Path,
    named: str,
    providers: Providers,
    known: frozenset[str] | set[str],
    used: set[str],
    slug: str = "",
) -> WantedAgent | None:
    """The agent that answers with a model; with an empty address it is a known one, whose provider the file lacks."""
    provider, slash, model = named.partition("/")
    if not slash or not provider or not model:
        checks.problem(path, "must name provider and model with a / between them, as openai/gpt-5.1.")
        return None
    slug = slug or agent_slug(provider, model)
    if provider in providers:
        used.add(provider)
        return _provided(checks, provider, model, slug, providers[provider])
    if slug in known:
        return WantedAgent(path=path, slug=slug, model=model)
    checks.problem(
        path,
        f"names the provider {provider!r}, which the file does not describe. Add models.providers.{provider} with "
        "baseUrl and apiKey.",
    )
    return None


def _provided(checks: Checks, name: str, model: str, slug: str, provider: dict[str, Any]) -> WantedAgent:
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
    key = checks.secret((*here, "apiKey"), provider.get("apiKey")) if provider.get("apiKey") is not None else Secret()
    images = _takes_images(checks, here, models, model)
    return WantedAgent(path=here, slug=slug, base_url=base_url, model=model, key=key, takes_images=images)


def _takes_images(checks: Checks, here: Path, models: Any, model: str) -> bool | None:
    """Whether the model's `input` names images (OpenClaw 2026.4.5: "text", "image"); None without one."""
    for number, entry in enumerate(models if isinstance(models, list) else ()):
        if isinstance(entry, dict) and entry.get("id") == model and entry.get("input") is not None:
            kinds = checks.items((*here, "models", number, "input"), entry["input"])
            return "image" in kinds
    return None
