"""Configuration files, checked: from a text to what it asks for, with every problem and its place at once.

The keys are those of the original gateway. An unknown key is an error; a known key that Durar does not use is noted.
"""

from __future__ import annotations

from dataclasses import replace

from mattermost_bridge.config import keys
from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.names import normalise_account_id
from mattermost_bridge.config.providers import primary_agent
from mattermost_bridge.config.reading import ConfigError, Path, read
from mattermost_bridge.config.schema_groups import access_groups, groups, list_value, note_unknown_groups
from mattermost_bridge.config.wanted import Entry, Secret, Values, Wanted
from mattermost_bridge.mattermost.transport import token_problem
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models.states import DmPolicy, GroupPolicy
from mattermost_bridge.rules import direct_channels
from mattermost_bridge.rules.access import WILDCARD
from mattermost_bridge.rules.pairing import check_template
from mattermost_bridge.services.policies import OPEN_NEEDS_WILDCARD

SECTION: Path = ("channels", "mattermost")
DEFAULT_ACCOUNT = "default"
#: What a post may hold at most, and a limit below which the parts are no longer readable.
TEXT_CHUNK = (50, 16383)


def parse(text: str, *, known_agents: frozenset[str] = frozenset()) -> Wanted:
    """What the text of a configuration file asks for. Raises ConfigError with all its problems.

    `known_agents` are the ids of the agents that exist: a primary model may name one of them without its provider.
    """
    checks = Checks(read(text))
    content = checks.document.content
    checks.keys((), content, used=keys.TOP, later=keys.TOP_LATER, foreign=keys.TOP_FOREIGN)

    sets = access_groups(checks, content.get("accessGroups"))
    channels = checks.mapping(("channels",), content.get("channels"))
    checks.keys(("channels",), channels, used={"mattermost", "defaults"}, foreign=keys.OTHER_CHANNELS)
    defaults = checks.mapping(("channels", "defaults"), channels.get("defaults"))
    checks.keys(("channels", "defaults"), defaults, used={"groupPolicy"}, later=keys.CHANNEL_DEFAULTS_LATER)
    every_bridge = checks.choice(
        ("channels", "defaults", "groupPolicy"), defaults.get("groupPolicy"), GroupPolicy.values
    )

    section, accounts, default_account = None, {}, ""
    if "mattermost" in channels:
        body = checks.mapping(SECTION, channels["mattermost"])
        checks.keys(SECTION, body, used=keys.SHARED | keys.SECTION, later=keys.SHARED_LATER)
        section = _values(checks, SECTION, body)
        accounts = _accounts(checks, body, section)
        _check_open(checks, section, accounts)
        _check_same_bot(checks, section, accounts)
        for values in (section, *(account for account in accounts.values() if account.path != SECTION)):
            note_unknown_groups(checks, values, sets)
        default_account = checks.text((*SECTION, "defaultAccount"), body.get("defaultAccount"))
        if default_account:
            default_account = normalise_account_id(default_account)
            if default_account not in accounts:
                checks.note((*SECTION, "defaultAccount"), f"names {default_account}, which is none of the accounts")

    agent = primary_agent(checks, content, known_agents)
    if agent and section and section.agent:
        checks.note((*SECTION, "durar", "agent"), f"counts more than agents.defaults.model.primary ({agent.slug})")
    if checks.problems:
        raise ConfigError(checks.problems)
    return Wanted(section, accounts, default_account, every_bridge, agent, sets, tuple(checks.notes))


