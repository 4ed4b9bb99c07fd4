"""A list makes the same number of queries for three rows and for thirty."""

from __future__ import annotations

import pytest
from axes.models import AccessLog
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mattermost_bridge.admin.base import BoundedPaginator
from mattermost_bridge.models import InboundEvent, Turn
from mattermost_bridge.models.states import EventOutcome, EventState, TurnState
from tests import factories


def _answered(number: int) -> None:
    turn = factories.TurnFactory(state=TurnState.DONE)
    account = turn.conversation.account
    factories.InboundEventFactory(
        account=account, turn=turn, state=EventState.ANSWERED, outcome=EventOutcome.ADMITTED, channel_type="O"
    )
    factories.DeliveryFactory(account=account, turn=turn)


def _used_group() -> None:
    group = factories.AccessGroupMemberFactory().group
    factories.AccessEntryFactory(value=group.entry_value, username="")


MAKERS = {
    "mattermost_bridge/account": lambda n: factories.AccountFactory(),
    "mattermost_bridge/agent": lambda n: factories.AgentFactory(),
    "mattermost_bridge/pairingrequest": lambda n: factories.PairingRequestFactory(),
    "mattermost_bridge/accessentry": lambda n: factories.AccessEntryFactory(),
    "mattermost_bridge/accessgroup": lambda n: _used_group(),
    "mattermost_bridge/accessgroupmember": lambda n: factories.AccessGroupMemberFactory(),
    "mattermost_bridge/groupoverride": lambda n: factories.GroupOverrideFactory(channel_name="", require_mention=None),
    "mattermost_bridge/blockeduser": lambda n: factories.BlockedUserFactory(),
    "mattermost_bridge/conversation": lambda n: factories.ConversationFactory(),
    "mattermost_bridge/inboundevent": lambda n: factories.InboundEventFactory(),
    "mattermost_bridge/turn": _answered,
    "mattermost_bridge/delivery": lambda n: _answered(n),
    "mattermost_bridge/directchannel": lambda n: factories.WaitingDeliveryFactory(),
    "mattermost_bridge/alert": lambda n: factories.AlertNoticeFactory(),
    "mattermost_bridge/alertnotice": lambda n: factories.AlertNoticeFactory(),
    "mattermost_bridge/alerttarget": lambda n: factories.AlertNoticeFactory(target__channel=True),
    "mattermost_bridge/connectionchange": lambda n: factories.ConnectionChangeFactory(),
    "mattermost_bridge/auditentry": lambda n: factories.AuditEntryFactory(),
    "auth/user": lambda n: User.objects.create_user(f"user{n}"),
    "auth/group": lambda n: Group.objects.create(name=f"group{n}"),
    "axes/accesslog": lambda n: AccessLog.objects.create(
        user_agent="x", ip_address="127.0.0.1", username="x", http_accept="x", path_info="/"
    ),
}


def _queries(client, address: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in queries]


@pytest.mark.parametrize("path", MAKERS)
def test_a_list_makes_a_constant_number_of_queries(as_alice, path):
    for number in range(3):
        MAKERS[path](number)
    as_alice.get(f"/{path}/")
    few = _queries(as_alice, f"/{path}/")
    for number in range(3, 30):
        MAKERS[path](number)
    many = _queries(as_alice, f"/{path}/")
    assert len(few) == len(many), "\n".join(many)


def test_the_first_page_makes_a_constant_number_of_queries(as_alice):
    def make(count: int) -> None:
        for _ in range(count):
            factories.PairingRequestFactory()
            factories.DeliveryFactory()
            factories.InboundEventFactory(state=EventState.FAILED, error="away")
            factories.TurnFactory(state=TurnState.FAILED, conversation__account__agent=None)

    make(3)
    cache.clear()
    few = _queries(as_alice, "/")
    make(20)
    cache.clear()
    many = _queries(as_alice, "/")
    assert len(few) == len(many), "\n".join(many)


def test_a_transcript_makes_a_constant_number_of_queries(as_alice):
    conversation = factories.ConversationFactory()

    def make(count: int) -> None:
        for _ in range(count):
            turn = factories.TurnFactory(conversation=conversation)
            factories.InboundEventFactory(
                account=conversation.account, channel_id=conversation.channel_id, turn=turn, conversation=conversation
            )
            factories.DeliveryFactory(account=conversation.account, turn=turn)

    address = f"/mattermost_bridge/conversation/{conversation.pk}/change/"
    make(2)
    few = _queries(as_alice, address)
    make(40)
    many = _queries(as_alice, address)
    assert Turn.objects.count() == 42
    assert len(few) == len(many), "\n".join(many)


def test_no_list_fetches_a_token_or_a_key(as_alice):
    for make in MAKERS.values():
        make(1)
    for path in MAKERS:
        for sql in _queries(as_alice, f"/{path}/"):
            assert '"bot_token"' not in sql.partition(" FROM ")[0], sql
            assert '"api_key"' not in sql.partition(" FROM ")[0], sql


def test_rows_beyond_the_limit_are_not_counted(db, monkeypatch):
    monkeypatch.setattr("mattermost_bridge.admin.base.MOST_COUNTED", 5)
    account = factories.AccountFactory()
    factories.InboundEventFactory.create_batch(8, account=account)
    with CaptureQueriesContext(connection) as queries:
        assert BoundedPaginator(InboundEvent.objects.order_by("-pk"), 2).count == 5
    assert "LIMIT 5" in queries[0]["sql"]
