"""Whatever is done with a record in the panel leaves a row: who, what, to what, and from where. The list of things that
can be done is the panel's own, so that a new one is looked at here from its first day."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.utils import timezone

import durar_site.urls  # noqa: F401 - it registers every kind of record
from mattermost_bridge.models import AuditEntry
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor

#: What a record must be for a verb to fit; the others fit as `make_records` makes them.
BEFORE: dict[tuple[str, str], dict[str, Any]] = {
    ("account", "enable"): {"enabled": False},
    ("account", "restore"): {"archived_at": timezone.now()},
    ("alerttarget", "switch_on"): {"enabled": False},
    ("alertnotice", "send_again"): {"state": "dead"},
    ("delivery", "send_again"): {"state": "dead"},
    ("delivery", "discard"): {"state": "dead"},
    ("directchannel", "retry_now"): {"state": "failed"},
    ("directchannel", "give_up"): {"state": "resolving"},
    ("directchannel", "take_up"): {"state": "given_up", "settled_at": timezone.now()},
    ("inboundevent", "decide_again"): {"state": "failed", "turn": None},
    ("inboundevent", "put_aside"): {"state": "failed", "turn": None},
    ("scheduledmessage", "go_on"): {"paused": True, "kind": "cron", "cron": "0 9 * * *"},
    ("skill", "switch_on"): {"enabled": False},
    ("turn", "retry"): {"state": "failed"},
    ("turn", "put_aside"): {"state": "failed"},
}
#: These change no record of Durar's.
NO_CHANGE = {("account", "names")}
VERBS = [
    (model._meta.model_name, verb.name)
    for model, one in sorted(admin.site._registry.items(), key=lambda each: each[0]._meta.model_name)
    for verb in getattr(one, "verbs", ())
    if (model._meta.model_name, verb.name) not in NO_CHANGE
]


def _fit(records: dict[str, Any], kind: str, verb: str) -> Any:
    """The record, as it must be."""
    record = records[kind]
    type(record)._default_manager.filter(pk=record.pk).update(**BEFORE.get((kind, verb), {}))
    if (kind, verb) == ("turn", "retry"):
        type(records["inboundevent"]).objects.filter(pk=records["inboundevent"].pk).update(turn=record)
    if kind in ("pairingrequest", "directchannel"):
        records["blockeduser"].delete()  # who may be the same person
    if verb == "reset_second_factor":
        from allauth.mfa.models import Authenticator

        Authenticator.objects.bulk_create([Authenticator(user=record, type="totp", data={})])
    return record


def _says_before_and_after(row: AuditEntry) -> bool:
    pairs = [value for name, value in row.details.items() if name not in audit.LISTS and isinstance(value, list)]
    return any(len(pair) == 2 and pair[0] != pair[1] for pair in pairs)


@pytest.mark.parametrize(("kind", "verb"), VERBS)
def test_every_verb_says_who_did_what_to_what_and_from_where(as_alice, alice, records, kind, verb):
    record = _fit(records, kind, verb)
    known = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
    address = f"/{record._meta.app_label}/{kind}/{record.pk}/do/{verb}/"
    page = as_alice.post(address, {"confirmed": "1"}, follow=True)
    rows = list(AuditEntry.objects.filter(pk__gt=known))
    assert rows, [str(message) for message in page.context["messages"]]
    for row in rows:
        assert (row.actor, row.actor_name, row.via, row.address) == (alice, "alice", "panel", "127.0.0.1")
        assert row.summary
        assert row.target_id or row.details, "what it was done to"
    if (kind, verb) in BEFORE or kind == "pairingrequest":
        assert any(_says_before_and_after(row) for row in rows), [row.details for row in rows]
    account = getattr(record, "account", None)
    if kind not in ("alerttarget", "accessgroupmember") and account is not None:
        assert {row.account for row in rows} == {account}, "the operators of the account see it"


def test_the_page_of_a_row_says_before_and_after_and_lists_what_is_a_list(as_alice, alice):
    row = audit.record(
        actor=Actor.of(alice),
        verb="turn.retry",
        summary="Done.",
        details={
            "state": ["failed", "retried"],
            "events": [7, 8],
            "accounts": [["a", "b"], []],
            "limited": [False, True],
        },
    )
    page = as_alice.get(f"/mattermost_bridge/auditentry/{row.pk}/change/").content.decode()
    for words in ("failed → retried", "7, 8", "a, b → ", "no → yes"):
        assert words in page, words
    assert "7 → 8" not in page


def test_a_user_who_is_removed_leaves_what_they_could_do(as_alice, people, records):
    dora = people("dora", "operator", [records["account"]])
    as_alice.post(f"/auth/user/{dora.pk}/delete/", {"post": "yes"})
    details = AuditEntry.objects.get(verb="user.delete").details
    assert (details["username"], details["role"], details["accounts"]) == (
        "dora", "operator", records["account"].account_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("who={alice}", {"account.disable"}),
        ("account={account}", {"account.disable", "delivery.discard"}),
        ("subject=user", {"sign_in.wrong_code"}),
        ("subject=work", {"delivery.discard"}),
        ("via=command", {"delivery.discard"}),
        ("q=192.0.2.9", {"account.disable"}),
        ("q=mallory", {"sign_in.wrong_code"}),
        ("q=77", {"delivery.discard"}),
        ("target_kind=account&target_id={account}", {"account.disable"}),
    ],
)
def test_the_list_answers_who_what_where_and_to_what(as_alice, alice, records, query, found):
    account = records["account"]
    AuditEntry.objects.all().delete()
    with audit.acting_from("192.0.2.9"):
        audit.record(actor=Actor.of(alice), verb="account.disable", summary="One.", account=account, target=account)
    audit.record(actor=Actor("root", "command"), verb="delivery.discard", summary="Two.", account=account)
    AuditEntry.objects.filter(verb="delivery.discard").update(target_kind="delivery", target_id="77")
    audit.record(actor=Actor("mallory", "panel"), verb="sign_in.wrong_code", summary="Three.")
    words = query.format(alice=alice.pk, account=account.pk)
    listed = as_alice.get(f"/mattermost_bridge/auditentry/?{words}").context["cl"].result_list
    assert {row.verb for row in listed} == found
