"""A second factor is set up, asked for, required, and taken away from somebody who lost theirs."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache, caches

from mattermost_bridge.live.people import signed_in
from mattermost_bridge.models import AuditEntry, BridgeDefaults, PanelSession
from mattermost_bridge.services import second_factor
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from tests.admin.addresses import all_addresses
from tests.admin.conftest import everything, make_records
from tests.signing_in.authenticator import ACTIVATE, CODES, code, confirm, set_up, wrong
from tests.signing_in.conftest import is_signed_in

PASSWORD = "alice-password-1"
AUTHENTICATE = "/me/second-factor/authenticate/"


@pytest.fixture
def enrolled(alice, browser):
    """Alice's browser, her secret and her recovery codes."""
    here = browser("alice", PASSWORD)
    secret, codes = set_up(here, PASSWORD)
    # A code counts once; tests go on within the same half minute.
    caches["shared"].clear()
    return here, secret, codes


def password_of_alice(browser, **kwargs):
    """A browser in which Alice's password was entered."""
    client = browser(**kwargs)
    response = client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert response.status_code == 302
    return client, response["Location"]


def require(of: str) -> None:
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"second_factor": of})


def test_who_has_one_is_asked_for_it_after_the_password(enrolled, browser):
    _here, secret, _codes = enrolled
    client, asked = password_of_alice(browser)
    assert asked == AUTHENTICATE
    assert not is_signed_in(client), "the password alone opens nothing"
    assert "authenticator code" in client.get(AUTHENTICATE).content.decode()
    assert client.post(AUTHENTICATE, {"code": code(secret)})["Location"] == "/"
    assert is_signed_in(client)


def test_who_has_none_signs_in_as_before(alice, browser):
    _client, then = password_of_alice(browser)
    assert then == "/"


def test_one_arrives_where_one_wanted_to_go(enrolled, browser):
    _here, secret, _codes = enrolled
    client = browser()
    client.post("/login/?next=/me/", {"username": "alice", "password": PASSWORD, "next": "/me/"})
    assert client.post(AUTHENTICATE, {"code": code(secret)})["Location"] == "/me/"


def test_a_wrong_code_opens_nothing_and_is_in_the_audit_log(enrolled, browser):
    _here, secret, _codes = enrolled
    client, _asked = password_of_alice(browser, address="203.0.113.9")
    page = client.post(AUTHENTICATE, {"code": wrong(code(secret))}).content.decode()
    assert "Incorrect code" in page
    assert not is_signed_in(client)
    row = AuditEntry.objects.get(verb="sign_in.wrong_code")
    assert (row.actor_name, row.address) == ("alice", "203.0.113.9")


def test_guessing_codes_is_slowed_down(enrolled, browser):
    _here, secret, _codes = enrolled
    client, _asked = password_of_alice(browser)
    for _ in range(8):
        page = client.post(AUTHENTICATE, {"code": wrong(code(secret))}).content.decode()
    assert "Too many failed" in page
    cache.clear()  # another process, or this one after a restart, remembers nothing
    elsewhere, _asked = password_of_alice(browser, address="198.51.100.4")
    assert "Too many failed" in elsewhere.post(AUTHENTICATE, {"code": code(secret)}).content.decode()
    caches["shared"].clear()
    elsewhere.post(AUTHENTICATE, {"code": code(secret)})
    assert is_signed_in(elsewhere), "the code was right"


def test_a_code_counts_once_over_all_processes(enrolled, browser):
    _here, secret, _codes = enrolled
    first, _ = password_of_alice(browser)
    second, _ = password_of_alice(browser)
    now = code(secret)
    first.post(AUTHENTICATE, {"code": now})
    cache.clear()
    second.post(AUTHENTICATE, {"code": now})
    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_recovery_codes_are_shown_once_and_each_opens_once(enrolled, browser):
    here, _secret, codes = enrolled
    assert len(codes) == 10
    again = here.get(CODES).content.decode()
    assert not any(one in again for one in codes)
    for expected in (True, False):
        client, _ = password_of_alice(browser)
        client.post(AUTHENTICATE, {"code": codes[0]})
        assert is_signed_in(client) is expected
    row = AuditEntry.objects.get(verb="sign_in.recovery_code")
    assert (row.actor_name, row.details["left"]) == ("alice", 9)


def test_secrets_are_encrypted_where_they_are_kept(enrolled):
    _here, secret, codes = enrolled
    for authenticator in Authenticator.objects.all():
        kept = str(authenticator.data)
        assert secret not in kept
        assert "v1:" in kept
        assert not any(one in kept for one in codes)
    assert secret not in str(list(AuditEntry.objects.values()))


