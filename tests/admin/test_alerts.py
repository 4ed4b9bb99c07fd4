"""Alerts in the panel: what needs a hand, who was told, and the targets with their secrets and tests."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from django.utils import timezone

from mattermost_bridge.models import AccountGrant, AlertNotice, AlertTarget, AuditEntry, StaffProfile
from mattermost_bridge.models.states import AlertKind
from mattermost_bridge.rules import alerts as rules
from mattermost_bridge.services import alert_targets
from mattermost_bridge.services.errors import Refused
from tests import factories
from tests.admin.conftest import messages_of, signed_in

ALERTS, NOTES, TARGETS = (f"/mattermost_bridge/{name}/" for name in ("alert", "alertnotice", "alerttarget"))
URL = "https://hooks.example.com/very-secret-path"


def form(**values) -> dict:
    """What the browser posts for a target."""
    return {
        "name": "On call",
        "kind": "webhook",
        "enabled": "on",
        "webhook_url": "",
        "emails": "",
        "account": "",
        "channel_id": "",
        "which": ["account_down", "token_refused"],
        "tells_recovery": "on",
        "all_accounts": "on",
        **values,
    }


def secret_in(page: str) -> str:
    """The signing secret that a page shows."""
    [secret] = re.findall(r'<code class="du-code">([\w-]{43})</code>', page)
    return secret


def test_adding_a_webhook_shows_its_signing_secret_once_and_its_address_never(as_alice, alice):
    response = as_alice.post(f"{TARGETS}add/", form(webhook_url=URL))
    target = AlertTarget.objects.get()
    assert (target.url, target.kinds) == (URL, ["account_down", "token_refused"])
    assert secret_in(response.content.decode()) == target.signing_secret
    assert "no-store" in response["Cache-Control"]
    assert AuditEntry.objects.get().actor == alice
    pages = [TARGETS, f"{TARGETS}{target.pk}/change/", "/mattermost_bridge/auditentry/"]
    pages += [f"/mattermost_bridge/auditentry/{AuditEntry.objects.get().pk}/change/"]
    for page in pages:
        content = as_alice.get(page).content.decode()
        assert "very-secret-path" not in content, page
        assert target.signing_secret not in content, page
    assert "hooks.example.com" in as_alice.get(TARGETS).content.decode()


def test_what_cannot_work_is_said_in_the_form_without_repeating_the_address(as_alice):
    page = as_alice.post(f"{TARGETS}add/", form(webhook_url="ftp://x.example.com/very-secret-path")).content.decode()
    assert "must start with https:// or http://" in page
    assert "very-secret-path" not in page
    assert not AlertTarget.objects.exists()


def test_a_mail_target_is_added_and_says_that_no_server_is_configured(as_alice):
    as_alice.post(f"{TARGETS}add/", form(kind="email", emails="ops@example.com"))
    target = AlertTarget.objects.get()
    assert target.signing_secret == ""
    page = as_alice.get(f"{TARGETS}{target.pk}/change/").content.decode()
    assert "Set DURAR_EMAIL_URL" in page


def test_a_channel_for_chosen_accounts_is_added(as_alice):
    account = factories.AccountFactory()
    channel = "c" * 26
    as_alice.post(
        f"{TARGETS}add/",
        {
            **form(kind="mattermost", account=account.pk, channel_id=channel, chosen=[account.pk]),
            "all_accounts": "",
        },
    )
    target = AlertTarget.objects.get()
    assert (target.account, target.channel_id, target.all_accounts) == (account, channel, False)
    assert list(target.accounts.all()) == [account]


def test_an_empty_address_field_leaves_the_address_as_it_is(as_alice):
    target = factories.AlertTargetFactory()
    as_alice.post(f"{TARGETS}{target.pk}/change/", form(name="Night shift"))
    changed = AlertTarget.objects.get()
    assert (changed.name, changed.url, changed.signing_secret) == ("Night shift", target.url, target.signing_secret)


def test_a_new_signing_secret_is_asked_for_and_shown_once(as_alice):
    target = factories.AlertTargetFactory()
    address = f"{TARGETS}{target.pk}/do/new_secret/"
    assert "cannot check what it gets" in as_alice.post(address).content.decode()
    assert AlertTarget.objects.get().signing_secret == target.signing_secret
    page = as_alice.post(address, {"confirmed": "1"}).content.decode()
    assert secret_in(page) == AlertTarget.objects.get().signing_secret != target.signing_secret


def test_a_new_secret_for_what_is_no_webhook_is_refused_in_words(as_alice):
    target = factories.AlertTargetFactory(kind="email", emails="ops@example.com", signing_secret="")
    response = as_alice.post(f"{TARGETS}{target.pk}/do/new_secret/", {"confirmed": "1"}, follow=True)
    assert "is no webhook" in messages_of(response)[0]


@pytest.mark.parametrize("saved", [True, False])
def test_a_test_says_where_it_went_or_why_not(as_alice, monkeypatch, saved):
    target = factories.AlertTargetFactory() if saved else None
    address = f"{TARGETS}{target.pk}/test/" if target else f"{TARGETS}test/"
    seen = []

    def send(row, fields, *, url):
        seen.append((row, fields, url))
        return "The webhook took a test."

    monkeypatch.setattr(alert_targets, "send_test", send)
    answer = as_alice.post(address, form(name="", webhook_url=URL)).json()
    assert (answer["tone"], answer["lines"]) == ("good", ["The webhook took a test."])
    assert seen[0][0] == target
    assert seen[0][1]["name"] == (target.name if target else "new target")
    assert seen[0][2] == URL

    def refuse(*_, **__):
        raise Refused("The webhook answers 500.")

    monkeypatch.setattr(alert_targets, "send_test", refuse)
    answer = as_alice.post(address, form()).json()
    assert (answer["tone"], answer["lines"]) == ("bad", ["The webhook answers 500."])


def test_targets_are_switched_off_and_on_and_removed_after_asking(as_alice):
    target = factories.AlertTargetFactory()
    do = f"{TARGETS}{target.pk}/do/"
    assert "called off" in as_alice.post(f"{do}switch_off/").content.decode()
    as_alice.post(f"{do}switch_off/", {"confirmed": "1"})
    assert not AlertTarget.objects.get().enabled
    as_alice.post(f"{do}switch_on/")
    assert AlertTarget.objects.get().enabled
    as_alice.post(f"{do}remove/", {"confirmed": "1"})
    assert not AlertTarget.objects.exists()


def test_open_alerts_come_first_with_what_to_do_and_who_was_told(as_alice):
    over = factories.AlertFactory(resolved_at=timezone.now(), outcome="It is connected again.")
    notice = factories.AlertNoticeFactory(alert__raised_at=timezone.now() - timedelta(days=2))
    page = as_alice.get(ALERTS).content.decode()
    assert page.index(f"{ALERTS}{notice.alert.pk}/change/") < page.index(f"{ALERTS}{over.pk}/change/")
    assert notice.target.name in page
    page = as_alice.get(f"{ALERTS}{notice.alert.pk}/change/").content.decode()
    assert "Check that the server answers." in page
    assert notice.alert.page in page
    page = as_alice.get(f"{ALERTS}{over.pk}/change/").content.decode()
    assert "It is connected again." in page
    open_only = as_alice.get(f"{ALERTS}?question=open").content.decode()
    assert f"{ALERTS}{over.pk}/change/" not in open_only


def test_a_note_that_was_given_up_shows_its_error_and_is_sent_again(as_alice):
    notice = factories.AlertNoticeFactory()
    page = as_alice.get(f"{NOTES}{notice.pk}/change/").content.decode()
    assert notice.error in page
    response = as_alice.post(f"{NOTES}{notice.pk}/do/send_again/", follow=True)
    assert messages_of(response) == ["1 note is sent again."]
    assert AlertNotice.objects.get().state == "queued"
    response = as_alice.post(f"{NOTES}{notice.pk}/do/send_again/", follow=True)
    assert "not one that was given up" in messages_of(response)[0]


def test_links_from_alerts_and_targets_lead_to_their_notes(as_alice):
    notice, other = factories.AlertNoticeFactory(), factories.AlertNoticeFactory()
    for query in (f"alert={notice.alert.pk}", f"target={notice.target.pk}"):
        page = as_alice.get(f"{NOTES}?{query}").content.decode()
        assert f"{NOTES}{notice.pk}/change/" in page
        assert f"{NOTES}{other.pk}/change/" not in page


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_alert_leads_to_a_page_that_exists(as_alice, kind):
    account = factories.AccountFactory()
    subject = str(factories.PairingRequestFactory(account=account).pk) if kind == AlertKind.PAIRING_WAITING else ""
    page = rules.page(rules.Kind(kind), account.pk, subject)
    assert resolve(page.partition("?")[0])
    assert as_alice.get(page).status_code == 200


def test_empty_lists_say_what_comes_here_and_what_to_do(as_alice):
    assert "Nobody is told of alerts yet" in as_alice.get(TARGETS).content.decode()
    assert "Nothing needs a hand" in as_alice.get(ALERTS).content.decode()
    page = as_alice.get(NOTES).content.decode()
    assert "Nobody was told anything yet" in page
    assert TARGETS in page


def test_who_may_look_at_targets_sees_no_secret_and_no_form(as_somebody_who):
    target = factories.AlertTargetFactory()
    viewer = as_somebody_who("view_alerttarget")
    page = viewer.get(f"{TARGETS}{target.pk}/change/").content.decode()
    assert "hooks.example.com" in page
    assert "secret-of-a-webhook" not in page
    assert 'name="webhook_url"' not in page


def test_open_alerts_are_counted_in_the_sidebar(as_alice):
    factories.AlertFactory.create_batch(3)
    factories.AlertFactory(resolved_at=timezone.now())
    page = as_alice.get(ALERTS).content.decode()
    sidebar = page[: page.index("<main")] if "<main" in page else page
    assert re.search(r"Alerts\s*</span>.{0,800}?\b3\b", sidebar, re.DOTALL)


def test_no_list_fetches_an_address_or_a_signing_secret(as_alice):
    factories.AlertNoticeFactory()
    for page in (ALERTS, NOTES, TARGETS):
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(page)
        for query in queries:
            columns = query["sql"].partition(" FROM ")[0]
            assert '"signing_secret"' not in columns
            assert '"mattermost_bridge_alerttarget"."url"' not in columns


def test_who_is_limited_to_an_account_sees_its_alerts_and_no_targets(db):
    bob = User.objects.create_user("bob", password="bob-password-12", is_staff=True)
    for codename in ("view_alert", "view_alertnotice", "change_alertnotice", "view_alerttarget", "change_alerttarget"):
        bob.user_permissions.add(Permission.objects.get(codename=codename))
    mine, other = factories.AlertNoticeFactory(), factories.AlertNoticeFactory()
    StaffProfile.objects.update_or_create(user=bob, defaults={"limited": True})
    AccountGrant.objects.create(user=bob, account=mine.alert.account)
    browser = signed_in(User.objects.get(pk=bob.pk))
    for address, seen, hidden in ((ALERTS, mine.alert, other.alert), (NOTES, mine, other)):
        page = browser.get(address).content.decode()
        assert f"{address}{seen.pk}/change/" in page
        assert f"{address}{hidden.pk}/change/" not in page
        assert browser.get(f"{address}{hidden.pk}/change/").status_code == 404
    assert browser.post(f"{NOTES}{other.pk}/do/send_again/").status_code == 404
    target = mine.target
    for address in (
        f"{TARGETS}{target.pk}/change/",
        f"{TARGETS}{target.pk}/do/new_secret/",
        f"{TARGETS}{target.pk}/test/",
    ):
        assert browser.post(address, {"confirmed": "1"}).status_code in (403, 404)
    assert AlertTarget.objects.get(pk=target.pk).signing_secret == target.signing_secret
