"""Trying a message: what would become of it, if somebody wrote it. Nothing is kept, sent or changed.

The message takes the very way of a real one (`decisions.decision_on`), with facts from the same place, so both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import DirectChannel, InboundEvent, KnownChannel, KnownPerson
from mattermost_bridge.models.states import EventKind
from mattermost_bridge.rules import pairing as pairing_rules
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, Decision, Outcome, Policy
from mattermost_bridge.services import bursts, pairing
from mattermost_bridge.services.decisions import decision_on

THIS_POST = "this-message"
"""Stands for the id of the message that nobody sent; where it would begin a thread, that is the thread's root."""

#: What decides who is meant is no setting that could be tried out.
_FIXED = frozenset({"account_id", "bot_user_id", "bot_username", "sources"})
OVERRIDABLE = frozenset(field.name for field in fields(Policy)) - _FIXED


def rehearse(
    account_pk: int,
    *,
    person: str,
    channel: str = "",
    text: str,
    thread: str = "",
    at: datetime | None = None,
    overrides: Mapping[str, Any] | None = None,
    has_files: bool = False,
) -> Decision:
    """What would become of a message of a person (a user id), with every check.

    `channel` is a channel's id, "" for a direct message to the bot; `thread` the root's id when it is written in one.
    `at` is when, by default now. `overrides` are values of `Policy`'s fields that are tried out instead of those that
    hold; their source is shown as "tried out". Raises Account.DoesNotExist, and ValueError for a field that is none.
    """
    moment = at or timezone.now()
    settings = _with(settings_for(account_pk), overrides or {})
    event = _event(account_pk, person, channel, text, thread, moment, has_files=has_files)
    decision = decision_on(event, settings, now=moment)
    if decision.reason == Reason.PAIRING_REQUIRED:
        waiting = pairing.pending(account_pk, now=moment)
        has_request = any(request.user_id == person for request in waiting)
        return pairing_rules.after_looking_at_requests(decision, has_request=has_request, waiting=len(waiting))
    if decision.outcome is Outcome.ADMITTED and settings.debounce_ms:
        return bursts.continues(event, decision, settings)
    return decision


def _with(settings: AccountSettings, overrides: Mapping[str, Any]) -> AccountSettings:
    unknown = sorted(set(overrides) - OVERRIDABLE)
    if unknown:
        raise ValueError(f"No setting that decides about messages is called {', '.join(unknown)}.")
    if not overrides:
        return settings
    sources = {**dict(settings.policy.sources), **dict.fromkeys(overrides, "tried out")}
    return replace(settings, policy=replace(settings.policy, sources=tuple(sources.items()), **overrides))


def _event(
    account_pk: int, person: str, channel: str, text: str, thread: str, moment: datetime, *, has_files: bool
) -> InboundEvent:
    """The message as the inbox would keep it; it is not saved."""
    username, is_bot = known_person(account_pk, person)
    channel_id, channel_type = known_channel(account_pk, channel, person)
    return InboundEvent(
        account_id=account_pk,
        kind=EventKind.POST,
        dedupe_key=THIS_POST,
        post_id=THIS_POST,
        channel_id=channel_id,
        channel_type=channel_type,
        root_id=thread,
        user_id=person,
        username=username,
        text=text,
        create_at=int(moment.timestamp() * 1000),
        payload={"type": "", "file_ids": ["file"] if has_files else [], "from_bot": is_bot, "from_webhook": False},
    )


def known_person(account_pk: int, user_id: str) -> tuple[str, bool]:
    """The username that is known of a person, "" for none, and whether they are a bot."""
    known = KnownPerson.objects.filter(account=account_pk, user_id=user_id)
    return known.values_list("username", "is_bot").first() or ("", False)


def known_channel(account_pk: int, channel: str, person: str) -> tuple[str, str]:
    """A channel's id and type, "" for one that is not known; the direct channel with a person when none is named."""
    if not channel:
        direct = DirectChannel.objects.filter(account=account_pk, user_id=person)
        return direct.values_list("channel_id", flat=True).first() or "", ChannelType.DIRECT
    known = KnownChannel.objects.filter(account=account_pk, channel_id=channel)
    return channel, known.values_list("type", flat=True).first() or ""
