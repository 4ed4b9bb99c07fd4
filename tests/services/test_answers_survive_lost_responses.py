"""Responses that are lost after the post was made, by the hundred: nothing missing, nothing twice, parts in order."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.rest import MattermostClient, close_clients
from mattermost_bridge.models import Delivery, OutboxState
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.services import lookup, outbox
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)

ANSWERS, PARTS, LOST, KILLED = 70, 3, 200, 20


class Killed(BaseException):
    """The worker is gone: nothing of what it would have done next happens."""


@pytest.fixture
def account(sandbox):
    yield make_account(
        text_chunk_limit=50,
        base_url=sandbox.base_url,
        bot_token=sandbox.token("durar"),
        bot_user_id=sandbox.user_id("durar"),
    )
    close_clients()


def parts_of(answer: int) -> list[str]:
    """The parts of an answer, each as long as a post may be."""
    return [f"answer {answer} part {part} ".ljust(49, "x") for part in range(PARTS)]


def everything_is_due() -> None:
    """Let every waiting time pass, and the claims of those who died."""
    Delivery.objects.filter(state=DeliveryState.QUEUED).update(next_attempt_at=None)
    over = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(state=DeliveryState.SENDING).update(claim_until=over)
    OutboxState.objects.update(next_probe_at=None)


def test_two_hundred_lost_responses(sandbox, account, monkeypatch):
    chance = random.Random(20261122)
    channels = [sandbox.channel_id(f"{who},durar") for who in ("alice", "bob", "carol", "dave")]
    texts = [text for answer in range(ANSWERS) for text in parts_of(answer)]
    lost = chance.sample(texts, LOST)
    killed = set(chance.sample(lost, KILLED))
    # Half of them are tried again when the server has forgotten what it was asked before.
    late = set(chance.sample(lost, LOST // 2))
    tried_late = set()
    for text in set(lost) - killed:
        sandbox.fault("lose", path="^/posts$", who="durar", body_matches=text)
    for answer in range(ANSWERS):
        made = outbox.post(
            account_pk=account.pk,
            channel_id=channels[answer % len(channels)],
            text="\n".join(parts_of(answer)),
            kind="answer",
            since_ms=0,
        )
        assert [delivery.text for delivery in made] == parts_of(answer)

    create_post = MattermostClient.create_post

    def and_die(client, channel_id, text, **more):
        post = create_post(client, channel_id, text, **more)
        if text in killed:
            killed.remove(text)
            raise Killed
        return post

    monkeypatch.setattr(MattermostClient, "create_post", and_die)
    find_made_post = lookup.find_made_post

    def after_its_window(client, delivery, user_id):
        sandbox.settings(dedupe_window=0 if delivery.text in late else 30)
        tried_late.update(late & {delivery.text})
        return find_made_post(client, delivery, user_id)

    monkeypatch.setattr(lookup, "find_made_post", after_its_window)
    unsettled = Delivery.objects.exclude(state=DeliveryState.SENT)
    for _ in range(10 * LOST):
        if not unsettled.exists():
            break
        everything_is_due()
        try:
            outbox.drain(account.pk)
        except Killed:
            continue

    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT}
    assert not killed
    assert tried_late == late
    bot = settings_for(account.pk).bot_user_id
    for number, channel_id in enumerate(channels):
        rows = [row for row in sandbox.posts(channel_id, with_deleted=True) if row["user_id"] == bot]
        wanted = [text for answer in range(number, ANSWERS, len(channels)) for text in parts_of(answer)]
        assert [row["message"] for row in rows] == wanted
        assert not any(row["delete_at"] for row in rows)
    assert Delivery.objects.filter(attempt_rows__unclear=True).distinct().count() >= LOST - KILLED
