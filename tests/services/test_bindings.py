"""Bindings: added, changed, moved and removed, each with its audit row, and seen by decisions in their order."""

from __future__ import annotations

import pytest

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Agent, AuditEntry, Binding
from mattermost_bridge.rules.types import Binding as Rule
from mattermost_bridge.services import bindings
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from tests.bridge import make_account

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
CHANNEL = "channel1".ljust(26, "x")


def agent(slug: str) -> Agent:
    return Agent.objects.get_or_create(slug=slug, defaults={"backend": "echo"})[0]


def add(slug: str = "night", **fields) -> Binding:
    return bindings.add(actor=ALICE, agent=agent(slug) if slug else None, **fields)


def rules() -> tuple[Rule, ...]:
    return settings_for(make_account(account_id=f"a{Binding.objects.count()}").pk).policy.bindings


def test_decisions_see_them_in_their_order():
    add("night", account_id="*", peer_kind="channel", peer_id=CHANNEL)
    add("", account_id="*", team_id="t1")
    assert rules() == (Rule("night", "*", "channel", CHANNEL), Rule("", "*", team_id="t1"))


def test_moving_stops_at_the_ends():
    first, second = add("one", account_id="*"), add("two", account_id="*")
    bindings.move(second.pk, actor=ALICE, up=True)
    bindings.move(second.pk, actor=ALICE, up=True)
    assert list(Binding.objects.values_list("pk", flat=True)) == [second.pk, first.pk]
    bindings.remove(second.pk, actor=ALICE)
    assert list(Binding.objects.values_list("position", flat=True)) == [0]


def test_a_change_is_seen_at_once_and_one_that_changes_nothing_leaves_no_row():
    account = make_account(account_id="ops")
    binding = add("night")
    bindings.change(binding.pk, actor=ALICE, account_id="ops", note="at night")
    assert settings_for(account.pk).policy.bindings == (Rule("night", "ops"),)
    rows = AuditEntry.objects.count()
    bindings.change(binding.pk, actor=ALICE, account_id="ops")
    assert AuditEntry.objects.count() == rows


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"account_id": "nobody"}, "There is no account nobody"),
        ({"account_id": "No id"}, "no account id"),
        ({"peer_kind": "channel"}, "both a kind and an id"),
        ({"peer_id": CHANNEL}, "both a kind and an id"),
        ({"peer_kind": "thread", "peer_id": "x"}, "direct, channel, group"),
    ],
)
def test_what_can_match_nothing_is_refused(fields, sentence):
    with pytest.raises(Refused, match=sentence):
        add(**fields)


def test_every_change_has_its_row_and_what_is_gone_is_a_sentence():
    first, _second = add("one"), add("two")
    bindings.change(first.pk, actor=ALICE, note="why")
    bindings.move(first.pk, actor=ALICE, up=False)
    bindings.remove(first.pk, actor=ALICE)
    verbs = [row.verb for row in AuditEntry.objects.filter(verb__startswith="binding.").order_by("pk")]
    assert verbs == ["binding.add", "binding.add", "binding.change", "binding.move", "binding.remove"]
    with pytest.raises(NotFound, match="removed already"):
        bindings.remove(first.pk, actor=ALICE)
