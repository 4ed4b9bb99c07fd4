"""A click is an event like any other in the panel: its text, its checks, its outcome, and no signature."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import InboundEvent
from mattermost_bridge.rules.reasons import Reason
from tests import factories

pytestmark = pytest.mark.django_db
TEXT = '[Button click: user @carol selected "Yes"]'


@pytest.fixture
def clicked(client, alice):
    """A refused click, and the panel of an administrator."""
    client.force_login(alice)
    return factories.InboundEventFactory(
        kind="click",
        text=TEXT,
        username="carol",
        outcome="refused",
        reason=Reason.CLICK_NOT_OPENER,
        state="decided",
        trail=[
            {"name": "button", "value": "Yes", "source": "the post", "passed": None},
            {"name": "made for", "value": "somebody else", "source": "the buttons", "passed": False},
        ],
        payload={"button": "Yes", "action_id": "yes", "context": {"action_id": "yes"}, "opener_id": "x"},
    )


def test_its_page_says_what_was_clicked_and_why_it_was_refused(client, clicked):
    page = client.get(f"/mattermost_bridge/inboundevent/{clicked.pk}/change/").content.decode()
    for words in ("Button click", "selected &quot;Yes&quot;", "Click by somebody else", "made for", "somebody else"):
        assert words in page
    assert "_token" not in page


def test_the_list_shows_it(client, clicked):
    page = client.get("/mattermost_bridge/inboundevent/").content.decode()
    assert "Click by somebody else" in page
    assert InboundEvent.objects.count() == 1
