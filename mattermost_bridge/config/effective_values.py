"""Which value of a setting holds: the account's, that of the defaults, a wider key's, or the built-in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mattermost_bridge.config.origins import ACCOUNT, BUILT_IN, DEFAULTS, EVERY_BRIDGE
from mattermost_bridge.config.setting import Setting
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.models import Account, BridgeDefaults

#: A value and where it comes from.
Chosen = tuple[Any, str]


def chosen(account: Account, defaults: BridgeDefaults, *, only: Collection[str] | None = None) -> dict[str, Chosen]:
    """For every setting, or for these, by column, the value that holds for the account and where it comes from."""
    both, one = ((account, ACCOUNT), (defaults, DEFAULTS)), ((defaults, DEFAULTS),)
    levels = {**dict.fromkeys(OF_ACCOUNTS, both), **dict.fromkeys(OF_ALL, one)}
    names = levels if only is None else only
    settings = {**OF_ACCOUNTS, **OF_ALL}
    return {name: choose(settings[name], levels[name], defaults) for name in names}


def choose(
    setting: Setting, levels: Sequence[tuple[Account | BridgeDefaults, str]], defaults: BridgeDefaults
) -> Chosen:
    """The first of the levels that says something, else the wider key that the setting falls back to, else built-in."""
    for record, source in levels:
        if setting.is_set(value := getattr(record, setting.column)):
            return value, source
    wider = OF_ALL.get(setting.falls_back)
    if wider is not None and wider.is_set(value := getattr(defaults, wider.column)):
        if not wider.key.startswith("channels.defaults."):
            return value, DEFAULTS
        # Without the section nobody ever decided about channels, so the value for every kind of bridge does not count.
        if defaults.section_exists:
            return value, EVERY_BRIDGE
    return setting.default, BUILT_IN


def values_of(found: Mapping[str, Chosen]) -> dict[str, Any]:
    """The values alone."""
    return {name: value for name, (value, _source) in found.items()}
