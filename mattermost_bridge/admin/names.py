"""Names for the ids that a page shows, fetched for all rows at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString

from mattermost_bridge.admin import looks
from mattermost_bridge.models import Account, InboundEvent, KnownChannel, KnownPerson, PairingRequest


class Names:
    """What is known of the channels and people of some accounts. Costs three queries, however many rows."""

    def __init__(self, account_ids: Iterable[int], channel_ids: Iterable[str] = (), user_ids: Iterable[str] = ()):
        accounts, channels, users = set(account_ids), set(channel_ids) - {""}, set(user_ids) - {""}
        self._channels: dict[tuple[int, str], tuple[str, str]] = {}
        self._people: dict[tuple[int, str], str] = {}
        if channels:
            rows = KnownChannel.objects.filter(account__in=accounts, channel_id__in=channels)
            for account, channel, kind, name, shown in rows.values_list(
                "account_id", "channel_id", "type", "name", "display_name"
            ):
                self._channels[account, channel] = (kind, shown or name)
        if users:
            people = KnownPerson.objects.filter(account__in=accounts, user_id__in=users)
            for account, user, username in people.values_list("account_id", "user_id", "username"):
                self._people[account, user] = username
            # Somebody who was only ever heard live, and asked to be paired.
            asked = PairingRequest.objects.filter(account__in=accounts, user_id__in=users).exclude(username="")
            for account, user, username in asked.values_list("account_id", "user_id", "username"):
                self._people.setdefault((account, user), username)

    def channel(self, account_id: int, channel_id: str, kind: str = "", name: str = "") -> SafeString:
        """The channel as the panel shows it; `kind` and `name` are what the record itself knows."""
        known_kind, known_name = self._channels.get((account_id, channel_id), ("", ""))
        return looks.channel(channel_id, kind or known_kind, known_name or name)

    def person(self, account_id: int, user_id: str, username: str = "") -> SafeString:
        """The person as the panel shows them; `username` is what the record itself knows."""
        return looks.person(user_id, self._people.get((account_id, user_id), "") or username)


def known_username(user_id: str, account_pk: int | None = None) -> str:
    """The username behind a user id, when it was ever seen: by the account, or by any of them; else ""."""
    if not user_id or user_id == "*":
        return ""
    people = KnownPerson.objects.filter(user_id=user_id).exclude(username="")
    events = InboundEvent.objects.filter(user_id=user_id).exclude(username="").order_by("-pk")
    accounts = [account_pk] if account_pk else list(Account.objects.values_list("pk", flat=True))
    # By account, so that the index on account and person serves.
    name = people.filter(account__in=accounts).values_list("username", flat=True).first()
    return name or events.filter(account__in=accounts).values_list("username", flat=True).first() or ""


def channel_name(payload: dict[str, Any]) -> str:
    """The channel's name as Mattermost sent it with an event; "" when it did not."""
    return str(payload.get("channel_display_name") or payload.get("channel_name") or "")
