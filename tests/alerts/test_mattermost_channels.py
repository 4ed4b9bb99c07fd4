"""Alerts as posts in a channel, over the outbox and a real sandbox."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import Alert, AlertNotice, Delivery, ListenerLease, OutboxState
from mattermost_bridge.services import alert_targets
from mattermost_bridge.services.alert_notices import send_again
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from tests import factories
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def poster(sandbox):
    """The account that posts alerts, ready."""
    account = make_account(
        "poster",
        base_url=sandbox.base_url,
        bot_token=sandbox.token("durar"),
        bot_user_id=sandbox.user_id("durar"),
    )
    ListenerLease.objects.filter(account=account).update(phase="ready")
    return account


@pytest.fixture
def channel(sandbox):
    """A channel that the bot is in."""
    sandbox.create_channel("alice", "operations")
    sandbox.add_member("alice", "operations", "durar")
    return sandbox.channel_id("operations")


def posted(sandbox) -> list[str]:
    """What the bot said in the channel."""
    mine = sandbox.user_id("durar")
    return [post["message"] for post in sandbox.posts("operations") if post["user_id"] == mine and not post.get("type")]


def test_alerts_are_posted_together_and_settle_with_their_post(
    sandbox, watch, account, poster, channel, target, hinted
):
    target(kind="mattermost", account=poster, channel_id=channel)
    for _ in range(3):
        factories.PairingRequestFactory(account=account)
    watch.look()
    hinted.run()
    [text] = posted(sandbox)
    assert text.count("asks to be paired") == 3
    assert set(AlertNotice.objects.values_list("state", flat=True)) == {"posting"}
    watch.after(10)
    assert set(AlertNotice.objects.values_list("state", flat=True)) == {"sent"}
    watch.after(60)
    hinted.run()
    assert len(posted(sandbox)) == 1


@pytest.mark.parametrize("trouble", ["down", "parked", "off"])
def test_when_the_posting_account_itself_is_in_trouble_the_note_waits_and_says_so(
    sandbox, watch, account, poster, channel, target, hinted, trouble
):
    row = target(kind="mattermost", account=poster, channel_id=channel, kinds=["pairing_waiting"])
    if trouble == "down":
        ListenerLease.objects.filter(account=poster).update(phase="backing_off", reason="Connection refused.")
    elif trouble == "parked":
        OutboxState.objects.filter(account=poster).update(parked_since=watch.now, parked_reason="Token refused.")
    else:
        type(poster).objects.filter(pk=poster.pk).update(enabled=False)
        effective.bump_version()
    factories.PairingRequestFactory(account=account)
    watch.look()
    hinted.run()
    notice = AlertNotice.objects.get()
    assert (notice.state, notice.attempts) == ("queued", 0)
    words = {"down": "is itself not connected", "parked": "Token refused.", "off": "is switched off"}
    assert words[trouble] in notice.error
    row.refresh_from_db()
    assert row.state == "fails"
    assert not Delivery.objects.exists()
    ListenerLease.objects.filter(account=poster).update(phase="ready")
    OutboxState.objects.filter(account=poster).update(parked_since=None)
    type(poster).objects.filter(pk=poster.pk).update(enabled=True)
    effective.bump_version()
    AlertNotice.objects.update(next_attempt_at=None)
    watch.after(10)
    hinted.run()
    assert len(posted(sandbox)) == 1


def test_a_target_posted_by_the_account_that_was_down_hears_once_that_it_was(
    sandbox, watch, poster, channel, target, hinted
):
    target(kind="mattermost", account=poster, channel_id=channel)
    watch.phase(poster, "backing_off", "Connection refused.")
    watch.after(70)
    hinted.run()
    watch.phase(poster, "ready")
    watch.after(60)
    hinted.run()
    [text] = posted(sandbox)
    assert "is connected again" in text
    assert [*AlertNotice.objects.order_by("pk").values_list("about", "state")] == [
        ("raised", "cancelled"),
        ("recovered", "posting"),
    ]


def test_an_alert_that_cannot_be_posted_raises_no_other_alert(sandbox, watch, account, poster, target, hinted):
    row = target(kind="mattermost", account=poster, channel_id="nowhere".ljust(26, "x"))
    factories.PairingRequestFactory(account=account)
    watch.look()
    hinted.run()
    watch.after(30)
    hinted.run()
    assert (Delivery.objects.get().state, Alert.objects.count()) == ("dead", 1)
    notice = AlertNotice.objects.get()
    assert notice.state == "dead"
    assert notice.error
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("fails", notice.error)


def test_a_post_that_was_given_up_is_sent_again_as_the_same_post(
    sandbox, watch, account, poster, channel, target, hinted
):
    target(kind="mattermost", account=poster, channel_id=channel)
    factories.PairingRequestFactory(account=account)
    sandbox.remove_member("alice", "operations", "durar")
    watch.look()
    hinted.run()
    watch.after(10)
    notice = AlertNotice.objects.get()
    assert notice.state == "dead"
    sandbox.add_member("alice", "operations", "durar")
    send_again(notice.pk, actor=Actor("alice", "panel"))
    hinted.run()
    watch.after(10)
    assert len(posted(sandbox)) == 1
    notice.refresh_from_db()
    assert (notice.state, Delivery.objects.count()) == ("sent", 1)


def test_a_test_is_posted_at_once_or_says_why_not(sandbox, poster, channel, target):
    row = target(kind="mattermost", account=poster, channel_id=channel)
    assert "posted a test" in alert_targets.send_test(row, {})
    assert len(posted(sandbox)) == 1
    sandbox.remove_member("alice", "operations", "durar")
    with pytest.raises(Refused, match="Add the bot to the channel"):
        alert_targets.send_test(row, {})
