"""Taking over fields of an account or of the defaults: the same checks, and the same words in the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from mattermost_bridge.config import effective
from mattermost_bridge.config.setting import Setting
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.config.values import BadValue, checked
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models import Account, Agent, BridgeDefaults, InboundEvent
from mattermost_bridge.models.states import EventState
from mattermost_bridge.rules.direct_channels import delays_problem
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services.errors import Refused

#: What an account and the defaults have in common, and what each has beside it.
SHARED = frozenset({"base_url", "agent", "kept", *OF_ACCOUNTS})
OF_ACCOUNT = SHARED | {"name"}
OF_DEFAULTS = SHARED | {"enabled", "default_account", *OF_ALL}


def apply(record: Account | BridgeDefaults, fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Set `fields` on the record, checked and trimmed, without saving. Raises Refused with a sentence."""
    unknown = set(fields) - allowed
    if unknown:
        raise TypeError(f"{type(record).__name__} has no changeable fields {sorted(unknown)}")
    for name, value in fields.items():
        if name == "base_url":
            try:
                value = normalise_base_url(value) if value.strip() else ""
            except ValueError as problem:
                raise Refused(str(problem)) from None
        elif setting := OF_ACCOUNTS.get(name) or OF_ALL.get(name):
            value = take(setting, value)
        elif isinstance(value, str):
            value = value.strip()
        setattr(record, name, value)


def take(setting: Setting, value: Any) -> Any:
    """The value of a setting, trimmed. Raises Refused when the setting cannot have it."""
    try:
        return checked(setting, value)
    except BadValue as problem:
        # What is wrong with the pairing text is a sentence of its own.
        said = str(problem) if setting.each == "pairing text" else f"{setting.column} ({setting.key}) {problem}"
        raise Refused(said) from None


def validate(record: Account | BridgeDefaults) -> None:
    """Raise Refused when a field holds what it must not, as a policy that does not exist."""
    try:
        record.clean_fields(exclude=["bot_token", "key_check"])
    except ValidationError as error:
        parts = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
        raise Refused(" ".join(parts)) from None
    if problem := delays_problem(record.dm_retry_initial_delay_ms, record.dm_retry_max_delay_ms):
        raise Refused(f"dmChannelRetry: {problem}. Enter a shorter first delay or a longer longest one.")


def shown(record: Account | BridgeDefaults, names: frozenset[str]) -> dict[str, Any]:
    """The fields as the audit log shows them."""
    values = {name: getattr(record, name) for name in sorted(names)}
    return {name: value.slug if isinstance(value, Agent) else value for name, value in values.items()}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What changed: for each field the old and the new value."""
    return {name: [before[name], after[name]] for name in after if before[name] != after[name]}


def decide_what_waited(accounts: Iterable[Account]) -> None:
    """What waited for an agent is decided anew where there is one now."""
    from mattermost_bridge.services.decisions import agent_available

    for account in accounts:
        if effective.settings_for(account.pk).agent_pk is not None:
            agent_available(account.pk)


def decide_all_that_waited() -> None:
    """What waits for an agent, of whatever account, is decided anew: a binding or a channel's entry may name one."""
    from mattermost_bridge.services.decisions import agent_available

    waiting = InboundEvent.objects.filter(state=EventState.WAITING, reason=Reason.NO_AGENT)
    for account_pk in waiting.order_by().values_list("account_id", flat=True).distinct():
        agent_available(account_pk)
