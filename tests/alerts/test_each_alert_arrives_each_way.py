"""Each kind of alert reaches a webhook, a mail server and a channel of a Mattermost server, all real: once, and once
more when it is over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.utils import timezone

from mattermost_bridge.models import AlertNotice, AlertTarget, Delivery, ListenerLease
from mattermost_bridge.services import alert_targets, pairing
from mattermost_bridge.services.audit import Actor
from tests import factories
from tests.alerts.mail_server import mail_server
from tests.bridge import make_account
from tests.mattermost.servers import answer, scripted_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mail(settings):
    """A mail server that Durar is told of."""
    with mail_server() as server:
        settings.MAIL_CONFIGURED = True
        settings.EMAIL_BACKEND = "mattermost_bridge.services.mail_backend.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
        yield server


@pytest.fixture
def told(sandbox, mail, target):
    """What arrived at each of the three targets, as the first words of each note."""
    sandbox.create_channel("alice", "operations")
    sandbox.add_member("alice", "operations", "durar")
    bot = sandbox.user_id("durar")
    server = {"base_url": sandbox.base_url, "bot_token": sandbox.token("durar"), "bot_user_id": bot}
    poster = make_account("poster", **server)
    ListenerLease.objects.filter(account=poster).update(phase="ready", since=timezone.now())

    def posted() -> list[str]:
        posts = sandbox.posts("operations")
        return [post["message"] for post in posts if post["user_id"] == bot and not post.get("type")]

    with scripted_server(answer(200)) as hook:
        target("hook", url=f"{hook.url}/hooks/secret")
        target("mail", kind="email", emails="ops@example.com, night@example.com")
        target("channel", kind="mattermost", account=poster, channel_id=sandbox.channel_id("operations"))
        yield SimpleNamespace(hook=lambda: [request.json for request in hook.requests], mail=mail, posted=posted)


def _down(watch, account):
    watch.phase(account, "backing_off", "Connection refused.")
    watch.after(70)
    return lambda: watch.phase(account, "ready")


def _refused(watch, account):
    watch.phase(account, "token_refused", "The server answered 401.")
    return lambda: watch.phase(account, "ready")


def _pairing(watch, account):
    request = factories.PairingRequestFactory(account=account, username="carol")

    def approve() -> None:
        pairing.approve(request_id=request.pk, actor=Actor("alice", "panel"))
        watch.now = timezone.now()

    return approve


def _dead(watch, account):
    delivery = factories.DeliveryFactory(account=account, settled_at=watch.now)
    return lambda: Delivery.objects.filter(pk=delivery.pk).update(state="sent")


@pytest.mark.parametrize(
    ("kind", "begin", "title", "end"),
    [
        ("account_down", _down, "Account down", "is connected again"),
        ("token_refused", _refused, "Token refused", "takes the bot token"),
        ("pairing_waiting", _pairing, "Pairing waiting", "approved by alice"),
        ("deliveries_dead", _dead, "Messages not delivered", "was sent again or taken away"),
    ],
)
def test_once_when_it_begins_and_once_when_it_is_over(told, watch, account, hinted, kind, begin, title, end):
    finish = begin(watch, account)
    for _ in range(3):
        watch.after(10)
        hinted.run()
    [note] = told.hook()
    [mail] = told.mail.mails
    [post] = told.posted()
    assert (note["event"], note["kind"], note["account"]) == ("alert.raised", kind, "support")
    assert mail["Subject"] == f"Durar: {title}: support"
    assert told.mail.recipients == [["ops@example.com", "night@example.com"]]
    assert note["sentence"] in mail.get_content()
    assert post.startswith(f":warning: **{title}: support**")
    finish()
    for _ in range(6):
        watch.after(10)
        hinted.run()
    [_begun, note] = told.hook()
    [_begun, mail] = told.mail.mails
    [_begun, post] = told.posted()
    assert (note["event"], note["kind"]) == ("alert.recovered", kind)
    assert end in note["sentence"]
    assert mail["Subject"] == f"Durar: Over: {title}: support"
    assert note["sentence"] in mail.get_content().replace("\n", " ")
    assert post.startswith(f":white_check_mark: **Over: {title}: support**")
    assert set(AlertNotice.objects.values_list("state", flat=True)) == {"sent"}


def test_one_recipient_that_the_mail_server_does_not_know_keeps_nobody_else_from_the_mail(told, watch, account, hinted):
    told.mail.refused.add("night@example.com")
    factories.PairingRequestFactory(account=account)
    watch.look()
    hinted.run()
    assert told.mail.recipients == [["ops@example.com"]]
    assert AlertNotice.objects.get(target__name="mail").state == "sent"
    row = AlertTarget.objects.get(name="mail")
    assert row.last_error.startswith("The mail server takes no mail for night@example.com (550).")
    assert row.state == "fails"
    assert "night@example.com (550)" in alert_targets.send_test(row, {})
    told.mail.refused.clear()
    factories.PairingRequestFactory(account=account)
    watch.after(10)
    hinted.run()
    row.refresh_from_db()
    assert (row.last_error, row.last_error_at, row.state) == ("", None, "works")
