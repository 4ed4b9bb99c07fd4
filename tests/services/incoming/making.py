"""What these tests share: an account that everybody may ask, edits and reactions as a listener hears them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import AccessEntry, Account, BridgeDefaults, Conversation, InboundEvent
from mattermost_bridge.services import inbox
from tests.bridge import make_account, post

ROOT = "root".ljust(26, "r")


def open_account(account_id: str = "default", **values) -> Account:
    """An account that everybody may ask, directly and in channels; `defaults` are values of the defaults."""
    defaults = values.pop("defaults", {})
    account = make_account(account_id, dm_policy="open", group_policy="open", own_allow_from=True, **values)
    AccessEntry.objects.create(account=account, list="dm", value="*")
    BridgeDefaults.objects.filter(pk=1).update(**defaults)
    effective.bump_version()
    return account


def edit_of(draft: inbox.Draft, text: str, *, later_ms: int = 1000) -> inbox.Draft:
    """A later edit of a post, as a listener hears it: without a username."""
    at = draft.create_at + later_ms
    key = f"{draft.post_id}:{at}"
    return replace(draft, kind="edit", dedupe_key=key, text=text, create_at=at, username="")


def reaction_on(post_id: str, *, user: str = "carol", channel: str = "support", channel_type: str = "O", **values):
    """A reaction to a post."""
    draft = post("eyes", user=user, channel=channel, channel_type=channel_type)
    key = f"{post_id}:eyes:{draft.user_id}:{draft.create_at}"
    payload = {"emoji_name": "eyes", "removed": False}
    return replace(draft, kind="reaction", dedupe_key=key, post_id=post_id, username="", payload=payload, **values)


def reasons() -> list[tuple[str, str, str]]:
    """Text, state and reason of every event, in order."""
    return list(InboundEvent.objects.order_by("create_at", "pk").values_list("text", "state", "reason"))


def holding_is_over() -> None:
    """The time for which posts are held has passed."""
    InboundEvent.objects.exclude(wait_until=None).update(wait_until=timezone.now() - timedelta(seconds=1))


def wake_all() -> list[int]:
    """The conversations, to be looked at again."""
    return list(Conversation.objects.order_by("pk").values_list("pk", flat=True))
