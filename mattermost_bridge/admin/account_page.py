"""What an account's page says above its form: where the connection stands, why, and what it went through."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.standing import standing_of
from mattermost_bridge.config.inherited import inherited
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    ConnectionChange,
    Conversation,
    DirectChannel,
    InboundEvent,
    OutboxState,
)
from mattermost_bridge.models.states import ConnectionPhase

LAST_CHANGES = 8


def phase_of(account: Account) -> SafeString:
    """The badge of an account's connection: what an operator switched off, and a worker that fell silent, beat what the
    listener last said."""
    if account.is_archived:
        return looks.badge(_("Archived"), "idle")
    return looks.state(ConnectionPhase, standing_of(account).phase)


def summary_of(account: Account) -> dict[str, Any]:
    """Badge, reason, remedy and warnings."""
    lease = getattr(account, "listener_lease", None)
    warnings = [lease.warning] if lease and lease.warning else []
    outbox = OutboxState.objects.filter(pk=account.pk).first()
    if outbox and outbox.parked_since:
        warnings.append(_("Nothing is sent: %s") % outbox.parked_reason)
    elif outbox and outbox.paused_since:
        warnings.append(_("Sending is paused: %s") % outbox.paused_reason)
    if account.agent_id is None and not inherited(account)["agent"].words:
        warnings.append(_("No agent answers for this account, so messages wait. Choose one here or in the defaults."))
    in_use = account.enabled and not account.is_archived
    standing = standing_of(account)
    return {
        "badges": [phase_of(account)],
        "sentence": standing.reason if in_use else "",
        "remedy": standing.remedy if in_use else "",
        "warnings": warnings,
        "changes": [_change(change) for change in ConnectionChange.objects.filter(account=account)[:LAST_CHANGES]],
        "changes_link": looks.list_of(ConnectionChange, f"account={account.pk}"),
    }


def _change(change: ConnectionChange) -> dict[str, Any]:
    words = looks.state(ConnectionPhase, change.new)
    return {"when": looks.moment(change.at), "words": words, "reason": change.reason}


def facts(account: Account) -> list[tuple[Any, Any]]:
    """Words and values that stand in a row below the reason."""
    lease = getattr(account, "listener_lease", None)
    rows: list[tuple[Any, Any]] = []
    if lease:
        rows += [
            (_("Since"), looks.moment(standing_of(account).since)),
            (_("Last event"), looks.moment(lease.last_event_at)),
        ]
        if lease.next_try_at:
            rows.append((_("Next try"), looks.moment(lease.next_try_at)))
        if lease.holder:
            rows.append((_("Worker that listens"), looks.code(lease.holder)))
        if lease.server_version:
            rows.append((_("Server version"), lease.server_version))
    if account.bot_username:
        rows.append((_("Bot"), looks.person(account.bot_user_id, account.bot_username)))
    rows += [
        (_("More"), looks.links(
            (looks.list_of(Conversation, f"account={account.pk}"), _("Conversations")),
            (looks.list_of(InboundEvent, f"account={account.pk}"), _("Events")),
            (looks.list_of(AccessEntry, f"account={account.pk}"), _("Access")),
            (looks.list_of(DirectChannel, f"account={account.pk}"), _("Direct channels")),
        )),
    ]  # fmt: skip
    return rows
