"""Keys for other programs that send messages: made, shown once, counted, revoked; and what they send."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.models import Account, SendKey, SendRequest
from mattermost_bridge.rules.targets import ID
from mattermost_bridge.services import audit, files_out, messages, targets
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.usable import usable

PREFIX = "durar_"
MOST_A_MINUTE = 6000
#: So long a caller's own name for a message is remembered.
REMEMBERED = timedelta(days=7)
MOST_MEDIA = 10


@dataclass(frozen=True)
class Made:
    """A key that was just made. `secret` is the key itself, to be shown this once."""

    key: SendKey
    secret: str

    def __repr__(self) -> str:
        return f"<Made {self.key}>"


class NotAllowed(Refused):
    """The key may not do this. The text says what it may."""


class SameNameOtherMessage(Refused):
    """The caller's name for a message stands for another message already."""


class TooMany(Refused):
    """The key's messages of this minute are used up. `seconds` until the next one is taken."""

    def __init__(self, text: str, seconds: int) -> None:
        super().__init__(text)
        self.seconds = seconds


def create(*, actor: Actor, name: str, accounts: Iterable[int], per_minute: int = 60) -> Made:
    """Make a key for some accounts. Raises Refused."""
    secret = PREFIX + secrets.token_urlsafe(32)
    key = SendKey(digest=digest_of(secret), hint=secret[: len(PREFIX) + 5], created_by=actor.name[:150])
    with transaction.atomic():
        _save(key, name, accounts, per_minute)
        _note(actor, "send_key.create", key, f'The sending key "{key.name}" was made.')
    return Made(key, secret)


def update(pk: int, *, actor: Actor, name: str, accounts: Iterable[int], per_minute: int) -> SendKey:
    """Change a key's name, accounts and limit; the key itself stays. Raises NotFound, Refused."""
    with transaction.atomic():
        key = _locked(pk)
        _save(key, name, accounts, per_minute)
        _note(actor, "send_key.update", key, f'The sending key "{key.name}" was changed.')
    return key


def revoke(pk: int, *, actor: Actor) -> None:
    """Take a key out of use for good. Raises NotFound, Refused."""
    with transaction.atomic():
        key = _locked(pk)
        if key.revoked_at is not None:
            raise Refused(f'The sending key "{key.name}" is revoked already.')
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        _note(actor, "send_key.revoke", key, f'The sending key "{key.name}" was revoked.')


def _save(key: SendKey, name: str, accounts: Iterable[int], per_minute: int) -> None:
    key.name, key.per_minute = name.strip(), per_minute
    chosen = sorted(set(accounts))
    if not key.name:
        raise Refused("The key needs a name, as Backup job.")
    if SendKey.objects.filter(name=key.name).exclude(pk=key.pk).exists():
        raise Refused(f'There is a sending key with the name "{key.name}" already. Choose another name.')
    if not chosen:
        raise Refused("Choose at least one account by which the key may send.")
    if not 1 <= per_minute <= MOST_A_MINUTE:
        raise Refused(f"The limit must be from 1 to {MOST_A_MINUTE} messages a minute.")
    key.save()
    key.accounts.set(Account.objects.filter(pk__in=chosen).values_list("pk", flat=True))


