"""Slash commands that come in: which are taken, by whom, and what whoever typed one is told.

A command is checked in a fixed order: its token, which has to be that of this very trigger in this team, by our records
and by what Mattermost has now; then where it was typed; then the rules of a message. It is a row of the inbox before it
is answered. Built-in commands are answered at once, and only to the asker; a skill is a message to the agent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.models import (
    Account,
    BridgeDefaults,
    Delivery,
    InboundEvent,
    KnownChannel,
    SlashCommand,
)
from mattermost_bridge.models.states import (
    UNSETTLED,
    CommandPurpose,
    DeliveryState,
    EventKind,
    EventOutcome,
    EventState,
)
from mattermost_bridge.rules import slash_payload as rules
from mattermost_bridge.rules import texts
from mattermost_bridge.rules.callback_urls import COMMAND_PATH
from mattermost_bridge.rules.clicks import clicked_at
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.slash_payload import Refusal, SlashCall
from mattermost_bridge.rules.types import Decision, Outcome
from mattermost_bridge.services import (
    channels,
    decisions,
    inbox,
    pairing,
    probes,
    session_commands,
    slash_upstream,
    turns,
)
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.slash_tokens import authenticate, skill_of

log = structlog.get_logger(__name__)

#: So long, in seconds, a call to the server may take while somebody waits for what their command does.
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command was typed: the type of the channel, and whether the bot is in it."""

    channel_type: str
    is_member: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What Mattermost is answered. With an event, its first part may come within a moment (`with_first_part`)."""

    text: str
    event_pk: int | None = None


def callback_paths() -> frozenset[str]:
    """The paths on which slash commands come in: the usual one, and those that accounts have configured."""
    paths = {COMMAND_PATH}
    # Not by way of each account's settings: hundreds of queries would stand before a page of the panel.
    columns = ("commands_callback_path", "commands_callback_url")
    accounts = Account.objects.filter(archived_at=None).order_by().values_list(*columns).distinct()
    for path, url in [*accounts, *BridgeDefaults.objects.values_list(*columns)]:
        paths.add("/" + ((path or "").strip() or COMMAND_PATH).lstrip("/"))
        try:
            paths.add(urlsplit((url or "").strip()).path)
        except ValueError:
            log.warning("the address of a slash command callback cannot be read; see commands.callbackUrl")
    # The panel's own first page never is one.
    return frozenset(path for path in paths if path.strip("/"))


def receive(call: SlashCall) -> Reply:
    """Take a command and say what is answered. Raises Refusal, and then no row has changed."""
    command, account = authenticate(call)
    slash_upstream.confirm(command, account, call.token)
    if probes.takes_command(account.pk, call, account.bot_user_id):
        return Reply("")
    place = _place(account, call)
    event = _event(account, call, command, place)
    same = InboundEvent.objects.filter(account=account.pk, dedupe_key=event.dedupe_key)
    if same.exists():
        return Reply(rules.AGAIN)
    try:
        reply = _take(event, command, account, place)
    except IntegrityError:
        # Another process took the same one at the same moment.
        if not same.exists():
            raise
        return Reply(rules.AGAIN)
    SlashCommand.objects.filter(pk=command.pk).update(last_used_at=timezone.now())
    return reply


def _take(event: InboundEvent, command: SlashCommand, account: AccountSettings, place: Place) -> Reply:
    """Decide a command, keep it, and do or hand on what it says, all in one transaction."""
    with transaction.atomic():
        decision = decisions.decision_on(event, account)
        if decision.outcome is Outcome.CHALLENGED:
            decision, said = _challenge(event, decision, place)
            if said:
                _keep(event, decision)
                return Reply(said)
        if decision.outcome is not Outcome.ADMITTED and decision.reason != Reason.NO_AGENT:
            _keep(event, decision)
            return Reply(rules.REFUSALS.get(decision.reason, rules.UNAUTHORIZED))
        if command.purpose == CommandPurpose.BUILTIN:
            return Reply(_built_in(event, decision, account, place))
        if not place.is_member and not event.payload.get("response_url"):
            _keep(event, decision, EventState.FAILED, "No answer can be given where the bot is no member.")
            return Reply(rules.NO_WAY_BACK)
        inbox.record(account.pk, [_draft(event)])
        pk = InboundEvent.objects.values_list("pk", flat=True).get(account=account.pk, dedupe_key=event.dedupe_key)
    if decision.reason == Reason.NO_AGENT:
        return Reply(rules.WAITS_FOR_AGENT)
    return Reply(rules.PROCESSING, pk)


def with_first_part(event_pks: Collection[int]) -> set[int]:
    """Those of these commands whose answer's first part is there, or of which none will come. Two queries."""
    events = InboundEvent.objects.filter(pk__in=event_pks).exclude(state=EventState.FAILED)
    turns_of = dict(events.values_list("pk", "turn_id"))
    rows = Delivery.objects.filter(turn__in=[turn for turn in turns_of.values() if turn]).order_by("-pk")
    # The first one of each turn comes last.
    first = dict(rows.values_list("turn_id", "state"))
    waiting = {pk for pk, turn in turns_of.items() if first.get(turn, DeliveryState.QUEUED) in UNSETTLED}
    return set(event_pks) - waiting


