"""Messages that somebody sends by hand or from outside: to a person, whose direct channel is opened first, or to a
channel. They go through the outbox like every post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.models import Account, Turn
from mattermost_bridge.models.states import DeliveryKind
from mattermost_bridge.rules.targets import ID
from mattermost_bridge.services import audit, buttons, direct_channels, files_out, outbox, targets
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.files_out import Outgoing
from mattermost_bridge.services.records import blocked_for
from mattermost_bridge.services.targets import Target
from mattermost_bridge.services.usable import usable

__all__ = ["LONGEST", "Receipt", "Target", "find", "send"]

#: Longer ones are no messages; they are split into posts of the account's length.
LONGEST = 40_000


@dataclass(frozen=True)
class Receipt:
    """A message that is in the outbox: its deliveries, in order, and the direct channel that they go through.

    `waits`: the direct channel is being opened first.
    """

    target: Target
    deliveries: tuple[int, ...]
    direct_channel: int | None = None
    waits: bool = False


@dataclass(frozen=True)
class OfCall:
    """A call of a turn's agent, by the number of its round and its own. It sends once, however often it is made."""

    turn: Turn
    round: int
    call: int


def send(
    account_pk: int,
    target: Target,
    text: str,
    *,
    actor: Actor,
    overrides: Mapping[str, int | None] | None = None,
    files: Sequence[Outgoing] = (),
    button_rows: Any = None,
    by_agent: bool = False,
    of_call: OfCall | None = None,
) -> Receipt:
    """Put a message into the outbox. Raises NotFound, and Refused with a sentence on why nothing is sent.

    `overrides` are retry values of the direct channel for this call, by the names of `RetryValues`; a channel needs
    none. `files` are those that `files_out.take_all` took: of a message that is refused they are removed. Buttons of
    `button_rows` stand under the last post (see `buttons.offer`). With `by_agent` an agent wrote it (see
    `outbox.post`); `of_call` says in which call of a turn's agent. Makes no call of its own: whether the target exists
    shows when it is sent, or is asked before, by `find`.
    """
    try:
        return _send(account_pk, target, text, actor, overrides, files, button_rows, by_agent=by_agent, of_call=of_call)
    except BaseException:
        files_out.remove(files)
        raise


def _send(
    account_pk: int,
    target: Target,
    text: str,
    actor: Actor,
    overrides: Mapping[str, int | None] | None,
    files: Sequence[Outgoing],
    button_rows: Any,
    *,
    by_agent: bool,
    of_call: OfCall | None,
) -> Receipt:
    account = usable(account_pk)
    text = clean(text)
    if not text.strip() and not files and not button_rows:
        raise Refused("Mattermost message is empty. Write a text.")
    if len(text) > LONGEST:
        raise Refused(f"The message has {len(text)} characters; {LONGEST} are the most. Shorten it.")
    with transaction.atomic():
        row = None
        if target.user_id:
            _refuse_person(account, target)
            row = direct_channels.ensure(account, target.user_id, target.username, overrides=overrides)
        where: dict[str, Any] = {
            "account_pk": account_pk,
            "channel_id": row.channel_id if row else target.channel_id,
            "text": text,
            "kind": DeliveryKind.MESSAGE,
            "root_id": target.root_id,
            "recipient_id": target.user_id,
            "direct_channel": row,
            "files": files,
            "by_agent": by_agent,
        }
        if of_call is not None:
            # Posts of the turn are younger than what it answers.
            turn, since_ms = of_call.turn, of_call.turn.trigger_at
            where |= {"turn": turn, "since_ms": since_ms, "call": (of_call.round, of_call.call)}
        deliveries = buttons.offer(buttons=button_rows, **where) if button_rows else outbox.post(**where)
        audit.record(
            actor=actor,
            verb="message.send",
            summary=f"A message to {target} was put into the outbox of the account {account.account_id}.",
            account=Account.objects.defer("bot_token").get(pk=account_pk),
            target=deliveries[0],
            details={
                "user_id": target.user_id,
                "channel_id": target.channel_id,
                "characters": len(text),
                "deliveries": [delivery.pk for delivery in deliveries],
                **({"files": len(files)} if files else {}),
            },
        )
    return Receipt(
        target,
        tuple(delivery.pk for delivery in deliveries),
        row.pk if row else None,
        waits=row is not None and not row.channel_id,
    )


def find(account_pk: int, words: str) -> Target:
    """Whom somebody means by `words`, in the grammar of `rules.targets`. Raises NotFound, Refused.

    Asks the server where it has to, so call it outside of transactions.
    """
    return targets.resolve(usable(account_pk), words)


def _refuse_person(account: AccountSettings, target: Target) -> None:
    if not ID.fullmatch(target.user_id):
        raise Refused(f"{target.user_id[:40]!r} is no user id: one has 26 lower-case letters and digits.")
    if target.user_id == account.bot_user_id:
        raise Refused(f"{target} is the bot of the account {account.account_id} itself. Name somebody else.")
    if blocked_for(account.pk, target.user_id):
        raise Refused(f"{target} is blocked. Remove the block first, then send.")
