"""`doctor` and the page *Diagnose*: gathers facts about the installation and its accounts, and lets the rules say what
they mean. Nothing is changed; servers are asked outside of any transaction and with timeouts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.db.models import Count, Min
from django.db.models.functions import Coalesce
from django.utils import timezone

from mattermost_bridge import health
from mattermost_bridge.checks import TAG
from mattermost_bridge.config.effective import DEFAULT_ACCOUNT, AccountSettings, settings_for
from mattermost_bridge.models import Account, BridgeDefaults, InboundEvent, ListenerLease, OutboxState
from mattermost_bridge.models.states import LISTENING, EventOutcome
from mattermost_bridge.rules import (
    doctor,
    doctor_accounts,
    doctor_buttons,
    doctor_commands,
    doctor_commands_server,
    doctor_reachability,
    doctor_server,
)
from mattermost_bridge.rules.doctor import DiskFact, Finding, InstallationFacts, KeyFacts, PartFact
from mattermost_bridge.rules.doctor_accounts import StandingFacts
from mattermost_bridge.rules.doctor_buttons import ButtonFacts, ClickTrouble
from mattermost_bridge.rules.doctor_commands import CommandTrouble
from mattermost_bridge.rules.doctor_commands_server import CommandsThere
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.silence import one_cause
from mattermost_bridge.services import (
    buttons,
    call_troubles,
    diagnosis_commands,
    diagnosis_server,
    outbox,
    reachability,
    settings_lint,
    stored_secrets,
    sweep,
)

INLINE_BUTTONS = "inlinebuttons"
#: Reasons of posts that did not address the bot.
_UNADDRESSED = (Reason.NO_MENTION, Reason.NOT_TRIGGERED)
_VARIABLES = ("MATTERMOST_BOT_TOKEN", "MATTERMOST_URL")


def of_installation() -> list[Finding]:
    """What is to be said about the installation as a whole, what is broken first. Takes some seconds at most."""
    parts = {name: PartFact(part.ok, part.message) for name, part in health.report().items()}
    facts = InstallationFacts(parts=parts, disks=_disks())
    if parts["database"].ok:
        facts = replace(
            facts, post_waits=_post_waits(), answer_waits=_answer_waits(), keys=_keys(), mistakes=_mistakes()
        )
    found = doctor.of_installation(facts)
    if parts["database"].ok:
        strangers = call_troubles.recent(call_troubles.NO_ACCOUNT, CommandTrouble)
        found += doctor_commands.of_strangers(strangers.get(CommandTrouble.WRONG_TOKEN, ""))
    return doctor.worst_first(found)


def of_account(account_pk: int, *, prove: bool = False) -> list[Finding]:
    """What is to be said about one account, what is broken first. Asks its server, unless the account is switched off
    or not configured; takes up to a minute. With `prove` the server is made to call Durar, which takes a little longer
    and posts for a moment where only the bot reads. Call it outside of transactions. Raises Account.DoesNotExist."""
    account = settings_for(account_pk)
    found = doctor_accounts.of_standing(_standing(account))
    if account.enabled and not account.archived:
        found += doctor_commands.of_records(diagnosis_commands.of_records(account))
    if account.listens:
        seen = diagnosis_server.look(account)
        found += doctor_server.of_server(seen.server)
        if seen.server.trouble is None:
            facts = _buttons(account, seen)
            found += doctor_buttons.of_buttons(facts)
            found += doctor_reachability.of_button_address(facts.url, account.base_url)
            if account.commands.native:
                found += doctor_commands_server.of_server(_commands(account, seen))
            results = reachability.prove(account_pk) if prove else [one for one, _at in reachability.last(account_pk)]
            found = doctor_reachability.without_disproved(found, results)
            if prove:
                found += doctor_reachability.of_results(results, buttons_matter=facts.told)
    return [replace(one, account=account.account_id) for one in doctor.worst_first(found)]


def accounts_to_look_at() -> list[int]:
    """The keys of all accounts that somebody means to use: archived and disabled ones are silent on purpose."""
    rows = Account.objects.filter(archived_at=None, enabled=True).order_by("account_id")
    return list(rows.values_list("pk", flat=True))


def _disks() -> list[DiskFact]:
    found = [_disk("state", settings.STATE_DIR)]
    media = Path(settings.MEDIA_ROOT)
    # Made with the first file; until then it would be on the same disk.
    return [*found, _disk("media", media)] if media.exists() else found


def _disk(name: str, path: Path) -> DiskFact:
    try:
        usage = shutil.disk_usage(path)
    except OSError as error:
        return DiskFact(name, str(path), problem=f"{error.strerror}.")
    if not os.access(path, os.W_OK | os.X_OK):
        return DiskFact(name, str(path), problem="it is not writable.")
    return DiskFact(name, str(path), usage.free, usage.total)


def _post_waits() -> float:
    rows = outbox.due().filter(account__outbox_state__parked_since=None, account__outbox_state__paused_since=None)
    oldest = rows.order_by().aggregate(at=Min(Coalesce("next_attempt_at", "created_at")))["at"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def _answer_waits() -> float:
    oldest = sweep.to_answer().filter(conversation__in=sweep.idle_conversations()).aggregate(at=Min("decided_at"))["at"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def _keys() -> KeyFacts:
    counts = stored_secrets.look()
    return KeyFacts(
        total=sum(count.total for count in counts.values()),
        unreadable=[(name, count.unreadable) for name, count in counts.items() if count.unreadable],
        older=sum(count.older for count in counts.values()),
    )


def _mistakes() -> list[tuple[str, bool, str, str]]:
    said = run_checks(tags=[TAG], databases=["default"])
    return [
        (str(one.id).removeprefix("durar."), one.level >= ERROR, one.msg, one.hint or "")
        for one in said
        # That an account has no agent is said where the account is.
        if not one.is_silenced() and one.id != "durar.I002"
    ]


def _standing(account: AccountSettings) -> StandingFacts:
    row = Account.objects.defer("bot_token").get(pk=account.pk)
    now = timezone.now()
    lease = ListenerLease.objects.filter(pk=account.pk).first()
    held = bool(lease and lease.holder and (lease.expires_at is None or lease.expires_at > now))
    parked = OutboxState.objects.filter(pk=account.pk).exclude(parked_since=None).first()
    counts, unmentioned = _silence(account.pk)
    return StandingFacts(
        enabled=row.enabled,
        archived=account.archived,
        bridge_on=BridgeDefaults.objects.filter(pk=1).values_list("enabled", flat=True).first() is not False,
        missing=account.missing,
        unused=[] if account.account_id == DEFAULT_ACCOUNT else _set_variables(),
        phase=lease.phase if lease else "",
        hears=bool(lease and held and lease.phase in LISTENING),
        reason=lease.reason if lease else "",
        parked=parked.parked_reason if parked else "",
        lint=settings_lint.findings_of([row]).get(account.pk, ()),
        silent_for=one_cause(counts),
        unmentioned=unmentioned,
        chatmode=account.policy.chatmode or "oncall",
    )


def _set_variables() -> list[str]:
    return [name for name in _VARIABLES if os.environ.get(name) or os.environ.get(f"{name}_FILE")]


def _silence(account_pk: int) -> tuple[dict[str, int], int]:
    """How many events of the last day have each reason; and how many posts in channels did not address the bot, 0 when
    one there was answered."""
    since = timezone.now() - timedelta(hours=24)
    events = InboundEvent.objects.filter(account=account_pk, received_at__gte=since).order_by()
    rows: Iterable[Any] = events.exclude(reason="").values_list("reason").annotate(Count("pk"))
    counts = dict(rows)
    unaddressed = sum(counts.get(reason, 0) for reason in _UNADDRESSED)
    rooms = events.exclude(channel_type__in=("D", ""))
    if not unaddressed or rooms.filter(outcome=EventOutcome.ADMITTED).exists():
        return counts, 0
    return counts, unaddressed


def _commands(account: AccountSettings, seen: diagnosis_server.Seen) -> CommandsThere:
    return diagnosis_commands.of_server(
        account, seen.commands, bot_id=seen.bot_id, enabled=seen.commands_on, settings=seen.settings
    )


def _buttons(account: AccountSettings, seen: diagnosis_server.Seen) -> ButtonFacts:
    return ButtonFacts(
        url=buttons.callback_url(account),
        problem=buttons.callback_problem(account),
        told=INLINE_BUTTONS in {one.strip().casefold() for one in account.capabilities},
        settings=seen.settings,
        troubles=call_troubles.recent(account.pk, ClickTrouble),
        faults=seen.faults,
    )