def test_setting_it_up_asks_for_the_password_and_shows_a_code_from_this_server(alice, browser):
    here = browser("alice", PASSWORD)
    assert here.get(ACTIVATE)["Location"].startswith("/me/confirm/")
    assert "Confirm" in here.get("/me/confirm/").content.decode()
    confirm(here, PASSWORD)
    page = here.get(ACTIVATE).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    assert "du-qr" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_every_change_is_in_the_audit_log_in_the_transaction_of_the_change(alice, browser):
    """Nothing here runs what waits for a commit, so the rows were written before it."""
    here = browser("alice", PASSWORD)
    set_up(here, PASSWORD)
    here.post("/me/second-factor/recovery-codes/generate/")
    here.post("/me/second-factor/totp/deactivate/")
    rows = AuditEntry.objects.order_by("pk").values_list("verb", "details__kind", "actor__username", "address")
    added, removed = "user.add_second_factor", "user.remove_second_factor"
    assert list(rows) == [
        (verb, kind, "alice", "192.0.2.7")
        for verb, kind in (
            (added, "totp"),
            (added, "recovery_codes"),
            (removed, "recovery_codes"),  # others were made instead
            (added, "recovery_codes"),
            (removed, "totp"),
            (removed, "recovery_codes"),  # they go with the last factor
        )
    ]
    assert not second_factor.is_enrolled(alice)


@pytest.mark.django_db(transaction=True)
def test_without_its_row_a_change_does_not_happen(enrolled, alice, monkeypatch):
    here, _secret, _codes = enrolled
    here.raise_request_exception = False
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Blue key"})

    def fail(**_what):
        raise RuntimeError("no row")

    monkeypatch.setattr(second_factor.audit, "record", fail)
    before = list(Authenticator.objects.order_by("pk").values("pk", "data"))
    for path in ("totp/deactivate/", f"webauthn/keys/{key.pk}/remove/", f"webauthn/keys/{key.pk}/edit/",
                 "recovery-codes/generate/"):  # fmt: skip
        assert here.post(f"/me/second-factor/{path}", {"name": "Red key"}).status_code == 500, path
    assert list(Authenticator.objects.order_by("pk").values("pk", "data")) == before


def test_a_security_key_that_is_renamed_or_removed_leaves_a_row(enrolled, alice):
    here, _secret, _codes = enrolled
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Blue key"})
    here.post(f"/me/second-factor/webauthn/keys/{key.pk}/edit/", {"name": "Red key"})
    here.post(f"/me/second-factor/webauthn/keys/{key.pk}/remove/")
    rows = AuditEntry.objects.filter(details__kind="webauthn").order_by("pk").values_list("verb", "details__name")
    assert list(rows) == [
        ("user.add_second_factor", "Blue key"),
        ("user.rename_second_factor", ["Blue key", "Red key"]),
        ("user.remove_second_factor", "Red key"),
    ]


def test_a_key_of_somebody_else_is_one_that_does_not_exist(enrolled, people, browser):
    here, _secret, _codes = enrolled
    key = Authenticator.objects.create(user=people("gina", "viewer"), type="webauthn", data={"name": "Gina's key"})
    for what in ("remove", "edit"):
        for method in (here.get, here.post):
            assert method(f"/me/second-factor/webauthn/keys/{key.pk}/{what}/", {"name": "Mine"}).status_code == 404
    key.refresh_from_db()
    assert key.data == {"name": "Gina's key"}


def test_somebody_who_is_removed_removed_no_second_factor(enrolled, alice):
    before = AuditEntry.objects.count()
    alice.delete()
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.count() == before


