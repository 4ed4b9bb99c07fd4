"""Buttons that Durar offers: where they stand, where their clicks go, and what is refused with which sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import BridgeDefaults, ButtonSet, Delivery
from mattermost_bridge.rules.signatures import button_secret, is_signed
from mattermost_bridge.services import buttons, retention
from mattermost_bridge.services.errors import Refused
from tests.bridge import make_account, mattermost_id

pytestmark = pytest.mark.django_db(transaction=True)
ROOM = mattermost_id("room", 1)
YES = [[{"text": "Yes", "callback_data": "yes"}]]


@pytest.fixture(autouse=True)
def hints(hinted):
    """No hint leaves the process."""
    return hinted


@pytest.fixture
def account():
    return make_account()


def offer(account, text="Deploy?", rows=YES, **values) -> list[Delivery]:
    with transaction.atomic():
        return buttons.offer(account_pk=account.pk, channel_id=ROOM, text=text, buttons=rows, **values)


def test_buttons_stand_under_the_last_part_and_are_signed_for_their_channel(account):
    rows = offer(account, text="word " * 1000, box_text="Sure?", opener_id="u1")
    assert len(rows) == 2
    assert rows[0].props == {}
    (attachment,) = Delivery.objects.get(pk=rows[1].pk).props["attachments"]
    context = attachment["actions"][0]["integration"]["context"]
    assert attachment["text"] == "Sure?"
    assert context["__openclaw_channel_id"] == ROOM
    assert is_signed(context, context["_token"], button_secret("t" * 26))
    offered = ButtonSet.objects.get()
    assert (offered.generation, offered.delivery, offered.opener_id) == (
        context["__durar_generation"],
        rows[1],
        "u1",
    )


def test_buttons_need_no_text(account):
    (row,) = offer(account, text="")
    assert (row.text, row.part, row.parts) == ("", 1, 1)
    assert row.props["attachments"]


def test_each_set_has_a_name_of_its_own(account):
    offer(account)
    offer(account)
    assert len(set(ButtonSet.objects.values_list("generation", flat=True))) == 2


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([[{"text": "No data"}]], "No button remains"),
        ("yes", "list of rows"),
        ([{"text": "B", "callback_data": "b", "context": {"n": float("nan")}}], "not finite"),
        ([{"text": "B", "callback_data": "b", "context": {"n": object()}}], "no object"),
    ],
)
def test_what_cannot_be_offered_is_said(account, rows, sentence):
    with pytest.raises(Refused, match=sentence):
        offer(account, rows=rows)
    assert not Delivery.objects.exists()


def test_without_a_token_nothing_can_be_signed():
    with pytest.raises(Refused, match="bot token"):
        offer(make_account(bot_token=""))


def test_clicks_go_to_where_mattermost_reaches_durar(account, settings):
    def url() -> str:
        effective.bump_version()
        return buttons.callback_url(settings_for(account.pk))

    settings.PUBLIC_URL, settings.PORT, settings.PORT_GIVEN = "", 18789, False
    assert url() == "http://localhost:18789/mattermost/interactions/default"
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"custom_bind_host": "10.0.0.5", "gateway_port": 9000})
    assert url() == "http://10.0.0.5:9000/mattermost/interactions/default"
    # A command in another terminal does not know what `up` was told, and looks it up.
    buttons.note_port(9100)
    assert url() == "http://10.0.0.5:9100/mattermost/interactions/default"
    settings.PORT, settings.PORT_GIVEN = 9100, True
    assert url() == "http://10.0.0.5:9100/mattermost/interactions/default"
    settings.PUBLIC_URL = "https://durar.example.com"
    assert url() == "https://durar.example.com/mattermost/interactions/default"
    account.interactions_callback_base_url = "https://gateway.example.com/"
    account.save()
    assert url() == "https://gateway.example.com/mattermost/interactions/default"


def test_a_server_that_is_told_to_call_localhost_is_warned_about_once(settings, caplog):
    settings.PUBLIC_URL = ""
    account = make_account("far", base_url="https://chat.example.com")
    offer(account)
    assert "interactions.callbackBaseUrl" in caplog.text
    caplog.clear()
    offer(account)
    assert "interactions.callbackBaseUrl" not in caplog.text


def test_what_a_used_set_says_is_blanked_with_the_bodies_of_its_time(account):
    def used(days: int, post: str) -> ButtonSet:
        return ButtonSet.objects.create(
            account=account,
            post_id=mattermost_id(post, 1),
            used_at=timezone.now() - timedelta(days=days),
            used_by="u1",
            chosen="Yes",
            answer={"message": "Deploy?"},
        )

    old, young = used(31, "old"), used(29, "young")
    retention.blank_old()
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.answer, old.chosen, old.used_by) == ({}, "", "u1")
    assert young.answer == {"message": "Deploy?"}
