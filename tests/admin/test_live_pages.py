"""What open pages ask for: news of what needs a hand, and their own address again."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.live.concerns import CONCERNS, OVERVIEW
from mattermost_bridge.live.looking import HEADER
from mattermost_bridge.live.messages import KINDS
from mattermost_bridge.models import ListenerLease
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventState
from tests import factories
from tests.admin.conftest import messages_of, signed_in

NEWS = "/live/news/"
LIVE = {HEADER: "1"}


@pytest.fixture
def mine(db):
    """The account that Bob works on."""
    return factories.AccountFactory()


def in_trouble(account, **pairing):
    """Something of every kind that needs a hand."""
    request = factories.PairingRequestFactory(account=account, username="carol", **pairing)
    delivery = factories.DeliveryFactory(account=account, state=DeliveryState.DEAD, text="a private answer")
    event = factories.InboundEventFactory(account=account, state=EventState.FAILED, text="a private question")
    lease, _ = ListenerLease.objects.update_or_create(
        account=account, defaults={"phase": ConnectionPhase.TOKEN_REFUSED, "since": timezone.now()}
    )
    return {f"pairing-{request.pk}", f"delivery-{delivery.pk}", f"event-{event.pk}"}, lease


def keys(answer) -> set[str]:
    """The keys of what needs a hand."""
    return {item["key"] for item in answer.json()["news"]}


def test_what_needs_a_hand_is_news_with_a_link_to_it(as_alice, mine):
    expected, _ = in_trouble(mine)
    answer = as_alice.get(NEWS)
    told = {item["key"]: item for item in answer.json()["news"]}
    assert expected < set(told)
    (connection_key,) = set(told) - expected
    assert told[connection_key]["text"] == f"{mine}: Token refused"
    pairing = next(item for key, item in told.items() if key.startswith("pairing"))
    assert pairing["text"] == "@carol waits to be paired"
    for item in told.values():
        assert as_alice.get(item["link"]).status_code == 200
    assert sorted(answer.json()["badges"].values())[-2:] == ["1", "1"]
    assert "no-store" in answer["Cache-Control"]


def test_news_hold_no_code_no_text_and_no_token(as_alice, mine):
    in_trouble(mine, code="QQQQ2222")
    text = as_alice.get(NEWS).content.decode()
    for secret in ("QQQQ2222", "private", mine.bot_token):
        assert secret not in text


def test_an_operator_has_news_of_his_account_only(bob, mine):
    expected, _ = in_trouble(mine)
    others, _ = in_trouble(factories.AccountFactory())
    answer = signed_in(bob).get(NEWS)
    assert expected < keys(answer)
    assert not others & keys(answer)
    assert set(answer.json()["badges"].values()) <= {"1", ""}


def test_charlie_has_no_news(as_charlie, mine):
    in_trouble(mine)
    answer = as_charlie.get(NEWS).json()
    assert answer["news"] == []
    assert not any(answer["badges"].values())


def test_nobody_has_no_news(client, mine):
    assert client.get(NEWS).status_code == 302


def test_an_account_that_is_switched_off_is_no_news(as_alice):
    in_trouble(factories.AccountFactory(enabled=False))
    assert not any(key.startswith("connection") for key in keys(as_alice.get(NEWS)))


def test_news_make_a_constant_number_of_queries(as_alice, mine):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_alice.get(NEWS)
        return len(captured)

    in_trouble(mine)
    as_alice.get(NEWS)
    few = queries()
    for _ in range(9):
        in_trouble(factories.AccountFactory())
    assert queries() == few


def test_a_page_that_looks_by_itself_uses_up_no_message(as_alice, mine):
    request = factories.PairingRequestFactory(account=mine)
    as_alice.post(f"/mattermost_bridge/pairingrequest/{request.pk}/do/reject/")
    for _ in range(2):
        assert messages_of(as_alice.get("/", headers=LIVE)) == []
    assert messages_of(as_alice.get("/")) == ["1 request rejected."]
    assert messages_of(as_alice.get("/")) == []


def test_every_list_and_the_first_page_are_told_of_what_they_show(as_alice, records):
    pages = {"/": OVERVIEW} | {f"/mattermost_bridge/{model}/": kinds for model, kinds in CONCERNS.items()}
    for address, kinds in pages.items():
        answer = as_alice.get(address, follow=True)
        found = re.findall(r'data-live="([^"]*)"', answer.content.decode())
        assert found, address
        assert set(found) == {kinds}, address
        assert set(kinds.split()) <= set(KINDS), address


def test_the_first_page_and_an_account_s_tabs_are_told_of_every_kind_but_alerts(as_alice, records):
    # Alerts stand in the sidebar, which has news of its own.
    assert set(OVERVIEW.split()) == set(KINDS) - {"alert"}
    for tab in ("overview", "access", "channels", "agent", "activity"):
        page = as_alice.get(f"/mattermost_bridge/account/{records['account'].pk}/{tab}/").content.decode()
        assert f'data-live="{OVERVIEW}"' in page, tab


def test_what_needs_a_hand_is_counted_once_whatever_alerts_say_of_it(as_alice, mine):
    in_trouble(mine)
    answer = as_alice.get(NEWS).json()
    assert answer["needs"] == len(answer["news"])


def test_the_parts_of_a_page_have_names_of_their_own(as_alice, records):
    for model in ("account", "pairingrequest", "delivery", "turn", "inboundevent", "conversation"):
        text = as_alice.get(f"/mattermost_bridge/{model}/{records[model].pk}/change/").content.decode()
        names = re.findall(r'data-live-region="([^"]*)"', text)
        assert names, model
        assert len(names) == len(set(names)), model


def test_no_field_that_can_be_filled_in_stands_in_a_part_that_is_refreshed(as_alice, records):
    text = as_alice.get(f"/mattermost_bridge/account/{records['account'].pk}/change/").content.decode()
    begin = text.index('data-live-region="summary"')
    summary = text[begin : text.index("<form", begin)]
    assert "<input" not in summary
    assert 'data-live-region="fields"' not in text
