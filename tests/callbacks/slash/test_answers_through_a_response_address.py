"""Where the bot is no member, the answer goes through the command's response address: shown once, or said not to be."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import Delivery, DeliveryAttempt, SlashCommand
from mattermost_bridge.services import by_hand, outbox
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from tests.bridge import TASKS
from tests.callbacks.slash.calls import form, said
from tests.sandbox.ears import Ear, post_in

HOOKS = "^/hooks/commands/"


@pytest.fixture
def answered(sandbox, bot, hints):
    """A skill was used between two people, and its answer waits in the outbox."""
    assert said(sandbox.execute("alice", "/oc_summary this", "alice,bob")) == "Processing..."
    while (name := hints.given.popleft())[0] != outbox.DRAIN:
        TASKS[name[0]](*name[1])
    return Delivery.objects.get()


def attempt(delivery):
    """Try it now, whatever its time; how it stands then."""
    Delivery.objects.update(next_attempt_at=None)
    outbox.drain(delivery.account_id, most=1)
    delivery.refresh_from_db()
    return delivery


def hooks(sandbox):
    return sandbox.requests(path=HOOKS)


def test_it_is_shown_once_without_the_bots_token(sandbox, answered):
    with Ear(sandbox, "alice") as asker:
        assert attempt(answered).state == "sent"
        outbox.drain(answered.account_id)
        assert "Sum up: this" in post_in(asker.event("ephemeral_message"))["message"]
    assert [(one["status"], one["who"]) for one in hooks(sandbox)] == [(200, "")]
    assert (answered.post_id, answered.error) == ("", "")


@pytest.mark.parametrize("fault", [{"kind": "answer", "status": 429, "headers": {"Retry-After": "7"}}, "away"])
def test_while_the_server_surely_did_not_take_it_it_is_tried_again(sandbox, answered, monkeypatch, fault):
    if fault == "away":
        Delivery.objects.update(props={"response_url": "http://127.0.0.1:9/hooks/commands/x"})
        type(answered.account).objects.update(base_url="http://127.0.0.1:9")
        effective.bump_version()
    else:
        sandbox.fault(fault.pop("kind"), path=HOOKS, times=2, **fault)
    for number in (1, 2):
        assert attempt(answered).state == "queued"
        tried = DeliveryAttempt.objects.order_by("-pk").first()
        assert (tried.number, tried.unclear, tried.error) == (number, False, answered.error)
        assert tried.next_attempt_at == answered.next_attempt_at > timezone.now()
    if fault == "away":
        # After half an hour the address works no more.
        Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=31))
        assert attempt(answered).state == "dead"
        assert "The person has to use the command again" in answered.error
    else:
        assert answered.next_attempt_at > timezone.now() + timedelta(seconds=5)
        assert attempt(answered).state == "sent"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "lose"}, "Nobody knows whether this answer was shown"),
        ({"kind": "answer", "status": 503}, "Nobody knows whether this answer was shown"),
        ({"kind": "hang"}, "Nobody knows whether this answer was shown"),
        ({"kind": "answer", "status": 404}, "Mattermost API 404 Not Found"),
    ],
    ids=["answer lost", "server in trouble", "timeout", "too old"],
)
def test_what_may_have_been_shown_or_cannot_be_is_never_sent_again_and_the_panel_says_so(
    sandbox, answered, settings, client, alice, fault, words
):
    settings.TIMES = settings.TIMES | {"http_timeout": 0.4}
    client.force_login(alice)
    sandbox.fault(fault.pop("kind"), path=HOOKS, **fault)
    assert attempt(answered).state == "dead"
    assert words in answered.error
    assert "use the command again" in answered.error
    page = client.get(f"/mattermost_bridge/delivery/{answered.pk}/change/").content.decode()
    assert "use the command again" in page
    assert ("do/send_again" in page) is ("404" in words)
    Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=31))
    with pytest.raises(Refused, match="cannot be sent again"):
        by_hand.send_delivery_again(answered.pk, actor=Actor("alice", "panel"))
    outbox.drain(answered.account_id)
    assert len(hooks(sandbox)) == 1


def test_a_worker_that_died_while_it_sent_leaves_it_unsent_and_said(sandbox, answered):
    Delivery.objects.update(state="sending", claim_until=timezone.now() - timedelta(seconds=1))
    assert attempt(answered).state == "dead"
    assert "Nobody knows whether this answer was shown" in answered.error
    assert hooks(sandbox) == []


def test_a_response_address_of_another_host_is_not_used(sandbox, bot, hints, url):
    command = SlashCommand.objects.get(name="summary")
    people = "__".join(sorted([sandbox.user_id("alice"), sandbox.user_id("bob")]))
    for there in ("http://127.0.0.1:9/hooks/commands/abc", "https://evil.example/hooks/commands/abc", ""):
        call = form(command, sandbox, channel_name=people, response_url=there, trigger_id=f"x{there}")
        assert "The bot is not in this channel" in said(requests.post(url, data=call, timeout=30))
    hints.run()
    assert not Delivery.objects.exists()
