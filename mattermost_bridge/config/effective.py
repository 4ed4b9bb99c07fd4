"""One account's settings as they hold: own values, inherited values, built-in defaults and the environment.

`settings_for` is the only thing the rest of the code reads. Single values inherit field by field; a list is taken
whole from the account once it says that it has its own, also when that one is empty.
"""

from __future__ import annotations

import os
import secrets as randomness
import threading
import time
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from durar_site.environment import secret
from mattermost_bridge.config.account_settings import DEFAULT_ACCOUNT, AccountSettings, Gateway
from mattermost_bridge.config.effective_policy import gateway_of, policy_of, settings_of
from mattermost_bridge.config.effective_values import choose, chosen, values_of
from mattermost_bridge.config.origins import ACCOUNT, BUILT_IN, DEFAULTS, ENVIRONMENT
from mattermost_bridge.config.secrets import SecretProblem, resolve
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.rules import direct_channels
from mattermost_bridge.rules.collation import locale_order

#: No Mattermost server takes more code points in a post.
LARGEST_TEXT_CHUNK = 16383
#: So long, in seconds, a secret read from a file is used before the file is read again.
FILE_SECRET_AGE = 60.0


@dataclass(frozen=True)
class _Cached:
    settings: AccountSettings
    good_until: float | None  # monotonic; None: as long as the version holds


_cache: dict[int, _Cached] = {}
_lock = threading.Lock()


def settings_for(account_pk: int) -> AccountSettings:
    """The effective settings of an account; one query as long as no setting changes.

    Raises Account.DoesNotExist. Never raises for a token that cannot be had: `token_problem` says why.
    """
    version = _version()
    cached = _cache.get(account_pk)
    if (
        cached
        and cached.settings.version == version
        and (cached.good_until is None or time.monotonic() < cached.good_until)
    ):
        return cached.settings
    while True:
        built = _build(account_pk, version)
        # Somebody may have committed a change between our queries: then half of what was read is old.
        now_version = _version()
        if now_version == version:
            break
        version = now_version
    with _lock:
        _cache[account_pk] = built
    return built.settings


def bump_version() -> None:
    """Tell every process that settings changed. Call it in the transaction of the change, after the change itself."""
    # A random step: a number that was rolled back, but under which this process may have cached what it saw inside
    # that transaction, never comes again.
    step = 1 + randomness.randbelow(2**30)
    if not BridgeDefaults.objects.filter(pk=1).update(settings_version=F("settings_version") + step):
        BridgeDefaults.objects.create(pk=1, settings_version=1 + step)


def forget() -> None:
    """Drop what this process has cached (tests, which roll whole databases back, need it)."""
    with _lock:
        _cache.clear()


def default_account_id() -> str:
    """The account that is meant where none is named: `defaultAccount` if it exists, else `default`, else the first.

    The first in the order of `localeCompare`, whatever order the database sorts texts by.
    """
    wanted = BridgeDefaults.objects.filter(pk=1).values_list("default_account", flat=True).first()
    known = locale_order(list(Account.objects.filter(archived_at=None).values_list("account_id", flat=True)))
    for candidate in (wanted, DEFAULT_ACCOUNT, *known[:1]):
        if candidate in known:
            return str(candidate)
    return DEFAULT_ACCOUNT


def environment_value(name: str) -> str:
    """`MATTERMOST_BOT_TOKEN` or `MATTERMOST_URL`, also by `NAME_FILE`, trimmed. Raises SecretProblem."""
    try:
        return secret(name).strip()
    except ImproperlyConfigured as error:
        raise SecretProblem(str(error)) from error


def environment_has_a_bot() -> bool:
    """Whether `MATTERMOST_BOT_TOKEN` describes a bot, which is that of the account `default`.

    Also when it names a file that cannot be read: then the account shows what is wrong.
    """
    try:
        return bool(environment_value("MATTERMOST_BOT_TOKEN"))
    except SecretProblem:
        return True


def _version() -> int:
    return BridgeDefaults.objects.filter(pk=1).values_list("settings_version", flat=True).first() or 0


