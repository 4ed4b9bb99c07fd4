"""Checks of all settings that stand in the tables: each value at its place, every unknown key a problem."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.reading import Path
from mattermost_bridge.config.setting import Kind, Setting
from mattermost_bridge.config.table import Tree
from mattermost_bridge.config.values import BadValue, bent, from_file

#: Keys of older files, with what to write instead.
LEGACY = {
    "allowPrivateNetwork": "is legacy; use network.dangerouslyAllowPrivateNetwork instead.",
}


@dataclass
class Taken:
    """What an object of a file says: values by column, and by key those that are only kept. Only what is set."""

    values: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)


def take(
    checks: Checks,
    path: Path,
    body: dict[str, Any],
    branch: Tree,
    taken: Taken,
    *,
    later: Collection[str] = (),
    foreign: Collection[str] | None = (),
) -> None:
    """Check an object against a branch of the tables and add what it says to `taken`.

    Keys with code of their own are passed over. `later` are known and not used, `foreign` belong to other parts; with
    None every unknown key does, unless it looks like a misspelt one.
    """
    legacy = {key: raw for key, raw in body.items() if key in LEGACY and key not in branch}
    for key in legacy:
        checks.problem((*path, key), LEGACY[key])
    rest = {key: raw for key, raw in body.items() if key not in legacy}
    if foreign is None:
        checks.open_keys(path, rest, used=branch)
    else:
        checks.keys(path, rest, used=branch, later=later, foreign=foreign)
    for key, raw in rest.items():
        found = branch.get(key)
        here = (*path, key)
        if isinstance(found, Setting):
            _one(checks, here, raw, found, taken)
        elif found is not None:
            take(checks, here, checks.mapping(here, raw), found, taken, foreign=None if foreign is None else ())


def _one(checks: Checks, path: Path, raw: object, setting: Setting, taken: Taken) -> None:
    if raw is None or setting.kind is Kind.BY_HAND:
        return
    moved = bent(setting, raw)
    if moved is not None:
        limits = f"{setting.least:g} and {setting.most:g}"
        checks.note(path, f"is {raw}; {moved} is used, since it must lie between {limits}")
        raw = moved
    try:
        value = from_file(setting, raw)
    except BadValue as problem:
        checks.problem((*path, *problem.at), str(problem))
        return
    if not setting.is_set(value):
        return
    if not setting.used:
        checks.note(path, "is kept, and not used yet")
    if setting.column:
        taken.values[setting.column] = value
    else:
        taken.kept[setting.key] = value
