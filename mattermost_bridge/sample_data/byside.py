"""Makes what stands beside messages: slash commands, channel settings, groups, direct channels, alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mattermost_bridge.models import (
    AccessGroup,
    AccessGroupMember,
    Account,
    Agent,
    Alert,
    Binding,
    DirectChannel,
    GroupOverride,
    KnownChannel,
    KnownPerson,
    ScheduledMessage,
    Skill,
    SlashCommand,
    SlashRegistration,
)
from mattermost_bridge.models.states import (
    AlertKind,
    CommandPurpose,
    DirectChannelState,
    ScheduleKind,
    SlashCommandState,
    SlashRegistrationState,
)

COMMANDS = ("help", "model", "models", "new", "status", "stop")
TAKEN = (
    "The name oc_status belongs to a command of somebody else in this team. Choose another prefix in the account's "
    "settings, or remove that command in Mattermost."
)
AWAY = "POST /api/v4/channels/direct answered 503: the server is busy."
DEACTIVATED = "POST /api/v4/channels/direct answered 400: the person is deactivated."


def make(accounts: list[Account], people: list[KnownPerson], now: datetime, new_id: Callable[[str], str]) -> None:
    """A few of each kind, for accounts that have people; `new_id` gives ids as Mattermost's."""
    agent = Agent.objects.filter(slug__startswith="sample-").first()
    for account in accounts[:5:4]:
        _commands(account, now, new_id)
        _channel_settings(account, now)
        _messages(account, [one for one in people if one.account_id == account.pk], now, new_id)
    group, made = AccessGroup.objects.get_or_create(name="sample-on-call")
    if made:
        AccessGroupMember.objects.bulk_create(
            AccessGroupMember(group=group, user_id=one.user_id, username=one.username, note="This month")
            for one in people[:4]
        )
    if agent and not Binding.objects.exists():
        Binding.objects.create(
            agent=agent, account_id=accounts[0].account_id, peer_kind="channel", peer_id="*", note="Long answers"
        )
    Skill.objects.get_or_create(
        name="sample-summary",
        defaults={
            "description": "Summarise this channel",
            "hint": "[days]",
            "prompt": "Summarise {args} days.",
        },
    )


def _commands(account: Account, now: datetime, new_id: Callable[[str], str]) -> None:
    """Two teams; in the second one somebody else has a command of the same name."""
    Account.objects.filter(pk=account.pk).update(commands_native="on", own_groups=True)
    SlashRegistration.objects.create(
        account=account, state=SlashRegistrationState.PARTIAL, error=TAKEN, finished_at=now - timedelta(minutes=9),
        due_at=now + timedelta(minutes=21),
    )  # fmt: skip
    rows = []
    for team in ("Operations", "Sales"):
        team_id = new_id("team")
        for place, name in enumerate((*COMMANDS, "summary")):
            taken = team == "Sales" and name == "status"
            rows.append(
                SlashCommand(
                    account=account, team_id=team_id, team_name=team, trigger=f"oc_{name}", name=name,
                    purpose=CommandPurpose.SKILL if name == "summary" else CommandPurpose.BUILTIN,
                    command_id="" if taken else new_id("command"),
                    state=SlashCommandState.FOREIGN if taken else SlashCommandState.REGISTERED,
                    error=TAKEN if taken else "", registered_at=None if taken else now - timedelta(days=3),
                    last_used_at=now - timedelta(hours=place) if place % 3 and not taken else None,
                )
            )  # fmt: skip
    SlashCommand.objects.bulk_create(rows)


def _channel_settings(account: Account, now: datetime) -> None:
    values: tuple[dict[str, Any], ...] = (
        {"require_mention": False, "note": "Only questions to the bot are asked here"},
        {"off": True},
        {},
    )
    for known, chosen in zip(KnownChannel.objects.filter(account=account).exclude(type="D"), values, strict=False):
        GroupOverride.objects.create(account=account, channel_id=known.channel_id, channel_name=known.name, **chosen)
    Alert.objects.create(
        account=account, kind=AlertKind.PAIRING_WAITING, raised_at=now - timedelta(minutes=20),
        sentence="Somebody waits to be paired.", remedy="Approve or reject the request.",
    )  # fmt: skip


def _messages(account: Account, people: list[KnownPerson], now: datetime, new_id: Callable[[str], str]) -> None:
    """Ways to three people, of which one is open, one is being opened and one failed; and a message for each day."""
    retry = {"max_retries": 3, "initial_delay_ms": 1000, "max_delay_ms": 10000, "timeout_ms": 30000}
    states: tuple[dict[str, Any], ...] = (
        {"state": DirectChannelState.READY, "attempt": 1, "channel_id": new_id("dm"), "settled_at": now},
        {"state": DirectChannelState.RESOLVING, "attempt": 2, "error": AWAY, "error_status": 503,
         "next_attempt_at": now + timedelta(hours=12)},
        {"state": DirectChannelState.FAILED, "attempt": 1, "error": DEACTIVATED, "error_status": 400,
         "settled_at": now - timedelta(minutes=8)},
    )  # fmt: skip
    for person, state in zip(people, states, strict=False):
        DirectChannel.objects.create(
            account=account, bot_user_id=account.bot_user_id, user_id=person.user_id, username=person.username,
            **retry, **state,
        )  # fmt: skip
    if people:
        ScheduledMessage.objects.create(
            account=account, to=f"@{people[0].username}", user_id=people[0].user_id, username=people[0].username,
            text="Good morning. Yesterday's numbers are there.", kind=ScheduleKind.CRON, cron="0 8 * * 1-5",
            time_zone="Europe/Berlin", next_run_at=now + timedelta(hours=9), created_by="alice",
        )  # fmt: skip
