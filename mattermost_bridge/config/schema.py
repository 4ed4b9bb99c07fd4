"""Configuration files, checked: from a text to what it asks for, with every problem and its place at once.

The keys are those of the original gateway. An unknown key is an error; a known key that Durar does not use is noted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mattermost_bridge.config import keys
from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.names import normalise_account_id
from mattermost_bridge.config.providers import wanted_agents
from mattermost_bridge.config.reading import ConfigError, Path, read
from mattermost_bridge.config.schema_bindings import bindings
from mattermost_bridge.config.schema_groups import access_groups, groups, list_value, note_unknown_groups
from mattermost_bridge.config.schema_settings import Taken, take
from mattermost_bridge.config.setting import Setting, Where
from mattermost_bridge.config.table import Tree, tree
from mattermost_bridge.config.wanted import Entry, Secret, Values, Wanted
from mattermost_bridge.mattermost.transport import token_problem
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models.states import DmPolicy
from mattermost_bridge.rules import direct_channels
from mattermost_bridge.rules.access import WILDCARD
from mattermost_bridge.services.policies import OPEN_NEEDS_WILDCARD

SECTION: Path = ("channels", "mattermost")
DEFAULT_ACCOUNT = "default"


def parse(text: str, *, known_agents: frozenset[str] = frozenset()) -> Wanted:
    """What the text of a configuration file asks for. Raises ConfigError with all its problems.

    `known_agents` are the ids of the agents that exist: a file may name them without describing them.
    """
    checks = Checks(read(text))
    content = checks.document.content
    checks.keys((), content, used=keys.TOP, foreign=keys.TOP_FOREIGN)

    sets = access_groups(checks, content.get("accessGroups"))
    channels = checks.mapping(("channels",), content.get("channels"))
    checks.keys(("channels",), channels, used={"mattermost", "defaults"}, foreign=keys.OTHER_CHANNELS)
    settings = _outside(checks, content, channels)
    agent, agents = wanted_agents(checks, content, known_agents)
    all_agents = known_agents | {each.slug for each in agents} | ({agent.slug} if agent else set())

    section, accounts, default_account = None, {}, ""
    if "mattermost" in channels:
        body = checks.mapping(SECTION, channels["mattermost"])
        section = _values(checks, SECTION, body, tree(Where.SHARED, Where.SECTION), all_agents)
        accounts = _accounts(checks, body, section, all_agents)
        _check_open(checks, section, accounts)
        _check_same_bot(checks, section, accounts)
        for values in (section, *(account for account in accounts.values() if account.path != SECTION)):
            note_unknown_groups(checks, values, sets)
        default_account = checks.text((*SECTION, "defaultAccount"), body.get("defaultAccount"))
        if default_account:
            default_account = normalise_account_id(default_account)
            if default_account not in accounts:
                checks.note((*SECTION, "defaultAccount"), f"names {default_account}, which is none of the accounts")

    if agent and section and section.agent:
        checks.note((*SECTION, "durar", "agent"), f"counts more than agents.defaults.model.primary ({agent.slug})")
    rules = bindings(checks, content.get("bindings"), all_agents)
    if checks.problems:
        raise ConfigError(checks.problems)
    return Wanted(
        section=section,
        accounts=accounts,
        default_account=default_account,
        settings=settings,
        agent=agent,
        agents=agents,
        bindings=rules,
        access_groups=sets,
        notes=tuple(checks.notes),
    )


def _outside(checks: Checks, content: dict, channels: dict) -> dict[str, Any]:
    """The settings that stand outside of `channels.mattermost`, by column."""
    taken, branches = Taken(), tree(Where.TOP)
    for key in keys.TOP_SETTINGS:
        # The original has more keys there, all for its other parts.
        take(checks, (key,), checks.mapping((key,), content.get(key)), _branch(branches, key), taken, foreign=None)
    every_bridge = ("channels", "defaults")
    take(
        checks,
        every_bridge,
        checks.mapping(every_bridge, channels.get("defaults")),
        _branch(branches, *every_bridge),
        taken,
        later=keys.CHANNEL_DEFAULTS_LATER,
    )
    agents = content.get("agents")
    defaults = agents.get("defaults") if isinstance(agents, dict) else None
    if isinstance(defaults, dict):
        own = {key: value for key, value in defaults.items() if key == "mediaMaxMb"}
        take(checks, ("agents", "defaults"), own, _branch(branches, "agents", "defaults"), taken)
    return taken.values


def _branch(branches: Tree, *way: str) -> Tree:
    for key in way:
        found = branches[key]
        assert not isinstance(found, Setting)
        branches = found
    return branches


def _values(
    checks: Checks, path: Path, body: dict, branch: Tree, agents: frozenset[str], *, names: bool = False
) -> Values:
    """`names`: usernames count on lists where nothing else is said."""
    taken = Taken()
    take(checks, path, body, branch, taken)
    settings = taken.values
    names = settings.get("name_matching", names)
    if problem := direct_channels.delays_problem(
        settings.get("dm_retry_initial_delay_ms"), settings.get("dm_retry_max_delay_ms")
    ):
        checks.problem((*path, "dmChannelRetry", "initialDelayMs"), f"{problem}.")
    own = body.get("durar")
    own = own if isinstance(own, dict) else {}
    return Values(
        path=path,
        enabled=checks.flag((*path, "enabled"), body.get("enabled"), default=True),
        name=checks.text((*path, "name"), body.get("name"), longest=100),
        token=_token(checks, (*path, "botToken"), body.get("botToken")),
        base_url=_address(checks, (*path, "baseUrl"), body.get("baseUrl")),
        allow_from=_list(checks, path, "allowFrom", body, own, names=names),
        group_allow_from=_list(checks, path, "groupAllowFrom", body, own, names=names),
        groups=groups(checks, (*path, "groups"), body.get("groups"), agents),
        agent=checks.text((*path, "durar", "agent"), own.get("agent"), longest=64),
        settings=settings,
        kept=taken.kept,
    )


def _token(checks: Checks, path: Path, value: object) -> Secret:
    token = checks.secret(path, value)
    if token.value and (problem := token_problem(token.value)):
        checks.problem(path, problem)
    return token


def _address(checks: Checks, path: Path, value: object) -> str:
    text = checks.text(path, value, longest=300)
    if not text:
        return ""
    try:
        return normalise_base_url(text)
    except ValueError as problem:
        checks.problem(path, str(problem))
        return ""


def _list(checks: Checks, path: Path, key: str, body: dict, own: dict, *, names: bool) -> tuple[Entry, ...] | None:
    ends = checks.moments((*path, "durar", f"{key}Until"), own.get(f"{key}Until"))
    if body.get(key) is None:
        for value in ends:
            checks.problem((*path, "durar", f"{key}Until", value), f"stands there without {key}.")
        return None
    entries: dict[str, Entry] = {}
    for number, raw in enumerate(checks.items((*path, key), body[key])):
        here = (*path, key, number)
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            checks.problem(here, "must be a text or a number: a user id, or * for everybody.")
            continue
        value = list_value(checks, here, str(raw), names=names)
        if not value:
            continue
        entries[value] = Entry(value, ends.pop(value, None) if value not in entries else entries[value].until)
    for value in ends:
        checks.problem((*path, "durar", f"{key}Until", value), f"names nobody in {key}.")
    return tuple(entries.values())


def _accounts(checks: Checks, body: dict, section: Values, agents: frozenset[str]) -> dict[str, Values]:
    path = (*SECTION, "accounts")
    branch, names = tree(Where.SHARED), bool(section.settings.get("name_matching"))
    found: dict[str, Values] = {}
    for key, raw in checks.mapping(path, body.get("accounts")).items():
        here = (*path, key)
        account_id = normalise_account_id(key)
        account = checks.mapping(here, raw)
        if account_id in found:
            checks.problem(here, f"is the same account as another one above: both ids mean {account_id}.")
            continue
        if account_id != key:
            checks.note(here, f"is kept as the account {account_id}")
        found[account_id] = _values(checks, here, account, branch, agents, names=names)
    return _with_default(checks, body, section, found)


def _with_default(checks: Checks, body: dict, section: Values, found: dict[str, Values]) -> dict[str, Values]:
    """The accounts with what the section itself says of them: its token belongs to `default`, its name to all."""
    has_token = section.token != Secret()
    alone = "accounts" not in body and (section.base_url or has_token)
    if DEFAULT_ACCOUNT not in found and (has_token or alone):
        found = {DEFAULT_ACCOUNT: Values(path=SECTION), **found}
    default = found.get(DEFAULT_ACCOUNT)
    if default is not None and has_token:
        if default.token == Secret():
            found[DEFAULT_ACCOUNT] = replace(default, token=section.token)
        else:
            checks.note((*SECTION, "botToken"), f"is not used: the account {DEFAULT_ACCOUNT} has a token of its own")
    if section.name:
        found = {
            key: account if account.name else replace(account, name=section.name) for key, account in found.items()
        }
    return found


def _check_open(checks: Checks, section: Values, accounts: dict[str, Values]) -> None:
    for values in (section, *(account for account in accounts.values() if account.path != SECTION)):
        entries = values.allow_from if values.allow_from is not None else section.allow_from
        if values.settings.get("dm_policy") == DmPolicy.OPEN and WILDCARD not in {
            entry.value for entry in entries or ()
        }:
            checks.problem((*values.path, "allowFrom"), f"{OPEN_NEEDS_WILDCARD}.")


def _check_same_bot(checks: Checks, section: Values, accounts: dict[str, Values]) -> None:
    seen: dict[tuple[str, Secret], str] = {}
    for account_id, account in accounts.items():
        if not account.enabled or account.token.keep or account.token == Secret():
            continue
        bot = (account.base_url or section.base_url, account.token)
        if bot in seen:
            checks.problem(
                (*account.path, "botToken"),
                f"is the same token as that of the account {seen[bot]}, on the same server: two enabled accounts would "
                "answer everything twice.",
            )
        seen.setdefault(bot, account_id)
