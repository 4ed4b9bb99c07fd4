"""One attempt to make a post: look first when an earlier attempt is unclear, post, and say what came of it."""

from __future__ import annotations

import random
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import Delivery, DeliveryAttempt, OutboxState
from mattermost_bridge.models.states import UNSETTLED, DeliveryState
from mattermost_bridge.rules.retry import outbox_delay, with_retry_after
from mattermost_bridge.services import files_out, hints, lookup, marks, mending, outbox, slash_answers
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.keeping import Kept, holder, kept

log = structlog.get_logger(__name__)

#: A delivery is tried for so long, then it is *dead*, with all its evidence.
TRIED_FOR = timedelta(hours=12)
#: A server that says 500 with a reason each time means it.
MOST_SERVER_ERRORS = 10


class ClaimLostError(Exception):
    """Another worker has this delivery now."""


def send(claimed: outbox.Claimed) -> bool:
    """Make one attempt with a claimed delivery and save what came of it. True when its post is there."""
    delivery = claimed.delivery or Delivery.objects.get(pk=claimed.delivery_id)
    account = claimed.account or settings_for(delivery.account_id)
    claim = kept(
        lambda: _renew(delivery.pk),
        every=settings.TIMES["delivery_claim"] / 4,
        length=settings.TIMES["delivery_claim"],
    )
    if not account.token or not account.base_url:
        _back(delivery, "The account has no token or no server address. Complete its settings.", delay=60.0)
        return False
    client = client_of(account)
    with claim as item:
        try:
            if slash_answers.goes_there(delivery):
                made = slash_answers.send(delivery, account)
            else:
                made = _attempt(client, account, delivery, item)
        except ClaimLostError:
            log.warning("a delivery's claim was lost before its post", delivery_id=delivery.pk)
            return False
        except MattermostError as error:
            _failed(delivery, error, account)
            return False
    if made and claimed.probes:
        outbox.resume(account.pk)
    return made


def _attempt(client: MattermostClient, account: AccountSettings, delivery: Delivery, claim: Kept) -> bool:
    if delivery.unclear:
        found = lookup.find_made_post(client, delivery, account.bot_user_id)
        if found is not None:
            marks.settle(delivery.pk, found.id, found.create_at)
            return True
        if delivery.root_id and lookup.thread_is_gone(client, delivery.root_id):
            _settle_badly(delivery, DeliveryState.CANCELLED, "The thread was deleted meanwhile.", "")
            return False
    elif not delivery.since_ms:
        _note_server_time(client, delivery)
    file_ids = files_out.upload_missing(client, delivery) if delivery.files else []
    # A POST must be over before anybody else may take the claim for run out.
    if claim.lost or (claim.remaining < settings.TIMES["delivery_margin"] and not claim.renew_once()):
        raise ClaimLostError
    post = client.create_post(
        delivery.channel_id,
        delivery.text,
        root_id=delivery.root_id,
        props={**delivery.props, marks.MARK: delivery.mark},
        pending_post_id=delivery.pending_post_id,
        file_ids=file_ids,
    )
    marks.settle(delivery.pk, post.id, post.create_at)
    if missing := set(file_ids) - set(post.file_ids):
        # The server drops ids that it does not know (any more), or that another post has, and says nothing.
        _say_files_are_missing(delivery, missing)
    return True


def _renew(delivery_id: int) -> bool:
    return bool(
        Delivery.objects.filter(pk=delivery_id, state=DeliveryState.SENDING, claimed_by=holder()).update(
            claim_until=Now() + timedelta(seconds=settings.TIMES["delivery_claim"])
        )
    )


def _note_server_time(client: MattermostClient, delivery: Delivery) -> None:
    """Before the first attempt: a time of the server's own clock from which a look-up would have to read."""
    if client.server_now_ms() is None:
        client.me()
    delivery.since_ms = client.server_now_ms() or 0
    Delivery.objects.filter(pk=delivery.pk).update(since_ms=delivery.since_ms)


