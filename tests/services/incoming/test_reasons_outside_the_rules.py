"""Each reason that no rule gives is produced by the way of an event itself."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import InboundEvent
from tests.services.incoming.reasons_of_services import CASES, TEXT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("reason", CASES)
def test_an_event_ends_with_its_reason(reason, hinted, server, monkeypatch):
    CASES[reason](hinted, server, monkeypatch)
    event = InboundEvent.objects.exclude(text="/stop").get()
    assert event.reason == reason
    assert event.outcome == (reason.outcome or "")
    assert TEXT in (event.text or bytes(event.raw).decode())
