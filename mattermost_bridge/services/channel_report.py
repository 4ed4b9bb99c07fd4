"""Every account of the channel Mattermost, as `Durar channels list` and `status` say it: plain values, no secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.config.origins import ENVIRONMENT
from mattermost_bridge.models import Account, Delivery, ListenerLease, PairingRequest
from mattermost_bridge.models.states import LISTENING, ConnectionPhase, DeliveryState, PairingState
from mattermost_bridge.services import probing
from mattermost_bridge.services.listeners import ABANDONED


@dataclass(frozen=True)
class Listed:
    """What an account is. `problem` says what keeps it from working; `token` where the token is, never what."""

    account: str
    name: str
    enabled: bool
    configured: bool
    base_url: str
    token: str
    bot: str
    agent: str
    problem: str

    def as_json(self) -> dict[str, Any]:
        """The values by their names."""
        return asdict(self)


@dataclass(frozen=True)
class Status:
    """Where an account stands: its connection, since when and why, and what waits. `probe` is the answer of its server,
    None when it was not asked: `ok`, `bot`, `teams`, and `problem` or `warning`."""

    account: str
    enabled: bool
    state: str
    connected: bool
    reason: str
    since: datetime | None
    last_event_at: datetime | None
    server_version: str
    pairings_waiting: int
    posts_waiting: int
    posts_dead: int
    probe: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The values by their names."""
        return asdict(self)


def listed() -> list[Listed]:
    """What each account is that is not archived, by its id."""
    found = []
    for row in _rows().select_related("agent").defer("bot_token", "agent__api_key"):
        account = settings_for(row.pk)
        found.append(
            Listed(
                account=account.account_id,
                name=row.name,
                enabled=account.enabled,
                configured=account.configured,
                base_url=account.base_url,
                token=_token(row, account),
                bot=account.bot_username,
                agent=account.policy.agent_slug,
                problem=account.missing,
            )
        )
    return found


def statuses(*, account_pk: int | None = None, probe: bool = False) -> list[Status]:
    """Where each account (or the one) stands. With `probe` the servers of those that are enabled are asked, some
    seconds each at most; call it outside of transactions then."""
    rows = _rows() if account_pk is None else Account.objects.filter(pk=account_pk)
    keys = list(rows.values_list("pk", flat=True))
    leases = ListenerLease.objects.in_bulk(keys)
    now = timezone.now()
    pairings = _counted(PairingRequest.objects.filter(state=PairingState.PENDING, expires_at__gt=now))
    waiting = _counted(Delivery.objects.filter(state__in=(DeliveryState.QUEUED, DeliveryState.SENDING)))
    dead = _counted(Delivery.objects.filter(state=DeliveryState.DEAD))
    found = []
    for pk in keys:
        account = settings_for(pk)
        phase, reason, since = _standing(account, leases.get(pk), now)
        lease = leases.get(pk)
        found.append(
            Status(
                account=account.account_id,
                enabled=account.enabled,
                state=phase.value,
                connected=phase in LISTENING,
                reason=reason,
                since=since,
                last_event_at=lease.last_event_at if lease else None,
                server_version=lease.server_version if lease else "",
                pairings_waiting=pairings.get(pk, 0),
                posts_waiting=waiting.get(pk, 0),
                posts_dead=dead.get(pk, 0),
                probe=_probed(account) if probe and account.enabled and not account.archived else None,
            )
        )
    return found


def _rows() -> QuerySet[Account]:
    return Account.objects.filter(archived_at=None).order_by("account_id")


def _token(row: Account, account: AccountSettings) -> str:
    """Where the token is: a reference as it stands, `stored`, `environment` or `none`."""
    if row.token_ref:
        return row.token_ref
    if account.token_problem:
        return "stored"
    if not account.token:
        return "none"
    return "environment" if dict(account.policy.sources).get("token") == ENVIRONMENT else "stored"


def _counted(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.order_by().values_list("account").annotate(Count("pk")))


def _standing(
    account: AccountSettings, lease: ListenerLease | None, now: datetime
) -> tuple[ConnectionPhase, str, datetime | None]:
    """Phase, reason and since when, for whoever looks now: a worker that died notes nothing, its lease runs out."""
    if account.archived or not account.enabled:
        return ConnectionPhase.DISABLED, "", lease.since if lease else None
    if account.missing:
        return ConnectionPhase.NOT_CONFIGURED, account.missing, lease.since if lease else None
    if lease is None:
        return ConnectionPhase.STOPPED, "No worker has listened for this account yet.", None
    phase = ConnectionPhase(lease.phase)
    ended = lease.expires_at is not None and lease.expires_at <= now
    if phase in LISTENING and (ended or not lease.holder):
        return ConnectionPhase.STOPPED, ABANDONED, lease.expires_at if ended else lease.since
    return phase, lease.reason, lease.since


def _probed(account: AccountSettings) -> dict[str, Any]:
    if account.missing:
        return {"ok": False, "problem": account.missing}
    tested = probing.test_connection(account.base_url, account.token)
    if not tested.ok:
        return {"ok": False, "problem": tested.problem}
    return {"ok": True, "bot": tested.bot_username, "teams": list(tested.teams), "warning": tested.warning}
