"""Targets are added, changed and removed with an audit row each; what is secret about them goes nowhere."""

from __future__ import annotations

import json

import pytest

from mattermost_bridge.models import AlertNotice, AlertTarget, AuditEntry
from mattermost_bridge.services import alert_targets
from mattermost_bridge.services.alert_notices import send_again
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from tests import factories
from tests.mattermost.servers import answer, scripted_server

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = Actor("alice", "panel")
URL = "https://hooks.example.com/very-secret-path?key=also-secret"


def create(**values) -> alert_targets.Saved:
    """Add a webhook that is told of two kinds."""
    values = {"name": "On call", "kind": "webhook", "url": URL, "kinds": ["no_agent", "account_down"], **values}
    return alert_targets.create(actor=ALICE, **values)


def test_a_webhook_gets_a_signing_secret_that_is_handed_out_once():
    saved = create()
    assert len(saved.new_secret) >= 40
    target = AlertTarget.objects.get()
    assert (target.signing_secret, target.url, target.url_host) == (saved.new_secret, URL, "https://hooks.example.com")
    assert target.kinds == ["account_down", "no_agent"]
    assert alert_targets.update(target.pk, actor=ALICE, name="Night shift").new_secret == ""
    assert AlertTarget.objects.get().signing_secret == saved.new_secret
    assert alert_targets.new_secret(target.pk, actor=ALICE).new_secret != saved.new_secret


def test_neither_audit_log_nor_table_nor_repr_holds_what_is_secret(caplog):
    from django.db import connection

    saved = create()
    alert_targets.update(saved.target.pk, actor=ALICE, url=URL + "2", name="Night shift")
    second = alert_targets.new_secret(saved.target.pk, actor=ALICE)
    alert_targets.remove(saved.target.pk, actor=ALICE)
    kept = json.dumps(list(AuditEntry.objects.values("summary", "details"))) + caplog.text + repr(saved) + repr(second)
    with connection.cursor() as cursor:
        create(name="again")
        cursor.execute("SELECT * FROM mattermost_bridge_alerttarget")
        kept += repr(cursor.fetchall())
    for secret in ("very-secret-path", "also-secret", saved.new_secret, second.new_secret):
        assert secret not in kept
    verbs = list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs[:4] == [
        "alert_target.create",
        "alert_target.update",
        "alert_target.new_secret",
        "alert_target.remove",
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": " "}, "needs a name"),
        ({"url": ""}, "needs its address"),
        ({"url": "ftp://hooks.example.com/very-secret-path"}, "must start with https:// or http://"),
        ({"url": "file:///etc/passwd"}, "must start with"),
        ({"url": "javascript:alert(1)"}, "must start with"),
        ({"url": "https:///very-secret-path"}, "names no host"),
        ({"url": "https://user:very-secret-path@x.example.com/"}, "must not hold a user name"),
        ({"url": "https://x.example.com:99999/very-secret-path"}, "cannot be read"),
        ({"url": "https://x.example.com/very-secret-path b"}, "holds a blank"),
        ({"kinds": []}, "at least one kind"),
        ({"kinds": ["weather"]}, "no kind of alert called weather"),
        ({"all_accounts": False}, "Choose the accounts"),
        ({"kind": "pigeon"}, "Choose a way"),
        ({"kind": "email"}, "at least one e-mail address"),
        ({"kind": "email", "emails": "ops@example.com, nobody"}, "nobody is no e-mail address"),
        ({"kind": "email", "emails": "ops@example.com\nBcc: x"}, "Bcc: is no e-mail address"),
        ({"kind": "mattermost", "channel_id": "c" * 26}, "Choose the account"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(values, words):
    with pytest.raises(Refused, match=words) as refused:
        create(**values)
    assert "very-secret-path" not in str(refused.value)
    assert not AlertTarget.objects.exists()


def test_a_channel_needs_its_id(account):
    with pytest.raises(Refused, match="26 small letters"):
        create(kind="mattermost", account=account, channel_id="town-square")


def test_two_targets_do_not_share_a_name():
    create()
    with pytest.raises(Refused, match="with the name"):
        create()


def test_accounts_may_be_chosen(account):
    saved = create(all_accounts=False, accounts=[account.pk])
    assert list(saved.target.accounts.all()) == [account]
    assert AuditEntry.objects.get().details["accounts"] == "support"
    alert_targets.update(saved.target.pk, actor=ALICE, tells_recovery=False)
    assert list(saved.target.accounts.all()) == [account]


def test_a_change_that_changes_nothing_leaves_no_trace():
    saved = create()
    alert_targets.update(saved.target.pk, actor=ALICE, name="On call", kinds=["account_down", "no_agent"])
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("how", ["off", "removed"])
def test_what_waits_for_a_target_that_goes_away_is_called_off(watch, account, target, how):
    row = target()
    factories.PairingRequestFactory(account=account)
    watch.look()
    if how == "off":
        alert_targets.switch(row.pk, actor=ALICE, on=False)
    else:
        alert_targets.remove(row.pk, actor=ALICE)
    notice = AlertNotice.objects.get()
    assert (notice.state, notice.target_name) == ("cancelled", "On call")
    assert ("switched off" if how == "off" else "removed") in notice.error


def test_a_note_that_was_given_up_can_be_sent_again(watch, account, target, hinted):
    with scripted_server(answer(404), answer(200)) as server:
        target(url=server.url)
        factories.PairingRequestFactory(account=account)
        watch.look()
        hinted.run()
        notice = AlertNotice.objects.get()
        assert notice.state == "dead"
        send_again(notice.pk, actor=ALICE)
        hinted.run()
    notice.refresh_from_db()
    assert (notice.state, notice.attempts) == ("sent", 1)
    assert AuditEntry.objects.get().verb == "alert_note.send_again"
    with pytest.raises(Refused, match="not one that was given up"):
        send_again(notice.pk, actor=ALICE)


def test_nobody_is_told_again_who_is_gone_or_off(watch, account, target):
    row = target()
    factories.PairingRequestFactory(account=account)
    watch.look()
    AlertNotice.objects.update(state="dead")
    notice = AlertNotice.objects.get()
    alert_targets.switch(row.pk, actor=ALICE, on=False)
    with pytest.raises(Refused, match="switched off"):
        send_again(notice.pk, actor=ALICE)
    alert_targets.remove(row.pk, actor=ALICE)
    with pytest.raises(Refused, match="was removed"):
        send_again(notice.pk, actor=ALICE)
    with pytest.raises(NotFound):
        send_again(notice.pk + 1000, actor=ALICE)


def test_a_test_tries_the_form_with_the_stored_address_and_saves_nothing():
    with scripted_server(answer(200), answer(500)) as server:
        saved = create(url=server.url + "/very-secret-path")
        assert "took a test. It was signed." in alert_targets.send_test(saved.target, {"name": "Draft"})
        with pytest.raises(Refused, match="answers 500"):
            alert_targets.send_test(saved.target, {"name": "Draft"})
    assert server.requests[0].json["event"] == "test"
    assert "Draft" in server.requests[0].json["sentence"]
    assert AlertTarget.objects.get().name == "On call"


def test_a_test_without_a_mail_server_says_what_is_missing():
    with pytest.raises(Refused, match="DURAR_EMAIL_URL"):
        alert_targets.send_test(None, {"name": "Mail", "kind": "email", "emails": "ops@example.com"})
