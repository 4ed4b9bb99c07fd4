"""Bob is an operator of one account. Whatever he opens, searches, filters or sends, he learns and changes nothing of
another: over every address, verb, action, filter and choice that the panel has.

Everything that belongs to the other account says "foreign" in all its texts, so that a page shows at once what it must
not know.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import models
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.verbs import VerbsMixin
from mattermost_bridge.live.messages import KINDS
from mattermost_bridge.live.people import sight_of
from mattermost_bridge.models import Account, AuditEntry, InboundEvent, KnownPerson, PairingRequest
from mattermost_bridge.models.fields import EncryptedTextField
from mattermost_bridge.services import rights
from tests import factories
from tests.admin.addresses import all_addresses as addresses
from tests.admin.addresses import is_list
from tests.admin.conftest import everything, make_records, signed_in

pytestmark = pytest.mark.usefixtures("plain_errors")

#: Their values have a form, or say what is unique elsewhere.
LEFT_ALONE = {"account_id", "base_url", "url_host", "mark", "pending_post_id", "value", "page", "code"}
NOWHERE = "9999999"
#: What differs from one look to the next: tokens of forms, what is signed with a time, and times.
_OF_THE_MOMENT = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|:[\w-]{6}:[\w-]{43}"|<time[^>]*>.*?</time>|"now": \d+|data-now="\d+"'
)


def say_foreign(record: models.Model) -> None:
    """Let every text of the record say that it is foreign."""
    values: dict[str, Any] = {}
    for field in record._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField) and not isinstance(field, EncryptedTextField)
        if is_text and not field.choices and not field.primary_key and field.name not in LEFT_ALONE:
            values[field.name] = f"foreign {field.name} {record.pk}"[: field.max_length]
    if isinstance(record, AuditEntry):
        values |= {"details": {"name": ["foreign", "foreigner"]}, "target_kind": "account"}
    if isinstance(record, InboundEvent):
        values |= {"trail": [{"name": "foreign check", "value": "foreign", "source": "foreign", "passed": False}]}
    type(record)._default_manager.filter(pk=record.pk).update(**values)
    record.refresh_from_db()


@pytest.fixture
def records(db):
    """Bob's account with a record of every kind."""
    return make_records("night shift")


@pytest.fixture
def mine(records):
    return records["account"]


@pytest.fixture
def foreign(records):
    """Another account with a record of every kind."""
    found = make_records("day shift")
    Account.objects.filter(pk=found["account"].pk).update(account_id="foreign-account")
    belonging = [record for kind, record in found.items() if kind in rights.PATHS or kind in ("agent", "alerttarget")]
    person = KnownPerson.objects.create(account=found["account"], user_id="p".ljust(26, "x"), username="foreign")
    for record in [*belonging, person, factories.DeliveryAttemptFactory(delivery=found["delivery"])]:
        say_foreign(record)
    return found


@pytest.fixture
def as_bob(bob, foreign):
    """Bob's browser."""
    return signed_in(bob)


def without_foreign(response: Any, what: str) -> None:
    """Nothing of the answer is about the other account."""
    text = b"".join(response).decode().lower()
    at = text.find("foreign")
    assert at < 0, f"{what} shows {text[max(at - 200, 0) : at + 100]}"


def lists() -> list[Any]:
    """The ModelAdmin of every kind of record whose list Bob may open."""
    kinds = rights.PATHS.keys() | rights.SHARED - {"bridgedefaults"}
    return [one for model, one in admin.site._registry.items() if model._meta.model_name in kinds]


def test_alice_sees_what_is_foreign_so_that_the_tests_below_would_notice_it(alice, foreign):
    as_alice = signed_in(alice)
    for one in lists():
        if one.opts.model_name in rights.PATHS:
            words = {"state": "all", "use": "all"}
            page = as_alice.get(looks.list_of(one.model), words, follow=True).content.decode()
            assert "foreign" in page, f"the list of {one.model}"


def test_no_page_of_his_own_records_shows_anything_foreign_whatever_it_is_asked(as_bob, records, foreign):
    opened = 0
    for address in addresses(records):
        if address == "/logout/":
            continue
        # Of a list, a chart or a search for people of an account he may ask what he wants.
        asked = {"account": foreign["account"].pk, "q": "oreig", "s": "oreig"}
        for words in [{}] if is_list(address) else [{}, asked] if address.endswith("/export/") else [asked]:
            response = as_bob.get(address, words, follow=True)
            assert response.status_code in (200, 403, 404, 405), f"{address} answered {response.status_code}"
            without_foreign(response, address)
        opened += response.status_code == 200
    assert opened > 40, "the pages that this test is about are open to Bob"