def _failed(delivery: Delivery, error: MattermostError, account: AccountSettings) -> None:
    """An attempt failed or nobody knows: note it, and decide when it is tried again, if at all."""
    # A refusal of this very attempt says nothing about an earlier one that stayed unclear.
    unclear = delivery.unclear or error.is_unclear
    text = str(error)
    if error.is_unauthorized:
        # A turn may have begun with a token that was replaced while the agent worked: then the new one is tried.
        outbox.park(delivery.account_id, "The server refuses the bot's token.", refused_token=account.token)
        _note(delivery, error, unclear, None)
        _back(delivery, text, delay=0.0, unclear=unclear, counts=False)
        return
    may_mend = not unclear or mending.was_never_made(error)
    if may_mend and (mended := mending.mend(delivery, error, account, client_of(account))):
        _note(delivery, error, unclear, 0.0)
        _back(delivery, mended, delay=0.0)
        return
    if not unclear and _root_is_gone(delivery, error):
        _note(delivery, error, unclear, 0.0)
        _answer_outside_thread(delivery)
        return
    if _is_final(delivery, error):
        _note(delivery, error, unclear, None)
        _settle_badly(delivery, DeliveryState.DEAD, text, error.error_id)
        return
    delay = outbox_delay(delivery.attempts, random.random()) * settings.TIMES["delivery_backoff"]  # noqa: S311
    delay = with_retry_after(delay, error.retry_after)
    if error.kind == "timeout":
        # What hangs may still be finished by the server; looking too early would miss it.
        delay = max(delay, settings.TIMES["after_timeout"])
    _note(delivery, error, unclear, delay)
    _back(delivery, text, delay=delay, unclear=unclear, error_id=error.error_id)
    if error.is_server_trouble:
        _pause(delivery.account_id, text)


def _say_files_are_missing(delivery: Delivery, missing: set[str]) -> None:
    names = [file["name"] for file in delivery.files if file["file_id"] in missing]
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        error=f"The post was made, but the server left out {', '.join(names)}. Send what is missing anew.",
    )
    log.warning("a post was made without its files", delivery_id=delivery.pk, files=len(missing))
    live.changed(delivery.account_id, "delivery", [delivery.pk])


def _root_is_gone(delivery: Delivery, error: MattermostError) -> bool:
    """Whether the server refuses a post since it has no thread of this root (Mattermost 5.37: 400, deleted or not)."""
    if not delivery.root_id:
        return False
    return (error.status == 400 and "root_id" in error.error_id) or (
        error.status == 404 and error.error_id.startswith(("app.post.get", "store.sql_post.get"))
    )


def _answer_outside_thread(delivery: Delivery) -> None:
    """The thread was deleted meanwhile: this post, and what is left of its turn, goes into the channel itself."""
    with transaction.atomic():
        same = Q(pk=delivery.pk)
        if delivery.turn_id:
            same |= Q(turn=delivery.turn_id, root_id=delivery.root_id, state__in=UNSETTLED)
        Delivery.objects.filter(same).update(root_id="")
    _back(delivery, "The thread was deleted meanwhile, so this goes into the channel.", delay=0.0)


def _is_final(delivery: Delivery, error: MattermostError) -> bool:
    if error.permanent:
        return True
    if timezone.now() - delivery.created_at > TRIED_FOR:
        return True
    said_so = error.status == 500 and error.error_id and not error.is_still_being_saved
    return bool(said_so) and delivery.attempts >= MOST_SERVER_ERRORS


def _note(delivery: Delivery, error: MattermostError, unclear: bool, delay: float | None) -> None:  # noqa: FBT001
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        unclear=unclear,
        status=error.status,
        error_id=error.error_id,
        error=str(error),
        next_attempt_at=None if delay is None else timezone.now() + timedelta(seconds=delay),
    )
    log.warning(
        "delivery attempt failed",
        delivery_id=delivery.pk,
        attempt=delivery.attempts,
        unclear=unclear,
        status=error.status,
        error_id=error.error_id,
    )


