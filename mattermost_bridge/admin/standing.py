"""Where an account's connection stands for somebody who looks now, whatever was noted last.

A worker that died notes nothing: its lease runs out. So an account counts as connected only while somebody holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.models import Account
from mattermost_bridge.models.states import LISTENING, ConnectionPhase
from mattermost_bridge.services.listeners import ABANDONED

#: What to do about an account that hears nothing, by phase.
REMEDIES = {
    ConnectionPhase.TOKEN_REFUSED: gettext_lazy(
        "Make a new token for the bot in Mattermost and enter it in the settings; check there that the bot is enabled."
    ),
    ConnectionPhase.NOT_CONFIGURED: gettext_lazy("Complete the connection in the settings, then test it."),
    ConnectionPhase.STOPPED: gettext_lazy("Check that a worker with listeners runs (Durar up starts one)."),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Phase, reason and since when; `lost_at` is set when the worker that listened fell silent, `up` when it hears."""

    phase: ConnectionPhase
    reason: str = ""
    since: datetime | None = None
    lost_at: datetime | None = None

    @property
    def up(self) -> bool:
        """Whether the bot hears what is said."""
        return self.phase in LISTENING

    @property
    def remedy(self) -> str:
        """What an operator can do; "" when waiting is all."""
        return str(REMEDIES.get(self.phase, ""))


def standing_of(account: Account, now: datetime | None = None) -> Standing:
    """Where an account stands. It has to be fetched with its `listener_lease`."""
    lease = getattr(account, "listener_lease", None)
    if account.is_archived:
        return Standing(ConnectionPhase.DISABLED, _("The account is archived."), account.archived_at)
    if not account.enabled:
        return Standing(ConnectionPhase.DISABLED, "", lease.since if lease else None)
    if lease is None:
        return Standing(ConnectionPhase.STOPPED, _("No worker has listened for this account yet."))
    phase = ConnectionPhase(lease.phase)
    expired = lease.expires_at is not None and lease.expires_at <= (now or timezone.now())
    if phase in LISTENING and (expired or not lease.holder):
        lost_at = lease.expires_at if expired else lease.since
        return Standing(ConnectionPhase.STOPPED, ABANDONED, lost_at, lost_at)
    return Standing(phase, lease.reason, lease.since)


def is_up() -> Q:
    """The accounts that hear what is said, by the database's clock."""
    held = Q(listener_lease__expires_at=None) | Q(listener_lease__expires_at__gt=Now())
    return held & Q(listener_lease__phase__in=LISTENING) & ~Q(listener_lease__holder="")


def is_down() -> Q:
    """The accounts that should hear what is said and do not. Switched off as a whole, none is down."""
    resting = Q(listener_lease__phase=ConnectionPhase.DISABLED)
    return Q(enabled=True, archived_at=None) & ~resting & ~is_up()