def test_a_foreign_record_is_one_that_does_not_exist_and_nothing_that_he_sends_changes_it(as_bob, foreign):
    before = everything()
    checked = 0
    words = {"confirmed": "1", "action": "", "agent": "", "post": "yes"}
    for address in addresses(foreign):
        if "/me/" in address or address in ("/logout/", "/login/") or address.endswith("/add/"):
            continue
        if "/delivery/all/" in address:  # does something to his own; that it stays with these has a test of its own
            continue
        model_name = address.strip("/").split("/")[1] if address.count("/") > 2 else ""
        pk = f"/{foreign[model_name].pk}/" if model_name in (*rights.PATHS, "agent", "alerttarget") else None
        if pk is None or pk not in address:
            without_foreign(as_bob.post(address, words), address)
            continue
        for method in ("get", "post"):
            answered = getattr(as_bob, method)(address, words, follow=True)
            nowhere = getattr(as_bob, method)(address.replace(pk, f"/{NOWHERE}/"), words, follow=True)
            assert answered.status_code in (403, 404, 405), f"{method} {address} answered {answered.status_code}"
            assert answered.status_code == nowhere.status_code, f"{method} {address} differs from one that is not there"
            without_foreign(answered, address)
            checked += 1
    assert checked > 80
    assert everything() == before


def test_what_is_counted_and_drawn_for_him_is_the_same_whatever_happens_elsewhere(bob, records, monkeypatch):
    """Badges, figures, charts, counts and lists: to the letter the same with and without another account."""
    as_bob = signed_in(bob)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    pages = ["/", "/live/news/", *(address for address in addresses(records) if "/account/" in address)]
    pages += [looks.list_of(one.model) for one in lists() if one.opts.model_name in rights.PATHS]
    pages = [address for address in dict.fromkeys(pages) if "/do/" not in address]

    def seen() -> dict[str, str]:
        cache.clear()
        texts = {address: b"".join(as_bob.get(address, follow=True)).decode() for address in pages}
        return {address: _OF_THE_MOMENT.sub("", text) for address, text in texts.items()}

    seen()  # what is fetched once, as messages of a first look
    alone = seen()
    make_records("day shift")
    for address, text in seen().items():
        assert text == alone[address], address


def test_no_bulk_action_reaches_a_foreign_record(as_bob, foreign):
    before = everything()
    tried = 0
    for one in lists():
        for verb in [verb for verb in one.verbs if verb.in_bulk]:
            pk = foreign[one.opts.model_name].pk
            words = {"action": verb.name, "_selected_action": [pk], "confirmed": "1"}
            without_foreign(as_bob.post(looks.list_of(one.model), words, follow=True), f"{one.model} {verb.name}")
            tried += 1
    assert tried > 10
    assert everything() == before


def test_every_list_counts_shows_and_filters_his_own_rows_only(as_bob, bob, foreign):
    tried = 0
    for one in lists():
        address = looks.list_of(one.model)
        visible = set(rights.visible_to(bob, one.model._default_manager.all()).values_list("pk", flat=True))
        filters = as_bob.get(address, follow=True).context.get("cl").filter_specs if _has_list(one) else []
        names = {getattr(spec, "parameter_name", "") for spec in filters}
        # With the numbers of each choice, and with what the list leaves out by itself.
        everything_of_it = {"_facets": "True", **{name: "all" for name in ("state", "use") if name in names}}
        response = as_bob.get(address, everything_of_it, follow=True)
        assert response.status_code == 200, address
        without_foreign(response, f"{address} {everything_of_it}")
        for name in names & {"account"}:
            without_foreign(as_bob.get(address, {name: foreign["account"].pk}, follow=True), f"{address}?{name}")
        for spec in filters:
            choices = list(spec.choices(response.context["cl"]))
            assert "foreign" not in str(choices).lower()
            for choice in choices:
                found = _listed(one, bob, choice.get("query_string", ""))
                assert {row.pk for row in found.result_list} <= visible
                assert found.result_count <= len(visible)
                tried += 1
    assert tried > 150


def _has_list(one: Any) -> bool:
    """Whether a kind of record has a list; of the defaults there is one record."""
    return one.opts.model_name != "bridgedefaults"


def _listed(one: Any, user: User, query: str) -> Any:
    """What a list would show to somebody, without its page."""
    request = RequestFactory().get(f"/{query}")
    request.user = user
    return one.get_changelist_instance(request)


