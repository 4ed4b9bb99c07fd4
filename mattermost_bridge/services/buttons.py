"""Offering buttons: a post whose buttons are signed, and the row by which their set works once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.mattermost.attachments import build_button_attachments
from mattermost_bridge.models import ButtonSet, Delivery, DirectChannel, Turn
from mattermost_bridge.models.states import DeliveryKind
from mattermost_bridge.rules.callback_urls import callback_base, interaction_url, unreachable
from mattermost_bridge.rules.doctor_reachability import Kind
from mattermost_bridge.services import button_secrets, outbox, probes
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.files_out import Outgoing

log = structlog.get_logger(__name__)

#: The setting that says where Mattermost reaches Durar with clicks.
CALLBACK_SETTING = "channels.mattermost.interactions.callbackBaseUrl"

_PORT = "web-port"
_warned: set[tuple[int, str]] = set()


def callback_url(account: AccountSettings) -> str:
    """Where Mattermost sends clicks on this account's buttons.

    `interactions.callbackBaseUrl`, else DURAR_PUBLIC_URL, else `gateway.customBindHost`, else localhost. The port is
    the one on which `up` listens, else `gateway.port`, else 18789.
    """
    base = callback_base(
        callback_base_url=account.interactions.callback_base_url,
        public_url=settings.PUBLIC_URL,
        bind_host=account.gateway.custom_bind_host,
        port=port(account),
    )
    return interaction_url(base, account.account_id)


def port(account: AccountSettings) -> int:
    """The port that stands in callback addresses."""
    return settings.PORT if settings.PORT_GIVEN else _port_in_use() or account.gateway.port or settings.PORT


def note_port(port: int) -> None:
    """This deployment listens on that port; commands of another terminal, which nobody tells, look it up."""
    caches["shared"].set(_PORT, port, timeout=None)


def _port_in_use() -> int:
    return int(caches["shared"].get(_PORT) or 0)


def callback_problem(account: AccountSettings) -> str:
    """A sentence when the account's server cannot reach the callback address; "" when nothing speaks against it, or
    when a call arrived there lately."""
    url = callback_url(account)
    problem = unreachable(url, account.base_url, CALLBACK_SETTING)
    return "" if problem and probes.is_proven(account.pk, Kind.BUTTONS, url) else problem


def offer(
    *,
    account_pk: int,
    channel_id: str,
    text: str,
    buttons: Any,
    kind: str = DeliveryKind.MESSAGE,
    root_id: str = "",
    recipient_id: str = "",
    turn: Turn | None = None,
    since_ms: int = 0,
    direct_channel: DirectChannel | None = None,
    box_text: str = "",
    opener_id: str = "",
    valid_for: timedelta | None = None,
    files: Sequence[Outgoing] = (),
    by_agent: bool = False,
    call: tuple[int, int] | None = None,
) -> list[Delivery]:
    """Put a post with buttons into the outbox, inside the caller's transaction; they stand under its last part.

    `buttons` are as `build_button_attachments` takes them; `box_text` stands in their box. With `opener_id` only that
    person may click; after `valid_for` nobody may. The rest is as for `outbox.post`. Of the whole set one button can
    be clicked, once; then the choice comes to the agent as a message in the session of the post.

    Raises Refused as `signed` does.
    """
    account = settings_for(account_pk)
    generation = secrets.token_urlsafe(18)
    attachments = signed(account, buttons, channel_id=channel_id, text=box_text, generation=generation)
    _warn_once(account)
    rows = outbox.post(
        account_pk=account_pk,
        channel_id=channel_id,
        text=text,
        kind=kind,
        root_id=root_id,
        recipient_id=recipient_id,
        turn=turn,
        since_ms=since_ms,
        direct_channel=direct_channel,
        props={"attachments": attachments},
        files=files,
        by_agent=by_agent,
        call=call,
    )
    ButtonSet.objects.create(
        account_id=account_pk,
        generation=generation,
        delivery=rows[-1],
        channel_id=channel_id,
        opener_id=opener_id,
        expires_at=timezone.now() + valid_for if valid_for is not None else None,
    )
    return rows


def signed(
    account: AccountSettings, buttons: Any, *, channel_id: str = "", text: str = "", generation: str = ""
) -> list[dict[str, Any]]:
    """The attachments that show these buttons, signed for the account; see `build_button_attachments`.

    Raises Refused when the account has no token to sign with, when no button has both a text and callback data, and
    for a context that cannot be written as JSON.
    """
    secret = button_secrets.for_signing(account)
    if not secret:
        raise Refused(account.missing or "The account has no bot token, and buttons are signed with one. Enter it.")
    try:
        attachments = build_button_attachments(
            buttons,
            callback_url=callback_url(account),
            secret=secret,
            channel_id=channel_id,
            text=text,
            generation=generation,
        )
    except (TypeError, ValueError) as problem:
        raise Refused(str(problem)) from problem
    if not attachments:
        raise Refused("No button remains: each needs a text and callback_data with a letter or digit in it.")
    return attachments


def _warn_once(account: AccountSettings) -> None:
    """Say in the log, once for each address, that clicks will not arrive."""
    key = (account.pk, callback_url(account))
    if key not in _warned and (problem := callback_problem(account)):
        _warned.add(key)
        log.warning("clicks on buttons may not arrive", account=account.account_id, problem=problem)
