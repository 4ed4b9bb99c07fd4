"""Names that configuration files and people write freely, in the form in which Durar keeps them."""

from __future__ import annotations

import re

_ACCOUNT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_OTHER = re.compile(r"[^a-z0-9_-]+")
LONGEST = 64


def is_account_id(text: str) -> bool:
    """Whether `text` can be an account id as it stands."""
    return bool(_ACCOUNT_ID.fullmatch(text))


def normalise_account_id(text: str) -> str:
    """An account id out of any text: "Ops Team" is `ops-team`; what leaves nothing is `default`.

    Trimmed and lower-case; runs of other characters become one `-`, which is dropped at both ends.
    """
    text = text.strip().lower()
    if is_account_id(text):
        return "default" if text in {"constructor", "prototype"} else text
    # An id begins with a letter or digit, so a leading _ goes the way of the -.
    text = _OTHER.sub("-", text).strip("-").lstrip("_-")[:LONGEST].rstrip("-")
    return "default" if text in {"", "constructor", "prototype", "proto__"} else text


def agent_slug(provider: str, model: str) -> str:
    """The id of the agent that answers with a provider's model: `openai` and `gpt-5.1` give `openai-gpt-5-1`."""
    return re.sub(r"[^a-z0-9]+", "-", f"{provider}-{model}".lower()).strip("-")[:LONGEST].strip("-")


def provider_of(slug: str, model: str) -> str:
    """The provider for which `agent_slug` gives this slug with this model; "" when there is none."""
    ending = agent_slug("", model)
    provider = slug.removesuffix(f"-{ending}")
    return provider if provider != slug and agent_slug(provider, model) == slug else ""
