"""The values that accounts inherit."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.services import audit, tokens
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.fields import OF_DEFAULTS, apply, decide_what_waited, differences, shown, validate
from mattermost_bridge.services.policies import refuse_open_without_wildcard
from mattermost_bridge.services.records import reconnect, the_defaults


def update(*, actor: Actor, **fields: Any) -> BridgeDefaults:
    """Change values that accounts inherit (`OF_DEFAULTS`). Raises Refused.

    A new host is refused as long as accounts inherit the address and have stored tokens, which would be sent there.
    """
    with transaction.atomic():
        defaults = the_defaults()
        inheriting = Account.objects.filter(base_url="", archived_at=None)
        old_url = defaults.base_url
        before = shown(defaults, OF_DEFAULTS)
        apply(defaults, fields, OF_DEFAULTS)
        with_token = inheriting.filter(~Q(bot_token="") | ~Q(token_ref=""))
        if tokens.origin(defaults.base_url) != tokens.origin(old_url) and (named := _ids(with_token)):
            raise Refused(
                f"The server address of the defaults cannot be changed to another host while these accounts inherit it "
                f"and have a token: {named}. Give each its own address, together with its token, first."
            )
        details = differences(before, shown(defaults, OF_DEFAULTS))
        if not details:
            return defaults
        validate(defaults)
        if "base_url" in details:
            # Brought back one day, their tokens must not go to an address that others were given meanwhile.
            Account.objects.filter(base_url="").exclude(archived_at=None).update(base_url=old_url)
        defaults.section_exists = True
        defaults.save()
        refuse_open_without_wildcard(None)
        if {"base_url", "enabled"} & set(details):
            for account in Account.objects.select_for_update(no_key=True).order_by("pk"):
                reconnect(account)
        named = ", ".join(sorted(details))
        audit.record(
            actor=actor,
            verb="defaults.update",
            summary=f"The defaults were changed: {named}.",
            target=defaults,
            details=details,
        )
        effective.bump_version()
        if "agent" in details:
            decide_what_waited(Account.objects.filter(archived_at=None, agent=None))
    return defaults


def _ids(accounts: QuerySet[Account]) -> str:
    return ", ".join(accounts.order_by("account_id").values_list("account_id", flat=True))
