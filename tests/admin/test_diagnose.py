"""*Diagnose*: a page of each account that asks nobody until its button is pressed, and then says what is wrong."""

from __future__ import annotations

import pytest

from mattermost_bridge.admin.diagnosing import address_for
from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.doctor_reachability import Kind, Result, Why
from mattermost_bridge.services import diagnosis, probes, reachability
from mattermost_bridge.services.audit import Actor
from tests import factories
from tests.admin.conftest import signed_in

CAUSE, REMEDY = "The server <refuses> the token.", "Enter another one."


@pytest.fixture
def asked(monkeypatch):
    """Which accounts were diagnosed; each is broken in the same way."""
    asked: list[int] = []

    def of_account(account_pk: int) -> list[Finding]:
        asked.append(account_pk)
        return [Finding("token.refused", Level.BROKEN, CAUSE, REMEDY), Finding("x.fine", Level.FINE, "All is well.")]

    monkeypatch.setattr(diagnosis, "of_account", of_account)
    monkeypatch.setattr(diagnosis, "of_installation", lambda: [Finding("disk.state", Level.FINE, "Of all accounts.")])
    return asked


@pytest.fixture
def mine(db):
    return factories.AccountFactory()


def test_an_accounts_page_leads_there_and_looking_asks_nobody(as_alice, mine, asked):
    assert address_for(mine) in as_alice.get(f"/mattermost_bridge/account/{mine.pk}/overview/").content.decode()
    page = as_alice.get(address_for(mine)).content.decode()
    assert "Diagnose now" in page
    assert as_alice.post(address_for(mine)).status_code == 200
    assert asked == []


def test_pressing_the_button_shows_cause_and_remedy(as_alice, mine, asked):
    page = as_alice.post(address_for(mine), {"diagnose": "1"}).content.decode()
    assert asked == [mine.pk]
    assert "The server &lt;refuses&gt; the token." in page
    assert REMEDY in page
    assert "Something is broken." in page
    assert "Of all accounts." in page
    assert "Diagnose again" in page


def test_who_sees_one_account_only_is_told_of_that_one_and_not_of_the_installation(bob, mine, asked):
    foreign = factories.AccountFactory()
    browser = signed_in(bob)
    page = browser.post(address_for(mine), {"diagnose": "1"}).content.decode()
    assert REMEDY in page
    assert "Of all accounts." not in page
    assert browser.post(address_for(foreign), {"diagnose": "1"}).status_code in (403, 404)
    assert asked == [mine.pk]


def test_charlie_asks_nobody(as_charlie, mine, asked):
    assert as_charlie.post(address_for(mine), {"diagnose": "1"}).status_code in (403, 404)
    assert asked == []


def test_a_diagnosis_of_a_real_account_is_a_page(as_alice, sandbox):
    account = factories.AccountFactory(base_url=sandbox.base_url, bot_token=sandbox.token("durar"))
    page = as_alice.post(address_for(account), {"diagnose": "1"}).content.decode()
    assert "takes the token: it is @durar." in page
    assert sandbox.token("durar") not in page


# Reachability


@pytest.fixture
def proving(monkeypatch):
    """Which accounts were tried, and by whom; commands arrive, clicks do not."""
    tried: list[tuple[int, str]] = []

    def prove(account_pk: int, *, actor: Actor) -> list[Result]:
        tried.append((account_pk, actor.name))
        for kind, why in ((Kind.COMMANDS, Why.ARRIVED), (Kind.BUTTONS, Why.NOT_CALLED)):
            url = reachability.url_of(settings_for(account_pk), kind)
            probes.remember(account_pk, Result(kind, why, url))
        return [result for result, _at in probes.remembered(account_pk)]

    monkeypatch.setattr(reachability, "prove", prove)
    return tried


def test_reachability_is_proved_by_a_button_and_remembered(as_alice, mine, asked, proving):
    changed(mine, commands_native="on", interactions_callback_base_url="http://10.1.2.3")
    page = as_alice.get(address_for(mine)).content.decode()
    assert "It was not tried in the last seven days" in page
    said = as_alice.post(address_for(mine), {"prove": "1"}).content.decode()
    assert proving == [(mine.pk, "alice")]
    assert asked == []
    for page in (said, as_alice.get(address_for(mine)).content.decode()):
        assert "slash commands reach this Durar" in page
        assert f"Mattermost could not call http://10.1.2.3/mattermost/interactions/{mine.account_id}" in page
        assert "AllowedUntrustedInternalConnections must have it" in page
        assert "reachability.buttons_not_called" in page
    changed(mine, commands_native="off", interactions_callback_base_url="http://10.1.2.4")
    assert "It was not tried" in as_alice.get(address_for(mine)).content.decode()


def changed(account, **values):
    type(account).objects.filter(pk=account.pk).update(**values)
    effective.bump_version()


def test_who_may_only_look_proves_nothing(as_somebody_who, mine, asked, proving):
    browser = as_somebody_who("view_account")
    page = browser.get(address_for(mine)).content.decode()
    assert "Diagnose now" in page
    assert "Prove reachability" not in page
    assert browser.post(address_for(mine), {"prove": "1"}).status_code == 403
    assert proving == []


def test_an_operator_proves_it_for_their_own_account_only(bob, mine, asked, proving):
    foreign = factories.AccountFactory()
    browser = signed_in(bob)
    assert browser.post(address_for(foreign), {"prove": "1"}).status_code in (403, 404)
    assert "Prove reachability" in browser.post(address_for(mine), {"prove": "1"}).content.decode()
    assert proving == [(mine.pk, "bob")]


def test_an_account_that_is_off_says_so(as_alice, mine):
    changed(mine, enabled=False)
    assert "The account is switched off" in as_alice.post(address_for(mine), {"prove": "1"}).content.decode()


def test_two_who_prove_it_at_once(as_alice, sandbox):
    account = factories.AccountFactory(base_url=sandbox.base_url, bot_token=sandbox.token("durar"))
    probes.claim(account.pk)
    page = as_alice.post(address_for(account), {"prove": "1"}).content.decode()
    assert "Somebody else is trying it right now." in page
    assert sandbox.requests(path="/users/me") == []
