"""Who is told of alerts: targets are added, changed, tested and removed. Addresses of webhooks are kept like tokens."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.logging import hide
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import Account, AlertNotice, AlertTarget
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.models.states import AlertKind, AlertTargetKind, NoticeState
from mattermost_bridge.rules.alert_notes import mattermost_text, test_note
from mattermost_bridge.services import alert_transports, audit
from mattermost_bridge.services.alert_notices import addresses, posting_problem
from mattermost_bridge.services.alert_transports import TransportError, Webhook
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.probing import TIMEOUT

FIELDS = frozenset(
    {"name", "kind", "enabled", "emails", "account", "channel_id", "kinds", "all_accounts", "tells_recovery"}
)
_CHANNEL_ID = re.compile(r"[a-z0-9]{26}")
MOST_ADDRESSES = 50


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved target; `new_secret` is set when a signing secret was made, to be shown this once."""

    target: AlertTarget
    new_secret: str = ""

    def __repr__(self) -> str:
        return f"<Saved {self.target}>"


def create(*, actor: Actor, url: str = "", accounts: Iterable[int] = (), **fields: Any) -> Saved:
    """Add a target. `accounts` are the keys of those it is told about, unless it is told about all. Raises Refused."""
    return _save(AlertTarget(), actor, url=url, accounts=list(accounts), fields=fields)


def update(
    target_pk: int, *, actor: Actor, url: str = "", accounts: Iterable[int] | None = None, **fields: Any
) -> Saved:
    """Change some of a target's `FIELDS`; an empty `url` leaves its address, None its accounts.

    Raises Refused, NotFound.
    """
    with transaction.atomic():
        target = _locked(target_pk)
        return _save(target, actor, url=url, accounts=None if accounts is None else list(accounts), fields=fields)


def _save(
    target: AlertTarget, actor: Actor, *, url: str, accounts: list[int] | None, fields: Mapping[str, Any]
) -> Saved:
    with transaction.atomic():
        is_new = target.pk is None
        before = {} if is_new else _shown(target, _chosen(target))
        chosen = _chosen(target) if accounts is None else sorted(set(accounts))
        apply(target, fields, url=url)
        _refuse_incomplete(target, chosen)
        secret = "" if target.signing_secret or target.kind != AlertTargetKind.WEBHOOK else _make_secret(target)
        after = _shown(target, chosen)
        details: dict[str, Any] = {
            name: [before.get(name), after[name]] for name in after if before.get(name) != after[name]
        }
        if url.strip() and not is_new:
            details["url"] = "changed"
        if not details and not secret:
            return Saved(target)
        target.save()
        target.accounts.set(Account.objects.filter(pk__in=chosen).values_list("pk", flat=True))
        if not target.enabled:
            _call_off(target, "The target was switched off.")
        audit.record(
            actor=actor,
            verb="alert_target.create" if is_new else "alert_target.update",
            summary=f'The alert target "{target.name}" was '
            + ("added." if is_new else f"changed: {', '.join(sorted(details))}."),
            target=target,
            details=after if is_new else details,
        )
    return Saved(target, secret)


def apply(target: AlertTarget, fields: Mapping[str, Any], *, url: str = "") -> None:
    """Set `fields` and, unless it is empty, the webhook's address, checked and without saving. Raises Refused."""
    unknown = set(fields) - FIELDS
    if unknown:
        raise TypeError(f"AlertTarget has no changeable fields {sorted(unknown)}")
    for name, value in fields.items():
        setattr(target, name, value.strip() if isinstance(value, str) else value)
    if not target.name:
        raise Refused("The target needs a name, as On call.")
    if AlertTarget.objects.filter(name=target.name).exclude(pk=target.pk).exists():
        raise Refused(f'There is an alert target with the name "{target.name}" already. Choose another name.')
    if target.kind not in AlertTargetKind.values:
        raise Refused("Choose a way: webhook, e-mail or a Mattermost channel.")
    if url.strip():
        _put_url(target, url.strip())
    known = set(AlertKind.values)
    if unknown_kinds := sorted(set(target.kinds) - known):
        raise Refused(f"There is no kind of alert called {', '.join(unknown_kinds)}.")
    target.kinds = [kind for kind in AlertKind.values if kind in target.kinds]