def _place(account: AccountSettings, call: SlashCall) -> Place:
    """What the channel is. Asks the server unless the name says it. Raises Refusal 200 when nobody can tell."""
    people = rules.people_of(call.channel_name)
    if people:
        return Place("D", account.bot_user_id in people)
    client = client_of(account, total=LOOK_SECONDS)
    try:
        is_member = _answers(lambda: client.channel_member_me(call.channel_id))
        known = KnownChannel.objects.filter(account=account.pk, channel_id=call.channel_id).exclude(type="").first()
        if known is not None:
            return Place(known.type, is_member)
        return Place(_type(client, account, call), is_member)
    except MattermostError as error:
        log.warning("the channel of a slash command could not be read", account=account.account_id, error=str(error))
        raise Refusal(200, rules.NO_CHANNEL_TYPE) from error


def _type(client: MattermostClient, account: AccountSettings, call: SlashCall) -> str:
    found: list[Any] = []
    if not _answers(lambda: found.append(client.channel(call.channel_id))):
        return rules.unseen_type(call.channel_name)
    channels.remember(account.pk, found[0])
    return str(found[0].type)


def _answers(ask: Callable[[], Any]) -> bool:
    """Whether the server answers and does not say that this is none of the bot's. Raises MattermostError else."""
    try:
        ask()
    except MattermostError as error:
        if error.status in (403, 404):
            return False
        raise
    return True


def _event(account: AccountSettings, call: SlashCall, command: SlashCommand, place: Place) -> InboundEvent:
    """The command as an event, not saved."""
    now_ms = client_of(account, total=LOOK_SECONDS).server_now_ms() or int(timezone.now().timestamp() * 1000)
    controls = command.purpose == CommandPurpose.BUILTIN
    typed = f"/{call.trigger} {call.args}".strip()
    skill = None if controls else skill_of(command, account)
    payload = {
        "slash": call.trigger,
        "controls": controls,
        "command": command.name,
        "args": call.args,
        "typed": typed,
        "team_id": call.team_id,
        "channel_name": call.channel_name,
        "trigger_id": call.trigger_id,
    }
    if not place.is_member and rules.leads_home(call.response_url, account.base_url):
        payload["response_url"] = call.response_url
    return InboundEvent(
        account_id=account.pk,
        kind=EventKind.COMMAND,
        # What tells triggers apart stands at their beginning.
        dedupe_key=clean(call.trigger_id)[:200] or f"slash-{now_ms}-{secrets.token_hex(8)}",
        channel_id=call.channel_id,
        channel_type=place.channel_type,
        root_id=call.root_id,
        user_id=call.user_id,
        username=call.username,
        text=clean(typed if skill is None else rules.prompt_with(skill.prompt, call.args)),
        create_at=clicked_at(call.trigger_id, now_ms),
        payload=clean(payload),
    )


def _draft(event: InboundEvent) -> inbox.Draft:
    names = ("kind", "dedupe_key", "channel_id", "channel_type", "root_id", "user_id", "username", "text", "create_at")
    return inbox.Draft(**{name: getattr(event, name) for name in names}, payload=event.payload)


def _challenge(event: InboundEvent, decision: Decision, place: Place) -> tuple[Decision, str]:
    """Ask a stranger to pair, and what they are told: the code is shown every time. Nothing is posted."""
    challenge = pairing.challenge(
        account_pk=event.account_id,
        user_id=event.user_id,
        username=event.username,
        # Where the bot is no member it could not tell of an approval.
        channel_id=event.channel_id if place.is_member else "",
        trigger_ms=event.create_at,
        posts=False,
    )
    if challenge.reason in (Reason.ADMITTED_DM_PAIRED, Reason.BLOCKED):
        return decisions.decision_on(event, settings_for(event.account_id)), ""
    outcome = challenge.reason.outcome or Outcome.CHALLENGED
    said = pairing.text_for(challenge.request) if challenge.request else texts.PAIRING_QUEUE_FULL
    return Decision(outcome, challenge.reason, (*decision.trail, *challenge.checks)), said


def _built_in(event: InboundEvent, decision: Decision, account: AccountSettings, place: Place) -> str:
    """Carry out a built-in command; its answer."""
    conversation = turns.conversation_for(event, decision)
    event.conversation = conversation
    said = session_commands.carry_out(event, conversation, account, is_member=place.is_member)
    event.payload["answer"] = said
    _keep(event, decision, EventState.ANSWERED)
    return said


def _keep(event: InboundEvent, decision: Decision, state: str = EventState.DECIDED, error: str = "") -> None:
    """Keep a command that no worker has to look at, with what was decided about it."""
    event.state, event.outcome, event.reason, event.error = state, decision.outcome.value, str(decision.reason), error
    if decision.outcome is Outcome.WAITING:
        event.outcome = EventOutcome.NONE
    event.trail = decisions.trail_of(decision)
    event.decided_at = timezone.now()
    event.save(force_insert=True)
    live.changed(event.account_id, "event", [event.pk])
