"""All settings by where they stand. Columns, files, forms and docs/configuration.md follow from here."""

from __future__ import annotations

from mattermost_bridge.config.setting import Kind, Setting, Where, with_columns
from mattermost_bridge.config.table_agents import AGENT
from mattermost_bridge.config.table_answers import ANSWERS
from mattermost_bridge.config.table_channels import BY_HAND, CHANNEL
from mattermost_bridge.config.table_global import TOP
from mattermost_bridge.config.table_kept import KEPT
from mattermost_bridge.config.table_shared import SHARED

ALL: tuple[Setting, ...] = (*BY_HAND, *SHARED, *ANSWERS, *KEPT, *CHANNEL, *TOP, *AGENT)

#: By column: what the section and each account have in common, the defaults alone, and each channel setting.
OF_ACCOUNTS: dict[str, Setting] = with_columns((*SHARED, *ANSWERS))
OF_ALL: dict[str, Setting] = with_columns(TOP)
OF_CHANNELS: dict[str, Setting] = with_columns(CHANNEL)
#: By the field of an agent.
OF_AGENTS: dict[str, Setting] = with_columns(AGENT)
#: What nothing reads, by key.
OF_KEPT: dict[str, Setting] = {setting.key: setting for setting in KEPT}

Tree = dict[str, "Tree | Setting"]


def tree(*places: Where) -> Tree:
    """The keys that stand in these places, as the objects of a file are nested."""
    grown: Tree = {}
    for setting in ALL:
        if setting.where not in places:
            continue
        *way, last = setting.path
        branch = grown
        for part in way:
            found = branch.setdefault(part, {})
            if isinstance(found, Setting):
                raise AssertionError(f"{setting.key} stands below {found.key}, which is a value of its own.")
            branch = found
        branch[last] = setting
    return grown


def is_by_hand(setting: Setting) -> bool:
    """Whether the key has code of its own."""
    return setting.kind is Kind.BY_HAND
