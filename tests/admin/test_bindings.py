"""Bindings in the panel: added, shown by name, moved, removed."""

from __future__ import annotations

import pytest

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Binding
from mattermost_bridge.rules.types import Binding as Rule
from tests import factories

pytestmark = pytest.mark.django_db
BINDINGS = "/mattermost_bridge/binding/"
SUPPORT = "support".ljust(26, "x")


def form(**values) -> dict[str, str]:
    return {**dict.fromkeys(("agent", "account_id", "peer_kind", "peer_id", "team_id", "note"), ""), **values}


def test_a_channel_gets_another_agent(as_alice):
    account = factories.AccountFactory(account_id="ops", name="Ops")
    factories.KnownChannelFactory(account=account, channel_id=SUPPORT, display_name="Support")
    agent = factories.AgentFactory(slug="night", name="Night shift")
    where = {"peer_kind": "channel", "peer_id": SUPPORT}
    as_alice.post(f"{BINDINGS}add/", form(agent=agent.pk, account_id="ops", note="At night", **where))
    assert settings_for(account.pk).policy.bindings == (Rule("night", "ops", "channel", SUPPORT),)
    page = as_alice.get(BINDINGS).content.decode()
    for words in ("Night shift", "Ops", "~Support", "At night"):
        assert words in page


def test_what_cannot_match_is_said_in_the_form(as_alice):
    response = as_alice.post(f"{BINDINGS}add/", form(account_id="*", peer_kind="channel"))
    assert "needs both a kind and an id" in response.content.decode()
    assert not Binding.objects.exists()


def test_they_are_moved_and_removed_in_the_list(as_alice):
    first = Binding.objects.create(account_id="*", position=0)
    second = Binding.objects.create(account_id="gone", position=1)
    assert "There is no such account" in as_alice.get(BINDINGS).content.decode()
    as_alice.post(f"{BINDINGS}{second.pk}/do/up/")
    assert list(Binding.objects.values_list("pk", flat=True)) == [second.pk, first.pk]
    as_alice.post(f"{BINDINGS}{first.pk}/do/remove/", {"confirmed": "1"})
    assert list(Binding.objects.values_list("pk", flat=True)) == [second.pk]
