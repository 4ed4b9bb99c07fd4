"""Names that configuration files and people write freely, in the form in which Durar keeps them."""

from __future__ import annotations

import re

LONGEST = 64
_PLAIN = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST - 1}}}")
_OTHER = re.compile(r"[^a-z0-9_-]+")
#: Names that mean something else to readers of the same files that are written in JavaScript.
_RESERVED = frozenset({"__proto__", "constructor", "prototype"})


def is_account_id(text: str) -> bool:
    """Whether `text` can be an account id as it stands."""
    return normalise_account_id(text) == text


def normalise_account_id(text: str) -> str:
    """An account id out of any text: "Ops Team" is `ops-team`; what leaves nothing is `default`.

    Trimmed and lower-case. What begins with a letter or digit and has only those, - and _ stays, a - at its end too; in
    anything else runs of other characters become one `-`, which is dropped at both ends. A leading _ stays: `_foo`.
    """
    text = text.strip().lower()
    if not _PLAIN.fullmatch(text):
        text = _OTHER.sub("-", text).strip("-")[:LONGEST]
        # An id has to stay what it is when it is read again, so the cut may leave no - behind a leading _.
        text = text if _PLAIN.fullmatch(text) else text.rstrip("-")
    return "default" if not text or text in _RESERVED else text


def agent_slug(provider: str, model: str) -> str:
    """The id of the agent that answers with a provider's model: `openai` and `gpt-5.1` give `openai-gpt-5-1`."""
    return re.sub(r"[^a-z0-9]+", "-", f"{provider}-{model}".lower()).strip("-")[:LONGEST].strip("-")


def provider_of(slug: str, model: str) -> str:
    """The provider for which `agent_slug` gives this slug with this model; "" when there is none."""
    ending = agent_slug("", model)
    provider = slug.removesuffix(f"-{ending}")
    return provider if provider != slug and agent_slug(provider, model) == slug else ""
