"""Alerts by e-mail: one message for what waits, and sentences for what a mail server refuses."""

from __future__ import annotations

import smtplib

import pytest
from django.core import mail
from django.core.mail.backends import locmem

from mattermost_bridge.models import AlertNotice
from mattermost_bridge.services.alert_notices import send_due
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _mail_server(settings):
    settings.MAIL_CONFIGURED = True


@pytest.fixture
def told(watch, account, target):
    """Sends alerts to two people by mail."""

    def send(alerts: int = 1):
        row = target(kind="email", emails="ops@example.com,\n night@example.com")
        for _ in range(alerts):
            factories.PairingRequestFactory(account=account)
        watch.look()
        send_due(row.pk)
        row.refresh_from_db()
        return row

    return send


@pytest.fixture
def refusing(monkeypatch):
    """Makes the mail server refuse with an error."""

    def refuse(error: Exception) -> None:
        def send_messages(self, messages):
            raise error

        monkeypatch.setattr(locmem.EmailBackend, "send_messages", send_messages)

    return refuse


def test_a_mail_says_what_happened_and_what_to_do(told):
    told()
    [message] = mail.outbox
    assert message.to == ["ops@example.com", "night@example.com"]
    assert message.subject == "Durar: Pairing waiting: support"
    assert "asks to be paired" in message.body
    assert "Approve, reject or block in the panel" in message.body
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert AlertNotice.objects.get().state == "sent"


def test_what_waits_goes_out_in_one_mail(told):
    told(alerts=5)
    [message] = mail.outbox
    assert message.subject.startswith("Durar: 5 alerts, the first: ")
    assert message.body.count("asks to be paired") == 5
    assert set(AlertNotice.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_without_a_mail_server_notes_wait_and_say_what_is_missing(told, settings):
    settings.MAIL_CONFIGURED = False
    row = told()
    notice = AlertNotice.objects.get()
    assert (notice.state, notice.attempts) == ("queued", 0)
    assert "DURAR_EMAIL_URL" in notice.error
    assert row.state == "fails"
    settings.MAIL_CONFIGURED = True
    AlertNotice.objects.update(next_attempt_at=None)
    send_due(row.pk)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "queued", "was not reached"),
        (TimeoutError(), "queued", "was not reached"),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "queued", "was not reached"),
        (smtplib.SMTPResponseException(451, b"Try again later"), "queued", "451: Try again later"),
        (smtplib.SMTPSenderRefused(550, b"Not allowed", "durar@localhost"), "dead", "550: Not allowed"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "queued", "refuses user name and password"),
        (smtplib.SMTPRecipientsRefused({"ops@example.com": (550, b"unknown")}), "dead", "ops@example.com (550)"),
        (smtplib.SMTPRecipientsRefused({"ops@example.com": (450, b"busy")}), "queued", "ops@example.com (450)"),
    ],
)
def test_what_a_mail_server_refuses_is_said(told, refusing, error, state, words):
    refusing(error)
    told()
    notice = AlertNotice.objects.get()
    assert notice.state == state
    assert words in notice.error
