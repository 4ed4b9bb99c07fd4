"""Accounts that are archived, lose their token or become another bot's while a direct channel is opened."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, DirectChannel
from mattermost_bridge.rules import texts
from mattermost_bridge.services import accounts, approvals, by_hand, opening, tokens
from mattermost_bridge.services.errors import Refused
from tests import factories
from tests.services.direct_channels.jobs import ALICE, DIRECT, its_time_has_come, job, said, send, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_archived_account_opens_nothing(sandbox, account, carol, hints):
    send(account, carol)
    accounts.archive(account.pk, actor=ALICE)
    assert (job().state, states()) == ("given_up", ["cancelled"])
    hints.run()
    assert not sandbox.requests(method="POST", path="channels/direct", who="durar")
    with pytest.raises(Refused, match="archived"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_what_an_archived_account_cancelled_can_be_taken_up_once_it_is_back(sandbox, account, carol, hints):
    send(account, carol)
    accounts.archive(account.pk, actor=ALICE)
    accounts.restore(account.pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == []
    assert by_hand.retry_direct_channel(job().pk, actor=ALICE) == 1
    hints.run()
    assert said(sandbox) == ["hello"]


def test_who_is_approved_after_the_account_became_another_bots_is_told_by_that_one(sandbox, account, carol, hints):
    request = factories.PairingRequestFactory(
        account=account, user_id=carol.user_id, username="carol", channel_id=sandbox.channel_id("carol,durar")
    )
    with transaction.atomic():
        tokens.drop_knowledge(account)
    Account.objects.update(bot_user_id=sandbox.user_id("helper"), bot_token=sandbox.token("helper"))
    effective.bump_version()
    approvals.approve(request_id=request.pk, actor=ALICE)
    hints.run()
    assert [post["message"] for post in sandbox.posts("carol,helper")] == [texts.APPROVED]


def test_another_bot_has_its_own_direct_channels(sandbox, account, carol, hints):
    other = {"id": sandbox.user_id("helper"), "token": sandbox.token("helper")}
    send(account, carol, "of the first")
    hints.run()
    with transaction.atomic():
        tokens.drop_knowledge(account)
    Account.objects.update(bot_user_id=other["id"], bot_token=other["token"])
    effective.bump_version()
    assert not DirectChannel.objects.exists()
    send(account, carol, "of the second")
    hints.run()
    assert [post["message"] for post in sandbox.posts("carol,helper")] == ["of the second"]


def test_a_job_under_way_begins_again_for_another_bot(sandbox, account, carol, hints):
    other = {"id": sandbox.user_id("helper"), "token": sandbox.token("helper")}
    sandbox.fault("answer", status=503, **DIRECT)
    send(account, carol)
    hints.run()
    its_time_has_come()
    late = opening._claim(job().pk)
    with transaction.atomic():
        tokens.drop_knowledge(account)
    Account.objects.update(bot_user_id=other["id"], bot_token=other["token"])
    effective.bump_version()
    assert not opening.resolved(late, sandbox.user_id("durar"), sandbox.channel_id("carol,durar"))
    hints.run()
    assert (job().attempt, job().bot_user_id) == (1, other["id"])
    assert [post["message"] for post in sandbox.posts("carol,helper")] == ["hello"]


def test_an_account_without_a_token_waits_and_uses_no_attempt_up(account, carol, hints):
    send(account, carol)
    Account.objects.update(bot_token="")
    effective.bump_version()
    hints.run()
    assert (job().state, job().attempt) == ("resolving", 0)
    assert "token" in job().error
    assert job().next_attempt_at > timezone.now()
