"""The ways an alert travels: a signed webhook and e-mail. Each has an end in time, and says in a sentence what failed.

The third way, a post in a Mattermost channel, is the outbox's (`alert_notices`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone

from mattermost_bridge.logging import redact_text
from mattermost_bridge.mattermost import calls
from mattermost_bridge.mattermost.failures import describe
from mattermost_bridge.mattermost.transport import call_within, new_session
from mattermost_bridge.rules.alert_notes import Note, headline, plain_text, webhook_body

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
#: Answers that may be another one next time; every other 4xx means it.
TRY_AGAIN = frozenset({408, 425, 429})
SIGNATURE = "Durar-Signature"
NO_MAIL_SERVER = (
    "No mail server is configured, so no e-mail can be sent. Set DURAR_EMAIL_URL (and DURAR_EMAIL_FROM), as "
    "smtp+tls://user:password@mail.example.com:587, and restart."
)


class TransportError(Exception):
    """A note did not reach its target. `permanent`: it never will, as things are. `waits`: nothing was tried, since
    something is missing here. `retry_after`: so many seconds the receiver asks to be left alone."""

    def __init__(
        self, text: str, *, permanent: bool = False, waits: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.waits = waits
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a webhook is, and what it is signed with."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of the header `Durar-Signature`: HMAC-SHA256 over time, a dot and the body, in hexadecimal.

    The receiver computes the same with its copy of the secret, compares in constant time, and refuses old times.
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def post_webhook(webhook: Webhook, note: Note) -> None:
    """POST a note as JSON; follows no redirect. Takes `TOTAL_SECONDS` at most. Raises TransportError.

    After a failure the same note may come once more: its `id`, also in the header `Durar-Note`, is the same then.
    """
    for hook in calls.before_request:
        hook()
    body = json.dumps(webhook_body(note), ensure_ascii=False).encode()
    now = int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Durar",
        "Durar-Note": note.key,
        "Durar-Event": webhook_body(note)["event"],
    }
    if webhook.secret:
        headers[SIGNATURE] = signature(webhook.secret, now, body)
    parts = urlsplit(webhook.url)
    host = parts.netloc.rpartition("@")[2]
    hidden = tuple(part for part in (webhook.url, webhook.secret, parts.path, parts.query) if len(part) > 1)
    session = new_session()
    try:
        with call_within(TOTAL_SECONDS) as call:
            try:
                answer = session.post(
                    webhook.url,
                    data=body,
                    headers=headers,
                    timeout=(CONNECT_SECONDS, TOTAL_SECONDS),
                    allow_redirects=False,
                    stream=True,  # only the status counts; what else the receiver says is not read
                )
                answer.close()
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                reason = describe(error, sent=call.sent, secrets=hidden)
                raise TransportError(f"The webhook at {host} was not reached: {reason}.") from None
    finally:
        session.close()
    _judge(answer, host)


def _judge(answer: requests.Response, host: str) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise TransportError(
            f"The webhook at {host} answers {status}, a redirect, and redirects are not followed. Enter the address "
            "that it leads to.",
            permanent=True,
        )
    if status >= 500 or status in TRY_AGAIN:
        raise TransportError(f"The webhook at {host} answers {status}.", retry_after=_retry_after(answer))
    remedy = "Check the address." if status in (404, 410) else "Check the address and what it accepts."
    raise TransportError(f"The webhook at {host} answers {status} and does not take alerts. {remedy}", permanent=True)


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that the receiver asks to be left alone, from either form of `Retry-After`."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - timezone.now()).total_seconds()) if text else None
    except (TypeError, ValueError):
        return None


def send_mail(addresses: Sequence[str], notes: Sequence[Note]) -> str:
    """Send notes as one e-mail to all addresses. Returns a sentence on those whom the mail server did not take while it
    took others, "" when it took all. Raises TransportError."""
    if not settings.MAIL_CONFIGURED:
        raise TransportError(NO_MAIL_SERVER, waits=True)
    for hook in calls.before_request:
        hook()
    # Machines that answer mail leave this one alone.
    headers = {"Auto-Submitted": "auto-generated"}
    connection = get_connection()
    try:
        EmailMessage(
            subject=headline(notes),
            body=plain_text(notes),
            to=list(addresses),
            headers=headers,
            connection=connection,
        ).send()
    except smtplib.SMTPRecipientsRefused as error:
        raise TransportError(
            _not_taken(error.recipients), permanent=all(code >= 500 for code, _text in error.recipients.values())
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise TransportError(
            f"The mail server refuses user name and password in DURAR_EMAIL_URL ({error.smtp_code}).", waits=True
        ) from None
    except smtplib.SMTPResponseException as error:
        raise TransportError(
            f"The mail server answers {error.smtp_code}: {_said(error.smtp_error)}", permanent=error.smtp_code >= 500
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise TransportError(f"The mail server was not reached: {_said(error) or type(error).__name__}") from None
    refused = getattr(connection, "refused", {})
    return f"{_not_taken(refused)} The others were told." if refused else ""


def _not_taken(refused: Mapping[str, tuple[int, bytes]]) -> str:
    codes = ", ".join(str(code) for code in sorted({code for code, _text in refused.values()}))
    return f"The mail server takes no mail for {', '.join(sorted(refused))} ({codes}). Check the addresses."


def _said(what: Any) -> str:
    """What a server said, on one line, without secrets, and not too long."""
    text = what.decode(errors="replace") if isinstance(what, bytes) else str(what)
    return redact_text(" ".join(text.split()))[:200]