def _put_url(target: AlertTarget, url: str) -> None:
    # The address is a secret: no error repeats it.
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("The webhook's address cannot be read. Example: https://hooks.example.com/abc") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise Refused("The webhook's address must start with https:// or http://. Other ways are not supported.")
    if not parts.hostname or port == 0:
        raise Refused("The webhook's address names no host. Example: https://hooks.example.com/abc")
    if parts.username is not None or parts.password is not None:
        raise Refused("The webhook's address must not hold a user name or password. Put the key into its path.")
    if any(not letter.isprintable() or letter in ' \\"<>' for letter in url):
        raise Refused("The webhook's address holds a blank or a character that no address has: paste it again.")
    if len(url) > 2000:
        raise Refused("The webhook's address is longer than 2000 characters: paste only the address.")
    hide(url)
    target.url, target.url_set_at = url, timezone.now()
    target.url_host = f"{parts.scheme.lower()}://{parts.netloc}"[:300]


def _refuse_incomplete(target: AlertTarget, chosen: list[int]) -> None:
    if not target.kinds:
        raise Refused("Choose at least one kind of alert.")
    if not target.all_accounts and not chosen:
        raise Refused("Choose the accounts that this target is told about, or all accounts.")
    _refuse_unreachable(target)


def _refuse_unreachable(target: AlertTarget) -> None:
    """Refuse a target that lacks what its way needs."""
    if target.kind == AlertTargetKind.WEBHOOK and not target.url:
        raise Refused("A webhook needs its address. Example: https://hooks.example.com/abc")
    if target.kind == AlertTargetKind.EMAIL:
        found = addresses(target.emails)
        if not found:
            raise Refused("Enter at least one e-mail address.")
        if len(found) > MOST_ADDRESSES:
            raise Refused(f"These are more than {MOST_ADDRESSES} addresses. Use the address of a mailing list.")
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                raise Refused(f"{address} is no e-mail address. Example: ops@example.com") from None
    if target.kind == AlertTargetKind.MATTERMOST:
        if target.account is None:
            raise Refused("Choose the account whose bot posts in the channel.")
        if not _CHANNEL_ID.fullmatch(target.channel_id):
            raise Refused(
                "The channel id must be 26 small letters and digits. In Mattermost the channel's menu shows it: "
                "View Info, ID."
            )


def new_secret(target_pk: int, *, actor: Actor) -> Saved:
    """Give a webhook another signing secret, to be shown this once. Raises NotFound, Refused."""
    with transaction.atomic():
        target = _locked(target_pk)
        if target.kind != AlertTargetKind.WEBHOOK:
            raise Refused(f'"{target.name}" is no webhook, so nothing is signed for it.')
        secret = _make_secret(target)
        target.save(update_fields=["signing_secret", "secret_set_at"])
        audit.record(
            actor=actor,
            verb="alert_target.new_secret",
            summary=f'The alert target "{target.name}" got another signing secret.',
            target=target,
            details={"signing_secret": "changed"},
        )
    return Saved(target, secret)


def _make_secret(target: AlertTarget) -> str:
    secret = secrets.token_urlsafe(32)
    hide(secret)
    target.signing_secret, target.secret_set_at = secret, timezone.now()
    return secret


def switch(target_pk: int, *, actor: Actor, on: bool) -> AlertTarget:
    """Switch a target on or off. What waits for one that is switched off is called off. Raises NotFound, Refused."""
    return update(target_pk, actor=actor, enabled=on).target