def test_no_search_finds_anything_foreign(as_bob, foreign):
    tried = 0
    for one in lists():
        if one.opts.model_name in ("accessgroup", "accessgroupmember", "skill"):
            continue  # they belong to no account
        record = foreign[one.opts.model_name]
        for name in (field.partition("__")[0].lstrip("^=@") for field in getattr(one, "search_fields", ())):
            word = str(getattr(record, name, ""))
            if not word:
                continue
            words = {"q": word, "state": "all", "use": "all"}
            changelist = as_bob.get(looks.list_of(one.model), words, follow=True).context["cl"]
            assert record.pk not in {row.pk for row in changelist.result_list}, f"{one.model} by {name}"
            tried += 1
    assert tried > 15
    for extra in ("", "&extended=1"):
        without_foreign(as_bob.get(f"/search/?s=oreig{extra}"), "the search of everything")


def test_a_search_forgets_what_could_be_seen_a_minute_ago(bob, mine, foreign):
    Account.objects.filter(pk=mine.pk).update(name="zebra")
    assert "zebra" in signed_in(bob).get("/search/?s=zebra&extended=1").content.decode()
    bob.account_grants.all().delete()
    assert "zebra" not in signed_in(bob).get("/search/?s=zebra&extended=1").content.decode()


def test_no_choice_of_a_form_names_anything_foreign(as_bob, bob, foreign):
    for model, one in admin.site._registry.items():
        for field in model._meta.get_fields():
            if not isinstance(field, models.ForeignKey | models.ManyToManyField):
                continue
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
            response = as_bob.get("/autocomplete/", {**query, "term": ""})
            assert response.status_code in (200, 403, 404)
            without_foreign(response, f"choices of {model}.{field.name}")
        if isinstance(one, VerbsMixin) and (address := _add_address(one)):
            without_foreign(as_bob.get(address), address)


def _add_address(one: Any) -> str:
    return reverse(f"admin:{one.opts.app_label}_{one.opts.model_name}_add")


def test_no_form_adds_anything_beyond_his_account(as_bob, foreign):
    before = everything()
    words = {
        "list": "dm", "value": "n".ljust(26, "x"), "user_id": "n".ljust(26, "x"), "reason": "",
        "note": "",
        "channel_id": "n".ljust(26, "x"), "channel": "n".ljust(26, "x"), "target": "user:" + "n".ljust(26, "x"),
        "text": "hello", "require_mention": "true", "name": "New", "expires_at_0": "", "expires_at_1": "", "once": "1",
        "account_id": "new", "slug": "new", "backend": "echo", "to": "user:" + "n".ljust(26, "x"),
    }  # fmt: skip
    for address in addresses(foreign):
        if address.endswith(("/add/", "/send/", "/test/", "/try/", "/import/")) or "/find-" in address:
            for account in (foreign["account"].pk, ""):
                response = as_bob.post(address, words | {"account": account}, follow=True)
                assert response.status_code in (200, 403, 404, 405), f"{address} answered {response.status_code}"
                without_foreign(response, address)
    assert everything() == before


def test_a_list_of_his_own_can_be_extended_so_that_the_tests_above_send_what_a_form_takes(as_bob, mine):
    words = {"account": mine.pk, "user_id": "n".ljust(26, "x"), "reason": ""}
    assert as_bob.post("/mattermost_bridge/blockeduser/add/", words).status_code == 302
    assert mine.blocked_users.filter(user_id=words["user_id"]).exists()


def test_what_holds_for_all_accounts_he_sees_and_does_not_change(as_bob, bob):
    everywhere = factories.BlockedUserFactory(account=None, username="mallory")
    page = as_bob.get("/mattermost_bridge/blockeduser/").content.decode()
    assert "@mallory" in page
    assert f"/blockeduser/{everywhere.pk}/do/unblock/" not in page
    address = f"/mattermost_bridge/blockeduser/{everywhere.pk}/do/unblock/"
    assert as_bob.post(address, {"confirmed": "1"}).status_code == 403
    words = {"action": "unblock", "_selected_action": [everywhere.pk], "confirmed": "1"}
    page = as_bob.post("/mattermost_bridge/blockeduser/", words, follow=True).content.decode()
    assert "You may see @mallory and not change it." in page
    everywhere.refresh_from_db()


def test_an_open_page_is_told_of_his_account_only(as_bob, mine, foreign):
    sight = sight_of(as_bob.session.session_key)
    assert sight is not None
    assert sight.accounts == {mine.pk}
    for kind in KINDS:
        told = sight.of([{"account": pk, "kind": kind, "ids": [1]} for pk in (mine.pk, foreign["account"].pk)])
        assert [change["account"] for change in told] == [mine.pk], kind


def test_he_works_on_his_own_account(as_bob, records):
    request = records["pairingrequest"]
    records["blockeduser"].delete()  # who may be the same person
    as_bob.post(f"/mattermost_bridge/pairingrequest/{request.pk}/do/approve/")
    assert PairingRequest.objects.get(pk=request.pk).state == "approved"
    page = as_bob.get("/mattermost_bridge/pairingrequest/", {"state": "all"}).content.decode()
    assert records["account"].name in page