def _back(
    delivery: Delivery, error: str, *, delay: float, unclear: bool = False, counts: bool = True, error_id: str = ""
) -> None:
    """Put a claimed delivery back; it is tried again after `delay` seconds."""
    Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, claimed_by=holder()).update(
        state=DeliveryState.QUEUED,
        claimed_by="",
        claim_until=None,
        unclear=unclear or delivery.unclear,
        error=error,
        error_id=error_id,
        attempts=F("attempts") if counts else F("attempts") - 1,
        next_attempt_at=timezone.now() + timedelta(seconds=delay) if delay else None,
    )
    live.changed(delivery.account_id, "delivery", [delivery.pk])


def _settle_badly(delivery: Delivery, state: str, error: str, error_id: str) -> None:
    """End a delivery without its post, and cancel the later parts of its text: half an answer misleads."""
    with transaction.atomic():
        ended = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, claimed_by=holder()).update(
            state=state, error=error, error_id=error_id, settled_at=timezone.now(), claim_until=None
        )
        if ended and delivery.text_key:
            later = Delivery.objects.filter(text_key=delivery.text_key, part__gt=delivery.part, state__in=UNSETTLED)
            later.update(
                state=DeliveryState.CANCELLED,
                error="An earlier part of this text could not be delivered.",
                settled_at=timezone.now(),
            )
    if ended:
        live.changed(delivery.account_id, "delivery")
        log.error("a delivery ended without its post", delivery_id=delivery.pk, state=state, error=error)
        hints.task_after_commit(outbox.DRAIN, delivery.account_id)


def _pause(account_pk: int, reason: str) -> None:
    """The server is in trouble: one delivery at a time tries it out, the others wait."""
    with transaction.atomic():
        state, _ = OutboxState.objects.select_for_update().get_or_create(pk=account_pk)
        state.pause_failures += 1
        delay = outbox_delay(state.pause_failures, random.random())  # noqa: S311
        if state.paused_since is None:
            state.paused_since = timezone.now()
        state.paused_reason = reason
        state.next_probe_at = timezone.now() + timedelta(seconds=delay * settings.TIMES["delivery_backoff"])
        state.save(update_fields=["paused_since", "paused_reason", "pause_failures", "next_probe_at"])
        live.changed(account_pk, "connection")


def remove_double(delivery_id: int) -> bool:
    """Delete the younger ones of several posts that one delivery made. True when there is none left."""
    delivery = Delivery.objects.get(pk=delivery_id)
    doubles = delivery.double_post_ids.split()
    if not doubles:
        return True
    client = client_of(settings_for(delivery.account_id))
    try:
        for post_id in doubles:
            client.delete_post(post_id)
    except MattermostError as error:
        # The row keeps the ids, so the sweep brings it back; deleting twice does no harm.
        log.warning("a second post of a delivery could not be deleted yet", delivery_id=delivery_id, error=str(error))
        return False
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        error=f"The server had made this post more than once; what was too much ({', '.join(doubles)}) was deleted.",
    )
    # One that was noted meanwhile stays, with a hint of its own.
    Delivery.objects.filter(pk=delivery_id, double_post_ids=delivery.double_post_ids).update(double_post_ids="")
    live.changed(delivery.account_id, "delivery", [delivery_id])
    return True


def retry_dead(delivery_id: int) -> bool:
    """An operator sends a dead delivery once more; False when it is not dead.

    Whatever was tried is looked for first. One that never was tried, since its direct channel could not be opened,
    has no time to look from, and nothing to find.
    """
    changed = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.DEAD).update(
        state=DeliveryState.QUEUED,
        attempts=0,
        next_attempt_at=None,
        settled_at=None,
        created_at=Now(),
        unclear=ExpressionWrapper(Q(since_ms__gt=0), output_field=BooleanField()),
    )
    if changed:
        account_pk = Delivery.objects.values_list("account_id", flat=True).get(pk=delivery_id)
        hints.task_after_commit(outbox.DRAIN, account_pk)
    return bool(changed)
