"""What an account would inherit in each field if it had no value of its own, and from where."""

from __future__ import annotations

from dataclasses import dataclass

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective_values import choose
from mattermost_bridge.config.setting import Setting
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.config.values import in_words
from mattermost_bridge.models import Account, Agent, BridgeDefaults


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
        defaults = BridgeDefaults(pk=1)
    blank = Account(account_id=account.account_id if account else "")
    base_url, url_source, _problem = effective.base_url_of(blank, defaults)
    names = {**OF_ACCOUNTS, **OF_ALL} if by_defaults else OF_ACCOUNTS
    levels = () if by_defaults else ((defaults, effective.DEFAULTS),)
    found = {name: _one(setting, levels, stored) for name, setting in names.items()}
    return {
        **found,
        "base_url": Inherited(base_url, url_source),
        "agent": Inherited(_agent(defaults.agent), effective.DEFAULTS if defaults.agent_id else effective.BUILT_IN),
    }


def _one(setting: Setting, levels: tuple[tuple[BridgeDefaults, str], ...], stored: BridgeDefaults) -> Inherited:
    value, source = choose(setting, levels, stored)
    if setting.column == "pairing_text":
        return Inherited(value.strip(), source)
    return Inherited(in_words(setting, value), source)


def _agent(agent: Agent | None) -> str:
    return (agent.name or agent.slug) if agent else ""