def remove(target_pk: int, *, actor: Actor) -> None:
    """Remove a target; what it was told stays on record, what waits for it is called off. Raises NotFound."""
    with transaction.atomic():
        target = _locked(target_pk)
        _call_off(target, "The target was removed.")
        audit.record(
            actor=actor,
            verb="alert_target.remove",
            summary=f'The alert target "{target.name}" was removed.',
            target=target,
            details=_shown(target, _chosen(target)),
        )
        target.delete()


def _call_off(target: AlertTarget, reason: str) -> None:
    AlertNotice.objects.filter(target=target, state=NoticeState.QUEUED).update(
        state=NoticeState.CANCELLED, error=reason, settled_at=timezone.now()
    )


def send_test(target: AlertTarget | None, fields: Mapping[str, Any], *, url: str = "") -> str:
    """Send a test with what a form says now; what it leaves empty is taken from `target`. Call it outside of
    transactions; it takes some seconds at most. Returns a sentence on where it went. Raises Refused when it failed.
    """
    draft = AlertTarget.objects.get(pk=target.pk) if target else AlertTarget()
    apply(draft, fields, url=url)
    _refuse_unreachable(draft)
    note = test_note(draft.name, f"{settings.PUBLIC_URL}/" if settings.PUBLIC_URL else "")
    try:
        if draft.kind == AlertTargetKind.EMAIL:
            problem = alert_transports.send_mail(addresses(draft.emails), [note])
            return problem or f"The mail server took a test for {', '.join(addresses(draft.emails))}."
        if draft.kind == AlertTargetKind.MATTERMOST:
            return _post_test(draft, mattermost_text([note]))
        alert_transports.post_webhook(Webhook(draft.url, draft.signing_secret), note)
    except (TransportError, WrongKeyError) as error:
        raise Refused(str(error)) from None
    signed = "It was signed." if draft.signing_secret else "It was not signed: the secret is made when you save."
    return f"The webhook at {urlsplit(draft.url).netloc} took a test. {signed}"


def _post_test(draft: AlertTarget, text: str) -> str:
    problem = posting_problem(draft)
    if problem:
        raise Refused(problem)
    assert draft.account_id is not None
    account = settings_for(draft.account_id)
    client = MattermostClient(account.base_url, account.token, timeout=TIMEOUT)
    try:
        client.create_post(draft.channel_id, text)
    except MattermostError as error:
        remedy = " Add the bot to the channel." if error.status == 403 else ""
        raise Refused(f"The test could not be posted by {account.account_id}: {error}{remedy}") from None
    finally:
        client.close()
    return f"@{account.bot_username or account.account_id} posted a test in the channel."


def _locked(target_pk: int) -> AlertTarget:
    target = AlertTarget.objects.select_for_update(of=("self",)).filter(pk=target_pk).first()
    if target is None:
        raise NotFound("This alert target does not exist any more. Reload the page.")
    return target


def _chosen(target: AlertTarget) -> list[int]:
    return sorted(target.accounts.values_list("pk", flat=True)) if target.pk else []


def _shown(target: AlertTarget, chosen: list[int]) -> dict[str, Any]:
    """What the audit log says of a target: no address beyond the host, no secret."""
    names = Account.objects.filter(pk__in=chosen).order_by("account_id").values_list("account_id", flat=True)
    account = target.account.account_id if target.account else None
    return {
        "name": target.name,
        "kind": target.kind,
        "enabled": target.enabled,
        "host": target.url_host if target.kind == AlertTargetKind.WEBHOOK else "",
        "emails": target.emails if target.kind == AlertTargetKind.EMAIL else "",
        "account": account if target.kind == AlertTargetKind.MATTERMOST else None,
        "channel_id": target.channel_id if target.kind == AlertTargetKind.MATTERMOST else "",
        "kinds": ", ".join(target.kinds),
        "accounts": "all" if target.all_accounts else ", ".join(names),
        "tells_recovery": target.tells_recovery,
    }
