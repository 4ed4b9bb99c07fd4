"""Deliveries that were not made: all of a list sent again or discarded at once, and the list as a file."""

from __future__ import annotations

import csv
import io

import pytest

from mattermost_bridge.models import AuditEntry, Delivery
from tests import factories
from tests.admin.conftest import messages_of, signed_in
from tests.bridge import collected_hints, make_account
from tests.factories import mattermost_id

pytestmark = pytest.mark.django_db
LIST = "/mattermost_bridge/delivery/"


@pytest.fixture(autouse=True)
def _no_hints():
    with collected_hints():
        yield


@pytest.fixture
def mine():
    return make_account()


@pytest.fixture
def dead(mine):
    """Three that were not delivered, of two accounts."""
    other = make_account("other", bot_user_id="o" * 26)
    return [
        factories.DeliveryFactory(
            account=account, turn=None, state="dead", channel_id=mattermost_id("room", 1), text=text, error="403"
        )
        for account, text in ((mine, "=one"), (mine, "two"), (other, "three"))
    ]


def states(rows):
    return [Delivery.objects.get(pk=row.pk).state for row in rows]


def exported(client, query=""):
    response = client.get(f"{LIST}export/{query}")
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(("verb", "state"), [("send_again", "queued"), ("discard", "cancelled")])
def test_all_that_were_not_delivered_are_dealt_with_after_asking(as_alice, dead, verb, state):
    sent = factories.DeliveryFactory(account=dead[0].account, turn=None, state="sent")
    assert f"all/{verb}/" in as_alice.get(LIST).content.decode()
    asked = as_alice.post(f"{LIST}all/{verb}/").content.decode()
    assert "It is done to 3 deliveries." in asked
    assert states(dead) == ["dead"] * 3
    as_alice.post(f"{LIST}all/{verb}/", {"confirmed": "1"})
    assert states([*dead, sent]) == [state] * 3 + ["sent"]
    assert AuditEntry.objects.filter(verb=f"delivery.{verb}").count() == 3


def test_only_what_the_list_shows_is_meant(as_alice, dead, mine):
    as_alice.post(f"{LIST}all/send_again/?account={mine.pk}", {"confirmed": "1"})
    assert states(dead) == ["queued", "queued", "dead"]


def test_a_list_without_any_says_so_and_has_no_buttons(as_alice, mine):
    factories.DeliveryFactory(account=mine, turn=None, state="sent")
    assert "all/send_again/" not in as_alice.get(LIST).content.decode()
    answer = as_alice.post(f"{LIST}all/send_again/", {"confirmed": "1"}, follow=True)
    assert messages_of(answer) == ["Nothing in this list is undelivered."]


def test_bob_and_a_viewer_reach_only_what_is_theirs(bob, people, dead):
    as_bob = signed_in(bob)
    as_bob.post(f"{LIST}all/send_again/", {"confirmed": "1"})
    assert states(dead) == ["queued", "queued", "dead"]
    assert [row["text"] for row in exported(as_bob)] == ["'=one", "two"]
    as_viewer = signed_in(people("vera", "viewer"))
    assert "all/send_again/" not in as_viewer.get(LIST).content.decode()
    assert as_viewer.post(f"{LIST}all/send_again/", {"confirmed": "1"}).status_code == 403
    assert states(dead)[2] == "dead"


def test_the_file_has_each_delivery_with_its_evidence_and_no_pairing_code(as_alice, dead):
    dead[1].__class__.objects.filter(pk=dead[1].pk).update(kind="challenge")
    rows = exported(as_alice, "?state=dead")
    assert [(row["account"], row["state"], row["error"]) for row in rows] == [
        ("default", "dead", "403"),
        ("default", "dead", "403"),
        ("other", "dead", "403"),
    ]
    assert rows[1]["text"] == ""


def test_a_sent_one_leads_to_its_post_and_names_its_files(as_alice, mine):
    files = [{"name": "chart.png", "mime_type": "", "size": 2048, "path": "x", "url": "", "file_id": "f" * 26}]
    row = factories.DeliveryFactory(account=mine, turn=None, state="sent", post_id="p" * 26, files=files)
    page = as_alice.get(f"{LIST}{row.pk}/change/").content.decode()
    assert f'href="http://127.0.0.1:9/_redirect/pl/{"p" * 26}"' in page
    assert "chart.png · 2 KiB · uploaded" in page
