"""Checks of `groups` (what is different in single channels) and of `accessGroups` (named sets of people)."""

from __future__ import annotations

import re
from typing import Any

from mattermost_bridge.config import keys
from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.effective_lists import group_name_in
from mattermost_bridge.config.reading import Path
from mattermost_bridge.config.schema_settings import Taken, take
from mattermost_bridge.config.setting import Where
from mattermost_bridge.config.table import tree
from mattermost_bridge.config.wanted import Entry, Group, Values
from mattermost_bridge.models import AccessGroup
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.rules.access import WILDCARD, normalise_entry
from mattermost_bridge.rules.mentions import EVERY_CHANNEL

ID = re.compile(r"[a-z0-9]{26}")
SENDERS = "message.senders"
ACCESS_GROUPS: Path = ("accessGroups",)
LONGEST_VALUE = 120
LONGEST_CHANNEL = 64


def groups(checks: Checks, path: Path, value: object, agents: frozenset[str]) -> tuple[Group, ...] | None:
    """The `groups` map at a path; None when it is not there, and then inherited. `agents` are the ids of all agents."""
    if value is None:
        return None
    branch = tree(Where.CHANNEL)
    found: dict[str, Group] = {}
    for key, raw in checks.mapping(path, value).items():
        here = (*path, key)
        body, taken = checks.mapping(here, raw), Taken()
        take(checks, here, body, branch, taken)
        channel_id = key.strip()
        if not channel_id or len(channel_id) > LONGEST_CHANNEL:
            checks.problem(here, f"must be a channel id or {EVERY_CHANNEL}, of {LONGEST_CHANNEL} characters at most.")
            continue
        if channel_id in found:
            checks.problem(here, "is the same channel as another one above.")
            continue
        if channel_id != EVERY_CHANNEL and not ID.fullmatch(channel_id):
            checks.note(here, "is no channel id (26 small letters and digits): it matches no channel")
        own = body.get("durar")
        named = own.get("agent") if isinstance(own, dict) else None
        agent = checks.text((*here, "durar", "agent"), named, longest=64)
        if agent and agent not in agents:
            checks.problem((*here, "durar", "agent"), f"names the agent {agent}, which does not exist. Add it first.")
        found[channel_id] = Group(channel_id, taken.values, agent)
    return tuple(found.values())


def access_groups(checks: Checks, value: object) -> dict[str, tuple[Entry, ...]]:
    """The people of each access group by its name, those of Mattermost and those of every kind of bridge."""
    found: dict[str, tuple[Entry, ...]] = {}
    for key, raw in checks.mapping(ACCESS_GROUPS, value).items():
        here = (*ACCESS_GROUPS, key)
        name = key.strip()
        if len(name) > 64 or not _is_name(name):
            checks.problem(
                here,
                "is no name for a group: use letters, digits, spaces, dots, - and _, 64 at most, beginning and ending "
                "with a letter or digit.",
            )
            continue
        if name.lower() in {other.lower() for other in found}:
            checks.problem(here, "is the same name as another one above: capital letters make no difference.")
            continue
        body = checks.mapping(here, raw)
        checks.keys(here, body, used=keys.ACCESS_GROUP)
        kind = checks.text((*here, "type"), body.get("type"))
        if not kind:
            checks.problem((*here, "type"), f'is missing. Write type: "{SENDERS}".')
        elif kind != SENDERS:
            checks.note((*here, "type"), f'is not "{SENDERS}": this group concerns other parts than Mattermost')
            continue
        found[name] = _members(checks, here, body)
    return found


def list_value(checks: Checks, path: Path, raw: str, *, names: bool) -> str:
    """An entry of a list in the form in which it is kept, "" for a blank one; notes what matches nobody.

    `names`: usernames count, so they match somebody.
    """
    value = raw.strip()
    if len(value) > LONGEST_VALUE:
        checks.problem(path, f"is longer than {LONGEST_VALUE} characters.")
    name = group_name_in(value)
    return f"{PREFIX}{name}" if name else _person(checks, path, value, names=names)


def note_unknown_groups(checks: Checks, values: Values, known: dict[str, Any]) -> None:
    """Note entries of the lists that mean an access group which the file lacks."""
    names = {name.lower() for name in known}
    for key, entries in (("allowFrom", values.allow_from), ("groupAllowFrom", values.group_allow_from)):
        for entry in entries or ():
            name = group_name_in(entry.value)
            if name and name.lower() not in names:
                checks.note(
                    (*values.path, key), f"names the access group {name}, which the file lacks: it matches nobody"
                )


def _is_name(name: str) -> bool:
    validator = AccessGroup._meta.get_field("name").validators[0]
    return bool(re.search(validator.regex, name))  # type: ignore[attr-defined]


def _members(checks: Checks, path: Path, body: dict[str, Any]) -> tuple[Entry, ...]:
    own = checks.mapping((*path, "durar"), body.get("durar"))
    checks.keys((*path, "durar"), own, used=keys.DURAR_ACCESS_GROUP)
    ends = checks.moments((*path, "durar", "until"), own.get("until"))
    members = checks.mapping((*path, "members"), body.get("members"))
    checks.keys((*path, "members"), members, used={WILDCARD, "mattermost"}, foreign=keys.OTHER_CHANNELS)
    entries: dict[str, Entry] = {}
    for kind in (WILDCARD, "mattermost"):
        for number, raw in enumerate(checks.items((*path, "members", kind), members.get(kind))):
            here = (*path, "members", kind, number)
            if isinstance(raw, bool) or not isinstance(raw, str | int | float):
                checks.problem(here, "must be a text or a number: a user id.")
                continue
            value = str(raw).strip()
            if len(value) > LONGEST_VALUE:
                checks.problem(here, f"is longer than {LONGEST_VALUE} characters.")
            if value := _person(checks, here, value):
                entries.setdefault(value, Entry(value, ends.get(value)))
    for value in set(ends) - set(entries):
        checks.problem((*path, "durar", "until", value), "names nobody in members.")
    return tuple(entries.values())


def _person(checks: Checks, path: Path, value: str, *, names: bool = False) -> str:
    plain = normalise_entry(value)
    if not plain:
        checks.note(path, "is blank and left out")
        return ""
    if plain == WILDCARD or ID.fullmatch(plain):
        return plain
    if not names:
        checks.note(path, f"{value!r} is no user id: names count only with dangerouslyAllowNameMatching")
    return value
