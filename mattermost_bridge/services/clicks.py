"""Clicks on buttons: which are taken, what each does once, and what whoever clicked sees.

A click is checked in a fixed order, and is a row of the inbox before it is answered. What only the server knows, the
post and its channel, is asked for outside of any transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import ButtonSet, InboundEvent, KnownChannel
from mattermost_bridge.models.states import EventKind, EventState
from mattermost_bridge.rules.buttons import actions_of, confirmation, name_of, without_buttons
from mattermost_bridge.rules.clicks import Click, Refusal, clicked_at, message_of, read_click, room_of
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Decision, Outcome
from mattermost_bridge.services import (
    button_secrets,
    call_troubles,
    channels,
    decisions,
    inbox,
    model_picker,
    probes,
    turns,
)
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.marks import MARK

log = structlog.get_logger(__name__)

#: So long, in seconds, a call to the server may take while somebody waits for what their click does.
LOOK_SECONDS = 5.0
TOO_OLD = "These buttons are too old to be used. Ask the bot again, and you get new ones."
NOT_YOURS = "Only the person these buttons were made for can use them."


@dataclass(frozen=True, slots=True)
class _Seen:
    """A click with the post that carries the button, and what was offered there."""

    click: Click
    account: AccountSettings
    post: Post
    offered: ButtonSet | None
    name: str
    server_now_ms: int = field(default=0)


def verify(account: AccountSettings, payload: dict[str, Any]) -> Click:
    """The click in a body, when its context is signed by a secret of this account. Raises Refusal."""
    known = [(one.secret, one.too_old) for one in button_secrets.secrets_of(account)]
    return read_click(payload, known)


def answer(account: AccountSettings, click: Click) -> dict[str, Any]:
    """Take a verified click and return what Mattermost is answered. Raises Refusal.

    The first click that is admitted uses the whole set up; each later one gets the same update and a note. Whoever may
    not click gets a note, and uses nothing up.
    """
    if probes.takes_click(account.pk, click):
        return {}
    if click.too_old:
        return {"ephemeral_text": TOO_OLD}
    used = _used(account, click)
    if used is not None:
        return _again(used, click)
    seen = _look(account, click)
    if seen.offered is not None and seen.offered.expires_at and seen.offered.expires_at <= timezone.now():
        return {"ephemeral_text": TOO_OLD}
    try:
        event = _event(seen)
        decision = decisions.decision_on(event, account)
        if decision.reason == Reason.CHANNEL_TYPE_UNKNOWN:
            raise MattermostError("The server does not say of what kind the channel is.")
    except (MattermostError, DatabaseError) as error:
        log.warning("a click could not be authorised", account=account.account_id, error=str(error))
        raise Refusal(500, "Interaction authorization failed") from error
    if decision.outcome is not Outcome.ADMITTED and decision.reason != Reason.NO_AGENT:
        _keep_refused(event, decision, click)
        return _refused(decision, event, click)
    taken, ours = _take(seen, event, decision)
    return {"update": taken.answer} if ours else _again(taken, click)


def _used(account: AccountSettings, click: Click) -> ButtonSet | None:
    """The set, when it was used already: then nothing has to be looked up."""
    rows = ButtonSet.objects.filter(account=account.pk, post_id=click.post_id, generation=click.generation)
    return rows.exclude(used_at=None).first() if click.post_id else None


def _look(account: AccountSettings, click: Click) -> _Seen:
    """Read the post. Raises Refusal when it cannot be read, is elsewhere, or has no button; and for foreign buttons."""
    client = client_of(account, total=LOOK_SECONDS)
    try:
        if not click.post_id:
            raise MattermostError("The click names no post.", status=404)
        post = client.post(click.post_id)
    except MattermostError as error:
        log.warning("the post of a click could not be read", account=account.account_id, error=str(error))
        raise Refusal(500, "Failed to validate interaction") from error
    if post.channel_id != click.channel_id:
        raise Refusal(403, "Post/channel mismatch")
    if not actions_of(post.props):
        raise Refusal(403, "Unknown action")
    offered = None
    if click.generation:
        rows = ButtonSet.objects.filter(account=account.pk, generation=click.generation, delivery__isnull=False)
        offered = rows.select_related("delivery").first()
        if offered is not None and not _carries(post, offered):
            # A context that was made for one post stands in another.
            raise Refusal(403, "Unknown action")
    name = name_of(click.action_id, post.props)
    if all(action["id"] != click.action_id for action in actions_of(post.props)):
        log.warning("the confirmation shows a raw id", account=account.account_id, why=str(ClickTrouble.RAW_ID))
        call_troubles.note(account.pk, ClickTrouble.RAW_ID)
    return _Seen(click, account, post, offered, name, client.server_now_ms() or 0)


def _carries(post: Post, offered: ButtonSet) -> bool:
    """Whether this is the post that a delivery made; its answer may still be on the way, but the mark is there."""
    delivery = offered.delivery
    if delivery is None:
        return False
    return post.id == delivery.post_id or post.props.get(MARK) == delivery.mark


def _event(seen: _Seen) -> InboundEvent:
    """The click as an event, not saved. Raises MattermostError when the kind of its channel cannot be found out."""
    click, post = seen.click, seen.post
    client = client_of(seen.account, total=LOOK_SECONDS)
    return InboundEvent(
        account_id=seen.account.pk,
        kind=EventKind.CLICK,
        dedupe_key=f"click:{post.id}:{click.generation}",
        channel_id=click.channel_id,
        channel_type=_channel_type(client, seen.account, click.channel_id),
        post_id=post.id,
        root_id=post.root_id,
        user_id=click.user_id,
        username=click.username,
        text=clean(message_of(seen.name, click.username or click.user_id)),
        create_at=clicked_at(click.trigger_id, seen.server_now_ms),
        payload=clean(
            {
                "button": seen.name,
                "action_id": click.action_id,
                "value": click.value,
                "context": dict(click.context),
                "trigger_id": click.trigger_id,
                "opener_id": seen.offered.opener_id if seen.offered else "",
            }
        ),
    )


def _channel_type(client: MattermostClient, account: AccountSettings, channel_id: str) -> str:
    known = KnownChannel.objects.filter(account=account.pk, channel_id=channel_id).exclude(type="").first()
    if known is not None:
        return known.type
    channel = client.channel(channel_id)
    channels.remember(account.pk, channel)
    return channel.type


def _take(seen: _Seen, event: InboundEvent, decision: Decision) -> tuple[ButtonSet, bool]:
    """Use the set up and keep the click, in one transaction; the set, and whether this click was the first."""
    click, account = seen.click, seen.account
    with transaction.atomic():
        if seen.offered is not None:
            pk = seen.offered.pk
        else:
            key = {"account_id": account.pk, "post_id": seen.post.id, "generation": click.generation}
            pk = ButtonSet.objects.get_or_create(**key, defaults={"channel_id": click.channel_id})[0].pk
        row = ButtonSet.objects.select_for_update().get(pk=pk)
        if row.used_at is not None:
            return row, False
        line = _pick(seen, event, decision)
        inbox.record(account.pk, [_draft(event)])
        if line:
            # Durar has done what it stands for: there is nothing to decide, and no agent to ask.
            InboundEvent.objects.filter(account=account.pk, dedupe_key=event.dedupe_key).update(
                state=EventState.ANSWERED,
                outcome=decision.outcome.value,
                reason=str(decision.reason),
                conversation=event.conversation,
                decided_at=timezone.now(),
            )
        row.event = InboundEvent.objects.get(account=account.pk, dedupe_key=event.dedupe_key)
        row.post_id, row.used_at, row.used_by = seen.post.id, timezone.now(), click.user_id
        row.used_by_name, row.chosen = click.username, clean(seen.name)
        row.answer = _update(seen, line)
        row.save()
    log.info("a button was clicked", account=account.account_id, post_id=seen.post.id, action_id=click.action_id)
    return row, True


def _pick(seen: _Seen, event: InboundEvent, decision: Decision) -> str:
    """Use the model that the button of a picker stands for; what then stands in its place, "" for any other button."""
    model = model_picker.picked(seen.click.context) if seen.offered is not None and seen.offered.opener_id else ""
    if not model:
        return ""
    session = model_picker.session_of(seen.click.context, seen.account.pk)
    event.conversation = session or turns.conversation_for(event, decision)
    return model_picker.choose(event.conversation, seen.account, model)


def _draft(event: InboundEvent) -> inbox.Draft:
    names = ("kind", "dedupe_key", "channel_id", "channel_type", "post_id", "root_id", "user_id", "username", "text")
    return inbox.Draft(
        **{name: getattr(event, name) for name in names}, create_at=event.create_at, payload=event.payload
    )


def _update(seen: _Seen, line: str = "") -> dict[str, Any]:
    """What the post becomes. A server empties what an update leaves out, so everything that is to stay is in it."""
    click, post = seen.click, seen.post
    update: dict[str, Any] = clean(
        {
            "message": post.message,
            "props": without_buttons(post.props, line or confirmation(seen.name, click.username or click.user_id)),
            "file_ids": list(post.file_ids),
            "is_pinned": post.is_pinned,
            "has_reactions": bool(post.reactions),
        }
    )
    return update


def _again(used: ButtonSet, click: Click) -> dict[str, Any]:
    """The same look for everybody who clicks later, and a friendly word."""
    if not used.chosen:
        note = "These buttons were used already."
    elif used.used_by == click.user_id:
        note = f"You have selected “{used.chosen}” already."
    else:
        note = f"“{used.chosen}” was already selected by @{used.used_by_name or used.used_by}."
    return {"ephemeral_text": note, **({"update": used.answer} if used.answer else {})}


def _keep_refused(event: InboundEvent, decision: Decision, click: Click) -> None:
    """Keep a click that was not admitted for the operators, under its trigger; the set stays as it is."""
    # What tells triggers apart stands at their beginning.
    event.dedupe_key = clean(click.trigger_id)[:200] or f"click:{click.post_id}:{click.action_id}:{click.user_id}"[:200]
    event.state, event.outcome, event.reason = EventState.DECIDED, decision.outcome.value, str(decision.reason)
    event.trail = decisions.trail_of(decision)
    event.decided_at = timezone.now()
    with transaction.atomic():
        if not InboundEvent.objects.filter(account=event.account_id, dedupe_key=event.dedupe_key).exists():
            InboundEvent.objects.bulk_create([event], ignore_conflicts=True)
            live.changed(event.account_id, "event")


def _refused(decision: Decision, event: InboundEvent, click: Click) -> dict[str, Any]:
    """What whoever may not click is told. Blocked people are told nothing."""
    if decision.reason == Reason.BLOCKED:
        return {}
    if decision.reason == Reason.CLICK_NOT_OPENER:
        return {"ephemeral_text": NOT_YOURS}
    return {"ephemeral_text": f"Durar ignored this action for {room_of(event.channel_type, click.channel_name)}."}
