"""Making jobs that open direct channels, and letting their time pass."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from mattermost_bridge.models import Delivery, DirectChannel, Tick
from mattermost_bridge.services import messages, sweep
from mattermost_bridge.services.audit import Actor

ALICE = Actor("alice", "panel")
DIRECT = {"method": "POST", "path": "^/channels/direct$", "who": "durar"}


def send(account, target, text="hello", **values) -> messages.Receipt:
    """Put a message into the outbox as Alice does in the panel."""
    return messages.send(account.pk, target, text, actor=ALICE, **values)


def job() -> DirectChannel:
    """The only job."""
    return DirectChannel.objects.get()


def its_time_has_come() -> None:
    """Let every waiting time of a job pass."""
    DirectChannel.objects.filter(state="resolving", claimed_by="").update(next_attempt_at=None)


def its_worker_died() -> None:
    """Let the claim of an attempt run out."""
    past = timezone.now() - timedelta(seconds=1)
    DirectChannel.objects.exclude(claimed_by="").update(claim_until=past, next_attempt_at=past)


def sweep_now(hints) -> None:
    """One tick of the sweep, some time after everything was made."""
    Tick.objects.all().delete()
    DirectChannel.objects.update(started_at=timezone.now() - timedelta(seconds=10))
    sweep.sweep()


def states() -> list[str]:
    """Where the messages stand, in order."""
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def said(sandbox) -> list[str]:
    """What Carol reads from the bot, oldest first."""
    return [post["message"] for post in sandbox.posts("carol,durar")]