def _build(account_pk: int, version: int) -> _Cached:
    # The token is fetched by itself, since a row that no key reads must not hide all other settings; keys of agents
    # are none of ours.
    rows = Account.objects.defer("bot_token", "agent__api_key").select_related("agent")
    account = rows.get(pk=account_pk)
    of_all = BridgeDefaults.objects.defer("key_check", "agent__api_key").select_related("agent")
    defaults = of_all.filter(pk=1).first() or BridgeDefaults(pk=1)
    found = chosen(account, defaults)
    values = values_of(found)
    agent = account.agent or defaults.agent
    source_of_agent = ACCOUNT if account.agent else DEFAULTS if agent else BUILT_IN
    base_url, source_of_url, url_problem = base_url_of(account, defaults)
    token, source_of_token, token_problem, from_file = _token(account)
    sources = {"agent": source_of_agent, "base_url": source_of_url, "token": source_of_token}
    settings = AccountSettings(
        pk=account.pk,
        account_id=account.account_id,
        name=account.name or account.account_id,
        enabled=account.enabled and defaults.enabled,
        archived=account.is_archived,
        base_url=base_url,
        token=token,
        token_problem=token_problem or url_problem,
        bot_user_id=account.bot_user_id,
        bot_username=account.bot_username,
        agent_pk=agent.pk if agent else None,
        text_chunk_limit=min(values["text_chunk_limit"], LARGEST_TEXT_CHUNK),
        pairing_text=values["pairing_text"].strip(),
        policy=policy_of(account, defaults, agent, found, sources),
        version=version,
        dm_channel_retry=direct_channels.merged(account.dm_channel_retry, defaults.dm_channel_retry),
        **settings_of(values),
    )
    return _Cached(settings, time.monotonic() + FILE_SECRET_AGE if from_file else None)


def group_policy_of(account: Account, defaults: BridgeDefaults) -> tuple[str, str]:
    """The channel policy, and where it comes from."""
    return choose(OF_ACCOUNTS["group_policy"], ((account, ACCOUNT), (defaults, DEFAULTS)), defaults)


def gateway() -> Gateway:
    """What the keys of `gateway` say, for whoever has no account at hand."""
    defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
    return gateway_of({name: choose(OF_ALL[name], ((defaults, DEFAULTS),), defaults)[0] for name in OF_ALL})


def base_url_of(account: Account, defaults: BridgeDefaults) -> tuple[str, str, str]:
    """The address, where it comes from, and what is wrong with the environment's, if that was asked."""
    for value, source in ((account.base_url, ACCOUNT), (defaults.base_url, DEFAULTS)):
        if value.strip():
            return value.strip(), source, ""
    if account.account_id != DEFAULT_ACCOUNT:
        return "", BUILT_IN, ""
    try:
        value = environment_value("MATTERMOST_URL")
        return (normalise_base_url(value), ENVIRONMENT, "") if value else ("", BUILT_IN, "")
    except SecretProblem as problem:
        return "", ENVIRONMENT, str(problem)
    except ValueError as problem:
        return "", ENVIRONMENT, f"MATTERMOST_URL cannot be used. {problem}"


def _token(account: Account) -> tuple[str, str, str, bool]:
    """The token, where it comes from, what is wrong with it, and whether it was read from a file."""
    # A configured token or reference that cannot be used never falls back to the environment: the bot would become
    # another one without anybody having said so.
    if account.token_ref:
        from_file = account.token_ref.startswith("file:")
        try:
            return resolve(account.token_ref), ACCOUNT, "", from_file
        except SecretProblem as problem:
            return "", ACCOUNT, str(problem), from_file
    try:
        if own := account.bot_token.strip():
            return own, ACCOUNT, "", False
    except WrongKeyError as problem:
        return "", ACCOUNT, f"The token of the account {account.account_id!r}: {problem}", False
    if account.account_id != DEFAULT_ACCOUNT:
        return "", BUILT_IN, "", False
    try:
        value = environment_value("MATTERMOST_BOT_TOKEN")
    except SecretProblem as problem:
        return "", ENVIRONMENT, str(problem), True
    return value, ENVIRONMENT if value else BUILT_IN, "", bool(os.environ.get("MATTERMOST_BOT_TOKEN_FILE"))