def test_every_page_about_it_opens_in_the_panels_frame(enrolled):
    here, _secret, _codes = enrolled
    for path in ("", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/", "webauthn/", "webauthn/add/"):
        response = here.get(f"/me/second-factor/{path}")
        assert response.status_code == 200, path
        page = response.content.decode()
        assert "du-" in page, path
        assert "/static/unfold/" in page, path
        assert "Pairing requests" in page, "the sidebar is there"


@pytest.mark.parametrize(
    ("of", "role", "led"),
    [
        ("off", "administrator", False),
        ("administrators", "administrator", True),
        ("administrators", "operator", False),
        ("everybody", "viewer", True),
    ],
)
def test_where_it_is_required_one_is_led_to_it_before_anything_else(people, browser, of, role, led):
    people("gina", role)
    require(of)
    client = browser("gina", "gina-password-1")
    for address in ("/", "/mattermost_bridge/pairingrequest/", "/me/", "/live/news/", "/search/?s=a"):
        response = client.get(address)
        if led:
            assert (response.status_code, response["Location"]) == (302, "/me/second-factor/"), address
        else:
            assert response.status_code == 200, address
    assert (signed_in(client.session.session_key) is None) is led, "open pages are told nothing either"
    if led:
        assert "A second factor is required of you" in client.get("/me/second-factor/").content.decode()


@pytest.mark.parametrize("who", ["has none and needs one", "has one and was not asked yet"])
def test_no_address_of_the_panel_leads_around_it(alice, browser, who):
    """Alice may do everything, but for the second factor."""
    if who == "has none and needs one":
        client, expected = browser("alice", PASSWORD), "/me/second-factor/"
        require("everybody")
    else:
        set_up(browser("alice", PASSWORD), PASSWORD)
        client, expected = password_of_alice(browser)[0], "/login/"
    records = make_records("night shift")
    before, closed = everything(), 0
    for address in all_addresses(records):
        if address in ("/login/", "/logout/", "/words/", "/jsi18n/"):
            continue
        for method in (client.get, client.post):
            response = method(address, {"confirmed": "1", "post": "yes"})
            assert response.status_code in (302, 404), f"{address} answered {response.status_code}"
            assert response.status_code == 404 or response["Location"].startswith(expected), address
            closed += 1
    assert closed > 300
    assert everything() == before
    assert signed_in(client.session.session_key) is None, "open pages are told nothing either"


def test_once_set_up_the_panel_opens(people, browser):
    people("gina", "viewer")
    require("everybody")
    client = browser("gina", "gina-password-1")
    set_up(client, "gina-password-1")
    assert is_signed_in(client)


def test_who_is_led_to_it_can_sign_out(people, browser):
    people("gina", "viewer")
    require("everybody")
    client = browser("gina", "gina-password-1")
    client.post("/logout/")
    assert "_auth_user_id" not in client.session


def test_taking_it_off_where_it_is_required_leads_back_to_it(enrolled):
    here, _secret, _codes = enrolled
    require("everybody")
    here.post("/me/second-factor/totp/deactivate/")
    assert not is_signed_in(here)


def test_it_is_required_in_the_defaults_with_a_row(alice, browser):
    here = browser("alice", PASSWORD)
    set_up(here, PASSWORD)
    page = here.get("/mattermost_bridge/bridgedefaults/", follow=True).content.decode().lower()
    assert "second factor is required of" in page
    second_factor.require("administrators", actor=Actor.of(alice))
    second_factor.require("administrators", actor=Actor.of(alice))
    row = AuditEntry.objects.get(verb="sign_in.require_second_factor")
    assert row.details == {"second_factor": ["off", "administrators"]}
    with pytest.raises(Refused, match="off, administrators, everybody"):
        second_factor.require("kings", actor=Actor.of(alice))


def test_an_administrator_resets_that_of_somebody_else(people, browser):
    people("erin", "administrator")
    gina = people("gina", "viewer")
    ginas = browser("gina", "gina-password-1")
    set_up(ginas, "gina-password-1")
    erins = browser("erin", "erin-password-1")
    assert "Authenticator" in erins.get("/auth/user/").content.decode()
    address = f"/auth/user/{gina.pk}/do/reset_second_factor/"
    assert "make sure that it is really they" in erins.post(address).content.decode()
    erins.post(address, {"confirmed": "1"})
    assert not Authenticator.objects.filter(user=gina).exists()
    assert not PanelSession.objects.filter(user=gina).exists()
    assert not is_signed_in(ginas)
    row = AuditEntry.objects.get(verb="user.reset_second_factor")
    assert (row.actor_name, row.details) == ("erin", {"removed": "totp, recovery_codes"})
    assert is_signed_in(browser("gina", "gina-password-1"))


def test_nobody_below_a_superuser_resets_that_of_a_superuser(enrolled, alice, people, browser):
    people("erin", "administrator")
    erins = browser("erin", "erin-password-1")
    erins.post(f"/auth/user/{alice.pk}/do/reset_second_factor/", {"confirmed": "1"})
    assert second_factor.is_enrolled(alice)


def test_what_cannot_be_reset_is_said_in_a_sentence(alice, people):
    gina = people("gina", "viewer")
    with pytest.raises(Refused, match="gina has no second factor"):
        second_factor.reset(gina.pk, actor=Actor.of(alice))
    with pytest.raises(NotFound):
        second_factor.reset(0, actor=Actor.of(alice))


def test_the_list_of_users_says_where_one_is_missing(people, browser):
    people("erin", "administrator")
    people("gina", "viewer")
    require("administrators")
    erins = browser("erin", "erin-password-1")
    set_up(erins, "erin-password-1")
    people("frank", "administrator")
    page = erins.get("/auth/user/").content.decode()
    assert page.count("missing") == 1, "Frank's; Gina needs none"


def test_allauth_signs_nobody_up_and_shows_no_records_of_its_own(alice, browser):
    here = browser("alice", PASSWORD)
    for address in ("/signup/", "/accounts/signup/", "/account/emailaddress/", "/mfa/authenticator/", "/me/email/"):
        assert here.get(address).status_code == 404, address


def test_cancelling_goes_back_to_the_sign_in_page(enrolled, browser):
    client, _asked = password_of_alice(browser)
    assert client.post("/login/cancel/", {"next": "/login/"})["Location"] == "/login/"
    assert client.get(AUTHENTICATE)["Location"].startswith("/login/")
