"""Proving that Mattermost reaches Durar: the bot has the server call Durar, and a mark must arrive.

Slash commands: the bot runs one of its registered commands in its direct channel with itself, with a mark behind it.
Buttons: it posts a button there, clicks it and deletes the post. Nobody else is there to see it. What a trial that was
cut off left behind, the next one removes, or the nightly look.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import transaction

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.mattermost.attachments import build_button_attachments
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import Account, SlashCommand, SlashRegistration
from mattermost_bridge.models.states import SlashCommandState
from mattermost_bridge.rules.doctor_reachability import Kind, Refused, Result, Why, finding_of, why
from mattermost_bridge.services import audit, button_secrets, buttons, errors, probes, slash_registration
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.probing import sentence_of

log = structlog.get_logger(__name__)

#: Seconds of one call to the server. It waits itself 30 s for whom it calls; nobody has to wait that long to know.
CALL_SECONDS = 10.0
#: So many seconds after the server said that all was well the mark may still take.
WAIT_SECONDS = 3.0
LOOK_EVERY = 0.1
#: What the posts of trials carry, by which they are found again.
PROP = "durar_probe"
ACTION_ID = "durarprobe"
TEXT = "Durar tries whether clicks on buttons reach it. This post is deleted right away."
#: So many of the newest posts in the bot's channel with itself are looked through for what was left.
LOOKED_AT = 100


def prove(account_pk: int, *, actor: Actor | None = None) -> list[Result]:
    """Try whether slash commands (where they are on) and clicks reach Durar; how each ended.

    Takes some seconds, at worst about a minute; call it outside of transactions. With `actor` the run is on the audit
    log. Raises Refused for an account that is switched off or not configured; what the server refuses is a result.
    """
    account = settings_for(account_pk)
    if not account.listens:
        raise errors.Refused(account.missing or "The account is switched off, so nothing is taken. Enable it first.")
    kinds = kinds_of(account)
    if not probes.claim(account_pk):
        return [Result(kind, Why.BUSY, url_of(account, kind)) for kind in kinds]
    try:
        results = _prove(account, kinds)
    finally:
        probes.release(account_pk)
    for one in results:
        probes.remember(account_pk, one)
        log.info("reachability was tried", account=account.account_id, what=str(one.kind), outcome=str(one.why))
    if actor is not None:
        _note(account_pk, actor, results)
    return results


def last(account_pk: int) -> list[tuple[Result, datetime]]:
    """How the last trials ended, and when, as far as they tell of what holds now; nothing older than a week."""
    account = settings_for(account_pk)
    kinds = kinds_of(account)
    found = probes.remembered(account_pk)
    return [(one, at) for one, at in found if one.kind in kinds and one.url == url_of(account, one.kind)]


def kinds_of(account: AccountSettings) -> list[Kind]:
    """What is tried: slash commands only where they are on."""
    return [Kind.COMMANDS, Kind.BUTTONS] if account.commands.native else [Kind.BUTTONS]


def clean_up() -> int:
    """Remove the posts that trials left which were cut off; of how many accounts."""
    done = 0
    for pk in Account.objects.filter(archived_at=None, enabled=True).order_by("pk").values_list("pk", flat=True):
        if not probes.has_leftover(pk) or not probes.claim(pk):
            continue
        account = settings_for(pk)
        client = MattermostClient(account.base_url, account.token, timeout=(5.0, CALL_SECONDS))
        try:
            me = client.me()
            _remove_left(client, account, client.create_direct_channel(me.id, me.id).id, me.id)
            done += 1
        except MattermostError as error:
            log.warning("what a trial left stays for now", account=account.account_id, error=str(error))
        finally:
            client.close()
            probes.release(pk)
    return done


def _prove(account: AccountSettings, kinds: list[Kind]) -> list[Result]:
    client = MattermostClient(account.base_url, account.token, timeout=(5.0, CALL_SECONDS))
    try:
        me = client.me()
        channel_id = client.create_direct_channel(me.id, me.id).id
        _remove_left(client, account, channel_id, me.id)
        tries = {Kind.COMMANDS: _commands, Kind.BUTTONS: _buttons}
        return [tries[kind](account, client, channel_id, me.id) for kind in kinds]
    except MattermostError as error:
        return [Result(kind, Why.TROUBLE, url_of(account, kind), sentence_of(error)) for kind in kinds]
    finally:
        client.close()


def _commands(account: AccountSettings, client: MattermostClient, channel_id: str, me_id: str) -> Result:
    url = slash_registration.callback_url_of(account)
    rows = SlashCommand.objects.filter(account=account.pk, state=SlashCommandState.REGISTERED, callback_url=url)
    # One is enough: all of them call the same address.
    row = rows.exclude(command_id="").order_by("purpose", "team_name", "trigger").first()
    if row is None:
        said = SlashRegistration.objects.filter(account=account.pk).values_list("error", flat=True).first()
        return Result(Kind.COMMANDS, Why.NOT_REGISTERED, url, said or "")
    probe = probes.start(account.pk, Kind.COMMANDS, me_id)
    return _tried(
        account, probe, url, lambda: client.execute_command(channel_id, row.team_id, f"/{row.trigger} {probe.mark}")
    )


def _buttons(account: AccountSettings, client: MattermostClient, channel_id: str, me_id: str) -> Result:
    url = buttons.callback_url(account)
    probe = probes.start(account.pk, Kind.BUTTONS, me_id)
    attachments = build_button_attachments(
        [{"text": "OK", "id": ACTION_ID}],
        callback_url=url,
        secret=button_secrets.for_signing(account),
        channel_id=channel_id,
        generation=probe.mark,
    )
    probes.note_leftover(account.pk)
    try:
        post = client.create_post(channel_id, TEXT, props={"attachments": attachments, PROP: "1"})
    except MattermostError as error:
        probes.end(probe)
        if error.status == 403:
            return Result(Kind.BUTTONS, Why.FORBIDDEN, url, sentence_of(error))
        return Result(Kind.BUTTONS, Why.TROUBLE, url, sentence_of(error))
    try:
        return _tried(account, probe, url, lambda: client.click(post.id, ACTION_ID))
    finally:
        _delete(client, account, post.id)


def _tried(account: AccountSettings, probe: probes.Probe, url: str, call: Callable[[], object]) -> Result:
    """Have the server call, and look whether the mark came."""
    probes.forget_refusal(account.pk)
    refused = None
    try:
        call()
    except MattermostError as error:
        refused = Refused(error.status, error.error_id, sentence_of(error), timed_out=error.kind == "timeout")
    arrived = probes.has_arrived(probe)
    ends = time.monotonic() + WAIT_SECONDS
    # The server answers after its call, so the mark is there already, or the call went somewhere else.
    while refused is None and not arrived and time.monotonic() < ends:
        time.sleep(LOOK_EVERY)
        arrived = probes.has_arrived(probe)
    probes.end(probe)
    source = probes.refused_source(account.pk) if probe.kind is Kind.BUTTONS else ""
    found, detail = why(probe.kind, refused, arrived=arrived, source_refused=bool(source))
    return Result(probe.kind, found, url, source if found is Why.SOURCE_REFUSED else detail)


def _remove_left(client: MattermostClient, account: AccountSettings, channel_id: str, me_id: str) -> None:
    """Remove what a trial left that was cut off. Raises MattermostError."""
    if not probes.has_leftover(account.pk):
        return
    for post in client.posts_before(channel_id, per_page=LOOKED_AT):
        if post.user_id == me_id and post.props.get(PROP):
            client.delete_post(post.id)
            log.info("the post of a trial that was cut off is removed", account=account.account_id, post_id=post.id)
    probes.nothing_left(account.pk)


def _delete(client: MattermostClient, account: AccountSettings, post_id: str) -> None:
    try:
        if not client.delete_post(post_id):
            log.warning("the server does not let the post of a trial be deleted", account=account.account_id)
    except MattermostError as error:
        # It is on record as left, and the next trial or the nightly look removes it.
        log.warning("the post of a trial could not be removed", account=account.account_id, error=str(error))
        return
    probes.nothing_left(account.pk)


def _note(account_pk: int, actor: Actor, results: list[Result]) -> None:
    with transaction.atomic():
        account = Account.objects.defer("bot_token").get(pk=account_pk)
        audit.record(
            actor=actor,
            verb="account.prove_reachability",
            account=account,
            target=account,
            summary=" ".join(
                [f"It was tried whether calls reach {account.account_id}.", *(finding_of(one).cause for one in results)]
            ),
            details={one.kind.value: one.why.value for one in results},
        )


def url_of(account: AccountSettings, kind: Kind) -> str:
    """Where Mattermost sends calls of this kind."""
    return slash_registration.callback_url_of(account) if kind is Kind.COMMANDS else buttons.callback_url(account)
