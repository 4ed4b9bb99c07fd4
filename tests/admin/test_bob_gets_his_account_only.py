"""Bob is an operator of one account. Whatever he opens, searches, filters or sends, he learns and changes nothing of
another: over every address, verb, action, filter and choice that the panel has.

Everything that belongs to the other account says "foreign" in all its texts, so that a page shows at once what it must
not know.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.urls import reverse

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.verbs import VerbsMixin
from mattermost_bridge.live.people import sight_of
from mattermost_bridge.models import Account, AuditEntry, InboundEvent, KnownPerson, PairingRequest
from mattermost_bridge.models.fields import EncryptedTextField
from mattermost_bridge.services import rights
from tests import factories
from tests.admin.addresses import all_addresses as addresses
from tests.admin.conftest import make_records, signed_in

#: Their values have a form, or say what is unique elsewhere.
LEFT_ALONE = {"account_id", "base_url", "url_host", "mark", "pending_post_id", "value", "page", "code"}
#: Kinds of which limited people see nothing, or of which there are records that belong to no account.
OTHER_KINDS = {"user", "group", "accessattempt", "accesslog", "accessfailurelog"}
NOWHERE = "9999999"


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


def everything() -> dict[str, list[Any]]:
    """Every row of Durar's own tables, and who has which rights."""
    kept = [model for model in admin.site._registry if model._meta.app_label in ("mattermost_bridge", "auth")]
    return {model._meta.model_name: list(model._default_manager.order_by("pk").values()) for model in kept}


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


def test_no_page_of_his_own_records_shows_anything_foreign(as_bob, records):
    opened = 0
    for address in addresses(records):
        if address == "/logout/":
            continue
        response = as_bob.get(address, follow=True)
        assert response.status_code in (200, 403, 404, 405), f"{address} answered {response.status_code}"
        without_foreign(response, address)
        opened += response.status_code == 200
    assert opened > 40, "the pages that this test is about are open to Bob"


def test_a_foreign_record_is_one_that_does_not_exist(as_bob, foreign):
    checked = 0
    for method, address in itertools.product(("get", "post"), set(addresses(foreign))):
        model_name = address.strip("/").split("/")[1] if address.count("/") > 2 else ""
        if model_name not in rights.PATHS | dict.fromkeys(["agent", "alerttarget"]):
            continue
        pk = f"/{foreign[model_name].pk}/"
        if pk not in address:
            continue
        answered = getattr(as_bob, method)(address, {"confirmed": "1"}, follow=True)
        nowhere = getattr(as_bob, method)(address.replace(pk, f"/{NOWHERE}/"), {"confirmed": "1"}, follow=True)
        assert answered.status_code in (403, 404, 405), f"{method} {address} answered {answered.status_code}"
        assert answered.status_code == nowhere.status_code, f"{method} {address} differs from one that does not exist"
        without_foreign(answered, address)
        checked += 1
    assert checked > 80


def test_nothing_that_he_sends_changes_anything_foreign(as_bob, foreign):
    before = everything()
    for address in addresses(foreign):
        if "/me/" in address or address in ("/logout/", "/login/") or address.endswith("/add/"):
            continue
        as_bob.post(address, {"confirmed": "1", "action": "", "agent": "", "post": "yes"})
    assert everything() == before


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


def test_every_list_counts_and_shows_his_own_rows_only(as_bob, bob, foreign):
    for one in lists():
        address = looks.list_of(one.model)
        for query in ({}, {"_facets": "True"}, {"state": "all"}, {"use": "all"}):
            response = as_bob.get(address, query, follow=True)
            assert response.status_code == 200, address
            without_foreign(response, f"{address} {query}")
        visible = rights.visible_to(bob, one.model._default_manager.all())
        if changelist := response.context.get("cl"):
            assert changelist.result_count <= visible.count()


def test_no_filter_shows_anything_foreign(as_bob, foreign):
    tried = 0
    for one in lists():
        address = looks.list_of(one.model)
        changelist = as_bob.get(address).context.get("cl")
        if changelist is None:
            continue
        for spec in changelist.filter_specs:
            choices = list(spec.choices(changelist))
            assert "foreign" not in str(choices).lower()
            query = choices[-1].get("query_string", "")
            without_foreign(as_bob.get(address + query), f"{address}{query}")
            tried += 1
        for parameter in ("account", "conversation__account", "alert__account"):
            response = as_bob.get(address, {parameter: foreign["account"].pk}, follow=True)
            without_foreign(response, f"{address}?{parameter}")
    assert tried > 40


def test_no_search_finds_anything_foreign(as_bob, foreign):
    tried = 0
    for one in lists():
        if one.opts.model_name in ("accessgroup", "accessgroupmember"):
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


@pytest.mark.parametrize("account", ["foreign", "none"])
def test_no_form_adds_anything_beyond_his_account(as_bob, foreign, account):
    before = everything()
    pk = foreign["account"].pk if account == "foreign" else ""
    words = {
        "account": pk, "list": "dm", "value": "n".ljust(26, "x"), "user_id": "n".ljust(26, "x"), "reason": "",
        "note": "",
        "channel_id": "n".ljust(26, "x"), "channel": "n".ljust(26, "x"), "target": "user:" + "n".ljust(26, "x"),
        "text": "hello", "require_mention": "true", "name": "New", "expires_at_0": "", "expires_at_1": "", "once": "1",
        "account_id": "new", "slug": "new", "backend": "echo",
    }  # fmt: skip
    for address in addresses(foreign):
        if address.endswith(("/add/", "/send/", "/test/", "/try/")) or "/find-" in address:
            response = as_bob.post(address, words)
            assert response.status_code in (200, 403, 404, 405), f"{address} answered {response.status_code}"
            without_foreign(as_bob.get(address, {"account": pk, "q": "foreign"[1:]}), address)
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
    told = sight.of([{"account": pk, "kind": "pairing", "ids": [1]} for pk in (mine.pk, foreign["account"].pk)])
    assert [change["account"] for change in told] == [mine.pk]


def test_he_works_on_his_own_account(as_bob, records):
    request = records["pairingrequest"]
    records["blockeduser"].delete()  # who may be the same person
    as_bob.post(f"/mattermost_bridge/pairingrequest/{request.pk}/do/approve/")
    assert PairingRequest.objects.get(pk=request.pk).state == "approved"
    page = as_bob.get("/mattermost_bridge/pairingrequest/", {"state": "all"}).content.decode()
    assert records["account"].name in page
