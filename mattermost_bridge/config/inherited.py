"""What an account would inherit in each field if it had no value of its own, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, Agent, BridgeDefaults
from mattermost_bridge.models.accounts import RETRY_FIELDS
from mattermost_bridge.models.states import DmPolicy, GroupPolicy
from mattermost_bridge.rules.direct_channels import BUILT_IN


@dataclass(frozen=True)
class Inherited:
    """A value that is inherited, in words, and its source: defaults, channels.defaults, environment or built-in."""

    words: str
    source: str


def inherited(account: Account | None = None, *, by_defaults: bool = False) -> dict[str, Inherited]:
    """For each overridable field what holds while it is empty; `account` matters for the environment only.

    With `by_defaults` what the defaults themselves fall back to.
    """
    rows = BridgeDefaults.objects.defer("key_check", "agent__api_key").select_related("agent")
    stored = rows.filter(pk=1).first() or BridgeDefaults(pk=1)
    defaults = stored
    if by_defaults:
        defaults = BridgeDefaults(
            pk=1, default_group_policy=stored.default_group_policy, section_exists=stored.section_exists
        )
    blank = Account(account_id=account.account_id if account else "")
    dm_policy, dm_source = _own_or(defaults.dm_policy, DmPolicy.PAIRING.value)
    group_policy, group_source = effective.group_policy_of(blank, defaults)
    limit, limit_source = _own_or(defaults.text_chunk_limit, effective.DEFAULT_TEXT_CHUNK_LIMIT)
    base_url, url_source, _problem = effective.base_url_of(blank, defaults)
    text, text_source = _own_or(defaults.pairing_text.strip(), "")
    return {
        "dm_policy": Inherited(str(DmPolicy(dm_policy).label), dm_source),
        "group_policy": Inherited(str(GroupPolicy(group_policy).label), group_source),
        "text_chunk_limit": Inherited(str(limit), limit_source),
        "base_url": Inherited(base_url, url_source),
        "pairing_text": Inherited(text, text_source),
        "agent": Inherited(_agent(defaults.agent), effective.DEFAULTS if defaults.agent_id else effective.BUILT_IN),
        **{field: _retry_value(defaults, name) for name, field in RETRY_FIELDS.items()},
    }


def _retry_value(defaults: BridgeDefaults, name: str) -> Inherited:
    own = defaults.dm_channel_retry[name]
    value, source = (getattr(BUILT_IN, name), effective.BUILT_IN) if own is None else (own, effective.DEFAULTS)
    return Inherited(str(value), source)


def _own_or(value: Any, built_in: Any) -> tuple[Any, str]:
    return (value, effective.DEFAULTS) if value else (built_in, effective.BUILT_IN)


def _agent(agent: Agent | None) -> str:
    return (agent.name or agent.slug) if agent else ""
