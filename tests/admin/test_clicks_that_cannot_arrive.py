"""An account whose server cannot reach Durar with clicks says so on its overview, and leads to the setting."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import ButtonSet
from tests import factories
from tests.factories import mattermost_id

WORDS = "Clicks on buttons do not arrive here."


@pytest.fixture
def overview(settings):
    """The overview of an account, as somebody sees it."""
    settings.PUBLIC_URL = ""

    def page(browser, **values):
        account = factories.AccountFactory(agent=factories.AgentFactory(), **values)
        return account, lambda: browser.get(f"/mattermost_bridge/account/{account.pk}/overview/").content.decode()

    return page


def test_it_is_a_note_until_buttons_were_offered(as_alice, overview):
    account, page = overview(as_alice, base_url="https://chat.example.com")
    before = page()
    assert WORDS in before
    assert "Mattermost at https://chat.example.com is told to call http://localhost" in before
    assert f'href="/mattermost_bridge/account/{account.pk}/change/#id_interactions_callback_base_url"' in before
    assert "Cannot work" not in before
    ButtonSet.objects.create(
        account=account,
        generation="g" * 24,
        delivery=factories.DeliveryFactory(account=account),
        channel_id=mattermost_id("c", 1),
    )
    assert "Cannot work" in page()


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "http://127.0.0.1:8065"},
        {"base_url": "https://chat.example.com", "interactions_callback_base_url": "https://durar.example.com"},
        {"base_url": "https://chat.example.com", "enabled": False},
        {"base_url": ""},
    ],
)
def test_nothing_is_said_where_clicks_can_arrive_or_nobody_listens(as_alice, overview, values):
    assert WORDS not in overview(as_alice, **values)[1]()


def test_who_may_only_look_is_told_without_the_way(as_somebody_who, overview):
    _account, page = overview(as_somebody_who("view_account"), base_url="https://chat.example.com")
    assert WORDS in page()
    assert "#id_interactions_callback_base_url" not in page()


def test_the_field_is_where_the_way_leads(as_alice, overview):
    account, _page = overview(as_alice)
    form = as_alice.get(f"/mattermost_bridge/account/{account.pk}/change/").content.decode()
    assert 'id="id_interactions_callback_base_url"' in form