def _values(checks: Checks, path: Path, body: dict) -> Values:
    own = checks.mapping((*path, "durar"), body.get("durar"))
    checks.keys((*path, "durar"), own, used=keys.DURAR)
    return Values(
        path=path,
        enabled=checks.flag((*path, "enabled"), body.get("enabled"), default=True),
        name=checks.text((*path, "name"), body.get("name"), longest=100),
        token=_token(checks, (*path, "botToken"), body.get("botToken")),
        base_url=_address(checks, (*path, "baseUrl"), body.get("baseUrl")),
        dm_policy=checks.choice((*path, "dmPolicy"), body.get("dmPolicy"), DmPolicy.values),
        group_policy=checks.choice((*path, "groupPolicy"), body.get("groupPolicy"), GroupPolicy.values),
        text_chunk_limit=_chunk_limit(checks, (*path, "textChunkLimit"), body.get("textChunkLimit")),
        allow_from=_list(checks, path, "allowFrom", body, own),
        group_allow_from=_list(checks, path, "groupAllowFrom", body, own),
        groups=groups(checks, (*path, "groups"), body.get("groups")),
        pairing_text=_pairing_text(checks, (*path, "durar", "pairingText"), own.get("pairingText")),
        agent=checks.text((*path, "durar", "agent"), own.get("agent"), longest=64),
        dm_channel_retry=_retry(checks, (*path, "dmChannelRetry"), body.get("dmChannelRetry")),
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


def _chunk_limit(checks: Checks, path: Path, value: object) -> int | None:
    number = checks.positive(path, value)
    if number is None:
        return None
    least, most = TEXT_CHUNK
    taken = min(max(number, least), most)
    if taken != number:
        checks.note(path, f"is {number}; {taken} is used, since a post must have between {least} and {most} characters")
    return taken


def _retry(checks: Checks, path: Path, value: object) -> dict[str, int | None]:
    body = checks.mapping(path, value)
    checks.keys(path, body, used=frozenset(direct_channels.KEYS.values()))
    found: dict[str, int | None] = {}
    for name, key in direct_channels.KEYS.items():
        number = body.get(key)
        problem = direct_channels.problem_of(name, number)
        if problem:
            checks.problem((*path, key), problem)
        found[name] = None if problem or number is None else int(number)
    if problem := direct_channels.delays_problem(found["initial_delay_ms"], found["max_delay_ms"]):
        checks.problem((*path, "initialDelayMs"), f"{problem}.")
    return found


def _pairing_text(checks: Checks, path: Path, value: object) -> str:
    text = checks.text(path, value, trim=False)
    for problem in check_template(text):
        checks.problem(path, problem)
    return text


def _list(checks: Checks, path: Path, key: str, body: dict, own: dict) -> tuple[Entry, ...] | None:
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
        value = list_value(checks, here, str(raw))
        if not value:
            continue
        entries[value] = Entry(value, ends.pop(value, None) if value not in entries else entries[value].until)
    for value in ends:
        checks.problem((*path, "durar", f"{key}Until", value), f"names nobody in {key}.")
    return tuple(entries.values())


def _accounts(checks: Checks, body: dict, section: Values) -> dict[str, Values]:
    path = (*SECTION, "accounts")
    found: dict[str, Values] = {}
    for key, raw in checks.mapping(path, body.get("accounts")).items():
        here = (*path, key)
        account_id = normalise_account_id(key)
        account = checks.mapping(here, raw)
        checks.keys(here, account, used=keys.SHARED, later=keys.SHARED_LATER)
        if account_id in found:
            checks.problem(here, f"is the same account as another one above: both ids mean {account_id}.")
            continue
        if account_id != key:
            checks.note(here, f"is kept as the account {account_id}")
        found[account_id] = _values(checks, here, account)
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
            key: account if account.name else _changed(account, name=section.name) for key, account in found.items()
        }
    return found


def _changed(values: Values, **changes: object) -> Values:
    from dataclasses import replace

    return replace(values, **changes)  # type: ignore[arg-type]


def _check_open(checks: Checks, section: Values, accounts: dict[str, Values]) -> None:
    for values in (section, *(account for account in accounts.values() if account.path != SECTION)):
        entries = values.allow_from if values.allow_from is not None else section.allow_from
        if values.dm_policy == DmPolicy.OPEN and WILDCARD not in {entry.value for entry in entries or ()}:
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