def digest_of(secret: str) -> str:
    """What of a key is kept. A plain hash is enough: the key has 256 random bits, not a person's password."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def by_secret(secret: str) -> SendKey | None:
    """The key that this is, None for what is none (any more)."""
    if not secret.startswith(PREFIX):
        return None
    return SendKey.objects.filter(digest=digest_of(secret), revoked_at=None).first()


def take_turn(key: SendKey, source: str) -> None:
    """Count a call, over all processes, and note when and from where the key was used. Raises TooMany."""
    used = {"last_used_at": Now(), "last_used_from": source[:60]}
    mine = SendKey.objects.filter(pk=key.pk)
    minute = Now() - timedelta(seconds=60)
    if mine.filter(window_began__gt=minute, window_count__lt=F("per_minute")).update(
        window_count=F("window_count") + 1, **used
    ):
        return
    fresh = {"window_began": Now(), "window_count": 1}
    if mine.filter(window_began=None).update(**fresh, **used):
        return
    if mine.filter(window_began__lte=minute).update(**fresh, **used):
        return
    began = mine.values_list("window_began", flat=True).first()
    left = 60 - (timezone.now() - began).total_seconds() if began else 60
    seconds = max(1, min(60, int(left) + 1))
    raise TooMany(f"This key may send {key.per_minute} messages a minute. Try again in {seconds} s.", seconds)


@dataclass(frozen=True)
class Asked:
    """A message as a program asks for it."""

    target: str
    message: str = ""
    account: str = ""
    reply_to: str = ""
    media: tuple[str, ...] = ()
    idempotency_key: str = ""

    @property
    def digest(self) -> str:
        """What tells this message from another one."""
        values = [self.account, self.target, self.message, self.reply_to, list(self.media)]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def send(key: SendKey, asked: Asked) -> tuple[Sequence[int], bool]:
    """Put a message into the outbox by key: its deliveries, and whether they are those of an earlier call of that name.

    Raises NotAllowed, SameNameOtherMessage, NotFound and Refused, with a sentence. May ask over the network: call it
    outside of transactions.
    """
    account_pk = _account(key, asked.account)
    if asked.idempotency_key and (known := _known(key, asked)) is not None:
        return known, True
    account = usable(account_pk)
    target = targets.resolve(account, asked.target)
    if asked.reply_to:
        if not ID.fullmatch(asked.reply_to):
            raise Refused(f"{asked.reply_to[:40]!r} is no post id: one has 26 lower-case letters and digits.")
        target = replace(target, root_id=asked.reply_to)
    files = files_out.take_all(account, asked.media, any_path=False)
    actor = Actor(f"key {key.name}", "api")
    if not asked.idempotency_key:
        return messages.send(account_pk, target, asked.message, actor=actor, files=files).deliveries, False
    with transaction.atomic():
        row, made = SendRequest.objects.get_or_create(
            key=key, idempotency_key=asked.idempotency_key, defaults={"digest": asked.digest}
        )
        if made:
            receipt = messages.send(account_pk, target, asked.message, actor=actor, files=files)
            row.deliveries = list(receipt.deliveries)
            row.save(update_fields=["deliveries"])
            return receipt.deliveries, False
    files_out.remove(files)
    return _same(row, asked), True


def _known(key: SendKey, asked: Asked) -> Sequence[int] | None:
    row = SendRequest.objects.filter(key=key, idempotency_key=asked.idempotency_key).first()
    return None if row is None else _same(row, asked)


def _same(row: SendRequest, asked: Asked) -> Sequence[int]:
    if row.digest != asked.digest:
        raise SameNameOtherMessage(
            f"The idempotency key {asked.idempotency_key[:60]!r} stands for another message already. Use a new one."
        )
    return [int(pk) for pk in row.deliveries]


def _account(key: SendKey, account_id: str) -> int:
    """By which account the message goes: the one that is named or, where the key has only one, that one."""
    allowed = dict(key.accounts.order_by("account_id").values_list("account_id", "pk"))
    names = ", ".join(allowed) or "none any more"
    if account_id:
        if account_id not in allowed:
            raise NotAllowed(f"This key may not send by the account {account_id[:64]!r}. It may by: {names}.")
        return allowed[account_id]
    if len(allowed) != 1:
        raise NotAllowed(f"Name the account: this key may send by several or none ({names}).")
    return next(iter(allowed.values()))


def forget_old() -> int:
    """Remove the callers' names of messages that are older than `REMEMBERED`; how many."""
    return SendRequest.objects.filter(created_at__lt=timezone.now() - REMEMBERED).delete()[0]


def _locked(pk: int) -> SendKey:
    key = SendKey.objects.select_for_update().filter(pk=pk).first()
    if key is None:
        raise NotFound("This sending key does not exist any more. Reload the page.")
    return key


def _note(actor: Actor, verb: str, key: SendKey, summary: str) -> None:
    accounts = list(key.accounts.order_by("account_id").values_list("account_id", flat=True))
    details = {"name": key.name, "hint": key.hint, "per_minute": key.per_minute, "allowed": ", ".join(accounts)}
    audit.record(actor=actor, verb=verb, summary=summary, target=key, details=details)
